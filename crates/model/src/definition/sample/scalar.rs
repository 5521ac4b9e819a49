//! Strings and numbers within the bounds of their schemas.

use serde_json::{Number, Value};

use crate::tree::Node;

/// How long a string may become to satisfy `minLength`, in characters.
const MAX_LENGTH: usize = 1024;

/// A string of the schema's format and length.
pub(super) fn string(schema: &Node) -> Value {
    let format = schema.get("format").and_then(Node::as_str).unwrap_or("");
    let text = match format {
        "date" => "2024-01-01",
        "date-time" => "2024-01-01T00:00:00Z",
        "time" => "00:00:00Z",
        "duration" => "P1D",
        "uuid" | "guid" => "00000000-0000-4000-8000-000000000000",
        "email" | "idn-email" => "user@example.com",
        "uri" | "url" | "uri-reference" | "iri" | "iri-reference" => "https://example.com/",
        "uri-template" => "https://example.com/{id}",
        "hostname" | "idn-hostname" => "example.com",
        "ipv4" | "ip" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "json-pointer" => "/0",
        "regex" => ".*",
        "byte" => "c3RyaW5n",
        "relative-json-pointer" | "decimal" | "int32" | "int64" => "0",
        _ => "string",
    };
    let bound =
        |key: &str| schema.get(key).and_then(Node::as_u64).and_then(|length| usize::try_from(length).ok());
    let least = bound("minLength").unwrap_or(0).min(MAX_LENGTH);
    let most = bound("maxLength").unwrap_or(usize::MAX);
    if let Some(made) = schema.get("pattern").and_then(Node::as_str).and_then(super::pattern::matching)
        && (least..=most).contains(&made.chars().count())
    {
        return Value::String(made);
    }
    if (least..=most).contains(&text.len()) {
        return Value::String(text.to_owned());
    }
    Value::String("string".chars().cycle().take(least.max(6).min(most).max(least)).collect())
}

/// A whole number: 0, or the nearest to it that the schema allows.
pub(super) fn integer(schema: &Node) -> Value {
    let value = nearest(schema, 1.0);
    // Beyond 2⁵³ a double no longer tells whole numbers apart.
    if value.abs() < 9_007_199_254_740_992.0 { Value::from(value as i64) } else { Value::from(0) }
}

/// A number: 0, or the nearest to it that the schema allows.
pub(super) fn number(schema: &Node) -> Value {
    let value = nearest(schema, 0.5);
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or_else(|| Value::from(0), Value::Number)
}

/// `step`: how far to keep from a bound that is excluded itself.
fn nearest(schema: &Node, step: f64) -> f64 {
    let limit = |inclusive: &str, exclusive: &str| -> (Option<f64>, bool) {
        let bound = schema.get(inclusive).and_then(Node::as_f64);
        match schema.get(exclusive) {
            // A number since 3.1; a flag beside the bound before.
            Some(node) if node.as_f64().is_some() => (node.as_f64(), true),
            Some(node) => (bound, node.as_bool() == Some(true)),
            None => (bound, false),
        }
    };
    let (low, low_excluded) = limit("minimum", "exclusiveMinimum");
    let (high, high_excluded) = limit("maximum", "exclusiveMaximum");
    let room = match (low, high) {
        (Some(low), Some(high)) => step.min((high - low) / 2.0),
        _ => step,
    };
    let whole = |value: f64, up: bool| match (step >= 1.0, up) {
        (true, true) => value.ceil(),
        (true, false) => value.floor(),
        (false, _) => value,
    };
    let room = if step >= 1.0 { step } else { room };
    let low = low.map(|low| whole(if low_excluded { low + room } else { low }, true));
    let high = high.map(|high| whole(if high_excluded { high - room } else { high }, false));
    let multiple = schema.get("multipleOf").and_then(Node::as_f64).filter(|multiple| *multiple > 0.0);
    let mut value = 0.0;
    if let Some(low) = low.filter(|low| *low > 0.0) {
        value = multiple.map_or(low, |multiple| (low / multiple).ceil() * multiple);
    } else if let Some(high) = high.filter(|high| *high < 0.0) {
        value = multiple.map_or(high, |multiple| (high / multiple).floor() * multiple);
    }
    value
}
