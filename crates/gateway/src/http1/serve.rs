//! The life of one HTTP/1 connection. Between requests it is parked: parser and buffers are gone, and what is left is
//! the TLS session and a small task.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout};

use super::guard::{Guard, HeadLimits};
use super::wire::{Upgrade, Wire};
use crate::client::drain::Drain;
use crate::client::flow::Flow;
use crate::client::response_body::ResponseBody;
use crate::client::service::{Answer, Exchanges};

/// A connection without requests for so long gives its parser and buffers back.
const PARK_AFTER: Duration = Duration::from_secs(1);

/// How long a new connection may take to send its request when the listener is to end.
const LATE_REQUEST: Duration = Duration::from_secs(3);

/// How long the rest of a refused request is read and dropped, so that the answer is not lost in a reset.
const LINGER: Duration = Duration::from_secs(1);

/// How much of it.
const LINGER_BYTES: usize = 1024 * 1024;

/// What a connection is served with.
pub(crate) struct Session {
    /// Handler, limits and facts of the connection.
    pub(crate) exchanges: Exchanges,
    /// The wish of the listener that connections end.
    pub(crate) drain: Rc<Drain>,
    /// Whether the client takes what it is sent.
    pub(crate) flow: Arc<Flow>,
}

/// Serves requests until the client ends, is too slow, or is asked to go elsewhere.
pub(crate) async fn serve<S>(stream: S, session: Session)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let wire = Arc::new(Wire::new());
    let limits = &session.exchanges.limits;
    let head_limits = HeadLimits { bytes: limits.header_bytes, fields: limits.headers };
    let mut guard = Guard::new(stream, Arc::clone(&wire), head_limits);
    let session = Rc::new(session);
    let answered = Rc::new(Cell::new(0));
    while first_bytes(&mut guard, &session).await {
        let service =
            Requests { session: Rc::clone(&session), wire: Arc::clone(&wire), number: Rc::clone(&answered) };
        // Boxed, or a parked connection would keep the room for it.
        let Some(parked) = Box::pin(requests(guard, service)).await else { return };
        guard = parked;
    }
    if !wire.is_ended() {
        let _ = timeout(LINGER, guard.shutdown()).await;
    }
}

/// Waits for a request. `false`: there will be none.
async fn first_bytes<S: AsyncRead + Unpin>(guard: &mut Guard<S>, session: &Session) -> bool {
    let activity = &session.exchanges.activity;
    let idle = activity.idle_since() + session.exchanges.limits.idle_timeout;
    let mut sleep = pin!(sleep_until(idle));
    let mut asked = pin!(session.drain.asked());
    let mut told = false;
    poll_fn(|context| {
        // Bytes first: a request that has arrived is served, whatever else has happened since.
        if let Poll::Ready(read) = guard.poll_first_bytes(context) {
            return Poll::Ready(matches!(read, Ok(true)));
        }
        if !told && (asked.as_mut().poll(context).is_ready() || session.drain.is_asked()) {
            told = true;
            // Who has just connected has a request to send, and cannot know that it comes late.
            let patience = if activity.served() == 0 { LATE_REQUEST } else { Duration::ZERO };
            let deadline = sleep.deadline().min(Instant::now() + patience);
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context).map(|()| false)
    })
    .await
}

/// Serves requests. The guard comes back when the connection has become idle.
async fn requests<S>(guard: Guard<S>, service: Requests) -> Option<Guard<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let session = Rc::clone(&service.session);
    let wire = Arc::clone(&service.wire);
    let answered = Rc::clone(&service.number);
    let limits = Arc::clone(&session.exchanges.limits);
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_buf_size(limits.header_bytes.max(32 * 1024) + 32 * 1024);
    if limits.headers > 100 {
        builder.max_headers(limits.headers);
    }
    let mut connection = builder.serve_connection(TokioIo::new(guard), service).with_upgrades();
    let keeper = TimeKeeper { session: &session, wire: &wire, answered: &answered };
    let mut sleep = pin!(sleep_until(keeper.next_look(Instant::now())));
    let mut asked = pin!(session.drain.asked());
    let mut told = false;
    let mut registered = false;
    let end = poll_fn(|context| {
        loop {
            if Pin::new(&mut connection).poll(context).is_ready() {
                return Poll::Ready(End::Done);
            }
            // After the poll, and not amid a head: a parser that has seen nothing of a request would drop it.
            if !told && session.drain.is_asked() && !keeper.is_amid_head() {
                told = true;
                Pin::new(&mut connection).graceful_shutdown();
                continue;
            }
            // Polled once: the task's waker stays the same, and the flag above says the rest.
            if !registered {
                registered = true;
                if asked.as_mut().poll(context).is_ready() {
                    continue;
                }
            }
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            match keeper.look(now) {
                Verdict::Wait => sleep.as_mut().reset(keeper.next_look(now)),
                Verdict::ExpireHead => {
                    wire.expire_head();
                    sleep.as_mut().reset(keeper.next_look(now));
                }
                Verdict::Park => return Poll::Ready(End::Idle),
                Verdict::Abort => return Poll::Ready(End::Aborted),
            }
        }
    })
    .await;
    match end {
        End::Aborted => None,
        End::Idle => {
            let parts = connection.into_parts()?;
            // Only whole heads are given to the parser, and all of them have been answered.
            parts.read_buf.is_empty().then(|| parts.io.into_inner())
        }
        End::Done => {
            let unread = wire.is_refused() || wire.is_mid_message() || session.exchanges.close.is_set();
            if unread && !wire.is_ended() {
                let mut guard = connection.into_parts()?.io.into_inner();
                linger(guard.stream_mut()).await;
            }
            None
        }
    }
}

