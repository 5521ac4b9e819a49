//! One transaction: what is known of a request and its response, and what the rules have made of it.

mod actions;
mod declared;
mod request;
mod resolve;
mod response;
mod run;
mod setup;
mod summaries;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::bit_set::BitSet;
use crate::collections::Collections;
use crate::compile::RuleSet;
use crate::definition::{Definition, Proven};
use crate::operators::Captures;
use crate::rule::{Allow, Processor};
use crate::seclang::Engine;
use crate::values::{Value, ValueId, Values};
use crate::variables::{List, Scalar};

/// A request under judgement. The callers hand over the request line, each field, the ends of header and body, and the parts of the
/// body; each end runs its phase and answers with a verdict. The same for the response.
#[derive(Debug)]
pub struct Transaction {
    rules: Arc<RuleSet>,
    collections: Option<Arc<Collections>>,
    limits: Limits,
    /// Since 1970.
    now: Duration,
    values: Values,
    scalars: [Option<Value>; Scalar::COUNT],
    lists: [Vec<Entry>; List::COUNT],
    /// For each path the values that it found.
    xml: Vec<Vec<ValueId>>,
    /// The variables of `TX` with a slot.
    slots: Vec<Option<Value>>,
    /// Those without, by their names in lower case.
    others: Vec<(ValueId, Value)>,
    /// The keys of the collections that outlive the transaction.
    keys: [Option<Box<[u8]>>; 5],
    engine: Engine,
    audited: bool,
    removed: BitSet,
    /// Whether the plan that leaves out decided rules no longer holds.
    whole_plan: bool,
    /// Controls that take targets from rules, by rule, link and action.
    removed_targets: Vec<(u32, u32, u32)>,
    /// Names whose values stay out of logs.
    sanitised: Vec<(&'static str, Box<[u8]>)>,
    matched: Option<Matched>,
    /// The rule that runs.
    current: usize,
    highest_severity: u8,
    captures: Captures,
    matches: Vec<Match>,
    refusal: Option<Refusal>,
    /// What would have been refused, had the engine been on.
    suppressed: Option<Refusal>,
    allowed: Option<Allow>,
    summaries: summaries::Summaries,
    /// What is known of the arguments.
    definition: Option<Arc<dyn Definition>>,
    /// Whether arguments that the definition does not have are told to the rules.
    tells_undeclared: bool,
    work: u64,
    exceeded: bool,
    header_bytes: usize,
    body: Body,
    response: Body,
    response_status: u16,
}

/// A body as it comes in.
#[derive(Debug)]
struct Body {
    access: bool,
    limit: usize,
    bytes: Vec<u8>,
    /// All bytes that came, those above the limit included.
    length: u64,
    processor: Option<Processor>,
    forced: bool,
}

/// A named value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: ValueId,
    value: Value,
    /// What the definition of the API proves of them.
    proven: Proven,
}

impl Entry {
    fn new(name: ValueId, value: Value) -> Self {
        Self { name, value, proven: Proven::default() }
    }
}

/// What matched last.
#[derive(Clone, Copy, Debug)]
struct Matched {
    variable: &'static str,
    entry: Option<ValueId>,
    value: Value,
}

/// Bounds of one transaction that rules cannot lift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most work. A unit is about what a pattern takes for one byte, 2 ns at the most where 50 ms are to be kept; how it was
    /// measured: docs/reference/waf.md, Bounds.
    pub work: u64,
    /// The most named values (arguments, fields, cookies) of a request.
    pub entries: usize,
    /// The most bytes that the values and all that transformations make of them may take.
    pub memory: usize,
    /// Whether a transaction beyond a bound passes and is reported, in place of being refused.
    pub pass_beyond: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { work: 24_000_000, entries: 20_000, memory: 64 << 20, pass_beyond: false }
    }
}

