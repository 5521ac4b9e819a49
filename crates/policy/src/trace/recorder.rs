//! Writes a trace while an exchange runs.

use std::collections::HashMap;
use std::sync::Arc;

use gatehouse_expression::Value;
use gatehouse_model::Location;

use super::masks::{MASK, is_secret_name};
use super::state::{State, hide_header, short};
use super::{Detail, Entry, Input, MAX_BYTES, MAX_ENTRIES, Outcome, Source, Trace};
use crate::{Exchange, Failure, Flow, Step, World};

/// An entry whose policy still runs.
#[derive(Debug)]
pub(super) struct Open {
    /// Its index among the entries; `None` where the trace is full.
    entry: Option<usize>,
    sources: Arc<[Source]>,
    began_micros: u64,
    /// Whether an expression of it has read a secret.
    is_tainted: bool,
}

/// What an expression gave.
pub(crate) struct Evaluated<'e> {
    pub(crate) location: &'e Location,
    pub(crate) value: &'e Value,
    /// Whether a secret named value stands in its text, or it has read a variable that holds one.
    pub(crate) is_secret: bool,
}

impl Exchange {
    /// Writes down everything from now on. Secrets that the request carries are masked from the first entry.
    pub fn begin_trace(&mut self, mut trace: Trace) {
        trace.started_micros = self.started_micros;
        if trace.detail == Detail::Decisions {
            let headers = &self.request.headers;
            for (name, value) in headers.iter().filter(|(name, _)| is_secret_name(name.as_str())) {
                let value = String::from_utf8_lossy(value.as_bytes());
                hide_header(&value, &mut |secret| trace.masks.hide(secret));
                if name == http::header::COOKIE {
                    for (_, value) in value.split(';').filter_map(|pair| pair.split_once('=')) {
                        trace.masks.hide(value);
                    }
                }
            }
            for (_, value) in self.request.url.query.pairs().filter(|(name, _)| is_secret_name(name)) {
                trace.masks.hide(&value);
            }
            trace.last = State::of(self);
        }
        self.trace = Some(Box::new(trace));
    }

    /// Microseconds since the exchange began, where it is traced.
    pub fn traced_micros(&self, world: &World<'_>) -> Option<u64> {
        self.trace.as_ref().map(|trace| trace.elapsed(world))
    }

    /// Adds an entry for something that is no policy; `began` is when it began, in [microseconds](Self::traced_micros).
    pub fn note_trace(
        &mut self,
        world: &World<'_>,
        section: &'static str,
        source: &str,
        inputs: Vec<(&str, String)>,
        outcome: Outcome,
        began: u64,
    ) {
        self.checkpoint();
        let Some(trace) = self.trace.as_deref_mut().filter(|trace| trace.tells_decisions()) else { return };
        let now = trace.elapsed(world);
        let entry = Entry {
            section,
            source: source.to_owned(),
            depth: trace.open.len(),
            at_micros: began,
            micros: now.saturating_sub(began),
            inputs: inputs
                .into_iter()
                .map(|(name, value)| Input { name: name.to_owned(), value: short(&value) })
                .collect(),
            outcome,
            ..Entry::default()
        };
        trace.push(entry);
    }

    /// Says something in the entry of the policy that runs.
    pub fn say_in_trace(&mut self, message: &str) {
        if let Some(trace) = self.trace.as_deref_mut() {
            let message = short(message);
            trace.room(message.len());
            if let Some(entry) = trace.current() {
                entry.notes.push(message);
            }
        }
    }

    /// A policy begins.
    pub(crate) fn step_begins(&mut self, step: &Step, world: &World<'_>) {
        self.checkpoint();
        let Some(trace) = self.trace.as_deref_mut() else { return };
        *trace.reached.entry(step.origin.location.clone()).or_default() += 1;
        if trace.detail == Detail::Reached {
            return;
        }
        let now = trace.elapsed(world);
        let origin = &step.origin;
        let literals = step.sources.iter().filter_map(|source| {
            let literal = source.literal.as_deref()?;
            let value = if source.is_secret { MASK.to_owned() } else { literal.to_owned() };
            Some(Input { name: source.name.to_string(), value })
        });
        let entry = Entry {
            section: origin.section.as_str(),
            source: origin.policy.to_owned(),
            depth: trace.open.len(),
            scope: Some(origin.scope),
            location: Some(origin.location.clone()),
            path: Some(Arc::clone(&origin.path)),
            policy_id: origin.policy_id.clone(),
            at_micros: now,
            inputs: literals.collect(),
            ..Entry::default()
        };
        let entry = trace.push(entry);
        let sources = Arc::clone(&step.sources);
        trace.open.push(Open { entry, sources, began_micros: now, is_tainted: false });
    }

    /// A policy has ended.
    pub(crate) fn step_ends(&mut self, outcome: &Result<Flow, Failure>, world: &World<'_>) {
        self.checkpoint();
        let Some(trace) = self.trace.as_deref_mut() else { return };
        let now = trace.elapsed(world);
        let Some(open) = trace.open.pop() else { return };
        let Some(entry) = open.entry.and_then(|index| trace.entries.get_mut(index)) else { return };
        entry.micros = now.saturating_sub(open.began_micros);
        entry.outcome = match outcome {
            Ok(Flow::Continue) => Outcome::Continued,
            Ok(Flow::Outbound) => Outcome::Outbound,
            Ok(Flow::Respond) => Outcome::Responded,
            Err(failure) => Outcome::Failed(short(&format!("{}: {}", failure.reason, failure.message))),
        };
    }

