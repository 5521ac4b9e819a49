//! The body of a request on its way to a backend.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gatehouse_policy::{Body, BodyError};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::expect::Gate;
use super::trailers;

/// Why the client's body failed, told to whoever waits for the answer.
pub(super) type Failure = Rc<RefCell<Option<BodyError>>>;

/// The body of a request on its way to a backend.
#[derive(Debug, Default)]
pub(super) struct RequestBody {
    body: Body,
    gate: Option<Gate>,
    failure: Option<Failure>,
}

impl RequestBody {
    /// A body that can be sent again.
    pub(super) fn whole(body: Body) -> Self {
        Self { body, gate: None, failure: None }
    }

    /// A body that streams: held back by the gate, where there is one, and telling `failure` what goes wrong.
    pub(super) fn stream(body: Body, gate: Option<Gate>, failure: Failure) -> Self {
        Self { body, gate, failure: Some(failure) }
    }

    /// The body again, where nothing of it was sent.
    pub(super) fn into_body(self) -> Body {
        self.body
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(gate) = &self.gate {
            match gate.poll_open(context) {
                Poll::Ready(true) => self.gate = None,
                Poll::Ready(false) => return Poll::Ready(Some(Err(BodyError::Aborted))),
                Poll::Pending => return Poll::Pending,
            }
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let (Poll::Ready(Some(Err(error))), Some(failure)) = (&frame, &self.failure) {
            *failure.borrow_mut() = Some(error.clone());
        }
        frame.map_ok(trailers::pass)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
