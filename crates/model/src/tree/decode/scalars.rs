//! Shapes of single values.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::{Context, Shape, Show};
use crate::tree::{Node, NodeValue, scalar};
use crate::{Diagnostic, did_you_mean};

/// Why a value of the right type is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalid {
    /// The reason, where it says more than that the value is not what it must be.
    pub reason: Option<String>,
    /// What would be right.
    pub fix: Option<String>,
}

impl Invalid {
    /// For a reason that says more than that the value is not what it must be.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), fix: None }
    }

    /// Says what would be right.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// `true` or `false`.
#[derive(Clone, Copy, Debug)]
pub struct Boolean;

/// `true` or `false`.
pub fn boolean() -> Boolean {
    Boolean
}

impl Shape for Boolean {
    type Value = bool;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<bool> {
        let value = node.as_bool();
        if value.is_none() {
            context.wrong_type(node, &self.expected());
        }
        value
    }

    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn expected_entries(&self) -> String {
        self.expected()
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean" })
    }
}

impl Show for Boolean {
    fn show(&self, value: &bool) -> Value {
        json!(value)
    }
}

/// A whole number within a range.
#[derive(Clone, Debug)]
pub struct Integer(RangeInclusive<u64>);

/// A whole number within a range.
pub fn integer(range: RangeInclusive<u64>) -> Integer {
    Integer(range)
}

impl Shape for Integer {
    type Value = u64;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<u64> {
        let NodeValue::Number(_) = node.value else {
            context.wrong_type(node, &self.expected());
            return None;
        };
        let value = node.as_u64().filter(|value| self.0.contains(value));
        if value.is_none() {
            context.invalid(node, &self.expected(), Invalid::default());
        }
        value
    }

    fn expected(&self) -> String {
        format!("a whole number from {} to {}", self.0.start(), self.0.end())
    }

    fn expected_entries(&self) -> String {
        format!("whole numbers from {} to {}", self.0.start(), self.0.end())
    }

    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": self.0.start(), "maximum": self.0.end() })
    }
}

impl Show for Integer {
    fn show(&self, value: &u64) -> Value {
        json!(value)
    }
}

/// Text that is not empty.
#[derive(Clone, Copy, Debug)]
pub struct Text;

/// Text that is not empty.
pub fn text() -> Text {
    Text
}

impl Shape for Text {
    type Value = String;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<String> {
        let text = text_of(node, "text", context)?;
        if text.is_empty() {
            context.invalid(node, "text", Invalid::because("it is empty"));
            return None;
        }
        Some(text.into_owned())
    }

    fn expected(&self) -> String {
        "text".to_owned()
    }

    fn expected_entries(&self) -> String {
        "texts".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Show for Text {
    fn show(&self, value: &String) -> Value {
        json!(value)
    }
}

/// Text with a syntax of its own.
pub struct Parsed<T> {
    expected: &'static str,
    entries: &'static str,
    pattern: &'static str,
    numbers: bool,
    parse: fn(&str) -> Result<T, Invalid>,
    write: fn(&T) -> String,
}

impl<T> fmt::Debug for Parsed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parsed").field(&self.expected).finish()
    }
}