    /// A branch of the policy that runs is taken.
    pub(crate) fn branch_begins(&mut self, location: &Location, name: &str) {
        let Some(trace) = self.trace.as_deref_mut() else { return };
        let count = trace.reached.entry(location.clone()).or_default();
        *count += 1;
        if let Some(entry) = trace.current() {
            entry.notes.push(format!("runs {name} at line {}", location.line));
        }
    }

    /// Adds what was written down of a branch that ran beside others, once what it changed is taken over.
    pub(crate) fn join_trace(&mut self, branch: Trace) {
        let last = State::of(self);
        let Some(trace) = self.trace.as_deref_mut() else { return };
        let depth = trace.open.len();
        for (location, count) in branch.reached {
            *trace.reached.entry(location).or_default() += count;
        }
        for entry in branch.entries {
            trace.push(Entry { depth: entry.depth + depth, ..entry });
        }
        trace.masks.join(branch.masks);
        trace.tainted.extend(branch.tainted);
        trace.is_cut |= branch.is_cut;
        trace.last = last;
    }

    /// Puts down what has changed since the last time, in the entry of the policy that runs.
    fn checkpoint(&mut self) {
        let Some(trace) = self.trace.as_deref().filter(|trace| trace.tells_decisions()) else { return };
        let now = State::of(self);
        let mut secrets = Vec::new();
        let changes = trace.last.changes(&now, &mut |secret| secrets.push(secret.to_owned()));
        let Some(trace) = self.trace.as_deref_mut() else { return };
        trace.last = now;
        for secret in &secrets {
            trace.masks.hide(secret);
        }
        if changes.is_empty() {
            return;
        }
        if trace.open.last().is_some_and(|open| open.is_tainted) {
            let names = changes.iter().filter_map(|change| change.what.strip_prefix("variables."));
            trace.tainted.extend(names.map(str::to_owned));
        }
        let size = changes
            .iter()
            .map(|change| {
                change.what.len()
                    + change.before.as_ref().map_or(0, String::len)
                    + change.after.as_ref().map_or(0, String::len)
            })
            .sum();
        if trace.room(size)
            && let Some(entry) = trace.current()
        {
            entry.changes.extend(changes);
        }
    }
}

impl Trace {
    /// A trace for a branch that runs beside others: it knows the secrets, and has no entries yet.
    pub(crate) fn fork(&self) -> Self {
        Self {
            detail: self.detail,
            started_micros: self.started_micros,
            entries: Vec::new(),
            open: Vec::new(),
            last: self.last.clone(),
            masks: self.masks.clone(),
            tainted: self.tainted.clone(),
            reached: HashMap::new(),
            bytes: self.bytes,
            is_cut: false,
            stopwatch: self.stopwatch,
        }
    }

    /// Whether a variable holds what came from a secret.
    pub(crate) fn is_tainted(&self, variable: &str) -> bool {
        self.tainted.iter().any(|known| known == variable)
    }

    /// An expression of the policy that runs gave a value.
    pub(crate) fn evaluated(&mut self, evaluated: &Evaluated<'_>) {
        if self.detail == Detail::Reached {
            return;
        }
        let Some(open) = self.open.last_mut() else { return };
        let source = open.sources.iter().find(|source| source.location == *evaluated.location);
        let text = evaluated.value.to_text();
        // The truth of a condition tells no secret, wherever it came from.
        let is_secret = evaluated.is_secret || source.is_some_and(|source| source.is_secret);
        let is_plain = matches!(evaluated.value, Value::Boolean(_)) || evaluated.value.is_null();
        open.is_tainted |= is_secret && !is_plain;
        let name = match source {
            Some(source) => source.name.to_string(),
            None => format!("expression at {}:{}", evaluated.location.line, evaluated.location.column),
        };
        let value = if evaluated.value.is_null() { "null".to_owned() } else { short(&text) };
        let value = if is_secret && !is_plain { MASK.to_owned() } else { value };
        if is_secret && !is_plain {
            self.masks.hide(&text);
        }
        if self.room(name.len() + value.len())
            && let Some(entry) = self.current()
        {
            entry.inputs.push(Input { name, value });
        }
    }

    fn current(&mut self) -> Option<&mut Entry> {
        let index = self.open.last()?.entry?;
        self.entries.get_mut(index)
    }

    fn push(&mut self, entry: Entry) -> Option<usize> {
        let size = entry.inputs.iter().map(|input| input.name.len() + input.value.len()).sum::<usize>() + 200;
        if self.entries.len() >= MAX_ENTRIES || !self.room(size) {
            self.is_cut = true;
            return None;
        }
        self.entries.push(entry);
        Some(self.entries.len() - 1)
    }

    /// Takes room for some bytes of text, if there is any left.
    fn room(&mut self, bytes: usize) -> bool {
        if self.bytes + bytes > MAX_BYTES {
            self.is_cut = true;
            return false;
        }
        self.bytes += bytes;
        true
    }
}
