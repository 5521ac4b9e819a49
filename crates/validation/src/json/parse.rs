//! From bytes to a document (RFC 8259).

use super::{Document, Kind, MAX_DEPTH, Malformed, Slot, number};

impl<'b> Document<'b> {
    /// Reads a JSON text.
    ///
    /// # Errors
    /// What is wrong first, and where.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Malformed> {
        Self::read(bytes, false)
    }

    /// Reads a JSON text whose property names are compared without regard to case: they are in lower case afterwards,
    /// and two that differ in case alone are one name twice.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_folding(bytes: &'b [u8]) -> Result<Self, Malformed> {
        Self::read(bytes, true)
    }

    fn read(bytes: &'b [u8], folds: bool) -> Result<Self, Malformed> {
        let fail = |message: &str, offset| Err(Malformed { message: message.to_owned(), offset });
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            return fail("A JSON text must not begin with a byte order mark.", 0);
        }
        if u32::try_from(bytes.len()).is_err() {
            return fail("A JSON text of 4 GiB or more is not read.", 0);
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return fail("The text is not UTF-8.", error.valid_up_to()),
        };
        let mut document = Self { text, ..Self::default() };
        document.slots.reserve(bytes.len() / 12 + 8);
        let mut parser =
            Parser { bytes, at: 0, folds, document: &mut document, open: Vec::with_capacity(16) };
        parser.run()?;
        Ok(document)
    }
}

/// An array or an object that is not closed yet.
#[derive(Clone, Copy)]
struct Open {
    index: u32,
    count: u32,
    is_object: bool,
}

struct Parser<'b, 'd> {
    bytes: &'b [u8],
    at: usize,
    folds: bool,
    document: &'d mut Document<'b>,
    open: Vec<Open>,
}

