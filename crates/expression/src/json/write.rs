//! Writes JSON as Newtonsoft does.

use std::fmt::Write as _;

use super::{Content, Json};
use crate::types::Id;
use crate::value::Value;

impl Json {
    /// JSON text, indented by two spaces or on one line.
    pub(crate) fn write(&self, indented: bool) -> String {
        let mut out = String::new();
        self.write_at(&mut out, indented, 0);
        out
    }

    fn write_at(&self, out: &mut String, indented: bool, level: usize) {
        self.with(|content| match content {
            Content::Array(items) => list(out, ['[', ']'], items.iter(), indented, level),
            Content::Object(properties) => list(out, ['{', '}'], properties.values(), indented, level),
            Content::Property(name, value) => {
                escape(out, name);
                out.push_str(if indented { ": " } else { ":" });
                match value {
                    Some(value) => value.write_at(out, indented, level),
                    None => out.push_str("null"),
                }
            }
            Content::Raw(text) => out.push_str(text),
            Content::Value(value) => scalar(out, value),
        });
    }

    /// `ToString()`: the text of a value, indented JSON of everything else.
    pub(crate) fn display(&self) -> String {
        match self.with(|content| match content {
            Content::Value(value) => Some(value.display()),
            Content::Raw(text) => Some(text.to_string()),
            _ => None,
        }) {
            Some(text) => text,
            None => self.write(true),
        }
    }
}

fn list<'a>(
    out: &mut String,
    brackets: [char; 2],
    items: impl ExactSizeIterator<Item = &'a Json>,
    indented: bool,
    level: usize,
) {
    out.push(brackets[0]);
    let some = items.len() > 0;
    for (n, item) in items.enumerate() {
        if n > 0 {
            out.push(',');
        }
        if indented {
            line(out, level + 1);
        }
        item.write_at(out, indented, level + 1);
    }
    if some && indented {
        line(out, level);
    }
    out.push(brackets[1]);
}

fn line(out: &mut String, level: usize) {
    out.push('\n');
    for _ in 0..level {
        out.push_str("  ");
    }
}

fn scalar(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::String(text) => escape(out, text),
        Value::Double(n) => out.push_str(&float(*n)),
        Value::Single(n) => {
            let text = crate::number::display(&Value::Single(*n));
            out.push_str(&text);
            if !text.contains(['.', 'E', 'N', 'I']) {
                out.push_str(".0");
            }
        }
        Value::Decimal(n) => {
            let text = n.to_string();
            out.push_str(&text);
            if !text.contains('.') {
                out.push_str(".0");
            }
        }
        Value::DateTime(date) => {
            let _ = write!(out, "\"{}\"", crate::time::format::json(date));
        }
        Value::DateTimeOffset(date) => {
            let text = crate::time::format::date_time_offset(date, "yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz");
            let _ = write!(out, "\"{}\"", text.unwrap_or_default());
        }
        Value::Enumeration(e) => {
            let _ = write!(out, "{}", e.number);
        }
        Value::Object(_) if value.class().is(Id::BigInteger) => out.push_str(&value.display()),
        Value::Object(_)
            if value.class().is(Id::Array) || matches!(value.class(), crate::class::Type::Array(_)) =>
        {
            use base64::Engine as _;
            let bytes = value.to_bytes();
            escape(out, &base64::engine::general_purpose::STANDARD.encode(bytes));
        }
        Value::Char(_) | Value::Guid(_) | Value::TimeSpan(_) | Value::Object(_) => {
            escape(out, &value.display());
        }
        number => out.push_str(&number.display()),
    }
}

/// A double as JSON has it: always with a fraction or exponent.
pub(crate) fn float(n: f64) -> String {
    if n.is_nan() {
        return "\"NaN\"".to_owned();
    }
    if n.is_infinite() {
        return if n > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }.to_owned();
    }
    let mut text = crate::number::shortest(n);
    if !text.contains(['.', 'E', 'e']) {
        text.push_str(".0");
    }
    text
}

/// Appends a JSON string.
pub(crate) fn escape(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{85}' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
