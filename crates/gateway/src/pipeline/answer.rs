//! From an exchange to an answer on the wire.

use std::rc::Rc;
use std::time::Duration;

use gatehouse_policy::{Body, Response as Answer};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use hyper::ext::ReasonPhrase;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::completion::Completion;
use super::intake::X_REQUEST_ID;
use super::tunnel::{Carried, join};
use crate::upstream::Tunnel;

/// Takes the answer out of the exchange; its body carries the completion, so that the record is written when the last
/// byte is sent or the client is gone.
pub(super) fn respond(mut completion: Box<Completion>) -> Response<Body> {
    let (mut response, body) = head(&mut completion);
    *response.body_mut() = completion.into_body(body);
    response
}

/// Answers a WebSocket handshake and joins the two sides until either ends, or both are silent for `silence`.
pub(super) fn switch_protocols(
    mut completion: Box<Completion>,
    upgrade: OnUpgrade,
    tunnel: Tunnel,
    silence: Duration,
) -> Response<Body> {
    let (response, _) = head(&mut completion);
    let journey = Journey { completion, carried: Rc::default() };
    tokio::task::spawn_local(async move {
        let Ok(client) = upgrade.await else { return };
        join(TokioIo::new(client), tunnel, silence, &journey.carried).await;
    });
    response
}

/// A tunnel's way to its end, which a drain may bring about at any moment: what was carried until then is counted.
struct Journey {
    completion: Box<Completion>,
    carried: Rc<Carried>,
}

impl Drop for Journey {
    fn drop(&mut self) {
        self.completion.tunnelled(self.carried.by_client(), self.carried.by_backend());
    }
}

fn head(completion: &mut Completion) -> (Response<Body>, Body) {
    let mut id = completion.request_id();
    let is_head = *completion.method() == Method::HEAD;
    let exchange = completion.exchange();
    let is_http1 = exchange.request.version <= Version::HTTP_11;
    let answer = exchange.response.take().unwrap_or_else(|| Answer::new(StatusCode::INTERNAL_SERVER_ERROR));
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    // In HTTP/2 this keeps a value that never comes again out of the table of the connection (RFC 7541 section 6.2.3).
    id.set_sensitive(true);
    response.headers_mut().insert(X_REQUEST_ID, id);
    if is_http1
        && let Some(reason) = &answer.reason
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    let body = fit(answer.body, is_head, answer.status, response.headers_mut());
    completion.sent(answer.status);
    (response, body)
}

/// The body that may follow this head, with the length that says the truth (RFC 9110 sections 6.4.1 and 8.6). The length
/// of a streamed body is the backend's to say and goes on with it; that of a whole one is written anew.
pub(super) fn fit(body: Body, is_head: bool, status: StatusCode, headers: &mut HeaderMap) -> Body {
    let is_bodiless = is_bodiless(status);
    if let Some(bytes) = body.bytes().filter(|_| !is_bodiless) {
        match bytes.len() {
            // The backend's own answer to HEAD: its length is that of the body that a GET would have.
            0 if is_head => {}
            length if is_head => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
            _ => drop(headers.remove(CONTENT_LENGTH)),
        }
    }
    if status == StatusCode::NO_CONTENT || status.is_informational() {
        headers.remove(CONTENT_LENGTH);
    }
    if is_head || is_bodiless { Body::Empty } else { body }
}

fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn what_has_no_body_gets_none_and_lengths_say_the_truth() {
        let case = |body: &'static str, is_head, status: u16, stated: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(stated) = stated {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static(stated));
            }
            let status = StatusCode::from_u16(status).unwrap();
            let body = fit(Body::from(Bytes::from_static(body.as_bytes())), is_head, status, &mut headers);
            let length = headers.get(CONTENT_LENGTH).map(|value| value.to_str().unwrap().to_owned());
            (body.bytes().unwrap().len(), length)
        };
        assert_eq!(case("hello", false, 200, Some("99")), (5, None), "hyper writes the length");
        assert_eq!(case("hello", true, 404, None), (0, Some("5".into())));
        assert_eq!(case("", true, 200, Some("128")), (0, Some("128".into())), "a backend's answer to HEAD");
        assert_eq!(case("hello", false, 204, Some("5")), (0, None));
        assert_eq!(case("hello", false, 304, Some("5")), (0, Some("5".into())));
    }
}
