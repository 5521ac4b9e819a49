//! JSON schemas: from the dialects of OpenAPI to one, and from there to validators that many positions share.

mod convert;
mod formats;
mod resource;
mod shape;
mod shared;
mod violation;

use serde_json::Value;

pub use self::resource::SchemaResource;
pub(crate) use self::shape::{Kinds, Shape};
pub(crate) use self::shared::Shared;
pub use self::violation::Violation;

/// The dialect of the schemas of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAPI 2.0.
    Swagger2,
    /// OpenAPI 3.0.
    OpenApi30,
    /// OpenAPI 3.1 and 3.2: JSON Schema 2020-12.
    OpenApi31,
}

/// The way of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client.
    Request,
    /// To the client.
    Response,
}

/// How the schemas of a definition are read: what a policy may change about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variant {
    /// Read-only properties stay out of requests, write-only ones out of answers.
    pub direction: Direction,
    /// Whether properties that a schema does not name are let through (`true`) or refused (`false`), whatever its
    /// `additionalProperties` says.
    pub additional_properties: Option<bool>,
    /// Whether property names are compared without regard to case.
    pub ignore_case: bool,
}

impl Variant {
    /// The schemas as they stand.
    pub fn plain(direction: Direction) -> Self {
        Self { direction, additional_properties: None, ignore_case: false }
    }
}

/// The value that a JSON pointer (RFC 6901) in a reference leads to. `None` also for references that leave the document.
pub(crate) fn resolve<'d>(document: &'d Value, reference: &str) -> Option<&'d Value> {
    let fragment = reference.strip_prefix('#')?;
    let fragment = percent_encoding::percent_decode_str(fragment).decode_utf8().ok()?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return document.pointer(&fragment);
    }
    anchor(document, &fragment)
}

/// Follows references until something else is reached.
pub(crate) fn follow<'d>(document: &'d Value, mut value: &'d Value) -> Option<&'d Value> {
    const MAX_HOPS: usize = 32;
    for _ in 0..MAX_HOPS {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => value = resolve(document, reference)?,
            None => return Some(value),
        }
    }
    None
}

/// The schema with an anchor, or with an absolute name of its own.
fn anchor<'d>(value: &'d Value, name: &str) -> Option<&'d Value> {
    match value {
        Value::Object(object) => {
            let is_named = |key: &str| object.get(key).and_then(Value::as_str) == Some(name);
            if is_named("$anchor") || is_named("$dynamicAnchor") {
                return Some(value);
            }
            object.values().find_map(|inner| anchor(inner, name))
        }
        Value::Array(items) => items.iter().find_map(|inner| anchor(inner, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
