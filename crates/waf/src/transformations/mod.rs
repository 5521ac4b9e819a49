//! Transformations: what `t:` does to a value before an operator sees it. One a file; the table lists them.

mod base64_decode;
mod base64_decode_ext;
mod base64_encode;
mod cmd_line;
mod compress_whitespace;
mod css_decode;
mod escape_seq_decode;
mod hex_decode;
mod hex_encode;
mod html_entity_decode;
mod js_decode;
mod length;
mod lowercase;
mod md5;
mod normalize_path;
mod normalize_path_win;
mod parity_even_7bit;
mod parity_odd_7bit;
mod parity_zero_7bit;
mod remove_comments;
mod remove_comments_char;
mod remove_nulls;
mod remove_whitespace;
mod replace_comments;
mod replace_nulls;
mod sha1;
mod sql_hex_decode;
mod trim;
mod trim_left;
mod trim_right;
mod uppercase;
pub(crate) mod url_decode;
mod url_decode_uni;
pub(crate) mod url_encode;
mod utf8_to_unicode;

#[cfg(test)]
mod tests;

use crate::byte_class::ByteSet;

/// One transformation.
pub(crate) struct Transformation {
    /// Which values it can change.
    trigger: Trigger,
    /// Appends the transformed input to an empty output.
    pub(crate) apply: fn(&[u8], &mut Vec<u8>),
}

enum Trigger {
    /// Any value.
    Always,
    /// Only values with a byte of one of these classes.
    Bytes(ByteSet),
}

/// The place of a transformation in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TransformationId(pub(crate) u8);

impl TransformationId {
    /// How many transformations there are.
    pub(crate) const COUNT: usize = TABLE.len();

    /// By its name in a rule, whatever the case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        TABLE.iter().position(|(known, _)| known.eq_ignore_ascii_case(name)).map(|at| Self(at as u8))
    }

    pub(crate) fn get(self) -> &'static Transformation {
        &TABLE[usize::from(self.0)].1
    }
}

impl Transformation {
    /// The classes of which a value must have one to be changed; all and [`ByteSet::NO_BYTE`] where any value may be.
    pub(crate) fn trigger(&self) -> ByteSet {
        match self.trigger {
            Trigger::Always => ByteSet::ALL,
            Trigger::Bytes(trigger) => trigger,
        }
    }

    /// Whether a value with these classes stays as it is.
    #[inline]
    pub(crate) fn keeps(&self, classes: ByteSet) -> bool {
        match self.trigger {
            Trigger::Always => false,
            Trigger::Bytes(trigger) => !trigger.meets(classes),
        }
    }
}

/// The names that rules may use, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}

const TABLE: &[(&str, Transformation)] = &[
    ("base64Decode", base64_decode::BASE64_DECODE),
    ("base64DecodeExt", base64_decode_ext::BASE64_DECODE_EXT),
    ("base64Encode", base64_encode::BASE64_ENCODE),
    ("cmdLine", cmd_line::CMD_LINE),
    ("compressWhitespace", compress_whitespace::COMPRESS_WHITESPACE),
    ("cssDecode", css_decode::CSS_DECODE),
    ("escapeSeqDecode", escape_seq_decode::ESCAPE_SEQ_DECODE),
    ("hexDecode", hex_decode::HEX_DECODE),
    ("hexEncode", hex_encode::HEX_ENCODE),
    ("htmlEntityDecode", html_entity_decode::HTML_ENTITY_DECODE),
    ("jsDecode", js_decode::JS_DECODE),
    ("length", length::LENGTH),
    ("lowercase", lowercase::LOWERCASE),
    ("md5", md5::MD5),
    ("normalizePath", normalize_path::NORMALIZE_PATH),
    ("normalisePath", normalize_path::NORMALIZE_PATH),
    ("normalizePathWin", normalize_path_win::NORMALIZE_PATH_WIN),
    ("normalisePathWin", normalize_path_win::NORMALIZE_PATH_WIN),
    ("parityEven7bit", parity_even_7bit::PARITY_EVEN_7BIT),
    ("parityOdd7bit", parity_odd_7bit::PARITY_ODD_7BIT),
    ("parityZero7bit", parity_zero_7bit::PARITY_ZERO_7BIT),
    ("removeComments", remove_comments::REMOVE_COMMENTS),
    ("removeCommentsChar", remove_comments_char::REMOVE_COMMENTS_CHAR),
    ("removeNulls", remove_nulls::REMOVE_NULLS),
    ("removeWhitespace", remove_whitespace::REMOVE_WHITESPACE),
    ("replaceComments", replace_comments::REPLACE_COMMENTS),
    ("replaceNulls", replace_nulls::REPLACE_NULLS),
    ("sha1", sha1::SHA1),
    ("sqlHexDecode", sql_hex_decode::SQL_HEX_DECODE),
    ("trim", trim::TRIM),
    ("trimLeft", trim_left::TRIM_LEFT),
    ("trimRight", trim_right::TRIM_RIGHT),
    ("uppercase", uppercase::UPPERCASE),
    ("urlDecode", url_decode::URL_DECODE),
    ("urlDecodeUni", url_decode_uni::URL_DECODE_UNI),
    ("urlEncode", url_encode::URL_ENCODE),
    ("utf8toUnicode", utf8_to_unicode::UTF8_TO_UNICODE),
];
