//! `System.TimeSpan`.

use super::composite::formatted;
use super::{Definition, Form, Id, member, pure};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::time::{DAY, SECOND, TimeSpan};
use crate::value::Value;

fn this(c: &Call<'_, '_>, index: usize) -> Result<i64, Thrown> {
    match c.get(index) {
        Value::TimeSpan(t) => Ok(t.0),
        Value::Null => Err(Thrown::null_reference()),
        other => Err(Thrown::mismatch("System.TimeSpan", other)),
    }
}

fn too_long() -> Thrown {
    Thrown::overflow("TimeSpan overflowed because the duration is too long.")
}

fn made(ticks: Option<i64>) -> Result<Value, Thrown> {
    ticks.map(|t| Value::TimeSpan(TimeSpan(t))).ok_or_else(too_long)
}

/// `From…`, to the tick.
fn from(amount: f64, unit: i64) -> Result<Value, Thrown> {
    if amount.is_nan() {
        return Err(Thrown::argument("TimeSpan does not accept floating point Not-a-Number values."));
    }
    let ticks = amount * unit as f64;
    // 2^63: what does not fit.
    if ticks.abs() > 9_223_372_036_854_775_808.0 {
        return Err(too_long());
    }
    made(Some(ticks as i64))
}

fn parts(c: &Call<'_, '_>, indexes: [Option<usize>; 5]) -> Result<Value, Thrown> {
    let units = [DAY, 3600 * SECOND, 60 * SECOND, SECOND, 10_000];
    let mut ticks: i128 = 0;
    for (index, unit) in indexes.iter().zip(units) {
        if let Some(index) = index {
            ticks += i128::from(c.int(*index)?) * i128::from(unit);
        }
    }
    // The milliseconds are what is bounded.
    let fits = (ticks / 10_000).abs() <= 922_337_203_685_477;
    i64::try_from(ticks).ok().filter(|_| fits).map(|ticks| Value::TimeSpan(TimeSpan(ticks))).ok_or_else(
        || {
            Thrown::new(
                Id::ArgumentOutOfRangeException,
                "TimeSpan overflowed because the duration is too long.",
            )
        },
    )
}

fn total(c: &Call<'_, '_>, unit: i64) -> Result<Value, Thrown> {
    Ok(Value::Double(this(c, 0)? as f64 / unit as f64))
}

fn read(text: &str) -> Result<Value, Thrown> {
    TimeSpan::parse(text)
        .map(Value::TimeSpan)
        .ok_or_else(|| Thrown::format(format!("String '{text}' was not recognized as a valid TimeSpan.")))
}

fn compare(c: &Call<'_, '_>) -> Result<std::cmp::Ordering, Thrown> {
    Ok(this(c, 0)?.cmp(&this(c, 1)?))
}

