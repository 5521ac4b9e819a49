//! `${NAME}` in scalars.

use std::path::Path;
use std::sync::Arc;

use crate::{Diagnostic, Diagnostics, Location};

/// Where a scalar stands, to find the place of a reference within it.
pub(super) struct Origin<'a> {
    pub(super) document: &'a str,
    pub(super) file: &'a Arc<Path>,
    /// Line from 1, column from 0.
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The text with its references replaced; `None`: nothing of it is well-formed and set.
pub(super) fn expand(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
    origin: &Origin<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    let mut failed = false;
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
        let name = reference.split_once('}').filter(|(name, _)| is_name(name));
        let problem = match name {
            None => Diagnostic::error(
                "environment-variable",
                origin.nth_reference(nth),
                "`${` begins the name of an environment variable, and none follows",
            )
            .fix("write `${NAME}`, or `$${` for the two characters"),
            Some((name, after)) => match environment(name) {
                Some(value) => {
                    expanded.push_str(&value);
                    rest = after;
                    continue;
                }
                None => Diagnostic::error(
                    "environment-variable",
                    origin.nth_reference(nth),
                    format!("the environment variable `{name}` is not set"),
                ),
            },
        };
        diagnostics.push(problem);
        failed = true;
        rest = name.map_or(reference, |(_, after)| after);
    }
    expanded.push_str(rest);
    (!failed).then_some(expanded)
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
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
