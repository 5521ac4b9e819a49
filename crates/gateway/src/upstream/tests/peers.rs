//! Backends: real ones of hyper, and raw ones that do what no library would.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A backend that does with each connection what it is told; the number counts connections from 0.
pub(super) async fn raw<F>(act: impl Fn(TcpStream, usize) -> F + 'static) -> SocketAddr
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::task::spawn_local(act(stream, number));
        }
    });
    address
}

/// A backend that takes connections and says nothing.
pub(super) async fn silent() -> SocketAddr {
    raw(|stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await
}

/// Reads one request's head.
pub(super) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => return None,
        }
    }
    Some(String::from_utf8(bytes).unwrap())
}

/// A backend that answers every request on every connection with the same bytes.
pub(super) async fn canned(answer: &'static str) -> SocketAddr {
    raw(move |mut stream, _| async move {
        while head(&mut stream).await.is_some() {
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

/// A backend that answers with the head that it was sent.
pub(super) async fn mirror() -> SocketAddr {
    raw(|mut stream, _| async move {
        while let Some(head) = head(&mut stream).await {
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

/// A hyper backend without TLS.
pub(super) async fn plain<F>(answer: impl Fn(Request<Incoming>) -> F + 'static) -> SocketAddr
where
    F: Future<Output = Response<Full<Bytes>>> + 'static,
{
    let answer = Rc::new(answer);
    raw(move |stream, _| {
        let answer = Rc::clone(&answer);
        async move {
            let service = service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    })
    .await
}

/// A hyper backend with TLS that speaks what ALPN agrees on.
pub(super) async fn secure<F, B>(
    config: Arc<ServerConfig>,
    streams: u32,
    answer: impl Fn(Request<Incoming>) -> F + 'static,
) -> SocketAddr
where
    F: Future<Output = Response<B>> + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let answer = Rc::new(answer);
    let acceptor = TlsAcceptor::from(config);
    raw(move |stream, _| {
        let (answer, acceptor) = (Rc::clone(&answer), acceptor.clone());
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            serve(stream, http2, streams, service).await;
        }
    })
    .await
}

async fn serve<S, B>(io: impl AsyncRead + AsyncWrite + Unpin + 'static, http2: bool, streams: u32, service: S)
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: 'static,
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let io = TokioIo::new(io);
    if http2 {
        let _ = hyper::server::conn::http2::Builder::new(Local)
            .max_concurrent_streams(streams)
            .serve_connection(io, service)
            .await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
    }
}

/// Runs a connection's tasks on the test's thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// HTTP/2 without TLS.
pub(super) async fn prior_knowledge<F, B>(answer: impl Fn(Request<Incoming>) -> F + 'static) -> SocketAddr
where
    F: Future<Output = Response<B>> + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let answer = Rc::new(answer);
    raw(move |stream, _| {
        let answer = Rc::clone(&answer);
        async move {
            let service = service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            serve(stream, true, 100, service).await;
        }
    })
    .await
}

/// An answer with a short body.
pub(super) fn text(body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::new(Full::new(body.into()))
}
