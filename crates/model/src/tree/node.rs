//! A value with its place in the file.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use serde_json::Number;

use crate::Location;

/// A value of a YAML or JSON document and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: NodeValue,
    /// Line of its first character, from 1.
    pub line: u32,
    /// Column of its first character, in characters from 1.
    pub column: u32,
    /// What the author wrote, where the value does not say it: `1.10`, `0x1F`, `~`.
    source: Option<Box<str>>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// `null`, or nothing.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A finite number.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys, each once, in the order of the file.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key as text; `200:` and `"200":` are the same key.
    pub text: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Key {
    /// The place of the key in its file.
    pub fn location(&self, file: &Arc<Path>) -> Location {
        Location::new(Arc::clone(file), self.line, self.column)
    }
}

impl Node {
    /// A value at a place.
    pub fn new(value: NodeValue, line: u32, column: u32) -> Self {
        Self { value, line, column, source: None }
    }

    /// The same node, remembering how the author wrote it.
    pub(super) fn written(mut self, source: &str) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The place of the value in its file.
    pub fn location(&self, file: &Arc<Path>) -> Location {
        Location::new(Arc::clone(file), self.line, self.column)
    }

    /// The value of a key; `None` also where the node is no mapping. A linear search: build an index for lookups in
    /// large mappings.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// A key together with its value.
    pub fn entry(&self, key: &str) -> Option<(&Key, &Self)> {
        self.as_mapping()?
            .iter()
            .find(|(candidate, _)| candidate.text == key)
            .map(|(key, value)| (key, value))
    }

    /// The node that an RFC 6901 JSON pointer names, such as `/paths/~1orders/get`; the empty pointer names the node
    /// itself.
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |node, token| {
            let token: Cow<'_, str> = if token.contains('~') {
                token.replace("~1", "/").replace("~0", "~").into()
            } else {
                token.into()
            };
            match &node.value {
                NodeValue::Mapping(_) => node.get(&token),
                NodeValue::Sequence(items) if token == "0" || !token.starts_with(['0', '+']) => {
                    items.get(token.parse::<usize>().ok()?)
                }
                _ => None,
            }
        })
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string, or of a number or a boolean as the author wrote it: what a reader wants that takes
    /// `version: 1.10` for the text `1.10`.
    pub fn scalar_text(&self) -> Option<Cow<'_, str>> {
        if let (Some(source), false) = (&self.source, self.is_null()) {
            return Some(Cow::Borrowed(source));
        }
        match &self.value {
            NodeValue::String(text) => Some(Cow::Borrowed(text)),
            NodeValue::Number(number) => Some(Cow::Owned(number.to_string())),
            NodeValue::Boolean(true) => Some(Cow::Borrowed("true")),
            NodeValue::Boolean(false) => Some(Cow::Borrowed("false")),
            NodeValue::Null | NodeValue::Sequence(_) | NodeValue::Mapping(_) => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            NodeValue::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// A whole number from 0.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.value {
            NodeValue::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// A whole number.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.value {
            NodeValue::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// A number.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.value {
            NodeValue::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_sequence(&self) -> Option<&[Self]> {
        match &self.value {
            NodeValue::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping in the order of the file.
    pub fn as_mapping(&self) -> Option<&[(Key, Self)]> {
        match &self.value {
            NodeValue::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether it is `null` or nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }

    /// What it is, with its article, for messages: `a string`, `a mapping`.
    pub fn kind(&self) -> &'static str {
        match self.value {
            NodeValue::Null => "null",
            NodeValue::Boolean(_) => "a boolean",
            NodeValue::Number(_) => "a number",
            NodeValue::String(_) => "a string",
            NodeValue::Sequence(_) => "a list",
            NodeValue::Mapping(_) => "a mapping",
        }
    }

    /// The value without places.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            NodeValue::Null => serde_json::Value::Null,
            NodeValue::Boolean(value) => serde_json::Value::Bool(*value),
            NodeValue::Number(number) => serde_json::Value::Number(number.clone()),
            NodeValue::String(text) => serde_json::Value::String(text.clone()),
            NodeValue::Sequence(items) => items.iter().map(Self::to_json).collect(),
            NodeValue::Mapping(entries) => {
                entries.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect()
            }
        }
    }
}

/// The second of two equal keys of a mapping, with the first.
pub(super) fn duplicate_key(entries: &[(Key, Node)]) -> Option<(&Key, &Key)> {
    const PAIRWISE: usize = 12;
    if entries.len() <= PAIRWISE {
        return entries.iter().enumerate().find_map(|(at, (key, _))| {
            let (first, _) = entries.iter().take(at).find(|(earlier, _)| earlier.text == key.text)?;
            Some((key, first))
        });
    }
    let mut seen = std::collections::HashMap::with_capacity(entries.len());
    entries.iter().find_map(|(key, _)| seen.insert(key.text.as_str(), key).map(|first| (key, first)))
}
