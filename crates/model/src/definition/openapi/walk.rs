//! Finds the references of a document and tells them from text that looks like one.

use crate::tree::{Node, NodeValue};

/// Hands every `$ref` to `found`, with the node that holds its text: not those inside examples, defaults, enumerations
/// and extensions, and not properties that happen to be called `$ref`. A file that is not the definition itself may be
/// a collection of anything: the keys at its top may be names.
pub(crate) fn walk_references<'a>(
    root: &'a Node,
    is_definition: bool,
    found: &mut impl FnMut(&'a str, &'a Node),
) {
    if is_definition {
        return keywords(root, found);
    }
    reference(root, found);
    for (key, value) in root.as_mapping().unwrap_or_default() {
        match (key.text.as_str(), &value.value) {
            ("example" | "default" | "const" | "enum" | "examples", NodeValue::Mapping(_)) => {
                keywords(value, found);
            }
            _ => member(&key.text, value, found),
        }
    }
}

fn keywords<'a>(node: &'a Node, found: &mut impl FnMut(&'a str, &'a Node)) {
    match &node.value {
        NodeValue::Sequence(items) => items.iter().for_each(|item| keywords(item, found)),
        NodeValue::Mapping(entries) => {
            reference(node, found);
            for (key, value) in entries {
                member(&key.text, value, found);
            }
        }
        _ => {}
    }
}

fn reference<'a>(node: &'a Node, found: &mut impl FnMut(&'a str, &'a Node)) {
    if let Some(value) = node.get("$ref")
        && let Some(text) = value.as_str()
    {
        found(text, value);
    }
}

/// What stands below a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Values that are not looked into.
    Data,
    /// Example objects by name, one of which may be a reference; whatever stands inside them is data.
    Examples,
    /// Things by names that the author chose.
    Names,
    /// Something with keywords of its own, or a list of such.
    Keywords,
}

impl Role {
    pub(crate) fn of(keyword: &str) -> Self {
        match keyword {
            "x-ms-paths" => Self::Names,
            extension if extension.starts_with("x-") => Self::Data,
            "example" | "default" | "const" | "enum" | "$ref" => Self::Data,
            "examples" => Self::Examples,
            "properties" | "patternProperties" | "dependentSchemas" | "dependencies" | "definitions"
            | "$defs" | "schemas" | "parameters" | "responses" | "requestBodies" | "headers"
            | "securitySchemes" | "links" | "callbacks" | "pathItems" | "paths" | "webhooks" | "content"
            | "encoding" | "variables" | "mapping" | "mediaTypes" => Self::Names,
            _ => Self::Keywords,
        }
    }
}

/// Whether an entry of `examples` is a reference, as against data that has a member of that name.
pub(crate) fn is_example_reference(example: &Node) -> bool {
    example.as_mapping().is_some_and(|entries| entries.len() <= 3)
        && example.get("$ref").is_some_and(|text| text.as_str().is_some())
}

fn member<'a>(key: &str, value: &'a Node, found: &mut impl FnMut(&'a str, &'a Node)) {
    match Role::of(key) {
        Role::Data => {}
        Role::Examples => {
            for (_, example) in value.as_mapping().unwrap_or_default() {
                if is_example_reference(example) {
                    reference(example, found);
                }
            }
        }
        Role::Names => names(value, found),
        Role::Keywords => keywords(value, found),
    }
}

/// A mapping whose keys are names that the author chose.
fn names<'a>(node: &'a Node, found: &mut impl FnMut(&'a str, &'a Node)) {
    match &node.value {
        NodeValue::Mapping(entries) => entries.iter().for_each(|(_, value)| keywords(value, found)),
        _ => keywords(node, found),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;

    fn found(text: &str, is_definition: bool) -> Vec<String> {
        let file: Arc<Path> = Arc::from(Path::new("a.yaml"));
        let root = crate::tree::parse_yaml(text, &file).unwrap();
        let mut all = Vec::new();
        walk_references(&root, is_definition, &mut |text, _| all.push(text.to_owned()));
        all
    }

    #[test]
    fn data_and_names_are_no_references() {
        let text = "
components:
  schemas:
    example: { $ref: '#/1' }
    Pet:
      properties:
        $ref: { type: string }
        default: { $ref: '#/2' }
      example: { $ref: '#/no' }
      default: { $ref: '#/no' }
      enum: [{ $ref: '#/no' }]
      x-more: { $ref: '#/no' }
      allOf: [{ $ref: '#/3' }]
  examples:
    one: { $ref: '#/4' }
    two: { value: { $ref: '#/no' } }
";
        assert_eq!(found(text, true), ["#/1", "#/2", "#/3", "#/4"]);
    }

    #[test]
    fn the_keys_at_the_top_of_a_collection_are_names() {
        assert_eq!(
            found("default: { $ref: '#/1' }\nexample: { schema: { $ref: '#/2' } }", false),
            ["#/1", "#/2"]
        );
    }
}
