//! Bytes as no HTTP library would send them, on a TLS connection and behind the gateway.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::client::TlsStream;

use super::Client;

/// How long a test waits for bytes that have to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client's TLS connection without a protocol.
pub struct RawClient {
    pub stream: TlsStream<tokio::net::TcpStream>,
}

impl RawClient {
    pub async fn connect(client: &Client, alpn: &str) -> Self {
        Self { stream: client.connect(&[alpn]).await.unwrap() }
    }

    /// Sends; that the other side has closed meanwhile is for the reading to find out.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = self.stream.write_all(bytes.as_ref()).await.is_ok();
        sent && self.stream.flush().await.is_ok()
    }

    /// Everything up to the end, which has to come in time.
    pub async fn read_to_end(&mut self, within: Duration) -> String {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(within, async {
            let mut buffer = vec![0; 16 * 1024];
            // A connection that is reset has ended too.
            while let Ok(count @ 1..) = self.stream.read(&mut buffer).await {
                bytes.extend_from_slice(&buffer[..count]);
            }
        });
        let ended = read.await.is_ok();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(ended, "the connection is still open after {within:?}; it gave {text:?}");
        text
    }

    /// One answer whose head says how long its body is; empty where the connection ends without one, or none comes in time.
    pub async fn read_answer(&mut self, within: Duration) -> String {
        let mut bytes = Vec::new();
        let _ = tokio::time::timeout(within, async {
            let mut buffer = vec![0; 16 * 1024];
            while !is_whole(&bytes) {
                match self.stream.read(&mut buffer).await {
                    Ok(count @ 1..) => bytes.extend_from_slice(&buffer[..count]),
                    _ => break,
                }
            }
        })
        .await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What comes within a time.
    pub async fn read_for(&mut self, time: Duration) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = tokio::time::timeout(time, async {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(count @ 1..) = self.stream.read(&mut buffer).await {
                bytes.extend_from_slice(&buffer[..count]);
            }
        })
        .await;
        bytes
    }

    /// Everything up to a text.
    pub async fn read_until(&mut self, text: &str) -> String {
        let mut bytes = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = String::from_utf8_lossy(&bytes).into_owned();
            if seen.contains(text) {
                return seen;
            }
            let mut buffer = vec![0; 16 * 1024];
            let left = deadline.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.stream.read(&mut buffer)).await {
                Ok(Ok(count @ 1..)) => bytes.extend_from_slice(&buffer[..count]),
                other => panic!("`{text}` does not come ({other:?}); there is {seen:?}"),
            }
        }
    }
}

/// Whether an answer is there with all of its body.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    length.is_some_and(|length: usize| answer.len() >= end + 4 + length)
}

/// A backend that is a function of its TCP connection.
pub struct RawBackend {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<u8>>>,
    connections: Arc<AtomicUsize>,
}

/// One connection of a [`RawBackend`].
pub struct Peer {
    pub stream: TcpStream,
    received: Arc<Mutex<Vec<u8>>>,
    pending: Vec<u8>,
}

impl RawBackend {
    /// Runs `serve` for each connection on a thread of its own.
    pub fn start(serve: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (log, count, serve) = (Arc::clone(&received), Arc::clone(&connections), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let (received, serve) = (Arc::clone(&log), Arc::clone(&serve));
                std::thread::spawn(move || serve(&mut Peer { stream, received, pending: Vec::new() }));
            }
        });
        Self { address, received, connections }
    }

    /// Answers every head with 200 and an empty body, and keeps what it got.
    pub fn recorder() -> Self {
        Self::start(|peer| {
            while peer.read_head().is_some() {
                if !peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") {
                    return;
                }
            }
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every byte that came so far, over all connections.
    pub fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.lock().unwrap()).into_owned()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Peer {
    /// The next head, up to and with its empty line; nothing at the end of the connection. Bytes behind it stay for
    /// the next reading.
    pub fn read_head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.pending.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.pending.drain(..at + 4).collect();
                return Some(String::from_utf8_lossy(&head).into_owned());
            }
            let bytes = self.read_some()?;
            self.pending.extend_from_slice(&bytes);
        }
    }

    /// Whatever comes next; nothing at the end.
    pub fn read_some(&mut self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(count @ 1..) => {
                buffer.truncate(count);
                // Only the beginning is kept: some tests send more than a record should hold.
                let mut received = self.received.lock().unwrap();
                if received.len() < 1024 * 1024 {
                    received.extend_from_slice(&buffer);
                }
                Some(buffer)
            }
            _ => None,
        }
    }

    /// The bytes that were read behind a head.
    pub fn take_pending(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Closes with a reset instead of an end.
    pub fn reset(&self) {
        let socket = socket_of(&self.stream);
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(std::net::Shutdown::Both);
    }
}

fn socket_of(stream: &TcpStream) -> socket2::SockRef<'_> {
    socket2::SockRef::from(stream)
}

/// Polls until something holds.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The resident memory of a process in KiB.
pub fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
