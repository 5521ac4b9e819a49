//! A client that trusts one authority.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::authority::Identity;

/// An answer with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A client.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub name: String,
    pub tls: Arc<rustls::ClientConfig>,
    /// Whom it trusts.
    pub roots: Vec<CertificateDer<'static>>,
    headers: Vec<(String, String)>,
    host: Option<String>,
}

impl Client {
    /// A client that trusts `authority` (PEM) and asks for the server name `name`.
    pub fn new(address: SocketAddr, name: &str, authority: &str) -> Self {
        Self::with_identity(address, name, authority, None)
    }

    /// A client that shows a certificate, too.
    pub fn with_identity(
        address: SocketAddr,
        name: &str,
        authority: &str,
        identity: Option<&Identity>,
    ) -> Self {
        let roots: Vec<_> =
            CertificateDer::pem_slice_iter(authority.as_bytes()).map(Result::unwrap).collect();
        let tls = Arc::new(configuration(&roots, identity));
        Self { address, name: name.to_owned(), tls, roots, headers: Vec::new(), host: None }
    }

    /// The same client with a certificate to show.
    pub fn with(mut self, identity: &Identity) -> Self {
        self.tls = Arc::new(configuration(&self.roots, Some(identity)));
        self
    }

    /// The same client for another server name.
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// The same client whose requests name another host than its handshakes.
    pub fn authority_of(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// The same client with a header field in every request.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A TLS connection; `alpn` may be empty.
    pub async fn connect(&self, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.name.clone()).unwrap();
        TlsConnector::from(Arc::new(tls)).connect(name, stream).await
    }

    /// A GET over HTTP/1.1.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    /// A request over HTTP/1.1 on a connection of its own.
    pub async fn send(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        let request = self.request(method, path, body.into());
        let stream = self.connect(&["http/1.1"]).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        collect(sender.send_request(request).await.unwrap()).await
    }

    /// A request over HTTP/2 on a connection of its own.
    pub async fn send_h2(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        let stream = self.connect(&["h2"]).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = self.request(method, &format!("https://{}{path}", self.authority()), body.into());
        collect(sender.send_request(request).await.unwrap()).await
    }

    /// `name:port`, or the host that requests name.
    pub fn authority(&self) -> String {
        if let Some(host) = &self.host {
            return host.clone();
        }
        format!("{}:{}", self.name, self.address.port())
    }

    fn request(&self, method: &str, uri: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut builder = Request::builder().method(method).uri(uri);
        let has_host = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
        if uri.starts_with('/') && !has_host {
            builder = builder.header("host", self.authority());
        }
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        builder.body(Full::new(body)).unwrap()
    }
}

async fn collect(response: http::Response<hyper::body::Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: collected.to_bytes() }
}

fn configuration(roots: &[CertificateDer<'static>], identity: Option<&Identity>) -> rustls::ClientConfig {
    let mut store = rustls::RootCertStore::empty();
    for certificate in roots {
        store.add(certificate.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store);
    match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain =
                CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}
