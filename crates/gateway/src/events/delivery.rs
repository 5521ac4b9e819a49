//! Events on their way: queues with a bound, and the tasks that empty them.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gatehouse_model::Located;
use gatehouse_model::configuration::LogTarget;
use gatehouse_policy::{Clock as _, OutgoingRequest, OutgoingTarget};
use gatehouse_telemetry::line_log::LineLog;
use gatehouse_telemetry::log::Log;
use http::Method;
use parking_lot::Mutex;

use super::event::Event;
use super::sinks::{EventSink, Remote};
use crate::pipeline::{CoreRandom, Shared};
use crate::snapshot::Snapshot;
use crate::upstream::{Client, Pools};

/// The most events and bytes of one request; an event hub takes a megabyte, in its basic tier a quarter of it.
const MOST_EVENTS: usize = 500;
const MOST_BYTES: usize = 240 * 1024;
/// How long events gather before they are sent.
const GATHER: Duration = Duration::from_millis(100);
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The pauses between tries; after the last one the events are given up.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

/// The events of all loggers, shared by all cores.
#[derive(Debug)]
pub struct Events {
    log: Log,
    queues: Mutex<HashMap<Arc<str>, Arc<Queue>>>,
    files: Mutex<HashMap<PathBuf, LineLog>>,
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

/// The events of one logger that wait.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    is_emptied: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    bytes: usize,
}

