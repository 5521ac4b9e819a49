//! One event on its way.

use std::sync::Arc;

use gatehouse_policy::Partition;
use serde_json::json;

/// What an event costs besides its text, in bytes.
const OVERHEAD: usize = 256;

/// An event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Milliseconds since 1970.
    pub(crate) time_millis: u64,
    /// The request that it is about.
    pub(crate) request_id: uuid::Uuid,
    /// Its text.
    pub(crate) message: Arc<str>,
    /// Where among the partitions it goes.
    pub(crate) partition: Option<Partition>,
}

impl Event {
    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let key = match &self.partition {
            Some(Partition::Key(key)) => key.len(),
            _ => 0,
        };
        self.message.len() + key + OVERHEAD
    }

    /// The event as a line of JSON, without its end.
    pub(super) fn line(&self, logger: &str) -> Vec<u8> {
        let mut line = json!({
            "time": self.time_millis,
            "request_id": self.request_id.hyphenated().to_string(),
            "logger": logger,
            "message": &*self.message,
        });
        match &self.partition {
            Some(Partition::Id(id)) => line["partition_id"] = json!(id),
            Some(Partition::Key(key)) => line["partition_key"] = json!(&**key),
            None => {}
        }
        line.to_string().into_bytes()
    }
}