/// Who talks to whom, and when.
#[derive(Clone, Debug)]
pub struct Connection<'c> {
    /// The address of the client, as far as it is believed.
    pub client: IpAddr,
    /// Its port.
    pub client_port: u16,
    /// The address of the listener.
    pub server: IpAddr,
    /// Its port.
    pub server_port: u16,
    /// The name that the client asked for, without a port.
    pub server_name: &'c str,
    /// The request's id.
    pub request_id: &'c str,
    /// The time since 1970.
    pub now: Duration,
}

impl Default for Connection<'_> {
    fn default() -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            client: address,
            client_port: 0,
            server: address,
            server_port: 443,
            server_name: "localhost",
            request_id: "",
            now: Duration::ZERO,
        }
    }
}

/// What happens to the request or the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It ends here.
    Refuse(Refusal),
}

/// Why a request or a response ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// The rule; 0 for a bound.
    pub rule: u64,
    /// How it ends.
    pub kind: RefusalKind,
}

/// How a request ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// With an answer.
    Deny,
    /// Without an answer: the connection closes.
    Drop,
    /// With a redirection to that place.
    Redirect(String),
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The work, the number of values or the memory is beyond its bound.
    Budget,
}

/// A rule that has matched and wants that reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The rule.
    pub id: u64,
    /// The phase, 1 to 5.
    pub phase: u8,
    /// `msg` with its macros expanded.
    pub message: String,
    /// `logdata` with its macros expanded.
    pub data: String,
    /// The name of the severity, such as `CRITICAL`.
    pub severity: Option<&'static str>,
    /// The tags.
    pub tags: Vec<String>,
    /// The variable that matched last, such as `ARGS:q`.
    pub variable: String,
    /// The file and line of the rule.
    pub place: crate::Place,
    /// Whether the rule wants to stand in the audit log.
    pub audited: bool,
    /// Whether the rule refuses.
    pub disruptive: bool,
}

impl Transaction {
    /// The engine that applies to this transaction; one that has run is not changed back.
    pub fn set_engine(&mut self, engine: Engine) {
        self.engine = engine;
    }

    /// The engine that applies now.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The rules that have matched, in order.
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// Whether the transaction stands in the audit log.
    pub fn is_audited(&self) -> bool {
        self.audited && self.matches.iter().any(|found| found.audited)
    }

    /// Why the transaction ended.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Why it would have ended, had the engine only not been on detection.
    pub fn suppressed(&self) -> Option<&Refusal> {
        self.suppressed.as_ref()
    }

    /// The work done so far, in the units of [`Limits::work`].
    pub fn work(&self) -> u64 {
        self.work + self.values.transformed
    }

    /// Whether a bound was exceeded.
    pub fn is_beyond_bounds(&self) -> bool {
        self.exceeded
    }

    /// The number that a variable of `TX` has.
    pub fn score(&self, name: &str) -> i64 {
        let slot = self.rules.names.find(name.to_ascii_lowercase().as_bytes());
        let value = slot.and_then(|slot| self.slots.get(slot as usize).copied().flatten());
        value.map_or(0, |value| self.number(value))
    }

    fn verdict(&self) -> Verdict {
        self.refusal.clone().map_or(Verdict::Pass, Verdict::Refuse)
    }

    /// Ends the transaction, or notes that it would have ended.
    fn refuse(&mut self, refusal: Refusal) {
        match self.engine {
            Engine::On if self.refusal.is_none() => self.refusal = Some(refusal),
            Engine::DetectionOnly if self.suppressed.is_none() => self.suppressed = Some(refusal),
            _ => {}
        }
    }

    /// Notes that a bound was exceeded, and ends the transaction unless the configuration lets it pass.
    fn exceed(&mut self) {
        if !self.exceeded {
            self.exceeded = true;
            if !self.limits.pass_beyond {
                self.refuse(Refusal { status: 403, rule: 0, kind: RefusalKind::Budget });
            }
        }
    }
}

/// The names of severities, by their numbers.
const SEVERITIES: [&str; 8] =
    ["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"];
