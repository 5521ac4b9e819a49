//! Lines on their way to a slow place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

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
        let mut writer = Writer {
            shared: Arc::clone(&shared),
            sink,
            report,
            batch: Vec::new(),
            failing: false,
            torn: false,
        };
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

/// Where lines go.
pub(crate) enum Sink {
    File { path: PathBuf, file: File },
    Stream(Box<dyn Write + Send>),
}

impl Sink {
    pub(crate) fn stdout() -> io::Result<Self> {
        Ok(Self::Stream(Box::new(File::from(io::stdout().as_fd().try_clone_to_owned()?))))
    }

    pub(crate) fn stderr() -> io::Result<Self> {
        Ok(Self::Stream(Box::new(File::from(io::stderr().as_fd().try_clone_to_owned()?))))
    }

    /// A file that is appended to, made with its folder when it does not exist.
    pub(crate) fn file(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(&path)?;
        Ok(Self::File { path, file })
    }

    fn reopen(&mut self) -> io::Result<()> {
        if let Self::File { path, .. } = self {
            *self = Self::file(path.clone())?;
        }
        Ok(())
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::File { file, .. } => file,
            Self::Stream(stream) => stream,
        }
    }
}

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

/// How much one buffer holds, in bytes; a last line may exceed it by its own bounded length.
const MAX_BUFFERED: usize = 1024 * 1024;

/// How long the writer lets lines gather.
const BATCH: Duration = Duration::from_millis(10);

/// How long the writer tries a place that takes nothing now (a full pipe in non-blocking mode).
const PATIENCE: Duration = Duration::from_secs(1);

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

struct Writer {
    shared: Arc<Shared>,
    sink: Sink,
    report: Report,
    batch: Vec<u8>,
    failing: bool,
    /// Whether the last write ended within a line.
    torn: bool,
}

