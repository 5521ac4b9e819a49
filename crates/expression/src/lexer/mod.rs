//! Reads expression text into tokens, and finds where an expression in a policy document ends.

mod literal;
mod scan;
mod token;

pub use self::scan::{ScanError, scan_end, scan_end_of_markup};
pub(crate) use self::token::{Kind, Part, Token};

use crate::diagnostic::{Fault, Span};

/// Longest expression text that is read, in bytes: a whole policy document may have no more (512 KiB).
pub(crate) const MAX_SOURCE: usize = 512 * 1024;

/// Punctuation, longest first where one begins another. `>` is always alone, so that `List<List<int>>` closes twice.
const PUNCTUATION: [&str; 50] = [
    "<<=", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "?[", "++", "--", "+=", "-=", "*=", "/=",
    "%=", "&=", "|=", "^=", "<<", "::", "(", ")", "[", "]", "{", "}", "<", ">", "=", "+", "-", "*", "/", "%",
    "!", "~", "&", "|", "^", "?", ":", ";", ",", ".", "#", "@", "\\",
];

/// Reads the text between `start` and `end` of `source` into tokens; the last one is [`Kind::End`].
pub(crate) fn tokens(source: &str, start: usize, end: usize) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { source, at: start, end };
    let mut found = Vec::with_capacity((end - start) / 4 + 1);
    loop {
        let token = lexer.next()?;
        let last = matches!(token.kind, Kind::End);
        found.push(token);
        if last {
            return Ok(found);
        }
    }
}

/// Reads one token after another.
pub(crate) struct Lexer<'a> {
    source: &'a str,
    at: usize,
    end: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Token, Fault> {
        self.skip_trivia()?;
        let start = self.at;
        let span = Span { start: start as u32 };
        let Some(first) = self.peek() else { return Ok(Token { kind: Kind::End, span, end: start as u32 }) };
        let kind = match first {
            '"' => self.regular_string()?,
            '\'' => self.character()?,
            '$' if self.looking_at("$\"") => self.interpolated(2, false)?,
            '$' if self.looking_at("$@\"") => self.interpolated(3, true)?,
            '@' if self.looking_at("@$\"") => self.interpolated(3, true)?,
            '@' if self.looking_at("@\"") => self.verbatim_string()?,
            '0'..='9' => self.number()?,
            '.' if self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit()) => self.number()?,
            '@' if self.rest().chars().nth(1).is_some_and(is_name_start) => {
                self.at += 1;
                self.name(true)
            }
            c if is_name_start(c) => self.name(false),
            c => self.punctuation(c)?,
        };
        Ok(Token { kind, span, end: self.at as u32 })
    }

    fn name(&mut self, verbatim: bool) -> Kind {
        let rest = self.rest();
        let length = rest.find(|c: char| !is_name_part(c)).unwrap_or(rest.len());
        let text: std::sync::Arc<str> = rest.get(..length).unwrap_or_default().into();
        self.at += length;
        if verbatim { Kind::Verbatim(text) } else { Kind::Name(text) }
    }

    fn punctuation(&mut self, first: char) -> Result<Kind, Fault> {
        for text in PUNCTUATION {
            if self.looking_at(text) {
                // `a ?.5 : 1` is a conditional with a fraction.
                if text == "?." && self.rest().as_bytes().get(2).is_some_and(u8::is_ascii_digit) {
                    continue;
                }
                self.at += text.len();
                return Ok(Kind::Punctuation(text));
            }
        }
        Err(Self::fault(self.at, format!("'{first}' has no meaning in an expression")))
    }

    fn skip_trivia(&mut self) -> Result<(), Fault> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let Some(length) = trimmed.get(2..).and_then(|t| t.find("*/")) else {
                    return Err(Self::fault(self.at, "the comment does not end: */ is missing"));
                };
                self.at += length + 4;
            } else if trimmed.starts_with("#region") || trimmed.starts_with("#endregion") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else {
                return Ok(());
            }
        }
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..self.end).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn looking_at(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    fn fault(at: usize, message: impl Into<String>) -> Fault {
        Fault::new(Span { start: at as u32 }, message)
    }
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_name_part(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
