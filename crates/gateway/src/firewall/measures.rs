//! What the firewall counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatehouse_telemetry::metrics::Metrics;
use parking_lot::Mutex;

/// Counts of the firewall, across reloads. Rules come from the configuration, so their number is bounded by it.
#[derive(Debug, Default)]
pub struct WafMeasures {
    /// By rule, and by API and rule.
    rules: Mutex<Matches>,
    passed: AtomicU64,
    detected: AtomicU64,
    blocked: AtomicU64,
}

#[derive(Debug, Default)]
struct Matches {
    rules: BTreeMap<u64, u64>,
    apis: BTreeMap<(Box<str>, u64), u64>,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Detected,
    Blocked,
}

impl WafMeasures {
    /// Counts that nothing has been counted in yet, shown among the metrics.
    pub fn new(metrics: &Metrics) -> Arc<Self> {
        let measures = Arc::new(Self::default());
        let rules = Arc::clone(&measures);
        metrics.watch_configured_counter(
            "waf_rule_matches",
            "Matches of firewall rules that report them",
            "rule",
            move || rules.rules.lock().rules.iter().map(|(rule, count)| (rule.to_string(), *count)).collect(),
        );
        let apis = Arc::clone(&measures);
        metrics.watch_configured_pairs(
            "waf_api_rule_matches",
            "Matches of firewall rules that report them, by the API that the request is for",
            ["api", "rule"],
            move || {
                let matches = apis.rules.lock();
                let pair = |((api, rule), count): (&(Box<str>, u64), &u64)| {
                    ([api.to_string(), rule.to_string()], *count)
                };
                matches.apis.iter().map(pair).collect()
            },
        );
        let outcomes = Arc::clone(&measures);
        metrics.watch_counter(
            "waf_transactions",
            "Requests that the firewall has looked at",
            "outcome",
            move || {
                vec![
                    ("passed", outcomes.passed.load(Ordering::Relaxed)),
                    ("detected", outcomes.detected.load(Ordering::Relaxed)),
                    ("blocked", outcomes.blocked.load(Ordering::Relaxed)),
                ]
            },
        );
        measures
    }

    /// Counts a transaction. `api`: the one that it is for, or nothing.
    pub(super) fn count(&self, outcome: Outcome, api: &str, rules: impl Iterator<Item = u64>) {
        let counter = match outcome {
            Outcome::Passed => &self.passed,
            Outcome::Detected => &self.detected,
            Outcome::Blocked => &self.blocked,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let mut rules = rules.peekable();
        if rules.peek().is_some() {
            let mut counts = self.rules.lock();
            for rule in rules {
                *counts.rules.entry(rule).or_default() += 1;
                if !api.is_empty() {
                    *counts.apis.entry((api.into(), rule)).or_default() += 1;
                }
            }
        }
    }
}
