//! JSON (RFC 8259) into arguments: `{"a":[1,{"b":"x"}]}` is `json.a.array_0=1` and `json.a.array_1.b=x`.

use super::{Arguments, BodyError};
use crate::definition::Step;
use crate::text::hex;

/// Reads a document. The arguments before an error have been handed over.
pub(crate) fn read(text: &[u8], depth_limit: usize, arguments: &mut dyn Arguments) -> Result<(), BodyError> {
    let mut reader = Reader { text, at: 0, path: b"json".to_vec(), open: Vec::new(), scratch: Vec::new() };
    // A byte order mark is no JSON, but readers skip it.
    if text.starts_with(b"\xef\xbb\xbf") {
        reader.at = 3;
    }
    reader.document(depth_limit, arguments)
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    /// The name of the value that comes next.
    path: Vec<u8>,
    open: Vec<Open>,
    scratch: Vec<u8>,
}

/// An array or an object whose end has not been reached.
struct Open {
    /// The length of the path without the entries of this container.
    path: usize,
    /// The index of the next element; none in objects.
    index: Option<usize>,
}

impl Reader<'_> {
    fn document(&mut self, depth_limit: usize, arguments: &mut dyn Arguments) -> Result<(), BodyError> {
        self.space();
        loop {
            // A value stands here.
            match self.peek() {
                Some(b'{') => {
                    self.enter(None, depth_limit)?;
                    if self.close(b'}') {
                        self.scratch.clear();
                    } else {
                        self.key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.enter(Some(0), depth_limit)?;
                    if !self.close(b']') {
                        self.element();
                        continue;
                    }
                }
                Some(b'"') => {
                    self.string()?;
                    leaf(&self.path, &self.open, &self.scratch, arguments)?;
                }
                Some(b'-' | b'0'..=b'9') => {
                    let number = self.number()?;
                    leaf(&self.path, &self.open, &self.text[number], arguments)?;
                }
                Some(b't') => self.word(b"true", b"true", arguments)?,
                Some(b'f') => self.word(b"false", b"false", arguments)?,
                Some(b'n') => self.word(b"null", b"", arguments)?,
                _ => return Err(self.malformed("expected a value")),
            }
            // A value has ended; so may the containers around it.
            loop {
                self.space();
                let Some(open) = self.open.last() else {
                    return if self.at == self.text.len() {
                        Ok(())
                    } else {
                        Err(self.malformed("expected the end"))
                    };
                };
                let object = open.index.is_none();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.space();
                        if object {
                            self.key()?;
                        } else {
                            self.element();
                        }
                        break;
                    }
                    Some(b'}') if object => self.leave(),
                    Some(b']') if !object => self.leave(),
                    _ => return Err(self.malformed("expected a comma or the end of the container")),
                }
            }
        }
    }

    fn malformed(&self, message: &str) -> BodyError {
        BodyError::Malformed(format!("the JSON is malformed: {message} at byte {}", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn enter(&mut self, index: Option<usize>, depth_limit: usize) -> Result<(), BodyError> {
        if self.open.len() >= depth_limit {
            return Err(BodyError::TooDeep(depth_limit));
        }
        self.open.push(Open { path: self.path.len(), index });
        self.at += 1;
        self.space();
        Ok(())
    }

    /// Closes the container that has just been entered, if it is empty.
    fn close(&mut self, end: u8) -> bool {
        let closes = self.peek() == Some(end);
        if closes {
            self.leave();
        }
        closes
    }

    fn leave(&mut self) {
        self.at += 1;
        if let Some(open) = self.open.pop() {
            self.path.truncate(open.path);
        }
    }

    /// Names the next element of an array.
    fn element(&mut self) {
        if let Some(Open { path, index: Some(index) }) = self.open.last_mut() {
            self.path.truncate(*path);
            self.path.extend_from_slice(b".array_");
            self.path.extend_from_slice(itoa::Buffer::new().format(*index).as_bytes());
            *index += 1;
        }
    }

    /// Reads the name of a member and the colon.
    fn key(&mut self) -> Result<(), BodyError> {
        if self.peek() != Some(b'"') {
            return Err(self.malformed("expected a name in quotes"));
        }
        self.string()?;
        if let Some(open) = self.open.last() {
            self.path.truncate(open.path);
        }
        self.path.push(b'.');
        self.path.extend_from_slice(&self.scratch);
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.malformed("expected a colon"));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// Reads a string into the scratch buffer.
    fn string(&mut self) -> Result<(), BodyError> {
        self.scratch.clear();
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain =
                rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            self.scratch.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.malformed("a control character stands in a string")),
                None => return Err(self.malformed("a string has no end")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), BodyError> {
        self.at += 1;
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let mut point = self.code_unit()?;
                if (0xd800..0xdc00).contains(&point)
                    && self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u"))
                {
                    let before = self.at;
                    self.at += 1;
                    let low = self.code_unit()?;
                    if (0xdc00..0xe000).contains(&low) {
                        point = 0x1_0000 + ((point - 0xd800) << 10) + (low - 0xdc00);
                    } else {
                        self.at = before;
                    }
                }
                let character = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.scratch.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.malformed("an escape is unknown")),
        };
        self.scratch.push(byte);
        self.at += 1;
        Ok(())
    }

    /// Reads the four digits after `\u`, at which the reader stands.
    fn code_unit(&mut self) -> Result<u32, BodyError> {
        let digits = self.text.get(self.at + 1..self.at + 5).unwrap_or_default();
        let mut value = 0;
        for digit in digits {
            value =
                value << 4 | u32::from(hex(*digit).ok_or_else(|| self.malformed("\\u needs four digits"))?);
        }
        if digits.len() < 4 {
            return Err(self.malformed("\\u needs four digits"));
        }
        self.at += 5;
        Ok(value)
    }

    fn number(&mut self) -> Result<std::ops::Range<usize>, BodyError> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while reader.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                reader.at += 1;
            }
            reader.at > from
        };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading = self.at;
        let mut valid = digits(self) && (self.text[leading] != b'0' || self.at == leading + 1);
        if self.peek() == Some(b'.') {
            self.at += 1;
            valid &= digits(self);
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            valid &= digits(self);
        }
        if valid { Ok(start..self.at) } else { Err(self.malformed("a number is malformed")) }
    }

    fn word(&mut self, word: &[u8], value: &[u8], arguments: &mut dyn Arguments) -> Result<(), BodyError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.malformed("expected a value"));
        }
        self.at += word.len();
        leaf(&self.path, &self.open, value, arguments)
    }
}

