//! Percent-encoding as .NET has it.

use std::fmt::Write as _;

/// Undoes percent-encoding except of the characters that would change the address's structure.
pub(super) fn unescape_safe(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'%'
            && let Some(code) = hex_at(bytes, at + 1)
            && !(code < 0x20 || code == 0x7f || b"%/\\?#[]@:&=+$,;!'()*".contains(&code))
        {
            out.push(code);
            at += 3;
            continue;
        }
        out.push(*byte);
        at += 1;
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn hex_at(bytes: &[u8], at: usize) -> Option<u8> {
    let digits = bytes.get(at..at + 2)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Percent-encodes what may not stand in an address; existing escapes stay.
pub(super) fn escape_illegal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    for (n, byte) in bytes.iter().enumerate() {
        let keep = byte.is_ascii_alphanumeric()
            || b"-_.~:/?#[]@!$&'()*+,;=".contains(byte)
            || *byte == b'%' && hex_at(bytes, n + 1).is_some();
        if keep {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Percent-encodes everything but letters, digits and `-_.~`.
pub(in crate::types) fn escape_data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Percent-encodes what may not stand in an address, and `%` itself.
pub(super) fn escape_uri(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:/?#[]@!$&'()*+,;=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Undoes percent-encoding; what is no UTF-8 stays encoded.
pub(in crate::types) fn unescape_data(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let mut run = Vec::new();
        let start = at;
        while bytes.get(at) == Some(&b'%')
            && let Some(code) = hex_at(bytes, at + 1)
        {
            run.push(code);
            at += 3;
        }
        if run.is_empty() {
            let Some(c) = text.get(at..).and_then(|t| t.chars().next()) else { break };
            out.push(c);
            at += c.len_utf8();
            continue;
        }
        match String::from_utf8(run.clone()) {
            Ok(decoded) => out.push_str(&decoded),
            Err(_) => {
                // Decode what is valid, keep the rest as it was.
                let mut n = 0;
                while n < run.len() {
                    let found =
                        (1..=4).find_map(|k| std::str::from_utf8(run.get(n..n + k)?).ok().map(|s| (s, k)));
                    match found {
                        Some((s, k)) => {
                            out.push_str(s);
                            n += k;
                        }
                        None => {
                            out.push_str(text.get(start + n * 3..start + n * 3 + 3).unwrap_or_default());
                            n += 1;
                        }
                    }
                }
            }
        }
    }
    out
}
