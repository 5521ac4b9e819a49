//! `${NAME}` in scalars.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::{Diagnostic, Diagnostics, Location};

/// What `${NAME}` stands for, and which scalars could not be told.
pub struct Environment<'l> {
    lookup: &'l dyn Fn(&str) -> Option<String>,
    diagnostics: Diagnostics,
    unresolved: Vec<Location>,
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("diagnostics", &self.diagnostics).finish_non_exhaustive()
    }
}

/// How many different problems of one scalar are told.
const MAX_TOLD: usize = 20;

impl<'l> Environment<'l> {
    /// The variables that a lookup answers.
    pub fn new(lookup: &'l dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, diagnostics: Diagnostics::new(), unresolved: Vec::new() }
    }

    /// The references that are malformed or unset, and the places of the scalars that hold them: what is said about
    /// these scalars otherwise is only a consequence.
    pub fn into_findings(self) -> (Diagnostics, Vec<Location>) {
        (self.diagnostics, self.unresolved)
    }

    /// The text with its references replaced; `None` where that fails.
    pub(super) fn expand(&mut self, text: &str, origin: &Origin<'_>) -> Option<String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        let mut failed = false;
        let mut told = Vec::new();
        for nth in 0.. {
            let Some(start) = rest.find("${") else { break };
            let (before, reference) = rest.split_at(start);
            let reference = reference.get(2..).unwrap_or("");
            if let Some(before) = before.strip_suffix('$') {
                expanded.push_str(before);
                expanded.push_str("${");
                rest = reference;
                continue;
            }
            expanded.push_str(before);
            let named = name_of(reference);
            rest = named.map_or(reference, |(_, after)| after);
            if let Some(value) = named.and_then(|(name, _)| (self.lookup)(name)) {
                expanded.push_str(&value);
                continue;
            }
            failed = true;
            let name = named.map(|(name, _)| name);
            if told.len() < MAX_TOLD && !told.contains(&name) {
                told.push(name);
                self.diagnostics.push(unresolved(name, origin.nth_reference(nth)));
            }
        }
        if failed {
            self.unresolved.push(origin.location(origin.line, origin.column + 1));
            return None;
        }
        expanded.push_str(rest);
        Some(expanded)
    }
}

fn unresolved(name: Option<&str>, location: Location) -> Diagnostic {
    let error = |message: String| Diagnostic::error("environment-variable", location, message);
    if let Some(name) = name {
        return error(format!("the environment variable `{name}` is not set"));
    }
    error("`${` begins the name of an environment variable, and none follows".to_owned())
        .fix("write `${NAME}`, or `$${` for the two characters")
}

/// The name at the start of what follows `${`, and what follows its `}`.
fn name_of(reference: &str) -> Option<(&str, &str)> {
    let end = reference.find(|character: char| !character.is_ascii_alphanumeric() && character != '_')?;
    let (name, rest) = reference.split_at_checked(end)?;
    let named = name.starts_with(|first: char| !first.is_ascii_digit());
    rest.strip_prefix('}').filter(|_| named).map(|rest| (name, rest))
}

/// What stands for the braces of a reference while YAML is scanned, where braces of their own would begin and end
/// mappings within `[ ]` and `{ }`. Neither is a character of any text (Unicode, section 23.7).
const BRACES: [char; 2] = ['\u{10fffe}', '\u{10ffff}'];

/// The document with the braces of its references out of YAML's way, each character for one.
pub(super) fn mask(document: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut rest = document;
    while let Some((before, reference)) = rest.split_once("${") {
        masked.push_str(before);
        if let Some((name, after)) = name_of(reference) {
            let [open, close] = BRACES;
            masked.extend(['$', open]);
            masked.push_str(name);
            masked.push(close);
            rest = after;
        } else {
            masked.push_str("${");
            rest = reference;
        }
    }
    if masked.is_empty() {
        return Cow::Borrowed(document);
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// The text as the author wrote it.
pub(super) fn unmask(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains(BRACES) {
        let [open, close] = BRACES;
        return Cow::Owned(text.replace(open, "{").replace(close, "}"));
    }
    text
}

/// Where a scalar stands, to find the place of a reference within it.
pub(super) struct Origin<'a> {
    pub(super) document: &'a str,
    pub(super) file: &'a Arc<Path>,
    /// Line from 1, column from 0.
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Origin<'_> {
    /// The place of the nth `${` from the start of the scalar. Escapes before it in a double-quoted scalar do not
    /// matter, because the search is in the document as it is written.
    fn nth_reference(&self, nth: usize) -> Location {
        let mut seen = 0;
        for (index, text) in self.document.lines().enumerate().skip(self.line.saturating_sub(1)) {
            let skipped = if index + 1 == self.line { self.column } else { 0 };
            let from = text.char_indices().nth(skipped).map_or(text.len(), |(offset, _)| offset);
            for (offset, _) in text.match_indices("${").filter(|(offset, _)| *offset >= from) {
                if seen == nth {
                    let column = text.get(..offset).map_or(0, |before| before.chars().count()) + 1;
                    return self.location(index + 1, column);
                }
                seen += 1;
            }
        }
        self.location(self.line, self.column + 1)
    }

    fn location(&self, line: usize, column: usize) -> Location {
        let [line, column] = [line, column].map(|value| u32::try_from(value).unwrap_or(u32::MAX));
        Location::new(Arc::clone(self.file), line, column)
    }
}
