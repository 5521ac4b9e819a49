//! What is wrong with an expression that does not compile.

/// One error found while an expression was read or bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}{}", self.suggestion.as_ref().map(|s| format!(" ({s})")).unwrap_or_default())]
pub struct Diagnostic {
    /// Line, from 1, relative to the start of the expression.
    pub line: u32,
    /// Column in characters, from 1, relative to the start of its line.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What would be right, where that can be said.
    pub suggestion: Option<String>,
}

/// A byte range of the source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
}

/// An error with its place still as an offset.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) at: Span,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
}

impl Fault {
    pub(crate) fn new(at: Span, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), suggestion: None }
    }

    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    pub(crate) fn locate(self, source: &str) -> Diagnostic {
        let mut end = (self.at.start as usize).min(source.len());
        while !source.is_char_boundary(end) {
            end -= 1;
        }
        let before = source.get(..end).unwrap_or_default();
        let line = before.bytes().filter(|b| *b == b'\n').count() as u32 + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u32 + 1;
        Diagnostic { line, column, message: self.message, suggestion: self.suggestion }
    }
}

/// The candidate nearest to what was written, when it is near enough to be meant.
pub(crate) fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = written.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&wanted, &c.to_lowercase()), c))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}
