//! `Expect: 100-continue`: the body waits until the backend asks for it (RFC 9110 section 10.1.1).

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::header::{EXPECT, HeaderMap};
use parking_lot::Mutex;

/// How long `100 Continue` is waited for where the policy does not say.
pub(super) const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// Whether a request's head asks for `100 Continue`.
pub(super) fn is_expected(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Holds a body back.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    position: Position,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Position {
    #[default]
    Closed,
    Open,
    Barred,
}

impl Gate {
    /// Lets the body pass.
    pub(super) fn open(&self) {
        self.turn(Position::Open);
    }

    /// The backend has answered without wanting the body: it is never sent, and the connection ends with the answer.
    pub(super) fn bar(&self) {
        self.turn(Position::Barred);
    }

    /// True once open, false once barred.
    pub(super) fn poll_open(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.0.lock();
        match state.position {
            Position::Open => Poll::Ready(true),
            Position::Barred => Poll::Ready(false),
            Position::Closed => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn turn(&self, position: Position) {
        let waker = {
            let mut state = self.0.lock();
            if state.position != Position::Closed {
                return;
            }
            state.position = position;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
