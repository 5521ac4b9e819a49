//! `WebSocket`s: an HTTP/1.1 upgrade to the backend, whichever way the client came (RFC 6455, RFC 8441).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatehouse_policy::{Exchange, ForwardOptions, Random, Response, UpstreamError};
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Method, StatusCode, Version};
use tokio::time::sleep;

use super::client::{Client, Destination};
use super::failure::Failure;
use super::pool::{Protocol, Tunnel};
use super::request_body::RequestBody;
use super::request_head::{Call, host_set_by_policy};
use super::{answer, failure};

/// What proves that the other side speaks the protocol (RFC 6455 section 1.3).
const PROOF: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What came of asking a backend for a WebSocket.
#[derive(Debug)]
pub enum WebSocket {
    /// The backend has agreed. The response is ready to be sent to the client: 101 with `Connection` and `Upgrade` for
    /// HTTP/1.1, 200 for an extended CONNECT. From then on bytes are copied between the two sides.
    Open(Response, Tunnel),
    /// The backend has answered something else.
    Refused(Response),
}

impl Client<'_> {
    /// Asks the exchange's backend for a WebSocket.
    ///
    /// # Errors
    /// Those of [`gatehouse_policy::Upstream::forward`].
    pub async fn connect_websocket(
        &self,
        exchange: &mut Exchange,
        options: &ForwardOptions,
    ) -> Result<WebSocket, UpstreamError> {
        let destination = self.destination(exchange)?;
        let outcome = self.handshake(exchange, &destination, options).await;
        let seen = outcome.as_ref().map(|socket| match socket {
            WebSocket::Open(response, _) | WebSocket::Refused(response) => response,
        });
        self.conclude(&destination, seen);
        outcome.map_err(|failure| failure.error)
    }

    async fn handshake(
        &self,
        exchange: &Exchange,
        destination: &Destination<'_>,
        options: &ForwardOptions,
    ) -> Result<WebSocket, Failure> {
        let source = &exchange.request;
        let is_http2 = source.version == Version::HTTP_2;
        let call = Call {
            method: &Method::GET,
            base: (destination.url.path(), destination.url.query()),
            path: &source.url.path,
            query: source.url.query.raw(),
            headers: &source.headers,
            host: host_set_by_policy(source),
            credentials: destination.credentials,
            expect: false,
        };
        let authority = self
            .pools
            .authority(&destination.url, destination.profile, Protocol::Http1, exchange.proxy.as_ref())
            .map_err(|error| failure::connect(&error))?;
        let mut timer = Box::pin(sleep(options.timeout));
        let exchange = async {
            // A fresh connection: one from the pool may have gone stale, and this request is not sent twice.
            let lease = authority
                .check_out(true, destination.name)
                .await
                .map_err(|error| failure::connect(&error))?;
            let mut request = call
                .write(&authority, Version::HTTP_11, RequestBody::default())
                .map_err(|error| UpstreamError::Connection(error.to_string()))?;
            let accept = ask(request.headers_mut(), is_http2, self.random)?;
            let sent =
                authority.send(lease, request).await.map_err(|failed| failure::exchange(&failed.error))?;
            Ok::<_, Failure>((sent, accept))
        };
        let (sent, accept) = tokio::select! {
            biased;
            outcome = exchange => outcome?,
            () = timer.as_mut() => return Err(UpstreamError::Timeout(options.timeout).into()),
        };
        let Some(switched) = sent.switched else {
            let answer = answer::accept(sent.response, sent.stream, None, timer, options.timeout)?;
            return Ok(WebSocket::Refused(answer));
        };
        let mut response = sent.response;
        check(response.headers(), &accept)?;
        let upgraded = hyper::upgrade::on(&mut response).await.map_err(|error| failure::exchange(&error))?;
        let mut headers = std::mem::take(response.headers_mut());
        crate::hop_by_hop::strip(&mut headers);
        let status = if is_http2 {
            headers.remove(SEC_WEBSOCKET_ACCEPT);
            StatusCode::OK
        } else {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            StatusCode::SWITCHING_PROTOCOLS
        };
        let mut head = Response::new(status);
        head.headers = headers;
        Ok(WebSocket::Open(head, switched.tunnel(upgraded)))
    }
}

/// Adds what asks for a WebSocket; gives the proof that the backend has to show.
fn ask(headers: &mut HeaderMap, is_http2: bool, random: &dyn Random) -> Result<String, UpstreamError> {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if !headers.contains_key(SEC_WEBSOCKET_VERSION) {
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    // An extended CONNECT carries no key; the one that is made here never leaves this side.
    if is_http2 || !headers.contains_key(SEC_WEBSOCKET_KEY) {
        let mut nonce = [0; 16];
        random.fill(&mut nonce);
        let key = HeaderValue::try_from(STANDARD.encode(nonce))
            .map_err(|_| UpstreamError::Connection("no key for the WebSocket handshake".to_owned()))?;
        headers.insert(SEC_WEBSOCKET_KEY, key);
    }
    let mut proof = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    proof.update(headers.get(SEC_WEBSOCKET_KEY).map_or(b"", HeaderValue::as_bytes));
    proof.update(PROOF);
    Ok(STANDARD.encode(proof.finish()))
}

fn check(headers: &HeaderMap, accept: &str) -> Result<(), UpstreamError> {
    let is = |name: HeaderName, expected: &str, caseless: bool| {
        headers.get(name).is_some_and(|value| {
            let value = value.as_bytes();
            if caseless {
                value.eq_ignore_ascii_case(expected.as_bytes())
            } else {
                value == expected.as_bytes()
            }
        })
    };
    if !is(UPGRADE, "websocket", true) {
        return Err(UpstreamError::BadAnswer("it switches to another protocol than websocket".to_owned()));
    }
    if !is(SEC_WEBSOCKET_ACCEPT, accept, false) {
        return Err(UpstreamError::BadAnswer("its Sec-WebSocket-Accept does not fit the key".to_owned()));
    }
    Ok(())
}
