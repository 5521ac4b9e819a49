//! Keeps the traces that requests ask for, on a thread of its own: the disk is never waited for on a request's way.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use gatehouse_gateway::pipeline::{FinishedTrace, TraceSink};
use gatehouse_policy::trace::Entry;
use gatehouse_store::TraceStore;
use gatehouse_telemetry::log::Log;
use serde_json::{Value, json};

/// How many traces may wait to be written.
const QUEUE: usize = 32;

/// Hands traces to the thread that writes them.
pub(super) struct TraceWriter {
    queue: SyncSender<FinishedTrace>,
    log: Log,
}

impl TraceWriter {
    /// Starts the thread; it ends when the writer is dropped.
    pub(super) fn start(store: impl TraceStore + 'static, log: Log) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(QUEUE);
        let of_thread = log.clone();
        std::thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || write(&waiting, &store, &of_thread))?;
        Ok(Self { queue, log })
    }
}

impl TraceSink for TraceWriter {
    fn keep(&self, trace: FinishedTrace) {
        if let Err(TrySendError::Full(trace)) = self.queue.try_send(trace) {
            self.log.warn(format!("the trace {} is dropped: too many wait to be written", trace.id));
        }
    }
}

fn write(waiting: &Receiver<FinishedTrace>, store: &impl TraceStore, log: &Log) {
    for trace in waiting {
        if let Err(error) = store.put(&trace.id, &as_json(&trace).to_string()) {
            log.warn(format!("the trace {} cannot be kept: {error}", trace.id));
        }
    }
}

fn as_json(trace: &FinishedTrace) -> Value {
    let entries: Vec<Value> = trace.entries.iter().map(Entry::to_json).collect();
    let time = jiff::Timestamp::from_millisecond(trace.time_millis.cast_signed());
    let time = time.map(|time| time.to_string()).unwrap_or_default();
    json!({
        "id": trace.id,
        "time": time,
        "request": { "line": trace.request },
        "api": trace.api,
        "response": { "status": trace.status },
        "entries": entries,
        "truncated": trace.is_cut,
    })
}
