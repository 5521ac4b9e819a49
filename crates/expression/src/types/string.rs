//! `System.String`.

mod join;
mod search;

use self::join::{concat, concat_all, format, join, join_items};
use self::search::{find, find_last};
use super::string_split::split;
use super::{Array, Definition, composite, member, pure};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::text::{self, Comparison};
use crate::value::Value;

pub(super) const STRING: Definition = Definition {
    name: "System.String",
    aliases: &["string"],
    bases: &["object", "IEnumerable<char>"],
    members: &[
        pure("static Empty: string", |_| Ok(Value::from(""))),
        pure("new(char, int)", |c| {
            let count = usize::try_from(c.int(1)?)
                .map_err(|_| Thrown::out_of_range("count", "'count' must be non-negative."))?;
            c.machine.allocate(count.saturating_mul(3))?;
            Ok(Value::from(text::from_units(&vec![c.unit(0)?; count])))
        }),
        member("new(char[])", |c| Ok(Value::from(units_text(c, 0)?))),
        member("new(char[], int, int)", |c| {
            let all: Vec<u16> = units_of(c, 0)?;
            let (start, count) = range(c.int(1)?, c.int(2)?, all.len())?;
            Ok(Value::from(text::from_units(&all[start..start + count])))
        }),
        pure("Length: int", |c| Ok(Value::Int32(text::length(c.text(0)?) as i32))),
        pure("this[int]: char", |c| {
            usize::try_from(c.int(1)?)
                .ok()
                .and_then(|n| text::unit(c.text(0).ok()?, n))
                .map(Value::Char)
                .ok_or_else(|| {
                    Thrown::new(
                        super::Id::IndexOutOfRangeException,
                        "Index was outside the bounds of the array.",
                    )
                })
        }),
        pure("ToString(): string", |c| Ok(c.value(0))),
        pure("ToString(System.Globalization.CultureInfo): string", |c| Ok(c.value(0))),
        pure("Clone(): object", |c| Ok(c.value(0))),
        // Searching.
        pure("Contains(string): bool", |c| Ok(Value::Boolean(text::find(c.text(0)?, c.text(1)?).is_some()))),
        pure("Contains(char): bool", |c| {
            Ok(Value::Boolean(c.text(0)?.contains(text::from_units(&[c.unit(1)?]).as_str())))
        }),
        pure("Contains(string, StringComparison): bool", |c| {
            let how = Comparison::of(c.enumeration(2));
            Ok(Value::Boolean(how.fold(c.text(0)?).contains(&*how.fold(c.text(1)?))))
        }),
        pure("Contains(char, StringComparison): bool", |c| {
            let how = Comparison::of(c.enumeration(2));
            Ok(Value::Boolean(how.fold(c.text(0)?).contains(&*how.fold(&text::from_units(&[c.unit(1)?])))))
        }),
        pure("StartsWith(string): bool", |c| Ok(Value::Boolean(c.text(0)?.starts_with(c.text(1)?)))),
        pure("StartsWith(char): bool", |c| Ok(Value::Boolean(text::unit(c.text(0)?, 0) == Some(c.unit(1)?)))),
        pure("StartsWith(string, StringComparison): bool", |c| {
            let how = Comparison::of(c.enumeration(2));
            Ok(Value::Boolean(how.fold(c.text(0)?).starts_with(&*how.fold(c.text(1)?))))
        }),
        pure("EndsWith(string): bool", |c| Ok(Value::Boolean(c.text(0)?.ends_with(c.text(1)?)))),
        pure("EndsWith(char): bool", |c| {
            Ok(Value::Boolean(c.text(0)?.ends_with(&text::from_units(&[c.unit(1)?]))))
        }),
        pure("EndsWith(string, StringComparison): bool", |c| {
            let how = Comparison::of(c.enumeration(2));
            Ok(Value::Boolean(how.fold(c.text(0)?).ends_with(&*how.fold(c.text(1)?))))
        }),
        pure("IndexOf(string): int", |c| find(c, Comparison::Ordinal, None, None)),
        pure("IndexOf(char): int", |c| find(c, Comparison::Ordinal, None, None)),
        pure("IndexOf(string, int): int", |c| find(c, Comparison::Ordinal, Some(2), None)),
        pure("IndexOf(char, int): int", |c| find(c, Comparison::Ordinal, Some(2), None)),
        pure("IndexOf(string, int, int): int", |c| find(c, Comparison::Ordinal, Some(2), Some(3))),
        pure("IndexOf(char, int, int): int", |c| find(c, Comparison::Ordinal, Some(2), Some(3))),
        pure("IndexOf(string, StringComparison): int", |c| {
            find(c, Comparison::of(c.enumeration(2)), None, None)
        }),
        pure("IndexOf(char, StringComparison): int", |c| {
            find(c, Comparison::of(c.enumeration(2)), None, None)
        }),
        pure("IndexOf(string, int, StringComparison): int", |c| {
            find(c, Comparison::of(c.enumeration(3)), Some(2), None)
        }),
        pure("LastIndexOf(string): int", |c| find_last(c, Comparison::Ordinal, None)),
        pure("LastIndexOf(char): int", |c| find_last(c, Comparison::Ordinal, None)),
        pure("LastIndexOf(string, int): int", |c| find_last(c, Comparison::Ordinal, Some(2))),
        pure("LastIndexOf(char, int): int", |c| find_last(c, Comparison::Ordinal, Some(2))),
        pure("LastIndexOf(string, StringComparison): int", |c| {
            find_last(c, Comparison::of(c.enumeration(2)), None)
        }),
        member("IndexOfAny(char[]): int", |c| {
            let any = units_of(c, 1)?;
            Ok(Value::Int32(
                c.text(0)?.encode_utf16().position(|u| any.contains(&u)).map_or(-1, |n| n as i32),
            ))
        }),
        member("IndexOfAny(char[], int): int", |c| {
            let (any, start) = (units_of(c, 1)?, c.int(2)?);
            let start = usize::try_from(start).map_err(|_| Thrown::index())?;
            Ok(Value::Int32(
                c.text(0)?
                    .encode_utf16()
                    .enumerate()
                    .skip(start)
                    .find(|(_, u)| any.contains(u))
                    .map_or(-1, |(n, _)| n as i32),
            ))
        }),
        member("LastIndexOfAny(char[]): int", |c| {
            let any = units_of(c, 1)?;
            let all: Vec<u16> = c.text(0)?.encode_utf16().collect();
            Ok(Value::Int32(all.iter().rposition(|u| any.contains(u)).map_or(-1, |n| n as i32)))
        }),
        // Parts.
        pure("Substring(int): string", |c| {
            let whole = c.text(0)?;
            let length = text::length(whole);
            let start = c.int(1)?;
            if start < 0 {
                return Err(Thrown::out_of_range("startIndex", "StartIndex cannot be less than zero."));
            }
            if start as usize > length {
                return Err(Thrown::out_of_range(
                    "startIndex",
                    "startIndex cannot be larger than length of string.",
                ));
            }
            Ok(Value::from(text::slice(whole, start as usize, length)))
        }),
        pure("Substring(int, int): string", |c| {
            let whole = c.text(0)?;
            let all = text::length(whole);
            let (start, count) = (c.int(1)?, c.int(2)?);
            if start < 0 {
                return Err(Thrown::out_of_range("startIndex", "StartIndex cannot be less than zero."));
            }
            if start as usize > all {
                return Err(Thrown::out_of_range(
                    "startIndex",
                    "startIndex cannot be larger than length of string.",
                ));
            }
            if count < 0 {
                return Err(Thrown::out_of_range("length", "Length cannot be less than zero."));
            }
            if start as usize + count as usize > all {
                return Err(Thrown::out_of_range(
                    "length",
                    "Index and length must refer to a location within the string.",
                ));
            }
            Ok(Value::from(text::slice(whole, start as usize, count as usize)))
        }),
        pure("Remove(int): string", |c| {
            let start = c.int(1)?;
            if start < 0 {
                return Err(Thrown::out_of_range("startIndex", "StartIndex cannot be less than zero."));
            }
            if start as usize >= text::length(c.text(0)?) {
                return Err(Thrown::out_of_range(
                    "startIndex",
                    "startIndex must be less than length of string.",
                ));
            }
            Ok(Value::from(text::slice(c.text(0)?, 0, start as usize)))
        }),
        pure("Remove(int, int): string", |c| {
            let whole = c.text(0)?;
            let length = text::length(whole);
            let (start, count) = range(c.int(1)?, c.int(2)?, length)?;
            Ok(Value::from(text::slice(whole, 0, start) + &text::slice(whole, start + count, length)))
        }),
        pure("Insert(int, string): string", |c| {
            let whole = c.text(0)?;
            let length = text::length(whole);
            let (at, _) = range(c.int(1)?, 0, length)?;
            Ok(Value::from(text::slice(whole, 0, at) + c.text(2)? + &text::slice(whole, at, length)))
        }),
        member("Replace(string, string): string", |c| {
            let (whole, old, new) = (c.text(0)?, c.text(1)?, c.text_or_null(2).unwrap_or_default());
            if old.is_empty() {
                return Err(Thrown::argument("String cannot be of zero length. (Parameter 'oldValue')"));
            }
            let times = whole.matches(old).count();
            c.machine.allocate(times.saturating_mul(new.len()))?;
            Ok(Value::from(whole.replace(old, new)))
        }),
        pure("Replace(char, char): string", |c| {
            let (old, new) = (c.unit(1)?, c.unit(2)?);
            let units: Vec<u16> = c.text(0)?.encode_utf16().map(|u| if u == old { new } else { u }).collect();
            Ok(Value::from(text::from_units(&units)))
        }),
        member("Replace(string, string, StringComparison): string", |c| {
            let how = Comparison::of(c.enumeration(3));
            let (whole, old, new) = (c.text(0)?, c.text(1)?, c.text_or_null(2).unwrap_or_default());
            if old.is_empty() {
                return Err(Thrown::argument("String cannot be of zero length. (Parameter 'oldValue')"));
            }
            let (folded, wanted) = (how.fold(whole), how.fold(old));
            let mut out = String::new();
            let mut at = 0;
            while let Some(found) = folded.get(at..).and_then(|f| text::find(f, &wanted)) {
                out.push_str(whole.get(at..at + found).unwrap_or_default());
                c.machine.allocate(new.len())?;
                out.push_str(new);
                at += found + wanted.len();
            }
            out.push_str(whole.get(at..).unwrap_or_default());
            Ok(Value::from(out))
        }),
        pure("Trim(): string", |c| Ok(Value::from(c.text(0)?.trim_matches(is_space)))),
        pure("TrimStart(): string", |c| Ok(Value::from(c.text(0)?.trim_start_matches(is_space)))),
        pure("TrimEnd(): string", |c| Ok(Value::from(c.text(0)?.trim_end_matches(is_space)))),
        pure("Trim(char): string", |c| trim(c, true, true)),
        pure("TrimStart(char): string", |c| trim(c, true, false)),
        pure("TrimEnd(char): string", |c| trim(c, false, true)),
        member("Trim(params char[]): string", |c| trim(c, true, true)),
        member("TrimStart(params char[]): string", |c| trim(c, true, false)),
        member("TrimEnd(params char[]): string", |c| trim(c, false, true)),
        member("PadLeft(int): string", |c| pad(c, true, 0x20)),
        member("PadLeft(int, char): string", |c| pad(c, true, c.unit(2)?)),
        member("PadRight(int): string", |c| pad(c, false, 0x20)),
        member("PadRight(int, char): string", |c| pad(c, false, c.unit(2)?)),
        pure("ToUpper(): string", |c| Ok(Value::String(text::upper_shared(&c.shared_text(0)?)))),
        pure("ToUpperInvariant(): string", |c| Ok(Value::String(text::upper_shared(&c.shared_text(0)?)))),
        pure("ToUpper(System.Globalization.CultureInfo): string", |c| {
            Ok(Value::String(text::upper_shared(&c.shared_text(0)?)))
        }),
        pure("ToLower(): string", |c| Ok(Value::String(text::lower_shared(&c.shared_text(0)?)))),
        pure("ToLowerInvariant(): string", |c| Ok(Value::String(text::lower_shared(&c.shared_text(0)?)))),
        pure("ToLower(System.Globalization.CultureInfo): string", |c| {
            Ok(Value::String(text::lower_shared(&c.shared_text(0)?)))
        }),
        member("ToCharArray(): char[]", |c| {
            let units: Vec<Value> = c.text(0)?.encode_utf16().map(Value::Char).collect();
            c.machine.allocate(units.len() * size_of::<Value>())?;
            Ok(Value::object(Array::new(Type::CHAR, units)))
        }),
        pure("StartsWith(string, bool, System.Globalization.CultureInfo): bool", |c| {
            let how = Comparison::Linguistic { ignore_case: c.boolean(2)? };
            Ok(Value::Boolean(how.fold(c.text(0)?).starts_with(&*how.fold(c.text(1)?))))
        }),
        pure("EndsWith(string, bool, System.Globalization.CultureInfo): bool", |c| {
            let how = Comparison::Linguistic { ignore_case: c.boolean(2)? };
            Ok(Value::Boolean(how.fold(c.text(0)?).ends_with(&*how.fold(c.text(1)?))))
        }),
        pure("static Compare(string, string, bool, System.Globalization.CultureInfo): int", |c| {
            compare(c, 0, 1, Comparison::Linguistic { ignore_case: c.boolean(2)? })
        }),
        pure("static IsInterned(string): string", |c| Ok(c.value(0))),
        member("static Join(char, string[], int, int): string", |c| {
            let items = c.items(1)?;
            let (start, count) = range(c.int(2)?, c.int(3)?, items.len())?;
            join_items(c, &items[start..start + count])
        }),
        member("ToCharArray(int, int): char[]", |c| {
            let all: Vec<u16> = c.text(0)?.encode_utf16().collect();
            let (start, count) = range(c.int(1)?, c.int(2)?, all.len())?;
            Ok(Value::object(Array::new(
                Type::CHAR,
                all[start..start + count].iter().map(|u| Value::Char(*u)).collect(),
            )))
        }),
        member("Split(params char[]): string[]", |c| split(c, None, None)),
        member("Split(char[], int): string[]", |c| split(c, Some(2), None)),
        member("Split(char[], StringSplitOptions): string[]", |c| split(c, None, Some(2))),
        member("Split(char[], int, StringSplitOptions): string[]", |c| split(c, Some(2), Some(3))),
        member("Split(char, StringSplitOptions = 0): string[]", |c| split(c, None, Some(2))),
        member("Split(char, int, StringSplitOptions = 0): string[]", |c| split(c, Some(2), Some(3))),
        member("Split(string, StringSplitOptions = 0): string[]", |c| split(c, None, Some(2))),
        member("Split(string, int, StringSplitOptions = 0): string[]", |c| split(c, Some(2), Some(3))),
        member("Split(string[], StringSplitOptions): string[]", |c| split(c, None, Some(2))),
        member("Split(string[], int, StringSplitOptions): string[]", |c| split(c, Some(2), Some(3))),
        // Comparing.
        pure("Equals(string): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        pure("Equals(object): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        pure("Equals(string, StringComparison): bool", |c| {
            let how = Comparison::of(c.enumeration(2));
            Ok(Value::Boolean(c.text_or_null(1).is_some_and(|b| c.text(0).is_ok_and(|a| how.equal(a, b)))))
        }),
        pure("CompareTo(string): int", |c| compare(c, 0, 1, Comparison::Linguistic { ignore_case: false })),
        pure("CompareTo(object): int", |c| compare(c, 0, 1, Comparison::Linguistic { ignore_case: false })),
        pure("GetHashCode(): int", |c| Ok(Value::Int32(c.get(0).hash() as i32))),
        pure("Normalize(): string", |c| Ok(c.value(0))),
        pure("IsNormalized(): bool", |_| Ok(Value::Boolean(true))),
        pure("static Equals(string, string): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        pure("static Equals(string, string, StringComparison): bool", |c| {
            let how = Comparison::of(c.enumeration(2));
            Ok(Value::Boolean(match (c.text_or_null(0), c.text_or_null(1)) {
                (Some(a), Some(b)) => how.equal(a, b),
                (None, None) => true,
                _ => false,
            }))
        }),
        pure("static Compare(string, string): int", |c| {
            compare(c, 0, 1, Comparison::Linguistic { ignore_case: false })
        }),
        pure("static Compare(string, string, bool): int", |c| {
            compare(c, 0, 1, Comparison::Linguistic { ignore_case: c.boolean(2)? })
        }),
        pure("static Compare(string, string, StringComparison): int", |c| {
            compare(c, 0, 1, Comparison::of(c.enumeration(2)))
        }),
        pure("static CompareOrdinal(string, string): int", |c| compare(c, 0, 1, Comparison::Ordinal)),
        pure("static IsNullOrEmpty(string): bool", |c| {
            Ok(Value::Boolean(c.text_or_null(0).is_none_or(str::is_empty)))
        }),
        pure("static IsNullOrWhiteSpace(string): bool", |c| {
            Ok(Value::Boolean(c.text_or_null(0).is_none_or(|t| t.chars().all(is_space))))
        }),
        pure("static Copy(string): string", |c| Ok(c.value(0))),
        pure("static Intern(string): string", |c| Ok(c.value(0))),
        // Joining.
        member("static Concat(object): string", |c| Ok(Value::from(c.get(0).display()))),
        member("static Concat(string, string): string", concat),
        member("static Concat(string, string, string): string", concat),
        member("static Concat(string, string, string, string): string", concat),
        member("static Concat(object, object): string", concat),
        member("static Concat(object, object, object): string", concat),
        member("static Concat(params string[]): string", concat_all),
        member("static Concat(params object[]): string", concat_all),
        member("static Concat<T>(IEnumerable<T>): string", concat_all),
        member("static Join(string, params string[]): string", join),
        member("static Join(string, params object[]): string", join),
        member("static Join<T>(string, IEnumerable<T>): string", join),
        member("static Join(char, params string[]): string", join),
        member("static Join(char, params object[]): string", join),
        member("static Join<T>(char, IEnumerable<T>): string", join),
        member("static Join(string, string[], int, int): string", |c| {
            let items = c.items(1)?;
            let (start, count) = range(c.int(2)?, c.int(3)?, items.len())?;
            join_items(c, &items[start..start + count])
        }),
        member("static Format(string, object): string", format),
        member("static Format(string, object, object): string", format),
        member("static Format(string, object, object, object): string", format),
        member("static Format(string, params object[]): string", |c| {
            let values = c.items(1)?;
            composite(c.text(0)?, &values).map(Value::from)
        }),
        member("static Format(System.Globalization.CultureInfo, string, params object[]): string", |c| {
            let values = c.items(2)?;
            composite(c.text(1)?, &values).map(Value::from)
        }),
        pure("operator ==(string, string): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        pure("operator !=(string, string): bool", |c| Ok(Value::Boolean(!c.get(0).equals(c.get(1))))),
    ],
    ..Definition::NEW
};

/// What .NET counts as white space.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

fn units_of(c: &mut Call<'_, '_>, index: usize) -> Result<Vec<u16>, Thrown> {
    Ok(c.items(index)?.iter().filter_map(|v| if let Value::Char(u) = v { Some(*u) } else { None }).collect())
}

fn units_text(c: &mut Call<'_, '_>, index: usize) -> Result<String, Thrown> {
    if c.get(index).is_null() {
        return Ok(String::new());
    }
    Ok(text::from_units(&units_of(c, index)?))
}

/// Start and count within a length.
pub(super) fn range(start: i32, count: i32, length: usize) -> Result<(usize, usize), Thrown> {
    let at = usize::try_from(start)
        .map_err(|_| Thrown::out_of_range("startIndex", "StartIndex cannot be less than zero."))?;
    let count = usize::try_from(count)
        .map_err(|_| Thrown::out_of_range("count", "Count cannot be less than zero."))?;
    if at > length || count > length - at {
        return Err(Thrown::out_of_range(
            "count",
            "Index and count must refer to a location within the string.",
        ));
    }
    Ok((at, count))
}

fn trim(c: &mut Call<'_, '_>, start: bool, end: bool) -> Result<Value, Thrown> {
    let set: Vec<u16> = match c.get(1) {
        Value::Char(u) => vec![*u],
        Value::Null => Vec::new(),
        _ => units_of(c, 1)?,
    };
    let inside = |ch: char| {
        if set.is_empty() {
            return is_space(ch);
        }
        let mut buffer = [0; 2];
        matches!(ch.encode_utf16(&mut buffer), [one] if set.contains(one))
    };
    let mut text = c.text(0)?;
    if start {
        text = text.trim_start_matches(inside);
    }
    if end {
        text = text.trim_end_matches(inside);
    }
    Ok(Value::from(text))
}

fn pad(c: &mut Call<'_, '_>, left: bool, unit: u16) -> Result<Value, Thrown> {
    let whole = c.shared_text(0)?;
    let width = usize::try_from(c.int(1)?)
        .map_err(|_| Thrown::out_of_range("totalWidth", "Non-negative number required."))?;
    let length = text::length(&whole);
    if width <= length {
        return Ok(Value::String(whole));
    }
    c.machine.allocate((width - length).saturating_mul(3))?;
    let pad = text::from_units(&vec![unit; width - length]);
    Ok(Value::from(if left { pad + &whole } else { whole.to_string() + &pad }))
}

fn compare(c: &mut Call<'_, '_>, a: usize, b: usize, how: Comparison) -> Result<Value, Thrown> {
    Ok(Value::Int32(match (c.text_or_null(a), c.text_or_null(b)) {
        (Some(a), Some(b)) => how.difference(a, b),
        (None, None) => 0,
        (None, _) => -1,
        (_, None) => 1,
    }))
}
