//! The backend that stands for all others, on a loopback port and threads of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::offline;

/// What marks the trace id of a request of the generator; the number of its answer follows.
const MARK: &str = "6761746568f05e00";
/// What is answered where nothing else is known.
const PLAIN: &[u8] = b"{}";

/// An answer of the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StubAnswer {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) body: Bytes,
}

impl Default for StubAnswer {
    fn default() -> Self {
        let content_type = Some("application/json".to_owned());
        Self { status: 200, content_type, body: Bytes::from_static(PLAIN) }
    }
}

/// The running backend.
#[derive(Debug)]
pub(super) struct Stub {
    pub(super) address: SocketAddr,
    answers: Arc<OnceLock<Vec<StubAnswer>>>,
}

impl Stub {
    /// Starts it.
    pub(super) fn start() -> Result<Self> {
        let listener =
            std::net::TcpListener::bind("127.0.0.1:0").context("cannot listen for the stub backend")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let answers: Arc<OnceLock<Vec<StubAnswer>>> = Arc::default();
        let known = Arc::clone(&answers);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("stub-backend".to_owned()).spawn(move || {
            runtime.block_on(async move {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, known).await,
                    Err(error) => eprintln!("error: the stub backend stopped: {error}"),
                }
            });
        })?;
        Ok(Self { address, answers })
    }

    /// Says what is answered, by number. Only the first time counts.
    pub(super) fn answer_with(&self, answers: Vec<StubAnswer>) {
        let _ = self.answers.set(answers);
    }
}

/// The `traceparent` (W3C Trace Context) by which the backend knows which answer is wanted: gateways keep the trace id.
pub(super) fn mark(number: usize) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("00-{MARK}{:016x}-00f067aa0ba902b7-00", number + 1)).ok()
}

fn marked(value: &HeaderValue) -> Option<usize> {
    let id = value.to_str().ok()?.split('-').nth(1)?;
    let number = usize::from_str_radix(id.strip_prefix(MARK)?, 16).ok()?;
    number.checked_sub(1)
}

async fn serve(listener: tokio::net::TcpListener, answers: Arc<OnceLock<Vec<StubAnswer>>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answers = Arc::clone(&answers);
                async move { Ok::<_, Infallible>(answer(request, &answers).await) }
            });
            // A connection that breaks is the gateway's to notice.
            let _ = hyper::server::conn::http1::Builder::new()
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, answers: &OnceLock<Vec<StubAnswer>>) -> Response<Full<Bytes>> {
    let found = request.headers().get("traceparent").and_then(marked);
    let found = found.and_then(|number| answers.get()?.get(number)).cloned();
    let issuer = of_an_issuer(&request);
    let mut body = request.into_body();
    // To the end, so that the connection can be used again.
    while let Some(Ok(_)) = body.frame().await {}
    let found = issuer.or(found).unwrap_or_default();
    let mut response = Response::new(Full::new(found.body));
    *response.status_mut() = StatusCode::from_u16(found.status).unwrap_or(StatusCode::OK);
    if let Some(Ok(value)) = found.content_type.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

/// The metadata and the keys of an issuer, whoever it is: tokens of the generator are checked with them.
fn of_an_issuer(request: &Request<Incoming>) -> Option<StubAnswer> {
    if !request.uri().path().contains("/.well-known/") {
        return None;
    }
    let host = request.headers().get(HOST)?.to_str().ok()?;
    let document = offline::issuer_document(&format!("https://{host}{}", request.uri().path()))?;
    Some(StubAnswer { body: document.into(), ..StubAnswer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_back() {
        for number in [0, 1, 4095] {
            assert_eq!(marked(&mark(number).unwrap()), Some(number));
        }
        let foreign = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(marked(&foreign), None);
    }
}
