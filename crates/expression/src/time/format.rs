//! Standard and custom format strings of dates, invariant culture.
//!
//! <https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings>

use std::fmt::Write as _;

use super::{DAY, Date, DateTime, DateTimeOffset, Kind, SECOND, day_of_week};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A `DateTime` by a format string; `None` if there is no such format.
pub(crate) fn date_time(date: &DateTime, spec: &str) -> Option<String> {
    let zone = match date.kind {
        Kind::Unspecified => Zone::None,
        Kind::Utc => Zone::Utc,
        Kind::Local => Zone::Offset(0),
    };
    show(date.ticks, zone, 0, spec)
}

/// A `DateTimeOffset` by a format string.
pub(crate) fn date_time_offset(date: &DateTimeOffset, spec: &str) -> Option<String> {
    if spec.is_empty() {
        return custom(date.ticks, Zone::Offset(date.offset), date.offset, "MM/dd/yyyy HH:mm:ss zzz");
    }
    if matches!(spec, "R" | "r" | "u") {
        return show(date.utc_ticks(), Zone::Utc, 0, spec);
    }
    show(date.ticks, Zone::Offset(date.offset), date.offset, spec)
}

/// The form that Newtonsoft writes.
pub(crate) fn json(date: &DateTime) -> String {
    date_time(date, "yyyy-MM-ddTHH:mm:ss.FFFFFFFK").unwrap_or_default()
}

#[derive(Clone, Copy)]
enum Zone {
    None,
    Offset(i16),
    Utc,
}

fn show(ticks: i64, zone: Zone, offset: i16, spec: &str) -> Option<String> {
    let pattern = match spec {
        "" | "G" => "MM/dd/yyyy HH:mm:ss",
        "d" => "MM/dd/yyyy",
        "D" => "dddd, dd MMMM yyyy",
        "f" => "dddd, dd MMMM yyyy HH:mm",
        "F" | "U" => "dddd, dd MMMM yyyy HH:mm:ss",
        "g" => "MM/dd/yyyy HH:mm",
        "m" | "M" => "MMMM dd",
        "o" | "O" => "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
        "r" | "R" => "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
        "s" => "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
        "t" => "HH:mm",
        "T" => "HH:mm:ss",
        "u" => "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
        "y" | "Y" => "yyyy MMMM",
        _ if spec.chars().count() == 1 => return None,
        other => other,
    };
    custom(ticks, zone, offset, pattern)
}

fn custom(ticks: i64, zone: Zone, offset: i16, pattern: &str) -> Option<String> {
    let date = Date::of(ticks);
    let of_day = ticks.rem_euclid(DAY);
    let seconds = of_day / SECOND;
    let fraction = of_day % SECOND;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let mut count = 1;
        if c.is_ascii_alphabetic() {
            while chars.peek() == Some(&c) {
                chars.next();
                count += 1;
            }
        }
        match c {
            'y' => {
                let year = if count <= 2 { date.year % 100 } else { date.year };
                let _ = write!(out, "{year:0count$}");
            }
            'M' if count <= 2 => drop(write!(out, "{:0count$}", date.month)),
            'M' => name(&mut out, MONTHS[date.month as usize - 1], count),
            'd' if count <= 2 => drop(write!(out, "{:0count$}", date.day)),
            'd' => name(&mut out, DAYS[day_of_week(ticks) as usize], count),
            'H' => drop(write!(out, "{hour:0width$}", width = count.min(2))),
            'h' => drop(write!(out, "{:0width$}", (hour + 11) % 12 + 1, width = count.min(2))),
            'm' => drop(write!(out, "{minute:0width$}", width = count.min(2))),
            's' => drop(write!(out, "{second:0width$}", width = count.min(2))),
            'f' | 'F' => {
                if count > 7 {
                    return None;
                }
                let digits = format!("{fraction:07}");
                let digits = digits.get(..count).unwrap_or_default();
                if c == 'f' {
                    out.push_str(digits);
                } else {
                    let digits = digits.trim_end_matches('0');
                    if digits.is_empty() && out.ends_with('.') {
                        out.pop();
                    }
                    out.push_str(digits);
                }
            }
            't' => out.push_str(match (hour < 12, count) {
                (true, 1) => "A",
                (true, _) => "AM",
                (false, 1) => "P",
                (false, _) => "PM",
            }),
            'g' => out.push_str("A.D."),
            'z' => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.unsigned_abs();
                let _ = match count {
                    1 => write!(out, "{sign}{}", minutes / 60),
                    2 => write!(out, "{sign}{:02}", minutes / 60),
                    _ => write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60),
                };
            }
            'K' => match zone {
                Zone::None => {}
                Zone::Utc => out.push('Z'),
                Zone::Offset(minutes) => {
                    let sign = if minutes < 0 { '-' } else { '+' };
                    let minutes = minutes.unsigned_abs();
                    let _ = write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
                }
            },
            '\\' => out.push(chars.next()?),
            '%' => {}
            '\'' | '"' => loop {
                match chars.next() {
                    None => return None,
                    Some(q) if q == c => break,
                    Some('\\') => out.push(chars.next()?),
                    Some(q) => out.push(q),
                }
            },
            other => {
                for _ in 0..count {
                    out.push(other);
                }
            }
        }
    }
    Some(out)
}

fn name(out: &mut String, full: &str, count: usize) {
    out.push_str(if count == 3 { full.get(..3).unwrap_or(full) } else { full });
}
