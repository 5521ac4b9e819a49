//! The client that asks for credentials: metadata services, authorities, vaults.
//!
//! It has a thread and a runtime of its own, so that what it fetches does not end with a request; connections are not kept,
//! since what is fetched is. It goes by no proxy and follows no redirect.

mod grpc;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use gatehouse_identity::http_client::{HttpClient, HttpError, HttpRequest, HttpResponse};
use http::header::HOST;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsConnector;
use url::Url;
use zeroize::Zeroizing;

/// The longest answer of gRPC, in bytes.
const MAX_ANSWER: usize = HttpRequest::LIMIT;
/// The most requests that wait.
const QUEUE: usize = 256;
/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(5);

type Outcome = Result<HttpResponse, HttpError>;

/// The client.
#[derive(Debug)]
pub struct CredentialClient {
    requests: mpsc::Sender<(HttpRequest, oneshot::Sender<Outcome>)>,
}

impl CredentialClient {
    /// Starts the client's thread. `tls` says whom it trusts.
    ///
    /// # Errors
    /// The operating system gives no thread or no runtime.
    pub fn start(tls: Arc<ClientConfig>) -> std::io::Result<Self> {
        let (requests, mut waiting) = mpsc::channel::<(HttpRequest, oneshot::Sender<Outcome>)>(QUEUE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("credentials".to_owned()).spawn(move || {
            runtime.block_on(async move {
                while let Some((request, answer)) = waiting.recv().await {
                    let tls = Arc::clone(&tls);
                    tokio::spawn(async move {
                        // Who has asked may be gone.
                        let _ = answer.send(send(request, tls).await);
                    });
                }
            });
        })?;
        Ok(Self { requests })
    }
}

impl HttpClient for CredentialClient {
    fn send(&self, request: HttpRequest) -> BoxFuture<'static, Outcome> {
        let (answer, outcome) = oneshot::channel();
        let host = request.url.host_str().unwrap_or_default().to_owned();
        if self.requests.try_send((request, answer)).is_err() {
            return std::future::ready(Err(HttpError("too many requests for credentials wait".into())))
                .boxed();
        }
        async move {
            outcome.await.unwrap_or_else(|_| Err(HttpError(format!("{host}: the request was given up"))))
        }
        .boxed()
    }
}

async fn send(request: HttpRequest, tls: Arc<ClientConfig>) -> Outcome {
    let host = request.url.host_str().unwrap_or_default().to_owned();
    let failed = |what: &str| HttpError(format!("{host}: {what}"));
    let timeout = request.timeout;
    match tokio::time::timeout(timeout, exchange(request, tls)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(problem)) => Err(failed(&problem)),
        Err(_) => Err(failed(&format!("no answer within {} s", timeout.as_secs()))),
    }
}

async fn exchange(request: HttpRequest, tls: Arc<ClientConfig>) -> Result<HttpResponse, String> {
    if let Some(socket) = &request.socket {
        let connecting = tokio::time::timeout(CONNECT, UnixStream::connect(socket)).await;
        let stream = connecting.map_err(|_| "no connection in time")?;
        return grpc::call(stream.map_err(|error| format!("no connection: {error}"))?, &request).await;
    }
    let host = request.url.host_str().ok_or("the URL names no host")?.to_owned();
    let bare = host.trim_matches(['[', ']']).to_owned();
    let port = request.url.port_or_known_default().ok_or("the URL names no port")?;
    let connecting = TcpStream::connect((bare.as_str(), port));
    let stream = tokio::time::timeout(CONNECT, connecting).await.map_err(|_| "no connection in time")?;
    let stream = stream.map_err(|error| format!("no connection: {error}"))?;
    match request.url.scheme() {
        "https" => {
            let tls = match &request.certificate {
                Some(pem) => shown(&tls, pem)?,
                None => tls,
            };
            let name = ServerName::try_from(bare).map_err(|_| "the host is no name that TLS knows")?;
            let stream = TlsConnector::from(tls).connect(name, stream).await;
            over(stream.map_err(|error| format!("no TLS: {error}"))?, request).await
        }
        "http" => over(stream, request).await,
        _ => Err("the URL is neither http nor https".to_owned()),
    }
}

/// The settings with a certificate to show.
fn shown(tls: &ClientConfig, pem: &str) -> Result<Arc<ClientConfig>, String> {
    let unusable =
        |error: &dyn std::fmt::Display| format!("the client's certificate cannot be used: {error}");
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let chain = chain.map_err(|error| unusable(&error))?;
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| unusable(&error))?;
    let certified =
        CertifiedKey::from_der(chain, key, tls.crypto_provider()).map_err(|error| unusable(&error))?;
    let mut tls = tls.clone();
    // A session that was begun without it would go on without it.
    tls.resumption = Resumption::disabled();
    tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
    Ok(Arc::new(tls))
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: HttpRequest,
) -> Result<HttpResponse, String> {
    let said = |error: hyper::Error| format!("no HTTP: {error}");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(written(&request)?).await.map_err(said)?;
    let (parts, body) = answer.into_parts();
    #[expect(clippy::disallowed_methods, reason = "the body is limited")]
    let body = Limited::new(body, request.limit).collect().await;
    let body = body.map_err(|error| format!("the answer is broken or too long: {error}"))?.to_bytes();
    connection.abort();
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    Ok(HttpResponse { status: parts.status.as_u16(), headers, body: Zeroizing::new(body.to_vec()) })
}

fn written(request: &HttpRequest) -> Result<http::Request<Full<Bytes>>, String> {
    let mut builder = http::Request::builder()
        .method(request.method)
        .uri(target(&request.url))
        .header(HOST, authority(&request.url))
        .header("user-agent", concat!("Gatehouse/", env!("CARGO_PKG_VERSION")))
        .header("accept", "application/json");
    for (name, value) in &request.headers {
        let mut value =
            http::HeaderValue::from_str(value).map_err(|_| format!("`{name}` fits in no field"))?;
        value.set_sensitive(true);
        builder = builder.header(*name, value);
    }
    let body = Full::new(Bytes::copy_from_slice(&request.body));
    builder.body(body).map_err(|error| error.to_string())
}

fn target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
