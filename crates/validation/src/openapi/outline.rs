//! What a definition spells of the bodies of requests: the names of their members, and the proofs to try on their values. Schemas
//! that are alternatives, or that must all hold, are one: a name that any of them has is declared.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde_json::{Map, Value};
use smallvec::SmallVec;

use super::proof::{Proof, Proofs};
use crate::schema::resolve;

/// A step from a value to one inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'s> {
    /// To a member of an object.
    Member(&'s [u8]),
    /// To an element of an array.
    Element,
}

/// What a definition says of an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether there may be an argument of this name.
    pub declared: bool,
    /// Whether the definition spells the whole name.
    pub spelled: bool,
    /// Why its value is harmless.
    pub proof: Option<Proof>,
}

impl Standing {
    /// There may be one, and that is all.
    pub(super) const DECLARED: Self = Self { declared: true, spelled: false, proof: None };
    /// There is none of this name.
    pub(super) const UNDECLARED: Self = Self { declared: false, spelled: false, proof: None };
}

/// The most schemas that one value may stand under at once; where more do, nothing is known of it.
const MAX_AT_ONCE: usize = 64;
/// The most schemas of one definition; what is beyond is not known.
const MAX_NODES: usize = 200_000;
/// How deep schemas may nest without a reference.
const MAX_DEPTH: usize = 64;
/// The schema of which nothing is known.
const UNKNOWN: u32 = 0;

/// The outlines of the schemas of a definition.
#[derive(Debug)]
pub(crate) struct Outlines {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    proofs: Proofs,
    members: HashMap<Box<str>, u32, RandomState>,
    /// Schemas of members that are not spelled.
    others: Vec<u32>,
    elements: Vec<u32>,
    /// Schemas that hold for the same value.
    parts: Vec<u32>,
    /// Whether members may have any name.
    open: bool,
}

type Nodes = SmallVec<[u32; 8]>;

impl Outlines {
    /// What is said of the value that the steps lead to.
    pub(crate) fn standing<'s>(
        &self,
        root: u32,
        path: impl Iterator<Item = Step<'s>>,
        value: &[u8],
    ) -> Standing {
        let mut at: Nodes = SmallVec::new();
        let mut spelled = true;
        if !self.close(&mut at, root) {
            return Standing::DECLARED;
        }
        for step in path {
            let mut next: Nodes = SmallVec::new();
            let mut known = true;
            match step {
                Step::Element => {
                    for node in at.iter().filter_map(|node| self.nodes.get(*node as usize)) {
                        known &= node.elements.iter().all(|element| self.close(&mut next, *element));
                    }
                }
                Step::Member(name) => {
                    let name = std::str::from_utf8(name).unwrap_or("\0");
                    let (mut named, mut has_names, mut open) = (false, false, false);
                    for node in at.iter().filter_map(|node| self.nodes.get(*node as usize)) {
                        open |= node.open;
                        has_names |= !node.members.is_empty();
                        if let Some(member) = node.members.get(name) {
                            named = true;
                            known &= self.close(&mut next, *member);
                        } else {
                            known &= node.others.iter().all(|other| self.close(&mut next, *other));
                        }
                    }
                    spelled &= named;
                    if next.is_empty() && has_names && !open {
                        return Standing::UNDECLARED;
                    }
                }
            }
            if next.is_empty() || !known {
                return Standing::DECLARED;
            }
            at = next;
        }
        let proof = at
            .iter()
            .filter_map(|node| self.nodes.get(*node as usize))
            .find_map(|node| node.proofs.prove(value));
        Standing { declared: true, spelled, proof }
    }

    /// Adds a schema and all that hold with it; `false` where they are too many.
    fn close(&self, nodes: &mut Nodes, node: u32) -> bool {
        if nodes.contains(&node) {
            return true;
        }
        if nodes.len() >= MAX_AT_ONCE {
            return false;
        }
        nodes.push(node);
        self.nodes
            .get(node as usize)
            .is_none_or(|known| known.parts.iter().all(|part| self.close(nodes, *part)))
    }
}

/// Builds outlines of schemas, each once.
#[derive(Debug)]
pub(super) struct Builder<'d> {
    document: &'d Value,
    nodes: Vec<Node>,
    known: HashMap<*const Value, u32>,
}

impl<'d> Builder<'d> {
    pub(super) fn new(document: &'d Value) -> Self {
        let unknown = Node { open: true, ..Node::default() };
        Self { document, nodes: vec![unknown], known: HashMap::new() }
    }

    pub(super) fn finish(self) -> Outlines {
        Outlines { nodes: self.nodes }
    }

    /// The outline of a schema that stands in the document.
    pub(super) fn add(&mut self, schema: &'d Value) -> u32 {
        self.at(schema, 0)
    }

