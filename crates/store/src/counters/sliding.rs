//! One sliding window: how many calls fell into the last so many milliseconds.

use super::{Rate, RateDecision};

/// Up to this many calls in a window, every call is remembered with its millisecond and the answer is exact.
/// Above it, calls are counted in 64 slices of the window: a call is then forgotten when its slice has left
/// the window, never early and at most 1/64 of the window (and a millisecond) late.
pub(super) const EXACT_CALLS: u32 = 64;

/// The calls of one counter; bounded in size whatever happens to it.
#[derive(Debug)]
pub(super) struct SlidingWindow {
    millis: u64,
    latest: u64,
    calls: Calls,
}

impl SlidingWindow {
    pub(super) fn new(rate: Rate) -> Self {
        let millis = u64::from(rate.window_seconds.max(1)) * 1000;
        let calls = if rate.calls <= EXACT_CALLS {
            Calls::Exact(Log::new(rate.calls))
        } else {
            Calls::Sliced(Slices::new(millis))
        };
        Self { millis, latest: 0, calls }
    }

    pub(super) fn take(&mut self, rate: Rate, now: u64, calls: u32) -> RateDecision {
        let now = self.advance(rate, now);
        let used = self.used();
        let limit = u64::from(rate.calls);
        if used + u64::from(calls) > limit {
            return self.refuse(limit, now, calls);
        }
        self.push(now, calls);
        allow(limit, used + u64::from(calls))
    }

    pub(super) fn peek(&mut self, rate: Rate, now: u64) -> RateDecision {
        let now = self.advance(rate, now);
        let limit = u64::from(rate.calls);
        match self.used() {
            used if used < limit => allow(limit, used),
            _ => self.refuse(limit, now, 1),
        }
    }

    pub(super) fn add(&mut self, rate: Rate, now: u64, calls: u32) -> RateDecision {
        let now = self.advance(rate, now);
        self.push(now, calls);
        let limit = u64::from(rate.calls);
        match self.used() {
            used if used <= limit => allow(limit, used),
            _ => self.refuse(limit, now, 1),
        }
    }

    /// The calls of the window that ends now.
    pub(super) fn used(&self) -> u64 {
        match &self.calls {
            Calls::Exact(log) => log.used,
            Calls::Sliced(slices) => slices.used,
        }
    }

    /// Forgets what has left the window.
    pub(super) fn forget(&mut self, now: u64) {
        self.latest = self.latest.max(now);
        match &mut self.calls {
            Calls::Exact(log) => log.forget(self.latest, self.millis),
            Calls::Sliced(slices) => slices.forget(self.latest, self.millis),
        }
    }

    /// Makes room for a limit that has changed, and forgets. Returns a clock that has not run backwards.
    fn advance(&mut self, rate: Rate, now: u64) -> u64 {
        self.forget(now.min(LATEST));
        if let Calls::Exact(log) = &mut self.calls {
            if rate.calls > EXACT_CALLS {
                let mut slices = Slices::new(self.millis);
                log.entries().for_each(|(at, calls)| slices.push(at, calls));
                self.calls = Calls::Sliced(slices);
            } else if rate.calls as usize > log.ring.len() {
                let mut larger = Log::new(rate.calls);
                log.entries().for_each(|(at, calls)| larger.push(at, calls));
                *log = larger;
            }
        }
        self.latest
    }

    fn push(&mut self, now: u64, calls: u32) {
        match &mut self.calls {
            _ if calls == 0 => {}
            Calls::Exact(log) => log.push(now, calls),
            Calls::Sliced(slices) => slices.push(now, calls),
        }
    }

    fn refuse(&self, limit: u64, now: u64, calls: u32) -> RateDecision {
        let used = self.used();
        let excess = (used + u64::from(calls)).saturating_sub(limit);
        // More than the limit at once never fits; a whole window is as good an answer as any.
        let at = match &self.calls {
            _ if u64::from(calls) > limit => now + self.millis,
            Calls::Exact(log) => log.freed_at(excess, self.millis),
            Calls::Sliced(slices) => slices.freed_at(excess, self.millis),
        };
        RateDecision {
            allowed: false,
            remaining: limit.saturating_sub(used) as u32,
            retry_after_seconds: at.saturating_sub(now).div_ceil(1000).max(1) as u32,
        }
    }
}

fn allow(limit: u64, used: u64) -> RateDecision {
    RateDecision { allowed: true, remaining: (limit - used) as u32, retry_after_seconds: 0 }
}

#[derive(Debug)]
enum Calls {
    Exact(Log),
    Sliced(Slices),
}

const CALL_BITS: u32 = 20;
const MOST_CALLS: u64 = (1 << CALL_BITS) - 1;
/// The last millisecond that an entry of a log can name (in the year 2527).
const LATEST: u64 = u64::MAX >> CALL_BITS;

/// A ring of calls, oldest first; each entry is a millisecond and a number of calls in one word.
#[derive(Debug)]
struct Log {
    ring: Box<[u64]>,
    first: usize,
    length: usize,
    used: u64,
}

