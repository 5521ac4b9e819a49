//! Texts that cannot carry an injection, whatever a backend makes of them.
//!
//! What is proved is a property of the text alone: its schema only says which proofs to try. So a schema that is misread, or a
//! request that is read otherwise by the backend, cannot make a dangerous text count as harmless. A firewall that leaves such
//! texts out loses nothing but alarms.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use serde_json::{Map, Value};

/// Why a text is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// The definition spells it: whoever sends it chooses among what its author wrote.
    Constant,
    /// `true` or `false`.
    Boolean,
    /// A decimal number of at most nine digits before and after the point. Longer ones, and those with an exponent, can be
    /// meant for an overflow.
    Number,
    /// A UUID (RFC 9562).
    Uuid,
    /// A date, a time or both (RFC 3339).
    Date,
    /// It matches an anchored pattern of the definition, in which all that is free to choose is hexadecimal digits and single
    /// hyphens, of a bounded number.
    Pattern,
}

impl Proof {
    /// The word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Constant => "enum",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Pattern => "pattern",
        }
    }
}

/// The longest text that a pattern may match.
const MAX_PATTERN_LENGTH: usize = 128;
/// How large a compiled pattern may be, in bytes.
const MAX_PATTERN_SIZE: usize = 256 << 10;
/// The longest constant that is looked for.
const MAX_CONSTANT_LENGTH: usize = 1024;
/// The most digits of a harmless number before the point, and after it.
const MAX_DIGITS: usize = 9;

/// The proofs to try on the values of one schema.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    boolean: bool,
    number: bool,
    uuid: bool,
    date: bool,
    constants: Vec<Box<[u8]>>,
    pattern: Option<Regex>,
}

impl Proofs {
    /// The proofs that the keywords of a schema stand for; those of the schemas inside are not looked at.
    pub(super) fn of(schema: &Map<String, Value>) -> Self {
        let mut proofs = Self::default();
        let types = match schema.get("type") {
            Some(Value::Array(types)) => types.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        for kind in types.iter().filter_map(Value::as_str) {
            match kind {
                "boolean" => proofs.boolean = true,
                "integer" | "number" => proofs.number = true,
                _ => {}
            }
        }
        match schema.get("format").and_then(Value::as_str) {
            Some("uuid") => proofs.uuid = true,
            Some("date" | "date-time" | "time") => proofs.date = true,
            _ => {}
        }
        let values = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        for value in values.chain(schema.get("const")) {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => continue,
            };
            if text.len() <= MAX_CONSTANT_LENGTH {
                proofs.constants.push(text.into_bytes().into());
            }
        }
        proofs.constants.sort();
        proofs.constants.dedup();
        proofs.pattern = schema.get("pattern").and_then(Value::as_str).and_then(safe_pattern);
        proofs
    }

    /// Why a text is harmless; `None` where nothing here proves it.
    pub(crate) fn prove(&self, text: &[u8]) -> Option<Proof> {
        if self.number && is_number(text) {
            return Some(Proof::Number);
        }
        if self.boolean && matches!(text, b"true" | b"false") {
            return Some(Proof::Boolean);
        }
        if self.uuid && fits(text, b"hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh") {
            return Some(Proof::Uuid);
        }
        if self.date && is_date(text) {
            return Some(Proof::Date);
        }
        if self.constants.binary_search_by(|known| (**known).cmp(text)).is_ok() {
            return Some(Proof::Constant);
        }
        let pattern = self.pattern.as_ref()?;
        (text.len() <= MAX_PATTERN_LENGTH && is_plain(text) && pattern.is_match(text))
            .then_some(Proof::Pattern)
    }
}

fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, fraction) = match memchr::memchr(b'.', digits) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let are_digits =
        |part: &[u8]| (1..=MAX_DIGITS).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    are_digits(whole) && (whole.len() == 1 || whole[0] != b'0') && fraction.is_none_or(are_digits)
}

/// Whether a text has the form of a template, in which `d` stands for a digit and `h` for a hexadecimal one.
fn fits(text: &[u8], template: &[u8]) -> bool {
    text.len() == template.len()
        && text.iter().zip(template).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            b'h' => byte.is_ascii_hexdigit(),
            other => byte == other,
        })
}

/// RFC 3339: `full-date`, `date-time`, `full-time`, and a time without offset.
fn is_date(text: &[u8]) -> bool {
    if fits(text, b"dddd-dd-dd") {
        return true;
    }
    let time = match text.get(..11) {
        Some(date) if fits(date, b"dddd-dd-ddT") || fits(date, b"dddd-dd-ddt") => &text[11..],
        _ => text,
    };
    let Some((clock, mut rest)) = time.split_at_checked(8) else { return false };
    if let [b'.', after @ ..] = rest {
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=MAX_DIGITS).contains(&digits) {
            return false;
        }
        rest = &after[digits..];
    }
    fits(clock, b"dd:dd:dd")
        && (matches!(rest, b"" | b"Z" | b"z") || fits(rest, b"+dd:dd") || fits(rest, b"-dd:dd"))
}

/// Whether a text that a safe pattern matches is no long number and has no two hyphens in a row, which begin a comment in SQL.
fn is_plain(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let numeric = text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'e' | b'E'));
    let begins_comment = text.windows(2).any(|pair| pair == b"--");
    !(numeric && digits > MAX_DIGITS || begins_comment || text.starts_with(b"-"))
}