    /// The outline of a schema that was made of parts of the document.
    pub(super) fn add_made(&mut self, schema: &Value) -> u32 {
        let Value::Object(object) = schema else { return UNKNOWN };
        let Some(place) = self.place() else { return UNKNOWN };
        let mut node = Node { proofs: Proofs::of(object), ..Node::default() };
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            node.parts.push(self.referred(reference, 0));
        }
        if let Some(items) = object.get("items") {
            node.elements.push(self.add_made(items));
        }
        for (name, member) in entries(object, "properties") {
            node.members.insert(name.as_str().into(), self.add_made(member));
        }
        self.put(place, node)
    }

    fn place(&mut self) -> Option<u32> {
        if self.nodes.len() >= MAX_NODES {
            return None;
        }
        self.nodes.push(Node::default());
        Some(self.nodes.len() as u32 - 1)
    }

    fn put(&mut self, place: u32, node: Node) -> u32 {
        if let Some(slot) = self.nodes.get_mut(place as usize) {
            *slot = node;
        }
        place
    }

    fn referred(&mut self, reference: &str, depth: usize) -> u32 {
        match resolve(self.document, reference) {
            Some(target) => self.at(target, depth + 1),
            None => UNKNOWN,
        }
    }

    fn at(&mut self, schema: &'d Value, depth: usize) -> u32 {
        let Value::Object(object) = schema else { return UNKNOWN };
        if let Some(known) = self.known.get(&std::ptr::from_ref(schema)) {
            return *known;
        }
        if depth > MAX_DEPTH {
            return UNKNOWN;
        }
        let Some(place) = self.place() else { return UNKNOWN };
        self.known.insert(schema, place);
        let mut node = Node {
            proofs: Proofs::of(object),
            // Which of its kinds a value is, and what else it then has, is not looked at.
            open: object.contains_key("discriminator") || object.contains_key("$dynamicRef"),
            ..Node::default()
        };
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            node.parts.push(self.referred(reference, depth));
        }
        for keyword in ["allOf", "anyOf", "oneOf", "if", "then", "else", "contentSchema"] {
            self.inside(object.get(keyword), &mut node.parts, depth);
        }
        for (_, part) in entries(object, "dependentSchemas") {
            node.parts.push(self.at(part, depth + 1));
        }
        for keyword in ["items", "prefixItems", "contains", "additionalItems", "unevaluatedItems"] {
            self.inside(object.get(keyword), &mut node.elements, depth);
        }
        for (name, member) in entries(object, "properties") {
            let member = self.at(member, depth + 1);
            node.members.insert(name.as_str().into(), member);
        }
        for (_, other) in entries(object, "patternProperties") {
            node.others.push(self.at(other, depth + 1));
        }
        for keyword in ["additionalProperties", "unevaluatedProperties"] {
            match object.get(keyword) {
                Some(Value::Bool(allowed)) => node.open |= *allowed,
                other => self.inside(other, &mut node.others, depth),
            }
        }
        self.put(place, node)
    }

    fn inside(&mut self, schemas: Option<&'d Value>, into: &mut Vec<u32>, depth: usize) {
        match schemas {
            Some(Value::Array(schemas)) => {
                into.extend(schemas.iter().map(|schema| self.at(schema, depth + 1)).collect::<Vec<_>>());
            }
            Some(schema @ Value::Object(_)) => into.push(self.at(schema, depth + 1)),
            _ => {}
        }
    }
}

fn entries<'v>(object: &'v Map<String, Value>, key: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    object.get(key).and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn standing(document: &Value, path: &[Step<'_>], value: &str) -> Standing {
        let mut builder = Builder::new(document);
        let root = builder.add(document.get("root").unwrap());
        builder.finish().standing(root, path.iter().copied(), value.as_bytes())
    }

    fn document() -> Value {
        json!({
            "root": { "$ref": "#/defs/order" },
            "defs": {
                "order": {
                    "allOf": [{ "$ref": "#/defs/base" }],
                    "type": "object",
                    "properties": {
                        "lines": { "type": "array", "items": { "$ref": "#/defs/line" } },
                        "labels": { "type": "object", "additionalProperties": { "type": "boolean" } },
                        "free": { "type": "object" },
                        "parent": { "$ref": "#/defs/order" }
                    }
                },
                "base": { "properties": { "id": { "type": "string", "format": "uuid" } } },
                "line": {
                    "oneOf": [
                        { "properties": { "count": { "type": "integer" } }, "additionalProperties": false },
                        { "properties": { "kind": { "enum": ["gift"] } } }
                    ]
                }
            }
        })
    }

    #[test]
    fn names_are_found_through_references_alternatives_and_arrays() {
        use Step::{Element, Member};
        let document = document();
        let proof = |path: &[Step<'_>], value: &str| {
            let found = standing(&document, path, value);
            assert!(found.declared && found.spelled, "{path:?}");
            found.proof
        };
        let lines = Member(b"lines");
        assert_eq!(proof(&[Member(b"id")], "550e8400-e29b-41d4-a716-446655440000"), Some(Proof::Uuid));
        assert_eq!(proof(&[lines, Element, Member(b"count")], "7"), Some(Proof::Number));
        assert_eq!(proof(&[lines, Element, Member(b"count")], "7'"), None);
        assert_eq!(proof(&[lines, Element, Member(b"kind")], "gift"), Some(Proof::Constant));
        let deep = [Member(b"parent"), Member(b"parent"), lines, Element, Member(b"count")];
        assert_eq!(proof(&deep, "1"), Some(Proof::Number));
    }

    #[test]
    fn what_no_schema_names_is_undeclared_unless_a_schema_is_open() {
        use Step::{Element, Member};
        let document = document();
        assert_eq!(standing(&document, &[Member(b"admin")], "true"), Standing::UNDECLARED);
        let line = [Member(b"lines"), Element, Member(b"x")];
        assert_eq!(standing(&document, &line, "1"), Standing::UNDECLARED);
        assert_eq!(
            standing(&document, &[Member(b"free"), Member(b"x"), Member(b"y")], "1"),
            Standing::DECLARED
        );
        let label = standing(&document, &[Member(b"labels"), Member(b"' or 1=1")], "true");
        assert_eq!(label, Standing { declared: true, spelled: false, proof: Some(Proof::Boolean) });
        assert_eq!(standing(&document, &[Member(b"\xff")], "1"), Standing::UNDECLARED);
    }
}
