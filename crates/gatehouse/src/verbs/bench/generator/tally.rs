//! What a thread has counted.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use http::StatusCode;

/// The longest time that is told apart, in nanoseconds.
const LONGEST: u64 = 120_000_000_000;
/// How many different errors are kept.
const MAX_ERRORS: usize = 16;

/// Counts and times of answers.
#[derive(Clone, Debug)]
pub(in crate::verbs::bench) struct Tally {
    /// Times to the last byte of the answer, in nanoseconds.
    pub(in crate::verbs::bench) times: Histogram<u64>,
    /// How late requests of an open loop were sent although a connection was free, in nanoseconds.
    pub(in crate::verbs::bench) lateness: Histogram<u64>,
    /// Answers by status.
    pub(in crate::verbs::bench) statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, by reason.
    pub(in crate::verbs::bench) errors: BTreeMap<String, u64>,
    /// Answers that are not as expected, by the number of the request and the status.
    pub(in crate::verbs::bench) wrong: BTreeMap<(usize, u16), Unexpected>,
    /// Requests of an open loop that were not sent in time.
    pub(in crate::verbs::bench) unsent: u64,
}

/// An answer that is not as expected.
#[derive(Clone, Debug)]
pub(in crate::verbs::bench) struct Unexpected {
    /// The request.
    pub(in crate::verbs::bench) call: String,
    /// What came, and how it begins.
    pub(in crate::verbs::bench) answer: String,
    /// How often.
    pub(in crate::verbs::bench) count: u64,
}

impl Tally {
    pub(in crate::verbs::bench) fn new() -> Result<Self> {
        Ok(Self {
            times: Histogram::new_with_bounds(1, LONGEST, 3)?,
            lateness: Histogram::new_with_bounds(1, LONGEST, 3)?,
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            wrong: BTreeMap::new(),
            unsent: 0,
        })
    }

    pub(super) fn answered(&mut self, status: StatusCode, time: Duration) {
        self.times.saturating_record(nanos(time));
        *self.statuses.entry(status.as_u16()).or_default() += 1;
    }

    pub(super) fn late(&mut self, time: Duration) {
        self.lateness.saturating_record(nanos(time));
    }

    pub(super) fn failed(&mut self, why: &str) {
        if self.errors.len() < MAX_ERRORS || self.errors.contains_key(why) {
            *self.errors.entry(why.to_owned()).or_default() += 1;
        } else {
            *self.errors.entry("other errors".to_owned()).or_default() += 1;
        }
    }

    pub(super) fn unexpected(&mut self, number: usize, call: &str, status: StatusCode, begin: &[u8]) {
        let entry = self.wrong.entry((number, status.as_u16())).or_insert_with(|| {
            let begin = String::from_utf8_lossy(begin);
            let answer =
                format!("{} {}", status.as_u16(), begin.split_whitespace().collect::<Vec<_>>().join(" "));
            Unexpected { call: call.to_owned(), answer, count: 0 }
        });
        entry.count += 1;
    }

    /// Adds what another thread or another round has counted.
    pub(in crate::verbs::bench) fn add(&mut self, other: Self) {
        // The bounds are the same: nothing can be too large.
        let _ = self.times.add(&other.times);
        let _ = self.lateness.add(&other.lateness);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (why, count) in other.errors {
            *self.errors.entry(why).or_default() += count;
        }
        for (key, unexpected) in other.wrong {
            let count = unexpected.count;
            self.wrong.entry(key).and_modify(|known| known.count += count).or_insert(unexpected);
        }
        self.unsent += other.unsent;
    }

    /// How many requests have failed: no answer, or one that is not as expected.
    pub(in crate::verbs::bench) fn failures(&self) -> u64 {
        self.errors.values().sum::<u64>() + self.wrong.values().map(|wrong| wrong.count).sum::<u64>()
    }

    /// What has failed, a line each.
    pub(in crate::verbs::bench) fn complaints(&self) -> Vec<String> {
        let wrong = self
            .wrong
            .values()
            .map(|wrong| format!("{}: {} × {}", wrong.call, wrong.count, wrong.answer.trim()));
        let errors = self.errors.iter().map(|(why, count)| format!("{count} × no answer: {why}"));
        wrong.chain(errors).collect()
    }

    /// How late one request in a hundred was sent although a connection was free, in microseconds.
    pub(in crate::verbs::bench) fn late_us(&self) -> Option<f64> {
        let late = || self.lateness.value_at_percentile(99.0) as f64 / 1000.0;
        (!self.lateness.is_empty()).then(late)
    }

    /// A percentile of the times, in microseconds.
    pub(in crate::verbs::bench) fn percentile(&self, percentile: f64) -> f64 {
        self.times.value_at_percentile(percentile) as f64 / 1000.0
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(LONGEST).max(1)
}
