//! Files of JSON lines that are made elsewhere.

use std::sync::Arc;
use std::time::Duration;

use gatehouse_model::configuration::LogTarget;

use crate::log::Log;
use crate::queue::{self, Queue};
pub use crate::queue::{Lost, OpenError};

/// Takes lines and writes them from a thread of its own; lines that do not fit are dropped and counted. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LineLog(Arc<Queue>);

impl LineLog {
    /// Opens the target and starts the writer. `what` is what goes there, for messages.
    pub fn start(what: &'static str, target: &LogTarget, log: &Log) -> Result<Self, OpenError> {
        Ok(Self(Arc::new(queue::open(what, target, log)?)))
    }

    /// Writes a line; its end is added.
    pub fn line(&self, line: &[u8]) {
        self.0.put(|buffer| {
            buffer.extend_from_slice(line);
            buffer.push(b'\n');
        });
    }

    /// Opens a file anew, for rotation (SIGHUP).
    pub fn reopen(&self) {
        self.0.reopen();
    }

    /// Waits until every line so far is written or dropped; `false` when the time is over before.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.0.flush(timeout)
    }

    /// How many lines were dropped.
    pub fn lost(&self) -> Lost {
        self.0.lost()
    }
}