impl Log {
    /// No more than `limit` calls are ever allowed at once, so as many entries are enough.
    fn new(limit: u32) -> Self {
        let capacity = limit.clamp(1, EXACT_CALLS) as usize;
        Self { ring: vec![0; capacity].into_boxed_slice(), first: 0, length: 0, used: 0 }
    }

    fn entries(&self) -> impl Iterator<Item = (u64, u32)> {
        (0..self.length).map(|offset| {
            let (at, calls) = unpack(self.ring[(self.first + offset) % self.ring.len()]);
            (at, calls as u32)
        })
    }

    fn forget(&mut self, now: u64, window: u64) {
        while self.length > 0 {
            let (at, calls) = unpack(self.ring[self.first]);
            if at + window > now {
                break;
            }
            self.used -= calls;
            self.first = (self.first + 1) % self.ring.len();
            self.length -= 1;
        }
    }

    fn push(&mut self, now: u64, calls: u32) {
        let mut calls = u64::from(calls).min(MOST_CALLS);
        let capacity = self.ring.len();
        if self.length > 0 {
            let newest = &mut self.ring[(self.first + self.length - 1) % capacity];
            let (at, before) = unpack(*newest);
            // A full ring holds at least as many calls as the limit; what comes on top only has to be
            // remembered for long enough.
            if at == now || self.length == capacity {
                calls = calls.min(MOST_CALLS - before);
                *newest = now << CALL_BITS | (before + calls);
                self.used += calls;
                return;
            }
        }
        self.ring[(self.first + self.length) % capacity] = now << CALL_BITS | calls;
        self.length += 1;
        self.used += calls;
    }

    /// When the oldest `calls` have left the window.
    fn freed_at(&self, calls: u64, window: u64) -> u64 {
        let mut freed = 0;
        let mut last = 0;
        for (at, count) in self.entries() {
            freed += u64::from(count);
            last = at + window;
            if freed >= calls {
                break;
            }
        }
        last
    }
}

fn unpack(entry: u64) -> (u64, u64) {
    (entry >> CALL_BITS, entry & MOST_CALLS)
}

/// One more than the slices of a window, since the oldest and the newest overlap it in part.
const SLICES: usize = 65;

/// Calls by slice of the window; the slice of a millisecond is its number divided by the width.
#[derive(Debug)]
struct Slices {
    counts: Box<[u32; SLICES]>,
    width: u64,
    oldest: u64,
    newest: u64,
    used: u64,
}

impl Slices {
    fn new(window: u64) -> Self {
        Self {
            counts: Box::new([0; SLICES]),
            width: window.div_ceil(SLICES as u64 - 1),
            oldest: 0,
            newest: 0,
            used: 0,
        }
    }

    fn forget(&mut self, now: u64, window: u64) {
        while self.used > 0 && (self.oldest + 1) * self.width + window <= now {
            let count = &mut self.counts[self.oldest as usize % SLICES];
            self.used -= u64::from(*count);
            *count = 0;
            self.oldest += 1;
        }
    }

    fn push(&mut self, now: u64, calls: u32) {
        let slice = now / self.width;
        if self.used == 0 {
            self.oldest = slice;
        }
        self.newest = slice;
        let count = &mut self.counts[slice as usize % SLICES];
        let added = calls.min(u32::MAX - *count);
        *count += added;
        self.used += u64::from(added);
    }