enum End {
    Done,
    Idle,
    Aborted,
}

/// Reads and drops what the client still sends: closing a socket with unread bytes resets the connection, and the
/// reset may overtake the answer.
pub(super) async fn linger<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut left = LINGER_BYTES;
    let mut buffer = vec![0; 4096];
    let _ = timeout(LINGER, async {
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            left = left.saturating_sub(read);
            if left == 0 {
                break;
            }
        }
    })
    .await;
}

/// Judges a connection by the clock, now and then: no timer is set for a request.
struct TimeKeeper<'a> {
    session: &'a Session,
    wire: &'a Wire,
    answered: &'a Cell<u32>,
}

enum Verdict {
    Wait,
    ExpireHead,
    Park,
    Abort,
}

impl TimeKeeper<'_> {
    fn is_amid_head(&self) -> bool {
        self.wire.head_since.get(self.wire.epoch).is_some()
    }

    fn look(&self, now: Instant) -> Verdict {
        let limits = &self.session.exchanges.limits;
        let activity = &self.session.exchanges.activity;
        let is_over = |since: Option<Instant>, bound| since.is_some_and(|since| now >= since + bound);
        if is_over(self.session.flow.blocked_since(), limits.body_timeout) {
            return Verdict::Abort;
        }
        let head_since = self.wire.head_since.get(self.wire.epoch);
        if is_over(head_since, limits.header_timeout) {
            // The answer to an earlier request may still be under way; the head waits behind it.
            return if self.wire.is_head_expired() { Verdict::Wait } else { Verdict::ExpireHead };
        }
        if activity.in_flight() > 0 || head_since.is_some() {
            return Verdict::Wait;
        }
        let idle_since = activity.idle_since();
        let is_between = self.answered.get() == self.wire.heads()
            && !self.wire.is_mid_message()
            && !self.wire.is_refused()
            && self.session.flow.blocked_since().is_none();
        if is_between && now >= idle_since + PARK_AFTER.min(limits.idle_timeout) {
            // A parked connection ends at its idle timeout in good form.
            Verdict::Park
        } else if now >= idle_since + limits.idle_timeout {
            Verdict::Abort
        } else {
            Verdict::Wait
        }
    }

    /// Marks are set without a timer, so the look comes a few times within the shortest bound.
    fn next_look(&self, now: Instant) -> Instant {
        let limits = &self.session.exchanges.limits;
        let shortest = limits.header_timeout.min(limits.body_timeout).min(limits.idle_timeout);
        now + (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(1))
    }
}

/// Numbers the requests as the guard numbers their heads.
struct Requests {
    session: Rc<Session>,
    wire: Arc<Wire>,
    number: Rc<Cell<u32>>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Numbered;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let number = self.number.get().wrapping_add(1);
        self.number.set(number);
        if let Some(refusal) = self.wire.refusal_of(number) {
            return Numbered { answer: self.session.exchanges.refuse(refusal), upgrade: None };
        }
        // A head that asks for a WebSocket is the last that passes until its answer is known.
        let asks = self.wire.upgrade() == Upgrade::Asked && number == self.wire.heads();
        if !asks {
            request.extensions_mut().remove::<OnUpgrade>();
        }
        let upgrade = asks.then(|| Arc::clone(&self.wire));
        Numbered { answer: self.session.exchanges.handle(request), upgrade }
    }
}

/// An answer that also decides what the connection speaks after it.
struct Numbered {
    answer: Answer,
    upgrade: Option<Arc<Wire>>,
}

impl Future for Numbered {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(response) = Pin::new(&mut self.answer).poll(context) else { return Poll::Pending };
        if let Some(wire) = self.upgrade.take() {
            let accepted = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            wire.set_upgrade(if accepted { Upgrade::Accepted } else { Upgrade::Declined });
            // The guard holds the read side until now.
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(response))
    }
}
