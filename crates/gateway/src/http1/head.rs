//! The judgement of one HTTP/1 request head, over its raw bytes (RFC 9112, and stricter wherever recipients are known
//! to differ). A parser that is lenient in one of these points can be made to see another request than the next
//! recipient sees.

use memchr::memchr;

use crate::client::authority;
use crate::client::refusal::Refusal;

/// The longest target that the parser behind takes.
const MAX_TARGET: usize = u16::MAX as usize - 2;

/// What a good head says about the bytes that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// How the body is delimited.
    pub(super) framing: Framing,
    /// Whether the client asks for a WebSocket: what follows the head may be another protocol.
    pub(super) websocket: bool,
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// By its length.
    Length(u64),
    /// By chunks.
    Chunked,
}

/// Where the head ends that begins with `bytes`. `searched` keeps how far earlier calls have looked, so that a head
/// that comes byte by byte is looked at once. Bare line feeds end a head here too: [`check`] refuses them then.
pub(super) fn find_end(bytes: &[u8], searched: &mut usize) -> Option<usize> {
    let start = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
    let mut from = (*searched).max(start);
    while let Some(offset) = bytes.get(from..).and_then(|rest| memchr(b'\n', rest)) {
        let next = from + offset + 1;
        match bytes.get(next..) {
            Some([b'\n', ..]) => return Some(next + 1),
            Some([b'\r', b'\n', ..]) => return Some(next + 2),
            // The lines may go on in the next read: look at this line feed again.
            Some([] | [b'\r']) => {
                *searched = next - 1;
                return None;
            }
            _ => from = next,
        }
    }
    *searched = bytes.len();
    None
}

/// Judges a whole head, from its first byte to the empty line.
pub(super) fn check(bytes: &[u8], max_fields: usize) -> Result<Head, Refusal> {
    // RFC 9112 section 2.2: one empty line before a request is an old client's habit.
    let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    let (line, mut rest) = split_line(bytes)?;
    let request = request_line(line)?;
    let mut fields = Fields::default();
    let mut count = 0;
    loop {
        let (line, next) = split_line(rest)?;
        rest = next;
        if line.is_empty() {
            break;
        }
        count += 1;
        if count > max_fields {
            return Err(Refusal::TooManyFields);
        }
        let (name, value) = split_field(line)?;
        fields.note(name, value)?;
    }
    fields.judge(&request)
}

fn split_line(bytes: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let end = memchr(b'\n', bytes).ok_or(Refusal::LineEnd)?;
    let (line, rest) = bytes.split_at_checked(end + 1).ok_or(Refusal::LineEnd)?;
    line.strip_suffix(b"\r\n").map(|line| (line, rest)).ok_or(Refusal::LineEnd)
}

struct RequestLine<'a> {
    authority: Option<&'a [u8]>,
    is_get: bool,
    is_1_1: bool,
}

fn request_line(line: &[u8]) -> Result<RequestLine<'_>, Refusal> {
    let space = memchr(b' ', line).ok_or(Refusal::RequestLine)?;
    let (method, rest) = line.split_at_checked(space).ok_or(Refusal::RequestLine)?;
    if method.is_empty() || !all(method, TOKEN) || method == b"CONNECT" {
        return Err(Refusal::Method);
    }
    let rest = rest.get(1..).ok_or(Refusal::RequestLine)?;
    let space = memchr(b' ', rest).ok_or(Refusal::RequestLine)?;
    let (target, version) = rest.split_at_checked(space).ok_or(Refusal::RequestLine)?;
    let is_1_1 = match version {
        b" HTTP/1.1" => true,
        b" HTTP/1.0" => false,
        // A third space makes the version start late: the line is at fault, not the version.
        other if memchr(b' ', other.get(1..).unwrap_or_default()).is_some() => {
            return Err(Refusal::RequestLine);
        }
        _ => return Err(Refusal::Version),
    };
    if target.len() > MAX_TARGET {
        return Err(Refusal::HeadTooLarge);
    }
    let authority = target_authority(target, method)?;
    Ok(RequestLine { authority, is_get: method == b"GET", is_1_1 })
}

/// The authority of a target in absolute form; nothing for the origin form and for `*`.
fn target_authority<'a>(target: &'a [u8], method: &[u8]) -> Result<Option<&'a [u8]>, Refusal> {
    if target == b"*" {
        return if method == b"OPTIONS" { Ok(None) } else { Err(Refusal::Target) };
    }
    if target.first() == Some(&b'/') {
        return path_and_query(target).map(|()| None);
    }
    let scheme = memchr(b':', target).ok_or(Refusal::Target)?;
    let (scheme, rest) = target.split_at_checked(scheme).ok_or(Refusal::Target)?;
    if !scheme.eq_ignore_ascii_case(b"https") && !scheme.eq_ignore_ascii_case(b"http") {
        return Err(Refusal::Target);
    }
    let rest = rest.strip_prefix(b"://").ok_or(Refusal::Target)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(Refusal::Target)?;
    if !authority::is_valid(authority) {
        return Err(Refusal::Target);
    }
    path_and_query(path)?;
    Ok(Some(authority))
}

