//! The counters of rate limits and quotas.
//!
//! Counters in memory answer at once ([`Answer::Ready`]); a shared counter, such as one in Redis, answers
//! [`Answer::Later`] with a future. A caller matches once: the usual case costs no allocation and no wake-up,
//! and the same policy code serves both. What a remote implementation does when its server is away (count
//! locally, or refuse) is its own configuration; callers always get a decision, never an error.

mod answer;
mod key;
mod memory;
mod quota;
mod sliding;
mod table;

pub use self::answer::Answer;
pub use self::key::{CounterKey, CounterKeys};
pub use self::memory::{Evicted, MemoryCounters};

/// Counts calls and bytes.
///
/// `now` is handed in. Sliding windows take milliseconds of a clock that never runs backwards; quotas, whose
/// periods are anchored in the calendar, take seconds since 1970.
pub trait Counters: Send + Sync {
    /// Counts `calls` if the limit allows all of them, and says what came of it. Refused calls are not
    /// counted, so that a caller who goes on trying is served again as soon as its window has room.
    fn take(&self, key: CounterKey, rate: Rate, now_millis: u64, calls: u32) -> Answer<RateDecision>;

    /// What [`take`](Self::take) would say to one call, without counting it.
    fn peek(&self, key: CounterKey, rate: Rate, now_millis: u64) -> Answer<RateDecision>;

    /// Counts `calls` that have happened already, even beyond the limit: for increments that are decided
    /// after the response.
    fn add(&self, key: CounterKey, rate: Rate, now_millis: u64, calls: u32) -> Answer<RateDecision>;

    /// Counts `calls` if the quota has room for all of them and its bandwidth is not used up.
    fn take_quota(
        &self,
        key: CounterKey,
        quota: &Quota,
        now_seconds: i64,
        calls: u64,
    ) -> Answer<QuotaDecision>;

    /// What [`take_quota`](Self::take_quota) would say to one call, without counting it.
    fn peek_quota(&self, key: CounterKey, quota: &Quota, now_seconds: i64) -> Answer<QuotaDecision>;

    /// Counts calls and bytes that have happened already, even beyond the quota.
    fn add_quota(
        &self,
        key: CounterKey,
        quota: &Quota,
        now_seconds: i64,
        usage: Usage,
    ) -> Answer<QuotaDecision>;
}

/// A number of calls within any window of some length (`rate-limit`, `rate-limit-by-key`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Calls allowed in a window.
    pub calls: u32,
    /// The window's length, in seconds; at least 1.
    pub window_seconds: u32,
}

/// What a sliding window says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateDecision {
    /// Whether the call may go on.
    pub allowed: bool,
    /// How many calls are left now.
    pub remaining: u32,
    /// After how many seconds the refused call would be allowed, at least 1; 0 when it is allowed.
    pub retry_after_seconds: u32,
}

/// A volume of calls or bytes in each period (`quota`, `quota-by-key`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// Calls allowed in a period.
    pub calls: Option<u64>,
    /// Kilobytes (of 1,024 bytes) allowed in a period. A call is refused once they are used up; the call that
    /// crosses the line is let through, since its size is only known when it has ended.
    pub kilobytes: Option<u64>,
    /// The period's length, in seconds; 0: one period that never ends.
    pub period_seconds: u64,
    /// When a period begins, in seconds since 1970; other periods begin whole periods before and after.
    pub anchor_seconds: i64,
}

/// What a quota says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaDecision {
    /// What is used up; `None`: the call may go on.
    pub exceeded: Option<Exceeded>,
    /// How many calls are left in this period, where calls are limited.
    pub remaining_calls: Option<u64>,
    /// How many whole kilobytes are left in this period, where they are limited.
    pub remaining_kilobytes: Option<u64>,
    /// After how many seconds the next period begins, at least 1; `None`: never.
    pub renews_in_seconds: Option<u64>,
}

impl QuotaDecision {
    /// Whether the call may go on.
    pub fn allowed(&self) -> bool {
        self.exceeded.is_none()
    }
}

/// Which part of a quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// The kilobytes.
    Bandwidth,
    /// The calls.
    Calls,
}

/// What a call has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls.
    pub calls: u64,
    /// Bytes.
    pub bytes: u64,
}
