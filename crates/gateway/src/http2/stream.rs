//! The tasks of one connection's streams, each with a watch over clients that do not read.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use crate::client::activity::{Activity, Flight};
use crate::client::response_body::{Turn, TurnCell};

/// Runs the streams of one connection on the core of the connection.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    /// The turn of the stream that is being polled.
    pub(super) turn: TurnCell,
    /// How long a client may leave a frame unread.
    pub(super) timeout: Duration,
    /// Streams under way. A tunnel is one after its request has been answered.
    pub(super) activity: Rc<Activity>,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, future: F) {
        let stream = Stream {
            future,
            turn: Turn::Gateway,
            streams: self.clone(),
            deadline: None,
            _flight: self.activity.begin(),
        };
        tokio::task::spawn_local(stream);
    }
}

pin_project! {
    /// One stream, from its head to the end of the answer. Dropping it resets the stream.
    struct Stream<F> {
        #[pin]
        future: F,
        turn: Turn,
        streams: Streams,
        deadline: Option<Pin<Box<Sleep>>>,
        _flight: Flight,
    }
}

impl<F: Future<Output = ()>> Future for Stream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let stream = self.project();
        stream.streams.turn.set(*stream.turn);
        let done = stream.future.poll(context);
        let turn = stream.streams.turn.replace(Turn::Gateway);
        if done.is_ready() {
            return Poll::Ready(());
        }
        let has_moved = turn != *stream.turn;
        *stream.turn = turn;
        if turn == Turn::Gateway {
            *stream.deadline = None;
            return Poll::Pending;
        }
        let deadline = Instant::now() + stream.streams.timeout;
        let sleep = match stream.deadline {
            Some(sleep) => {
                if has_moved {
                    sleep.as_mut().reset(deadline);
                }
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(deadline))),
        };
        sleep.as_mut().poll(context)
    }
}
