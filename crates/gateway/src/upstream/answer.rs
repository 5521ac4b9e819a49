//! The answer of a backend: its head checked and stripped, its body streamed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gatehouse_policy::{Body, BodyError, Response, UpstreamError};
use http::header::{CONTENT_LENGTH, HeaderMap, RETRY_AFTER, TRANSFER_ENCODING};
use http::{StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use tokio::time::{Instant, Sleep};

use super::expect::Gate;
use super::pool::StreamSlot;
use super::trailers;
use crate::hop_by_hop;

/// Makes an exchange's answer of a backend's.
pub(super) fn accept(
    response: http::Response<Incoming>,
    stream: Option<StreamSlot>,
    gate: Option<Gate>,
    timer: Pin<Box<Sleep>>,
    patience: Duration,
) -> Result<Response, UpstreamError> {
    let (mut head, incoming) = response.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(UpstreamError::BadAnswer("it switches protocols without being asked to".to_owned()));
    }
    check_framing(&head.headers)?;
    hop_by_hop::strip(&mut head.headers);
    let reason = head
        .extensions
        .remove::<ReasonPhrase>()
        .and_then(|reason| std::str::from_utf8(reason.as_bytes()).ok().map(Arc::from));
    let body = Body::stream(AnswerBody {
        incoming,
        is_http2: head.version == Version::HTTP_2,
        timer,
        patience,
        armed: false,
        done: false,
        _stream: stream,
        gate,
    });
    Ok(Response { status: head.status, reason, headers: head.headers, body })
}

/// How long the backend asks to be left alone.
pub(super) fn retry_after(headers: &HeaderMap, now_millis: u64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = std::time::UNIX_EPOCH + Duration::from_millis(now_millis);
    Some(until.duration_since(now).unwrap_or_default())
}

/// Two ways of saying where a body ends are an attempt to make two parties see different ends (RFC 9112 section 6.1).
fn check_framing(headers: &HeaderMap) -> Result<(), UpstreamError> {
    if !headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    if headers.contains_key(CONTENT_LENGTH) {
        return Err(UpstreamError::BadAnswer("it has both Content-Length and Transfer-Encoding".to_owned()));
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let chunked = codings.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if chunked && codings.next().is_none() {
        Ok(())
    } else {
        Err(UpstreamError::BadAnswer("it has a transfer coding other than chunked".to_owned()))
    }
}

/// The body of an answer as it arrives.
struct AnswerBody {
    incoming: Incoming,
    is_http2: bool,
    timer: Pin<Box<Sleep>>,
    patience: Duration,
    armed: bool,
    done: bool,
    _stream: Option<StreamSlot>,
    gate: Option<Gate>,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.armed = false;
                Poll::Ready(Some(Ok(trailers::pass(frame))))
            }
            Poll::Ready(Some(Err(error))) => {
                this.done = true;
                Poll::Ready(Some(Err(classify(&error))))
            }
            Poll::Ready(None) => {
                this.done = true;
                // A stream that the peer resets with NO_ERROR reads like one that has ended.
                if this.is_http2 && !this.incoming.is_end_stream() {
                    return Poll::Ready(Some(Err(BodyError::Aborted)));
                }
                Poll::Ready(None)
            }
            Poll::Pending => {
                if !this.armed {
                    this.armed = true;
                    // One that ends beyond the representable future does not end.
                    if let Some(end) = Instant::now().checked_add(this.patience) {
                        this.timer.as_mut().reset(end);
                    }
                }
                if this.timer.as_mut().poll(context).is_ready() {
                    this.done = true;
                    return Poll::Ready(Some(Err(BodyError::TooSlow)));
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.done || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(gate) = &self.gate {
            gate.bar();
        }
    }
}

fn classify(error: &hyper::Error) -> BodyError {
    if error.is_parse() {
        return BodyError::Malformed(error.to_string());
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput)
        {
            return BodyError::Malformed(io.to_string());
        }
        source = cause.source();
    }
    BodyError::Aborted
}
