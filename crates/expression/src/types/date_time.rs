//! `System.DateTime`. Local time is UTC.

use super::composite::formatted;
use super::{Definition, Form, Id, member, pure};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::time::{self, DAY, Date, DateTime, Kind, SECOND, TimeSpan, parse};
use crate::value::{Enumeration, Value};

pub(super) fn out_of_range() -> Thrown {
    Thrown::out_of_range("value", "The added or subtracted value results in an un-representable DateTime.")
}

/// Ticks of a number of units; fractions below a millisecond are rounded away, as .NET Core does.
pub(super) fn scaled(amount: f64, unit: i64) -> Result<i64, Thrown> {
    let millis = amount * (unit as f64 / 10_000.0);
    if !millis.is_finite() || millis.abs() > 315_537_897_600_000.0 {
        return Err(Thrown::out_of_range("value", "Value to add was out of range."));
    }
    Ok((millis + if amount >= 0.0 { 0.5 } else { -0.5 }) as i64 * 10_000)
}

fn this(c: &Call<'_, '_>, index: usize) -> Result<DateTime, Thrown> {
    match c.get(index) {
        Value::DateTime(d) => Ok(*d),
        Value::Null => Err(Thrown::null_reference()),
        other => Err(Thrown::mismatch("System.DateTime", other)),
    }
}

fn span(c: &Call<'_, '_>, index: usize) -> Result<i64, Thrown> {
    match c.get(index) {
        Value::TimeSpan(t) => Ok(t.0),
        other => Err(Thrown::mismatch("System.TimeSpan", other)),
    }
}

fn moved(date: DateTime, ticks: i64) -> Result<Value, Thrown> {
    date.ticks
        .checked_add(ticks)
        .and_then(|t| DateTime::new(t, date.kind))
        .map(Value::DateTime)
        .ok_or_else(out_of_range)
}

fn kind_of(number: i64) -> Kind {
    match number {
        1 => Kind::Utc,
        2 => Kind::Local,
        _ => Kind::Unspecified,
    }
}

fn create(c: &Call<'_, '_>, kind: Kind) -> Result<Value, Thrown> {
    let part = |n: usize| {
        if n < c.count() { if let Value::Int32(v) = c.get(n) { i64::from(*v) } else { 0 } } else { 0 }
    };
    let date = Date { year: c.int(0)?, month: c.int(1)?, day: c.int(2)? };
    let (h, m, s, ms) = (part(3), part(4), part(5), part(6));
    let valid =
        (0..24).contains(&h) && (0..60).contains(&m) && (0..60).contains(&s) && (0..1000).contains(&ms);
    match date.ticks() {
        Some(ticks) if valid => Ok(Value::DateTime(DateTime {
            ticks: ticks + (h * 3600 + m * 60 + s) * SECOND + ms * 10_000,
            kind,
        })),
        _ => Err(Thrown::new(
            Id::ArgumentOutOfRangeException,
            "Year, Month, and Day parameters describe an un-representable DateTime.",
        )),
    }
}

fn not_a_date(text: &str) -> Thrown {
    Thrown::format(format!("String '{text}' was not recognized as a valid DateTime."))
}

fn now(c: &Call<'_, '_>) -> i64 {
    DateTime::from_system(c.machine.context.now()).ticks
}

/// A parsed date as the bits of `DateTimeStyles` want it. Without any, a zone makes it local time.
fn styled(parsed: parse::Parsed, styles: i64) -> Option<DateTime> {
    let (adjust, assume_local, assume_utc, roundtrip) =
        (styles & 16 != 0, styles & 32 != 0, styles & 64 != 0, styles & 128 != 0);
    let ticks = parsed.ticks - i64::from(parsed.offset.unwrap_or(0)) * 60 * SECOND;
    let kind = match parsed.offset {
        None if assume_utc => {
            if adjust {
                Kind::Utc
            } else {
                Kind::Local
            }
        }
        None if assume_local => {
            if adjust {
                Kind::Utc
            } else {
                Kind::Local
            }
        }
        None => Kind::Unspecified,
        Some(_) if adjust => Kind::Utc,
        Some(_) if roundtrip && parsed.utc => Kind::Utc,
        Some(_) => Kind::Local,
    };
    DateTime::new(ticks, kind)
}

