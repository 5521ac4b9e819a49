//! Whether a client takes what it is sent.

use tokio::time::Instant;

use super::activity::Moment;

/// Written by the transport below TLS, read by the time keeper of the connection.
#[derive(Debug)]
pub(crate) struct Flow {
    epoch: Instant,
    blocked: Moment,
}

impl Flow {
    /// A connection that is not blocked.
    pub(crate) fn new() -> Self {
        Self { epoch: Instant::now(), blocked: Moment::default() }
    }

    /// A write found no room.
    pub(crate) fn block(&self) {
        self.blocked.mark(self.epoch);
    }

    /// A write made progress.
    pub(crate) fn unblock(&self) {
        self.blocked.clear();
    }

    /// Since when writes have found no room.
    pub(crate) fn blocked_since(&self) -> Option<Instant> {
        self.blocked.get(self.epoch)
    }
}

impl Default for Flow {
    fn default() -> Self {
        Self::new()
    }
}
