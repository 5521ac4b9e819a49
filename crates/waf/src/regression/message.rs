//! A request of a test.

use crate::text::trim;

/// A request, as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The method.
    pub method: Vec<u8>,
    /// The target of the request line.
    pub target: Vec<u8>,
    /// The version, such as `HTTP/1.1`.
    pub version: Vec<u8>,
    /// The fields in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads a request as a server would that takes what it can.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut message = Self::default();
        let mut rest = bytes;
        let mut line = || {
            let (line, after) = match memchr::memchr(b'\n', rest) {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, &[][..]),
            };
            let ended = rest.is_empty();
            rest = after;
            (line.strip_suffix(b"\r").unwrap_or(line), ended)
        };
        let (first, _) = line();
        let mut words = first.splitn(3, |byte| *byte == b' ');
        message.method = words.next().unwrap_or_default().to_vec();
        message.target = words.next().unwrap_or_default().to_vec();
        message.version = words.next().unwrap_or_default().to_vec();
        loop {
            let (field, ended) = line();
            if field.is_empty() || ended {
                break;
            }
            let (name, value) = match memchr::memchr(b':', field) {
                Some(at) => (&field[..at], trim(&field[at + 1..])),
                None => (field, &[][..]),
            };
            message.headers.push((name.to_vec(), value.to_vec()));
        }
        message.body = match message.header(b"transfer-encoding") {
            Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => unchunk(rest),
            _ => match message
                .header(b"content-length")
                .and_then(|length| std::str::from_utf8(length).ok()?.parse().ok())
            {
                Some(length) => rest[..rest.len().min(length)].to_vec(),
                None => Vec::new(),
            },
        };
        message
    }

    /// The first field of that name, which is in lower case.
    pub fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Adds what a client of the suite adds, and writes the body as it writes it.
    pub(super) fn complete(&mut self) {
        if self.header(b"connection").is_none() {
            self.headers.push((b"Connection".to_vec(), b"close".to_vec()));
        }
        if !self.body.is_empty() && self.header(b"content-type").is_none() {
            self.headers.push((b"Content-Type".to_vec(), b"application/x-www-form-urlencoded".to_vec()));
        }
        let media_type = self.header(b"content-type").unwrap_or_default().to_ascii_lowercase();
        if media_type.starts_with(b"multipart/form-data") {
            let mut body = Vec::with_capacity(self.body.len());
            let mut previous = 0;
            for byte in &self.body {
                if *byte == b'\n' && previous != b'\r' {
                    body.push(b'\r');
                }
                body.push(*byte);
                previous = *byte;
            }
            self.body = body;
        } else if media_type.starts_with(b"application/x-www-form-urlencoded") {
            self.encode_form();
        }
        let always = [&b"POST"[..], b"PUT", b"PATCH", b"DELETE"].contains(&&*self.method);
        if (always || !self.body.is_empty())
            && self.header(b"content-length").is_none()
            && self.header(b"transfer-encoding").is_none()
        {
            self.headers.push((b"Content-Length".to_vec(), self.body.len().to_string().into_bytes()));
        }
    }

    /// A form in which nothing is escaped is written anew with escapes, its names in order.
    fn encode_form(&mut self) {
        if self.body.is_empty() || self.body.iter().any(|byte| matches!(byte, b'%' | b'+' | b';')) {
            return;
        }
        let mut pairs: Vec<(&[u8], &[u8])> = self
            .body
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| match memchr::memchr(b'=', pair) {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            })
            .collect();
        pairs.sort_by_key(|(name, _)| *name);
        let mut body = Vec::new();
        for (name, value) in pairs {
            if !body.is_empty() {
                body.push(b'&');
            }
            escape(name, &mut body);
            body.push(b'=');
            escape(value, &mut body);
        }
        self.body = body;
    }

    /// The bytes of the request.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [&self.method[..], b" ", &self.target, b" ", &self.version, b"\r\n"].concat();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(&[&name[..], b": ", value, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn escape(text: &[u8], output: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => output.push(byte),
            b' ' => output.push(b'+'),
            _ => output.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
}

/// The content of a chunked body.
fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let size = std::str::from_utf8(trim(&rest[..end]))
            .ok()
            .and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        rest = &rest[end + 1..];
        let size = size.min(rest.len());
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size..];
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
    }
    body
}