/// `DateTime.Parse`.
pub(super) fn read(c: &Call<'_, '_>, text: &str, styles: i64) -> Result<Value, Thrown> {
    parse::any(text, now(c))
        .and_then(|p| styled(p, styles))
        .map(Value::DateTime)
        .ok_or_else(|| not_a_date(text))
}

fn read_exact(c: &mut Call<'_, '_>, styles: i64) -> Result<Value, Thrown> {
    let text = c.text(0)?;
    let formats: Vec<String> = match c.get(1) {
        Value::String(one) => vec![one.to_string()],
        _ => c.items(1)?.iter().map(Value::display).collect(),
    };
    let trimmed = if styles & 7 != 0 { text.trim() } else { text };
    let now = now(c);
    formats
        .iter()
        .find_map(|f| {
            let utc = matches!(f.as_str(), "o" | "O" | "u");
            parse::exact(trimmed, f, now)
                .and_then(|p| styled(p, if utc && p.utc { styles | 128 } else { styles }))
        })
        .map(Value::DateTime)
        .ok_or_else(|| not_a_date(text))
}

fn tried(c: &mut Call<'_, '_>, parsed: Result<Value, Thrown>) -> Result<Value, Thrown> {
    let found = parsed.is_ok();
    c.out.push(parsed.unwrap_or(Value::DateTime(DateTime::default())));
    Ok(Value::Boolean(found))
}

fn compare(c: &Call<'_, '_>) -> Result<std::cmp::Ordering, Thrown> {
    Ok(this(c, 0)?.ticks.cmp(&this(c, 1)?.ticks))
}

/// Ticks of 1601-01-01, from which Windows counts.
const FILE_TIME_EPOCH: i64 = 504_911_232_000_000_000;

