//! `System.Net.WebUtility` and `System.Web.HttpUtility`.

use std::fmt::Write as _;

use super::{Definition, Dictionary, member, pure};
use crate::class::Type;
use crate::exception::Thrown;
use crate::value::Value;

/// Form encoding: space is `+`. .NET's two classes differ in the case of the digits.
pub(crate) fn url_encode(text: &str, upper: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!*()".contains(&byte) {
            out.push(char::from(byte));
        } else if byte == b' ' {
            out.push('+');
        } else if upper {
            let _ = write!(out, "%{byte:02X}");
        } else {
            let _ = write!(out, "%{byte:02x}");
        }
    }
    out
}

/// Undoes form encoding; broken escapes stay as they are.
pub(crate) fn url_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|d| std::str::from_utf8(d).ok())
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u8::from_str_radix(d, 16).ok());
        match escaped {
            Some(code) => {
                out.push(code);
                at += 3;
            }
            None => {
                out.push(if *byte == b'+' { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

pub(crate) fn html_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '\u{a0}'..='\u{ff}' | '\u{10000}'.. => {
                let _ = write!(out, "&#{};", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

fn html_decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let decoded = rest.find(';').filter(|n| *n < 12).and_then(|end| {
            let name = rest.get(1..end)?;
            let c = match name {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                "nbsp" => '\u{a0}',
                "copy" => '©',
                "reg" => '®',
                "euro" => '€',
                "hellip" => '…',
                "ndash" => '–',
                "mdash" => '—',
                "lsquo" => '‘',
                "rsquo" => '’',
                "ldquo" => '“',
                "rdquo" => '”',
                "auml" => 'ä',
                "ouml" => 'ö',
                "uuml" => 'ü',
                "Auml" => 'Ä',
                "Ouml" => 'Ö',
                "Uuml" => 'Ü',
                "szlig" => 'ß',
                "eacute" => 'é',
                "egrave" => 'è',
                "agrave" => 'à',
                "ccedil" => 'ç',
                other => {
                    let digits = other.strip_prefix('#')?;
                    let code = match digits.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => digits.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((c, end + 1))
        });
        match decoded {
            Some((c, length)) => {
                out.push(c);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

/// Null stays null.
fn mapped(c: &crate::machine::Call<'_, '_>, map: impl Fn(&str) -> String) -> Result<Value, Thrown> {
    Ok(Value::text_or_null(c.text_or_null(0).map(map)))
}

pub(super) const WEB_UTILITY: Definition = Definition {
    name: "System.Net.WebUtility",
    members: &[
        pure("static UrlEncode(string): string", |c| mapped(c, |t| url_encode(t, true))),
        pure("static UrlDecode(string): string", |c| mapped(c, url_decode)),
        pure("static HtmlEncode(string): string", |c| mapped(c, html_encode)),
        pure("static HtmlDecode(string): string", |c| mapped(c, html_decode)),
    ],
    ..Definition::NEW
};

pub(super) const HTTP_UTILITY: Definition = Definition {
    name: "System.Web.HttpUtility",
    members: &[
        pure("static UrlEncode(string): string", |c| mapped(c, |t| url_encode(t, false))),
        pure("static UrlDecode(string): string", |c| mapped(c, url_decode)),
        pure("static HtmlEncode(string): string", |c| mapped(c, html_encode)),
        pure("static HtmlDecode(string): string", |c| mapped(c, html_decode)),
        pure("static UrlPathEncode(string): string", |c| {
            mapped(c, |text| {
                let (path, query) = text.split_at(text.find('?').unwrap_or(text.len()));
                let mut out = String::with_capacity(text.len());
                for byte in path.bytes() {
                    match byte {
                        0x21..=0x7e => out.push(char::from(byte)),
                        _ => {
                            let _ = write!(out, "%{byte:02x}");
                        }
                    }
                }
                out + query
            })
        }),
        member("static ParseQueryString(string): Dictionary<string, string>", |c| {
            let map = Dictionary::new(Type::STRING, Type::STRING, true);
            for (name, value) in form(c.text(0)?.trim_start_matches('?')) {
                let joined = match map.get(&Value::from(name.as_str())) {
                    Some(before) => format!("{},{value}", before.display()),
                    None => value,
                };
                map.set(Value::from(name), Value::from(joined));
            }
            Ok(Value::object(map))
        }),
    ],
    ..Definition::NEW
};

/// Names and values of a form or query.
pub(super) fn form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|p| !p.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (url_decode(name), url_decode(value))
        })
        .collect()
}
