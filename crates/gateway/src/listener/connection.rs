//! One client connection, from TCP to its protocol.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use gatehouse_identity::ClientCertificate;
use gatehouse_model::configuration::Limits;
use gatehouse_telemetry::metrics::{HandshakeOutcome, OpenConnection, RefusedRequest, TlsProtocol};
use rustls::server::Acceptor;
use rustls::{ProtocolVersion, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::endpoint::{Protocol, Serving};
use super::handshake_outcome;
use super::quota::{Permit, Quota};
use super::transport::Transport;
use crate::client::activity::{Activity, CloseFlag};
use crate::client::drain::Drain;
use crate::client::flow::Flow;
use crate::client::service::Exchanges;
use crate::connection::{Connection, Handler};
use crate::tls::provider::iana_name;
use crate::tls::{Judge, ServerTls, Terms};
use crate::{http1, http2};

/// What all connections of a core share.
pub(super) struct Common {
    pub(super) handler: Rc<dyn Handler>,
    pub(super) quota: Arc<Quota>,
}

/// Serves a connection to its end.
pub(super) async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    (permit, open): (Permit, OpenConnection),
    serving: Arc<Serving>,
    drain: Rc<Drain>,
    common: Rc<Common>,
) {
    let Ok(local) = stream.local_addr() else { return };
    let transport = Transport::new(stream, permit, open);
    let flow = transport.flow();
    let limits = Arc::clone(&serving.limits);
    let tls = match &serving.protocol {
        Protocol::Redirect(port, hosts) => {
            return Box::pin(http1::redirect(transport, *port, hosts, &limits)).await;
        }
        Protocol::InTheClear(is_http2) => {
            let is_http2 = *is_http2;
            let connection = in_the_clear(&serving, peer, local);
            return speak(transport, connection, is_http2, flow, serving, drain, common).await;
        }
        Protocol::Https(tls) => Arc::clone(tls),
    };
    // Boxed: what a connection keeps is the size of this future, and a handshake is short.
    let shaken = Box::pin(timeout(limits.handshake_timeout, handshake(transport, &tls))).await;
    let (stream, terms, facts) = match shaken {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(outcome)) => return serving.metrics.handshake(outcome),
        Err(_) => return serving.metrics.handshake(HandshakeOutcome::Timeout),
    };
    serving.metrics.handshake(HandshakeOutcome::Done(facts.protocol));
    let is_http2 = facts.is_http2;
    let connection = Connection {
        listener: Arc::clone(&serving.name),
        peer,
        local,
        tls_version: match facts.protocol {
            TlsProtocol::Tls12 => "TLSv1.2",
            TlsProtocol::Tls13 => "TLSv1.3",
        },
        tls_cipher: facts.cipher,
        server_name: facts.server_name,
        terms: Some(terms),
        certificate: facts.certificate,
        forwarding: Default::default(),
    };
    speak(stream, connection, is_http2, flow, serving, drain, common).await;
}

/// A connection about which no handshake has told anything.
fn in_the_clear(serving: &Serving, peer: SocketAddr, local: SocketAddr) -> Connection {
    Connection {
        listener: Arc::clone(&serving.name),
        peer,
        local,
        tls_version: "",
        tls_cipher: "",
        server_name: None,
        terms: None,
        certificate: None,
        forwarding: Default::default(),
    }
}

async fn speak<S>(
    stream: S,
    connection: Connection,
    is_http2: bool,
    flow: Arc<Flow>,
    serving: Arc<Serving>,
    drain: Rc<Drain>,
    common: Rc<Common>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = Arc::clone(&serving.limits);
    let metrics = Arc::clone(&serving.metrics);
    drop(serving);
    let exchanges = exchanges(connection, limits, &common);
    drop(common);
    if is_http2 {
        let end = Box::pin(http2::serve(stream, exchanges, drain, flow)).await;
        if end == http2::End::Violation {
            metrics.refuse_request(RefusedRequest::Http2);
        }
    } else {
        drop(metrics);
        http1::serve(stream, http1::Session { exchanges, drain, flow }).await;
    }
}

fn exchanges(connection: Connection, limits: Arc<Limits>, common: &Common) -> Exchanges {
    Exchanges {
        handler: Rc::clone(&common.handler),
        connection: Rc::new(connection),
        limits,
        activity: Activity::new(),
        close: CloseFlag::default(),
        turn: None,
    }
}

/// What a handshake has found out.
struct Facts {
    is_http2: bool,
    protocol: TlsProtocol,
    cipher: &'static str,
    server_name: Option<Arc<str>>,
    certificate: Option<Arc<ClientCertificate>>,
}

async fn handshake(
    transport: Transport,
    current: &Arc<ArcSwap<ServerTls>>,
) -> Result<(TlsStream<Transport>, Terms, Facts), HandshakeOutcome> {
    let failed = |error: io::Error| handshake_outcome::of_failure(&error);
    let start = LazyConfigAcceptor::new(Acceptor::default(), transport).await.map_err(failed)?;
    let server_name = start.client_hello().server_name().map(|name| Arc::from(name.to_ascii_lowercase()));
    let state = current.load_full();
    let entry = state.entry(state.select(server_name.as_deref())).ok_or(HandshakeOutcome::NothingInCommon)?;
    let terms = Terms::new(Arc::clone(current), Arc::clone(&entry.settings), entry.judge.clone());
    let stream = start.into_stream(Arc::clone(&entry.config)).await.map_err(failed)?;
    let facts =
        facts(stream.get_ref().1, server_name, &entry.judge).ok_or(HandshakeOutcome::BadClientCertificate)?;
    Ok((stream, terms, facts))
}

/// `None`: the client's certificate cannot be used.
fn facts(session: &ServerConnection, server_name: Option<Arc<str>>, judge: &Judge) -> Option<Facts> {
    let certificate = match session.peer_certificates() {
        Some([leaf, others @ ..]) => {
            let certificate = ClientCertificate::from_der(leaf).ok()?;
            // A resumed session is not verified anew, and may outlive the certificate that it began with.
            if !judge.lets_any_in() && !certificate.is_valid_at(now()) {
                return None;
            }
            Some(Arc::new(judge.judged(certificate, leaf, others)))
        }
        _ => None,
    };
    Some(Facts {
        is_http2: session.alpn_protocol() == Some(b"h2"),
        protocol: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => TlsProtocol::Tls12,
            _ => TlsProtocol::Tls13,
        },
        cipher: session.negotiated_cipher_suite().map_or("", |suite| iana_name(suite.suite())),
        server_name,
        certificate,
    })
}

/// UTC seconds.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
