//! Circuit breakers: a backend that fails is given a rest.
//!
//! One breaker is shared by all cores. A closed breaker without percentage rules costs a successful call one atomic
//! load; only failures, and calls under percentage rules, take its lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gatehouse_model::resources::{Backend, CircuitBreakerRule};
use gatehouse_model::{Diagnostic, Diagnostics, did_you_mean};
use http::StatusCode;
use parking_lot::Mutex;

/// Parts of an interval that are counted apart, so that the interval slides.
const SLOTS: u64 = 16;
/// Calls that a percentage needs before it means anything.
const LEAST_CALLS: u32 = 5;
/// The longest rest that a backend may ask for with `Retry-After`.
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An answer, with the rest that its `Retry-After` asks for.
    Answered(StatusCode, Option<Duration>),
    /// No connection, or one that broke before an answer.
    ConnectionFailed,
    /// No answer in time.
    TimedOut,
}

/// Whether calls pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass and failures are counted.
    Closed,
    /// Calls pass; the first decides: a success closes the breaker, a failure trips it again.
    HalfOpen,
    /// No call passes.
    Open,
}

impl BreakerState {
    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// The breaker of one backend.
#[derive(Debug)]
pub(super) struct Breaker {
    name: Arc<str>,
    rules: Box<[Rule]>,
    source: Vec<CircuitBreakerRule>,
    counts_successes: bool,
    /// Monotonic microseconds; 0 while closed.
    open_until: AtomicU64,
    windows: Mutex<Box<[Window]>>,
}

impl Breaker {
    /// Compiles a backend's rules, or takes over the breaker that stood before a reload where they are the same.
    pub(super) fn load(
        backend: &Backend,
        previous: Option<&Arc<Self>>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Arc<Self>> {
        if backend.circuit_breaker.is_empty() {
            return None;
        }
        if let Some(previous) = previous.filter(|previous| previous.source == backend.circuit_breaker) {
            return Some(Arc::clone(previous));
        }
        let rules: Box<[Rule]> =
            backend.circuit_breaker.iter().map(|rule| Rule::load(backend, rule, diagnostics)).collect();
        Some(Arc::new(Self {
            name: backend.name.as_str().into(),
            counts_successes: rules.iter().any(|rule| rule.percentage.is_some()),
            windows: Mutex::new(rules.iter().map(|_| Window::default()).collect()),
            rules,
            source: backend.circuit_breaker.clone(),
            open_until: AtomicU64::new(0),
        }))
    }

    /// The backend's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a call may pass; else the seconds until it may.
    pub(super) fn check(&self, now_micros: u64) -> Result<(), u64> {
        let until = self.open_until.load(Ordering::Relaxed);
        if now_micros < until { Err((until - now_micros).div_ceil(1_000_000)) } else { Ok(()) }
    }

    /// The state at a moment.
    pub(super) fn state(&self, now_micros: u64) -> BreakerState {
        match self.open_until.load(Ordering::Relaxed) {
            0 => BreakerState::Closed,
            until if now_micros < until => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        }
    }

    /// Counts a call that has ended.
    pub(super) fn record(&self, outcome: Outcome, now_micros: u64) {
        let half_open = match self.state(now_micros) {
            // A call that began before the breaker tripped says nothing new.
            BreakerState::Open => return,
            BreakerState::HalfOpen => true,
            BreakerState::Closed => false,
        };
        let failed = self.rules.iter().any(|rule| rule.is_failure(outcome));
        if !failed && !half_open && !self.counts_successes {
            return;
        }
        let mut windows = self.windows.lock();
        if half_open && !failed {
            windows.iter_mut().for_each(Window::clear);
            self.open_until.store(0, Ordering::Relaxed);
            return;
        }
        for (rule, window) in self.rules.iter().zip(windows.iter_mut()) {
            let failure = rule.is_failure(outcome);
            window.add(rule.slot(now_micros), failure);
            if failure && (half_open || rule.is_reached(window.sum(rule.slot(now_micros)))) {
                let rest = rule.rest(outcome).as_micros() as u64;
                self.open_until.fetch_max(now_micros.saturating_add(rest).max(1), Ordering::Relaxed);
                window.clear();
            }
        }
    }
}

#[derive(Debug)]
struct Rule {
    count: Option<u32>,
    percentage: Option<u8>,
    slot_micros: u64,
    statuses: Vec<(u16, u16)>,
    connection_failures: bool,
    timeouts: bool,
    trip: Duration,
    accept_retry_after: bool,
}

/// The reasons that can be named: those of `context.LastError` for a failed forward, and the one of Azure's examples.
const REASONS: [&str; 3] = ["BackendConnectionFailure", "Server errors", "Timeout"];

impl Rule {
    fn load(backend: &Backend, rule: &CircuitBreakerRule, diagnostics: &mut Diagnostics) -> Self {
        let mut statuses: Vec<(u16, u16)> =
            rule.status_codes.iter().map(|range| (range.min, range.max)).collect();
        let (mut connection_failures, mut timeouts) = (false, false);
        for reason in &rule.error_reasons {
            match reason.replace([' ', '-', '_'], "").to_ascii_lowercase().as_str() {
                "backendconnectionfailure" => connection_failures = true,
                "timeout" => timeouts = true,
                "servererrors" | "servererror" => {
                    statuses.push((500, 599));
                    connection_failures = true;
                    timeouts = true;
                }
                _ => {
                    let message =
                        format!("circuit breaker rule `{}`: unknown error reason `{reason}`", rule.name);
                    let fix = match did_you_mean(reason, REASONS) {
                        Some(known) => format!("did you mean `{known}`?"),
                        None => format!("known are: {}", REASONS.join(", ")),
                    };
                    diagnostics.push(
                        Diagnostic::error("unknown-error-reason", backend.location.clone(), message)
                            .resource(format!("backends/{}", backend.name))
                            .fix(fix),
                    );
                }
            }
        }
        if statuses.is_empty() && rule.error_reasons.is_empty() {
            statuses.push((500, 599));
        }
        // What the client sees of these failures is a 5xx, and Azure's documents count them as one.
        let covers = |codes: [u16; 2]| {
            statuses.iter().any(|(min, max)| codes.iter().any(|code| (*min..=*max).contains(code)))
        };
        connection_failures |= covers([500, 502]);
        timeouts |= covers([500, 504]);
        Self {
            count: rule.count.map(|count| count.max(1)),
            percentage: rule.percentage,
            slot_micros: (rule.interval.as_micros() as u64 / SLOTS).max(1),
            statuses,
            connection_failures,
            timeouts,
            trip: rule.trip_duration,
            accept_retry_after: rule.accept_retry_after,
        }
    }