/// Text with a syntax of its own: what one and what several of them are called, the regular expression that editors
/// check (it may let more pass than `parse` does), how to read one and how to write one.
pub fn parsed<T>(
    [expected, entries]: [&'static str; 2],
    pattern: &'static str,
    parse: fn(&str) -> Result<T, Invalid>,
    write: fn(&T) -> String,
) -> Parsed<T> {
    Parsed { expected, entries, pattern, numbers: false, parse, write }
}

impl<T> Parsed<T> {
    /// Reads a text that stands within another syntax.
    pub fn read(&self, text: &str) -> Result<T, Invalid> {
        (self.parse)(text)
    }

    /// Takes a number without quotes too, as it is written.
    pub fn or_number(mut self) -> Self {
        self.numbers = true;
        self
    }
}

impl<T> Shape for Parsed<T> {
    type Value = T;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<T> {
        let text = match node.value {
            NodeValue::Number(_) if self.numbers => node.scalar_text()?,
            _ => text_of(node, self.expected, context)?,
        };
        (self.parse)(&text).map_err(|invalid| context.invalid(node, self.expected, invalid)).ok()
    }

    fn expected(&self) -> String {
        self.expected.to_owned()
    }

    fn expected_entries(&self) -> String {
        self.entries.to_owned()
    }

    fn schema(&self) -> Value {
        let types = if self.numbers { json!(["string", "integer"]) } else { json!("string") };
        json!({ "type": types, "pattern": self.pattern })
    }
}

impl<T> Show for Parsed<T> {
    fn show(&self, value: &T) -> Value {
        json!((self.write)(value))
    }
}

/// One of a few words.
#[derive(Debug)]
pub struct Choice<T> {
    words: Vec<(&'static str, T)>,
    later: &'static [&'static str],
}

/// One of a few words.
pub fn choice<T: Copy>(words: &[(&'static str, T)]) -> Choice<T> {
    Choice { words: words.to_vec(), later: &[] }
}

impl<T: Copy> Choice<T> {
    /// Words of a later version: refused as such.
    pub fn later(mut self, words: &'static [&'static str]) -> Self {
        self.later = words;
        self
    }

    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.words.iter().map(|(word, _)| *word)
    }
}

impl<T: Copy> Shape for Choice<T> {
    type Value = T;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<T> {
        let Some(written) = node.scalar_text() else {
            context.wrong_type(node, &self.expected());
            return None;
        };
        if let Some((_, value)) = self.words.iter().find(|(word, _)| *word == written) {
            return Some(*value);
        }
        if self.later.contains(&written.as_ref()) {
            context.not_yet_available(context.place(node), &format!("`{written}`"));
            return None;
        }
        let mut invalid = Invalid::default();
        if let Some(word) = did_you_mean(&written, self.words()) {
            invalid = invalid.fix(format!("did you mean `{word}`?"));
        }
        context.invalid(node, &self.expected(), invalid);
        None
    }

    fn expected(&self) -> String {
        let words: Vec<_> = self.words().collect();
        match words.as_slice() {
            [] | [_] => words.concat(),
            [words @ .., last] => format!("{} or {last}", words.join(", ")),
        }
    }

    fn expected_entries(&self) -> String {
        self.words().collect::<Vec<_>>().join(", ")
    }

    fn schema(&self) -> Value {
        // What YAML takes for a number or a boolean without quotes is the same word here.
        let typed = self.words().filter_map(|word| scalar::resolve(word).ok()).map(|value| match value {
            NodeValue::Number(number) => Some(Value::Number(number)),
            NodeValue::Boolean(value) => Some(Value::Bool(value)),
            _ => None,
        });
        json!({ "enum": self.words().map(Value::from).chain(typed.flatten()).collect::<Vec<_>>() })
    }
}

impl<T: Copy + PartialEq> Show for Choice<T> {
    fn show(&self, value: &T) -> Value {
        self.words
            .iter()
            .find(|(_, candidate)| candidate == value)
            .map_or(Value::Null, |(word, _)| json!(word))
    }
}

/// The text of a string. A number or a boolean in its place is told with the quotes that it needs.
fn text_of<'n>(node: &'n Node, expected: &str, context: &mut Context) -> Option<Cow<'n, str>> {
    if let Some(text) = node.as_str() {
        return Some(Cow::Borrowed(text));
    }
    match node.scalar_text() {
        Some(written) => {
            let message = format!("{} must be {expected}, not {}", context.subject(), node.kind());
            let location = context.place(node);
            let error = Diagnostic::error("wrong-type", location, message);
            context.push(error.fix(format!("put it in quotes if it is meant: \"{written}\"")));
        }
        None => context.wrong_type(node, expected),
    }
    None
}
