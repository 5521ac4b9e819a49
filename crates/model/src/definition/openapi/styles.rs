//! How values of parameters are written: the styles of `OpenAPI` 3 and the collection formats of 2.0.

use serde_json::Value;

use super::document::At;
use super::requests::escaped;
use crate::definition::Format;

/// How the value of one parameter is written.
pub(super) struct Style {
    name: String,
    explode: bool,
}

impl Style {
    pub(super) fn of(parameter: At<'_>, place: &str, format: Format) -> Self {
        if format == Format::OpenApi20 {
            let collection = parameter.text("collectionFormat").unwrap_or_else(|| "csv".to_owned());
            let name = match (place, collection.as_str()) {
                ("query", "ssv") => "spaceDelimited",
                ("query", "tsv") => "tabDelimited",
                ("query", "pipes") => "pipeDelimited",
                ("query", _) => "form",
                _ => "simple",
            };
            return Self { name: name.to_owned(), explode: collection == "multi" };
        }
        let default = if matches!(place, "query" | "cookie") { "form" } else { "simple" };
        let name = parameter.text("style").unwrap_or_else(|| default.to_owned());
        let explode = match parameter.get("explode") {
            Some(_) => parameter.flag("explode"),
            None => name == "form",
        };
        Self { name, explode }
    }

    /// Pairs `name=value` of a query, escaped. Cookies are written alike.
    pub(super) fn in_query(&self, name: &str, value: &Value) -> Vec<String> {
        let key = escaped(name);
        let delimiter = match self.name.as_str() {
            "spaceDelimited" => "%20",
            "tabDelimited" => "%09",
            "pipeDelimited" => "%7C",
            _ => ",",
        };
        match value {
            Value::Array(items) if self.explode => {
                items.iter().map(|item| format!("{key}={}", escaped(&text(item)))).collect()
            }
            Value::Array(items) => vec![format!("{key}={}", joined(items.iter().map(text), delimiter))],
            Value::Object(members) if self.name == "deepObject" => members
                .iter()
                .map(|(member, value)| format!("{key}%5B{}%5D={}", escaped(member), escaped(&text(value))))
                .collect(),
            Value::Object(_) if self.explode => pairs(value),
            Value::Object(_) => vec![format!("{key}={}", joined(members(value), delimiter))],
            one => vec![format!("{key}={}", escaped(&text(one)))],
        }
    }

    /// A segment of a path, escaped.
    pub(super) fn in_path(&self, name: &str, value: &Value) -> String {
        let (before, between) = match (self.name.as_str(), self.explode) {
            ("label", true) => (".".to_owned(), ".".to_owned()),
            ("label", false) => (".".to_owned(), ",".to_owned()),
            ("matrix", true) => (format!(";{}=", escaped(name)), format!(";{}=", escaped(name))),
            ("matrix", false) => (format!(";{}=", escaped(name)), ",".to_owned()),
            _ => (String::new(), ",".to_owned()),
        };
        match value {
            Value::Array(items) => format!("{before}{}", joined(items.iter().map(text), &between)),
            Value::Object(_) if self.explode && self.name == "matrix" => {
                format!(";{}", pairs(value).join(";"))
            }
            Value::Object(_) if self.explode => format!("{before}{}", pairs(value).join(&between)),
            Value::Object(_) => format!("{before}{}", joined(members(value), &between)),
            one => format!("{before}{}", escaped(&text(one))),
        }
    }

    /// The value of a header field.
    pub(super) fn in_header(&self, value: &Value) -> String {
        let parts: Vec<String> = match value {
            Value::Array(items) => items.iter().map(text).collect(),
            Value::Object(all) if self.explode => {
                all.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
            }
            Value::Object(_) => members(value).collect(),
            one => vec![text(one)],
        };
        parts.join(",")
    }
}

/// A member and its value after each other.
fn members(value: &Value) -> impl Iterator<Item = String> {
    let all = value.as_object().into_iter().flatten();
    all.flat_map(|(name, value)| [name.clone(), text(value)])
}

fn joined(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.map(|part| escaped(&part)).collect::<Vec<_>>().join(between)
}

/// The members of an object as escaped pairs `name=value`, lists item by item.
pub(super) fn pairs(value: &Value) -> Vec<String> {
    let mut pairs = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let items = match value {
            Value::Array(items) => items.iter().map(text).collect(),
            one => vec![text(one)],
        };
        pairs.extend(items.iter().map(|item| format!("{}={}", escaped(name), escaped(item))));
    }
    pairs
}

/// A value as text; what has parts is JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
