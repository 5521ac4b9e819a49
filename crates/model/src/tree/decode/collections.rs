//! Shapes of lists and mappings.

use std::fmt;

use serde_json::{Value, json};

use super::{Context, Fields, Shape, Show};
use crate::tree::Node;
use crate::{Diagnostic, Located, Location};

/// A list of values of one shape.
#[derive(Debug)]
pub struct List<S> {
    entry: S,
    least: usize,
    unique: bool,
}

/// A list of values of one shape.
pub fn list<S: Shape>(entry: S) -> List<S> {
    List { entry, least: 0, unique: false }
}

impl<S> List<S> {
    /// Refuses an empty list.
    pub fn not_empty(mut self) -> Self {
        self.least = 1;
        self
    }

    /// Refuses the same word twice.
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }
}

impl<S: Shape> Shape for List<S> {
    type Value = Vec<S::Value>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Vec<S::Value>> {
        let Some(entries) = node.as_sequence() else {
            context.wrong_type(node, &self.expected());
            return None;
        };
        if entries.len() < self.least {
            let message = format!("{} must not be empty: it must be {}", context.subject(), self.expected());
            let location = context.place(node);
            context.push(Diagnostic::error("empty-list", location, message));
            return None;
        }
        if self.unique {
            refuse_repetition(entries, context);
        }
        let subject = format!("an entry of {}", context.subject());
        let decoded = context.under(subject, |context| {
            entries.iter().map(|entry| self.entry.decode(entry, context)).collect::<Vec<_>>()
        });
        // All entries have been looked at; the good ones alone go on, for the checks that follow.
        Some(decoded.into_iter().flatten().collect())
    }

    fn expected(&self) -> String {
        format!("a list of {}", self.entry.expected_entries())
    }

    fn expected_entries(&self) -> String {
        format!("lists of {}", self.entry.expected_entries())
    }

    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "array", "items": self.entry.schema() });
        if let Value::Object(schema) = &mut schema {
            if self.least > 0 {
                schema.insert("minItems".to_owned(), json!(self.least));
            }
            if self.unique {
                schema.insert("uniqueItems".to_owned(), json!(true));
            }
        }
        schema
    }
}

impl<S: Show> Show for List<S> {
    fn show(&self, value: &Vec<S::Value>) -> Value {
        value.iter().map(|entry| self.entry.show(entry)).collect()
    }
}

fn refuse_repetition(entries: &[Node], context: &mut Context) {
    let mut seen = std::collections::HashMap::new();
    for entry in entries {
        let Some(text) = entry.scalar_text() else { continue };
        if let Some(first) = seen.insert(text.to_ascii_lowercase(), entry) {
            let message =
                format!("`{text}` stands in {} twice, first in line {}", context.subject(), first.line);
            let location = context.place(entry);
            context.push(Diagnostic::error("duplicate-value", location, message));
        }
    }
}

/// One value, or a list of them.
#[derive(Debug)]
pub struct OneOrMany<S>(List<S>);

/// One value, or a list of them that is not empty.
pub fn one_or_many<S: Shape>(entry: S) -> OneOrMany<S> {
    OneOrMany(list(entry).not_empty().unique())
}

impl<S: Shape> Shape for OneOrMany<S> {
    type Value = Vec<S::Value>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Vec<S::Value>> {
        if node.as_sequence().is_some() {
            return self.0.decode(node, context);
        }
        if node.as_mapping().is_some() {
            context.wrong_type(node, &self.expected());
            return None;
        }
        self.0.entry.decode(node, context).map(|value| vec![value])
    }

    fn expected(&self) -> String {
        format!("{} or {}", self.0.entry.expected(), self.0.expected())
    }

    fn expected_entries(&self) -> String {
        self.0.expected_entries()
    }

    fn schema(&self) -> Value {
        json!({ "oneOf": [self.0.entry.schema(), self.0.schema()] })
    }
}

/// A mapping from names of the user to values of one shape.
#[derive(Debug)]
pub struct Map<S> {
    names: &'static str,
    value: S,
}

/// A mapping from names of the user, which `names` says in the plural, to values of one shape.
pub fn map<S: Shape>(names: &'static str, value: S) -> Map<S> {
    Map { names, value }
}

impl<S: Shape> Shape for Map<S> {
    type Value = Vec<(Located<String>, S::Value)>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Self::Value> {
        let Some(entries) = node.as_mapping() else {
            context.wrong_type(node, &self.expected());
            return None;
        };
        let read = entries.iter().filter_map(|(key, value)| {
            let value =
                context.under(format!("`{}`", key.text), |context| self.value.decode(value, context))?;
            Some((Located::new(key.text.clone(), key.location(context.file())), value))
        });
        Some(read.collect())
    }

    fn expected(&self) -> String {
        format!("a mapping of {}", self.names)
    }

    fn expected_entries(&self) -> String {
        format!("mappings of {}", self.names)
    }

    fn schema(&self) -> Value {
        json!({ "type": "object", "additionalProperties": self.value.schema() })
    }
}

/// A mapping with known keys.
pub struct Record<F> {
    noun: &'static str,
    read: F,
}

impl<F> fmt::Debug for Record<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Record").field(&self.noun).finish()
    }
}

/// A mapping with known keys. `noun` names one with its article: `a listener`. `read` asks for every key, whatever
/// it gets, before it decides anything.
pub fn record<T, F: Fn(&mut Fields<'_>) -> Option<T>>(noun: &'static str, read: F) -> Record<F> {
    Record { noun, read }
}

impl<T, F: Fn(&mut Fields<'_>) -> Option<T>> Shape for Record<F> {
    type Value = T;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<T> {
        let Some(entries) = node.as_mapping() else {
            context.wrong_type(node, &self.expected());
            return None;
        };
        let mut fields = Fields::of(self.noun, node, entries, context);
        let value = (self.read)(&mut fields);
        fields.finish();
        value
    }

    fn expected(&self) -> String {
        "a mapping".to_owned()
    }

    fn expected_entries(&self) -> String {
        "mappings".to_owned()
    }

    fn schema(&self) -> Value {
        let mut fields = Fields::description();
        (self.read)(&mut fields);
        fields.finish()
    }
}

/// A value together with its place.
#[derive(Debug)]
pub struct Placed<S>(S);

/// A value together with its place.
pub fn located<S: Shape>(shape: S) -> Placed<S> {
    Placed(shape)
}

impl<S: Shape> Shape for Placed<S> {
    type Value = Located<S::Value>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Located<S::Value>> {
        let location: Location = context.place(node);
        self.0.decode(node, context).map(|value| Located::new(value, location))
    }

    fn expected(&self) -> String {
        self.0.expected()
    }

    fn expected_entries(&self) -> String {
        self.0.expected_entries()
    }

    fn schema(&self) -> Value {
        self.0.schema()
    }
}

impl<S: Show> Show for Placed<S> {
    fn show(&self, value: &Located<S::Value>) -> Value {
        self.0.show(&value.value)
    }
}
