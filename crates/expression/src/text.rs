//! Strings by UTF-16 units, as .NET counts them, and regular expressions by .NET's syntax.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

/// Text of UTF-16 units; half of a pair becomes U+FFFD.
pub(crate) fn from_units(units: &[u16]) -> String {
    char::decode_utf16(units.iter().copied()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Length in UTF-16 units.
pub(crate) fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// The units from `start`, at most `count` of them.
pub(crate) fn slice(text: &str, start: usize, count: usize) -> String {
    if text.is_ascii() {
        return text.get(start..(start + count).min(text.len())).unwrap_or_default().to_owned();
    }
    let units: Vec<u16> = text.encode_utf16().skip(start).take(count).collect();
    from_units(&units)
}

/// The unit at `index`.
pub(crate) fn unit(text: &str, index: usize) -> Option<u16> {
    if text.is_ascii() {
        return text.as_bytes().get(index).map(|b| u16::from(*b));
    }
    text.encode_utf16().nth(index)
}

/// The offset in units of an offset in bytes.
pub(crate) fn units_before(text: &str, byte: usize) -> usize {
    length(text.get(..byte).unwrap_or(text))
}

/// The offset in bytes of an offset in units.
pub(crate) fn byte_of(text: &str, units: usize) -> usize {
    if text.is_ascii() {
        return units.min(text.len());
    }
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if seen >= units {
            return at;
        }
        seen += c.len_utf16();
    }
    text.len()
}

/// Order by UTF-16 units.
pub(crate) fn compare_ordinal(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

fn unit_difference(a: &str, b: &str) -> i32 {
    let differ = a.encode_utf16().zip(b.encode_utf16()).find(|(x, y)| x != y);
    let lengths = || length(a) as i32 - length(b) as i32;
    differ.map_or_else(lengths, |(x, y)| i32::from(x) - i32::from(y))
}

/// Where `wanted` stands first, as an offset in bytes.
pub(crate) fn find(text: &str, wanted: &str) -> Option<usize> {
    match wanted.as_bytes() {
        [] => Some(0),
        [one] => memchr::memchr(*one, text.as_bytes()),
        many => memchr::memmem::find(text.as_bytes(), many),
    }
}

/// [`upper`] of a text that may be shared: where nothing changes, it is.
pub(crate) fn upper_shared(text: &Arc<str>) -> Arc<str> {
    let stays = text.is_ascii() && !text.bytes().any(|b| b.is_ascii_lowercase());
    if stays { Arc::clone(text) } else { upper(text).into() }
}

/// [`lower`] of a text that may be shared.
pub(crate) fn lower_shared(text: &Arc<str>) -> Arc<str> {
    let stays = text.is_ascii() && !text.bytes().any(|b| b.is_ascii_uppercase());
    if stays { Arc::clone(text) } else { lower(text).into() }
}

/// Upper case letter by letter, as the invariant culture has it.
pub(crate) fn upper(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    text.chars().map(|c| single(c.to_uppercase(), c)).collect()
}

/// Lower case letter by letter.
pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(|c| single(c.to_lowercase(), c)).collect()
}

/// A letter whose other case is one letter too.
fn single(mut other: impl Iterator<Item = char>, c: char) -> char {
    match (other.next(), other.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// How two strings are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Linguistic { ignore_case: bool },
    Ordinal,
    OrdinalIgnoreCase,
}

impl Comparison {
    /// By the number of a `StringComparison`.
    pub(crate) fn of(number: i64) -> Self {
        match number {
            4 => Self::Ordinal,
            5 => Self::OrdinalIgnoreCase,
            n => Self::Linguistic { ignore_case: n % 2 == 1 },
        }
    }

    pub(crate) fn ignores_case(self) -> bool {
        matches!(self, Self::OrdinalIgnoreCase | Self::Linguistic { ignore_case: true })
    }

    /// The text by which this comparison compares.
    pub(crate) fn fold(self, text: &str) -> Cow<'_, str> {
        if self.ignores_case() { upper(text).into() } else { text.into() }
    }

    pub(crate) fn equal(self, a: &str, b: &str) -> bool {
        if self.ignores_case() {
            a == b
                || a.len() == b.len() && a.eq_ignore_ascii_case(b)
                || !(a.is_ascii() && b.is_ascii()) && upper(a) == upper(b)
        } else {
            a == b
        }
    }

    /// What .NET's comparisons give: by units the difference of the first two that differ, or of the lengths.
    pub(crate) fn difference(self, a: &str, b: &str) -> i32 {
        match self {
            Self::Ordinal => unit_difference(a, b),
            Self::OrdinalIgnoreCase => unit_difference(&upper(a), &upper(b)),
            Self::Linguistic { .. } => self.compare(a, b) as i32,
        }
    }

    pub(crate) fn compare(self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Ordinal => compare_ordinal(a, b),
            Self::OrdinalIgnoreCase => compare_ordinal(&upper(a), &upper(b)),
            Self::Linguistic { ignore_case } => linguistic(a, b, ignore_case),
        }
    }
}

