//! Counters in this process.

use super::quota::Period;
use super::sliding::SlidingWindow;
use super::table::{Counter, Table};
use super::{Answer, CounterKey, Counters, Quota, QuotaDecision, Rate, RateDecision, Usage};

/// Counters in the memory of this process: exact for every core of it, unknown to other processes, and gone
/// when it ends.
///
/// Windows of up to 64 calls are exact to the millisecond; larger ones are counted in 64 slices, so that a
/// call may be held against its caller for up to 1/64 of the window too long, and never too short. Windows of
/// different lengths under one key are different counters, and so are a window and a quota.
#[derive(Debug)]
pub struct MemoryCounters {
    windows: Table<SlidingWindow>,
    periods: Table<Period>,
}

impl MemoryCounters {
    /// As many counters as a gateway keeps by default, of windows and of quotas each: at most about 160 MB if
    /// an attacker fills them all.
    pub const DEFAULT_CAPACITY: usize = 262_144;

    /// Room for so many windows and as many quotas. When there is no room, a counter whose calls are all
    /// forgotten makes place for a new one, or else one of those with the fewest calls.
    pub fn new(capacity: usize) -> Self {
        Self { windows: Table::new(capacity), periods: Table::new(capacity) }
    }

    /// How many counters there are.
    pub fn len(&self) -> usize {
        self.windows.len() + self.periods.len()
    }

    /// Whether nothing has been counted yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many counters had to make place before their time. A number that grows says that the capacity is
    /// too small, or that somebody invents keys.
    pub fn evicted(&self) -> Evicted {
        Evicted { windows: self.windows.evicted(), quotas: self.periods.evicted() }
    }
}

/// How many counters were forgotten before their time since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Sliding windows.
    pub windows: u64,
    /// Periods of quotas.
    pub quotas: u64,
}

impl Default for MemoryCounters {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

impl Counters for MemoryCounters {
    fn take(&self, key: CounterKey, rate: Rate, now_millis: u64, calls: u32) -> Answer<RateDecision> {
        Answer::Ready(self.windows.change(
            window_key(key, rate),
            now_millis as i64,
            || SlidingWindow::new(rate),
            |window| window.take(rate, now_millis, calls),
        ))
    }

    fn peek(&self, key: CounterKey, rate: Rate, now_millis: u64) -> Answer<RateDecision> {
        let found = self.windows.look(window_key(key, rate), |window| window.peek(rate, now_millis));
        Answer::Ready(found.unwrap_or_else(|| SlidingWindow::new(rate).peek(rate, now_millis)))
    }

    fn add(&self, key: CounterKey, rate: Rate, now_millis: u64, calls: u32) -> Answer<RateDecision> {
        Answer::Ready(self.windows.change(
            window_key(key, rate),
            now_millis as i64,
            || SlidingWindow::new(rate),
            |window| window.add(rate, now_millis, calls),
        ))
    }

    fn take_quota(
        &self,
        key: CounterKey,
        quota: &Quota,
        now_seconds: i64,
        calls: u64,
    ) -> Answer<QuotaDecision> {
        Answer::Ready(self.periods.change(
            period_key(key, quota),
            now_seconds,
            || Period::new(quota, now_seconds),
            |period| period.take(quota, now_seconds, calls),
        ))
    }

    fn peek_quota(&self, key: CounterKey, quota: &Quota, now_seconds: i64) -> Answer<QuotaDecision> {
        let found = self.periods.look(period_key(key, quota), |period| period.peek(quota, now_seconds));
        Answer::Ready(found.unwrap_or_else(|| Period::new(quota, now_seconds).peek(quota, now_seconds)))
    }

    fn add_quota(
        &self,
        key: CounterKey,
        quota: &Quota,
        now_seconds: i64,
        usage: Usage,
    ) -> Answer<QuotaDecision> {
        Answer::Ready(self.periods.change(
            period_key(key, quota),
            now_seconds,
            || Period::new(quota, now_seconds),
            |period| period.add(quota, now_seconds, usage),
        ))
    }
}

impl Counter for SlidingWindow {
    fn is_idle(&mut self, now: i64) -> bool {
        self.forget(now.max(0).cast_unsigned());
        self.used() == 0
    }

    fn weight(&self) -> u64 {
        self.used()
    }
}

impl Counter for Period {
    fn is_idle(&mut self, now: i64) -> bool {
        self.is_over(now)
    }

    fn weight(&self) -> u64 {
        Self::weight(self)
    }
}

/// An odd number without a pattern in its bits (2^128 divided by the golden ratio).
const SPREAD: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

fn window_key(key: CounterKey, rate: Rate) -> u128 {
    key.0 ^ u128::from(rate.window_seconds).wrapping_mul(SPREAD)
}

fn period_key(key: CounterKey, quota: &Quota) -> u128 {
    key.0
        ^ u128::from(quota.period_seconds).wrapping_mul(SPREAD)
        ^ u128::from(quota.anchor_seconds.cast_unsigned()).wrapping_mul(SPREAD.rotate_left(64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::CounterKeys;

    fn ready<T>(answer: Answer<T>) -> T {
        answer.ready().expect("memory answers at once")
    }

    #[test]
    fn threads_together_get_exactly_the_limit() {
        for calls in [50, 500] {
            let counters = MemoryCounters::new(1_000);
            let key = CounterKeys::new().key("one");
            let rate = Rate { calls, window_seconds: 60 };
            let allowed: usize = std::thread::scope(|scope| {
                let work = || (0..400).filter(|_| ready(counters.take(key, rate, 5, 1)).allowed).count();
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!(allowed, calls as usize);
        }
    }

    #[test]
    fn windows_of_different_lengths_count_apart() {
        let counters = MemoryCounters::new(1_000);
        let key = CounterKeys::new().key("one");
        let [short, long] = [10, 60].map(|window_seconds| Rate { calls: 1, window_seconds });
        assert!(ready(counters.take(key, short, 0, 1)).allowed);
        assert!(ready(counters.take(key, long, 0, 1)).allowed);
        assert!(!ready(counters.take(key, short, 1, 1)).allowed);
        assert_eq!(counters.len(), 2);
    }

    #[test]
    fn peeking_counts_nothing_and_makes_no_counter() {
        let counters = MemoryCounters::new(1_000);
        let key = CounterKeys::new().key("one");
        let rate = Rate { calls: 1, window_seconds: 10 };
        let quota = Quota { calls: Some(1), kilobytes: None, period_seconds: 300, anchor_seconds: 0 };
        for _ in 0..3 {
            assert!(ready(counters.peek(key, rate, 0)).allowed);
            assert!(ready(counters.peek_quota(key, &quota, 0)).allowed());
        }
        assert!(counters.is_empty());
        assert!(ready(counters.add(key, rate, 0, 1)).allowed);
        assert!(!ready(counters.peek(key, rate, 0)).allowed);
        assert!(ready(counters.take_quota(key, &quota, 0, 1)).allowed());
        assert!(!ready(counters.peek_quota(key, &quota, 299)).allowed());
        assert!(ready(counters.peek_quota(key, &quota, 300)).allowed());
    }
}
