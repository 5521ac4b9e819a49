//! The wish that connections end when their requests have.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// One listener's wish on one core. Connections watch a flag, and are woken once.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    asked: Cell<bool>,
    notify: Notify,
}

impl Drain {
    /// Nothing is asked yet.
    pub(crate) fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Asks all connections to end.
    pub(crate) fn ask(&self) {
        self.asked.set(true);
        self.notify.notify_waiters();
    }

    /// Whether connections should end.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.get()
    }

    /// Completes when the wish is expressed; one made before counts only in [`Drain::is_asked`].
    pub(crate) fn asked(&self) -> Notified<'_> {
        self.notify.notified()
    }
}
