//! `System.TimeZoneInfo`: fixed rules of the zones that policies name, by Windows and IANA names.

use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::time::{DAY, Date, DateTime, DateTimeOffset, Kind, SECOND, TimeSpan, day_of_week};
use crate::value::{Object, Value};

/// How a zone's summer time begins and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Summer {
    /// Last Sunday of March to last Sunday of October, at 01:00 UTC.
    Europe,
    None,
    /// Second Sunday of March to first Sunday of November, at 02:00 local time.
    NorthAmerica,
    /// First Sunday of October to first Sunday of April, at 02:00 standard time.
    Australia,
    /// Last Sunday of September to first Sunday of April, at 02:00 standard time.
    NewZealand,
}

/// A zone: Windows name, IANA names, minutes ahead of UTC, summer time.
struct Zone(&'static str, &'static [&'static str], i16, Summer);

#[rustfmt::skip]
const ZONES: &[Zone] = &[
    Zone("UTC", &["Etc/UTC", "Etc/GMT", "Coordinated Universal Time", "GMT", "Zulu"], 0, Summer::None),
    Zone("GMT Standard Time", &["Europe/London", "Europe/Dublin", "Europe/Lisbon"], 0, Summer::Europe),
    Zone("Greenwich Standard Time", &["Atlantic/Reykjavik", "Africa/Abidjan"], 0, Summer::None),
    Zone("W. Europe Standard Time", &["Europe/Berlin", "Europe/Amsterdam", "Europe/Rome", "Europe/Vienna", "Europe/Zurich", "Europe/Stockholm", "Europe/Oslo"], 60, Summer::Europe),
    Zone("Central Europe Standard Time", &["Europe/Budapest", "Europe/Prague", "Europe/Belgrade", "Europe/Ljubljana"], 60, Summer::Europe),
    Zone("Romance Standard Time", &["Europe/Paris", "Europe/Madrid", "Europe/Brussels", "Europe/Copenhagen"], 60, Summer::Europe),
    Zone("Central European Standard Time", &["Europe/Warsaw", "Europe/Sarajevo", "Europe/Zagreb"], 60, Summer::Europe),
    Zone("GTB Standard Time", &["Europe/Bucharest", "Europe/Athens"], 120, Summer::Europe),
    Zone("FLE Standard Time", &["Europe/Kiev", "Europe/Kyiv", "Europe/Helsinki", "Europe/Riga", "Europe/Sofia", "Europe/Tallinn", "Europe/Vilnius"], 120, Summer::Europe),
    Zone("South Africa Standard Time", &["Africa/Johannesburg"], 120, Summer::None),
    Zone("Turkey Standard Time", &["Europe/Istanbul"], 180, Summer::None),
    Zone("Arab Standard Time", &["Asia/Riyadh", "Asia/Kuwait"], 180, Summer::None),
    Zone("E. Africa Standard Time", &["Africa/Nairobi"], 180, Summer::None),
    Zone("Russian Standard Time", &["Europe/Moscow"], 180, Summer::None),
    Zone("Arabian Standard Time", &["Asia/Dubai"], 240, Summer::None),
    Zone("Pakistan Standard Time", &["Asia/Karachi"], 300, Summer::None),
    Zone("India Standard Time", &["Asia/Kolkata", "Asia/Calcutta"], 330, Summer::None),
    Zone("Bangladesh Standard Time", &["Asia/Dhaka"], 360, Summer::None),
    Zone("SE Asia Standard Time", &["Asia/Bangkok", "Asia/Jakarta"], 420, Summer::None),
    Zone("China Standard Time", &["Asia/Shanghai", "Asia/Hong_Kong"], 480, Summer::None),
    Zone("Singapore Standard Time", &["Asia/Singapore", "Asia/Kuala_Lumpur"], 480, Summer::None),
    Zone("W. Australia Standard Time", &["Australia/Perth"], 480, Summer::None),
    Zone("Tokyo Standard Time", &["Asia/Tokyo"], 540, Summer::None),
    Zone("Korea Standard Time", &["Asia/Seoul"], 540, Summer::None),
    Zone("E. Australia Standard Time", &["Australia/Brisbane"], 600, Summer::None),
    Zone("AUS Eastern Standard Time", &["Australia/Sydney", "Australia/Melbourne"], 600, Summer::Australia),
    Zone("New Zealand Standard Time", &["Pacific/Auckland"], 720, Summer::NewZealand),
    Zone("Eastern Standard Time", &["America/New_York", "America/Toronto", "US/Eastern"], -300, Summer::NorthAmerica),
    Zone("Central Standard Time", &["America/Chicago", "US/Central"], -360, Summer::NorthAmerica),
    Zone("Mountain Standard Time", &["America/Denver", "US/Mountain"], -420, Summer::NorthAmerica),
    Zone("US Mountain Standard Time", &["America/Phoenix"], -420, Summer::None),
    Zone("Pacific Standard Time", &["America/Los_Angeles", "US/Pacific"], -480, Summer::NorthAmerica),
    Zone("Alaskan Standard Time", &["America/Anchorage"], -540, Summer::NorthAmerica),
    Zone("Hawaiian Standard Time", &["Pacific/Honolulu"], -600, Summer::None),
    Zone("Atlantic Standard Time", &["America/Halifax"], -240, Summer::NorthAmerica),
    Zone("SA Pacific Standard Time", &["America/Bogota", "America/Lima"], -300, Summer::None),
    Zone("E. South America Standard Time", &["America/Sao_Paulo"], -180, Summer::None),
    Zone("Argentina Standard Time", &["America/Buenos_Aires", "America/Argentina/Buenos_Aires"], -180, Summer::None),
    Zone("Central Standard Time (Mexico)", &["America/Mexico_City"], -360, Summer::None),
];

/// A zone as an object, by the name that was asked for.
struct Info {
    name: String,
    offset: i16,
    summer: Summer,
}

impl Object for Info {
    fn class(&self) -> Type {
        Type::Plain(Id::TimeZoneInfo)
    }

    fn text(&self) -> Option<String> {
        Some(self.name.clone())
    }
}

fn find(name: &str) -> Result<Value, Thrown> {
    let zone = ZONES.iter().find(|z| z.0.eq_ignore_ascii_case(name) || z.1.contains(&name));
    match zone {
        Some(zone) => Ok(Value::object(Info { name: name.to_owned(), offset: zone.2, summer: zone.3 })),
        None => Err(Thrown::new(
            Id::TimeZoneNotFoundException,
            format!("The time zone ID '{name}' was not found on the local computer."),
        )),
    }
}

/// Ticks of the n-th Sunday of a month, or of the last one for 5.
fn sunday(year: i32, month: i32, nth: i64) -> i64 {
    let first = Date { year, month, day: 1 }.ticks().unwrap_or_default();
    let to_sunday = (7 - day_of_week(first)) % 7;
    let mut day = to_sunday + 1 + (nth - 1) * 7;
    while day > i64::from(crate::time::days_in_month(year, month)) {
        day -= 7;
    }
    first + (day - 1) * DAY
}

/// Whether summer time holds at that UTC moment.
fn is_summer(zone: &Info, utc: i64) -> bool {
    let hour = 3600 * SECOND;
    let offset = i64::from(zone.offset) * 60 * SECOND;
    let year = Date::of((utc + offset).clamp(0, crate::time::MAX)).year;
    match zone.summer {
        Summer::None => false,
        Summer::Europe => (sunday(year, 3, 5) + hour..sunday(year, 10, 5) + hour).contains(&utc),
        Summer::NorthAmerica => {
            (sunday(year, 3, 2) + 2 * hour - offset..sunday(year, 11, 1) + hour - offset).contains(&utc)
        }
        Summer::Australia => {
            utc >= sunday(year, 10, 1) + 2 * hour - offset || utc < sunday(year, 4, 1) + 2 * hour - offset
        }
        Summer::NewZealand => {
            utc >= sunday(year, 9, 5) + 2 * hour - offset || utc < sunday(year, 4, 1) + 2 * hour - offset
        }
    }
}

/// Minutes ahead of UTC at that UTC moment.
fn offset_at(zone: &Info, utc: i64) -> i16 {
    zone.offset + if is_summer(zone, utc) { 60 } else { 0 }
}

/// The UTC ticks of a clock time in a zone.
fn to_utc(zone: &Info, local: i64) -> i64 {
    let standard = local - i64::from(zone.offset) * 60 * SECOND;
    let summer = standard - 3600 * SECOND;
    if is_summer(zone, summer) { summer } else { standard }
}

fn zone<'a>(c: &Call<'a, '_>, index: usize) -> Result<&'a Info, Thrown> {
    c.object(index)
}

fn moment(value: &Value) -> Result<i64, Thrown> {
    match value {
        Value::DateTime(d) => Ok(d.ticks),
        Value::DateTimeOffset(d) => Ok(d.utc_ticks()),
        other => Err(Thrown::mismatch("System.DateTime", other)),
    }
}

fn from_utc(c: &Call<'_, '_>, date: usize, into: &Info) -> Result<Value, Thrown> {
    let utc = moment(c.get(date))?;
    let offset = offset_at(into, utc);
    let ticks = utc + i64::from(offset) * 60 * SECOND;
    if let Value::DateTimeOffset(_) = c.get(date) {
        return DateTimeOffset::new(ticks, offset)
            .map(Value::DateTimeOffset)
            .ok_or_else(super::date_time::out_of_range);
    }
    let kind = if into.name == "UTC" { Kind::Utc } else { Kind::Unspecified };
    DateTime::new(ticks, kind).map(Value::DateTime).ok_or_else(super::date_time::out_of_range)
}

fn utc_zone() -> Info {
    Info { name: "UTC".to_owned(), offset: 0, summer: Summer::None }
}

pub(super) const TIME_ZONE_INFO: Definition = Definition {
    name: "System.TimeZoneInfo",
    bases: &["object"],
    members: &[
        member("static Utc: TimeZoneInfo", |_| Ok(Value::object(utc_zone()))),
        member("static Local: TimeZoneInfo", |_| Ok(Value::object(utc_zone()))),
        member("static FindSystemTimeZoneById(string): TimeZoneInfo", |c| find(c.text(0)?)),
        member("static ConvertTimeFromUtc(DateTime, TimeZoneInfo): DateTime", |c| {
            from_utc(c, 0, zone(c, 1)?)
        }),
        member("static ConvertTime(DateTime, TimeZoneInfo): DateTime", |c| from_utc(c, 0, zone(c, 1)?)),
        member("static ConvertTime(DateTimeOffset, TimeZoneInfo): DateTimeOffset", |c| {
            from_utc(c, 0, zone(c, 1)?)
        }),
        member("static ConvertTime(DateTime, TimeZoneInfo, TimeZoneInfo): DateTime", |c| {
            let utc = to_utc(zone(c, 1)?, moment(c.get(0))?);
            let into = zone(c, 2)?;
            DateTime::new(utc + i64::from(offset_at(into, utc)) * 60 * SECOND, Kind::Unspecified)
                .map(Value::DateTime)
                .ok_or_else(super::date_time::out_of_range)
        }),
        member("static ConvertTimeBySystemTimeZoneId(DateTime, string): DateTime", |c| {
            let found = find(c.text(1)?)?;
            match found.downcast::<Info>() {
                Some(info) => from_utc(c, 0, info),
                None => Ok(Value::Null),
            }
        }),
        member("static ConvertTimeBySystemTimeZoneId(DateTimeOffset, string): DateTimeOffset", |c| {
            let found = find(c.text(1)?)?;
            match found.downcast::<Info>() {
                Some(info) => from_utc(c, 0, info),
                None => Ok(Value::Null),
            }
        }),
        member("static ConvertTimeToUtc(DateTime): DateTime", |c| {
            Ok(Value::DateTime(DateTime { ticks: moment(c.get(0))?, kind: Kind::Utc }))
        }),
        member("static ConvertTimeToUtc(DateTime, TimeZoneInfo): DateTime", |c| {
            let ticks = to_utc(zone(c, 1)?, moment(c.get(0))?);
            DateTime::new(ticks, Kind::Utc).map(Value::DateTime).ok_or_else(super::date_time::out_of_range)
        }),
        member("Id: string", |c| Ok(Value::from(zone(c, 0)?.name.as_str()))),
        member("DisplayName: string", |c| {
            let name = zone(c, 0)?.name.as_str();
            Ok(Value::from(if name == "UTC" { "(UTC) Coordinated Universal Time" } else { name }))
        }),
        member("StandardName: string", |c| {
            let name = zone(c, 0)?.name.as_str();
            Ok(Value::from(if name == "UTC" { "Coordinated Universal Time" } else { name }))
        }),
        member("BaseUtcOffset: TimeSpan", |c| {
            Ok(Value::TimeSpan(TimeSpan(i64::from(zone(c, 0)?.offset) * 60 * SECOND)))
        }),
        member("SupportsDaylightSavingTime: bool", |c| {
            Ok(Value::Boolean(zone(c, 0)?.summer != Summer::None))
        }),
        member("GetUtcOffset(DateTime): TimeSpan", |c| {
            let info = zone(c, 0)?;
            let utc = match c.get(1) {
                Value::DateTime(d) if d.kind == Kind::Unspecified => to_utc(info, d.ticks),
                other => moment(other)?,
            };
            Ok(Value::TimeSpan(TimeSpan(i64::from(offset_at(info, utc)) * 60 * SECOND)))
        }),
        member("GetUtcOffset(DateTimeOffset): TimeSpan", |c| {
            let info = zone(c, 0)?;
            Ok(Value::TimeSpan(TimeSpan(i64::from(offset_at(info, moment(c.get(1))?)) * 60 * SECOND)))
        }),
        member("IsDaylightSavingTime(DateTime): bool", |c| {
            let info = zone(c, 0)?;
            let utc = match c.get(1) {
                Value::DateTime(d) if d.kind == Kind::Unspecified => to_utc(info, d.ticks),
                other => moment(other)?,
            };
            Ok(Value::Boolean(is_summer(info, utc)))
        }),
    ],
    ..Definition::NEW
};