    fn slot(&self, now_micros: u64) -> u64 {
        now_micros / self.slot_micros
    }

    fn is_failure(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Answered(status, _) => {
                self.statuses.iter().any(|(min, max)| (*min..=*max).contains(&status.as_u16()))
            }
            Outcome::ConnectionFailed => self.connection_failures,
            Outcome::TimedOut => self.timeouts,
        }
    }

    fn is_reached(&self, (failures, calls): (u32, u32)) -> bool {
        self.count.is_some_and(|count| failures >= count)
            || self.percentage.is_some_and(|percentage| {
                calls >= LEAST_CALLS && u64::from(failures) * 100 >= u64::from(calls) * u64::from(percentage)
            })
    }

    fn rest(&self, outcome: Outcome) -> Duration {
        match outcome {
            Outcome::Answered(_, Some(asked)) if self.accept_retry_after => asked.min(LONGEST_REST),
            _ => self.trip,
        }
    }
}

#[derive(Debug, Default)]
struct Window {
    slots: [Slot; SLOTS as usize],
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: u64,
    failures: u32,
    calls: u32,
}

impl Window {
    fn add(&mut self, number: u64, failure: bool) {
        let Some(slot) = self.slots.get_mut((number % SLOTS) as usize) else { return };
        if slot.number != number {
            *slot = Slot { number, ..Slot::default() };
        }
        slot.calls = slot.calls.saturating_add(1);
        slot.failures = slot.failures.saturating_add(u32::from(failure));
    }

    fn sum(&self, now: u64) -> (u32, u32) {
        self.slots
            .iter()
            .filter(|slot| slot.number + SLOTS > now)
            .fold((0, 0), |(failures, calls), slot| (failures + slot.failures, calls + slot.calls))
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}