pub(super) const TIME_SPAN: Definition = Definition {
    name: "System.TimeSpan",
    form: Form::Structure,
    bases: &["object"],
    members: &[
        pure("new(long)", |c| made(Some(c.long(0)?))),
        pure("new(int, int, int)", |c| parts(c, [None, Some(0), Some(1), Some(2), None])),
        pure("new(int, int, int, int)", |c| parts(c, [Some(0), Some(1), Some(2), Some(3), None])),
        pure("new(int, int, int, int, int)", |c| parts(c, [Some(0), Some(1), Some(2), Some(3), Some(4)])),
        pure("static Zero: TimeSpan", |_| made(Some(0))),
        pure("static MinValue: TimeSpan", |_| made(Some(i64::MIN))),
        pure("static MaxValue: TimeSpan", |_| made(Some(i64::MAX))),
        pure("static TicksPerDay: long", |_| Ok(Value::Int64(DAY))),
        pure("static TicksPerHour: long", |_| Ok(Value::Int64(3600 * SECOND))),
        pure("static TicksPerMinute: long", |_| Ok(Value::Int64(60 * SECOND))),
        pure("static TicksPerSecond: long", |_| Ok(Value::Int64(SECOND))),
        pure("static TicksPerMillisecond: long", |_| Ok(Value::Int64(10_000))),
        pure("static FromDays(double): TimeSpan", |c| from(c.double(0)?, DAY)),
        pure("static FromHours(double): TimeSpan", |c| from(c.double(0)?, 3600 * SECOND)),
        pure("static FromMinutes(double): TimeSpan", |c| from(c.double(0)?, 60 * SECOND)),
        pure("static FromSeconds(double): TimeSpan", |c| from(c.double(0)?, SECOND)),
        pure("static FromMilliseconds(double): TimeSpan", |c| from(c.double(0)?, 10_000)),
        pure("static FromTicks(long): TimeSpan", |c| made(Some(c.long(0)?))),
        pure("Days: int", |c| Ok(Value::Int32((this(c, 0)? / DAY) as i32))),
        pure("Hours: int", |c| Ok(Value::Int32((this(c, 0)? / (3600 * SECOND) % 24) as i32))),
        pure("Minutes: int", |c| Ok(Value::Int32((this(c, 0)? / (60 * SECOND) % 60) as i32))),
        pure("Seconds: int", |c| Ok(Value::Int32((this(c, 0)? / SECOND % 60) as i32))),
        pure("Milliseconds: int", |c| Ok(Value::Int32((this(c, 0)? / 10_000 % 1000) as i32))),
        pure("Ticks: long", |c| Ok(Value::Int64(this(c, 0)?))),
        pure("TotalDays: double", |c| total(c, DAY)),
        pure("TotalHours: double", |c| total(c, 3600 * SECOND)),
        pure("TotalMinutes: double", |c| total(c, 60 * SECOND)),
        pure("TotalSeconds: double", |c| total(c, SECOND)),
        pure("TotalMilliseconds: double", |c| {
            let most = 922_337_203_685_477.0;
            Ok(Value::Double((this(c, 0)? as f64 / 10_000.0).clamp(-most, most)))
        }),
        pure("Add(TimeSpan): TimeSpan", |c| made(this(c, 0)?.checked_add(this(c, 1)?))),
        pure("Subtract(TimeSpan): TimeSpan", |c| made(this(c, 0)?.checked_sub(this(c, 1)?))),
        pure("Negate(): TimeSpan", |c| made(this(c, 0)?.checked_neg())),
        pure("Duration(): TimeSpan", |c| made(this(c, 0)?.checked_abs())),
        pure("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("ToString(string): string", |c| {
            formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)
        }),
        pure("ToString(string, CultureInfo): string", |c| {
            formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)
        }),
        pure("Equals(TimeSpan): bool", |c| Ok(Value::Boolean(compare(c)?.is_eq()))),
        pure("CompareTo(TimeSpan): int", |c| Ok(Value::Int32(compare(c)? as i32))),
        pure("static Compare(TimeSpan, TimeSpan): int", |c| Ok(Value::Int32(compare(c)? as i32))),
        pure("static Parse(string): TimeSpan", |c| read(c.text(0)?)),
        pure("static Parse(string, CultureInfo): TimeSpan", |c| read(c.text(0)?)),
        member("static TryParse(string, out TimeSpan): bool", |c| {
            let parsed = c.text(0).and_then(read);
            let found = parsed.is_ok();
            c.out.push(parsed.unwrap_or(Value::TimeSpan(TimeSpan(0))));
            Ok(Value::Boolean(found))
        }),
        pure("operator +(TimeSpan, TimeSpan): TimeSpan", |c| made(this(c, 0)?.checked_add(this(c, 1)?))),
        pure("operator -(TimeSpan, TimeSpan): TimeSpan", |c| made(this(c, 0)?.checked_sub(this(c, 1)?))),
        pure("operator *(TimeSpan, double): TimeSpan", |c| {
            made(Some((this(c, 0)? as f64 * c.double(1)?).round() as i64))
        }),
        pure("operator *(double, TimeSpan): TimeSpan", |c| {
            made(Some((this(c, 1)? as f64 * c.double(0)?).round() as i64))
        }),
        pure("operator /(TimeSpan, double): TimeSpan", |c| {
            made(Some((this(c, 0)? as f64 / c.double(1)?).round() as i64))
        }),
        pure("operator /(TimeSpan, TimeSpan): double", |c| {
            Ok(Value::Double(this(c, 0)? as f64 / this(c, 1)? as f64))
        }),
        pure("operator ==(TimeSpan, TimeSpan): bool", |c| Ok(Value::Boolean(compare(c)?.is_eq()))),
        pure("operator !=(TimeSpan, TimeSpan): bool", |c| Ok(Value::Boolean(compare(c)?.is_ne()))),
        pure("operator <(TimeSpan, TimeSpan): bool", |c| Ok(Value::Boolean(compare(c)?.is_lt()))),
        pure("operator >(TimeSpan, TimeSpan): bool", |c| Ok(Value::Boolean(compare(c)?.is_gt()))),
        pure("operator <=(TimeSpan, TimeSpan): bool", |c| Ok(Value::Boolean(compare(c)?.is_le()))),
        pure("operator >=(TimeSpan, TimeSpan): bool", |c| Ok(Value::Boolean(compare(c)?.is_ge()))),
    ],
    ..Definition::NEW
};
