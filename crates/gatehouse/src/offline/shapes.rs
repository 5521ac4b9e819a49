//! What may stand in test files and stub files beside the usual shapes.

use bytes::Bytes;
use gatehouse_model::Located;
use gatehouse_model::tree::decode::{Context, Invalid, Parsed, Shape, map, one_or_many, parsed};
use gatehouse_model::tree::{Node, NodeValue};
use serde_json::{Value, json};

/// Text, a number or a truth value, as it is written.
pub(crate) struct Scalar;

impl Shape for Scalar {
    type Value = String;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<String> {
        match node.scalar_text() {
            Some(text) => Some(text.into_owned()),
            None => {
                context.wrong_type(node, &self.expected());
                None
            }
        }
    }

    fn expected(&self) -> String {
        "text".to_owned()
    }

    fn expected_entries(&self) -> String {
        "texts".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

/// Anything.
pub(crate) struct Any;

impl Shape for Any {
    type Value = Node;

    fn decode(&self, node: &Node, _context: &mut Context) -> Option<Node> {
        Some(node.clone())
    }

    fn expected(&self) -> String {
        "a value".to_owned()
    }

    fn expected_entries(&self) -> String {
        "values".to_owned()
    }

    fn schema(&self) -> Value {
        json!({})
    }
}

/// A body: text as it stands, or a mapping or a list that is sent as JSON.
pub(crate) struct Content;

impl Shape for Content {
    type Value = String;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<String> {
        match &node.value {
            NodeValue::Mapping(_) | NodeValue::Sequence(_) => Some(node.to_json().to_string()),
            NodeValue::String(text) => Some(text.clone()),
            _ => {
                context.wrong_type(node, &self.expected());
                None
            }
        }
    }

    fn expected(&self) -> String {
        "text, or a mapping or a list that is sent as JSON".to_owned()
    }

    fn expected_entries(&self) -> String {
        "texts".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": ["string", "object", "array"] })
    }
}

/// Header fields: names with one value or several.
pub(crate) struct HeaderList;

impl Shape for HeaderList {
    type Value = Vec<(Located<String>, Vec<String>)>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Self::Value> {
        map("header fields", one_or_many(Scalar)).decode(node, context)
    }

    fn expected(&self) -> String {
        "a mapping of header fields".to_owned()
    }

    fn expected_entries(&self) -> String {
        "mappings of header fields".to_owned()
    }

    fn schema(&self) -> Value {
        map("header fields", one_or_many(Scalar)).schema()
    }
}

/// A moment, as milliseconds since 1970: `2026-01-31T12:00:00Z`.
pub(crate) fn instant() -> Parsed<u64> {
    parsed(
        ["a time such as 2026-01-31T12:00:00Z", "times"],
        "^\\d{4}-\\d{2}-\\d{2}T",
        |text| {
            let time: jiff::Timestamp = text.parse().map_err(|_| Invalid::default())?;
            u64::try_from(time.as_millisecond()).map_err(|_| Invalid::because("it lies before 1970"))
        },
        |millis| {
            let time = jiff::Timestamp::from_millisecond((*millis).cast_signed());
            time.map(|time| time.to_string()).unwrap_or_default()
        },
    )
}

/// A body as bytes.
pub(super) fn bytes(text: String) -> Bytes {
    Bytes::from(text)
}
