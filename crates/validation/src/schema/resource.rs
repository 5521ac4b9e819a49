//! Schemas that stand for themselves, outside of a definition.

use std::borrow::Cow;
use std::collections::HashMap;

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

use super::shared::{Shared, options};
use super::{Dialect, Variant, Violation, violation};
use crate::json::{Document, Tape};

/// Where the schemas of an instance stand; nothing is ever fetched from there.
const BASE: &str = "gatehouse://instance/schemas/";

/// A compiled schema of its own, of any draft from 4 on.
#[derive(Debug)]
pub struct SchemaResource {
    judge: Judge,
    ignores_case: bool,
}

#[derive(Debug)]
enum Judge {
    /// As the schema stands.
    Plain(Box<Validator<Tape>>),
    /// As a schema of OpenAPI, or with its additional properties decided from outside.
    Converted(Shared),
}

impl SchemaResource {
    /// Compiles a schema. Its `$schema` says the draft, `default` else. `others` are schemas that it may refer to, by
    /// their URI; nothing is ever fetched.
    ///
    /// # Errors
    /// What is wrong with the schema.
    pub fn compile(schema: &Value, default: Draft, others: &HashMap<String, Value>) -> Result<Self, String> {
        let mut registry = Registry::new().draft(default);
        for (uri, other) in others {
            registry = registry.add(uri.as_str(), other).map_err(|error| error.to_string())?;
        }
        let registry = registry.prepare().map_err(|error| error.to_string())?;
        let mut options = options().with_registry(&registry).with_base_uri(BASE);
        if schema.get("$schema").is_none() {
            options = options.with_draft(default);
        }
        let validator = options.build(schema).map_err(|error| violation::of_schema(&error))?;
        Ok(Self { judge: Judge::Plain(Box::new(validator)), ignores_case: false })
    }

    /// Compiles a schema of an API Management instance, or the part of it that `reference` leads to. `others` are the
    /// schemas of the instance by their names, which refer to one another as `/schemas/name`.
    ///
    /// # Errors
    /// What is wrong with the schema.
    pub fn of_instance(
        name: &str,
        schema: &Value,
        reference: Option<&str>,
        variant: Variant,
        others: &HashMap<String, Value>,
    ) -> Result<Self, String> {
        let dialect = match () {
            () if schema.get("swagger").is_some() => Some(Dialect::Swagger2),
            () if schema.get("components").is_some() => {
                let is_newer =
                    schema.get("openapi").and_then(Value::as_str).is_some_and(|v| v.starts_with("3.1"));
                Some(if is_newer { Dialect::OpenApi31 } else { Dialect::OpenApi30 })
            }
            () if variant.additional_properties.is_some() || variant.ignore_case => Some(Dialect::OpenApi31),
            () => None,
        };
        let Some(dialect) = dialect else {
            let others: HashMap<String, Value> =
                others.iter().map(|(name, other)| (format!("{BASE}{name}"), other.clone())).collect();
            return match reference {
                Some(reference) => {
                    let target = json!({ "$ref": format!("{BASE}{name}{reference}") });
                    Self::compile(&target, Draft::Draft202012, &others)
                }
                None => Self::compile(schema, Draft::Draft202012, &others),
            };
        };
        // References between schemas become references within one document.
        let mut document = schema.clone();
        let mut members = serde_json::Map::new();
        for (name, other) in others {
            let mut other = other.clone();
            inline(&mut other, Some(name));
            members.insert(name.clone(), other);
        }
        inline(&mut document, None);
        if let Value::Object(object) = &mut document {
            object.insert(MEMBERS.to_owned(), Value::Object(members));
        }
        let position = json!({ "$ref": reference.unwrap_or("#") });
        let shared = Shared::compile(&document, dialect, variant, &[Cow::Owned(position)]);
        match shared.fault(0) {
            Some(fault) => Err(fault.to_owned()),
            None => Ok(Self { judge: Judge::Converted(shared), ignores_case: variant.ignore_case }),
        }
    }

    /// Whether property names are compared without regard to case: then documents are read with
    /// [`Document::parse_folding`].
    pub fn ignores_case(&self) -> bool {
        self.ignores_case
    }

    /// Whether a JSON document is valid.
    pub fn is_valid(&self, document: &Document<'_>) -> bool {
        let root = document.root();
        match &self.judge {
            Judge::Plain(validator) => validator.is_valid(root),
            Judge::Converted(shared) => shared.is_valid(0, &root),
        }
    }

    /// What is wrong with a JSON document, `limit` of it at the most.
    pub fn violations(&self, document: &Document<'_>, limit: usize) -> Vec<Violation> {
        let root = document.root();
        match &self.judge {
            Judge::Plain(validator) => {
                violation::explain_all(validator.iter_errors(root), 0, Some(document), limit)
            }
            Judge::Converted(shared) => shared.violations(0, &root, Some(document), limit),
        }
    }
}

/// Where the other schemas of an instance stand in the document of one of them.
const MEMBERS: &str = "x-gatehouse-schemas";

/// Makes references between schemas, and those within another schema, references within the document that holds all.
fn inline(value: &mut Value, owner: Option<&str>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object.iter_mut() {
                match inner {
                    Value::String(reference) if key == "$ref" => {
                        if let Some(rest) = reference.strip_prefix("/schemas/") {
                            let (name, fragment) = rest.split_once('#').unwrap_or((rest, ""));
                            *reference = format!("#/{MEMBERS}/{name}{fragment}");
                        } else if let (Some(owner), Some(fragment)) = (owner, reference.strip_prefix('#')) {
                            *reference = format!("#/{MEMBERS}/{owner}{fragment}");
                        }
                    }
                    other => inline(other, owner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| inline(item, owner)),
        _ => {}
    }
}
