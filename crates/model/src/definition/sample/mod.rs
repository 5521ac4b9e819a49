//! Bodies made from schemas, for responses that the definition gives no example of.
//!
//! A sample is valid as far as types, enumerations, formats, bounds of numbers, lengths and lists, and plain patterns
//! go. It is always the same for the same schema, and small: what is optional is left out when a sample has
//! become large or deep, and recursion ends at the first repetition.

mod pattern;
mod scalar;

use serde_json::{Map, Value};

use super::Format;
use super::openapi::{At, References};
use crate::tree::{Node, NodeValue};

/// How many values a sample may have before what is optional is left out, how many it may have at all, and how many all
/// samples of a definition may have together.
const ENOUGH_NODES: usize = 120;
const MAX_NODES: usize = 1_000;
const MAX_TOTAL_NODES: usize = 100_000;
/// How large a value may be that the schema gives itself (`example`, `default` …).
const MAX_GIVEN_NODES: usize = 1_000;
/// How deep a sample may nest, and how deep optional properties may stand.
const MAX_DEPTH: usize = 16;
const MAX_OPTIONAL_DEPTH: usize = 4;
/// How many items a list gets where the schema asks for more than one.
const MAX_ITEMS: usize = 8;

/// Makes samples within one budget.
pub(super) struct Sampler<'a, 'd> {
    references: &'d References<'a>,
    format: Format,
    /// How many values all further samples may have.
    total: usize,
    /// How many values the present one has.
    nodes: usize,
    /// Properties that a composition around the present schema requires of it.
    demanded: Vec<&'a str>,
    /// The referenced schemas that are being sampled.
    open: Vec<&'a Node>,
    has_left_out: bool,
    /// Whether the present one is sent rather than received.
    is_request: bool,
}

impl<'a, 'd> Sampler<'a, 'd> {
    pub(super) fn new(references: &'d References<'a>, format: Format) -> Self {
        Self {
            references,
            format,
            total: MAX_TOTAL_NODES,
            nodes: 0,
            demanded: Vec::new(),
            open: Vec::new(),
            has_left_out: false,
            is_request: false,
        }
    }

    /// Whether a sample was not made because the definition has too many.
    pub(super) fn has_left_out(&self) -> bool {
        self.has_left_out
    }

    /// A body of a response: JSON, or text where the schema is that of a string. Other media types get none.
    pub(super) fn response(&mut self, schema: At<'a>, content_type: &str) -> Option<Value> {
        let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        let is_json = matches!(subtype, "json" | "*") || subtype.ends_with("+json");
        if !is_json && kind != "text" {
            return None;
        }
        if self.total == 0 {
            self.has_left_out = true;
            return None;
        }
        self.nodes = 0;
        self.demanded.clear();
        self.open.clear();
        let sample = self.schema(schema, 0);
        self.total = self.total.saturating_sub(self.nodes);
        sample.filter(|value| is_json || value.is_string())
    }

    /// A value that a request may have, whatever its media type.
    pub(super) fn request(&mut self, schema: At<'a>) -> Option<Value> {
        self.nodes = 0;
        self.demanded.clear();
        self.open.clear();
        self.is_request = true;
        let sample = self.schema(schema, 0);
        self.is_request = false;
        sample
    }

