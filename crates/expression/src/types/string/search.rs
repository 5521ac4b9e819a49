//! Looking for a text in another.

use super::range;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::text::{self, Comparison};
use crate::value::Value;

/// The text at `index`, a string or a character.
fn needle(c: &Call<'_, '_>, index: usize) -> Result<String, Thrown> {
    match c.get(index) {
        Value::Char(unit) => Ok(text::from_units(&[*unit])),
        _ => c.text(index).map(str::to_owned),
    }
}

pub(super) fn find(
    c: &mut Call<'_, '_>,
    how: Comparison,
    start: Option<usize>,
    count: Option<usize>,
) -> Result<Value, Thrown> {
    let whole = how.fold(c.text(0)?);
    let wanted = needle(c, 1)?;
    let wanted = how.fold(&wanted);
    let length = text::length(&whole);
    let start = match start {
        Some(index) => range(c.int(index)?, 0, length)?.0,
        None => 0,
    };
    let count = match count {
        Some(index) => range(start as i32, c.int(index)?, length)?.1,
        None => length - start,
    };
    let window =
        whole.get(text::byte_of(&whole, start)..text::byte_of(&whole, start + count)).unwrap_or_default();
    Ok(Value::Int32(
        text::find(window, &wanted).map_or(-1, |at| (start + text::units_before(window, at)) as i32),
    ))
}

pub(super) fn find_last(
    c: &mut Call<'_, '_>,
    how: Comparison,
    start: Option<usize>,
) -> Result<Value, Thrown> {
    let whole = how.fold(c.text(0)?);
    let wanted = needle(c, 1)?;
    let wanted = how.fold(&wanted);
    let length = text::length(&whole);
    let end = match start {
        Some(index) => {
            let at = c.int(index)?;
            if length == 0 {
                return Ok(Value::Int32(if wanted.is_empty() { 0 } else { -1 }));
            }
            if at < 0 || at as usize > length {
                return Err(Thrown::out_of_range(
                    "startIndex",
                    "Index was out of range. Must be non-negative and less than the size of the collection.",
                ));
            }
            (at as usize + 1).min(length)
        }
        None => length,
    };
    if wanted.is_empty() {
        return Ok(Value::Int32(end.saturating_sub(1) as i32));
    }
    let window = whole.get(..text::byte_of(&whole, end)).unwrap_or_default();
    Ok(Value::Int32(window.rfind(&*wanted).map_or(-1, |at| text::units_before(window, at) as i32)))
}
