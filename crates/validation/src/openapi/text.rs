//! From text to JSON, after the outline of a schema.

use crate::json::{is_number, push_string};
use crate::schema::{Kinds, Shape};

/// A value that is put together from several texts.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Text(String),
    /// JSON as it stands.
    Json(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// How deep brackets in names may nest.
const MAX_BRACKETS: usize = 16;

/// Appends a text as the JSON value that a schema takes it for.
pub(crate) fn push_scalar(json: &mut String, text: &str, shape: Option<&Shape>) {
    let kinds = shape.map_or(Kinds::NONE, |shape| shape.kinds);
    if kinds.has(Kinds::NUMBER) && is_number(text).is_some()
        || kinds.has(Kinds::BOOLEAN) && matches!(text, "true" | "false")
        || kinds.has(Kinds::NULL) && text == "null" && !kinds.has(Kinds::STRING)
    {
        json.push_str(text);
    } else if kinds.has(Kinds::NULL) && text.is_empty() {
        json.push_str("null");
    } else {
        push_string(json, text);
    }
}

impl Tree {
    /// Appends the value as JSON.
    pub(crate) fn push(&self, json: &mut String, shape: Option<&Shape>) {
        match self {
            Self::Text(text) => push_scalar(json, text, shape),
            Self::Json(text) => json.push_str(text),
            Self::Array(items) => {
                let inner = shape.and_then(|shape| shape.items.as_deref());
                json.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        json.push(',');
                    }
                    item.push(json, inner);
                }
                json.push(']');
            }
            Self::Object(members) => {
                json.push('{');
                for (number, (name, value)) in members.iter().enumerate() {
                    if number > 0 {
                        json.push(',');
                    }
                    push_string(json, name);
                    json.push(':');
                    value.push(json, shape.and_then(|shape| shape.property(name)));
                }
                json.push('}');
            }
        }
    }

    /// Puts a text where brackets lead: `[a][b]`, `[]`, `[0]`. The error says what is wrong.
    pub(crate) fn insert(
        &mut self,
        path: &[&str],
        value: String,
        shape: Option<&Shape>,
    ) -> Result<(), String> {
        let Some((step, rest)) = path.split_first() else { return Err("a value is there twice".to_owned()) };
        if path.len() > MAX_BRACKETS {
            return Err(format!("brackets are nested deeper than {MAX_BRACKETS} levels"));
        }
        let is_list = shape.is_some_and(|shape| shape.is_array() && !shape.is_object());
        let is_position = step.is_empty() || is_list && step.bytes().all(|byte| byte.is_ascii_digit());
        if is_position {
            let Self::Array(items) = self else { return Err("a list and an object are mixed".to_owned()) };
            let inner = shape.and_then(|shape| shape.items.as_deref());
            let index = if step.is_empty() { items.len() } else { step.parse().unwrap_or(usize::MAX) };
            if index > items.len() {
                return Err("an item of a list is left out".to_owned());
            }
            if rest.is_empty() {
                if index < items.len() {
                    return Err("an item of a list is there twice".to_owned());
                }
                items.push(Self::Text(value));
                return Ok(());
            }
            if index == items.len() {
                items.push(Self::empty(rest, inner));
            }
            return match items.get_mut(index) {
                Some(item) => item.insert(rest, value, inner),
                None => Ok(()),
            };
        }
        let Self::Object(members) = self else { return Err("a list and an object are mixed".to_owned()) };
        let inner = shape.and_then(|shape| shape.property(step));
        let known = members.iter().position(|(name, _)| name == step);
        if rest.is_empty() {
            if known.is_some() {
                return Err(format!("the property '{step}' is there twice"));
            }
            members.push(((*step).to_owned(), Self::Text(value)));
            return Ok(());
        }
        let at = known.unwrap_or_else(|| {
            members.push(((*step).to_owned(), Self::empty(rest, inner)));
            members.len() - 1
        });
        match members.get_mut(at) {
            Some((_, member)) => member.insert(rest, value, inner),
            None => Ok(()),
        }
    }

    /// What brackets begin with.
    pub(crate) fn empty(path: &[&str], shape: Option<&Shape>) -> Self {
        let is_list = shape.is_some_and(|shape| shape.is_array() && !shape.is_object());
        if path.first() == Some(&"") || is_list { Self::Array(Vec::new()) } else { Self::Object(Vec::new()) }
    }
}

/// The name before brackets, and what stands in them: `a[b][]` is `a`, `b` and nothing.
pub(crate) fn brackets(name: &str) -> Option<(&str, Vec<&str>)> {
    let open = name.find('[')?;
    let (base, mut rest) = name.split_at(open);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[')?;
        let (step, after) = inner.split_once(']')?;
        if step.contains('[') {
            return None;
        }
        steps.push(step);
        rest = after;
    }
    Some((base, steps))
}