    /// `None`: nothing satisfies the schema, or nothing small does.
    fn schema(&mut self, at: At<'a>, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH || self.nodes >= MAX_NODES {
            return None;
        }
        self.nodes += 1;
        match &at.node.value {
            NodeValue::Boolean(true) => return Some(Value::Object(Map::new())),
            NodeValue::Mapping(_) => {}
            _ => return None,
        }
        if at.node.get("$ref").is_some() {
            return self.referenced(at, depth);
        }
        if let Some(value) = self.given(at.node) {
            return Some(value);
        }
        self.composed(at, depth)
    }

    fn referenced(&mut self, at: At<'a>, depth: usize) -> Option<Value> {
        // Since 3.1 keywords beside a reference count; before, they are ignored.
        if matches!(self.format, Format::OpenApi31 | Format::OpenApi32)
            && let Some(value) = self.given(at.node)
        {
            return Some(value);
        }
        let target = self.references.target(at)?;
        if self.open.iter().any(|open| std::ptr::eq(*open, target.node)) {
            return None;
        }
        self.open.push(target.node);
        let sample = self.schema(target, depth);
        self.open.pop();
        sample
    }

    /// A value that the schema itself names.
    fn given(&mut self, schema: &Node) -> Option<Value> {
        let first = |key: &str| {
            let items = schema.get(key)?.as_sequence()?;
            items.iter().find(|item| !item.is_null()).or_else(|| items.first())
        };
        let given = schema
            .get("example")
            .filter(|value| !value.is_null())
            .or_else(|| first("examples"))
            .or_else(|| schema.get("const"))
            .or_else(|| schema.get("default").filter(|value| !is_nothing(value)))
            .or_else(|| first("enum"))?;
        let nodes = count(given, MAX_GIVEN_NODES)?;
        self.nodes += nodes - 1;
        Some(given.to_json())
    }

    fn composed(&mut self, at: At<'a>, depth: usize) -> Option<Value> {
        let outer = self.demanded.len();
        for part in at.get("allOf").into_iter().flat_map(At::items) {
            self.demand(self.references.follow(part).unwrap_or(part));
        }
        self.demand(at);
        let sample = self.united(at, depth);
        self.demanded.truncate(outer);
        sample
    }

    /// Notes what a part of a composition requires of all its parts.
    fn demand(&mut self, part: At<'a>) {
        self.demanded.extend(required(part));
    }

    fn united(&mut self, at: At<'a>, depth: usize) -> Option<Value> {
        let mut sample = None;
        for part in at.get("allOf").into_iter().flat_map(At::items) {
            if let Some(value) = self.schema(part, depth + 1) {
                sample = Some(merged(sample, value));
            }
        }
        for key in ["oneOf", "anyOf"] {
            let Some(branches) = at.get(key) else { continue };
            let chosen =
                branches.items().find_map(|branch| self.schema(branch, depth + 1).filter(|v| !v.is_null()));
            match chosen {
                Some(value) => sample = Some(merged(sample, value)),
                None if branches.items().any(|branch| kind(branch.node) == Some("null")) => {
                    sample = sample.or(Some(Value::Null));
                }
                None => {}
            }
        }
        let is_composed = sample.is_some();
        match kind(at.node) {
            Some("object") => Some(match self.object(at, depth) {
                own if is_composed => merged(sample, own),
                own => own,
            }),
            _ if is_composed => sample,
            Some("array") => self.array(at, depth),
            Some("string") => Some(scalar::string(at.node)),
            Some("integer") => Some(scalar::integer(at.node)),
            Some("number") => Some(scalar::number(at.node)),
            Some("boolean") => Some(Value::Bool(true)),
            Some("null") => Some(Value::Null),
            // A branch that could not be sampled, such as one that leads back here.
            _ if ["allOf", "oneOf", "anyOf"].iter().any(|key| at.node.get(key).is_some()) => None,
            // No type: anything will do.
            _ => Some(Value::Object(Map::new())),
        }
    }

    fn object(&mut self, at: At<'a>, depth: usize) -> Value {
        let demanded = std::mem::take(&mut self.demanded);
        let properties: Vec<_> = at.get("properties").into_iter().flat_map(At::entries).collect();
        let mut values: Vec<Option<Value>> = vec![None; properties.len()];
        // Required properties first, so that optional ones do not take their share of the budget.
        for wanted in [true, false] {
            for ((key, property), value) in properties.iter().zip(&mut values) {
                let is_required = demanded.contains(&key.text.as_str());
                let fits = is_required || (depth < MAX_OPTIONAL_DEPTH && self.nodes < ENOUGH_NODES);
                if is_required == wanted && fits && !self.is_of_the_other_side(*property) {
                    *value = self.schema(*property, depth + 1);
                    if value.is_none() && is_required {
                        *value = Some(self.least(*property));
                    }
                }
            }
        }
        let mut object: Map<String, Value> = properties
            .iter()
            .zip(values)
            .filter_map(|((key, _), value)| Some((key.text.clone(), value?)))
            .collect();
        if properties.is_empty() && self.nodes < ENOUGH_NODES {
            let more = at.get("additionalProperties").filter(|more| more.node.as_mapping().is_some());
            if let Some(value) = more.and_then(|more| self.schema(more, depth + 1)) {
                object.insert("key".to_owned(), value);
            }
        }
        self.demanded = demanded;
        Value::Object(object)
    }

    /// Whether a property stands in requests alone, or for a request in answers alone.
    fn is_of_the_other_side(&self, property: At<'a>) -> bool {
        let key = if self.is_request { "readOnly" } else { "writeOnly" };
        property.flag(key) || self.references.follow(property).is_some_and(|target| target.flag(key))
    }

    fn array(&mut self, at: At<'a>, depth: usize) -> Option<Value> {
        let demanded = std::mem::take(&mut self.demanded);
        let items = self.items(at, depth);
        self.demanded = demanded;
        items.map(Value::Array)
    }

    fn items(&mut self, at: At<'a>, depth: usize) -> Option<Vec<Value>> {
        let number = |key: &str| at.node.get(key).and_then(Node::as_u64);
        let least = number("minItems").unwrap_or(0);
        if number("maxItems") == Some(0) || (least == 0 && self.nodes >= ENOUGH_NODES) {
            return Some(Vec::new());
        }
        let mut items: Vec<Value> = at
            .get("prefixItems")
            .into_iter()
            .flat_map(At::items)
            .map_while(|item| self.schema(item, depth + 1))
            .collect();
        let wanted = usize::try_from(least).unwrap_or(MAX_ITEMS).clamp(1, MAX_ITEMS);
        if items.len() < wanted
            && let Some(schema) = at.get("items")
        {
            let before = self.nodes;
            match self.schema(schema, depth + 1) {
                Some(value) => {
                    // Where all must differ, more than one cannot be promised.
                    let wanted = if at.flag("uniqueItems") { items.len() + 1 } else { wanted };
                    self.nodes += (wanted - items.len() - 1) * (self.nodes - before);
                    items.resize(wanted, value);
                }
                None if least > 0 => return None,
                None => {}
            }
        }
        Some(items)
    }

    /// The least value of a schema's type, where a required property cannot be sampled.
    fn least(&mut self, property: At<'a>) -> Value {
        let target = self.references.follow(property).unwrap_or(property);
        if let Some(value) = self.given(target.node) {
            return value;
        }
        match kind(target.node) {
            Some("object") => Value::Object(Map::new()),
            Some("array") => Value::Array(Vec::new()),
            Some("string") => scalar::string(target.node),
            Some("integer") => scalar::integer(target.node),
            Some("number") => scalar::number(target.node),
            Some("boolean") => Value::Bool(true),
            _ => Value::Null,
        }
    }
}

