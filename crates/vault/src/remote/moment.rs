//! Moments as clouds write them.

use jiff::Timestamp;

/// A moment of the second.
pub(super) struct Moment(Timestamp);

impl Moment {
    /// The moment of so many seconds since 1970.
    pub(super) fn of(seconds: u64) -> Self {
        Self(i64::try_from(seconds).ok().and_then(|s| Timestamp::from_second(s).ok()).unwrap_or_default())
    }

    /// `20231114`.
    pub(super) fn date(&self) -> String {
        self.0.strftime("%Y%m%d").to_string()
    }

    /// `20231114T221320Z`.
    pub(super) fn basic(&self) -> String {
        self.0.strftime("%Y%m%dT%H%M%SZ").to_string()
    }
}

/// The seconds since 1970 of an RFC 3339 text.
pub(super) fn seconds_of(text: &str) -> Option<u64> {
    text.parse::<Timestamp>().ok()?.as_second().try_into().ok()
}
