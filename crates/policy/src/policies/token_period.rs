//! Periods of the calendar, for quotas of tokens.

use gatehouse_store::counters::Quota;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::compiler::{Builder, Reported};
use crate::document::Element;

/// A period in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

const PERIODS: &[(&str, Period)] = &[
    ("Hourly", Period::Hourly),
    ("Daily", Period::Daily),
    ("Weekly", Period::Weekly),
    ("Monthly", Period::Monthly),
    ("Yearly", Period::Yearly),
    // As Microsoft's toolkit spells them.
    ("hour", Period::Hourly),
    ("day", Period::Daily),
    ("week", Period::Weekly),
    ("month", Period::Monthly),
    ("year", Period::Yearly),
];

impl Period {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Self, Reported> {
        let text = builder.literal(element, "token-quota-period")?;
        if let Some((_, period)) = PERIODS.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            return Ok(*period);
        }
        let location =
            element.attribute("token-quota-period").map_or(&element.location, |known| &known.value.location);
        let message = "the attribute `token-quota-period` must be one of `Hourly`, `Daily`, `Weekly`, `Monthly`, `Yearly`";
        Err(builder.error("bad-value", location, message))
    }

    /// Its name, for counters.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hourly => "hour",
            Self::Daily => "day",
            Self::Weekly => "week",
            Self::Monthly => "month",
            Self::Yearly => "year",
        }
    }

    /// The quota of the period around a time, in seconds since 1970.
    pub(super) fn quota(self, tokens: u64, now_seconds: i64) -> Quota {
        let (begin, end) = self
            .around(now_seconds)
            .unwrap_or((now_seconds - now_seconds.rem_euclid(3600), now_seconds + 3600));
        let period_seconds = end.saturating_sub(begin).unsigned_abs().max(1);
        Quota { calls: Some(tokens), kilobytes: None, period_seconds, anchor_seconds: begin }
    }

    fn around(self, now_seconds: i64) -> Option<(i64, i64)> {
        if self == Self::Hourly {
            let begin = now_seconds - now_seconds.rem_euclid(3600);
            return Some((begin, begin + 3600));
        }
        let today = TimeZone::UTC.to_datetime(Timestamp::from_second(now_seconds).ok()?).date();
        let (first, next) = match self {
            Self::Hourly | Self::Daily => (today, today.tomorrow().ok()?),
            Self::Weekly => {
                let since = today.weekday().since(Weekday::Monday);
                let first = today.checked_sub(i64::from(since).days()).ok()?;
                (first, first.checked_add(1.week()).ok()?)
            }
            Self::Monthly => (today.first_of_month(), today.last_of_month().tomorrow().ok()?),
            Self::Yearly => (today.first_of_year(), today.last_of_year().tomorrow().ok()?),
        };
        let seconds = |date: Date| Some(TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second());
        Some((seconds(first)?, seconds(next)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(period: Period, now: &str) -> (String, String) {
        let now: Timestamp = now.parse().unwrap();
        let quota = period.quota(5, now.as_second());
        let end = quota.anchor_seconds + i64::try_from(quota.period_seconds).unwrap();
        let text = |seconds| Timestamp::from_second(seconds).unwrap().to_string();
        (text(quota.anchor_seconds), text(end))
    }

    #[test]
    fn periods_are_those_of_the_calendar() {
        let now = "2024-02-29T13:45:10Z";
        for (period, begin, end) in [
            (Period::Hourly, "2024-02-29T13:00:00Z", "2024-02-29T14:00:00Z"),
            (Period::Daily, "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
            (Period::Weekly, "2024-02-26T00:00:00Z", "2024-03-04T00:00:00Z"),
            (Period::Monthly, "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            (Period::Yearly, "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ] {
            assert_eq!(bounds(period, now), (begin.to_owned(), end.to_owned()));
        }
    }
}
