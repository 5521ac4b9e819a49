//! A request's body with its bounds: size, pauses and mean rate.

use std::error::Error as _;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use gatehouse_model::configuration::Limits;
use gatehouse_policy::{Body, BodyError};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::activity::CloseFlag;

/// Bytes of a body that do not follow the framing that its head announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FramingError(pub(crate) &'static str);

impl From<FramingError> for io::Error {
    fn from(error: FramingError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Lets go of a body that nobody reads, as [`bounded`] does at its end.
pub(crate) fn let_go(incoming: Incoming, limits: &Limits, close: CloseFlag) {
    drop(bounded(incoming, limits, close));
}

/// The body as the handler gets it. `close` is set when the body fails: what follows on the connection cannot be
/// told apart from the rest of the body.
pub(crate) fn bounded(incoming: Incoming, limits: &Limits, close: CloseFlag) -> Body {
    if incoming.is_end_stream() {
        return Body::Empty;
    }
    Body::stream(RequestBody {
        incoming: Some(incoming),
        close,
        received: 0,
        limit: limits.body_bytes,
        timeout: limits.body_timeout,
        rate: limits.body_rate,
        pending_since: None,
        waited: Duration::ZERO,
        timer: None,
        failed: false,
        drained: DRAINED_BYTES,
    })
}

struct RequestBody {
    /// There until this value is dropped.
    incoming: Option<Incoming>,
    close: CloseFlag,
    received: u64,
    limit: u64,
    timeout: Duration,
    rate: u32,
    pending_since: Option<Instant>,
    /// Time spent waiting for the client alone: a backend that reads slowly is not the client's fault.
    waited: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    failed: bool,
    /// How much of what is left is read away at the end.
    drained: usize,
}

impl RequestBody {
    fn fail<T>(&mut self, error: BodyError) -> Poll<Option<Result<T, BodyError>>> {
        self.failed = true;
        // What is too large is not read any further, but its client is to see the answer.
        self.drained = 0;
        if !matches!(error, BodyError::TooLarge { .. }) {
            self.incoming = None;
        }
        self.timer = None;
        self.close.set();
        Poll::Ready(Some(Err(error)))
    }

    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = *self.pending_since.get_or_insert_with(|| {
            let now = Instant::now();
            let deadline = now + self.timeout;
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(deadline),
                None => self.timer = Some(Box::pin(tokio::time::sleep_until(deadline))),
            }
            now
        });
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(context),
            None if now.elapsed() >= self.timeout => Poll::Ready(()),
            None => Poll::Pending,
        }
    }

    fn too_slow(&self) -> bool {
        self.waited > self.timeout
            && (self.received as f64) < f64::from(self.rate) * self.waited.as_secs_f64()
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = &mut *self;
        if body.failed {
            return Poll::Ready(None);
        }
        let Some(incoming) = &mut body.incoming else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(incoming).poll_frame(context) else {
            ready!(body.poll_timeout(context));
            return body.fail(BodyError::TooSlow);
        };
        if let Some(since) = body.pending_since.take() {
            body.waited += since.elapsed();
        }
        match frame {
            Some(Ok(frame)) => {
                body.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                if body.received > body.limit {
                    let limit = body.limit;
                    return body.fail(BodyError::TooLarge { limit });
                }
                if body.rate > 0 && body.too_slow() {
                    return body.fail(BodyError::TooSlow);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => body.fail(body_error(&error)),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

/// An answer that is given before the body is read ends the client's stream: clients in use (curl 7.88) take that for
/// a failure of the request. What is on its way already is read away, within bounds, before the stream is let go.
impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(mut incoming) = self.incoming.take().filter(|body| !body.is_end_stream()) else { return };
        // Where no core runs (it is ending, or a test has the body alone) there is nobody to read it away.
        if std::thread::panicking() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let mut left = self.drained;
        let drain = async move {
            while left > 0 {
                let Some(Ok(frame)) = incoming.frame().await else { return };
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            }
            // The client is held back by the stream's window from now on, and has the answer meanwhile.
            std::future::pending::<()>().await;
            drop(incoming);
        };
        let spawn =
            || tokio::task::spawn_local(async move { drop(tokio::time::timeout(DRAINED_FOR, drain).await) });
        drop(catch_unwind(AssertUnwindSafe(spawn)));
    }
}

/// How much of an unread body is read away, and for how long.
const DRAINED_BYTES: usize = 64 * 1024;
const DRAINED_FOR: Duration = Duration::from_secs(1);

fn body_error(error: &hyper::Error) -> BodyError {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && let Some(framing) = io.get_ref().and_then(|inner| inner.downcast_ref::<FramingError>())
        {
            return BodyError::Malformed(framing.0.to_owned());
        }
        if let Some(h2) = cause.downcast_ref::<h2::Error>()
            && h2.is_library()
        {
            return BodyError::Malformed("the frames of the stream do not form a message".to_owned());
        }
        source = cause.source();
    }
    BodyError::Aborted
}
