//! `System.DateTimeOffset`.

use super::composite::formatted;
use super::date_time::{out_of_range, scaled};
use super::{Definition, Form, Id, member, pure};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::time::{self, DAY, Date, DateTime, DateTimeOffset, Kind, SECOND, TimeSpan, UNIX, parse};
use crate::value::{Enumeration, Value};

fn this(c: &Call<'_, '_>, index: usize) -> Result<DateTimeOffset, Thrown> {
    match c.get(index) {
        Value::DateTimeOffset(d) => Ok(*d),
        Value::Null => Err(Thrown::null_reference()),
        other => Err(Thrown::mismatch("System.DateTimeOffset", other)),
    }
}

fn span(c: &Call<'_, '_>, index: usize) -> Result<i64, Thrown> {
    match c.get(index) {
        Value::TimeSpan(t) => Ok(t.0),
        other => Err(Thrown::mismatch("System.TimeSpan", other)),
    }
}

fn offset_of(ticks: i64) -> Result<i16, Thrown> {
    if ticks % (60 * SECOND) != 0 {
        return Err(Thrown::argument("Offset must be specified in whole minutes. (Parameter 'offset')"));
    }
    let minutes = ticks / (60 * SECOND);
    if minutes.abs() > 14 * 60 {
        return Err(Thrown::out_of_range("offset", "Offset must be within plus or minus 14 hours."));
    }
    Ok(minutes as i16)
}

fn made(ticks: i64, offset: i16) -> Result<Value, Thrown> {
    DateTimeOffset::new(ticks, offset).map(Value::DateTimeOffset).ok_or_else(out_of_range)
}

fn moved(date: DateTimeOffset, ticks: i64) -> Result<Value, Thrown> {
    made(date.ticks.checked_add(ticks).ok_or_else(out_of_range)?, date.offset)
}

fn months(date: DateTimeOffset, months: i64) -> Result<Value, Thrown> {
    made(time::add_months(date.ticks, months).ok_or_else(out_of_range)?, date.offset)
}

fn now(c: &Call<'_, '_>) -> i64 {
    DateTime::from_system(c.machine.context.now()).ticks
}

fn read(c: &Call<'_, '_>, text: &str, styles: i64) -> Result<Value, Thrown> {
    parse::any(text, now(c))
        .and_then(|p| styled(p, styles))
        .ok_or_else(|| Thrown::format(format!("String '{text}' was not recognized as a valid DateTime.")))
}

fn styled(parsed: parse::Parsed, styles: i64) -> Option<Value> {
    let found = DateTimeOffset::new(parsed.ticks, parsed.offset.unwrap_or(0))?;
    Some(Value::DateTimeOffset(if styles & 16 != 0 {
        DateTimeOffset { ticks: found.utc_ticks(), offset: 0 }
    } else {
        found
    }))
}

fn read_exact(c: &mut Call<'_, '_>, styles: i64) -> Result<Value, Thrown> {
    let text = c.text(0)?;
    let formats: Vec<String> = match c.get(1) {
        Value::String(one) => vec![one.to_string()],
        _ => c.items(1)?.iter().map(Value::display).collect(),
    };
    let now = now(c);
    formats
        .iter()
        .find_map(|f| parse::exact(text, f, now))
        .and_then(|p| styled(p, styles))
        .ok_or_else(|| Thrown::format(format!("String '{text}' was not recognized as a valid DateTime.")))
}

fn tried(c: &mut Call<'_, '_>, parsed: Result<Value, Thrown>) -> Result<Value, Thrown> {
    let found = parsed.is_ok();
    c.out.push(parsed.unwrap_or(Value::DateTimeOffset(DateTimeOffset::default())));
    Ok(Value::Boolean(found))
}

fn compare(c: &Call<'_, '_>) -> Result<std::cmp::Ordering, Thrown> {
    Ok(this(c, 0)?.utc_ticks().cmp(&this(c, 1)?.utc_ticks()))
}

