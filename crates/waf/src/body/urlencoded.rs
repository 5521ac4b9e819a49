//! `application/x-www-form-urlencoded`, and queries.

use super::{Arguments, BodyError};
use crate::text::hex_pair;
use crate::transformations::url_decode;

/// Reads the pairs of a form. Answers whether each `%` had two hexadecimal digits after it.
pub(crate) fn read(text: &[u8], separator: u8, arguments: &mut dyn Arguments) -> Result<bool, BodyError> {
    let valid = memchr::memchr_iter(b'%', text).all(|at| hex_pair(&text[at + 1..]).is_some());
    let (mut name, mut value) = (Vec::new(), Vec::new());
    for pair in text.split(|byte| *byte == separator) {
        if pair.is_empty() {
            continue;
        }
        let (raw_name, raw_value) = match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        name.clear();
        url_decode::apply(raw_name, &mut name);
        value.clear();
        url_decode::apply(raw_value, &mut value);
        arguments.add(&name, &value)?;
    }
    Ok(valid)
}