/// Compiles a pattern whose matches are bounded and leave only hexadecimal digits and hyphens to choose.
fn safe_pattern(pattern: &str) -> Option<Regex> {
    let syntax = syntax::Config::new().unicode(false).utf8(false);
    let hir = syntax::parse_with(pattern, &syntax).ok()?;
    let properties = hir.properties();
    let is_bounded = properties.maximum_len().is_some_and(|length| length <= MAX_PATTERN_LENGTH)
        && properties.look_set_prefix().contains(Look::Start)
        && properties.look_set_suffix().contains(Look::End);
    if !is_bounded || !leaves_little(&hir) {
        return None;
    }
    let config = Regex::config()
        .utf8_empty(false)
        .nfa_size_limit(Some(MAX_PATTERN_SIZE))
        .onepass_size_limit(Some(MAX_PATTERN_SIZE))
        .hybrid(false)
        .dfa(false);
    Regex::builder().configure(config).build_from_hir(&hir).ok()
}

/// Whether what may stand at each place is a word of the definition or a hexadecimal digit or hyphen.
fn leaves_little(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Look(look) => matches!(look, Look::Start | Look::End),
        HirKind::Literal(literal) => {
            literal.0.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
        }
        HirKind::Class(Class::Bytes(class)) => class.ranges().iter().all(|range| is_hex(range.start(), range.end())),
        HirKind::Class(Class::Unicode(class)) => class.ranges().iter().all(|range| {
            matches!((u8::try_from(range.start()), u8::try_from(range.end())), (Ok(start), Ok(end)) if is_hex(start, end))
        }),
        HirKind::Repetition(repetition) => leaves_little(&repetition.sub),
        HirKind::Capture(capture) => leaves_little(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(leaves_little),
    }
}

fn is_hex(start: u8, end: u8) -> bool {
    (start..=end).all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prove(schema: &Value, text: &str) -> Option<Proof> {
        Proofs::of(schema.as_object().unwrap()).prove(text.as_bytes())
    }

    #[test]
    fn scalars_are_proved_by_their_text() {
        let number = json!({ "type": ["integer", "null"] });
        for good in ["0", "-7", "12.50", "999999999"] {
            assert_eq!(prove(&number, good), Some(Proof::Number), "{good}");
        }
        for bad in ["", "-", "1e309", "2147483648", "007", "1.", ".5", "0x10", "1 or 1=1", "--1", "+1"] {
            assert_eq!(prove(&number, bad), None, "{bad}");
        }
        assert_eq!(prove(&json!({ "type": "boolean" }), "true"), Some(Proof::Boolean));
        assert_eq!(prove(&json!({ "type": "boolean" }), "True"), None);
        let uuid = json!({ "type": "string", "format": "uuid" });
        assert_eq!(prove(&uuid, "550e8400-e29b-41d4-a716-446655440000"), Some(Proof::Uuid));
        assert_eq!(prove(&uuid, "550e8400-e29b-41d4-a716-44665544000'"), None);
        assert_eq!(prove(&json!({ "type": "string" }), "7"), None);
    }

    #[test]
    fn dates_and_times_are_those_of_the_internet() {
        let date = json!({ "type": "string", "format": "date-time" });
        for good in [
            "2024-05-01",
            "2024-05-01T10:00:00Z",
            "2024-05-01t10:00:00.123456789+02:00",
            "10:00:00",
            "23:59:60-01:00",
        ] {
            assert_eq!(prove(&date, good), Some(Proof::Date), "{good}");
        }
        for bad in
            ["2024-5-1", "2024-05-01T", "2024-05-01 10:00:00", "10:00:00.", "10:00:00--", "2024-05-01;"]
        {
            assert_eq!(prove(&date, bad), None, "{bad}");
        }
    }

    #[test]
    fn constants_are_compared_as_they_stand() {
        let word = json!({ "enum": ["price desc--", "<new>", 10_000_000_000_u64, true] });
        assert_eq!(prove(&word, "<new>"), Some(Proof::Constant));
        assert_eq!(prove(&word, "10000000000"), Some(Proof::Constant));
        assert_eq!(prove(&word, "<New>"), None);
        assert_eq!(prove(&json!({ "const": "../x" }), "../x"), Some(Proof::Constant));
    }

    #[test]
    fn patterns_that_leave_little_to_choose_prove_what_they_match() {
        let matches =
            |pattern: &str, text: &str| prove(&json!({ "pattern": pattern }), text) == Some(Proof::Pattern);
        assert!(matches("^ORD-[0-9]{6}$", "ORD-004711"));
        assert!(matches("^\\d{4}/?\\d$", "12345") || safe_pattern("^\\d{4}/?\\d$").is_none());
        assert!(matches("^[a-f0-9]{24}$", "65f0c0ffee65f0c0ffee0123"));
        assert!(!matches("^[a-f0-9]{24}$", "65f0c0ffee65f0c0ffee012'"));
        assert!(!matches("^[0-9]{1,20}$", "4294967296"), "a long number");
        assert!(!matches("^[0-9a-f-]{1,40}$", "1--"), "a comment");
        for unsafe_pattern in
            ["[0-9]+", "^[0-9]+$", "^[a-z]{1,9}$", "^.{3}$", "[0-9]{3}$", "^[0-9]{3}", "^[0-9]{200}$", "("]
        {
            assert!(safe_pattern(unsafe_pattern).is_none(), "{unsafe_pattern}");
        }
    }
}