fn unix(seconds: i64, unit: i64) -> Result<Value, Thrown> {
    let ticks = seconds.checked_mul(unit).and_then(|t| t.checked_add(UNIX));
    ticks.and_then(|t| DateTimeOffset::new(t, 0)).map(Value::DateTimeOffset).ok_or_else(|| {
        Thrown::out_of_range("seconds", "Valid values are between -62135596800 and 253402300799, inclusive.")
    })
}

pub(super) const DATE_TIME_OFFSET: Definition = Definition {
    name: "System.DateTimeOffset",
    form: Form::Structure,
    bases: &["object"],
    members: &[
        member("new(DateTime)", |c| match c.get(0) {
            Value::DateTime(d) => made(d.ticks, 0),
            other => Err(Thrown::mismatch("System.DateTime", other)),
        }),
        member("new(DateTime, TimeSpan)", |c| {
            let offset = offset_of(span(c, 1)?)?;
            match c.get(0) {
                Value::DateTime(d) if d.kind == Kind::Utc && offset != 0 => Err(Thrown::argument(
                    "The UTC Offset for Utc DateTime instances must be 0. (Parameter 'offset')",
                )),
                Value::DateTime(d) => made(d.ticks, offset),
                other => Err(Thrown::mismatch("System.DateTime", other)),
            }
        }),
        member("new(long, TimeSpan)", |c| made(c.long(0)?, offset_of(span(c, 1)?)?)),
        member("new(int, int, int, int, int, int, TimeSpan)", |c| {
            let ticks = Date { year: c.int(0)?, month: c.int(1)?, day: c.int(2)? }
                .ticks()
                .ok_or_else(out_of_range)?;
            let time = i64::from(c.int(3)?) * 3600 + i64::from(c.int(4)?) * 60 + i64::from(c.int(5)?);
            made(ticks + time * SECOND, offset_of(span(c, 6)?)?)
        }),
        member("new(int, int, int, int, int, int, int, TimeSpan)", |c| {
            let ticks = Date { year: c.int(0)?, month: c.int(1)?, day: c.int(2)? }
                .ticks()
                .ok_or_else(out_of_range)?;
            let time = i64::from(c.int(3)?) * 3600 + i64::from(c.int(4)?) * 60 + i64::from(c.int(5)?);
            made(ticks + time * SECOND + i64::from(c.int(6)?) * 10_000, offset_of(span(c, 7)?)?)
        }),
        member("static Now: DateTimeOffset", |c| made(now(c), 0)),
        member("static UtcNow: DateTimeOffset", |c| made(now(c), 0)),
        pure("static MinValue: DateTimeOffset", |_| Ok(Value::DateTimeOffset(DateTimeOffset::default()))),
        pure("static MaxValue: DateTimeOffset", |_| made(time::MAX, 0)),
        pure("static UnixEpoch: DateTimeOffset", |_| made(UNIX, 0)),
        pure("Year: int", |c| Ok(Value::Int32(Date::of(this(c, 0)?.ticks).year))),
        pure("Month: int", |c| Ok(Value::Int32(Date::of(this(c, 0)?.ticks).month))),
        pure("Day: int", |c| Ok(Value::Int32(Date::of(this(c, 0)?.ticks).day))),
        pure("DayOfYear: int", |c| Ok(Value::Int32(Date::of(this(c, 0)?.ticks).day_of_year()))),
        pure("DayOfWeek: DayOfWeek", |c| {
            Ok(Value::Enumeration(Enumeration {
                id: Id::DayOfWeek,
                number: time::day_of_week(this(c, 0)?.ticks),
            }))
        }),
        pure("Hour: int", |c| Ok(Value::Int32((this(c, 0)?.ticks / SECOND / 3600 % 24) as i32))),
        pure("Minute: int", |c| Ok(Value::Int32((this(c, 0)?.ticks / SECOND / 60 % 60) as i32))),
        pure("Second: int", |c| Ok(Value::Int32((this(c, 0)?.ticks / SECOND % 60) as i32))),
        pure("Millisecond: int", |c| Ok(Value::Int32((this(c, 0)?.ticks / 10_000 % 1000) as i32))),
        pure("Ticks: long", |c| Ok(Value::Int64(this(c, 0)?.ticks))),
        pure("UtcTicks: long", |c| Ok(Value::Int64(this(c, 0)?.utc_ticks()))),
        pure("Offset: TimeSpan", |c| {
            Ok(Value::TimeSpan(TimeSpan(i64::from(this(c, 0)?.offset) * 60 * SECOND)))
        }),
        pure("Date: DateTime", |c| {
            let ticks = this(c, 0)?.ticks;
            Ok(Value::DateTime(DateTime { ticks: ticks - ticks.rem_euclid(DAY), kind: Kind::Unspecified }))
        }),
        pure("DateTime: DateTime", |c| {
            Ok(Value::DateTime(DateTime { ticks: this(c, 0)?.ticks, kind: Kind::Unspecified }))
        }),
        pure("UtcDateTime: DateTime", |c| {
            Ok(Value::DateTime(DateTime { ticks: this(c, 0)?.utc_ticks(), kind: Kind::Utc }))
        }),
        pure("LocalDateTime: DateTime", |c| {
            Ok(Value::DateTime(DateTime { ticks: this(c, 0)?.utc_ticks(), kind: Kind::Local }))
        }),
        pure("TimeOfDay: TimeSpan", |c| Ok(Value::TimeSpan(TimeSpan(this(c, 0)?.ticks.rem_euclid(DAY))))),
        pure("AddDays(double): DateTimeOffset", |c| moved(this(c, 0)?, scaled(c.double(1)?, DAY)?)),
        pure("AddHours(double): DateTimeOffset", |c| {
            moved(this(c, 0)?, scaled(c.double(1)?, 3600 * SECOND)?)
        }),
        pure("AddMinutes(double): DateTimeOffset", |c| {
            moved(this(c, 0)?, scaled(c.double(1)?, 60 * SECOND)?)
        }),
        pure("AddSeconds(double): DateTimeOffset", |c| moved(this(c, 0)?, scaled(c.double(1)?, SECOND)?)),
        pure("AddMilliseconds(double): DateTimeOffset", |c| {
            moved(this(c, 0)?, scaled(c.double(1)?, 10_000)?)
        }),
        pure("AddTicks(long): DateTimeOffset", |c| moved(this(c, 0)?, c.long(1)?)),
        pure("AddMonths(int): DateTimeOffset", |c| months(this(c, 0)?, i64::from(c.int(1)?))),
        pure("AddYears(int): DateTimeOffset", |c| months(this(c, 0)?, i64::from(c.int(1)?) * 12)),
        pure("Add(TimeSpan): DateTimeOffset", |c| moved(this(c, 0)?, span(c, 1)?)),
        pure("Subtract(TimeSpan): DateTimeOffset", |c| moved(this(c, 0)?, span(c, 1)?.wrapping_neg())),
        pure("Subtract(DateTimeOffset): TimeSpan", |c| {
            Ok(Value::TimeSpan(TimeSpan(this(c, 0)?.utc_ticks() - this(c, 1)?.utc_ticks())))
        }),
        pure("ToUnixTimeSeconds(): long", |c| {
            Ok(Value::Int64((this(c, 0)?.utc_ticks() - UNIX).div_euclid(SECOND)))
        }),
        pure("ToUnixTimeMilliseconds(): long", |c| {
            Ok(Value::Int64((this(c, 0)?.utc_ticks() - UNIX).div_euclid(10_000)))
        }),
        pure("ToUniversalTime(): DateTimeOffset", |c| made(this(c, 0)?.utc_ticks(), 0)),
        pure("ToLocalTime(): DateTimeOffset", |c| made(this(c, 0)?.utc_ticks(), 0)),
        pure("ToOffset(TimeSpan): DateTimeOffset", |c| {
            let offset = offset_of(span(c, 1)?)?;
            made(this(c, 0)?.utc_ticks() + i64::from(offset) * 60 * SECOND, offset)
        }),
        pure("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("ToString(string): string", |c| {
            formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)
        }),
        pure("ToString(CultureInfo): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("ToString(string, CultureInfo): string", |c| {
            formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)
        }),
        pure("Equals(DateTimeOffset): bool", |c| Ok(Value::Boolean(compare(c)?.is_eq()))),
        pure("CompareTo(DateTimeOffset): int", |c| Ok(Value::Int32(compare(c)? as i32))),
        pure("static Compare(DateTimeOffset, DateTimeOffset): int", |c| Ok(Value::Int32(compare(c)? as i32))),
        pure("static FromUnixTimeSeconds(long): DateTimeOffset", |c| unix(c.long(0)?, SECOND)),
        pure("static FromUnixTimeMilliseconds(long): DateTimeOffset", |c| unix(c.long(0)?, 10_000)),
        member("static Parse(string): DateTimeOffset", |c| read(c, c.text(0)?, 0)),
        member("static Parse(string, CultureInfo): DateTimeOffset", |c| read(c, c.text(0)?, 0)),
        member("static Parse(string, CultureInfo, DateTimeStyles): DateTimeOffset", |c| {
            read(c, c.text(0)?, c.enumeration(2))
        }),
        member("static ParseExact(string, string, CultureInfo): DateTimeOffset", |c| read_exact(c, 0)),
        member("static ParseExact(string, string, CultureInfo, DateTimeStyles): DateTimeOffset", |c| {
            let styles = c.enumeration(3);
            read_exact(c, styles)
        }),
        member("static TryParse(string, out DateTimeOffset): bool", |c| {
            let parsed = c.text(0).and_then(|t| read(c, t, 0));
            tried(c, parsed)
        }),
        member("static TryParse(string, CultureInfo, DateTimeStyles, out DateTimeOffset): bool", |c| {
            let parsed = c.text(0).and_then(|t| read(c, t, c.enumeration(2)));
            tried(c, parsed)
        }),
        member(
            "static TryParseExact(string, string, CultureInfo, DateTimeStyles, out DateTimeOffset): bool",
            |c| {
                let styles = c.enumeration(3);
                let parsed = read_exact(c, styles);
                tried(c, parsed)
            },
        ),
        pure("implicit(DateTime): DateTimeOffset", |c| match c.get(0) {
            Value::DateTime(d) => made(d.ticks, 0),
            other => Err(Thrown::mismatch("System.DateTime", other)),
        }),
        pure("operator -(DateTimeOffset, DateTimeOffset): TimeSpan", |c| {
            Ok(Value::TimeSpan(TimeSpan(this(c, 0)?.utc_ticks() - this(c, 1)?.utc_ticks())))
        }),
        pure("operator -(DateTimeOffset, TimeSpan): DateTimeOffset", |c| {
            moved(this(c, 0)?, span(c, 1)?.wrapping_neg())
        }),
        pure("operator +(DateTimeOffset, TimeSpan): DateTimeOffset", |c| moved(this(c, 0)?, span(c, 1)?)),
        pure("operator ==(DateTimeOffset, DateTimeOffset): bool", |c| {
            Ok(Value::Boolean(compare(c)?.is_eq()))
        }),
        pure("operator !=(DateTimeOffset, DateTimeOffset): bool", |c| {
            Ok(Value::Boolean(compare(c)?.is_ne()))
        }),
        pure("operator <(DateTimeOffset, DateTimeOffset): bool", |c| Ok(Value::Boolean(compare(c)?.is_lt()))),
        pure("operator >(DateTimeOffset, DateTimeOffset): bool", |c| Ok(Value::Boolean(compare(c)?.is_gt()))),
        pure("operator <=(DateTimeOffset, DateTimeOffset): bool", |c| {
            Ok(Value::Boolean(compare(c)?.is_le()))
        }),
        pure("operator >=(DateTimeOffset, DateTimeOffset): bool", |c| {
            Ok(Value::Boolean(compare(c)?.is_ge()))
        }),
    ],
    ..Definition::NEW
};
