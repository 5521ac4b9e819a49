//! The access log: one JSON line for each request.

mod record;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_model::configuration::LogTarget;

pub use self::record::{AccessRecord, ErrorRecord};
use crate::log::Log;
pub use crate::queue::Lost;
use crate::queue::{Event, Queue, Report, Sink};

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
        let (sink, path) = match target {
            LogTarget::Stdout => (Sink::stdout(), PathBuf::from("standard output")),
            LogTarget::Stderr => (Sink::stderr(), PathBuf::from("standard error")),
            LogTarget::File(path) => (Sink::file(path.value.clone()), path.value.clone()),
        };
        let failed = |error| AccessLogError { target: path.clone(), error };
        let queue = Queue::start("access-log", sink.map_err(failed)?, report(&path, log)).map_err(failed)?;
        Ok(Self(Arc::new(queue)))
    }

    /// Writes to a stream that the caller has opened.
    pub fn to_writer(writer: impl Write + Send + 'static, log: &Log) -> Result<Self, AccessLogError> {
        let path = PathBuf::from("the given stream");
        let queue = Queue::start("access-log", Sink::Stream(Box::new(writer)), report(&path, log))
            .map_err(|error| AccessLogError { target: path, error })?;
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

/// The access log cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("access log {}: {error}", target.display())]
pub struct AccessLogError {
    /// The file, or the name of the stream.
    pub target: PathBuf,
    /// What the operating system said.
    pub error: io::Error,
}

fn report(path: &std::path::Path, log: &Log) -> Report {
    let (path, log) = (path.display().to_string(), log.clone());
    Box::new(move |event| match event {
        Event::Failing(error) => {
            log.error(format_args!(
                "access log {path}: {error}; records are dropped until it can be written"
            ));
        }
        Event::NotReopened(error) => {
            log.error(format_args!("access log {path} cannot be opened anew: {error}; the old file goes on"));
        }
        Event::Recovered => log.info(format_args!("access log {path} is written again")),
    })
}
