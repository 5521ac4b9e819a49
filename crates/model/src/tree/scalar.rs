//! What a plain scalar means in the core schema of YAML 1.2.2, section 10.3.

use serde_json::Number;

use super::NodeValue;

/// A plain scalar that is neither of the schema's types nor a string: a number that no finite double holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotFinite;

/// The meaning of a plain scalar.
pub(super) fn resolve(text: &str) -> Result<NodeValue, NotFinite> {
    match text.as_bytes().first() {
        None => return Ok(NodeValue::Null),
        Some(b'0'..=b'9' | b'.' | b'+' | b'-') => {
            if let Some(number) = number(text)? {
                return Ok(NodeValue::Number(number));
            }
        }
        Some(_) => {}
    }
    Ok(match text {
        "~" | "null" | "Null" | "NULL" => NodeValue::Null,
        "true" | "True" | "TRUE" => NodeValue::Boolean(true),
        "false" | "False" | "FALSE" => NodeValue::Boolean(false),
        _ => NodeValue::String(text.to_owned()),
    })
}

/// The number that the text spells in the core schema, if it spells one.
fn number(text: &str) -> Result<Option<Number>, NotFinite> {
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
                return Ok(None);
            }
            return match u64::from_str_radix(digits, radix) {
                Ok(value) => Ok(Some(value.into())),
                Err(_) => Err(NotFinite),
            };
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Err(NotFinite),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => return Err(NotFinite),
        _ => {}
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let spelled = digits(whole)
        && digits(fraction.unwrap_or(""))
        && (!whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty()))
        && exponent.is_none_or(|exponent| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent)
        });
    if !spelled {
        return Ok(None);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if fraction.is_none() && exponent.is_none() {
        if let Ok(value) = text.parse::<u64>() {
            return Ok(Some(value.into()));
        }
        if let Ok(value) = text.parse::<i64>() {
            return Ok(Some(value.into()));
        }
    }
    let value = text.parse::<f64>().map_err(|_| NotFinite)?;
    Number::from_f64(value).map(Some).ok_or(NotFinite)
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> serde_json::Value {
        super::super::Node::new(resolve(text).unwrap(), 1, 1).to_json()
    }

    #[test]
    fn the_core_schema_decides_what_plain_text_means() {
        for (text, expected) in [
            ("", serde_json::Value::Null),
            ("~", serde_json::Value::Null),
            ("NULL", serde_json::Value::Null),
            ("True", true.into()),
            ("0", 0.into()),
            ("-0", 0.into()),
            ("+12", 12.into()),
            ("007", 7.into()),
            ("0o17", 15.into()),
            ("0xfF", 255.into()),
            ("-19", (-19).into()),
            ("0.", 0.0.into()),
            ("-.5", (-0.5).into()),
            ("12e03", 12000.0.into()),
            ("18446744073709551615", u64::MAX.into()),
            ("18446744073709551616", 18_446_744_073_709_551_616.0.into()),
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
    }

    #[test]
    fn what_other_schemas_take_for_numbers_and_booleans_is_text() {
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "tRUE",
            "1_000",
            "0b1",
            "1:30",
            "0o8",
            "0x",
            ".",
            "-",
            "+",
            "e3",
            "1e",
            "1e+",
            ".e1",
            "1.2.3",
            "--1",
            "2024-05-01",
            "10s",
            "+.nan",
            "0xg",
        ] {
            assert_eq!(json(text), serde_json::Value::String(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_refused() {
        for text in [".inf", "-.INF", ".nan", "1e999", "0xfffffffffffffffff"] {
            assert_eq!(resolve(text), Err(NotFinite), "{text}");
        }
    }
}
