//! The access log: one JSON line for each request.

mod record;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_model::configuration::LogTarget;

pub use self::record::{AccessRecord, ErrorRecord};
use crate::log::Log;
use crate::queue::{self, Queue, Sink};
pub use crate::queue::{Lost, OpenError as AccessLogError};

/// Takes records and writes them in batches from a thread of its own. Cheap to clone; the last one that goes
/// ends the thread.
///
/// A request never waits for the log: when the place that it goes to is slow, full or gone, lines are dropped
/// and counted, and the log says so once.
#[derive(Clone, Debug)]
pub struct AccessLog(Arc<Queue>);

impl AccessLog {
    /// Opens the target and starts the writer.
    pub fn start(target: &LogTarget, log: &Log) -> Result<Self, AccessLogError> {
        Ok(Self(Arc::new(queue::open(WHAT, target, log)?)))
    }

    /// Writes to a stream that the caller has opened.
    pub fn to_writer(writer: impl Write + Send + 'static, log: &Log) -> Result<Self, AccessLogError> {
        let target = PathBuf::from("the given stream");
        let report = queue::report(WHAT, &target, log);
        let queue = Queue::start("access-log", Sink::Stream(Box::new(writer)), report)
            .map_err(|error| AccessLogError { what: WHAT, target, error })?;
        Ok(Self(Arc::new(queue)))
    }

    /// Logs a request.
    pub fn record(&self, record: &AccessRecord<'_>) {
        self.0.put(|buffer| record.write_line(buffer));
    }

    /// Opens a file anew, for rotation (SIGHUP); other targets stay as they are.
    pub fn reopen(&self) {
        self.0.reopen();
    }

    /// Waits until every record so far is written or dropped; `false` when the time is over before.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.0.flush(timeout)
    }

    /// How many records were dropped.
    pub fn lost(&self) -> Lost {
        self.0.lost()
    }
}

const WHAT: &str = "access log";
