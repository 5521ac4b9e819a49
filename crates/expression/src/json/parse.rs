//! Reads JSON as Newtonsoft does: comments, single quotes, bare names and trailing commas are taken, and strings that
//! are ISO 8601 times become dates.

use std::fmt;
use std::sync::Arc;

use super::{Content, Json, MAX_DEPTH, Properties};
use crate::time::DateTime;
use crate::types::BigInteger;
use crate::value::Value;

/// The longest whole number that Newtonsoft reads.
const MAX_DIGITS: usize = 380;

/// Why a text is no JSON.
#[derive(Debug)]
pub(crate) struct ParseError {
    message: String,
    line: usize,
    position: usize,
    /// Whether the text is one, but too large a tree.
    pub(crate) exhausted: bool,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Path '', line {}, position {}.", self.message, self.line, self.position)
    }
}

/// Reads one token; nothing but space and comments may follow.
pub(crate) fn parse(text: &str) -> Result<Json, ParseError> {
    read(text, true, &mut { usize::MAX })
}

/// As [`parse`], within so many bytes of memory; what the tree takes is subtracted.
pub(crate) fn parse_within(text: &str, left: &mut usize) -> Result<Json, ParseError> {
    read(text, true, left)
}

/// As [`parse`], where strings stay strings.
pub(crate) fn parse_plain(text: &str) -> Result<Json, ParseError> {
    read(text, false, &mut { usize::MAX })
}