impl Writer {
    fn run(&mut self) {
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
                if let Err(error) = self.sink.reopen() {
                    (self.report)(Event::NotReopened(error));
                }
                self.torn = false;
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

fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    SHARD.with(|shard| *shard)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn silent() -> Report {
        Box::new(|_| {})
    }

    fn put(queue: &Queue, line: &str) {
        queue.put(|buffer| {
            buffer.extend_from_slice(line.as_bytes());
            buffer.push(b'\n');
        });
    }

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_arrives_whole_and_in_its_threads_order() {
        let memory = Memory::default();
        let queue = Queue::start("test", Sink::Stream(Box::new(memory.clone())), silent()).unwrap();
        thread::scope(|scope| {
            for thread in 0..8 {
                let queue = &queue;
                scope.spawn(move || (0..2_000).for_each(|line| put(queue, &format!("{thread} {line}"))));
            }
        });
        assert!(queue.flush(LONG));
        let text = String::from_utf8(memory.0.lock().clone()).unwrap();
        let mut next = [0; 8];
        for line in text.lines() {
            let (thread, line) = line.split_once(' ').unwrap();
            let expected = &mut next[thread.parse::<usize>().unwrap()];
            assert_eq!(line, expected.to_string());
            *expected += 1;
        }
        assert_eq!(next, [2_000; 8]);
        assert_eq!(queue.lost(), Lost::default());
    }

    #[test]
    fn a_line_is_written_without_being_asked_for_and_the_rest_at_the_end() {
        let memory = Memory::default();
        let queue = Queue::start("test", Sink::Stream(Box::new(memory.clone())), silent()).unwrap();
        put(&queue, "one");
        let deadline = Instant::now() + LONG;
        while memory.0.lock().is_empty() {
            assert!(Instant::now() < deadline, "the line never came");
            thread::sleep(Duration::from_millis(1));
        }
        put(&queue, "two");
        drop(queue);
        while memory.0.lock().len() < 8 {
            assert!(Instant::now() < deadline, "the last line never came");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A reader that does not read.
    struct Stuck(mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_place_blocks_nobody_and_memory_stays_bounded() {
        let (release, stuck) = mpsc::channel();
        let queue = Queue::start("test", Sink::Stream(Box::new(Stuck(stuck))), silent()).unwrap();
        let line = "x".repeat(999);
        let started = Instant::now();
        for _ in 0..20_000 {
            put(&queue, &line);
        }
        assert!(started.elapsed() < LONG, "putting lines in waited for the place");
        assert!(queue.lost().queue_full > 10_000, "{:?}", queue.lost());
        assert!(!queue.flush(Duration::from_millis(50)));
        let buffered: usize = queue.shared.shards.iter().map(|shard| shard.0.lock().capacity()).sum();
        assert!(buffered < 8 * MAX_BUFFERED, "{buffered}");
        drop(release);
        assert!(queue.flush(LONG));
    }

    /// A disk that is full for a while, in the middle of a line.
    struct Full {
        room: usize,
        healed: Arc<AtomicBool>,
        content: Memory,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.healed.load(Ordering::Relaxed) {
                return self.content.write(bytes);
            }
            if self.room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let count = self.room.min(bytes.len());
            self.room -= count;
            self.content.write(&bytes[..count])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_loses_lines_with_a_count_and_nothing_afterwards() {
        let (content, healed) = (Memory::default(), Arc::new(AtomicBool::new(false)));
        let full = Full { room: 6, healed: Arc::clone(&healed), content: content.clone() };
        let (events, told) = mpsc::channel();
        let report = Box::new(move |event| {
            let _ = events.send(match event {
                Event::Failing(error) => error.to_string(),
                Event::NotReopened(_) => "not reopened".to_owned(),
                Event::Recovered => "recovered".to_owned(),
            });
        });
        let queue = Queue::start("test", Sink::Stream(Box::new(full)), report).unwrap();
        for line in ["one", "two", "three"] {
            put(&queue, line);
            assert!(queue.flush(LONG));
        }
        assert_eq!(queue.lost(), Lost { queue_full: 0, write_failed: 2 });
        healed.store(true, Ordering::Relaxed);
        put(&queue, "four");
        assert!(queue.flush(LONG));
        assert_eq!(String::from_utf8(content.0.lock().clone()).unwrap(), "one\ntw\nfour\n");
        assert_eq!(queue.lost().write_failed, 2);
        drop(queue);
        let told: Vec<String> = told.iter().collect();
        assert_eq!(told.len(), 2, "told once when it fails and once when it recovers: {told:?}");
        assert_eq!(told[1], "recovered");
    }

    #[test]
    fn a_file_is_appended_to_and_opened_anew_after_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/access.jsonl");
        let queue = Queue::start("test", Sink::file(path.clone()).unwrap(), silent()).unwrap();
        put(&queue, "one");
        assert!(queue.flush(LONG));
        let rotated = folder.path().join("logs/access.jsonl.1");
        fs::rename(&path, &rotated).unwrap();
        put(&queue, "two");
        queue.reopen();
        assert!(queue.flush(LONG));
        put(&queue, "three");
        assert!(queue.flush(LONG));
        assert_eq!(fs::read_to_string(&rotated).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    }

    #[test]
    fn a_place_that_cannot_be_opened_anew_goes_on_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/access.jsonl");
        let (events, told) = mpsc::channel();
        let report = Box::new(move |event| {
            let _ = events.send(matches!(event, Event::NotReopened(_)));
        });
        let queue = Queue::start("test", Sink::file(path.clone()).unwrap(), report).unwrap();
        let moved = folder.path().join("old");
        fs::rename(path.parent().unwrap(), &moved).unwrap();
        fs::write(path.parent().unwrap(), "a file where the folder was").unwrap();
        queue.reopen();
        put(&queue, "one");
        assert!(queue.flush(LONG));
        assert!(told.recv_timeout(LONG).unwrap());
        assert_eq!(fs::read_to_string(moved.join("access.jsonl")).unwrap(), "one\n");
    }
}
