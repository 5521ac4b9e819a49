//! Dates, times and spans with .NET's ticks of 100 ns.

pub(crate) mod format;
pub(crate) mod parse;
mod span;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use self::span::TimeSpan;

/// Ticks of a second.
pub(crate) const SECOND: i64 = 10_000_000;
/// Ticks of a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// Ticks of 1970-01-01.
pub(crate) const UNIX: i64 = 621_355_968_000_000_000;
/// Ticks of the last moment of the year 9999.
pub(crate) const MAX: i64 = 3_155_378_975_999_999_999;

/// What a `DateTime` is relative to. The local time of a gateway is UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "DateTimeKind has three values")]
pub enum Kind {
    /// Nothing is said.
    #[default]
    Unspecified,
    /// UTC.
    Utc,
    /// Local time.
    Local,
}

/// `System.DateTime`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// Ticks of 100 ns since the start of the year 1.
    pub ticks: i64,
    /// What it is relative to.
    pub kind: Kind,
}

/// `System.DateTimeOffset`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DateTimeOffset {
    /// Ticks of the clock time.
    pub ticks: i64,
    /// Minutes that the clock is ahead of UTC.
    pub offset: i16,
}

/// A date of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i32,
    pub(crate) month: i32,
    pub(crate) day: i32,
}

impl Date {
    pub(crate) fn of(ticks: i64) -> Self {
        // Days since 0000-03-01, so that a leap day ends its year.
        let days = ticks.div_euclid(DAY) + 306;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * shifted + 2) / 5 + 1) as i32;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as i32;
        let year = (year_of_era + era * 400) as i32 + i32::from(month <= 2);
        Self { year, month, day }
    }

    /// Ticks at its start, where there is such a day.
    pub(crate) fn ticks(self) -> Option<i64> {
        let Self { year, month, day } = self;
        if !(1..=9999).contains(&year)
            || !(1..=12).contains(&month)
            || day < 1
            || day > days_in_month(year, month)
        {
            return None;
        }
        let shifted_year = i64::from(year) - i64::from(month <= 2);
        let era = shifted_year.div_euclid(400);
        let year_of_era = shifted_year.rem_euclid(400);
        let shifted = i64::from(if month > 2 { month - 3 } else { month + 9 });
        let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some((era * 146_097 + day_of_era - 306) * DAY)
    }

    pub(crate) fn day_of_year(self) -> i32 {
        let start = Self { month: 1, day: 1, ..self }.ticks().unwrap_or_default();
        ((self.ticks().unwrap_or_default() - start) / DAY) as i32 + 1
    }
}

/// Whether a year has a 29th of February.
pub(crate) fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 => 28 + i32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day of the week, Sunday 0.
pub(crate) fn day_of_week(ticks: i64) -> i64 {
    (ticks.div_euclid(DAY) + 1).rem_euclid(7)
}

/// The same day some months later, or the last day of that month.
pub(crate) fn add_months(ticks: i64, months: i64) -> Option<i64> {
    let date = Date::of(ticks);
    let total = i64::from(date.year) * 12 + i64::from(date.month) - 1 + months;
    let year = i32::try_from(total.div_euclid(12)).ok()?;
    let month = (total.rem_euclid(12) + 1) as i32;
    if !(1..=9999).contains(&year) {
        return None;
    }
    let day = date.day.min(days_in_month(year, month));
    Some(Date { year, month, day }.ticks()? + ticks.rem_euclid(DAY))
}

impl DateTime {
    pub(crate) fn new(ticks: i64, kind: Kind) -> Option<Self> {
        (0..=MAX).contains(&ticks).then_some(Self { ticks, kind })
    }

    pub(crate) fn from_unix_seconds(seconds: f64) -> Option<Self> {
        let ticks = (seconds * 1000.0).round();
        (ticks.abs() < 1e15).then(|| Self::from_unix_millis(ticks as i64)).flatten()
    }

    pub(crate) fn from_unix_millis(millis: i64) -> Option<Self> {
        Self::new(UNIX.checked_add(millis.checked_mul(10_000)?)?, Kind::Utc)
    }

    /// The moment in UTC.
    pub fn from_system(time: SystemTime) -> Self {
        let ticks = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => UNIX.saturating_add(ticks_of(after)),
            Err(before) => UNIX.saturating_sub(ticks_of(before.duration())),
        };
        Self { ticks: ticks.clamp(0, MAX), kind: Kind::Utc }
    }

    /// The moment, where it is taken as UTC.
    pub fn to_system(self) -> SystemTime {
        let ticks = self.ticks - UNIX;
        let distance = Duration::from_nanos(ticks.unsigned_abs().saturating_mul(100));
        if ticks >= 0 { UNIX_EPOCH + distance } else { UNIX_EPOCH - distance }
    }
}

impl DateTimeOffset {
    pub(crate) fn new(ticks: i64, offset: i16) -> Option<Self> {
        let made = Self { ticks, offset };
        ((0..=MAX).contains(&ticks) && (0..=MAX).contains(&made.utc_ticks())).then_some(made)
    }

    pub(crate) fn utc_ticks(self) -> i64 {
        self.ticks - i64::from(self.offset) * 60 * SECOND
    }
}

/// A duration in ticks.
pub(crate) fn ticks_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos() / 100).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_ticks_agree() {
        assert_eq!(Date { year: 1970, month: 1, day: 1 }.ticks(), Some(UNIX));
        assert_eq!(Date { year: 1, month: 1, day: 1 }.ticks(), Some(0));
        for day in 0..800_000_i64 {
            let ticks = day * DAY;
            assert_eq!(Date::of(ticks).ticks(), Some(ticks));
        }
        assert_eq!(Date { year: 2023, month: 2, day: 29 }.ticks(), None);
        assert_eq!(day_of_week(Date { year: 2024, month: 2, day: 29 }.ticks().unwrap()), 4);
    }
}