impl Events {
    /// No events yet.
    pub fn new(log: Log) -> Self {
        Self {
            log,
            queues: Mutex::default(),
            files: Mutex::default(),
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Events by what became of them: sent, dropped because too many waited, failed to be sent.
    pub fn counts(&self) -> [(&'static str, u64); 3] {
        let lost: u64 = self
            .files
            .lock()
            .values()
            .map(LineLog::lost)
            .map(|lost| lost.queue_full + lost.write_failed)
            .sum();
        [
            ("sent", self.sent.load(Ordering::Relaxed)),
            ("dropped", self.dropped.load(Ordering::Relaxed) + lost),
            ("failed", self.failed.load(Ordering::Relaxed)),
        ]
    }

    /// Opens files anew, for rotation (SIGHUP).
    pub fn reopen(&self) {
        self.files.lock().values().for_each(LineLog::reopen);
    }

    /// Waits until every line for a file so far is written, for at most `timeout` each.
    pub fn flush(&self, timeout: Duration) {
        let files: Vec<LineLog> = self.files.lock().values().cloned().collect();
        for file in files {
            file.flush(timeout);
        }
    }

    /// Whether events wait for a remote place.
    pub fn are_waiting(&self) -> bool {
        self.queues.lock().values().any(|queue| queue.is_emptied.load(Ordering::Acquire))
    }

    fn file(&self, path: &Located<PathBuf>) -> Option<LineLog> {
        let mut files = self.files.lock();
        if let Some(file) = files.get(&path.value) {
            return Some(file.clone());
        }
        match LineLog::start("event log", &LogTarget::File(path.clone()), &self.log) {
            Ok(file) => {
                files.insert(path.value.clone(), file.clone());
                Some(file)
            }
            Err(error) => {
                self.log.error(format_args!("{error}; its events are dropped"));
                None
            }
        }
    }

    fn queue(&self, logger: &Arc<str>) -> Arc<Queue> {
        Arc::clone(self.queues.lock().entry(Arc::clone(logger)).or_default())
    }
}

impl Queue {
    /// Puts an event in, within the bound.
    fn put(&self, event: Event, most_bytes: usize) -> bool {
        let mut waiting = self.waiting.lock();
        let bytes = event.bytes();
        if waiting.bytes + bytes > most_bytes {
            return false;
        }
        waiting.bytes += bytes;
        waiting.events.push_back(event);
        true
    }

    /// Takes the events of the next request.
    fn take(&self, remote: &Remote) -> Vec<Event> {
        let mut waiting = self.waiting.lock();
        let mut batch: Vec<Event> = Vec::new();
        let mut bytes = 0;
        while let Some(next) = waiting.events.front() {
            let joins = batch.first().is_none_or(|first| {
                batch.len() < MOST_EVENTS && bytes + next.bytes() <= MOST_BYTES && remote.joins(first, next)
            });
            if !joins {
                break;
            }
            bytes += next.bytes();
            batch.extend(waiting.events.pop_front());
        }
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        batch
    }

    fn is_empty(&self) -> bool {
        self.waiting.lock().events.is_empty()
    }
}

/// Takes an event on its way. Must run on a core: what is remote is sent by a task of it.
pub(crate) fn log(
    shared: &Arc<Shared>,
    snapshot: &Snapshot,
    pools: &Rc<Pools>,
    logger: &Arc<str>,
    event: Event,
) {
    let events = &shared.events;
    let Some(sink) = snapshot.event_sinks.get(logger) else {
        events.dropped.fetch_add(1, Ordering::Relaxed);
        return;
    };
    if let EventSink::File(path) = &**sink {
        match events.file(path) {
            Some(file) => {
                file.line(&event.line(logger));
                events.sent.fetch_add(1, Ordering::Relaxed);
            }
            None => drop(events.dropped.fetch_add(1, Ordering::Relaxed)),
        }
        return;
    }
    let queue = events.queue(logger);
    if !queue.put(event, snapshot.limits.event_bytes) {
        events.dropped.fetch_add(1, Ordering::Relaxed);
        return;
    }
    if !queue.is_emptied.swap(true, Ordering::AcqRel) {
        let (shared, pools, logger) = (Arc::clone(shared), Rc::clone(pools), Arc::clone(logger));
        tokio::task::spawn_local(empty(shared, pools, logger, queue));
    }
}

/// Sends the events of a queue until there are none.
async fn empty(shared: Arc<Shared>, pools: Rc<Pools>, logger: Arc<str>, queue: Arc<Queue>) {
    loop {
        tokio::time::sleep(GATHER).await;
        while !queue.is_empty() {
            // The configuration may have changed since.
            let snapshot = shared.snapshot.load_full();
            match snapshot.event_sinks.get(&logger).map(Arc::clone).as_deref() {
                Some(EventSink::Remote(remote)) => {
                    let batch = queue.take(remote);
                    send(&shared, &pools, &logger, remote, &batch).await;
                }
                _ => {
                    let mut waiting = queue.waiting.lock();
                    shared.events.dropped.fetch_add(waiting.events.len() as u64, Ordering::Relaxed);
                    *waiting = Waiting::default();
                }
            }
        }
        queue.is_emptied.store(false, Ordering::Release);
        // One that came in between has seen the flag set.
        if queue.is_empty() || queue.is_emptied.swap(true, Ordering::AcqRel) {
            return;
        }
    }
}

async fn send(shared: &Arc<Shared>, pools: &Rc<Pools>, logger: &str, remote: &Remote, batch: &[Event]) {
    let events = &shared.events;
    let mut pauses = PAUSES.iter();
    loop {
        let why = match attempt(shared, pools, logger, remote, batch).await {
            Ok(()) => {
                events.sent.fetch_add(batch.len() as u64, Ordering::Relaxed);
                return;
            }
            Err(why) => why,
        };
        let Some(pause) = pauses.next() else {
            events.failed.fetch_add(batch.len() as u64, Ordering::Relaxed);
            events.log.warn(format_args!("{} events of the logger {logger} are lost: {why}", batch.len()));
            return;
        };
        tokio::time::sleep(*pause).await;
    }
}

async fn attempt(
    shared: &Arc<Shared>,
    pools: &Rc<Pools>,
    logger: &str,
    remote: &Remote,
    batch: &[Event],
) -> Result<(), String> {
    let (url, headers, body) = remote.request(logger, batch, shared.clock.now_millis())?;
    let request = OutgoingRequest {
        target: OutgoingTarget::Url(Arc::new(url)),
        method: Method::POST,
        headers,
        body: body.into(),
        timeout: TIMEOUT,
        certificate: None,
        proxy: None,
    };
    let snapshot = shared.snapshot.load_full();
    let random = CoreRandom::new(shared.clock.monotonic_micros());
    let client = Client {
        backends: &snapshot.backends,
        pools,
        clock: &shared.clock,
        random: &random,
        buffered_body_bytes: snapshot.limits.buffered_body_bytes,
    };
    let answer = client.fetch_of_configuration(&request).await.map_err(|error| error.to_string())?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(format!("the answer has the status {}", answer.status.as_u16()))
}
