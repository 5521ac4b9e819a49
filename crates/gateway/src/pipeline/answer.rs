//! From an exchange to an answer on the wire.

use std::time::Duration;

use gatehouse_policy::{Body, Response as Answer};
use http::header::CONTENT_LENGTH;
use http::{Method, Response, StatusCode, Version};
use hyper::ext::ReasonPhrase;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::completion::Completion;
use super::intake::X_REQUEST_ID;
use super::tunnel::join;
use crate::upstream::Tunnel;

/// Takes the answer out of the exchange; its body carries the completion, so that the record is written when the last
/// byte is sent or the client is gone.
pub(super) fn respond(mut completion: Completion) -> Response<Body> {
    let (mut response, body) = head(&mut completion);
    *response.body_mut() = completion.into_body(body);
    response
}

/// Answers a WebSocket handshake and joins the two sides until either ends, or both are silent for `silence`.
pub(super) fn switch_protocols(
    mut completion: Completion,
    upgrade: OnUpgrade,
    tunnel: Tunnel,
    silence: Duration,
) -> Response<Body> {
    let (response, _) = head(&mut completion);
    tokio::task::spawn_local(async move {
        let Ok(client) = upgrade.await else { return };
        let carried = join(TokioIo::new(client), tunnel, silence).await;
        completion.tunnelled(carried.from_client, carried.from_backend);
    });
    response
}

fn head(completion: &mut Completion) -> (Response<Body>, Body) {
    let id = completion.request_id();
    let exchange = completion.exchange();
    let is_http1 = exchange.request.version <= Version::HTTP_11;
    let is_head = exchange.request.method == Method::HEAD;
    let answer = exchange.response.take().unwrap_or_else(|| Answer::new(StatusCode::INTERNAL_SERVER_ERROR));
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.headers_mut().insert(X_REQUEST_ID, id);
    if is_http1
        && let Some(reason) = &answer.reason
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    // The length of a streamed body is the backend's to say and goes on with it; that of a whole one is written anew.
    if !is_head && answer.body.bytes().is_some() && !is_bodiless(answer.status) {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    completion.sent(answer.status);
    (response, answer.body)
}

fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}
