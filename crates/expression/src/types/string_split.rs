//! `string.Split`.

use std::sync::Arc;

use smallvec::SmallVec;

use super::array::Array;
use super::string::is_space;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::text;
use crate::value::Value;

/// What `Split` splits at.
enum Separators<'a> {
    Ascii(u8),
    Space,
    Text(&'a str),
    Texts(Vec<String>),
}

impl<'a> Separators<'a> {
    fn of(c: &mut Call<'a, '_>, index: usize) -> Result<Self, Thrown> {
        let texts: Vec<String> = match c.get(index) {
            Value::Null => Vec::new(),
            Value::Char(unit @ 0..=0x7f) => return Ok(Self::Ascii(*unit as u8)),
            Value::Char(unit) => vec![text::from_units(&[*unit])],
            Value::String(text) if text.is_empty() => Vec::new(),
            Value::String(text) => return Ok(Self::Text(text)),
            _ => c.items(index)?.iter().map(Value::display).filter(|t| !t.is_empty()).collect(),
        };
        Ok(if texts.is_empty() { Self::Space } else { Self::Texts(texts) })
    }

    /// The next separator: where it begins and ends.
    fn next(&self, text: &str) -> Option<(usize, usize)> {
        match self {
            Self::Space => {
                text.char_indices().find(|(_, c)| is_space(*c)).map(|(n, c)| (n, n + c.len_utf8()))
            }
            Self::Ascii(byte) => memchr::memchr(*byte, text.as_bytes()).map(|n| (n, n + 1)),
            Self::Text(wanted) => text::find(text, wanted).map(|n| (n, n + wanted.len())),
            Self::Texts(texts) if texts.len() == 1 => {
                texts.first().and_then(|t| text::find(text, t).map(|n| (n, n + t.len())))
            }
            // Place by place: looking for each text in all of the rest would cost the square of its length, where one
            // of them stands everywhere and another nowhere.
            Self::Texts(texts) => text.char_indices().find_map(|(start, _)| {
                let rest = text.get(start..)?;
                texts.iter().find(|t| rest.starts_with(t.as_str())).map(|t| (start, start + t.len()))
            }),
        }
    }
}

/// `Split`: `count` and `options` are the places of those arguments.
pub(super) fn split(
    c: &mut Call<'_, '_>,
    count: Option<usize>,
    options: Option<usize>,
) -> Result<Value, Thrown> {
    let at = Separators::of(c, 1)?;
    let options = options.map_or(0, |o| c.enumeration(o));
    let (drop_empty, trim) = (options & 1 != 0, options & 2 != 0);
    let most = match count {
        Some(index) => usize::try_from(c.int(index)?)
            .map_err(|_| Thrown::out_of_range("count", "Count cannot be less than zero."))?,
        None => usize::MAX,
    };
    let whole = c.text(0)?;
    let mut parts: SmallVec<[&str; 16]> = SmallVec::new();
    let keep = |part: &str| !(drop_empty && (if trim { part.trim() } else { part }).is_empty());
    let mut rest = whole;
    if most == 0 {
        return Ok(Value::strings(Vec::<Arc<str>>::new()));
    }
    if most > 1 {
        while let Some((start, end)) = at.next(rest) {
            let part = rest.get(..start).unwrap_or_default();
            let after = rest.get(end..).unwrap_or_default();
            c.machine.allocate(40)?;
            if keep(part) {
                parts.push(part);
            }
            rest = after;
            if parts.len() + 1 >= most {
                break;
            }
        }
    }
    if drop_empty && most != usize::MAX {
        // The last part begins with what is not empty.
        while let Some((0, end)) = at.next(rest) {
            rest = rest.get(end..).unwrap_or_default();
        }
    }
    if keep(rest) {
        parts.push(rest);
    }
    c.machine.allocate(whole.len())?;
    if trim {
        parts.iter_mut().for_each(|part| *part = part.trim());
    }
    Ok(match c.get(0) {
        Value::String(shared) => Value::object(Array::of_parts(shared, &parts)),
        _ => Value::strings(parts),
    })
}
