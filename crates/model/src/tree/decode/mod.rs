//! Strict reading of trees. A [`Shape`] says once what a value looks like: it turns a node into a value, telling
//! everything that is wrong with it and never only the first, and it describes itself as JSON Schema. Reader and
//! schema are one piece of code and cannot differ.

mod collections;
mod fields;
mod scalars;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::Node;
use crate::{Diagnostic, Diagnostics, Location};

pub use self::collections::{List, Map, OneOrMany, Placed, Record, list, located, map, one_or_many, record};
pub use self::fields::Fields;
pub use self::scalars::{
    Boolean, Choice, Integer, Invalid, Parsed, Text, boolean, choice, integer, parsed, text,
};

/// What a value must look like.
pub trait Shape {
    /// What a node becomes.
    type Value;

    /// The value of a node; `None` when it does not fit, which `context` has been told then.
    fn decode(&self, node: &Node, context: &mut Context) -> Option<Self::Value>;

    /// What it must be, with an article: `a list of gateway, metrics`.
    fn expected(&self) -> String;

    /// What entries of a list must be: `gateway, metrics` or `host names`.
    fn expected_entries(&self) -> String;

    /// The shape as JSON Schema 2020-12.
    fn schema(&self) -> Value;
}

/// A shape whose values can be written down, for the defaults in a schema.
pub trait Show: Shape {
    /// The value as one would write it.
    fn show(&self, value: &Self::Value) -> Value;
}

/// Where a reader is, and what it has found.
#[derive(Debug)]
pub struct Context {
    file: Arc<Path>,
    subject: String,
    diagnostics: Diagnostics,
}

impl Context {
    /// At the top of a file, where `subject` names the whole: `the configuration`.
    pub fn new(file: Arc<Path>, subject: impl Into<String>) -> Self {
        Self { file, subject: subject.into(), diagnostics: Diagnostics::new() }
    }

    /// The file.
    pub fn file(&self) -> &Arc<Path> {
        &self.file
    }

    /// What messages call the value under way: `` `serves` `` or `` an entry of `serves` ``.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Everything that was found.
    pub fn into_diagnostics(self) -> Diagnostics {
        self.diagnostics
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The place of a node.
    pub fn place(&self, node: &Node) -> Location {
        node.location(&self.file)
    }

    /// Tells that something belongs to a later version.
    pub fn not_yet_available(&mut self, location: Location, what: &str) {
        let message = format!("{what} is not yet available in this version");
        self.push(Diagnostic::error("not-yet-available", location, message));
    }

    /// Tells that a node is not what it must be, and how to write it where that is plain.
    pub fn wrong_type(&mut self, node: &Node, expected: &str) {
        let location = self.place(node);
        if node.is_null() {
            let message = format!("{} has no value; it must be {expected}", self.subject);
            self.push(
                Diagnostic::error("wrong-type", location, message).fix("leave the key out for its default"),
            );
            return;
        }
        let message = format!("{} must be {expected}, not {}", self.subject, node.kind());
        self.push(Diagnostic::error("wrong-type", location, message));
    }

    /// Tells that a node has the right type and a wrong value.
    pub fn invalid(&mut self, node: &Node, expected: &str, invalid: Invalid) {
        let written = node.scalar_text().unwrap_or_default();
        let message = match invalid.reason {
            Some(reason) => format!("{} must be {expected}: {reason}", self.subject),
            None => format!("{} must be {expected}, not `{}`", self.subject, shortened(&written)),
        };
        let mut diagnostic = Diagnostic::error("invalid-value", self.place(node), message);
        diagnostic.fix = invalid.fix;
        self.push(diagnostic);
    }

    /// Runs a part of the reading under another subject.
    pub fn under<T>(&mut self, subject: String, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.subject, subject);
        let value = read(self);
        self.subject = outer;
        value
    }
}

/// A text of any length as messages show it.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
