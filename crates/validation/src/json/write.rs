//! From documents to values, and from texts to JSON.

use serde_json::{Map, Value};

use super::number::to_number;
use super::{Document, Kind};

/// A value of a document as a tree, for messages and comparisons. Documents are not deeper than
/// [`MAX_DEPTH`](super::MAX_DEPTH).
pub(crate) fn to_value(document: &Document<'_>, index: u32) -> Value {
    let Some(slot) = document.slots.get(index as usize) else { return Value::Null };
    match slot.kind {
        Kind::Null => Value::Null,
        Kind::True => Value::Bool(true),
        Kind::False => Value::Bool(false),
        Kind::Integer | Kind::Decimal => Value::Number(to_number(document.slot_text(slot))),
        Kind::Plain | Kind::Decoded => Value::String(document.slot_text(slot).to_owned()),
        Kind::Array => document.items(index).map(|item| to_value(document, item)).collect(),
        Kind::Object | Kind::Indexed => {
            let mut object = Map::new();
            for key in document.keys(index) {
                object.insert(document.string(key).to_owned(), to_value(document, key + 1));
            }
            Value::Object(object)
        }
    }
}

/// Appends a text as a JSON string.
pub(crate) fn push_string(json: &mut String, text: &str) {
    // A string always becomes JSON.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}
