//! HTTP/2 connections: shared by requests up to the peer's limit of streams.

use std::cell::Cell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::io::Stream;
use super::slot::{Places, Slot, StreamSlot};
use crate::upstream::request_body::RequestBody;

/// What a backend may send of one answer before it is read: the bound on memory for a client that reads slowly.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Wide enough for every stream's window, so that slow readers do not stop the others of their connection.
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;
/// Streams of one connection, however many the peer allows: as many as the connection's window can hold.
const MOST_STREAMS: usize = (CONNECTION_WINDOW / STREAM_WINDOW) as usize;
/// What is buffered of one request's body.
const SEND_BUFFER: usize = 128 * 1024;
/// The longest head of an answer.
const HEAD: u32 = 32 * 1024;
/// A connection with streams that says nothing for so long is asked whether it lives.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long the answer may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<RequestBody>,
    /// Who answers.
    pub(super) peer: SocketAddr,
    limit: Rc<Cell<usize>>,
    streams: Places,
    last_used: Cell<Instant>,
}

impl Connection {
    /// Whether it takes no more requests.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether no stream is open, and since when.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.streams.taken() == 0).then(|| self.last_used.get())
    }

    /// Takes a stream, where the peer allows one more.
    pub(super) fn take(&self, reused: bool) -> Option<Http2Lease> {
        if self.streams.taken() >= self.limit.get().min(MOST_STREAMS) {
            return None;
        }
        self.last_used.set(Instant::now());
        Some(Http2Lease { sender: self.sender.clone(), slot: StreamSlot::take(&self.streams), reused })
    }
}

/// A stream in the hands of one request.
#[derive(Debug)]
pub(in crate::upstream) struct Http2Lease {
    pub(super) sender: SendRequest<RequestBody>,
    pub(super) slot: StreamSlot,
    pub(super) reused: bool,
}

/// Spawns on the core that the connection belongs to.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future<Output: 'static> + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Makes an HTTP/2 connection of a stream.
pub(super) async fn open(
    stream: Stream,
    peer: SocketAddr,
    slot: Slot,
    bell: Arc<Notify>,
) -> hyper::Result<Rc<Connection>> {
    let (sender, mut connection) = Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEAD)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .handshake(TokioIo::new(stream))
        .await?;
    let limit = Rc::new(Cell::new(connection.current_max_send_streams()));
    let shared = Rc::new(Connection {
        sender,
        peer,
        limit: Rc::clone(&limit),
        streams: Places::new(bell),
        last_used: Cell::new(Instant::now()),
    });
    tokio::task::spawn_local(async move {
        poll_fn(|context| {
            let outcome = Pin::new(&mut connection).poll(context);
            limit.set(connection.current_max_send_streams());
            outcome.map(|_| ())
        })
        .await;
        drop(slot);
    });
    Ok(shared)
}
