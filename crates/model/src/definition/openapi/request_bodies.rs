//! Values as bodies of their media types.

use std::fmt::Write as _;

use serde_json::Value;

use super::requests::ExampleBody;
use super::styles::{pairs, text};

/// Between the parts of a multipart body.
const BOUNDARY: &str = "gatehouse-example-boundary";

/// The body, where a value of this media type can be written. Ranges stand for JSON or plain text.
pub(super) fn body(media_type: &str, value: Option<&Value>) -> Option<ExampleBody> {
    let concrete = match media_type.trim().to_ascii_lowercase().as_str() {
        "*/*" | "application/*" => "application/json".to_owned(),
        "text/*" => "text/plain".to_owned(),
        _ => media_type.trim().to_owned(),
    };
    let essence = concrete.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (content_type, content) = if essence == "application/json" || essence.ends_with("+json") {
        (concrete, value?.to_string())
    } else if essence == "application/x-www-form-urlencoded" {
        (concrete, pairs(value?).join("&"))
    } else if essence == "multipart/form-data" {
        (format!("{essence}; boundary={BOUNDARY}"), multipart(value?))
    } else if let Some(Value::String(written)) = value {
        (concrete, written.clone())
    } else if essence.starts_with("text/") {
        (concrete, text(value?))
    } else if essence == "application/octet-stream" {
        (concrete, "gatehouse".to_owned())
    } else {
        return None;
    };
    Some(ExampleBody { content_type, content })
}

/// A part a member (RFC 7578); what has parts itself is JSON.
fn multipart(value: &Value) -> String {
    let mut body = String::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let items = match value {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        for item in items {
            let _ = write!(body, "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n");
            if item.is_object() || item.is_array() {
                body.push_str("Content-Type: application/json\r\n");
            }
            let _ = write!(body, "\r\n{}\r\n", text(item));
        }
    }
    let _ = write!(body, "--{BOUNDARY}--\r\n");
    body
}
