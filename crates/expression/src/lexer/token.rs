//! What the lexer yields.

use std::sync::Arc;

use crate::diagnostic::Span;
use crate::value::Value;

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
    /// Offset just after it.
    pub(crate) end: u32,
}

/// The kinds of tokens.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The end of the text.
    End,
    /// `$"…"`.
    Interpolated(Arc<[Part]>),
    /// A number, character or string.
    Literal(Value),
    /// An identifier or keyword.
    Name(Arc<str>),
    /// An operator, bracket or separator.
    Punctuation(&'static str),
    /// An identifier written with `@`, which is never a keyword.
    Verbatim(Arc<str>),
}

/// A piece of an interpolated string.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// `{expression,alignment:format}`.
    Hole {
        /// Where the expression's text starts and ends.
        start: usize,
        end: usize,
        alignment: Option<i32>,
        format: Option<Arc<str>>,
    },
    /// Literal text, escapes resolved.
    Text(Arc<str>),
}
