//! The decision trace of one exchange: every policy with its place, its inputs, its outcome, what it changed and the time
//! that it took.
//!
//! An exchange that nobody traces carries no trace, and a step looks for one once: nothing else is paid for it.

mod entry;
mod masks;
mod recorder;
mod render;
mod state;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use gatehouse_model::Location;
use secrecy::SecretString;

pub use self::entry::{Change, Entry, Input, Outcome};
pub(crate) use self::entry::{Source, sources};
pub use self::masks::is_secret_name;
pub(crate) use self::recorder::Evaluated;
pub use self::render::{as_text, json_as_text};

use self::masks::Masks;
use self::recorder::Open;
use self::state::State;
use crate::World;

/// The most entries of one trace.
const MAX_ENTRIES: usize = 2000;
/// The most bytes of text in one trace.
const MAX_BYTES: usize = 1 << 20;
/// The most characters of one value.
const MAX_VALUE: usize = 512;

/// What is written down of one exchange.
#[derive(Debug)]
pub struct Trace {
    detail: Detail,
    /// Microseconds on the world's monotonic clock at which the exchange began.
    started_micros: u64,
    entries: Vec<Entry>,
    open: Vec<Open>,
    last: State,
    masks: Masks,
    /// Names of variables whose values come from secrets.
    tainted: Vec<String>,
    /// How often policies and branches were reached, by place.
    reached: HashMap<Location, u32>,
    bytes: usize,
    is_cut: bool,
    /// Where times come from the process and not from the world, whose time may stand still.
    stopwatch: Option<Instant>,
}

/// How much is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    Decisions,
    /// Only which policies and branches were reached.
    Reached,
}

impl Trace {
    /// A trace of an exchange that begins now. `secrets` are masked wherever they turn up.
    pub fn new(detail: Detail, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self {
            detail,
            started_micros: 0,
            entries: Vec::new(),
            open: Vec::new(),
            last: State::default(),
            masks: Masks::new(secrets),
            tainted: Vec::new(),
            reached: HashMap::new(),
            bytes: 0,
            is_cut: false,
            stopwatch: None,
        }
    }

    /// Takes times from the process, for a world whose own time stands still.
    pub fn timed_by_the_process(mut self) -> Self {
        self.stopwatch = Some(Instant::now());
        self
    }

    /// Microseconds since the exchange began.
    fn elapsed(&self, world: &World<'_>) -> u64 {
        match self.stopwatch {
            Some(begun) => begun.elapsed().as_micros() as u64,
            None => world.clock.monotonic_micros().saturating_sub(self.started_micros),
        }
    }

    /// How often policies and branches were reached, by the place where they stand.
    pub fn reached(&self) -> &HashMap<Location, u32> {
        &self.reached
    }

    /// Whether all is written down.
    pub fn tells_decisions(&self) -> bool {
        self.detail == Detail::Decisions
    }

    /// The entries, with every secret masked.
    pub fn into_entries(mut self) -> Vec<Entry> {
        let masks = self.masks;
        for entry in &mut self.entries {
            entry.for_each_text(|text| masks.mask(text));
        }
        self.entries
    }

    /// Whether something was left out because the trace had grown too large.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// A text without what is secret.
    pub fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.masks.mask(&mut text);
        text
    }

    /// Keeps a value out of the trace, wherever it turns up.
    pub fn hide(&mut self, value: &str) {
        self.masks.hide(value);
    }
}

/// A time in microseconds, for people.
pub(crate) fn micros(micros: u64) -> String {
    match micros {
        0..10_000 => format!("{micros} µs"),
        _ => format!("{:.1?}", Duration::from_micros(micros)),
    }
}

#[cfg(test)]
mod tests;
