//! `multipart/form-data` (RFC 7578), read strictly: what a server might read in another way sets a flag, which rules refuse.

use std::ops::Range;

use crate::text::{is_space, starts_with_ignoring_case, trim};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Multipart {
    pub(crate) parts: Vec<Part>,
    pub(crate) flags: Flags,
    /// What makes the body unreadable.
    pub(crate) error: Option<String>,
}

/// One part.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) name: Vec<u8>,
    /// Set for a file.
    pub(crate) filename: Option<Vec<u8>>,
    /// The lines of the header, unfolded.
    pub(crate) headers: Vec<Vec<u8>>,
    /// Where the content stands in the body.
    pub(crate) content: Range<usize>,
}

/// What a server might read in another way; the names are those of the variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) boundary_quoted: bool,
    pub(crate) boundary_whitespace: bool,
    pub(crate) data_before: bool,
    pub(crate) data_after: bool,
    pub(crate) header_folding: bool,
    pub(crate) invalid_header_folding: bool,
    pub(crate) lf_line: bool,
    pub(crate) crlf_line: bool,
    pub(crate) missing_semicolon: bool,
    pub(crate) invalid_quoting: bool,
    pub(crate) invalid_part: bool,
    pub(crate) file_limit_exceeded: bool,
    pub(crate) unmatched_boundary: bool,
}

impl Flags {
    /// Lines end in both ways.
    pub(crate) fn mixed_lines(self) -> bool {
        self.lf_line && self.crlf_line
    }

    pub(crate) fn strict_error(self) -> bool {
        self.boundary_quoted
            || self.boundary_whitespace
            || self.data_before
            || self.data_after
            || self.header_folding
            || self.invalid_header_folding
            || self.lf_line
            || self.missing_semicolon
            || self.invalid_quoting
            || self.invalid_part
            || self.file_limit_exceeded
    }
}

/// The most parts, and lines in the header of one.
const PARTS: usize = 10_000;
const HEADER_LINES: usize = 64;

/// Reads a body with the boundary that the media type gives.
pub(crate) fn read(media_type: &[u8], body: &[u8], file_limit: usize) -> Multipart {
    let mut found = Multipart::default();
    let boundary = match boundary(media_type, &mut found.flags) {
        Ok(boundary) => boundary,
        Err(message) => {
            found.error = Some(message);
            return found;
        }
    };
    let mut reader = Reader { body, at: 0, boundary: &boundary, found: &mut found };
    if let Err(message) = reader.parts(file_limit) {
        found.error = Some(message);
    }
    found
}

/// The boundary of a media type.
fn boundary(media_type: &[u8], flags: &mut Flags) -> Result<Vec<u8>, String> {
    let lower = media_type.to_ascii_lowercase();
    // A parameter, not a part of a value such as ----WebKitFormBoundary.
    let begins = |at: &usize| {
        let after = trim(&lower[at + b"boundary".len()..]).first() == Some(&b'=');
        let before = at.checked_sub(1).and_then(|before| lower.get(before));
        after && before.is_none_or(|byte| is_space(*byte) || matches!(byte, b';' | b',' | b'"' | b'/'))
    };
    let mut places = memchr::memmem::find_iter(&lower, b"boundary").filter(begins);
    let Some(at) = places.next() else {
        return Err("the media type of the multipart body has no boundary".to_owned());
    };
    if places.next().is_some() {
        return Err("the media type of the multipart body has more than one boundary".to_owned());
    }
    if !trim(&lower[..at]).ends_with(b";") && !trim(&lower[..at]).ends_with(b",") {
        flags.missing_semicolon = true;
    }
    let rest = &media_type[at + b"boundary".len()..];
    let value = trim(rest).strip_prefix(b"=").ok_or("the boundary of the multipart body has no value")?;
    if rest.first() != Some(&b'=') || value.first().is_some_and(|byte| is_space(*byte)) {
        flags.boundary_whitespace = true;
    }
    let value = trim(value);
    let value = if let Some(quoted) = value.strip_prefix(b"\"") {
        flags.boundary_quoted = true;
        let end = memchr::memchr(b'"', quoted).ok_or("the quote of the boundary is not closed")?;
        &quoted[..end]
    } else {
        trim(value.split(|byte| matches!(byte, b';' | b',')).next().unwrap_or_default())
    };
    if value.is_empty() || value.len() > 70 {
        return Err("the boundary of the multipart body has no length from 1 to 70".to_owned());
    }
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    if !value.iter().all(allowed) {
        return Err(
            "the boundary of the multipart body has characters that boundaries cannot have".to_owned()
        );
    }
    if value.iter().any(|byte| is_space(*byte)) {
        flags.boundary_whitespace = true;
    }
    Ok(value.to_vec())
}

struct Reader<'b> {
    body: &'b [u8],
    at: usize,
    boundary: &'b [u8],
    found: &'b mut Multipart,
}

