//! A trace for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Entry, micros};

/// The entries as text: a line an entry, and below it what went in, what was said and what changed.
pub fn as_text(entries: &[Entry]) -> String {
    let rows: Vec<Value> = entries.iter().map(Entry::to_json).collect();
    json_as_text(&rows)
}

/// The same for entries that were [written down](Entry::to_json).
pub fn json_as_text(entries: &[Value]) -> String {
    let mut out = String::new();
    let mut section = "";
    for entry in entries {
        let of = text(entry, "section");
        if of != section {
            section = of;
            let _ = writeln!(out, "{section}");
        }
        one(entry, &mut out);
    }
    out
}

/// Writing to a string cannot fail.
fn one(entry: &Value, out: &mut String) {
    let number = |name: &str| entry.get(name).and_then(Value::as_u64).unwrap_or_default();
    let indent = "  ".repeat(number("depth").min(100) as usize + 1);
    let _ = write!(out, "{indent}{}", one_line(text(entry, "source")));
    if let Some(id) = entry.get("policy_id").and_then(Value::as_str) {
        let _ = write!(out, " ({})", one_line(id));
    }
    let outcome = text(entry, "outcome");
    match text(entry, "verdict") {
        "failed" => {
            let _ = write!(out, " ✗ {}", one_line(outcome));
        }
        _ if outcome != "continue" => {
            let _ = write!(out, " → {}", one_line(outcome));
        }
        _ => {}
    }
    let _ = write!(out, "  [{}", micros(number("duration_us")));
    if let Some(scope) = entry.get("scope").and_then(Value::as_str) {
        let _ = write!(out, ", {scope}");
    }
    if let Some(file) = entry.get("file").and_then(Value::as_str) {
        let _ = write!(out, ", {file}:{}", number("line"));
    }
    out.push_str("]\n");
    for input in rows(entry, "inputs") {
        let _ = writeln!(out, "{indent}    {} = {}", text(input, "name"), one_line(text(input, "value")));
    }
    for note in rows(entry, "notes") {
        let _ = writeln!(out, "{indent}    · {}", one_line(note.as_str().unwrap_or_default()));
    }
    for change in rows(entry, "changes") {
        let what = text(change, "what");
        let part = |name: &str| change.get(name).and_then(Value::as_str).map(one_line);
        let _ = match (part("before"), part("after")) {
            (None, Some(after)) => writeln!(out, "{indent}    + {what}: {after}"),
            (Some(before), None) => writeln!(out, "{indent}    - {what}: {before}"),
            (before, after) => writeln!(
                out,
                "{indent}    ~ {what}: {} → {}",
                before.unwrap_or_default(),
                after.unwrap_or_default()
            ),
        };
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn rows<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Control characters are shown as what they are: a trace is read on a terminal.
fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
