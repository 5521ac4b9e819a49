//! A client that writes the bytes that it is told to.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::tls::provider::provider;

pub(super) struct Client {
    pub(super) stream: StreamOwned<ClientConnection, TcpStream>,
}

/// A configuration that trusts one authority, with an optional certificate and key.
pub(super) fn config(authority: &str, identity: Option<&(String, String)>, alpn: &[u8]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(provider(&[], &[]))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).map(Result::unwrap).collect();
            builder
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
                .unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    Arc::new(config)
}

impl Client {
    pub(super) fn connect(
        address: SocketAddr,
        name: &str,
        config: &Arc<ClientConfig>,
    ) -> std::io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        socket.set_write_timeout(Some(Duration::from_secs(10)))?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut session = ClientConnection::new(Arc::clone(config), name).unwrap();
        let mut socket = socket;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(Self { stream: StreamOwned::new(session, socket) })
    }

    /// Writes bytes in one record. A peer that has gone is no matter: the answer is what counts.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
        let _ = self.stream.flush();
    }

    /// Everything up to the end of the stream.
    pub(super) fn read_to_end(&mut self) -> String {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => all.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(error) => {
                    all.extend_from_slice(format!("<{:?}>", error.kind()).as_bytes());
                    break;
                }
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Everything until a text has come.
    pub(super) fn read_until(&mut self, text: &str) -> String {
        let mut all = String::new();
        let mut buffer = [0; 4096];
        while !all.contains(text) {
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("the stream ended before {text:?}: {all:?}"),
                Ok(read) => all.push_str(&String::from_utf8_lossy(&buffer[..read])),
                Err(error) => panic!("{error} before {text:?}: {all:?}"),
            }
        }
        all
    }

    /// One request and the whole answer, which ends with the handler's `;`.
    pub(super) fn get(&mut self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n").as_bytes());
        self.read_until(";")
    }

    /// How long until the server closes; the time is bounded by the read timeout.
    pub(super) fn time_to_close(&mut self) -> (Duration, String) {
        let start = Instant::now();
        let text = self.read_to_end();
        (start.elapsed(), text)
    }

    pub(super) fn half_close(&mut self) {
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
        let _ = self.stream.sock.shutdown(Shutdown::Write);
    }
}
