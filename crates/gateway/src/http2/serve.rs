//! The life of one HTTP/2 connection.

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error as _;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

use super::guard::Guard;
use super::request::check;
use super::stream::Streams;
use crate::client::drain::Drain;
use crate::client::flow::Flow;
use crate::client::response_body::{ResponseBody, TurnCell};
use crate::client::service::{Answer, Exchanges};

/// Time for a client to take the GOAWAY frame and its last answers.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a client may send of one body before the gateway has passed it on.
const STREAM_WINDOW: u32 = 256 * 1024;

/// What it may send of all bodies of a connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// What is kept of one answer for a client that has no room for it.
const SEND_BUFFER: usize = 64 * 1024;

/// Streams that the client has reset before they were accepted (CVE-2023-44487).
const PENDING_RESETS: usize = 32;

/// Streams that the client made this side reset (CVE-2025-8671).
const LOCAL_RESETS: usize = 128;

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As connections end: either side has had enough, or the client is gone.
    Ordinary,
    /// The client broke the rules of HTTP/2, or flooded.
    Violation,
}

/// Serves requests until the client ends, is idle for too long, floods, or is asked to go elsewhere.
pub(crate) async fn serve<S>(stream: S, mut exchanges: Exchanges, drain: Rc<Drain>, flow: Arc<Flow>) -> End
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let limits = Arc::clone(&exchanges.limits);
    let activity = Rc::clone(&exchanges.activity);
    let turn = TurnCell::default();
    exchanges.turn = Some(Rc::clone(&turn));
    let streams = Streams { turn, timeout: limits.body_timeout, activity: Rc::clone(&activity) };
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .adaptive_window(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .keep_alive_interval(limits.idle_timeout.max(Duration::from_secs(10)) / 2)
        .keep_alive_timeout(Duration::from_secs(20))
        .enable_connect_protocol();
    let cut = Rc::new(Cell::new(false));
    let io = TokioIo::new(Guard::new(stream, Rc::clone(&cut)));
    let mut connection = pin!(builder.serve_connection(io, Requests { exchanges }));
    let shortest = limits.body_timeout.min(limits.idle_timeout);
    let look_every = (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(5));
    let mut sleep = pin!(sleep_until(Instant::now() + look_every));
    let mut asked = pin!(drain.asked());
    let mut registered = false;
    let mut farewell: Option<Instant> = None;
    let mut told = false;
    poll_fn(|context| {
        loop {
            if !told && drain.is_asked() {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            if let Poll::Ready(end) = connection.as_mut().poll(context) {
                let is_violation = cut.get() || end.is_err_and(|error| is_violation(&error));
                return Poll::Ready(if is_violation { End::Violation } else { End::Ordinary });
            }
            // Polled once: the task's waker stays the same, and the flag above says the rest.
            if !told && !registered {
                registered = true;
                if asked.as_mut().poll(context).is_ready() {
                    continue;
                }
            }
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            sleep.as_mut().reset(now + look_every);
            let is_over = |since: Option<Instant>, bound| since.is_some_and(|since| now >= since + bound);
            if is_over(flow.blocked_since(), limits.body_timeout) {
                return Poll::Ready(End::Ordinary);
            }
            if activity.in_flight() > 0 {
                farewell = None;
            } else if told || now >= activity.idle_since() + limits.idle_timeout {
                // A client that is gone does not answer the GOAWAY.
                if is_over(Some(*farewell.get_or_insert(now)), FAREWELL) {
                    return Poll::Ready(End::Ordinary);
                }
                if !told {
                    told = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    })
    .await
}

/// Whether this side has found the client to break the rules.
fn is_violation(error: &hyper::Error) -> bool {
    let h2 = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    h2.is_some_and(h2::Error::is_library)
}

struct Requests {
    exchanges: Exchanges,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Infallibly;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Infallibly(match check(&request, self.exchanges.limits.headers) {
            Ok(()) => self.exchanges.handle(request),
            Err(refusal) => self.exchanges.refuse(refusal),
        })
    }
}

struct Infallibly(Answer);

impl Future for Infallibly {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(Ok)
    }
}
