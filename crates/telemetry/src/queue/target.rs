//! Places that the configuration names.

use std::io;
use std::path::{Path, PathBuf};

use gatehouse_model::configuration::LogTarget;

use super::{Event, Queue, Report, Sink};
use crate::log::Log;

/// A place that cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}: {error}", target.display())]
pub struct OpenError {
    /// What goes there.
    pub what: &'static str,
    /// The file, or the name of the stream.
    pub target: PathBuf,
    /// What the operating system said.
    pub error: io::Error,
}

/// Opens the place and starts the thread that writes to it.
pub(crate) fn open(what: &'static str, target: &LogTarget, log: &Log) -> Result<Queue, OpenError> {
    let (sink, path) = match target {
        LogTarget::Stdout => (Sink::stdout(), PathBuf::from("standard output")),
        LogTarget::Stderr => (Sink::stderr(), PathBuf::from("standard error")),
        LogTarget::File(path) => (Sink::file(path.value.clone()), path.value.clone()),
    };
    let failed = |error| OpenError { what, target: path.clone(), error };
    Queue::start(&what.replace(' ', "-"), sink.map_err(failed)?, report(what, &path, log)).map_err(failed)
}

/// Tells the instance's own log when lines begin to be lost.
pub(crate) fn report(what: &'static str, path: &Path, log: &Log) -> Report {
    let (path, log) = (path.display().to_string(), log.clone());
    Box::new(move |event| match event {
        Event::Failing(error) => {
            log.error(format_args!("{what} {path}: {error}; records are dropped until it can be written"));
        }
        Event::NotReopened(error) => {
            log.error(format_args!("{what} {path} cannot be opened anew: {error}; the old file goes on"));
        }
        Event::Recovered => log.info(format_args!("{what} {path} is written again")),
    })
}
