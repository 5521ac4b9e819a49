//! PCRE's syntax into that of `regex`: what means the same is written as the other side writes it, what has no counterpart is an
//! error that names it.

use std::fmt::Write as _;

/// Which engine a pattern needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// It runs in linear time.
    Linear,
    /// It has a look-around or a back reference.
    Backtracking,
}

/// A pattern in the syntax of the engine that it needs.
#[derive(Debug)]
pub(crate) struct Translated {
    pub(crate) pattern: String,
    pub(crate) kind: Pattern,
}

/// Translates a pattern.
pub(crate) fn translate(text: &str) -> Result<Translated, String> {
    let backtracking = needs_backtracking(text);
    let mut translator = Translator {
        rest: text,
        output: String::with_capacity(text.len() + 8),
        backtracking,
        repeatable: false,
    };
    if backtracking {
        translator.output.push_str("(?sm)");
    }
    translator.run()?;
    let kind = if backtracking { Pattern::Backtracking } else { Pattern::Linear };
    Ok(Translated { pattern: translator.output, kind })
}

/// Whether a look-around or a back reference stands outside character classes.
fn needs_backtracking(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut class = false;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                if !class && matches!(bytes.get(at + 1), Some(b'1'..=b'9' | b'k')) {
                    return true;
                }
                at += 1;
            }
            b'[' if !class => {
                class = true;
                // A bracket right after the start is a member.
                if bytes.get(at + 1) == Some(&b'^') {
                    at += 1;
                }
                if bytes.get(at + 1) == Some(&b']') {
                    at += 1;
                }
            }
            b'[' if bytes.get(at + 1) == Some(&b':') => {
                at += text[at..].find(":]").map_or(0, |end| end + 1);
            }
            b']' => class = false,
            b'(' if !class => {
                let rest = &text[at + 1..];
                if ["?=", "?!", "?<=", "?<!"].iter().any(|start| rest.starts_with(start)) {
                    return true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

struct Translator<'t> {
    rest: &'t str,
    output: String,
    backtracking: bool,
    /// Whether the last thing written was a quantifier, after which `+` means possessive.
    repeatable: bool,
}

impl Translator<'_> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(character) = self.next() {
            let quantifier = std::mem::take(&mut self.repeatable);
            match character {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                // A possessive quantifier matches what the greedy one matches, or less.
                '+' if quantifier => {}
                '*' | '+' | '?' => {
                    self.output.push(character);
                    self.repeatable = !quantifier;
                }
                '{' => match bounds(self.rest) {
                    Some(length) => {
                        self.output.push('{');
                        self.output.push_str(&self.rest[..length]);
                        self.rest = &self.rest[length..];
                        self.repeatable = true;
                    }
                    None => self.output.push_str("\\{"),
                },
                '}' => self.output.push_str("\\}"),
                ']' => self.output.push_str("\\]"),
                _ => self.literal(character),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    /// Writes a character as PCRE sees it: as its bytes.
    fn literal(&mut self, character: char) {
        if character.is_ascii() {
            self.output.push(character);
        } else {
            self.bytes(character);
        }
    }

    fn bytes(&mut self, character: char) {
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            self.byte(byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        // Writing to a string cannot fail.
        let _ = write!(self.output, "\\x{byte:02x}");
    }

    fn group(&mut self) -> Result<(), String> {
        if let Some(comment) = self.rest.strip_prefix("?#") {
            let end = comment.find(')').ok_or("a comment (?# has no end")?;
            self.rest = &comment[end + 1..];
            return Ok(());
        }
        if let Some(rest) = self.rest.strip_prefix("?>") {
            self.output.push_str("(?:");
            self.rest = rest;
            return Ok(());
        }
        if let Some(rest) = self.rest.strip_prefix("?'") {
            let end = rest.find('\'').ok_or("the name of a group has no end")?;
            let _ = write!(self.output, "(?P<{}>", &rest[..end]);
            self.rest = &rest[end + 1..];
            return Ok(());
        }
        for (start, what) in [
            ("?|", "a branch reset (?|"),
            ("?R", "recursion"),
            ("?&", "recursion"),
            ("?0", "recursion"),
            ("?(", "a condition (?("),
            ("*", "a verb (*"),
        ] {
            if self.rest.starts_with(start) {
                return Err(format!("{what} is not supported in patterns"));
            }
        }
        self.output.push('(');
        if let Some(rest) = self.rest.strip_prefix('?') {
            let length = 1 + rest.find([':', ')', '=', '!', '>']).map_or(0, |end| end + 1);
            self.output.push_str(&self.rest[..length]);
            self.rest = &self.rest[length..];
        }
        Ok(())
    }

    /// An escape outside of classes.
    fn escape(&mut self) -> Result<(), String> {
        let character = self.next().ok_or("the pattern ends with a backslash")?;
        match character {
            'Q' => {
                let end = self.rest.find("\\E");
                let (quoted, rest) =
                    end.map_or((self.rest, ""), |end| (&self.rest[..end], &self.rest[end + 2..]));
                for character in quoted.chars() {
                    if character.is_ascii() {
                        self.output.push_str(&regex_syntax::escape(character.encode_utf8(&mut [0; 4])));
                    } else {
                        self.bytes(character);
                    }
                }
                self.rest = rest;
            }
            'E' => {}
            'Z' => self.output.push_str("(?:\\n?\\z)"),
            'z' | 'A' | 'B' | 'b' | '1'..='9' | 'k' => {
                self.output.push('\\');
                self.output.push(character);
            }
            'R' => self.output.push_str("(?:\\r\\n|[\\n\\x0b\\x0c\\r])"),
            'N' => self.output.push_str("[^\\n]"),
            'K' | 'G' | 'C' | 'X' | 'p' | 'P' | 'g' => {
                return Err(format!("\\{character} is not supported in patterns"));
            }
            _ => self.shared_escape(character, false)?,
        }
        Ok(())
    }

    /// An escape that means the same inside and outside of classes.
    fn shared_escape(&mut self, character: char, in_class: bool) -> Result<(), String> {
        let set = |members: &'static str| if in_class { members.to_owned() } else { format!("[{members}]") };
        let text = match character {
            'h' => set("\\t "),
            'v' => set("\\n\\x0b\\x0c\\r"),
            'H' if !in_class => "[^\\t ]".to_owned(),
            'V' if !in_class => "[^\\n\\x0b\\x0c\\r]".to_owned(),
            // In the backtracker's Unicode mode the classes are those of ASCII, too.
            'd' if self.backtracking => set("0-9"),
            'w' if self.backtracking => set("0-9A-Za-z_"),
            's' if self.backtracking => set("\\t-\\r "),
            'D' if self.backtracking && !in_class => "[^0-9]".to_owned(),
            'W' if self.backtracking && !in_class => "[^0-9A-Za-z_]".to_owned(),
            'S' if self.backtracking && !in_class => "[^\\t-\\r ]".to_owned(),
            'd' | 'w' | 's' | 'D' | 'W' | 'S' | 'n' | 'r' | 't' | 'f' => format!("\\{character}"),
            'a' => "\\x07".to_owned(),
            'e' => "\\x1b".to_owned(),
            'c' => {
                let control = self.next().filter(char::is_ascii).ok_or("\\c needs a character after it")?;
                format!("\\x{:02x}", control.to_ascii_uppercase() as u8 ^ 0x40)
            }
            'x' => return self.hexadecimal(),
            'o' => return Err("\\o is not supported in patterns; write \\xHH".to_owned()),
            '0'..='7' => {
                let mut value = character as u32 - '0' as u32;
                let mut digits = 1;
                while digits < 3
                    && let Some(digit) = self.rest.chars().next().and_then(|digit| digit.to_digit(8))
                {
                    value = value * 8 + digit;
                    self.rest = &self.rest[1..];
                    digits += 1;
                }
                format!("\\x{:02x}", value & 0xff)
            }
            letter if letter.is_ascii_alphanumeric() => {
                return Err(format!("\\{letter} is no escape of a pattern"));
            }
            other if other.is_ascii() => format!("\\x{:02x}", other as u8),
            other => {
                self.bytes(other);
                return Ok(());
            }
        };
        self.output.push_str(&text);
        Ok(())
    }

    fn hexadecimal(&mut self) -> Result<(), String> {
        if let Some(braced) = self.rest.strip_prefix('{') {
            let end = braced.find('}').ok_or("\\x{ has no end")?;
            let value = u32::from_str_radix(&braced[..end], 16).ok().filter(|value| *value <= 0xff);
            let value =
                value.ok_or_else(|| format!("\\x{{{}}} is no byte; patterns match bytes", &braced[..end]))?;
            self.byte(value as u8);
            self.rest = &braced[end + 1..];
            return Ok(());
        }
        let digits = self.rest.bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
        let value = u8::from_str_radix(&self.rest[..digits], 16).unwrap_or(0);
        self.byte(value);
        self.rest = &self.rest[digits..];
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        self.output.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.output.push('^');
            self.rest = rest;
        }
        if let Some(rest) = self.rest.strip_prefix(']') {
            self.output.push_str("\\]");
            self.rest = rest;
        }
        loop {
            let character = self.next().ok_or("a character class [ has no end")?;
            match character {
                ']' => break,
                '[' => match self.rest.starts_with(':').then(|| self.rest.find(":]")).flatten() {
                    Some(end) => {
                        self.output.push('[');
                        self.output.push_str(&self.rest[..end + 2]);
                        self.rest = &self.rest[end + 2..];
                    }
                    None => self.output.push_str("\\["),
                },
                '\\' => {
                    let escaped = self.next().ok_or("the pattern ends with a backslash")?;
                    match escaped {
                        'b' => self.output.push_str("\\x08"),
                        // Outside of classes these are references; inside, octal digits.
                        '8' | '9' => self.output.push(escaped),
                        'Q' | 'E' => {
                            return Err(format!("\\{escaped} is not supported in character classes"));
                        }
                        _ => self.shared_escape(escaped, true)?,
                    }
                }
                // `regex` gives these a meaning when they are doubled.
                '&' | '~' => {
                    self.output.push('\\');
                    self.output.push(character);
                }
                '-' if self.rest.starts_with('-') || self.output.ends_with('-') => {
                    self.output.push_str("\\-");
                }
                _ => self.literal(character),
            }
        }
        self.output.push(']');
        Ok(())
    }
}

/// The length of a quantifier's bounds after the brace, the closing brace included.
fn bounds(rest: &str) -> Option<usize> {
    let end = rest.find('}')?;
    let (first, last) = rest[..end].split_once(',').unwrap_or((&rest[..end], ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!first.is_empty() && digits(first) && digits(last)).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(text: &str) -> String {
        let translated = translate(text).unwrap();
        assert_eq!(translated.kind, Pattern::Linear, "{text}");
        translated.pattern
    }

    #[test]
    fn what_both_sides_write_alike_stays() {
        for same in ["a|b*?c+", "(?i:x)(y)", "[a-z0-9]", "a{2,3}?", "[[:alpha:]_]", "^\\s\\d\\b$", "(?P<n>x)"]
        {
            assert_eq!(linear(same), same);
        }
    }

    #[test]
    fn what_they_write_differently_is_rewritten() {
        for (pcre, ours) in [
            ("a++", "a+"),
            ("(?>ab)", "(?:ab)"),
            ("{x}", "\\{x\\}"),
            ("[[x]", "[\\[x]"),
            ("[]x]", "[\\]x]"),
            ("\\<\\/", "\\x3c\\x2f"),
            ("\\h", "[\\t ]"),
            ("[\\v]", "[\\n\\x0b\\x0c\\r]"),
            ("a(?#note)b", "ab"),
            ("\\Qa.b\\E+", "a\\.b+"),
            ("\u{e9}", "\\xc3\\xa9"),
            ("[\u{e9}]", "[\\xc3\\xa9]"),
            ("\\0", "\\x00"),
            ("[a&&b]", "[a\\&\\&b]"),
        ] {
            assert_eq!(linear(pcre), ours, "{pcre}");
        }
    }

    #[test]
    fn look_arounds_and_back_references_need_the_backtracker() {
        for text in ["a(?=b)", "(?<!a)b", "(a)\\1"] {
            assert_eq!(translate(text).unwrap().kind, Pattern::Backtracking, "{text}");
        }
        assert_eq!(translate("[(?=]\\\\1").unwrap().kind, Pattern::Linear);
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        for (text, named) in
            [("(?|a)", "branch reset"), ("a\\Kb", "\\K"), ("[a", "no end"), ("\\y", "no escape")]
        {
            assert!(translate(text).unwrap_err().contains(named), "{text}");
        }
    }
}
