//! `@detectSQLi`: libinjection finds SQL in the value. `TX:0` is the fingerprint of its tokens.

use super::{Argument, CALL, Captured, Captures, Expand, Operator};
use crate::byte_class::Gate;

#[derive(Debug)]
struct DetectSqli;

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    if !argument.text.trim().is_empty() {
        return Err("@detectSQLi takes no argument".to_owned());
    }
    Ok(Box::new(DetectSqli))
}

impl Operator for DetectSqli {
    fn matches(&self, input: &[u8], _: &dyn Expand, captures: &mut Captures) -> bool {
        if is_plain(input) {
            return false;
        }
        let found = libinjectionrs::detect_sqli(input);
        if found.is_injection()
            && captures.wanted
            && let Some(fingerprint) = &found.fingerprint
        {
            let text = fingerprint.as_bytes();
            let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
            captures.texts.push(Some(Captured::Text(text.into())));
        }
        found.is_injection()
    }

    fn gate(&self) -> Gate {
        Gate::new(Vec::new(), 2)
    }

    /// Its tokens are read up to three times, each time a byte for a byte.
    fn work(&self, input: &[u8]) -> u64 {
        (input.len() as u64 + CALL) * if is_plain(input) { 1 } else { 32 }
    }
}

/// Whether a value is one word, the name of an argument of JSON, or digits with the separators of dates, times and decimals: no
/// fingerprint of the tokens of such values is an attack. Two hyphens begin a comment. A word may have points in it; it is cut at one
/// only after a keyword, and no keyword begins with `json`.
fn is_plain(input: &[u8]) -> bool {
    if input.starts_with(b"json.") {
        return input.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    }
    input.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        || input.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':'))
            && !input.windows(2).any(|pair| pair == b"--")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every value of up to seven of these bytes; digits in a row are one token, so longer values have no tokens that these have not.
    #[test]
    fn what_is_skipped_is_no_attack() {
        let mut values: Vec<Vec<u8>> = vec![Vec::new()];
        for length in 0..7 {
            let longer: Vec<Vec<u8>> = values
                .iter()
                .filter(|value| value.len() == length)
                .flat_map(|value| b"1-.:".iter().map(|byte| [&value[..], &[*byte]].concat()))
                .collect();
            values.extend(longer);
        }
        for word in [
            "select", "union", "or", "true", "null", "sleep", "user", "x1", "1x", "0x1f", "_", "if", "exec",
            "1e5",
        ] {
            values.push(word.as_bytes().to_vec());
        }
        for name in [
            "json.array_0",
            "json.select",
            "json.a.union.b",
            "json.user.id",
            "json.if.sleep",
            "json..x",
            "json.1.or.1",
        ] {
            values.push(name.as_bytes().to_vec());
        }
        for value in values.iter().filter(|value| is_plain(value)) {
            assert!(!libinjectionrs::detect_sqli(value).is_injection(), "{}", String::from_utf8_lossy(value));
        }
    }
}
