//! A backend behind TLS that tells what it got, over HTTP/1.1 or HTTP/2 by ALPN.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Map, Value, json};
use tokio_rustls::TlsAcceptor;

use super::authority::Identity;

/// What came: the target, the fields and the body.
pub type Got = (String, HeaderMap, String);

/// A running backend; its answers carry the trailer field `x-answered`.
pub struct TlsBackend {
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Got>>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl TlsBackend {
    /// Shows `identity`, asks for client certificates of `clients` (PEM) if there are any, and speaks `alpn`.
    pub fn start(identity: &Identity, clients: Option<&str>, alpn: &[&str]) -> Self {
        let tls = TlsAcceptor::from(Arc::new(configuration(identity, clients, alpn)));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, count, log) = (tls.clone(), Arc::clone(&count), Arc::clone(&log));
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let session = stream.get_ref().1;
                    let certificate = session.peer_certificates().is_some();
                    let is_h2 = session.alpn_protocol() == Some(b"h2");
                    let service = service_fn(move |request: Request<Incoming>| {
                        count.fetch_add(1, Ordering::SeqCst);
                        let log = Arc::clone(&log);
                        async move { Ok::<_, Infallible>(answer(request, certificate, &log).await) }
                    });
                    let io = TokioIo::new(stream);
                    if is_h2 {
                        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                            .serve_connection(io, service)
                            .await;
                    } else {
                        let _ =
                            hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                    }
                });
            }
        });
        std::thread::spawn(move || drop(runtime.block_on(stopped)));
        Self { address, requests, seen, stop: Some(stop) }
    }

    /// One that asks for no certificate, over HTTP/1.1.
    pub fn recording(identity: &Identity) -> Self {
        Self::start(identity, None, &["http/1.1"])
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<Got> {
        self.seen.lock().unwrap().clone()
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Requests that came so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for TlsBackend {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

fn configuration(identity: &Identity, clients: Option<&str>, alpn: &[&str]) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(clients.as_bytes()) {
                roots.add(certificate.unwrap()).unwrap();
            }
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let mut configuration = builder.with_single_cert(chain, key).unwrap();
    configuration.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    configuration
}

async fn answer(
    request: Request<Incoming>,
    certificate: bool,
    log: &Mutex<Vec<Got>>,
) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let (parts, body) = request.into_parts();
    let collected = body.collect().await;
    let trailers = collected.as_ref().ok().and_then(|body| body.trailers().map(as_json));
    let bytes = collected.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    log.lock().unwrap().push((parts.uri.to_string(), parts.headers.clone(), text));
    let seen = json!({
        "version": format!("{:?}", parts.version),
        "uri": parts.uri.to_string(),
        "headers": as_json(&parts.headers),
        "body": String::from_utf8_lossy(&bytes),
        "trailers": trailers,
        "certificate": certificate,
    });
    let mut end = HeaderMap::new();
    end.insert("x-answered", "yes".parse().unwrap());
    let body = Full::new(Bytes::from(seen.to_string())).with_trailers(std::future::ready(Some(Ok(end))));
    let mut response = Response::new(body.boxed_unsync());
    response.headers_mut().insert("trailer", "x-answered".parse().unwrap());
    response
}

fn as_json(headers: &HeaderMap) -> Value {
    let fields = headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))));
    Value::Object(fields.collect::<Map<_, _>>())
}
