//! From documents to values, and from texts to JSON.

use std::collections::HashSet;

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

/// A document without the members that JSON pointers (RFC 6901) lead to. Numbers stay as they were written.
pub(crate) fn without(document: &Document<'_>, removed: &HashSet<&str>) -> String {
    let mut json = String::with_capacity(document.text.len());
    write_without(document, 0, &mut String::new(), removed, &mut json);
    json
}

fn write_without(
    document: &Document<'_>,
    index: u32,
    pointer: &mut String,
    removed: &HashSet<&str>,
    json: &mut String,
) {
    let Some(slot) = document.slots.get(index as usize) else { return };
    let length = pointer.len();
    match slot.kind {
        Kind::Null => json.push_str("null"),
        Kind::True => json.push_str("true"),
        Kind::False => json.push_str("false"),
        Kind::Integer | Kind::Decimal => json.push_str(document.slot_text(slot)),
        Kind::Plain | Kind::Decoded => push_string(json, document.slot_text(slot)),
        Kind::Array => {
            json.push('[');
            for (number, item) in document.items(index).enumerate() {
                if number > 0 {
                    json.push(',');
                }
                pointer.push('/');
                pointer.push_str(&number.to_string());
                write_without(document, item, pointer, removed, json);
                pointer.truncate(length);
            }
            json.push(']');
        }
        Kind::Object | Kind::Indexed => {
            json.push('{');
            let mut is_first = true;
            for key in document.keys(index) {
                let name = document.string(key);
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                if !removed.contains(pointer.as_str()) {
                    if !is_first {
                        json.push(',');
                    }
                    is_first = false;
                    push_string(json, name);
                    json.push(':');
                    write_without(document, key + 1, pointer, removed, json);
                }
                pointer.truncate(length);
            }
            json.push('}');
        }
    }
}

/// Appends a text as a JSON string.
pub(crate) fn push_string(json: &mut String, text: &str) {
    // A string always becomes JSON.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}
