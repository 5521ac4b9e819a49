//! A handler that tells what it was asked, and whose behaviour the path chooses.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use gatehouse_policy::{Body, BodyError};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::connection::{Connection, Handler};

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) handled: AtomicUsize,
    pub(super) refused: AtomicUsize,
    /// Bodies that a client has left unread are dropped with their requests.
    pub(super) dropped_bodies: AtomicUsize,
}

pub(super) struct Teller(pub(super) Arc<Counts>);

impl Handler for Teller {
    fn handle(
        self: Rc<Self>,
        request: Request<Body>,
        connection: Rc<Connection>,
    ) -> LocalBoxFuture<'static, Response<Body>> {
        self.0.handled.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { self.answer(request, connection).await })
    }

    fn refuse(&self, status: StatusCode, reason: &'static str, _: &Connection) -> Response<Body> {
        self.0.refused.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(Body::from(Bytes::from_static(reason.as_bytes())));
        *response.status_mut() = status;
        response
    }
}

impl Teller {
    async fn answer(&self, mut request: Request<Body>, connection: Rc<Connection>) -> Response<Body> {
        match request.uri().path() {
            "/early" => return text("early"),
            "/panic" => panic!("the handler fails"),
            "/slow" => tokio::time::sleep(Duration::from_millis(400)).await,
            "/ws" => return upgrade(request),
            "/endless" => return Response::new(Body::stream(endless(Arc::clone(&self.0)))),
            "/misdirected" => {
                let host = request.headers().get("x-host").unwrap().to_str().unwrap();
                return text(&connection.is_misdirected(host).to_string());
            }
            "/connection" => return text(&format!("{connection:?}")),
            _ => {}
        }
        let mut body = std::mem::take(request.body_mut());
        let mut length = 0;
        let mut trailers = 0;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    length += frame.data_ref().map_or(0, Bytes::len);
                    trailers += frame.trailers_ref().map_or(0, http::HeaderMap::len);
                }
                Err(error) => {
                    let mut response = text(&error.to_string());
                    *response.status_mut() = match error {
                        BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                        BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
                        _ => StatusCode::BAD_REQUEST,
                    };
                    return response;
                }
            }
        }
        text(&format!(
            "{} {} body={length} trailers={trailers} listener={} tls={} sni={:?} client={};",
            request.method(),
            request.uri().path(),
            connection.listener,
            connection.tls_version,
            connection.server_name,
            connection.certificate.is_some(),
        ))
    }
}

fn text(text: &str) -> Response<Body> {
    Response::new(Body::from(Bytes::copy_from_slice(text.as_bytes())))
}

fn upgrade(mut request: Request<Body>) -> Response<Body> {
    let Some(upgrade) = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>() else {
        return text("no upgrade");
    };
    if request.headers().contains_key("x-decline") {
        return text("declined");
    }
    tokio::task::spawn_local(async move {
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        let mut buffer = [0; 64];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            stream.write_all(&buffer[..read].to_ascii_uppercase()).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    let mut response = Response::new(Body::Empty);
    if request.method() != http::Method::CONNECT {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
        response.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
    }
    response
}

struct Dropped(Arc<Counts>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.dropped_bodies.fetch_add(1, Ordering::SeqCst);
    }
}

fn endless(counts: Arc<Counts>) -> impl http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static {
    let dropped = Dropped(counts);
    let frames = futures_util::stream::repeat_with(move || {
        let _ = &dropped;
        Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))
    });
    StreamBody::new(frames)
}
