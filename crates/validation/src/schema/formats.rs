//! Formats of OpenAPI that JSON Schema does not know.

use serde_json::{Map, Value, json};

/// The format for base64 (RFC 4648, section 4).
pub(super) const BASE64: &str = "byte";

/// Keeps the formats that are checked; those of numbers become bounds (see [`bound`]).
pub(super) fn convert(value: &Value, out: &mut Map<String, Value>) {
    match value.as_str() {
        Some("int32" | "int64" | "float" | "double" | "binary" | "password") => {}
        Some("guid") => {
            out.insert("format".to_owned(), json!("uuid"));
        }
        _ => {
            out.insert("format".to_owned(), value.clone());
        }
    }
}

/// Adds the bounds that `int32` and `int64` mean, where the schema has none that are narrower.
pub(super) fn bound(object: &Map<String, Value>, out: &mut Map<String, Value>) {
    let (least, greatest) = match object.get("format").and_then(Value::as_str) {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        Some("float") if object.get("type").is_some_and(|kind| kind == "number") => {
            // What a single-precision number holds at the most.
            out.entry("minimum").or_insert_with(|| json!(f64::from(f32::MIN)));
            out.entry("maximum").or_insert_with(|| json!(f64::from(f32::MAX)));
            return;
        }
        _ => return,
    };
    let number = |value: &Value| value.as_f64();
    if out.get("minimum").and_then(number).is_none_or(|minimum| minimum < least as f64) {
        out.insert("minimum".to_owned(), json!(least));
    }
    if out.get("maximum").and_then(number).is_none_or(|maximum| maximum > greatest as f64) {
        out.insert("maximum".to_owned(), json!(greatest));
    }
}

/// Whether a text is base64 with its padding.
pub(super) fn is_base64(text: &str) -> bool {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).is_ok()
}
