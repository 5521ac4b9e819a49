//! Numbers as they stand in the text.

use std::borrow::Cow;

use jsonschema::json::JsonNumber;
use serde_json::Number;

/// The text of a number, which has been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberText<'a> {
    pub(super) text: &'a str,
    pub(super) is_integer: bool,
}

impl JsonNumber for NumberText<'_> {
    #[inline]
    fn as_u64(&self) -> Option<u64> {
        if self.is_integer { self.text.parse().ok() } else { None }
    }

    #[inline]
    fn as_i64(&self) -> Option<i64> {
        if self.is_integer { self.text.parse().ok() } else { None }
    }

    fn as_f64(&self) -> Option<f64> {
        self.text.parse().ok().filter(|value: &f64| value.is_finite())
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.text)
    }

    fn to_number(&self) -> Cow<'_, Number> {
        Cow::Owned(to_number(self.text))
    }

    #[inline]
    fn is_integer(&self) -> bool {
        self.is_integer || jsonschema_value_is_integer(self.text)
    }

    #[inline]
    fn is_written_as_integer(&self) -> bool {
        self.is_integer
    }
}

/// Whether a number with a fraction or an exponent is whole: `1.0`, `1e2`.
fn jsonschema_value_is_integer(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|value| value.is_finite() && value.fract() == 0.0)
}

pub(super) fn to_number(text: &str) -> Number {
    text.parse().unwrap_or_else(|_| Number::from(0))
}

/// Whether a text is a number as JSON writes them (RFC 8259, section 6), within what a double holds.
pub(crate) fn is_number(text: &str) -> Option<bool> {
    let bytes = text.as_bytes();
    let (length, is_integer) = scan(bytes)?;
    (length == bytes.len() && is_finite(text, is_integer)).then_some(is_integer)
}

/// Whether a double holds a number's magnitude.
pub(super) fn is_finite(text: &str, is_integer: bool) -> bool {
    const ALWAYS: usize = 300;
    if is_integer && text.len() <= ALWAYS {
        return true;
    }
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// How many bytes at the beginning are a number, and whether it has neither fraction nor exponent.
pub(super) fn scan(bytes: &[u8]) -> Option<(usize, bool)> {
    let digits = |from: usize| {
        bytes.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || whole > 1 && bytes.get(at) == Some(&b'0') {
        return None;
    }
    at += whole;
    let mut is_integer = true;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
        is_integer = false;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
        is_integer = false;
    }
    Some((at, is_integer))
}
