//! Composite formatting: `string.Format`, interpolation, and `ToString(format)` of every type.

use crate::exception::Thrown;
use crate::number::{self, Number};
use crate::time;
use crate::value::Value;

use super::guid::guid_text;

/// Widest field.
const MAX_WIDTH: usize = 1_000_000;

/// A value by a format string, as `IFormattable.ToString` shows it.
pub(crate) fn formatted(value: &Value, spec: &str) -> Result<String, Thrown> {
    if spec.is_empty() {
        return Ok(value.display());
    }
    let bad = || Thrown::format("Input string was not in a correct format.");
    match value {
        Value::DateTime(d) => time::format::date_time(d, spec).ok_or_else(bad),
        Value::DateTimeOffset(d) => time::format::date_time_offset(d, spec).ok_or_else(bad),
        Value::TimeSpan(t) => t.format(spec).ok_or_else(bad),
        Value::Guid(bytes) => {
            let letter = spec.chars().next().unwrap_or('D').to_ascii_uppercase();
            if spec.len() == 1 && "DNBP".contains(letter) { Ok(guid_text(bytes, letter)) } else { Err(bad()) }
        }
        Value::Enumeration(e) => Ok(match spec {
            "D" | "d" => e.number.to_string(),
            "X" | "x" => format!("{:08X}", e.number),
            _ => e.name(),
        }),
        Value::Json(json) => match json.scalar() {
            Some(scalar) => formatted(&scalar, spec),
            None => Ok(value.display()),
        },
        Value::Char(_) => Ok(value.display()),
        other if Number::of(other).is_some() => number::format(other, spec),
        other => Ok(other.display()),
    }
}

/// One field: the value by its format, padded to its alignment (to the left where negative).
pub(crate) fn composite_part(value: &Value, alignment: i32, spec: &str) -> Result<String, Thrown> {
    let text = formatted(value, spec)?;
    let width = alignment.unsigned_abs() as usize;
    if width > MAX_WIDTH {
        return Err(Thrown::format("Input string was not in a correct format."));
    }
    let length = crate::text::length(&text);
    if length >= width {
        return Ok(text);
    }
    let pad = " ".repeat(width - length);
    Ok(if alignment < 0 { text + &pad } else { pad + &text })
}

/// `string.Format`.
pub(crate) fn composite(pattern: &str, values: &[Value]) -> Result<String, Thrown> {
    let bad = || Thrown::format("Input string was not in a correct format.");
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(rest.get(..at).unwrap_or_default());
        let brace = rest.as_bytes().get(at).copied().unwrap_or_default();
        let after = rest.get(at + 1..).unwrap_or_default();
        if after.as_bytes().first() == Some(&brace) {
            out.push(char::from(brace));
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        if brace == b'}' {
            return Err(bad());
        }
        let end = after.find('}').ok_or_else(bad)?;
        let field = after.get(..end).unwrap_or_default();
        rest = after.get(end + 1..).unwrap_or_default();
        let (head, spec) = match field.split_once(':') {
            Some((head, spec)) => (head, spec),
            None => (field, ""),
        };
        let (index, alignment) = match head.split_once(',') {
            Some((index, alignment)) => (index, alignment.trim().parse::<i32>().map_err(|_| bad())?),
            None => (head, 0),
        };
        let index: usize = index.trim().parse().map_err(|_| bad())?;
        let value = values.get(index).ok_or_else(|| {
            Thrown::format("Index (zero based) must be greater than or equal to zero and less than the size of the argument list.")
        })?;
        out.push_str(&composite_part(value, alignment, spec)?);
        if out.len() > 64 << 20 {
            return Err(Thrown::Limit("used too much memory"));
        }
    }
    out.push_str(rest);
    Ok(out)
}
