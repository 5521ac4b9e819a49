//! From a parsed request to the handler and back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::LocalBoxFuture;
use gatehouse_model::configuration::Limits;
use gatehouse_policy::Body;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;

use super::activity::{Activity, CloseFlag, Flight};
use super::refusal::Refusal;
use super::request_body::{bounded, let_go};
use super::response_body::{ResponseBody, TurnCell};
use crate::connection::{Connection, Handler};

/// What the requests of one connection share.
pub(crate) struct Exchanges {
    /// Who answers.
    pub(crate) handler: Rc<dyn Handler>,
    /// The connection as the handler sees it.
    pub(crate) connection: Rc<Connection>,
    /// The bounds in force when the connection was made.
    pub(crate) limits: Arc<Limits>,
    /// Requests under way.
    pub(crate) activity: Rc<Activity>,
    /// Whether the connection closes after the next answer.
    pub(crate) close: CloseFlag,
    /// The turn of the running stream, on HTTP/2.
    pub(crate) turn: Option<TurnCell>,
}

impl Exchanges {
    /// Hands a well-formed request to the handler, unless its announced length is above the bound.
    pub(crate) fn handle(&self, request: Request<Incoming>) -> Answer {
        let announced = announced_length(request.headers());
        if announced.is_some_and(|length| length > self.limits.body_bytes) {
            let_go(request.into_body(), &self.limits, self.close.clone());
            return self.refuse(Refusal::BodyTooLarge);
        }
        let flight = self.activity.begin();
        let request = request.map(|body| bounded(body, &self.limits, self.close.clone()));
        let handler = Rc::clone(&self.handler);
        let connection = Rc::clone(&self.connection);
        let started = catch_unwind(AssertUnwindSafe(|| handler.handle(request, connection)));
        self.answer(started.map_or_else(|_| self.failed(), State::Running), flight)
    }

    /// Answers a request that goes no further.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Answer {
        self.close.set();
        let flight = self.activity.begin();
        let response = self.handler.refuse(refusal.status(), refusal.reason(), &self.connection);
        self.answer(State::Ready(Some(response)), flight)
    }

    fn failed(&self) -> State {
        self.close.set();
        let refusal = Refusal::Panicked;
        State::Ready(Some(self.handler.refuse(refusal.status(), refusal.reason(), &self.connection)))
    }

    fn answer(&self, state: State, flight: Flight) -> Answer {
        Answer {
            state,
            flight: Some(flight),
            handler: Rc::clone(&self.handler),
            connection: Rc::clone(&self.connection),
            close: self.close.clone(),
            turn: self.turn.clone(),
        }
    }
}

/// The answer of one request, as a future.
pub(crate) struct Answer {
    state: State,
    flight: Option<Flight>,
    handler: Rc<dyn Handler>,
    connection: Rc<Connection>,
    close: CloseFlag,
    turn: Option<TurnCell>,
}

enum State {
    Ready(Option<Response<Body>>),
    Running(LocalBoxFuture<'static, Response<Body>>),
}

impl Future for Answer {
    type Output = Response<ResponseBody>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = &mut *self;
        let response = match &mut answer.state {
            State::Ready(response) => response.take(),
            // A panic costs the request that caused it, never the others of the connection.
            State::Running(future) => {
                match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(response)) => Some(response),
                    Err(_) => {
                        answer.close.set();
                        None
                    }
                }
            }
        };
        answer.state = State::Ready(None);
        let mut response = response.unwrap_or_else(|| {
            let refusal = Refusal::Panicked;
            answer.handler.refuse(refusal.status(), refusal.reason(), &answer.connection)
        });
        // HTTP/2 has no such field; there the stream alone ends.
        if answer.close.is_set() && answer.turn.is_none() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let (flight, turn) = (answer.flight.take(), answer.turn.take());
        Poll::Ready(response.map(|body| ResponseBody::new(body, flight, turn)))
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
