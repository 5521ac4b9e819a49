//! HTTP/1.1 connections: one request at a time, taken up again once the answer was read to its end.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::authority::Authority;
use super::io::Stream;
use super::slot::Slot;
use crate::upstream::request_body::RequestBody;

/// The most that a connection buffers of an answer.
const BUFFER: usize = 64 * 1024;
/// The longest head of an answer.
const HEAD: usize = 32 * 1024;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// What the connection's task and its users share.
#[derive(Debug)]
pub(super) struct Connection {
    /// Who answers.
    pub(super) peer: SocketAddr,
    /// The sender of an exchange whose answer is still being read. The connection's task takes it back into the pool
    /// when that is done: the reader may be on the far side of a `Send` bound that the pool cannot cross.
    returning: RefCell<Option<SendRequest<RequestBody>>>,
    slot: RefCell<Option<Arc<Slot>>>,
    /// How long the peer keeps it without a request; endless where it does not say.
    patience: Cell<Duration>,
}

/// A connection without a request.
#[derive(Debug)]
pub(super) struct Idle {
    sender: SendRequest<RequestBody>,
    connection: Rc<Connection>,
    since: Instant,
}

impl Idle {
    /// Whether the peer has closed it, or is about to.
    pub(super) fn is_closed(&self) -> bool {
        let patience = self.connection.patience.get();
        self.sender.is_closed() || (patience != Duration::MAX && self.since.elapsed() >= patience)
    }

    /// Since when there is nothing to do.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Who answers.
    pub(super) fn peer(&self) -> SocketAddr {
        self.connection.peer
    }

    /// Takes it for a request.
    pub(super) fn take(self) -> Http1Lease {
        Http1Lease { sender: self.sender, connection: self.connection, reused: true }
    }
}

/// A connection in the hands of one request.
#[derive(Debug)]
pub(in crate::upstream) struct Http1Lease {
    pub(super) sender: SendRequest<RequestBody>,
    pub(super) connection: Rc<Connection>,
    pub(super) reused: bool,
}

impl Http1Lease {
    /// Lets the connection go back to the pool once the answer has been read.
    pub(super) fn give_back(self, authority: &Authority, answer: &HeaderMap) {
        if let Some(patience) = patience(answer) {
            self.connection.patience.set(patience);
        }
        if self.sender.is_ready() {
            authority.put_idle(Idle {
                sender: self.sender,
                connection: self.connection,
                since: Instant::now(),
            });
        } else if !self.sender.is_closed() {
            *self.connection.returning.borrow_mut() = Some(self.sender);
        }
    }

    /// The connection's place, shared with what may become a tunnel.
    pub(super) fn slot(&self) -> Option<Arc<Slot>> {
        self.connection.slot.borrow().clone()
    }
}

/// Makes an HTTP/1.1 connection of a stream.
pub(super) async fn open(
    stream: Stream,
    peer: SocketAddr,
    slot: Slot,
    authority: Weak<Authority>,
) -> hyper::Result<Http1Lease> {
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(BUFFER)
        .max_header_size(HEAD)
        .handshake(TokioIo::new(stream))
        .await?;
    let shared = Rc::new(Connection {
        peer,
        returning: RefCell::new(None),
        slot: RefCell::new(Some(Arc::new(slot))),
        patience: Cell::new(Duration::MAX),
    });
    tokio::task::spawn_local(drive(connection.with_upgrades(), Rc::clone(&shared), authority));
    Ok(Http1Lease { sender, connection: shared, reused: false })
}

/// What `Keep-Alive: timeout` promises, less a margin: a request that meets the peer's closing is lost, and one that
/// is not idempotent cannot be sent again.
fn patience(answer: &HeaderMap) -> Option<Duration> {
    let parameters = answer.get(KEEP_ALIVE)?.to_str().ok()?;
    let seconds = parameters.split(',').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("timeout") { value.trim().parse::<u32>().ok() } else { None }
    })?;
    let promised = Duration::from_secs(u64::from(seconds));
    Some(promised.saturating_sub(Duration::from_secs(1)).max(promised / 2))
}

async fn drive(
    mut connection: impl Future<Output = hyper::Result<()>> + Unpin,
    shared: Rc<Connection>,
    authority: Weak<Authority>,
) {
    poll_fn(|context| {
        if Pin::new(&mut connection).poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut returning = shared.returning.borrow_mut();
        if let Some(sender) = returning.take() {
            if sender.is_ready() {
                if let Some(authority) = authority.upgrade() {
                    let connection = Rc::clone(&shared);
                    authority.put_idle(Idle { sender, connection, since: Instant::now() });
                }
            } else if !sender.is_closed() {
                *returning = Some(sender);
            }
        }
        Poll::Pending
    })
    .await;
    shared.returning.borrow_mut().take();
    shared.slot.borrow_mut().take();
}