/// What a line that begins with two hyphens is.
#[derive(PartialEq, Eq)]
enum Delimiter {
    Next,
    Last,
}

impl<'b> Reader<'b> {
    fn parts(&mut self, file_limit: usize) -> Result<(), String> {
        // What stands before the first boundary is no part, and nobody agrees on who reads it.
        loop {
            let Some((line, _)) = self.line() else {
                return Err("the multipart body has no part".to_owned());
            };
            match self.delimiter(line) {
                Some(Delimiter::Next) => break,
                Some(Delimiter::Last) => {
                    return Err("the multipart body ends before its first part".to_owned());
                }
                None => self.found.flags.data_before |= !line.is_empty(),
            }
        }
        let mut files = 0;
        loop {
            if self.found.parts.len() >= PARTS {
                return Err(format!("the multipart body has more than {PARTS} parts"));
            }
            let mut part = self.header()?;
            let last = self.content(&mut part)?;
            if part.filename.is_some() {
                files += 1;
                self.found.flags.file_limit_exceeded |= files > file_limit;
            }
            self.found.parts.push(part);
            if last {
                break;
            }
        }
        while let Some((line, _)) = self.line() {
            self.found.flags.data_after |= !line.is_empty();
        }
        Ok(())
    }

    /// The next line without its end, and how long it is with it.
    fn line(&mut self) -> Option<(&'b [u8], usize)> {
        let body = self.body;
        let rest = body.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (line, length) = match memchr::memchr(b'\n', rest) {
            Some(end) => {
                let line = &rest[..end];
                match line.strip_suffix(b"\r") {
                    Some(line) => {
                        self.found.flags.crlf_line = true;
                        (line, end + 1)
                    }
                    None => {
                        self.found.flags.lf_line = true;
                        (line, end + 1)
                    }
                }
            }
            None => (rest, rest.len()),
        };
        self.at += length;
        Some((line, length))
    }

    fn delimiter(&mut self, line: &[u8]) -> Option<Delimiter> {
        let rest = line.strip_prefix(b"--")?;
        match rest.strip_prefix(self.boundary) {
            Some(after) => match trim(after) {
                b"" => Some(Delimiter::Next),
                b"--" => Some(Delimiter::Last),
                _ => {
                    self.found.flags.unmatched_boundary = true;
                    None
                }
            },
            None => {
                // A line that could be a boundary of someone who reads the media type in another way.
                if rest.iter().any(|byte| !is_space(*byte) && *byte != b'-') {
                    self.found.flags.unmatched_boundary = true;
                }
                None
            }
        }
    }

    fn header(&mut self) -> Result<Part, String> {
        let mut part = Part::default();
        loop {
            let Some((line, _)) = self.line() else {
                return Err("the header of a part has no end".to_owned());
            };
            if line.is_empty() {
                break;
            }
            if let Some(first) = line.first().filter(|byte| is_space(**byte)) {
                let Some(folded) = part.headers.last_mut() else {
                    return Err("the header of a part begins with a folded line".to_owned());
                };
                self.found.flags.header_folding = true;
                self.found.flags.invalid_header_folding |= !matches!(first, b' ' | b'\t');
                folded.push(b' ');
                folded.extend_from_slice(trim(line));
                continue;
            }
            if part.headers.len() >= HEADER_LINES {
                return Err(format!("the header of a part has more than {HEADER_LINES} lines"));
            }
            if !line.contains(&b':') {
                self.found.flags.invalid_part = true;
            }
            part.headers.push(line.to_vec());
        }
        let dispositions: Vec<&[u8]> = part
            .headers
            .iter()
            .filter(|line| starts_with_ignoring_case(line, b"content-disposition"))
            .map(|line| &line[b"content-disposition".len()..])
            .filter_map(|rest| trim(rest).strip_prefix(b":"))
            .collect();
        let [disposition] = dispositions[..] else {
            self.found.flags.invalid_part = true;
            return Ok(part);
        };
        let (name, filename) = disposition_parameters(disposition, &mut self.found.flags)?;
        match name {
            Some(name) => part.name = name,
            None => self.found.flags.invalid_part = true,
        }
        part.filename = filename;
        Ok(part)
    }

    /// Reads the content; answers whether the part is the last.
    fn content(&mut self, part: &mut Part) -> Result<bool, String> {
        let start = self.at;
        loop {
            let before = self.at;
            let Some((line, _)) = self.line() else {
                part.content = start..self.body.len();
                return Err("the multipart body has no last boundary".to_owned());
            };
            if let Some(delimiter) = self.delimiter(line) {
                let mut end = before;
                for byte in [b'\n', b'\r'] {
                    if end > start && self.body[end - 1] == byte {
                        end -= 1;
                    }
                }
                part.content = start..end;
                return Ok(delimiter == Delimiter::Last);
            }
        }
    }
}

