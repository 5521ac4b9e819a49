//! A traced request as it is printed.

use std::fmt::Write as _;

use gatehouse_gateway::snapshot::ListenerFacts;
use gatehouse_policy::trace::{as_text, is_secret_name, json_as_text};
use serde_json::{Map, Value, json};

use crate::cli::Format;
use crate::offline::Finished;

/// The most characters of a body that are shown.
const MAX_BODY: usize = 2000;

/// The trace and the answer, with every secret masked.
pub(super) fn render(finished: Finished, listener: &ListenerFacts, format: Format) -> String {
    let Finished { mut exchange, body } = finished;
    let Some(trace) = exchange.trace.take() else { return String::new() };
    let masked = |text: &str| trace.masked(text);
    let request =
        format!("{} {}", exchange.request.method, masked(&exchange.request.original_url.to_string()));
    let mut headers = Map::new();
    let status = exchange.response.as_ref().map_or(500, |response| response.status.as_u16());
    for (name, value) in exchange.response.iter().flat_map(|response| &response.headers) {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = if is_secret_name(name.as_str()) { "***".to_owned() } else { masked(&value) };
        match headers.get_mut(name.as_str()) {
            Some(Value::String(all)) => {
                all.push_str(", ");
                all.push_str(&value);
            }
            _ => drop(headers.insert(name.to_string(), json!(value))),
        }
    }
    let size = body.len();
    let shown = std::str::from_utf8(&body).ok().map(|text| {
        let text: String = text.chars().take(MAX_BODY).collect();
        masked(&text)
    });
    let last_error = exchange.last_error.as_ref().map(|error| {
        json!({
            "source": error.source,
            "reason": error.reason,
            "message": masked(&error.message),
            "scope": error.scope,
            "section": error.section,
            "path": error.path,
            "policy_id": error.policy_id,
        })
    });
    let is_cut = trace.is_cut();
    let entries = trace.into_entries();
    if format == Format::Json {
        let rows: Vec<Value> = entries.iter().map(gatehouse_policy::trace::Entry::to_json).collect();
        let report = json!({
            "request": { "line": request, "listener": &*listener.name, "zone": listener.zone.as_str() },
            "response": { "status": status, "headers": headers, "body_bytes": size, "body": shown },
            "last_error": last_error,
            "entries": rows,
            "truncated": is_cut,
        });
        return format!("{report:#}\n");
    }
    let mut out = format!("{request}  (listener {}, zone {})\n\n", listener.name, listener.zone.as_str());
    out.push_str(&as_text(&entries));
    if is_cut {
        out.push_str("  … the trace was cut here: it had grown too large\n");
    }
    // Writing to a string cannot fail.
    let _ = writeln!(out, "\n{status}");
    for (name, value) in &headers {
        let _ = writeln!(out, "{name}: {}", value.as_str().unwrap_or_default());
    }
    match shown {
        Some(text) if !text.is_empty() => {
            let _ = writeln!(out, "\n{text}");
        }
        Some(_) => {}
        None => {
            let _ = writeln!(out, "\n({size} bytes that are no text)");
        }
    }
    out
}

/// A trace that was kept, for people.
pub(super) fn kept(trace: &Value) -> String {
    let text = |pointer: &str| trace.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let status = trace.pointer("/response/status").and_then(Value::as_u64).unwrap_or_default();
    let entries = trace.get("entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut out = format!("{} at {}\n\n", text("/request/line"), text("/time"));
    out.push_str(&json_as_text(entries));
    let _ = writeln!(out, "\n{status}");
    out
}
