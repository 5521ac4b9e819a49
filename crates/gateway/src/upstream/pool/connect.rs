//! New connections: address after address with a head start (RFC 8305), then TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::io::Stream;
use crate::read_ahead::ReadAhead;
use crate::upstream::guard::Forbidden;

/// How long an address is waited for before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);
/// When a silent connection is probed for a dead peer.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::upstream) enum ConnectError {
    /// The base URL cannot be connected to.
    #[error("the backend's URL cannot be used: {0}")]
    BadUrl(&'static str),
    /// The name has no address.
    #[error("`{host}` cannot be resolved: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// Requests may not be sent there.
    #[error("{host} may not be connected to at {address}: {reason}")]
    Forbidden {
        /// Name and port.
        host: String,
        /// The last of its addresses.
        address: IpAddr,
        /// Why.
        reason: Forbidden,
    },
    /// Requests may not be sent there, whatever its address.
    #[error("{host} may not be connected to: {reason}")]
    ForbiddenName {
        /// Name and port.
        host: String,
        /// Why.
        reason: Forbidden,
    },
    /// No address answers.
    #[error("no connection to {host}: {reason}")]
    Tcp {
        /// Name and port.
        host: String,
        /// What the system says of the last address.
        reason: String,
    },
    /// The handshake failed: an unknown authority, a wrong name, no common version.
    #[error("the TLS handshake with {host} failed: {reason}")]
    Tls {
        /// Name and port.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// The HTTP/2 preface was not taken.
    #[error("the HTTP/2 connection to {host} failed: {reason}")]
    Http2 {
        /// Name and port.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// Neither TCP nor TLS came to an end in time, or no connection became free.
    #[error("no connection within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// Too many requests wait for a connection already.
    #[error("{0} requests wait for a connection to this backend already")]
    TooManyWaiting(usize),
    /// Too many hosts are connected to.
    #[error("connections to {0} hosts are open already")]
    TooManyAuthorities(usize),
}

/// The first address that answers.
pub(super) async fn tcp(addresses: &[SocketAddr]) -> std::io::Result<(TcpStream, SocketAddr)> {
    let mut attempts = FuturesUnordered::new();
    let mut remaining = addresses.iter().copied();
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no address");
    loop {
        match remaining.next() {
            Some(address) => attempts.push(async move {
                TcpStream::connect(address)
                    .await
                    .map(|stream| (stream, address))
                    .map_err(|error| (address, error))
            }),
            None if attempts.is_empty() => return Err(last),
            None => {}
        }
        let more = remaining.len() > 0;
        tokio::select! {
            biased;
            Some(outcome) = attempts.next() => match outcome {
                Ok((stream, address)) => {
                    prepare(&stream);
                    return Ok((stream, address));
                }
                Err((address, error)) => last = std::io::Error::new(error.kind(), format!("{address}: {error}")),
            },
            () = tokio::time::sleep(HEAD_START), if more => {}
        }
    }
}

/// The handshake; says whether HTTP/2 was agreed on.
pub(super) async fn tls(
    stream: TcpStream,
    config: &Arc<ClientConfig>,
    name: ServerName<'static>,
) -> std::io::Result<(Stream, bool)> {
    let stream = TlsConnector::from(Arc::clone(config)).connect(name, ReadAhead::new(stream)).await?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Stream::Tls(Box::new(stream)), http2))
}

fn prepare(stream: &TcpStream) {
    // Both only tune the connection: one that lacks them still works.
    let _ = stream.set_nodelay(true);
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 3);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keep_alive);
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::{Instant, timeout};

    use super::*;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_by_the_next_at_once() {
        let closed = listener().await.1;
        let (_open, address) = listener().await;
        let begun = Instant::now();
        let mut addresses = vec![closed; 40];
        addresses.push(address);
        let (_, peer) = tcp(&addresses).await.unwrap();
        assert_eq!(peer, address);
        assert!(begun.elapsed() < HEAD_START * 40);
        let error = tcp(&[closed]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().starts_with(&closed.to_string()), "{error}");
    }

    #[tokio::test]
    async fn an_address_that_says_nothing_is_overtaken_by_the_next() {
        // A listener whose queue is full drops what comes.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = socket.listen(1).unwrap();
        let silent = full.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(100), TcpStream::connect(silent)).await {
            queue.push(stream.unwrap());
            assert!(queue.len() < 64, "the queue never fills");
        }
        let (_open, address) = listener().await;
        let begun = Instant::now();
        let (_, peer) = tcp(&[silent, address]).await.unwrap();
        assert_eq!(peer, address);
        assert!(begun.elapsed() >= HEAD_START);
        assert!(begun.elapsed() < HEAD_START * 80);
    }
}
