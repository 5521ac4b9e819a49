//! Finds where an expression ends, in a policy document or in the hole of an interpolated string.
//!
//! Brackets count only outside strings, characters and comments; a hole of an interpolated string holds code again,
//! with strings of its own.

/// Why no end was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScanError {
    /// Byte offset in the text where the fault begins.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

/// Deepest nesting of brackets and holes.
const MAX_DEPTH: usize = 512;

/// The offset just after the bracket that closes the expression at `start`, which is the offset of `@(` or `@{`.
pub fn scan_end(text: &str, start: usize) -> Result<usize, ScanError> {
    Scan::new(text, start, false).expression()
}

/// As [`scan_end`], where `&quot;`, `&apos;`, `&lt;`, `&gt;`, `&amp;` and numeric references stand for their
/// characters, as in an attribute of a policy document.
pub fn scan_end_of_markup(text: &str, start: usize) -> Result<usize, ScanError> {
    Scan::new(text, start, true).expression()
}

/// The offset of the `}`, `,` or `:` that ends the expression of an interpolation which starts at `start`.
pub(super) fn hole_end(text: &str, start: usize) -> Result<usize, ScanError> {
    let mut scan = Scan::new(text, start, false);
    scan.open.push(Open { at: start.saturating_sub(1), kind: Kind::Stop });
    scan.code()
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    entities: bool,
    open: Vec<Open>,
}

