//! Lines on their way to a slow place.

mod sink;
mod target;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

pub(crate) use self::sink::Sink;
pub use self::target::OpenError;
pub(crate) use self::target::{open, report};
use self::writer::Writer;
pub(crate) use self::writer::{Event, Report};

/// Hands lines to a thread that writes them in batches. Putting a line in never waits for the place that the
/// lines go to: what does not fit is dropped and counted.
///
/// Each thread fills a buffer of its own; the writer takes whole buffers. Lines of one thread keep their order.
#[derive(Debug)]
pub(crate) struct Queue {
    shared: Arc<Shared>,
    writer: Thread,
}

impl Queue {
    /// Starts the writing thread.
    pub(crate) fn start(name: &str, sink: Sink, report: Report) -> io::Result<Self> {
        let shards =
            thread::available_parallelism().map_or(4, |cores| cores.get().next_power_of_two().min(32));
        let shared = Arc::new(Shared {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            pending: AtomicBool::new(false),
            reopen: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            flush_wanted: AtomicU64::new(0),
            flushed: Mutex::new(0),
            flushed_changed: Condvar::new(),
            queue_full: AtomicU64::new(0),
            write_failed: AtomicU64::new(0),
        });
        let mut writer = Writer::new(Arc::clone(&shared), sink, report);
        let handle = thread::Builder::new().name(name.to_owned()).spawn(move || writer.run())?;
        Ok(Self { shared, writer: handle.thread().clone() })
    }

    /// Lets `fill` append one line, with its end, to the calling thread's buffer.
    pub(crate) fn put(&self, fill: impl FnOnce(&mut Vec<u8>)) {
        let shard = &self.shared.shards[shard_of_this_thread() & (self.shared.shards.len() - 1)];
        {
            let mut buffer = shard.0.lock();
            if buffer.len() >= MAX_BUFFERED {
                self.shared.queue_full.fetch_add(1, Ordering::Relaxed);
                return;
            }
            fill(&mut buffer);
        }
        // The writer clears the flag before it locks a buffer, so a set flag that is seen here, after the
        // lock, means that this line will be found.
        if !self.shared.pending.load(Ordering::Relaxed) && !self.shared.pending.swap(true, Ordering::AcqRel) {
            self.writer.unpark();
        }
    }

    /// Has the place opened anew before the next line.
    pub(crate) fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Release);
        self.writer.unpark();
    }

    /// Waits until every line put in so far is written or dropped; `false` when the time is over before.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let wanted = self.shared.flush_wanted.fetch_add(1, Ordering::AcqRel) + 1;
        self.writer.unpark();
        let deadline = Instant::now() + timeout;
        let mut flushed = self.shared.flushed.lock();
        while *flushed < wanted {
            if self.shared.flushed_changed.wait_until(&mut flushed, deadline).timed_out() {
                return *flushed >= wanted;
            }
        }
        true
    }

    /// How many lines were dropped.
    pub(crate) fn lost(&self) -> Lost {
        Lost {
            queue_full: self.shared.queue_full.load(Ordering::Relaxed),
            write_failed: self.shared.write_failed.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.writer.unpark();
    }
}

/// How many lines were dropped since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Because the writer could not keep up.
    pub queue_full: u64,
    /// Because writing failed: disk full, pipe closed.
    pub write_failed: u64,
}

/// How much one buffer holds, in bytes; a last line may exceed it by its own bounded length.
const MAX_BUFFERED: usize = 1024 * 1024;

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Vec<u8>>);

#[derive(Debug)]
struct Shared {
    shards: Box<[Shard]>,
    pending: AtomicBool,
    reopen: AtomicBool,
    stop: AtomicBool,
    flush_wanted: AtomicU64,
    flushed: Mutex<u64>,
    flushed_changed: Condvar,
    queue_full: AtomicU64,
    write_failed: AtomicU64,
}

fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    SHARD.with(|shard| *shard)
}

#[cfg(test)]
mod tests;
