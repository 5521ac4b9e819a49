//! `@detectSQLi`: libinjection finds SQL in the value. `TX:0` is the fingerprint of its tokens.

use super::{Argument, Captured, Captures, Expand, Operator};
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
        // One word or number is one token, and no fingerprint of one such token is an attack.
        if input.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
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

    fn cost(&self) -> u32 {
        8
    }
}