    /// When the oldest `calls` have left the window.
    fn freed_at(&self, calls: u64, window: u64) -> u64 {
        let mut freed = 0;
        let mut slice = self.oldest;
        while slice < self.newest {
            freed += u64::from(self.counts[slice as usize % SLICES]);
            if freed >= calls {
                break;
            }
            slice += 1;
        }
        (slice + 1) * self.width + window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every allowed call of a counter, kept for ever.
    struct Model(Vec<(u64, u32)>);

    impl Model {
        fn used(&self, now: u64, window: u64) -> u64 {
            self.0.iter().filter(|(at, _)| at + window > now).map(|(_, calls)| u64::from(*calls)).sum()
        }
    }

    /// A fixed sequence of numbers below a bound (an LCG, so that a failure repeats).
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }
    }

    fn rate(calls: u32, window_seconds: u32) -> Rate {
        Rate { calls, window_seconds }
    }

    #[test]
    fn a_call_is_free_again_exactly_one_window_later() {
        let rate = rate(2, 10);
        let mut window = SlidingWindow::new(rate);
        assert_eq!(
            window.take(rate, 0, 1),
            RateDecision { allowed: true, remaining: 1, retry_after_seconds: 0 }
        );
        assert!(window.take(rate, 4_000, 1).allowed);
        let refused = window.take(rate, 4_001, 1);
        assert_eq!(refused, RateDecision { allowed: false, remaining: 0, retry_after_seconds: 6 });
        assert!(!window.take(rate, 9_999, 1).allowed);
        assert!(window.take(rate, 10_000, 1).allowed);
        assert!(!window.take(rate, 13_999, 1).allowed);
        assert!(window.take(rate, 14_000, 1).allowed);
    }

    #[test]
    fn small_limits_agree_with_a_full_record_of_calls() {
        for limit in [0, 1, 3, 10, 64] {
            let rate = rate(limit, 2);
            let mut window = SlidingWindow::new(rate);
            let mut model = Model(Vec::new());
            let mut numbers = Numbers(u64::from(limit) + 1);
            let mut now = 0;
            for _ in 0..5_000 {
                now += numbers.below(2 * 2_000 / u64::from(limit.max(1)));
                let calls = 1 + numbers.below(3) as u32;
                let used = model.used(now, 2_000);
                let expected = used + u64::from(calls) <= u64::from(limit);
                assert_eq!(window.peek(rate, now).allowed, used < u64::from(limit));
                let decision = window.take(rate, now, calls);
                assert_eq!(decision.allowed, expected, "limit {limit} at {now}");
                if decision.allowed {
                    model.0.push((now, calls));
                    assert_eq!(u64::from(decision.remaining), u64::from(limit) - used - u64::from(calls));
                } else if calls <= limit {
                    let later = now + u64::from(decision.retry_after_seconds) * 1_000;
                    assert!(model.used(later, 2_000) + u64::from(calls) <= u64::from(limit));
                }
                model.0.retain(|(at, _)| at + 4_000 > now);
            }
        }
    }

    #[test]
    fn large_limits_never_allow_more_and_forget_at_most_a_slice_late() {
        for (limit, seconds) in [(65, 1), (100, 60), (1_000, 10), (2_000, 300)] {
            let rate = rate(limit, seconds);
            let millis = u64::from(seconds) * 1_000;
            let mut window = SlidingWindow::new(rate);
            let mut model = Model(Vec::new());
            let mut numbers = Numbers(u64::from(limit));
            let mut now = 0;
            let mut refused = 0;
            for _ in 0..4 * limit.max(1_000) {
                now += numbers.below(millis / u64::from(limit) + 2);
                let decision = window.take(rate, now, 1);
                if decision.allowed {
                    assert!(model.used(now, millis) < u64::from(limit), "limit {limit} at {now}");
                    model.0.push((now, 1));
                } else {
                    refused += 1;
                    assert!(model.used(now, millis + millis / 64 + 1) >= u64::from(limit), "at {now}");
                    let later = now + u64::from(decision.retry_after_seconds) * 1_000;
                    assert!(model.used(later, millis) < u64::from(limit));
                }
                model.0.retain(|(at, _)| at + 2 * millis > now);
            }
            assert!(refused > 0, "limit {limit} was reached");
        }
    }

    #[test]
    fn a_full_window_is_empty_one_window_later() {
        for limit in [5, 500] {
            let rate = rate(limit, 60);
            let mut window = SlidingWindow::new(rate);
            assert!(window.take(rate, 1_000, limit).allowed);
            assert!(!window.take(rate, 1_001, 1).allowed);
            let decision = window.take(rate, 1_000 + 60_000 + 60_000 / 64 + 1, limit);
            assert!(decision.allowed, "{decision:?}");
        }
    }

    #[test]
    fn later_increments_count_beyond_the_limit() {
        for limit in [3, 300] {
            let rate = rate(limit, 10);
            let mut window = SlidingWindow::new(rate);
            for step in 0..u64::from(limit) + 20 {
                window.add(rate, 100 + step, 1);
            }
            assert_eq!(window.used(), u64::from(limit) + 20);
            let decision = window.peek(rate, 500);
            assert!(!decision.allowed && decision.remaining == 0);
            assert!(decision.retry_after_seconds <= 11);
            assert!(window.peek(rate, 11_500).allowed);
        }
    }

    #[test]
    fn a_changed_limit_keeps_the_calls() {
        let mut window = SlidingWindow::new(rate(2, 10));
        assert!(window.take(rate(2, 10), 0, 2).allowed);
        assert!(window.take(rate(5, 10), 1, 3).allowed, "grown within the log");
        assert!(!window.take(rate(5, 10), 2, 1).allowed);
        assert!(window.take(rate(100, 10), 3, 95).allowed, "turned into slices");
        assert!(!window.take(rate(100, 10), 4, 1).allowed);
        assert!(!window.take(rate(50, 10), 5, 1).allowed, "shrunk");
        assert!(window.take(rate(50, 10), 10_500, 50).allowed);
    }

    #[test]
    fn a_clock_that_runs_backwards_neither_frees_nor_freezes() {
        let rate = rate(1, 10);
        let mut window = SlidingWindow::new(rate);
        assert!(window.take(rate, 50_000, 1).allowed);
        assert!(!window.take(rate, 10, 1).allowed);
        assert!(window.take(rate, 60_000, 1).allowed);
    }

    #[test]
    fn more_calls_than_the_limit_never_fit() {
        let rate = rate(5, 10);
        let mut window = SlidingWindow::new(rate);
        let decision = window.take(rate, 0, 6);
        assert_eq!(decision, RateDecision { allowed: false, remaining: 5, retry_after_seconds: 10 });
        assert!(window.take(rate, u64::MAX, 1).allowed, "no overflow at the end of time");
    }
}
