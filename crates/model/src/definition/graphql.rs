//! GraphQL schemas: one endpoint, asked by POST and GET. The schema's text is checked as far as its tokens and its
//! outline go; what a query may ask is the validation's business.

use std::path::Path;
use std::sync::Arc;

use super::names::Names;
use super::{Definition, Format};
use crate::resources::Operation;
use crate::{Diagnostic, Diagnostics, Location, did_you_mean};

/// What may begin a definition in a schema (GraphQL, section 3.1).
const DEFINITIONS: [&str; 9] =
    ["schema", "scalar", "type", "interface", "union", "enum", "input", "directive", "extend"];

pub(super) fn read(file: &Arc<Path>, text: &str, diagnostics: &mut Diagnostics) -> Option<Definition> {
    if let Err(error) = check(file, text) {
        diagnostics.push(*error);
        return None;
    }
    let mut names = Names::default();
    let operations = ["POST", "GET"].map(|method| Operation {
        name: names.assign(None, method, "/"),
        method: method.to_owned(),
        display_name: format!("{method} /"),
        description: None,
        url_template: "/".to_owned(),
        parameters: Vec::new(),
        responses: Vec::new(),
        policy: None,
        described: None,
        soap: None,
        location: Location::new(Arc::clone(file), 1, 1),
    });
    Some(Definition {
        format: Format::GraphQl,
        operations: operations.into(),
        title: None,
        description: None,
        version: None,
        servers: Vec::new(),
        has_external_references: false,
    })
}

fn check(file: &Arc<Path>, text: &str) -> Result<(), Box<Diagnostic>> {
    let mut lexer = Lexer { rest: text, line: 1, column: 1 };
    let mut open: Vec<(char, u32, u32)> = Vec::new();
    let mut definitions = 0_usize;
    // A keyword begins a definition after the end of another: the first word after a closing brace or of the file.
    let mut expects_definition = true;
    let error = |id, line, column, message: String| {
        Box::new(Diagnostic::error(id, Location::new(Arc::clone(file), line, column), message))
    };
    loop {
        let (token, line, column) = match lexer.next() {
            Ok(Some(token)) => token,
            Ok(None) => break,
            Err((line, column, message)) => return Err(error("syntax", line, column, message)),
        };
        match token {
            Token::Punctuator(opening @ ('{' | '(' | '[')) => {
                if opening == '{' && open.is_empty() && expects_definition {
                    let message =
                        "a selection stands where a definition is expected: this is a query, not a schema";
                    return Err(error("syntax", line, column, message.to_owned()));
                }
                open.push((opening, line, column));
            }
            Token::Punctuator(closing @ ('}' | ')' | ']')) => match open.pop() {
                Some((opening, ..)) if partner(opening) == closing => {
                    expects_definition = open.is_empty() && closing == '}';
                }
                Some((opening, at, column_of)) => {
                    let message = format!("`{closing}` closes `{opening}` of line {at}, column {column_of}");
                    return Err(error("syntax", line, column, message));
                }
                None => return Err(error("syntax", line, column, format!("`{closing}` closes nothing"))),
            },
            Token::Name(name) if open.is_empty() && DEFINITIONS.contains(&name) => {
                definitions += 1;
                expects_definition = false;
            }
            Token::Name(name) if expects_definition => {
                let mut found =
                    error("syntax", line, column, format!("`{name}` begins no definition of a schema"));
                found.fix = Some(match (did_you_mean(name, DEFINITIONS), name) {
                    (_, "query" | "mutation" | "subscription" | "fragment") => {
                        "this is a query; write the types that the API has".to_owned()
                    }
                    (Some(meant), _) => format!("did you mean `{meant}`?"),
                    (None, _) => format!("a definition begins with one of {}", DEFINITIONS.join(", ")),
                });
                return Err(found);
            }
            Token::Name(_) | Token::Punctuator(_) | Token::Number | Token::Text => {}
        }
    }
    if let Some((opening, line, column)) = open.pop() {
        return Err(error("syntax", line, column, format!("`{opening}` is never closed")));
    }
    if definitions == 0 {
        return Err(error("syntax", 1, 1, "the schema defines nothing".to_owned()));
    }
    Ok(())
}

fn partner(opening: char) -> char {
    match opening {
        '{' => '}',
        '(' => ')',
        _ => ']',
    }
}

enum Token<'a> {
    Name(&'a str),
    Punctuator(char),
    Number,
    Text,
}

/// Tokens of GraphQL, section 2.1.
struct Lexer<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
}

type Placed<T> = (T, u32, u32);

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Option<Placed<Token<'a>>>, (u32, u32, String)> {
        loop {
            let ignored = self.rest.len()
                - self.rest.trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']).len();
            self.advance(ignored);
            if !self.rest.starts_with('#') {
                break;
            }
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
        let (line, column) = (self.line, self.column);
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let (token, length) = match first {
            '_' | 'a'..='z' | 'A'..='Z' => {
                let length = self.run(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                (Token::Name(&self.rest[..length]), length)
            }
            '-' | '0'..='9' => (
                Token::Number,
                self.run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')),
            ),
            '"' => match text_length(self.rest) {
                Some(length) => (Token::Text, length),
                None => return Err((line, column, "the string is never closed".to_owned())),
            },
            '!' | '$' | '&' | '(' | ')' | ':' | '=' | '@' | '[' | ']' | '{' | '|' | '}' => {
                (Token::Punctuator(first), 1)
            }
            '.' if self.rest.starts_with("...") => (Token::Punctuator('.'), 3),
            other => {
                return Err((line, column, format!("`{}` cannot stand in a schema", other.escape_debug())));
            }
        };
        self.advance(length);
        Ok(Some((token, line, column)))
    }

    fn run(&self, belongs: impl Fn(u8) -> bool) -> usize {
        self.rest.bytes().position(|byte| !belongs(byte)).unwrap_or(self.rest.len())
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        for character in passed.chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.rest = rest;
    }
}

/// The length of the string at the beginning, with its quotation marks.
fn text_length(text: &str) -> Option<usize> {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        let mut from = 0;
        loop {
            let end = from + block.get(from..)?.find("\"\"\"")?;
            if !block[..end].ends_with('\\') {
                return Some(end + 6);
            }
            from = end + 3;
        }
    }
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'\n' | b'\r' => return None,
            b'"' if !escaped => return Some(at + 1),
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    None
}
