//! Text of a document: decoded, and still able to say where each of its characters stands.

use gatehouse_model::Location;

use super::cursor::advance;

/// The text of an attribute or an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The characters, entities decoded, line ends as line feeds.
    pub text: String,
    /// Where the first of them stands.
    pub location: Location,
    /// Offsets in `text` from which places are counted anew, because decoding has changed the distance.
    marks: Vec<(usize, Location)>,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// It stands for itself.
    Literal,
    /// It begins with `@(` or `@{`.
    Expression,
}

impl Text {
    /// No characters yet.
    pub(crate) fn empty(location: Location) -> Self {
        Self { text: String::new(), location, marks: Vec::new() }
    }

    /// Whether the text is an expression once white space around it is taken off.
    pub fn kind(&self) -> TextKind {
        let trimmed = self.text.trim_start();
        if trimmed.starts_with("@(") || trimmed.starts_with("@{") {
            TextKind::Expression
        } else {
            TextKind::Literal
        }
    }

    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Adds text that stands at a place; `\r\n` becomes `\n`.
    pub(crate) fn push(&mut self, text: &str, location: Location) {
        if text.is_empty() {
            return;
        }
        if self.text.is_empty() {
            self.location = location.clone();
        }
        self.marks.push((self.text.len(), location));
        if text.contains("\r\n") {
            self.text.push_str(&text.replace("\r\n", "\n"));
        } else {
            self.text.push_str(text);
        }
    }

    /// Where the character at a byte offset stands.
    pub fn locate(&self, offset: usize) -> Location {
        let after = self.marks.partition_point(|(start, _)| *start <= offset);
        let Some((start, location)) = after.checked_sub(1).and_then(|index| self.marks.get(index)) else {
            return self.location.clone();
        };
        let passed = self.text.get(*start..offset).unwrap_or_default();
        let (line, column) = advance((location.line, location.column), passed);
        Location::new(location.file.clone(), line, column)
    }

    /// A part of the text, by byte offsets.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Self {
        let mut part = Self::empty(self.locate(start));
        part.text.push_str(self.text.get(start..end).unwrap_or_default());
        part.marks.push((0, part.location.clone()));
        let within = self.marks.iter().filter(|(offset, _)| *offset > start && *offset < end);
        part.marks.extend(within.map(|(offset, location)| (offset - start, location.clone())));
        part
    }

    /// The text without white space at its ends.
    pub(crate) fn trimmed(&self) -> Self {
        let start = self.text.len() - self.text.trim_start().len();
        let end = start + self.text.trim().len();
        self.slice(start, end)
    }

    /// Adds another text with the places that it knows.
    pub(crate) fn append(&mut self, other: &Self) {
        if self.text.is_empty() {
            self.location = other.location.clone();
        }
        let shift = self.text.len();
        self.text.push_str(&other.text);
        self.marks.extend(other.marks.iter().map(|(offset, location)| (offset + shift, location.clone())));
    }
}