impl Parser<'_, '_> {
    fn run(&mut self) -> Result<(), Malformed> {
        loop {
            self.white();
            if self.value()? {
                // A container was opened, and it is not empty.
                continue;
            }
            loop {
                let Some(open) = self.open.last_mut() else { return self.end() };
                open.count += 1;
                self.white();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if open_is_object(&self.open) {
                            self.white();
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if open_is_object(&self.open) => self.close()?,
                    Some(b']') if !open_is_object(&self.open) => self.close()?,
                    Some(_) if open_is_object(&self.open) => {
                        return self.fail("`,` or `}` is expected after a member.");
                    }
                    Some(_) => return self.fail("`,` or `]` is expected after an item."),
                    None => return self.fail("The text ends before its last value is complete."),
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Malformed> {
        self.white();
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail("The text goes on after its value."),
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn white(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Reads a value; whether it is a container whose first item is to be read next.
    #[inline]
    fn value(&mut self) -> Result<bool, Malformed> {
        match self.peek() {
            Some(b'"') => self.string().map(|()| false),
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.word("true", Kind::True).map(|()| false),
            Some(b'f') => self.word("false", Kind::False).map(|()| false),
            Some(b'n') => self.word("null", Kind::Null).map(|()| false),
            Some(_) => self.fail("A value is expected."),
            None if self.document.slots.is_empty() => self.fail("The body is empty."),
            None => self.fail("The text ends where a value is expected."),
        }
    }

    fn object(&mut self) -> Result<bool, Malformed> {
        self.begin(Kind::Object)?;
        self.white();
        if self.peek() == Some(b'}') {
            return self.close().map(|()| false);
        }
        self.key()?;
        Ok(true)
    }

    fn array(&mut self) -> Result<bool, Malformed> {
        self.begin(Kind::Array)?;
        self.white();
        if self.peek() == Some(b']') {
            return self.close().map(|()| false);
        }
        Ok(true)
    }

    fn begin(&mut self, kind: Kind) -> Result<(), Malformed> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("Values are nested deeper than {MAX_DEPTH} levels.");
            return Err(Malformed { message, offset: self.at });
        }
        let index = self.document.slots.len() as u32;
        self.push(kind, self.at, 0, 0);
        self.open.push(Open { index, count: 0, is_object: kind == Kind::Object });
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        let Some(open) = self.open.pop() else { return Ok(()) };
        let next = self.document.slots.len() as u32;
        if let Some(slot) = self.document.slots.get_mut(open.index as usize) {
            slot.length = open.count;
            slot.next = next;
        }
        if open.is_object
            && let Err(key) = self.document.close_object(open.index)
        {
            let name: String = self.document.string(key).chars().take(64).collect();
            let offset = self.document.slots.get(key as usize).map_or(0, |slot| slot.start as usize);
            return Err(Malformed { message: format!("The property '{name}' is there twice."), offset });
        }
        Ok(())
    }

    /// Reads the key of a member and its colon.
    #[inline]
    fn key(&mut self) -> Result<(), Malformed> {
        if self.peek() != Some(b'"') {
            return self.fail("A property name in quotation marks is expected.");
        }
        self.string()?;
        if self.folds {
            self.fold();
        }
        self.white();
        if self.peek() != Some(b':') {
            return self.fail("`:` is expected after a property name.");
        }
        self.at += 1;
        Ok(())
    }

    /// Puts the last string into lower case.
    fn fold(&mut self) {
        let Some(slot) = self.document.slots.last().copied() else { return };
        let text = self.document.slot_text(&slot);
        if !text.chars().any(char::is_uppercase) {
            return;
        }
        let folded = text.to_lowercase();
        let at = self.document.decoded.len() as u32;
        self.document.decoded.push_str(&folded);
        if let Some(slot) = self.document.slots.last_mut() {
            *slot = Slot { kind: Kind::Decoded, at, length: folded.len() as u32, ..*slot };
        }
    }

    #[inline]
    fn push(&mut self, kind: Kind, start: usize, at: usize, length: usize) {
        let next = self.document.slots.len() as u32 + 1;
        let slot = Slot { kind, start: start as u32, at: at as u32, length: length as u32, next };
        self.document.slots.push(slot);
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Malformed> {
        let start = self.at;
        if !self.bytes.get(start..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return self.fail("A value is expected.");
        }
        self.at += word.len();
        self.push(kind, start, start, word.len());
        Ok(())
    }

    #[inline]
    fn number(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        let Some((length, is_integer)) = number::scan(self.bytes.get(start..).unwrap_or_default()) else {
            return self.fail("This is no number as JSON writes them.");
        };
        let text = self.document.text.get(start..start + length).unwrap_or_default();
        if !number::is_finite(text, is_integer) {
            return self.fail("The number is too large.");
        }
        self.at += length;
        self.push(if is_integer { Kind::Integer } else { Kind::Decimal }, start, start, length);
        Ok(())
    }

    /// Reads a string, from its first quotation mark on.
    #[inline]
    fn string(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        let first = start + 1;
        let end = self.plain(first);
        match self.bytes.get(end) {
            Some(b'"') => {
                self.at = end + 1;
                self.push(Kind::Plain, start, first, end - first);
                Ok(())
            }
            Some(b'\\') => self.escaped(start, first, end),
            Some(_) => fail_at("A control character stands in a string.", end),
            None => fail_at("A string is not closed.", start),
        }
    }

    /// Where the characters that stand for themselves end.
    #[inline]
    fn plain(&self, from: usize) -> usize {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let mut at = from;
        // Eight bytes at once: a quotation mark, a backslash or a byte below 0x20 sets the high bit of its byte.
        while let Some(chunk) = self.bytes.get(at..at + 8) {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            let word = u64::from_le_bytes(word);
            let quote = word ^ (ONES * 0x22);
            let slash = word ^ (ONES * 0x5C);
            let found = (quote.wrapping_sub(ONES) & !quote)
                | (slash.wrapping_sub(ONES) & !slash)
                | (word.wrapping_sub(ONES * 0x20) & !word);
            let found = found & HIGH;
            if found != 0 {
                return at + (found.trailing_zeros() / 8) as usize;
            }
            at += 8;
        }
        while let Some(byte) = self.bytes.get(at) {
            if matches!(byte, b'"' | b'\\' | 0..=0x1F) {
                return at;
            }
            at += 1;
        }
        at
    }

    #[cold]
    fn escaped(&mut self, start: usize, first: usize, mut at: usize) -> Result<(), Malformed> {
        let begin = self.document.decoded.len();
        let mut from = first;
        loop {
            let plain = self.document.text.get(from..at).unwrap_or_default();
            self.document.decoded.push_str(plain);
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => at = self.escape(at)?,
                Some(_) => return fail_at("A control character stands in a string.", at),
                None => return fail_at("A string is not closed.", start),
            }
            from = at;
            at = self.plain(at);
        }
        self.at = at + 1;
        let length = self.document.decoded.len() - begin;
        self.push(Kind::Decoded, start, begin, length);
        Ok(())
    }

    /// Decodes the escape at a place; gives where it ends.
    fn escape(&mut self, at: usize) -> Result<usize, Malformed> {
        let plain = match self.bytes.get(at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(at),
            _ => return fail_at("This is no escape that JSON knows.", at),
        };
        self.document.decoded.push(plain);
        Ok(at + 2)
    }

    fn unicode(&mut self, at: usize) -> Result<usize, Malformed> {
        let Some(unit) = self.hexadecimal(at + 2) else {
            return fail_at("`\\u` needs four hexadecimal digits.", at);
        };
        let lone = "Half of a surrogate pair stands alone in a string.";
        let (code, end) = match unit {
            0xD800..=0xDBFF => {
                let is_pair = self.bytes.get(at + 6) == Some(&b'\\') && self.bytes.get(at + 7) == Some(&b'u');
                match self.hexadecimal(at + 8).filter(|_| is_pair) {
                    Some(low @ 0xDC00..=0xDFFF) => {
                        (0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00), at + 12)
                    }
                    _ => return fail_at(lone, at),
                }
            }
            unit => (unit, at + 6),
        };
        let Some(character) = char::from_u32(code) else { return fail_at(lone, at) };
        self.document.decoded.push(character);
        Ok(end)
    }

    fn hexadecimal(&self, at: usize) -> Option<u32> {
        let digits = self.bytes.get(at..at + 4)?;
        digits.iter().try_fold(0, |code, digit| Some(code * 16 + char::from(*digit).to_digit(16)?))
    }

    #[cold]
    fn fail<T>(&self, message: &str) -> Result<T, Malformed> {
        fail_at(message, self.at)
    }
}

#[cold]
fn fail_at<T>(message: &str, offset: usize) -> Result<T, Malformed> {
    Err(Malformed { message: message.to_owned(), offset })
}

#[inline]
fn open_is_object(open: &[Open]) -> bool {
    open.last().is_some_and(|open| open.is_object)
}
