//! `System.Text.StringBuilder`.

use parking_lot::Mutex;

use super::{Definition, Id, composite, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::text;
use crate::value::{Object, Value};

/// Text under construction.
pub(super) struct Builder(pub(super) Mutex<Vec<u16>>);

impl Object for Builder {
    fn class(&self) -> Type {
        Type::Plain(Id::StringBuilder)
    }

    fn text(&self) -> Option<String> {
        Some(text::from_units(&self.0.lock()))
    }
}

fn create(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let units = c.text_or_null(0).unwrap_or_default().encode_utf16().collect();
    Ok(Value::object(Builder(Mutex::new(units))))
}

fn this<'a>(c: &Call<'a, '_>) -> Result<&'a Builder, Thrown> {
    c.object(0)
}

/// Adds text and yields the builder again.
fn append(c: &mut Call<'_, '_>, more: &str) -> Result<Value, Thrown> {
    c.machine.allocate(more.len() * 2)?;
    this(c)?.0.lock().extend(more.encode_utf16());
    Ok(c.value(0))
}

fn append_value(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    if let Value::Char(unit) = c.get(1) {
        c.machine.allocate(2)?;
        this(c)?.0.lock().push(*unit);
        return Ok(c.value(0));
    }
    let text = c.get(1).to_text();
    append(c, &text)
}

fn format(c: &mut Call<'_, '_>, values: &[Value]) -> Result<Value, Thrown> {
    let text = composite(c.text(1)?, values)?;
    append(c, &text)
}

fn place(c: &Call<'_, '_>, index: usize, limit: usize) -> Result<usize, Thrown> {
    usize::try_from(c.int(index)?).ok().filter(|n| *n <= limit).ok_or_else(Thrown::index)
}

pub(super) const STRING_BUILDER: Definition = Definition {
    name: "System.Text.StringBuilder",
    bases: &["object"],
    members: &[
        member("new()", create),
        member("new(int)", create),
        member("new(string)", create),
        member("new(string, int)", create),
        member("Append(string): StringBuilder", append_value),
        member("Append(char): StringBuilder", append_value),
        member("Append(char[]): StringBuilder", |c| {
            let units: Vec<Value> = c.items(1)?;
            c.machine.allocate(units.len() * 2)?;
            this(c)?
                .0
                .lock()
                .extend(units.iter().filter_map(|v| if let Value::Char(u) = v { Some(*u) } else { None }));
            Ok(c.value(0))
        }),
        member("Append(object): StringBuilder", append_value),
        member("Append(char, int): StringBuilder", |c| {
            let count = usize::try_from(c.int(2)?)
                .map_err(|_| Thrown::out_of_range("repeatCount", "Non-negative number required."))?;
            c.machine.allocate(count.saturating_mul(2))?;
            let unit = c.unit(1)?;
            this(c)?.0.lock().extend(std::iter::repeat_n(unit, count));
            Ok(c.value(0))
        }),
        member("Append(string, int, int): StringBuilder", |c| {
            let whole = c.get(1).to_text();
            let (start, count) = (c.int(2)?, c.int(3)?);
            let count = usize::try_from(count)
                .map_err(|_| Thrown::out_of_range("count", "Value must be positive."))?;
            let start = usize::try_from(start)
                .ok()
                .filter(|start| start.checked_add(count).is_some_and(|end| end <= text::length(&whole)));
            let start = start.ok_or_else(|| {
                Thrown::out_of_range(
                    "startIndex",
                    "Index was out of range. Must be non-negative and less than the size of the collection.",
                )
            })?;
            append(c, &text::slice(&whole, start, count))
        }),
        member("AppendLine(): StringBuilder", |c| append(c, "\n")),
        member("AppendLine(string): StringBuilder", |c| {
            let line = format!("{}\n", c.get(1).to_text());
            append(c, &line)
        }),
        member("AppendFormat(string, object): StringBuilder", |c| {
            let values = c.arguments.get(2..).unwrap_or_default();
            format(c, values)
        }),
        member("AppendFormat(string, object, object): StringBuilder", |c| {
            let values = c.arguments.get(2..).unwrap_or_default();
            format(c, values)
        }),
        member("AppendFormat(string, params object[]): StringBuilder", |c| {
            let values = c.items(2)?;
            format(c, &values)
        }),
        member("AppendFormat(string, object, object, object): StringBuilder", |c| {
            let values = c.arguments.get(2..).unwrap_or_default();
            format(c, values)
        }),
        member("EnsureCapacity(int): int", |c| Ok(Value::Int32(c.int(1)?.max(16)))),
        member("MaxCapacity: int", |_| Ok(Value::Int32(i32::MAX))),
        member("AppendJoin(string, params object[]): StringBuilder", |c| {
            let texts: Vec<String> = c.items(2)?.iter().map(Value::display).collect();
            let joined = texts.join(&c.get(1).to_text());
            append(c, &joined)
        }),
        member("AppendJoin<T>(string, IEnumerable<T>): StringBuilder", |c| {
            let texts: Vec<String> = c.items(2)?.iter().map(Value::display).collect();
            let joined = texts.join(&c.get(1).to_text());
            append(c, &joined)
        }),
        member("Insert(int, object): StringBuilder", |c| {
            let at = place(c, 1, this(c)?.0.lock().len())?;
            let text = c.get(2).to_text();
            c.machine.allocate(text.len() * 2)?;
            this(c)?.0.lock().splice(at..at, text.encode_utf16());
            Ok(c.value(0))
        }),
        member("Remove(int, int): StringBuilder", |c| {
            let length = this(c)?.0.lock().len();
            let (start, count) = super::string::range(c.int(1)?, c.int(2)?, length)?;
            this(c)?.0.lock().drain(start..start + count);
            Ok(c.value(0))
        }),
        member("Replace(string, string): StringBuilder", |c| {
            let old = c.text(1)?;
            if old.is_empty() {
                return Err(Thrown::argument("Empty name is not legal. (Parameter 'oldValue')"));
            }
            let whole = text::from_units(&this(c)?.0.lock());
            let new = c.get(2).to_text();
            c.machine.allocate(whole.matches(old).count().saturating_mul(new.len()))?;
            *this(c)?.0.lock() = whole.replace(old, &new).encode_utf16().collect();
            Ok(c.value(0))
        }),
        member("Replace(char, char): StringBuilder", |c| {
            let (old, new) = (c.unit(1)?, c.unit(2)?);
            for unit in this(c)?.0.lock().iter_mut().filter(|u| **u == old) {
                *unit = new;
            }
            Ok(c.value(0))
        }),
        member("Clear(): StringBuilder", |c| {
            this(c)?.0.lock().clear();
            Ok(c.value(0))
        }),
        member("Length: int", |c| Ok(Value::Int32(this(c)?.0.lock().len() as i32))),
        member("set Length: int", |c| {
            let length = place(c, 1, 1 << 28)?;
            c.machine.allocate(length * 2)?;
            this(c)?.0.lock().resize(length, 0);
            Ok(Value::Null)
        }),
        member("Capacity: int", |c| Ok(Value::Int32(this(c)?.0.lock().len().max(16) as i32))),
        member("this[int]: char", |c| {
            let unit = usize::try_from(c.int(1)?).ok().and_then(|at| this(c).ok()?.0.lock().get(at).copied());
            unit.map(Value::Char).ok_or_else(|| {
                Thrown::new(Id::IndexOutOfRangeException, "Index was outside the bounds of the array.")
            })
        }),
        member("set this[int]: char", |c| {
            let at = place(c, 1, usize::MAX)?;
            let unit = c.unit(2)?;
            *this(c)?.0.lock().get_mut(at).ok_or_else(Thrown::index)? = unit;
            Ok(Value::Null)
        }),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        member("ToString(int, int): string", |c| {
            let units = this(c)?.0.lock();
            let (start, count) = super::string::range(c.int(1)?, c.int(2)?, units.len())?;
            Ok(Value::from(text::from_units(&units[start..start + count])))
        }),
    ],
    ..Definition::NEW
};
