//! Reads tokens into the tree: C# 7, as far as policies may use it.

mod expression;
mod initializer;
mod pattern;
mod statement;
mod types;

use std::collections::HashSet;
use std::sync::Arc;

use crate::diagnostic::{Fault, Span};
use crate::lexer::{self, Kind, MAX_SOURCE, Token, scan_end};
use crate::syntax::{Body, Name, Piece};

/// Deepest nesting of expressions and statements.
const MAX_DEPTH: u32 = 64;
/// How many postfix parts (`.a.b().c`) may follow each other, and how many `?.`.
const MAX_CHAIN: usize = 128;

/// Words that are no names.
const KEYWORDS: [&str; 76] = [
    "abstract",
    "as",
    "base",
    "bool",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "checked",
    "class",
    "const",
    "continue",
    "decimal",
    "default",
    "delegate",
    "do",
    "double",
    "else",
    "enum",
    "event",
    "explicit",
    "extern",
    "false",
    "finally",
    "fixed",
    "float",
    "for",
    "foreach",
    "goto",
    "if",
    "implicit",
    "in",
    "int",
    "interface",
    "internal",
    "is",
    "lock",
    "long",
    "namespace",
    "new",
    "null",
    "object",
    "operator",
    "out",
    "override",
    "params",
    "private",
    "protected",
    "public",
    "readonly",
    "ref",
    "return",
    "sbyte",
    "sealed",
    "short",
    "sizeof",
    "stackalloc",
    "static",
    "string",
    "struct",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "uint",
    "ulong",
    "unchecked",
    "unsafe",
    "ushort",
    "using",
    "virtual",
    "void",
    "while",
];

/// Types that have a word of their own.
pub(super) const PREDEFINED: [&str; 16] = [
    "bool", "byte", "char", "decimal", "double", "float", "int", "long", "object", "sbyte", "short",
    "string", "uint", "ulong", "ushort", "void",
];

/// What the text of an expression holds.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) body: Body,
    /// Names that stand in lambdas and local functions: variables of these names may be shared with one.
    pub(crate) captured: HashSet<Arc<str>>,
}

/// Reads `@(…)` or `@{…}`.
pub(crate) fn parse(source: &str) -> Result<Parsed, Fault> {
    if source.len() > MAX_SOURCE {
        return Err(Fault::new(
            Span::default(),
            format!("the expression is longer than {} KiB", MAX_SOURCE / 1024),
        ));
    }
    let start = source.len() - source.trim_start().len();
    let end = scan_end(source, start).map_err(|e| Fault::new(Span { start: e.offset as u32 }, e.message))?;
    if let Some(extra) = source.get(end..)
        && !extra.trim().is_empty()
    {
        return Err(Fault::new(Span { start: end as u32 }, "text follows the expression's closing bracket"));
    }
    let single = source.get(start..).is_some_and(|s| s.starts_with("@("));
    let mut parser = Parser::new(source, start + 2, end - 1, 0)?;
    let body = if single {
        let value = parser.expression()?;
        parser.finish("the expression goes on after its end")?;
        Body::Expr(value)
    } else {
        let mut body = Vec::new();
        while !parser.at_end() {
            body.push(parser.statement()?);
        }
        Body::Block(body)
    };
    Ok(Parsed { body, captured: parser.captured })
}

/// Reads one run of tokens.
pub(crate) struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    /// How many more tokens may be looked at ahead before the text counts as hostile.
    ahead: usize,
    /// How many lambdas and local functions are open.
    inside: u32,
    captured: HashSet<Arc<str>>,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str, start: usize, end: usize, depth: u32) -> Result<Self, Fault> {
        let tokens = lexer::tokens(source, start, end)?;
        let ahead = tokens.len() * 24 + 256;
        Ok(Self { source, tokens, at: 0, depth, ahead, inside: 0, captured: HashSet::new() })
    }

    /// Reads the expression in a hole of an interpolated string.
    fn hole(&mut self, start: usize, end: usize) -> Result<crate::syntax::Expr, Fault> {
        let mut inner = Parser::new(self.source, start, end, self.depth + 1)?;
        inner.inside = self.inside;
        let value = inner.expression()?;
        inner.finish("the expression in the braces goes on after its end")?;
        self.captured.extend(inner.captured);
        Ok(value)
    }

    fn pieces(&mut self, parts: &[lexer::Part]) -> Result<Arc<[Piece]>, Fault> {
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            pieces.push(match part {
                lexer::Part::Text(text) => Piece::Text(Arc::clone(text)),
                lexer::Part::Hole { start, end, alignment, format } => Piece::Hole {
                    value: self.hole(*start, *end)?,
                    alignment: *alignment,
                    format: format.clone(),
                },
            });
        }
        Ok(pieces.into())
    }

    /// Runs `read` one level deeper.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault(format!("the expression is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn peek(&self) -> &Kind {
        self.look(0)
    }

    fn look(&self, ahead: usize) -> &Kind {
        self.tokens.get(self.at + ahead).map_or(&Kind::End, |t| &t.kind)
    }

    fn span(&self) -> Span {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(Span::default(), |t| t.span)
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    fn at_end(&self) -> bool {
        matches!(self.peek(), Kind::End)
    }

    fn is(&self, text: &str) -> bool {
        self.is_at(0, text)
    }

    fn is_at(&self, ahead: usize, text: &str) -> bool {
        matches!(self.look(ahead), Kind::Punctuation(p) if *p == text)
    }

    fn is_word(&self, word: &str) -> bool {
        self.is_word_at(0, word)
    }

    fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        matches!(self.look(ahead), Kind::Name(n) if n.as_ref() == word)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.is(text);
        if found {
            self.at += 1;
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, text: &str) -> Result<(), Fault> {
        if self.eat(text) {
            Ok(())
        } else {
            Err(self.fault(format!("'{text}' is missing before {}", self.found())))
        }
    }

    fn finish(&self, message: &str) -> Result<(), Fault> {
        if self.at_end() {
            Ok(())
        } else {
            Err(self.fault(format!("{message}: {} is not expected", self.found())))
        }
    }

    /// Whether a name stands there, which is no keyword.
    fn is_name_at(&self, ahead: usize) -> bool {
        match self.look(ahead) {
            Kind::Name(n) => !KEYWORDS.contains(&n.as_ref()),
            Kind::Verbatim(_) => true,
            _ => false,
        }
    }

    fn name(&mut self) -> Result<Name, Fault> {
        let span = self.span();
        if !self.is_name_at(0) {
            return Err(self.fault(format!("a name is missing before {}", self.found())));
        }
        let text = match self.peek() {
            Kind::Name(n) | Kind::Verbatim(n) => Arc::clone(n),
            _ => Arc::from(""),
        };
        self.advance();
        if self.inside > 0 {
            self.captured.insert(Arc::clone(&text));
        }
        Ok(Name { text, span })
    }

    /// What stands here, for messages.
    fn found(&self) -> String {
        match self.peek() {
            Kind::End => "the end".to_owned(),
            Kind::Interpolated(_) => "an interpolated string".to_owned(),
            Kind::Literal(_) => "a literal".to_owned(),
            Kind::Name(n) | Kind::Verbatim(n) => format!("'{n}'"),
            Kind::Punctuation(p) => format!("'{p}'"),
        }
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.span(), message)
    }

    /// Spends what looking ahead costs.
    fn spend(&mut self, tokens: usize) -> Result<(), Fault> {
        self.ahead = self
            .ahead
            .checked_sub(tokens)
            .ok_or_else(|| self.fault("the expression is too ambiguous to read"))?;
        Ok(())
    }
}