/// Hands over a value with the way to it.
fn leaf(path: &[u8], open: &[Open], value: &[u8], arguments: &mut dyn Arguments) -> Result<(), BodyError> {
    let ends = open.iter().skip(1).map(|open| open.path).chain([path.len()]);
    let mut steps = open.iter().zip(ends).map(|(open, end)| match open.index {
        Some(_) => Step::Element,
        // The name stands behind a point.
        None => Step::Member(path.get(open.path + 1..end).unwrap_or_default()),
    });
    arguments.add_leaf(path, &mut steps, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pairs(Vec<(String, String)>);

    impl Arguments for Pairs {
        fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), BodyError> {
            self.0.push((String::from_utf8_lossy(name).into(), String::from_utf8_lossy(value).into()));
            Ok(())
        }
    }

    fn pairs(text: &str) -> Result<Vec<(String, String)>, BodyError> {
        let mut pairs = Pairs(Vec::new());
        read(text.as_bytes(), 64, &mut pairs).map(|()| pairs.0)
    }

    #[test]
    fn every_leaf_is_an_argument() {
        let found =
            pairs(r#" {"a":[1,{"b":"x\u0041\n"}],"c":null,"d":{},"e":[[true]],"f":-1.5e3} "#).unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            found,
            [
                ("json.a.array_0", "1"),
                ("json.a.array_1.b", "xA\n"),
                ("json.c", ""),
                ("json.e.array_0.array_0", "true"),
                ("json.f", "-1.5e3"),
            ]
        );
        assert_eq!(pairs("\"x\"").unwrap(), [("json".to_owned(), "x".to_owned())]);
        assert_eq!(pairs(r#""\ud83d\ude00""#).unwrap()[0].1, "\u{1f600}");
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "01",
            "1.",
            "tru",
            "[1] 2",
            "\"a",
            "\"\\x\"",
            "{a:1}",
            "\"\\u12\"",
            "[1}",
        ] {
            assert!(pairs(text).is_err(), "{text}");
        }
        let deep = "[".repeat(10_000);
        assert_eq!(pairs(&deep), Err(BodyError::TooDeep(64)));
    }
}