pub(super) const DATE_TIME: Definition = Definition {
    name: "System.DateTime",
    form: Form::Structure,
    bases: &["object"],
    members: &[
        member("new(int, int, int)", |c| create(c, Kind::Unspecified)),
        member("new(int, int, int, int, int, int)", |c| create(c, Kind::Unspecified)),
        member("new(int, int, int, int, int, int, DateTimeKind)", |c| {
            let kind = kind_of(c.enumeration(6));
            create(c, kind)
        }),
        member("new(int, int, int, int, int, int, int)", |c| create(c, Kind::Unspecified)),
        member("new(int, int, int, int, int, int, int, DateTimeKind)", |c| {
            let kind = kind_of(c.enumeration(7));
            create(c, kind)
        }),
        member("new(long)", |c| {
            DateTime::new(c.long(0)?, Kind::Unspecified).map(Value::DateTime).ok_or_else(out_of_range)
        }),
        member("new(long, DateTimeKind)", |c| {
            DateTime::new(c.long(0)?, kind_of(c.enumeration(1))).map(Value::DateTime).ok_or_else(out_of_range)
        }),
        member("static Now: DateTime", |c| {
            Ok(Value::DateTime(DateTime { ticks: now(c), kind: Kind::Local }))
        }),
        member("static UtcNow: DateTime", |c| {
            Ok(Value::DateTime(DateTime { ticks: now(c), kind: Kind::Utc }))
        }),
        member("static Today: DateTime", |c| {
            let ticks = now(c);
            Ok(Value::DateTime(DateTime { ticks: ticks - ticks.rem_euclid(DAY), kind: Kind::Local }))
        }),
        pure("static MinValue: DateTime", |_| Ok(Value::DateTime(DateTime::default()))),
        pure("static MaxValue: DateTime", |_| {
            Ok(Value::DateTime(DateTime { ticks: time::MAX, kind: Kind::Unspecified }))
        }),
        pure("static UnixEpoch: DateTime", |_| {
            Ok(Value::DateTime(DateTime { ticks: time::UNIX, kind: Kind::Utc }))
        }),
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
        pure("Kind: DateTimeKind", |c| {
            Ok(Value::Enumeration(Enumeration { id: Id::DateTimeKind, number: this(c, 0)?.kind as i64 }))
        }),
        pure("Date: DateTime", |c| {
            let d = this(c, 0)?;
            Ok(Value::DateTime(DateTime { ticks: d.ticks - d.ticks.rem_euclid(DAY), ..d }))
        }),
        pure("TimeOfDay: TimeSpan", |c| Ok(Value::TimeSpan(TimeSpan(this(c, 0)?.ticks.rem_euclid(DAY))))),
        pure("AddDays(double): DateTime", |c| moved(this(c, 0)?, scaled(c.double(1)?, DAY)?)),
        pure("AddHours(double): DateTime", |c| moved(this(c, 0)?, scaled(c.double(1)?, 3600 * SECOND)?)),
        pure("AddMinutes(double): DateTime", |c| moved(this(c, 0)?, scaled(c.double(1)?, 60 * SECOND)?)),
        pure("AddSeconds(double): DateTime", |c| moved(this(c, 0)?, scaled(c.double(1)?, SECOND)?)),
        pure("AddMilliseconds(double): DateTime", |c| moved(this(c, 0)?, scaled(c.double(1)?, 10_000)?)),
        pure("AddTicks(long): DateTime", |c| moved(this(c, 0)?, c.long(1)?)),
        pure("AddMonths(int): DateTime", |c| months(this(c, 0)?, i64::from(c.int(1)?))),
        pure("AddYears(int): DateTime", |c| months(this(c, 0)?, i64::from(c.int(1)?) * 12)),
        pure("Add(TimeSpan): DateTime", |c| moved(this(c, 0)?, span(c, 1)?)),
        pure("Subtract(TimeSpan): DateTime", |c| moved(this(c, 0)?, span(c, 1)?.wrapping_neg())),
        pure("Subtract(DateTime): TimeSpan", |c| {
            Ok(Value::TimeSpan(TimeSpan(this(c, 0)?.ticks - this(c, 1)?.ticks)))
        }),
        pure("ToUniversalTime(): DateTime", |c| {
            Ok(Value::DateTime(DateTime { kind: Kind::Utc, ..this(c, 0)? }))
        }),
        pure("ToLocalTime(): DateTime", |c| {
            Ok(Value::DateTime(DateTime { kind: Kind::Local, ..this(c, 0)? }))
        }),
        pure("IsDaylightSavingTime(): bool", |_| Ok(Value::Boolean(false))),
        pure("ToBinary(): long", |c| {
            let d = this(c, 0)?;
            Ok(Value::Int64(d.ticks | (d.kind as i64) << 62))
        }),
        pure("ToFileTimeUtc(): long", |c| {
            let ticks = this(c, 0)?.ticks - FILE_TIME_EPOCH;
            if ticks < 0 {
                return Err(Thrown::new(Id::ArgumentOutOfRangeException, "Not a valid Win32 FileTime."));
            }
            Ok(Value::Int64(ticks))
        }),
        pure("ToOADate(): double", |c| {
            let mut ticks = this(c, 0)?.ticks;
            if ticks == 0 {
                return Ok(Value::Double(0.0));
            }
            // A time without a date is one of the first day.
            if ticks < DAY {
                ticks += 599_264_352_000_000_000;
            }
            let mut millis = (ticks - 599_264_352_000_000_000) / 10_000;
            // The time of day is added to the date also where the date is below zero.
            let of_day = millis % 86_400_000;
            if millis < 0 && of_day != 0 {
                millis -= (86_400_000 + of_day) * 2;
            }
            Ok(Value::Double(millis as f64 / 86_400_000.0))
        }),
        pure("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("ToString(string): string", |c| {
            formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)
        }),
        pure("ToString(CultureInfo): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("ToString(string, CultureInfo): string", |c| {
            formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)
        }),
        pure("ToShortDateString(): string", |c| formatted(c.get(0), "d").map(Value::from)),
        pure("ToLongDateString(): string", |c| formatted(c.get(0), "D").map(Value::from)),
        pure("ToShortTimeString(): string", |c| formatted(c.get(0), "t").map(Value::from)),
        pure("ToLongTimeString(): string", |c| formatted(c.get(0), "T").map(Value::from)),
        pure("Equals(DateTime): bool", |c| Ok(Value::Boolean(compare(c)?.is_eq()))),
        pure("CompareTo(DateTime): int", |c| Ok(Value::Int32(compare(c)? as i32))),
        pure("static Compare(DateTime, DateTime): int", |c| Ok(Value::Int32(compare(c)? as i32))),
        pure("static Equals(DateTime, DateTime): bool", |c| Ok(Value::Boolean(compare(c)?.is_eq()))),
        pure("static DaysInMonth(int, int): int", |c| {
            let (year, month) = (c.int(0)?, c.int(1)?);
            if !(1..=12).contains(&month) {
                return Err(Thrown::out_of_range("month", "Month must be between one and twelve."));
            }
            Ok(Value::Int32(time::days_in_month(year, month)))
        }),
        pure("static IsLeapYear(int): bool", |c| {
            let year = c.int(0)?;
            if !(1..=9999).contains(&year) {
                return Err(Thrown::out_of_range("year", "Year must be between 1 and 9999."));
            }
            Ok(Value::Boolean(time::is_leap(year)))
        }),
        pure("static SpecifyKind(DateTime, DateTimeKind): DateTime", |c| {
            Ok(Value::DateTime(DateTime { kind: kind_of(c.enumeration(1)), ..this(c, 0)? }))
        }),
        pure("static FromFileTimeUtc(long): DateTime", |c| {
            let time = c.long(0)?;
            let ticks = time.checked_add(FILE_TIME_EPOCH).filter(|_| time >= 0);
            ticks
                .and_then(|ticks| DateTime::new(ticks, Kind::Utc))
                .map(Value::DateTime)
                .ok_or_else(|| Thrown::out_of_range("fileTime", "Not a valid Win32 FileTime."))
        }),
        member("static Parse(string): DateTime", |c| read(c, c.text(0)?, 0)),
        member("static Parse(string, CultureInfo): DateTime", |c| read(c, c.text(0)?, 0)),
        member("static Parse(string, CultureInfo, DateTimeStyles): DateTime", |c| {
            read(c, c.text(0)?, c.enumeration(2))
        }),
        member("static ParseExact(string, string, CultureInfo): DateTime", |c| read_exact(c, 0)),
        member("static ParseExact(string, string, CultureInfo, DateTimeStyles): DateTime", |c| {
            let styles = c.enumeration(3);
            read_exact(c, styles)
        }),
        member("static ParseExact(string, string[], CultureInfo, DateTimeStyles): DateTime", |c| {
            let styles = c.enumeration(3);
            read_exact(c, styles)
        }),
        member("static TryParse(string, out DateTime): bool", |c| {
            let parsed = c.text(0).and_then(|t| read(c, t, 0));
            tried(c, parsed)
        }),
        member("static TryParse(string, CultureInfo, DateTimeStyles, out DateTime): bool", |c| {
            let parsed = c.text(0).and_then(|t| read(c, t, c.enumeration(2)));
            tried(c, parsed)
        }),
        member(
            "static TryParseExact(string, string, CultureInfo, DateTimeStyles, out DateTime): bool",
            |c| {
                let styles = c.enumeration(3);
                let parsed = read_exact(c, styles);
                tried(c, parsed)
            },
        ),
        member(
            "static TryParseExact(string, string[], CultureInfo, DateTimeStyles, out DateTime): bool",
            |c| {
                let styles = c.enumeration(3);
                let parsed = read_exact(c, styles);
                tried(c, parsed)
            },
        ),
        pure("operator -(DateTime, DateTime): TimeSpan", |c| {
            Ok(Value::TimeSpan(TimeSpan(this(c, 0)?.ticks - this(c, 1)?.ticks)))
        }),
        pure("operator -(DateTime, TimeSpan): DateTime", |c| moved(this(c, 0)?, span(c, 1)?.wrapping_neg())),
        pure("operator +(DateTime, TimeSpan): DateTime", |c| moved(this(c, 0)?, span(c, 1)?)),
        pure("operator ==(DateTime, DateTime): bool", |c| Ok(Value::Boolean(compare(c)?.is_eq()))),
        pure("operator !=(DateTime, DateTime): bool", |c| Ok(Value::Boolean(compare(c)?.is_ne()))),
        pure("operator <(DateTime, DateTime): bool", |c| Ok(Value::Boolean(compare(c)?.is_lt()))),
        pure("operator >(DateTime, DateTime): bool", |c| Ok(Value::Boolean(compare(c)?.is_gt()))),
        pure("operator <=(DateTime, DateTime): bool", |c| Ok(Value::Boolean(compare(c)?.is_le()))),
        pure("operator >=(DateTime, DateTime): bool", |c| Ok(Value::Boolean(compare(c)?.is_ge()))),
    ],
    ..Definition::NEW
};

fn months(date: DateTime, months: i64) -> Result<Value, Thrown> {
    time::add_months(date.ticks, months)
        .and_then(|t| DateTime::new(t, date.kind))
        .map(Value::DateTime)
        .ok_or_else(out_of_range)
}
