//! The thread that writes.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::{Shared, Sink};

/// What the writer has to say about its place.
pub(crate) enum Event {
    /// Writing began to fail.
    Failing(io::Error),
    /// The place could not be opened anew; the old one goes on.
    NotReopened(io::Error),
    /// Writing succeeds again.
    Recovered,
}

pub(crate) type Report = Box<dyn Fn(Event) + Send>;

pub(super) struct Writer {
    shared: Arc<Shared>,
    sink: Sink,
    report: Report,
    batch: Vec<u8>,
    failing: bool,
    /// Whether the last write ended within a line.
    torn: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, sink: Sink, report: Report) -> Self {
        let torn = sink.ends_within_line().unwrap_or(false);
        Self { shared, sink, report, batch: Vec::new(), failing: false, torn }
    }

    pub(super) fn run(&mut self) {
        loop {
            let shared = Arc::clone(&self.shared);
            let stop = shared.stop.load(Ordering::Acquire);
            let wanted = shared.flush_wanted.load(Ordering::Acquire);
            let urgent = stop || wanted > *shared.flushed.lock();
            let reopen = shared.reopen.swap(false, Ordering::AcqRel);
            if !urgent && !reopen {
                if !shared.pending.load(Ordering::Acquire) {
                    thread::park();
                    continue;
                }
                thread::park_timeout(BATCH);
            }
            if reopen {
                // What was put in before belongs to the old place.
                self.drain();
                match self.sink.reopen() {
                    Ok(()) => self.torn = self.sink.ends_within_line().unwrap_or(self.torn),
                    Err(error) => (self.report)(Event::NotReopened(error)),
                }
            }
            self.drain();
            *shared.flushed.lock() = wanted;
            shared.flushed_changed.notify_all();
            if stop {
                return;
            }
        }
    }

    fn drain(&mut self) {
        let shared = Arc::clone(&self.shared);
        shared.pending.store(false, Ordering::Release);
        for shard in &shared.shards {
            std::mem::swap(&mut *shard.0.lock(), &mut self.batch);
            if !self.batch.is_empty() {
                self.write();
                self.batch.clear();
            }
        }
    }

    fn write(&mut self) {
        if self.torn {
            match write_all(self.sink.writer(), b"\n") {
                Ok(()) => self.torn = false,
                Err((_, error)) => return self.failed(0, error),
            }
        }
        match write_all(self.sink.writer(), &self.batch) {
            Ok(()) if self.failing => {
                self.failing = false;
                (self.report)(Event::Recovered);
            }
            Ok(()) => {}
            Err((written, error)) => self.failed(written, error),
        }
    }

    fn failed(&mut self, written: usize, error: io::Error) {
        let (done, lost) = self.batch.split_at(written);
        self.torn |= done.last().is_some_and(|byte| *byte != b'\n');
        let lines = lost.split(|byte| *byte == b'\n').skip(1).count() as u64;
        self.shared.write_failed.fetch_add(lines, Ordering::Relaxed);
        if !self.failing {
            self.failing = true;
            (self.report)(Event::Failing(error));
        }
    }
}

/// How long the writer lets lines gather.
const BATCH: Duration = Duration::from_millis(10);

/// How long the writer tries a place that takes nothing now (a full pipe in non-blocking mode).
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes everything, or says how much was written before it failed.
fn write_all(writer: &mut dyn Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    let mut waiting_since = None;
    while written < bytes.len() {
        match writer.write(&bytes[written..]) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(count) => {
                written += count;
                waiting_since = None;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if waiting_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err((written, error));
                }
                thread::sleep(BATCH);
            }
            Err(error) => return Err((written, error)),
        }
    }
    writer.flush().map_err(|error| (written, error))
}