/// The invariant culture's order, as far as ASCII and letters go: punctuation before digits before letters, letters
/// alphabetically whatever their case, lower case first where nothing else differs.
fn linguistic(a: &str, b: &str, ignore_case: bool) -> Ordering {
    let key = |c: char| -> (u8, u32) {
        let class = if c.is_alphabetic() {
            4
        } else if c.is_numeric() {
            3
        } else if c.is_whitespace() {
            1
        } else {
            2
        };
        let order = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$".find(c).map_or(c as u32 + 100, |n| n as u32);
        (
            class,
            if class == 4 {
                c.to_lowercase().next().unwrap_or(c) as u32
            } else if class == 2 {
                order
            } else {
                c as u32
            },
        )
    };
    let base = a.chars().map(key).cmp(b.chars().map(key));
    if base != Ordering::Equal || ignore_case {
        return base;
    }
    for (x, y) in a.chars().zip(b.chars()) {
        if x != y {
            return if x.is_lowercase() { Ordering::Less } else { Ordering::Greater };
        }
    }
    Ordering::Equal
}

/// How often a match may step back before it is given up.
const BACKTRACK_LIMIT: usize = 1_000_000;
/// How many compiled expressions are kept. With the bounds on each they take 100 MiB at the very worst; those that
/// policies hold take some kilobytes.
const MAX_CACHED: usize = 128;
/// Bytes that a compiled expression may take, and the tables that it makes while it matches.
const MAX_COMPILED: usize = 512 << 10;
const MAX_TABLES: usize = 256 << 10;
/// The longest pattern, and the longest one that is kept for the next use.
const MAX_PATTERN: usize = 64 << 10;
const MAX_CACHED_PATTERN: usize = 4 << 10;

/// A compiled regular expression, kept for the next use.
pub(crate) fn regex(pattern: &str) -> Result<Arc<fancy_regex::Regex>, String> {
    static CACHE: LazyLock<Mutex<HashMap<String, Arc<fancy_regex::Regex>>>> = LazyLock::new(Mutex::default);
    if let Some(found) = CACHE.lock().get(pattern) {
        return Ok(Arc::clone(found));
    }
    if pattern.len() > MAX_PATTERN {
        return Err(format!("the pattern is longer than {MAX_PATTERN} bytes"));
    }
    let compiled = fancy_regex::RegexBuilder::new(pattern)
        .backtrack_limit(BACKTRACK_LIMIT)
        .delegate_size_limit(MAX_COMPILED)
        .delegate_dfa_size_limit(MAX_TABLES)
        .build()
        .map_err(|e| e.to_string())?;
    let compiled = Arc::new(compiled);
    if pattern.len() > MAX_CACHED_PATTERN {
        return Ok(compiled);
    }
    let mut cache = CACHE.lock();
    // One makes place for the new one, whichever it is: patterns that a client makes up cannot drive all others out.
    if cache.len() >= MAX_CACHED
        && let Some(any) = cache.keys().next().cloned()
    {
        cache.remove(&any);
    }
    cache.insert(pattern.to_owned(), Arc::clone(&compiled));
    Ok(compiled)
}
