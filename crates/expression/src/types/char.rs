//! `System.Char`.

use super::{Definition, Form, pure};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::text;
use crate::value::Value;

fn letter(c: &Call<'_, '_>) -> Result<char, Thrown> {
    let unit = match c.get(0) {
        Value::String(text) => {
            let index = usize::try_from(c.int(1)?).map_err(|_| Thrown::index())?;
            text::unit(text, index).ok_or_else(Thrown::index)?
        }
        _ => c.unit(0)?,
    };
    Ok(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER))
}

fn other_case(c: &Call<'_, '_>, upper: bool) -> Result<Value, Thrown> {
    let text = text::from_units(&[c.unit(0)?]);
    let changed = if upper { text::upper(&text) } else { text::lower(&text) };
    Ok(Value::Char(text::unit(&changed, 0).unwrap_or_default()))
}

/// A test of one letter, by itself and as a letter of a string.
macro_rules! test {
    ($name:literal, $test:expr) => {
        pure(concat!("static ", $name, "(char): bool"), |c| {
            let test: fn(char) -> bool = $test;
            Ok(Value::Boolean(test(letter(c)?)))
        })
    };
}

macro_rules! test_at {
    ($name:literal, $test:expr) => {
        pure(concat!("static ", $name, "(string, int): bool"), |c| {
            let test: fn(char) -> bool = $test;
            Ok(Value::Boolean(test(letter(c)?)))
        })
    };
}

fn is_punctuation(c: char) -> bool {
    "!\"#%&'()*,-./:;?@[\\]_{}¡§«¶·»¿–—‘’“”…".contains(c)
}

fn is_symbol(c: char) -> bool {
    "$+<=>^`|~¢£¤¥¦¨©¬®¯°±´¸×÷€".contains(c)
}

pub(super) const CHAR: Definition = Definition {
    name: "System.Char",
    aliases: &["char"],
    form: Form::Structure,
    bases: &["object"],
    members: &[
        pure("static MinValue: char", |_| Ok(Value::Char(0))),
        pure("static MaxValue: char", |_| Ok(Value::Char(u16::MAX))),
        test!("IsDigit", |c| c.is_ascii_digit()),
        test!("IsNumber", char::is_numeric),
        test!("IsLetter", char::is_alphabetic),
        test!("IsLetterOrDigit", |c| c.is_alphabetic() || c.is_ascii_digit()),
        test!("IsWhiteSpace", char::is_whitespace),
        test!("IsUpper", char::is_uppercase),
        test!("IsLower", char::is_lowercase),
        test!("IsControl", char::is_control),
        test!("IsPunctuation", is_punctuation),
        test!("IsSymbol", is_symbol),
        test!("IsSeparator", |c| matches!(
            c,
            ' ' | '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{3000}' | '\u{2000}'..='\u{200a}'
        )),
        test_at!("IsDigit", |c| c.is_ascii_digit()),
        test_at!("IsLetter", char::is_alphabetic),
        test_at!("IsLetterOrDigit", |c| c.is_alphabetic() || c.is_ascii_digit()),
        test_at!("IsWhiteSpace", char::is_whitespace),
        test_at!("IsUpper", char::is_uppercase),
        test_at!("IsLower", char::is_lowercase),
        pure("static IsSurrogate(char): bool", |c| {
            Ok(Value::Boolean((0xd800..=0xdfff).contains(&c.unit(0)?)))
        }),
        pure("static ToUpper(char): char", |c| other_case(c, true)),
        pure("static ToLower(char): char", |c| other_case(c, false)),
        pure("static ToUpperInvariant(char): char", |c| other_case(c, true)),
        pure("static ToLowerInvariant(char): char", |c| other_case(c, false)),
        pure("static ToString(char): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("static GetNumericValue(char): double", |c| {
            Ok(Value::Double(letter(c)?.to_digit(10).map_or(-1.0, f64::from)))
        }),
        pure("static Parse(string): char", |c| {
            let text = c.text(0)?;
            match (text::unit(text, 0), text::length(text)) {
                (Some(unit), 1) => Ok(Value::Char(unit)),
                _ => Err(Thrown::format("String must be exactly one character long.")),
            }
        }),
        pure("static ConvertFromUtf32(int): string", |c| {
            u32::try_from(c.int(0)?).ok().and_then(char::from_u32).map(|ch| Value::from(ch.to_string())).ok_or_else(|| {
                Thrown::out_of_range("utf32", "A valid UTF32 value is between 0x000000 and 0x10ffff, inclusive, and should not include surrogate codepoint values (0x00d800 ~ 0x00dfff).")
            })
        }),
        pure("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("Equals(char): bool", |c| Ok(Value::Boolean(c.unit(0)? == c.unit(1)?))),
        pure("CompareTo(char): int", |c| Ok(Value::Int32(i32::from(c.unit(0)?) - i32::from(c.unit(1)?)))),
    ],
    ..Definition::NEW
};