fn read(text: &str, dates: bool, left: &mut usize) -> Result<Json, ParseError> {
    let mut reader = Reader { text: text.strip_prefix('\u{feff}').unwrap_or(text), at: 0, dates, left };
    reader.space()?;
    if reader.peek().is_none() {
        return Err(reader.fail("Error reading JToken from JsonReader."));
    }
    let token = reader.token(0)?;
    reader.space()?;
    match reader.peek() {
        None => Ok(token),
        Some(b) => Err(reader.fail(&format!(
            "Additional text encountered after finished reading JSON content: {}.",
            char::from(b)
        ))),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    dates: bool,
    /// Bytes of memory that the tree may take still.
    left: &'a mut usize,
}

/// A token, its reference counts and its place among its siblings.
const TOKEN: usize = size_of::<super::Node>() + 32;
/// An entry of an object: name, place and hash.
const ENTRY: usize = 48;

impl<'a> Reader<'a> {
    fn spend(&mut self, bytes: usize) -> Result<(), ParseError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                *self.left = left;
                Ok(())
            }
            None => Err(ParseError { exhausted: true, ..self.fail("The JSON is too large.") }),
        }
    }

    fn token(&mut self, depth: u16) -> Result<Json, ParseError> {
        self.spend(TOKEN)?;
        if depth >= MAX_DEPTH / 2 {
            return Err(self.fail(&format!("The reader's MaxDepth of {} has been exceeded.", MAX_DEPTH / 2)));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(quote @ (b'"' | b'\'')) => {
                let text = self.string(quote)?;
                self.spend(text.len())?;
                let date = if self.dates { parse_date(&text) } else { None };
                Ok(Json::value(date.map_or(Value::String(text), Value::DateTime)))
            }
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => Err(self.fail("Unexpected end of content while loading JToken.")),
        }
    }

    fn object(&mut self, depth: u16) -> Result<Json, ParseError> {
        self.at += 1;
        let mut properties = Properties::default();
        let mut height = 1;
        loop {
            self.space()?;
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                None => return Err(self.fail("Unexpected end of content while loading JObject.")),
                _ => {}
            }
            let name = self.name()?;
            self.spend(TOKEN + ENTRY + name.len())?;
            self.space()?;
            if self.peek() != Some(b':') {
                return Err(
                    self.unexpected("Invalid character after parsing property name. Expected ':' but got")
                );
            }
            self.at += 1;
            self.space()?;
            let value = self.token(depth + 1)?;
            let value_height = value.0.0.lock().height;
            height = height.max(value_height + 2);
            let property = Json::new(Content::Property(Arc::clone(&name), Some(value.clone())));
            property.0.0.lock().height = value_height + 1;
            value.0.0.lock().parent = Arc::downgrade(&property.0);
            properties.insert(name, property);
            self.space()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {}
                None => return Err(self.fail("Unexpected end of content while loading JObject.")),
                _ => {
                    return Err(
                        self.unexpected("After parsing a value an unexpected character was encountered:")
                    );
                }
            }
        }
        let object = Json::new(Content::Object(properties));
        object.0.0.lock().height = height;
        for property in object.children() {
            property.0.0.lock().parent = Arc::downgrade(&object.0);
        }
        Ok(object)
    }

    fn array(&mut self, depth: u16) -> Result<Json, ParseError> {
        self.at += 1;
        let mut items = Vec::new();
        let mut height = 1;
        loop {
            self.space()?;
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    break;
                }
                None => return Err(self.fail("Unexpected end of content while loading JArray.")),
                _ => {}
            }
            let item = self.token(depth + 1)?;
            height = height.max(item.0.0.lock().height + 1);
            items.push(item);
            self.space()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {}
                None => return Err(self.fail("Unexpected end of content while loading JArray.")),
                _ => {
                    return Err(
                        self.unexpected("After parsing a value an unexpected character was encountered:")
                    );
                }
            }
        }
        let array = Json::new(Content::Array(items));
        array.0.0.lock().height = height;
        for (place, item) in array.children().into_iter().enumerate() {
            let mut state = item.0.0.lock();
            state.parent = Arc::downgrade(&array.0);
            state.place = place as u32;
        }
        Ok(array)
    }

    fn name(&mut self) -> Result<Arc<str>, ParseError> {
        if let Some(quote @ (b'"' | b'\'')) = self.peek() {
            return self.string(quote);
        }
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        if name.is_empty() {
            return Err(self.unexpected("Invalid property identifier character:"));
        }
        self.at += end;
        Ok(name.into())
    }

    fn string(&mut self, quote: u8) -> Result<Arc<str>, ParseError> {
        self.at += 1;
        let bytes = self.text.as_bytes();
        let start = self.at;
        while bytes.get(self.at).is_some_and(|b| *b != quote && *b != b'\\') {
            self.at += 1;
        }
        if bytes.get(self.at) == Some(&quote) {
            let text = self.text.get(start..self.at).unwrap_or_default();
            self.at += 1;
            return Ok(text.into());
        }
        let mut units: Vec<u16> = self.text.get(start..self.at).unwrap_or_default().encode_utf16().collect();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(
                    self.fail(&format!("Unterminated string. Expected delimiter: {}.", char::from(quote)))
                );
            };
            self.at += c.len_utf8();
            if c == char::from(quote) {
                return Ok(crate::text::from_units(&units).into());
            }
            if c != '\\' {
                units.extend(c.encode_utf16(&mut [0; 2]).iter());
                continue;
            }
            let escape = self.peek().unwrap_or_default();
            self.at += 1;
            units.push(match escape {
                b'b' => 8,
                b't' => 9,
                b'n' => 10,
                b'f' => 12,
                b'r' => 13,
                b'\\' | b'"' | b'\'' | b'/' => u16::from(escape),
                b'u' => {
                    let digits = self.rest().get(..4).unwrap_or_default();
                    let unit = u16::from_str_radix(digits, 16)
                        .map_err(|_| self.fail(&format!("Invalid Unicode escape sequence: \\u{digits}.")))?;
                    self.at += 4;
                    unit
                }
                other => {
                    self.at -= 1;
                    return Err(self.fail(&format!("Bad JSON escape sequence: \\{}.", char::from(other))));
                }
            });
        }
    }

    fn number(&mut self) -> Result<Json, ParseError> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
            .unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default();
        let value = if text == "-Infinity" {
            Value::Double(f64::NEG_INFINITY)
        } else if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Value::Int64(
                i64::from_str_radix(hex, 16)
                    .map_err(|_| self.fail(&format!("Input string '{text}' is not a valid number.")))?,
            )
        } else if text.contains(['.', 'e', 'E']) {
            match text.parse::<f64>() {
                Ok(n) if text.ends_with(|c: char| c.is_ascii_digit() || c == '.') => Value::Double(n),
                _ => return Err(self.fail(&format!("Input string '{text}' is not a valid double."))),
            }
        } else if let Ok(n) = text.parse::<i64>() {
            Value::Int64(n)
        } else {
            match BigInteger::parse(text) {
                Some(_) if text.len() > MAX_DIGITS => {
                    return Err(self.fail(&format!("JSON integer {text} is too large to parse.")));
                }
                Some(number) => Value::object(number),
                None => {
                    return Err(self.unexpected("Unexpected character encountered while parsing number:"));
                }
            }
        };
        self.at += end;
        Ok(Json::value(value))
    }

    fn word(&mut self) -> Result<Json, ParseError> {
        let rest = self.rest();
        for (word, value) in [
            ("true", Value::Boolean(true)),
            ("false", Value::Boolean(false)),
            ("null", Value::Null),
            ("undefined", Value::Null),
            ("NaN", Value::Double(f64::NAN)),
            ("Infinity", Value::Double(f64::INFINITY)),
        ] {
            if let Some(after) = rest.strip_prefix(word)
                && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            {
                self.at += word.len();
                return Ok(Json::value(value));
            }
        }
        Err(self.unexpected("Unexpected character encountered while parsing value:"))
    }

    fn space(&mut self) -> Result<(), ParseError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                match trimmed.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Err(self.fail("Unexpected end while parsing comment.")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self, message: &str) -> ParseError {
        let c = self.rest().chars().next().unwrap_or_default();
        self.fail(&format!("{message} {c}."))
    }

    fn fail(&self, message: &str) -> ParseError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let position = before.rsplit('\n').next().unwrap_or_default().chars().count();
        ParseError { message: message.to_owned(), line, position, exhausted: false }
    }
}

/// The date that a JSON string is: `yyyy-MM-ddTHH:mm:ss`, fraction and zone optional, or `/Date(ms)/`.
pub(crate) fn parse_date(text: &str) -> Option<DateTime> {
    let bytes = text.as_bytes();
    if let Some(inner) = text.strip_prefix("/Date(").and_then(|t| t.strip_suffix(")/")) {
        let number = inner.get(1..).and_then(|t| t.find(['+', '-'])).map_or(inner, |n| &inner[..=n]);
        return DateTime::from_unix_millis(number.parse().ok()?);
    }
    if !(19..=40).contains(&bytes.len()) || bytes.get(10) != Some(&b'T') || !bytes.first()?.is_ascii_digit() {
        return None;
    }
    crate::time::parse::json(text)
}