/// The type of a schema: the first that is not null, or what its keywords imply.
fn kind(schema: &Node) -> Option<&str> {
    let named = schema.get("type").and_then(|kind| match &kind.value {
        NodeValue::String(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
        NodeValue::Sequence(items) => {
            let mut names = items.iter().filter_map(Node::as_str);
            names.clone().find(|name| *name != "null").or_else(|| names.next())
        }
        _ => None,
    });
    named.or_else(|| {
        let has = |keys: &[&str]| keys.iter().any(|key| schema.get(key).is_some());
        if has(&["properties", "additionalProperties", "required", "patternProperties"]) {
            Some("object")
        } else if has(&["items", "prefixItems"]) {
            Some("array")
        } else if has(&["format", "pattern", "minLength", "maxLength"]) {
            Some("string")
        } else if has(&["minimum", "maximum", "multipleOf"]) {
            Some("number")
        } else {
            None
        }
    })
}

/// The names of the properties that a schema requires.
fn required(schema: At<'_>) -> impl Iterator<Item = &str> {
    schema.get("required").into_iter().flat_map(At::items).filter_map(|name| name.node.as_str())
}

/// Whether a default says nothing: many definitions have an empty one where the schema wants more.
fn is_nothing(default: &Node) -> bool {
    default.is_null()
        || default.as_mapping().is_some_and(<[_]>::is_empty)
        || default.as_sequence().is_some_and(<[_]>::is_empty)
}

/// Objects are united, the earlier winning; anything else stands or gives way as a whole.
fn merged(earlier: Option<Value>, later: Value) -> Value {
    match (earlier, later) {
        (Some(Value::Object(mut object)), Value::Object(more)) => {
            for (key, value) in more {
                object.entry(key).or_insert(value);
            }
            Value::Object(object)
        }
        (Some(Value::Null) | None, later) => later,
        (Some(earlier), _) => earlier,
    }
}

/// How many values a node consists of, if no more than `limit`.
fn count(node: &Node, limit: usize) -> Option<usize> {
    let mut nodes = 1;
    let mut add = |child: &Node| -> Option<()> {
        nodes += count(child, limit.checked_sub(nodes)?)?;
        Some(())
    };
    match &node.value {
        NodeValue::Sequence(items) => items.iter().try_for_each(&mut add)?,
        NodeValue::Mapping(entries) => entries.iter().try_for_each(|(_, value)| add(value))?,
        _ => {}
    }
    (nodes <= limit).then_some(nodes)
}

#[cfg(test)]
mod tests;
