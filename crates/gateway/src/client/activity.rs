//! What happens on a connection, as far as its time limits depend on it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::Instant;

/// Requests under way on one connection, and since when there have been none.
#[derive(Debug)]
pub(crate) struct Activity {
    in_flight: Cell<u32>,
    served: Cell<u64>,
    idle_since: Cell<Instant>,
}

impl Activity {
    /// A connection without a request.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self { in_flight: Cell::new(0), served: Cell::new(0), idle_since: Cell::new(Instant::now()) })
    }

    /// Counts a request until the value returned is dropped.
    pub(crate) fn begin(self: &Rc<Self>) -> Flight {
        self.in_flight.set(self.in_flight.get() + 1);
        self.served.set(self.served.get() + 1);
        Flight(Rc::clone(self))
    }

    /// Requests under way.
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }

    /// Requests begun since the connection was made.
    pub(crate) fn served(&self) -> u64 {
        self.served.get()
    }

    /// When the last request ended; the time of the connection itself before the first.
    pub(crate) fn idle_since(&self) -> Instant {
        self.idle_since.get()
    }
}

/// One request under way, from its head to the last byte of the answer.
#[derive(Debug)]
pub(crate) struct Flight(Rc<Activity>);

impl Drop for Flight {
    fn drop(&mut self) {
        let left = self.0.in_flight.get().saturating_sub(1);
        self.0.in_flight.set(left);
        if left == 0 {
            self.0.idle_since.set(Instant::now());
        }
    }
}

/// A moment that one side of a connection writes and its time keeper reads. The transport has to be `Send` for
/// upgrades, hence the atomic; both sides run on one core.
#[derive(Debug, Default)]
pub(crate) struct Moment(AtomicU64);

impl Moment {
    /// Marks now, if nothing is marked.
    pub(crate) fn mark(&self, epoch: Instant) {
        if self.0.load(Ordering::Relaxed) == 0 {
            let since = Instant::now().saturating_duration_since(epoch).as_nanos() as u64;
            self.0.store(since.max(1), Ordering::Relaxed);
        }
    }

    /// Takes the mark away.
    pub(crate) fn clear(&self) {
        if self.0.load(Ordering::Relaxed) != 0 {
            self.0.store(0, Ordering::Relaxed);
        }
    }

    /// The marked moment.
    pub(crate) fn get(&self, epoch: Instant) -> Option<Instant> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            since => Some(epoch + std::time::Duration::from_nanos(since)),
        }
    }
}

/// Says that a connection cannot be used for another request.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseFlag(Arc<AtomicBool>);

impl CloseFlag {
    /// No request after this one.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the connection closes after the answer.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