fn path_and_query(target: &[u8]) -> Result<(), Refusal> {
    let end = memchr(b'?', target).unwrap_or(target.len());
    let (path, query) = target.split_at_checked(end).ok_or(Refusal::Target)?;
    if all(path, PATH) && all(query, QUERY) { Ok(()) } else { Err(Refusal::Target) }
}

fn split_field(line: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    if let [b' ' | b'\t', ..] = line {
        // White space at the start of a line would continue the line before it (obs-fold).
        return Err(Refusal::FieldValue);
    }
    let colon = memchr(b':', line).ok_or(Refusal::FieldName)?;
    let (name, value) = line.split_at_checked(colon).ok_or(Refusal::FieldName)?;
    if name.is_empty() || !all(name, TOKEN) {
        return Err(Refusal::FieldName);
    }
    let value = value.get(1..).unwrap_or_default();
    if all_are_values(value) { Ok((name, trim(value))) } else { Err(Refusal::FieldValue) }
}

#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    chunked: bool,
    upgrade: Option<&'a [u8]>,
    upgrades: usize,
    connection_upgrade: bool,
}

impl<'a> Fields<'a> {
    fn note(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), Refusal> {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                if self.host.is_some() || !authority::is_valid(value) {
                    return Err(Refusal::Host);
                }
                self.host = Some(value);
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade = Some(value);
                self.upgrades += 1;
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.connection_upgrade |= value
                    .split(|byte| *byte == b',')
                    .any(|option| trim(option).eq_ignore_ascii_case(b"upgrade"));
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if self.length.is_some() {
                    return Err(Refusal::ContentLength);
                }
                self.length = Some(decimal(value).ok_or(Refusal::ContentLength)?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::TransferEncoding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn judge(self, request: &RequestLine<'_>) -> Result<Head, Refusal> {
        if self.chunked && (self.length.is_some() || !request.is_1_1) {
            return Err(Refusal::TransferEncoding);
        }
        match (self.host, request.authority) {
            (None, _) if request.is_1_1 => return Err(Refusal::Host),
            (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
                return Err(Refusal::AuthorityMismatch);
            }
            _ => {}
        }
        let framing = match (self.chunked, self.length) {
            (true, _) => Framing::Chunked,
            (false, None | Some(0)) => Framing::None,
            (false, Some(length)) => Framing::Length(length),
        };
        if self.upgrade.is_some() && framing != Framing::None {
            return Err(Refusal::UpgradeWithBody);
        }
        let websocket = request.is_1_1
            && request.is_get
            && self.connection_upgrade
            && self.upgrades == 1
            && self.upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
        Ok(Head { framing, websocket })
    }
}

fn decimal(text: &[u8]) -> Option<u64> {
    // Two below the maximum are taken by the parser behind for its own purposes.
    const MAX: u64 = u64::MAX - 2;
    if text.is_empty() {
        return None;
    }
    let value = text.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })?;
    (value <= MAX).then_some(value)
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// `tchar` of RFC 9110 section 5.6.2.
const TOKEN: u8 = 1;
/// Bytes of a path.
const PATH: u8 = 2;
/// Bytes of a query with its question mark.
const QUERY: u8 = 4;
/// Bytes of a field value: visible ASCII, space, tab and obs-text.
const VALUE: u8 = 8;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric()
            || matches!(b, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.')
            || matches!(b, b'^' | b'_' | b'`' | b'|' | b'~')
        {
            classes[byte] |= TOKEN;
        }
        if b.is_ascii_graphic() && !matches!(b, b'#' | b'<' | b'>' | b'`' | b'?') {
            classes[byte] |= PATH;
        }
        if b.is_ascii_graphic() && !matches!(b, b'#' | b'<' | b'>' | b'"') {
            classes[byte] |= QUERY;
        }
        if b == b'\t' || (b >= b' ' && b != 0x7f) {
            classes[byte] |= VALUE;
        }
        byte += 1;
    }
    classes
};

fn class_of(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Whether a byte may stand in a field name.
pub(super) fn is_token(byte: u8) -> bool {
    class_of(byte) & TOKEN != 0
}

/// Whether a byte may stand in a field value.
pub(super) fn is_value(byte: u8) -> bool {
    class_of(byte) & VALUE != 0
}

/// Whether every byte is of the class. No branch for each byte: heads are good as a rule, and bounded in any case.
fn all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().fold(0xff, |common, byte| common & class_of(*byte)) & class == class
}

/// Whether every byte may stand in a field value. Comparisons instead of the table, so that the loop is vectorised:
/// values are most of a head.
#[expect(clippy::needless_bitwise_bool, reason = "lazy operators would branch for each byte")]
fn all_are_values(bytes: &[u8]) -> bool {
    !bytes.iter().fold(false, |bad, byte| bad | ((*byte < b' ') & (*byte != b'\t')) | (*byte == 0x7f))
}

#[cfg(test)]
mod tests;
