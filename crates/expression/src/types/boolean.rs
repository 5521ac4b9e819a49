//! `System.Boolean`.

use super::{Definition, Form, member, pure};
use crate::exception::Thrown;
use crate::value::Value;

/// Reads `true` or `false` in any case.
pub(super) fn parse(text: &str) -> Option<bool> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

pub(super) const BOOLEAN: Definition = Definition {
    name: "System.Boolean",
    aliases: &["bool"],
    form: Form::Structure,
    bases: &["object"],
    members: &[
        pure("static TrueString: string", |_| Ok(Value::from("True"))),
        pure("static FalseString: string", |_| Ok(Value::from("False"))),
        pure("static Parse(string): bool", |c| {
            parse(c.text(0)?).map(Value::Boolean).ok_or_else(|| {
                Thrown::format(format!(
                    "String '{}' was not recognized as a valid Boolean.",
                    c.text_or_null(0).unwrap_or_default()
                ))
            })
        }),
        member("static TryParse(string, out bool): bool", |c| {
            let found = c.text_or_null(0).and_then(parse);
            c.out.push(Value::Boolean(found.unwrap_or_default()));
            Ok(Value::Boolean(found.is_some()))
        }),
        pure("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("ToString(System.Globalization.CultureInfo): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("Equals(bool): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        pure("CompareTo(bool): int", |c| {
            Ok(Value::Int32(i32::from(c.boolean(0)?) - i32::from(c.boolean(1)?)))
        }),
    ],
    ..Definition::NEW
};
