//! A place in a text that knows its line and column.

use std::path::Path;
use std::sync::Arc;

use gatehouse_model::Location;

/// Walks over a text.
#[derive(Clone)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    file: &'t Arc<Path>,
    at: usize,
    line: u32,
    column: u32,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, file: &'t Arc<Path>) -> Self {
        Self { text, file, at: 0, line: 1, column: 1 }
    }

    /// The byte offset.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn location(&self) -> Location {
        Location::new(Arc::clone(self.file), self.line, self.column)
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The character before the cursor.
    pub(super) fn previous(&self) -> Option<char> {
        self.text.get(..self.at)?.chars().next_back()
    }

    /// Goes on to a byte offset and gives the text on the way.
    pub(super) fn skip_to(&mut self, offset: usize) -> &'t str {
        let passed = self.text.get(self.at..offset).unwrap_or_default();
        (self.line, self.column) = advance((self.line, self.column), passed);
        self.at += passed.len();
        passed
    }

    pub(super) fn skip(&mut self, bytes: usize) -> &'t str {
        self.skip_to(self.at + bytes)
    }

    /// Passes a string if it stands here.
    pub(super) fn eat(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.skip(expected.len());
        }
        found
    }

    /// Passes everything up to and with a string; gives what stood before it. Stays where the string does not follow.
    pub(super) fn eat_until(&mut self, end: &str) -> Option<&'t str> {
        let length = self.rest().find(end)?;
        let passed = self.skip(length);
        self.skip(end.len());
        Some(passed)
    }

    /// Passes white space; says whether there was any.
    pub(super) fn eat_white_space(&mut self) -> bool {
        let length = self.rest().find(|c: char| !is_white_space(c)).unwrap_or(self.rest().len());
        self.skip(length);
        length > 0
    }
}

/// White space of XML 1.0, section 2.3.
pub(super) fn is_white_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Line and column after a text. A line ends with its line feed.
pub(super) fn advance((mut line, mut column): (u32, u32), text: &str) -> (u32, u32) {
    for c in text.chars() {
        if c == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    (line, column)
}
