//! The parameters in a query.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The parameters of a query: names decoded, values as they were written.
#[derive(Debug, Default)]
pub struct QueryPairs<'q> {
    pairs: Vec<(Cow<'q, str>, &'q str)>,
}

impl<'q> QueryPairs<'q> {
    /// Takes a query apart. The error is the name or the value that is not UTF-8 once it is decoded.
    pub fn parse(query: &'q str) -> Result<Self, String> {
        let mut pairs = Vec::new();
        if query.is_empty() {
            return Ok(Self { pairs });
        }
        pairs.reserve(8);
        for segment in query.split('&').filter(|segment| !segment.is_empty()) {
            let (name, value) = segment.split_once('=').unwrap_or((segment, ""));
            let name = decode(name, true).ok_or_else(|| name.to_owned())?;
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'q str)> {
        self.pairs.iter().map(|(name, value)| (&**name, *value))
    }
}

/// Decodes the escapes of a text; `plus`: a plus is a space. `None` where the bytes are not UTF-8.
#[inline]
pub(crate) fn decode(text: &str, plus: bool) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || plus && byte == b'+') {
        return Some(Cow::Borrowed(text));
    }
    if plus && text.contains('+') {
        let spaced = text.replace('+', " ");
        return percent_decode_str(&spaced).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()));
    }
    percent_decode_str(text).decode_utf8().ok()
}
