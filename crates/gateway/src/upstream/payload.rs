//! What is to be sent as the body of a request, perhaps more than once.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use gatehouse_policy::{Body, BodyError};
use http_body::{Body as HttpBody, Frame};

use super::expect::Gate;
use super::request_body::{Failure, RequestBody};

/// What is to be sent as the body of a request.
#[derive(Debug)]
pub(super) enum Payload {
    /// All bytes: can be sent again.
    Whole(Bytes),
    /// Bytes as they arrive: can be sent once.
    Stream(Body),
}

impl Payload {
    /// No bytes.
    pub(super) fn empty() -> Self {
        Self::Whole(Bytes::new())
    }

    /// Takes an exchange's body. One that is whole stays where it is too; in the place of one that streams stays one
    /// that says so when it is read.
    pub(super) fn take(body: &mut Body) -> Self {
        match body.bytes() {
            Some(bytes) => Self::Whole(bytes.clone()),
            None => Self::Stream(std::mem::replace(body, Body::stream(Sent))),
        }
    }

    /// Whether it can be sent only once.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// The body of a request, and where it tells what goes wrong with it.
    pub(super) fn body(&mut self, gate: Option<Gate>) -> (RequestBody, Option<Failure>) {
        match self {
            Self::Whole(bytes) => (RequestBody::whole(Body::from(bytes.clone())), None),
            Self::Stream(body) => {
                let failure = Failure::default();
                let body = std::mem::replace(body, Body::stream(Sent));
                (RequestBody::stream(body, gate, failure.clone()), Some(failure))
            }
        }
    }

    /// Takes back a body of which nothing was sent.
    pub(super) fn give_back(&mut self, body: RequestBody) {
        if let Self::Stream(place) = self {
            *place = body.into_body();
        }
    }
}

/// Stands where a body was before it was sent.
struct Sent;

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(Some(Err(BodyError::Malformed(
            "it has been sent already; forward-request keeps it where buffer-request-body is true".to_owned(),
        ))))
    }
}