/// The name and the file name of `form-data; name="…"; filename="…"`.
fn disposition_parameters(
    text: &[u8],
    flags: &mut Flags,
) -> Result<(Option<Vec<u8>>, Option<Vec<u8>>), String> {
    let (mut name, mut filename) = (None, None);
    let text = trim(text);
    let kind = text.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t')).unwrap_or(text.len());
    if !text[..kind].eq_ignore_ascii_case(b"form-data") {
        flags.invalid_part = true;
    }
    let mut rest = trim(&text[kind..]);
    while !rest.is_empty() {
        match rest.strip_prefix(b";") {
            Some(after) => rest = trim(after),
            None => flags.missing_semicolon = true,
        }
        if rest.is_empty() {
            break;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(rest.len());
        let parameter = trim(&rest[..end]).to_ascii_lowercase();
        let Some(value) = rest[end..].strip_prefix(b"=") else {
            flags.invalid_part = true;
            rest = trim(&rest[end..]);
            continue;
        };
        let (value, after) = parameter_value(trim(value), flags)?;
        rest = trim(after);
        let known = match &*parameter {
            b"name" => &mut name,
            b"filename" => &mut filename,
            // Servers differ in which of the two they take.
            b"filename*" => {
                flags.invalid_part |= filename.is_some();
                &mut filename
            }
            _ => continue,
        };
        if known.is_some() {
            flags.invalid_part = true;
        }
        *known = Some(value);
    }
    Ok((name, filename))
}

/// The value at the start of a text, without quotes, and what follows it.
fn parameter_value<'t>(text: &'t [u8], flags: &mut Flags) -> Result<(Vec<u8>, &'t [u8]), String> {
    let quote = match text.first() {
        Some(quote @ (b'"' | b'\'')) => *quote,
        _ => {
            let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
            let value = trim(&text[..end]);
            flags.invalid_quoting |= value.iter().any(|byte| matches!(byte, b'"' | b'\''));
            return Ok((value.to_vec(), &text[end..]));
        }
    };
    flags.invalid_quoting |= quote == b'\'';
    let mut value = Vec::new();
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        if *byte == quote {
            return Ok((value, &text[at + 1..]));
        }
        if *byte == b'\\'
            && let Some(escaped) = text.get(at + 1).filter(|escaped| **escaped == quote || **escaped == b'\\')
        {
            value.push(*escaped);
            at += 2;
            continue;
        }
        value.push(*byte);
        at += 1;
    }
    flags.invalid_quoting = true;
    Err("a quote in the header of a part is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &[u8] = b"multipart/form-data; boundary=XX";

    #[test]
    fn parts_have_names_files_and_content() {
        let body = b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n--XX\r\nContent-Disposition: form-data; name=f; filename=\"x\\\"y.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--XX--\r\n";
        let found = read(TYPE, body, 10);
        assert_eq!(found.error, None);
        assert!(!found.flags.strict_error(), "{:?}", found.flags);
        assert_eq!(found.parts[0].name, b"a");
        assert_eq!(&body[found.parts[0].content.clone()], b"1\r\n2");
        assert_eq!(found.parts[1].filename.as_deref(), Some(&b"x\"y.txt"[..]));
        assert_eq!(&body[found.parts[1].content.clone()], b"hello");
        assert_eq!(found.parts[1].headers.len(), 2);
    }

    #[test]
    fn what_others_might_read_in_another_way_sets_a_flag() {
        let part = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--\r\n";
        let flags = |body: &str| read(TYPE, body.as_bytes(), 10).flags;
        assert!(flags(&format!("before\r\n{part}")).data_before);
        assert!(flags(&format!("{part}after")).data_after);
        assert!(flags(&part.replace("\r\n", "\n")).lf_line);
        assert!(flags(&part.replace("; name", " name")).missing_semicolon);
        assert!(flags(&part.replace("name=\"a\"", "name='a'")).invalid_quoting);
        assert!(flags(&part.replace("name=\"a\"", "name=\"a\"; name=\"b\"")).invalid_part);
        assert!(flags(&part.replace("\r\n1\r\n", "\r\n--XY\r\n")).unmatched_boundary);
        assert!(flags(&part.replace("form-data;", "form-data;\r\n ")).header_folding);
        assert!(read(b"multipart/form-data; boundary=\"XX\"", part.as_bytes(), 10).flags.boundary_quoted);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for (media_type, body) in [
            (&b"multipart/form-data"[..], &b"--XX--"[..]),
            (b"multipart/form-data; boundary=X; boundary=Y", b"--X--"),
            (TYPE, b""),
            (TYPE, b"--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--XX--"),
            (TYPE, b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1"),
        ] {
            assert!(read(media_type, body, 10).error.is_some(), "{}", String::from_utf8_lossy(body));
        }
    }
}
