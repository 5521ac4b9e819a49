//! JSON by RFC 8259 into a tree.

use std::path::Path;
use std::sync::Arc;

use serde_json::Number;

use super::node::duplicate_key;
use super::{Key, MAX_DEPTH, Node, NodeValue};
use crate::{Diagnostic, Location};

/// Reads one JSON text: RFC 8259 and nothing more. Duplicate keys and numbers that no finite double holds are refused.
pub fn parse_json(text: &str, file: &Arc<Path>) -> Result<Node, Diagnostic> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        Reader { text, bytes: text.as_bytes(), offset: 0, line: 1, column: 1, counted: 0, depth: 0, file };
    reader.whitespace();
    let node = reader.value()?;
    reader.whitespace();
    if reader.peek().is_some() {
        return Err(reader.error("json-syntax", "the value ends here, and more text follows"));
    }
    Ok(node)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    offset: usize,
    /// The place of the byte at `counted`, which trails `offset` so that each byte is counted once.
    line: u32,
    column: u32,
    counted: usize,
    depth: usize,
    file: &'a Arc<Path>,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Node, Diagnostic> {
        let (line, column) = self.place();
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => NodeValue::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => return self.number(line, column),
            Some(b't') => self.word("true", NodeValue::Boolean(true))?,
            Some(b'f') => self.word("false", NodeValue::Boolean(false))?,
            Some(b'n') => self.word("null", NodeValue::Null)?,
            Some(_) => return Err(self.error("json-syntax", "a value must stand here")),
            None => return Err(self.error("json-syntax", "the text ends where a value must stand")),
        };
        Ok(Node::new(value, line, column))
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<NodeValue, Diagnostic>,
    ) -> Result<NodeValue, Diagnostic> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error("too-deep", &format!("more than {MAX_DEPTH} levels of nesting")));
        }
        self.depth += 1;
        self.offset += 1;
        self.whitespace();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<NodeValue, Diagnostic> {
        let mut entries = Vec::new();
        if self.take(b'}') {
            return Ok(NodeValue::Mapping(entries));
        }
        loop {
            let (line, column) = self.place();
            if self.peek() != Some(b'"') {
                let message = match self.peek() {
                    Some(b'}') if !entries.is_empty() => "a comma must not stand before `}`",
                    _ => "a key in double quotes must stand here",
                };
                return Err(self.error("json-syntax", message));
            }
            let key = Key { text: self.string()?, line, column };
            self.whitespace();
            if !self.take(b':') {
                return Err(self.error("json-syntax", &format!("`:` must follow the key `{}`", key.text)));
            }
            self.whitespace();
            entries.push((key, self.value()?));
            self.whitespace();
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return Err(self.error("json-syntax", "`,` or `}` must stand here"));
            }
            self.whitespace();
        }
        if let Some((second, first)) = duplicate_key(&entries) {
            let message = format!("`{}` is set twice, first in line {}", second.text, first.line);
            return Err(Diagnostic::error("duplicate-key", second.location(self.file), message));
        }
        Ok(NodeValue::Mapping(entries))
    }

    fn array(&mut self) -> Result<NodeValue, Diagnostic> {
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(NodeValue::Sequence(items));
        }
        loop {
            if self.peek() == Some(b']') {
                return Err(self.error("json-syntax", "a comma must not stand before `]`"));
            }
            items.push(self.value()?);
            self.whitespace();
            if self.take(b']') {
                return Ok(NodeValue::Sequence(items));
            }
            if !self.take(b',') {
                return Err(self.error("json-syntax", "`,` or `]` must stand here"));
            }
            self.whitespace();
        }
    }

    fn word(&mut self, word: &str, value: NodeValue) -> Result<NodeValue, Diagnostic> {
        if self.text.get(self.offset..).is_some_and(|rest| rest.starts_with(word)) {
            self.offset += word.len();
            return Ok(value);
        }
        Err(self.error("json-syntax", "a value must stand here"))
    }

    fn number(&mut self, line: u32, column: u32) -> Result<Node, Diagnostic> {
        let start = self.offset;
        self.take(b'-');
        let whole = self.digits();
        if whole == 0 || (whole > 1 && self.bytes.get(self.offset - whole) == Some(&b'0')) {
            return Err(self.error_at("json-syntax", line, column, "this is not a JSON number"));
        }
        let mut float = false;
        if self.take(b'.') {
            float = true;
            if self.digits() == 0 {
                return Err(self.error("json-syntax", "digits must follow the point"));
            }
        }
        if self.take(b'e') || self.take(b'E') {
            float = true;
            let _sign = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err(self.error("json-syntax", "digits must follow the exponent"));
            }
        }
        let text = self.text.get(start..self.offset).unwrap_or_default();
        let whole = if float {
            None
        } else {
            text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from)).ok()
        };
        let number = whole.or_else(|| text.parse().ok().and_then(Number::from_f64)).ok_or_else(|| {
            self.error_at("number", line, column, "no finite number of double precision is that large")
        })?;
        let node = |number| Node::new(NodeValue::Number(number), line, column);
        Ok(if float { node(number).written(text) } else { node(number) })
    }

    fn digits(&mut self) -> usize {
        let start = self.offset;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.offset += 1;
        }
        self.offset - start
    }

    fn string(&mut self) -> Result<String, Diagnostic> {
        self.offset += 1;
        let start = self.offset;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = self.text.get(start..self.offset).unwrap_or_default().to_owned();
                    self.offset += 1;
                    return Ok(text);
                }
                Some(b'\\') => break,
                Some(0x20..) => self.offset += 1,
                other => return Err(self.unfinished(other)),
            }
        }
        let mut text = self.text.get(start..self.offset).unwrap_or_default().to_owned();
        loop {
            let run = self.offset;
            while matches!(self.peek(), Some(0x20..=0x21 | 0x23..=0x5b | 0x5d..)) {
                self.offset += 1;
            }
            text.push_str(self.text.get(run..self.offset).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                other => return Err(self.unfinished(other)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Diagnostic> {
        let character = match self.bytes.get(self.offset + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.error("json-syntax", "JSON has no such escape")),
        };
        self.offset += 2;
        Ok(character)
    }

    /// `\uXXXX`, or two of them that make a surrogate pair.
    fn unicode(&mut self) -> Result<char, Diagnostic> {
        let unit = |at: usize| {
            let digits = self.text.get(at + 2..at + 6)?;
            let escaped =
                self.text.get(at..at + 2)? == "\\u" && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            escaped.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
        };
        let Some(first) = unit(self.offset) else {
            return Err(self.error("json-syntax", "four hexadecimal digits must follow `\\u`"));
        };
        let second = unit(self.offset + 6);
        let decoded = match (first, second) {
            (0xd800..=0xdbff, Some(second)) => {
                char::decode_utf16([first, second]).next().and_then(Result::ok)
            }
            _ => char::from_u32(u32::from(first)),
        };
        match decoded {
            Some(character) => {
                self.offset += if character.len_utf16() == 2 { 12 } else { 6 };
                Ok(character)
            }
            None => Err(self.error("json-syntax", "half of a surrogate pair stands alone")),
        }
    }

    fn unfinished(&mut self, found: Option<u8>) -> Diagnostic {
        match found {
            None => self.error("json-syntax", "the text ends within a string"),
            Some(b'\n' | b'\r') => self.error("json-syntax", "the line ends within a string"),
            Some(_) => self.error("json-syntax", "a control character must be written as an escape"),
        }
    }

    fn whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.offset += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.offset).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.offset += usize::from(found);
        found
    }

    /// Line and column of the byte at `offset`.
    fn place(&mut self) -> (u32, u32) {
        for &byte in self.bytes.get(self.counted..self.offset).unwrap_or_default() {
            if byte == b'\n' {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else if byte & 0xc0 != 0x80 {
                self.column = self.column.saturating_add(1);
            }
        }
        self.counted = self.offset;
        (self.line, self.column)
    }

    fn error(&mut self, id: &'static str, message: &str) -> Diagnostic {
        let (line, column) = self.place();
        self.error_at(id, line, column, message)
    }

    fn error_at(&self, id: &'static str, line: u32, column: u32, message: &str) -> Diagnostic {
        Diagnostic::error(id, Location::new(Arc::clone(self.file), line, column), message)
    }
}
