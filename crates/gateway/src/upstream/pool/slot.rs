//! Places under a bound, given back when they are dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// A count with a bell for those who wait. It can be sent to other threads, because a tunnel or a body that holds a
/// place can; its cost on the one core that uses it is that of an uncontended atomic.
#[derive(Clone, Debug)]
pub(super) struct Places {
    taken: Arc<AtomicUsize>,
    bell: Arc<Notify>,
}

impl Places {
    /// No place is taken.
    pub(super) fn new(bell: Arc<Notify>) -> Self {
        Self { taken: Arc::default(), bell }
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Takes one.
    pub(super) fn take(&self) -> Slot {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Slot { places: self.clone() }
    }
}

/// A place.
#[derive(Debug)]
pub(super) struct Slot {
    places: Places,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
        self.places.bell.notify_one();
    }
}

/// A place among the streams of an HTTP/2 connection.
#[derive(Debug)]
pub(in crate::upstream) struct StreamSlot {
    _slot: Slot,
}

impl StreamSlot {
    /// Takes one.
    pub(super) fn take(places: &Places) -> Self {
        Self { _slot: places.take() }
    }
}
