//! One quota: calls and bytes of the current period.

use super::{Exceeded, Quota, QuotaDecision, Usage};

/// What was used in a period.
#[derive(Debug)]
pub(super) struct Period {
    /// The period's number, counted from the anchor.
    number: i64,
    /// When it ends; `None`: never.
    ends: Option<i64>,
    calls: u64,
    bytes: u64,
}

impl Period {
    pub(super) fn new(quota: &Quota, now: i64) -> Self {
        let (number, ends) = period(quota, now);
        Self { number, ends, calls: 0, bytes: 0 }
    }

    pub(super) fn take(&mut self, quota: &Quota, now: i64, calls: u64) -> QuotaDecision {
        self.advance(quota, now);
        let decision = self.decide(quota, now, calls);
        if !decision.allowed() {
            return decision;
        }
        self.calls = self.calls.saturating_add(calls);
        QuotaDecision { exceeded: None, ..self.decide(quota, now, 0) }
    }

    pub(super) fn peek(&mut self, quota: &Quota, now: i64) -> QuotaDecision {
        self.advance(quota, now);
        self.decide(quota, now, 1)
    }

    pub(super) fn add(&mut self, quota: &Quota, now: i64, usage: Usage) -> QuotaDecision {
        self.advance(quota, now);
        self.calls = self.calls.saturating_add(usage.calls);
        self.bytes = self.bytes.saturating_add(usage.bytes);
        self.decide(quota, now, 0)
    }

    /// Whether the period is over, so that nothing is lost by forgetting it.
    pub(super) fn is_over(&self, now: i64) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }

    /// How much would be lost by forgetting it.
    pub(super) fn weight(&self) -> u64 {
        self.calls.saturating_add(self.bytes / BYTES_IN_KILOBYTE)
    }

    fn advance(&mut self, quota: &Quota, now: i64) {
        let (number, ends) = period(quota, now);
        if (number, ends) != (self.number, self.ends) {
            *self = Self { number, ends, calls: 0, bytes: 0 };
        }
    }

    fn decide(&self, quota: &Quota, now: i64, calls: u64) -> QuotaDecision {
        let out_of_calls = quota.calls.is_some_and(|limit| self.calls.saturating_add(calls) > limit);
        let bytes = quota.kilobytes.map(|limit| limit.saturating_mul(BYTES_IN_KILOBYTE));
        let exceeded = match bytes {
            _ if out_of_calls => Some(Exceeded::Calls),
            Some(limit) if self.bytes >= limit => Some(Exceeded::Bandwidth),
            _ => None,
        };
        QuotaDecision {
            exceeded,
            remaining_calls: quota.calls.map(|limit| limit.saturating_sub(self.calls)),
            remaining_kilobytes: bytes.map(|limit| limit.saturating_sub(self.bytes) / BYTES_IN_KILOBYTE),
            renews_in_seconds: self.ends.map(|ends| ends.saturating_sub(now).max(1).cast_unsigned()),
        }
    }
}

const BYTES_IN_KILOBYTE: u64 = 1024;

/// The number of the period that `now` lies in, and when it ends.
fn period(quota: &Quota, now: i64) -> (i64, Option<i64>) {
    let Some(length) = i64::try_from(quota.period_seconds).ok().filter(|length| *length > 0) else {
        return (0, None);
    };
    let number = now.saturating_sub(quota.anchor_seconds).div_euclid(length);
    let ends = number.saturating_add(1).saturating_mul(length).saturating_add(quota.anchor_seconds);
    (number, Some(ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota =
        Quota { calls: Some(3), kilobytes: Some(2), period_seconds: 100, anchor_seconds: 1_050 };

    #[test]
    fn periods_are_anchored_and_start_empty() {
        let mut period = Period::new(&QUOTA, 1_040);
        assert_eq!(period.peek(&QUOTA, 1_040).renews_in_seconds, Some(10));
        for left in [2, 1, 0] {
            assert_eq!(period.take(&QUOTA, 1_040, 1).remaining_calls, Some(left));
        }
        let refused = period.take(&QUOTA, 1_049, 1);
        assert_eq!((refused.exceeded, refused.renews_in_seconds), (Some(Exceeded::Calls), Some(1)));
        let renewed = period.take(&QUOTA, 1_050, 1);
        assert!(renewed.allowed());
        assert_eq!((renewed.remaining_calls, renewed.renews_in_seconds), (Some(2), Some(100)));
    }

    #[test]
    fn the_call_that_crosses_the_bandwidth_is_the_last() {
        let mut period = Period::new(&QUOTA, 0);
        assert!(period.take(&QUOTA, 0, 1).allowed());
        let after = period.add(&QUOTA, 0, Usage { calls: 0, bytes: 2_047 });
        assert_eq!((after.exceeded, after.remaining_kilobytes), (None, Some(0)));
        assert!(period.take(&QUOTA, 0, 1).allowed());
        period.add(&QUOTA, 0, Usage { calls: 0, bytes: 5_000 });
        assert_eq!(period.take(&QUOTA, 0, 1).exceeded, Some(Exceeded::Bandwidth));
    }

    #[test]
    fn a_period_of_zero_never_ends() {
        let quota = Quota { period_seconds: 0, ..QUOTA };
        let mut period = Period::new(&quota, 0);
        assert!(period.take(&quota, 0, 3).allowed());
        let refused = period.take(&quota, i64::MAX, 1);
        assert_eq!((refused.exceeded, refused.renews_in_seconds), (Some(Exceeded::Calls), None));
        assert!(!period.is_over(i64::MAX));
    }

    #[test]
    fn a_last_call_may_use_the_last_of_the_calls() {
        let quota = Quota { kilobytes: None, ..QUOTA };
        let mut period = Period::new(&quota, 0);
        let decision = period.take(&quota, 0, 3);
        assert_eq!((decision.exceeded, decision.remaining_calls), (None, Some(0)));
        assert_eq!(decision.remaining_kilobytes, None);
    }

    #[test]
    fn extreme_times_and_lengths_do_not_overflow() {
        for (now, anchor) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, -62_135_596_800)] {
            for period_seconds in [1, 300, u64::MAX] {
                let quota = Quota { period_seconds, anchor_seconds: anchor, ..QUOTA };
                assert!(Period::new(&quota, now).take(&quota, now, 1).allowed());
            }
        }
    }
}
