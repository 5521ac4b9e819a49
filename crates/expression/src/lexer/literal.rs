//! Strings, characters and numbers.

use std::str::FromStr;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::scan::hole_end;
use super::{Kind, Lexer, Part};
use crate::diagnostic::Fault;
use crate::value::Value;

impl Lexer<'_> {
    pub(super) fn regular_string(&mut self) -> Result<Kind, Fault> {
        let start = self.at;
        self.at += 1;
        let mut units = Units::default();
        loop {
            match self.peek() {
                None | Some('\n' | '\r') => {
                    return Err(Self::fault(start, "the string does not end on its line: \" is missing"));
                }
                Some('"') => {
                    self.at += 1;
                    return Ok(Kind::Literal(Value::String(units.finish())));
                }
                Some('\\') => self.escape(&mut units)?,
                Some(c) => {
                    units.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    pub(super) fn verbatim_string(&mut self) -> Result<Kind, Fault> {
        let start = self.at;
        self.at += 2;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(Self::fault(start, "the string does not end: \" is missing")),
                Some('"') if self.looking_at("\"\"") => {
                    text.push('"');
                    self.at += 2;
                }
                Some('"') => {
                    self.at += 1;
                    return Ok(Kind::Literal(Value::String(text.into())));
                }
                Some(c) => {
                    text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    pub(super) fn character(&mut self) -> Result<Kind, Fault> {
        let start = self.at;
        self.at += 1;
        let mut units = Units::default();
        match self.peek() {
            None | Some('\'' | '\n' | '\r') => {
                return Err(Self::fault(start, "a character literal holds one character"));
            }
            Some('\\') => self.escape(&mut units)?,
            Some(c) => {
                units.push(c);
                self.at += c.len_utf8();
            }
        }
        let unit =
            units.single().ok_or_else(|| Self::fault(start, "a character literal holds one UTF-16 unit"))?;
        if !self.looking_at("'") {
            return Err(Self::fault(start, "a character literal holds one character")
                .suggest("write text between double quotes"));
        }
        self.at += 1;
        Ok(Kind::Literal(Value::Char(unit)))
    }

    pub(super) fn interpolated(&mut self, opener: usize, verbatim: bool) -> Result<Kind, Fault> {
        let start = self.at;
        self.at += opener;
        let mut parts = Vec::new();
        let mut units = Units::default();
        loop {
            match self.peek() {
                None => {
                    return Err(Self::fault(start, "the interpolated string does not end: \" is missing"));
                }
                Some('\n' | '\r') if !verbatim => {
                    return Err(Self::fault(
                        start,
                        "the interpolated string does not end on its line: \" is missing",
                    ));
                }
                Some('"') if verbatim && self.looking_at("\"\"") => {
                    units.push('"');
                    self.at += 2;
                }
                Some('"') => {
                    self.at += 1;
                    parts.push(Part::Text(units.finish()));
                    return Ok(Kind::Interpolated(parts.into()));
                }
                Some('{') if self.looking_at("{{") => {
                    units.push('{');
                    self.at += 2;
                }
                Some('}') if self.looking_at("}}") => {
                    units.push('}');
                    self.at += 2;
                }
                Some('}') => {
                    return Err(Self::fault(self.at, "a '}' in an interpolated string stands alone")
                        .suggest("write }} for a brace"));
                }
                Some('{') => {
                    parts.push(Part::Text(std::mem::take(&mut units).finish()));
                    parts.push(self.hole(verbatim)?);
                }
                Some('\\') if !verbatim => self.escape(&mut units)?,
                Some(c) => {
                    units.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    fn hole(&mut self, verbatim: bool) -> Result<Part, Fault> {
        let opened = self.at;
        let start = opened + 1;
        let text = self.source.get(..self.end).unwrap_or_default();
        let end = hole_end(text, start).map_err(|e| Self::fault(e.offset, e.message))?;
        if text.get(start..end).unwrap_or_default().trim().is_empty() {
            return Err(Self::fault(opened, "the braces of an interpolated string hold no expression"));
        }
        self.at = end;
        let mut alignment = None;
        if self.looking_at(",") {
            let rest = self.rest();
            let length = rest.find([':', '}']).unwrap_or(rest.len());
            let written = rest.get(1..length).unwrap_or_default().trim();
            alignment = Some(i32::from_str(written).ok().filter(|a| a.abs() <= 10_000).ok_or_else(|| {
                Self::fault(end, "the alignment of an interpolation is a whole number up to 10000")
            })?);
            self.at += length;
        }
        let mut format = None;
        if self.looking_at(":") {
            self.at += 1;
            let mut units = Units::default();
            loop {
                match self.peek() {
                    None => return Err(Self::fault(opened, "the '{' of the interpolation is not closed")),
                    Some('}') => break,
                    Some('\\') if !verbatim => self.escape(&mut units)?,
                    Some(c) => {
                        units.push(c);
                        self.at += c.len_utf8();
                    }
                }
            }
            format = Some(units.finish());
        }
        if !self.looking_at("}") {
            return Err(Self::fault(opened, "the '{' of the interpolation is not closed"));
        }
        self.at += 1;
        Ok(Part::Hole { start, end, alignment, format })
    }

    fn escape(&mut self, units: &mut Units) -> Result<(), Fault> {
        let start = self.at;
        let mut rest = self.rest().chars();
        rest.next();
        let letter = rest.next().ok_or_else(|| Self::fault(start, "a '\\' ends the text"))?;
        self.at += 1 + letter.len_utf8();
        let (digits, most) = match letter {
            'x' => (1, 4),
            'u' => (4, 4),
            'U' => (8, 8),
            _ => {
                let c = match letter {
                    '\'' | '"' | '\\' => letter,
                    '0' => '\0',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    other => {
                        return Err(Self::fault(start, format!("'\\{other}' is no escape"))
                            .suggest("write \\\\ for a backslash"));
                    }
                };
                units.push(c);
                return Ok(());
            }
        };
        let text = self.rest();
        let length = text.bytes().take(most).take_while(u8::is_ascii_hexdigit).count();
        if length < digits {
            return Err(Self::fault(start, format!("'\\{letter}' wants {digits} hexadecimal digits")));
        }
        let code = u32::from_str_radix(text.get(..length).unwrap_or_default(), 16).unwrap_or_default();
        self.at += length;
        if code <= 0xffff {
            units.unit(code as u16);
        } else {
            units.push(char::from_u32(code).ok_or_else(|| Self::fault(start, "there is no such character"))?);
        }
        Ok(())
    }

    pub(super) fn number(&mut self) -> Result<Kind, Fault> {
        let start = self.at;
        let rest = self.rest();
        if let Some(radix) =
            [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2)].iter().find(|(p, _)| rest.starts_with(p))
        {
            let body = rest.get(2..).unwrap_or_default();
            let length = body.find(|c: char| !(c.is_digit(radix.1) || c == '_')).unwrap_or(body.len());
            let digits = body.get(..length).unwrap_or_default().replace('_', "");
            self.at += 2 + length;
            let number = u64::from_str_radix(&digits, radix.1)
                .map_err(|_| Self::fault(start, "the number does not fit 64 bits"))?;
            return self.integer(start, number);
        }
        let bytes = rest.as_bytes();
        let digit = |i: usize| bytes.get(i).is_some_and(|b| b.is_ascii_digit() || *b == b'_');
        let mut length = 0;
        while digit(length) {
            length += 1;
        }
        let mut real = false;
        if bytes.get(length) == Some(&b'.') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit) {
            real = true;
            length += 1;
            while digit(length) {
                length += 1;
            }
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            if bytes.get(length + 1 + sign).is_some_and(u8::is_ascii_digit) {
                real = true;
                length += 1 + sign;
                while digit(length) {
                    length += 1;
                }
            }
        }
        let digits = rest.get(..length).unwrap_or_default().replace('_', "");
        self.at += length;
        let suffix = bytes.get(length).map(u8::to_ascii_lowercase);
        let value = match suffix {
            Some(b'm') => {
                let number = Decimal::from_str(&digits).or_else(|_| Decimal::from_scientific(&digits));
                Value::Decimal(number.map_err(|_| Self::fault(start, "the number does not fit a decimal"))?)
            }
            Some(b'f') => Value::Single(digits.parse().unwrap_or_default()),
            Some(b'd') => Value::Double(digits.parse().unwrap_or_default()),
            _ if real => Value::Double(digits.parse().unwrap_or_default()),
            _ => {
                let number =
                    digits.parse().map_err(|_| Self::fault(start, "the number does not fit 64 bits"))?;
                return self.integer(start, number);
            }
        };
        if matches!(suffix, Some(b'm' | b'f' | b'd')) {
            self.at += 1;
        }
        self.end_of_number(start)?;
        Ok(Kind::Literal(value))
    }

    fn integer(&mut self, start: usize, number: u64) -> Result<Kind, Fault> {
        let rest = self.rest();
        let length = rest.bytes().take(2).take_while(|b| matches!(b, b'u' | b'U' | b'l' | b'L')).count();
        let suffix = rest.get(..length).unwrap_or_default().to_ascii_lowercase();
        let value = match suffix.as_str() {
            "" => i32::try_from(number)
                .map(Value::Int32)
                .or_else(|_| u32::try_from(number).map(Value::UInt32))
                .or_else(|_| i64::try_from(number).map(Value::Int64))
                .unwrap_or(Value::UInt64(number)),
            "u" => u32::try_from(number).map_or(Value::UInt64(number), Value::UInt32),
            "l" => i64::try_from(number).map_or(Value::UInt64(number), Value::Int64),
            "ul" | "lu" => Value::UInt64(number),
            _ => return Err(Self::fault(start, format!("'{suffix}' is no suffix of a number"))),
        };
        self.at += length;
        self.end_of_number(start)?;
        Ok(Kind::Literal(value))
    }

    fn end_of_number(&self, start: usize) -> Result<(), Fault> {
        match self.peek() {
            Some(c) if super::is_name_part(c) => {
                Err(Self::fault(start, format!("a number is followed by '{c}'")))
            }
            _ => Ok(()),
        }
    }
}

/// Text under construction, in UTF-16 as the escapes of a literal may write half a pair.
#[derive(Default)]
struct Units {
    text: String,
    half: Option<u16>,
}

impl Units {
    fn push(&mut self, c: char) {
        self.flush();
        self.text.push(c);
    }

    fn unit(&mut self, unit: u16) {
        if let Some(high) = self.half
            && let Some(Ok(c)) = char::decode_utf16([high, unit]).next()
        {
            self.half = None;
            self.text.push(c);
            return;
        }
        self.flush();
        match char::from_u32(u32::from(unit)) {
            Some(c) => self.text.push(c),
            None => self.half = Some(unit),
        }
    }

    fn flush(&mut self) {
        if self.half.take().is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn single(&mut self) -> Option<u16> {
        if let Some(half) = self.half {
            return self.text.is_empty().then_some(half);
        }
        let mut units = self.text.encode_utf16();
        let first = units.next()?;
        units.next().is_none().then_some(first)
    }

    fn finish(mut self) -> Arc<str> {
        self.flush();
        self.text.into()
    }
}