#[derive(Clone, Copy)]
struct Open {
    at: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Bracket(char),
    /// A hole: its `}` goes back to the string.
    Hole {
        verbatim: bool,
    },
    /// The hole whose end is asked for.
    Stop,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str, at: usize, entities: bool) -> Self {
        Self { text, at, entities, open: Vec::new() }
    }

    fn expression(mut self) -> Result<usize, ScanError> {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let closer = match rest.as_bytes() {
            [b'@', b'(', ..] => ')',
            [b'@', b'{', ..] => '}',
            _ => return Self::fail(start, "an expression begins with @( or @{"),
        };
        self.at = start + 2;
        self.open.push(Open { at: start, kind: Kind::Bracket(closer) });
        self.code()
    }

    /// Scans code until the outermost bracket closes.
    fn code(&mut self) -> Result<usize, ScanError> {
        loop {
            let here = self.at;
            let Some(c) = self.bump() else {
                let open = self.open.first().map_or(here, |o| o.at);
                return Self::fail(open, "the expression does not end: its closing bracket is missing");
            };
            match c {
                '(' => self.push(here, ')')?,
                '[' => self.push(here, ']')?,
                '{' => self.push(here, '}')?,
                ')' | ']' | '}' => {
                    let top = self.open.last().copied();
                    match top.map(|o| o.kind) {
                        Some(Kind::Bracket(wanted)) if wanted == c => {
                            self.open.pop();
                            if self.open.is_empty() {
                                return Ok(self.at);
                            }
                        }
                        Some(Kind::Hole { verbatim }) if c == '}' => {
                            self.open.pop();
                            self.interpolated(here, verbatim)?;
                        }
                        Some(Kind::Stop) if c == '}' => return Ok(here),
                        _ => return Self::fail(here, &format!("'{c}' closes a bracket that is not open")),
                    }
                }
                ',' | ':' if self.open.last().is_some_and(|o| o.kind == Kind::Stop) => return Ok(here),
                ':' if matches!(self.open.last(), Some(Open { kind: Kind::Hole { .. }, .. })) => {
                    self.format(here)?;
                }
                '"' => self.string(here)?,
                '\'' => self.character(here)?,
                '@' if self.peek() == Some('"') => {
                    self.bump();
                    self.verbatim(here)?;
                }
                '@' | '$' => self.prefixed(here, c)?,
                '/' if self.peek() == Some('/') => {
                    while self.peek().is_some_and(|c| c != '\n' && c != '\r') {
                        self.bump();
                    }
                }
                '/' if self.peek() == Some('*') => self.comment(here)?,
                _ => {}
            }
        }
    }

    fn prefixed(&mut self, here: usize, first: char) -> Result<(), ScanError> {
        let back = self.at;
        let mut verbatim = false;
        if first == '@' && self.peek() == Some('$') || first == '$' && self.peek() == Some('@') {
            self.bump();
            verbatim = true;
        }
        if (first == '$' || verbatim) && self.peek() == Some('"') {
            self.bump();
            return self.interpolated(here, verbatim);
        }
        self.at = back;
        Ok(())
    }

    fn push(&mut self, at: usize, closer: char) -> Result<(), ScanError> {
        self.enter(at, Kind::Bracket(closer))
    }

    fn enter(&mut self, at: usize, kind: Kind) -> Result<(), ScanError> {
        if self.open.len() >= MAX_DEPTH {
            return Self::fail(at, &format!("brackets are nested deeper than {MAX_DEPTH}"));
        }
        self.open.push(Open { at, kind });
        Ok(())
    }

    fn string(&mut self, start: usize) -> Result<(), ScanError> {
        loop {
            match self.bump() {
                None | Some('\n' | '\r') => {
                    return Self::fail(start, "the string does not end on its line: \" is missing");
                }
                Some('"') => return Ok(()),
                Some('\\') => {
                    self.bump();
                }
                Some(_) => {}
            }
        }
    }

    fn verbatim(&mut self, start: usize) -> Result<(), ScanError> {
        loop {
            match self.bump() {
                None => return Self::fail(start, "the string does not end: \" is missing"),
                Some('"') if self.peek() == Some('"') => {
                    self.bump();
                }
                Some('"') => return Ok(()),
                Some(_) => {}
            }
        }
    }

    fn interpolated(&mut self, start: usize, verbatim: bool) -> Result<(), ScanError> {
        loop {
            match self.bump() {
                None => return Self::fail(start, "the interpolated string does not end: \" is missing"),
                Some('\n' | '\r') if !verbatim => {
                    return Self::fail(
                        start,
                        "the interpolated string does not end on its line: \" is missing",
                    );
                }
                Some('"') if verbatim && self.peek() == Some('"') => {
                    self.bump();
                }
                Some('"') => return Ok(()),
                Some('\\') if !verbatim => {
                    self.bump();
                }
                Some('{') if self.peek() == Some('{') => {
                    self.bump();
                }
                Some('{') => {
                    let at = self.at;
                    return self.enter(at, Kind::Hole { verbatim });
                }
                Some(_) => {}
            }
        }
    }

    /// The format of a hole is text up to its `}`.
    fn format(&mut self, start: usize) -> Result<(), ScanError> {
        loop {
            match self.peek() {
                None => return Self::fail(start, "the '{' of the interpolation is not closed"),
                Some('}') => return Ok(()),
                Some(_) => {
                    self.bump();
                }
            }
        }
    }

    fn character(&mut self, start: usize) -> Result<(), ScanError> {
        let escaped = self.bump() == Some('\\');
        if escaped {
            self.bump();
        }
        for _ in 0..10 {
            match self.bump() {
                Some('\'') => return Ok(()),
                Some(c) if escaped && c.is_ascii_hexdigit() => {}
                _ => break,
            }
        }
        Self::fail(start, "a character literal holds one character; write text between double quotes")
    }

    fn comment(&mut self, start: usize) -> Result<(), ScanError> {
        self.bump();
        loop {
            match self.bump() {
                None => return Self::fail(start, "the comment does not end: */ is missing"),
                Some('*') if self.peek() == Some('/') => {
                    self.bump();
                    return Ok(());
                }
                Some(_) => {}
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.read().map(|(c, _)| c)
    }

    fn bump(&mut self) -> Option<char> {
        let (c, length) = self.read()?;
        self.at += length;
        Some(c)
    }

    fn read(&self) -> Option<(char, usize)> {
        let bytes = self.text.as_bytes();
        let first = *bytes.get(self.at)?;
        if first == b'&' && self.entities {
            return Some(entity(bytes.get(self.at..).unwrap_or_default()));
        }
        if first.is_ascii() {
            return Some((char::from(first), 1));
        }
        let c = self.text.get(self.at..)?.chars().next()?;
        Some((c, c.len_utf8()))
    }

    fn fail<T>(offset: usize, message: &str) -> Result<T, ScanError> {
        Err(ScanError { offset, message: message.to_owned() })
    }
}

/// The character that an entity stands for, or the `&` itself where it begins none.
fn entity(bytes: &[u8]) -> (char, usize) {
    for (name, c) in [("&quot;", '"'), ("&apos;", '\''), ("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&')] {
        if bytes.starts_with(name.as_bytes()) {
            return (c, name.len());
        }
    }
    let window = bytes.get(..bytes.len().min(12)).unwrap_or_default();
    if window.starts_with(b"&#")
        && let Some(end) = window.iter().position(|b| *b == b';')
        && let Ok(digits) = std::str::from_utf8(window.get(2..end).unwrap_or_default())
    {
        let code = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        if let Some(c) = code.and_then(char::from_u32) {
            return (c, end + 1);
        }
    }
    ('&', 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(text: &str) -> &str {
        &text[..scan_end(text, 0).unwrap()]
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert_eq!(ends(r#"@("a)" + 'x' + @"b"")" + ')')""#), r#"@("a)" + 'x' + @"b"")" + ')')"#);
        assert_eq!(ends("@{ // }\n /* } */ return 1; }tail"), "@{ // }\n /* } */ return 1; }");
    }

    #[test]
    fn a_hole_holds_code() {
        let text = r#"@($"{((IResponse)context.Variables["blob"]).Body.As<JObject>() }")"#;
        assert_eq!(ends(&format!("{text}\" x=\"\"")), text);
        assert_eq!(ends("@($\"{{{x:}}}\")"), "@($\"{{{x:}}}\")");
    }

    #[test]
    fn entities_count_as_their_characters() {
        let text = "@(x == &quot;)&quot; &amp;&amp; y)";
        assert_eq!(scan_end_of_markup(text, 0), Ok(text.len()));
    }

    #[test]
    fn an_open_bracket_is_named() {
        assert_eq!(scan_end("ab @(x", 3).unwrap_err().offset, 3);
        assert!(scan_end("@(x])", 0).is_err());
        assert!(scan_end(&format!("@({}", "(".repeat(10_000)), 0).unwrap_err().message.contains("nested"));
    }
}
