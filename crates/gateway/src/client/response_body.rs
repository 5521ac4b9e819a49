//! An answer's body on its way to the client.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gatehouse_policy::{Body, BodyError};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::activity::Flight;

/// Whose turn it is, for a body that is being written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The gateway has to produce the next frame.
    #[default]
    Gateway,
    /// A frame is with the client, and the next has not been asked for. The number tells frames apart.
    Client(u64),
}

/// The turn of the stream that runs at the moment; HTTP/2 watches it to see clients that do not read.
pub(crate) type TurnCell = Rc<Cell<Turn>>;

/// A body that counts its request as under way until it is dropped.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    body: Body,
    turn: Option<TurnCell>,
    frames: u64,
    _flight: Option<Flight>,
}

impl ResponseBody {
    /// Couples a body with the request that it answers.
    pub(crate) fn new(body: Body, flight: Option<Flight>, turn: Option<TurnCell>) -> Self {
        Self { body, turn, frames: 0, _flight: flight }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Some(turn) = &self.turn {
            let next = match &frame {
                Poll::Ready(Some(Ok(_))) => Turn::Client(self.frames + 1),
                _ => Turn::Gateway,
            };
            turn.set(next);
            self.frames += 1;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
