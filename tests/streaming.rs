//! Bodies of any size, streamed in both directions: nothing is collected on the way, and nobody is told that half of
//! a message is the whole.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Api, Gateway, Landing, RawBackend, RawClient, eventually, resident_kib};

const SOON: Duration = Duration::from_secs(20);
const MIB: u64 = 1024 * 1024;
/// What the tests of large bodies send.
const LARGE: u64 = 256 * MIB;
/// How much of a large body may be on its way through the process, with what the allocator keeps.
const ROOM_KIB: u64 = 32 * 1024;

async fn gateway(backend: &RawBackend) -> Gateway {
    let api = Api::new("a", &backend.url())
        .operation("get", "GET", "/{*rest}")
        .operation("post", "POST", "/{*rest}");
    Gateway::start(Landing::new().with("limits: { body_bytes: 1GiB }").api(api)).await
}

async fn get(gateway: &Gateway, path: &str) -> RawClient {
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.client().authority())).await;
    client
}

#[tokio::test]
async fn server_sent_events_arrive_one_by_one() {
    // The backend sends the next event only when the client has got the one before.
    let (next, steps) = mpsc::channel::<()>();
    let steps = Mutex::new(steps);
    let backend = RawBackend::start(move |peer| {
        if peer.read_head().is_none() {
            return;
        }
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
        let steps = steps.lock().unwrap();
        for number in 0..5 {
            steps.recv().unwrap();
            let event = format!("data: event {number}\n\n");
            peer.send(format!("{:x}\r\n{event}\r\n", event.len()));
        }
        peer.send("0\r\n\r\n");
    });
    let gateway = gateway(&backend).await;
    let mut client = get(&gateway, "/a/events").await;
    let head = client.read_until("\r\n\r\n").await.to_ascii_lowercase();
    assert!(head.contains("content-type: text/event-stream") && !head.contains("content-length"), "{head}");
    for number in 0..5 {
        next.send(()).unwrap();
        client.read_until(&format!("event {number}\n\n")).await;
    }

    let stream = gateway.client().connect(&["h2"]).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut requests = requests.ready().await.unwrap();
    let request =
        http::Request::get(format!("https://{}/a/events", gateway.client().authority())).body(()).unwrap();
    let mut body = requests.send_request(request, true).unwrap().0.await.unwrap().into_body();
    for number in 0..5 {
        next.send(()).unwrap();
        let data = tokio::time::timeout(SOON, body.data()).await.unwrap().unwrap().unwrap();
        assert_eq!(data, format!("data: event {number}\n\n"));
    }
}

/// Watches the resident memory of the gateway until it is told to stop; gives the most of it.
struct MemoryWatch {
    most: Arc<AtomicU64>,
    base: u64,
    task: tokio::task::JoinHandle<()>,
}

impl MemoryWatch {
    fn start(gateway: &Gateway) -> Self {
        let pid = gateway.pid();
        let base = resident_kib(pid);
        let most = Arc::new(AtomicU64::new(base));
        let seen = Arc::clone(&most);
        let task = tokio::spawn(async move {
            loop {
                seen.fetch_max(resident_kib(pid), Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { most, base, task }
    }

    fn assert_flat(self) {
        self.task.abort();
        let most = self.most.load(Ordering::SeqCst);
        assert!(most < self.base + ROOM_KIB, "{} KiB became {most} KiB", self.base);
    }
}

#[tokio::test]
async fn a_large_download_passes_in_little_memory() {
    let backend = RawBackend::start(|peer| {
        while peer.read_head().is_some() {
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"));
            let block = vec![b'x'; MIB as usize];
            for _ in 0..LARGE / MIB {
                if !peer.send(&block) {
                    return;
                }
            }
        }
    });
    let gateway = gateway(&backend).await;
    assert_eq!(gateway.client().get("/absent").await.status, 404);
    let memory = MemoryWatch::start(&gateway);
    let mut client = get(&gateway, "/a/large").await;
    let mut total = 0;
    let mut buffer = vec![0; 256 * 1024];
    let mut head = Vec::new();
    while total < LARGE {
        let count = client.stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the body ends after {total} bytes");
        if let Some(start) = after_head(&mut head, &buffer[..count]) {
            total += (count - start) as u64;
        }
    }
    assert_eq!(total, LARGE);

    let stream = gateway.client().connect(&["h2"]).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut requests = requests.ready().await.unwrap();
    let request =
        http::Request::get(format!("https://{}/a/large", gateway.client().authority())).body(()).unwrap();
    let response = requests.send_request(request, true).unwrap().0.await.unwrap();
    assert_eq!(response.headers()["content-length"], LARGE.to_string().as_str());
    let mut body = response.into_body();
    let mut total = 0;
    // A part of it is enough to see whether anything grows: windows of 64 KiB are slow.
    while total < LARGE / 8 {
        let data = body.data().await.unwrap().unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        total += data.len() as u64;
    }
    memory.assert_flat();
}

/// Where the body begins in these bytes; nothing while the head goes on.
fn after_head(head: &mut Vec<u8>, bytes: &[u8]) -> Option<usize> {
    if head.ends_with(b"\r\n\r\n") {
        return Some(0);
    }
    for (at, byte) in bytes.iter().enumerate() {
        head.push(*byte);
        if head.ends_with(b"\r\n\r\n") {
            return Some(at + 1);
        }
    }
    None
}

#[tokio::test]
async fn a_large_upload_passes_in_little_memory() {
    let backend = RawBackend::start(|peer| {
        let Some(head) = peer.read_head() else { return };
        assert!(head.to_ascii_lowercase().contains(&format!("content-length: {LARGE}")), "{head}");
        let mut total = peer.take_pending().len() as u64;
        while total < LARGE {
            let Some(bytes) = peer.read_some() else { return };
            total += bytes.len() as u64;
        }
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{total}", total.to_string().len()));
    });
    let gateway = gateway(&backend).await;
    assert_eq!(gateway.client().get("/absent").await.status, 404);
    let memory = MemoryWatch::start(&gateway);
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let host = gateway.client().authority();
    client.send(format!("POST /a/large HTTP/1.1\r\nHost: {host}\r\nContent-Length: {LARGE}\r\n\r\n")).await;
    let block = vec![b'x'; MIB as usize];
    for _ in 0..LARGE / MIB {
        assert!(client.send(&block).await);
    }
    client.read_until(&format!("\r\n\r\n{LARGE}")).await;
    memory.assert_flat();
    let record = gateway.access_log(2).await.pop().unwrap();
    assert_eq!((record["bytes_in"].as_u64(), record["bytes_out"].as_u64()), (Some(LARGE), Some(9)));
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_backend_back() {
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    let backend = RawBackend::start(move |peer| {
        let Some(head) = peer.read_head() else { return };
        if !head.starts_with("GET /endless") {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            return;
        }
        peer.send("HTTP/1.1 200 OK\r\n\r\n");
        let block = vec![b'x'; 64 * 1024];
        while peer.stream.write_all(&block).is_ok() {
            count.fetch_add(block.len() as u64, Ordering::SeqCst);
        }
    });
    let gateway = gateway(&backend).await;
    let memory = MemoryWatch::start(&gateway);
    let mut client = get(&gateway, "/a/endless").await;
    let mut byte = [0];
    client.stream.read_exact(&mut byte).await.unwrap();
    // The buffers of five sockets are all that there is room in; then the backend waits.
    let mut last = 0;
    eventually("the backend waits", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = sent.load(Ordering::SeqCst);
        std::mem::replace(&mut last, now) == now && now > 0
    })
    .await;
    assert!(last < 32 * MIB, "{last} bytes are on the way");
    assert_eq!(gateway.client().get("/a/x").await.status, 200, "others are served meanwhile");
    let mut buffer = vec![0; 1024 * 1024];
    let mut read = 0;
    while read < last + MIB {
        read += client.stream.read(&mut buffer).await.unwrap() as u64;
    }
    memory.assert_flat();
    drop(client);
    let before = sent.load(Ordering::SeqCst);
    eventually("the backend is let go when the client is gone", || {
        let now = sent.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(100));
        sent.load(Ordering::SeqCst) == now && now >= before
    })
    .await;
}

#[tokio::test]
async fn a_backend_that_does_not_read_holds_the_client_back() {
    let backend = RawBackend::start(|peer| {
        let _ = peer.read_head();
        std::thread::sleep(Duration::from_secs(4));
    });
    let gateway = gateway(&backend).await;
    let memory = MemoryWatch::start(&gateway);
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let host = gateway.client().authority();
    client.send(format!("POST /a/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: {LARGE}\r\n\r\n")).await;
    let block = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while let Ok(Ok(())) =
        tokio::time::timeout(Duration::from_millis(700), client.stream.write_all(&block)).await
    {
        sent += block.len() as u64;
        assert!(sent < 64 * MIB, "{sent} bytes are on the way");
    }
    assert!(sent < 64 * MIB);
    memory.assert_flat();
}

#[tokio::test]
async fn a_backend_that_dies_amid_a_body_is_no_good_end() {
    let backend = RawBackend::start(|peer| {
        let Some(head) = peer.read_head() else { return };
        if head.starts_with("GET /length") {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it");
        } else if head.starts_with("GET /chunks") {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf of it\r\n");
        } else if head.starts_with("GET /bad-chunks") {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf of it\r\nzz\r\n");
            std::thread::sleep(Duration::from_millis(200));
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
        peer.reset();
    });
    let gateway = gateway(&backend).await;
    for path in ["/a/length", "/a/chunks", "/a/bad-chunks"] {
        let mut client = get(&gateway, path).await;
        let answer = client.read_to_end(SOON).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("half of it"), "{path}: {answer}");
        assert!(!answer.ends_with("0\r\n\r\n"), "{path}: the end of the chunks is made up: {answer:?}");

        let stream = gateway.client().connect(&["h2"]).await.unwrap();
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut requests = requests.ready().await.unwrap();
        let request =
            http::Request::get(format!("https://{}{path}", gateway.client().authority())).body(()).unwrap();
        let mut body = requests.send_request(request, true).unwrap().0.await.unwrap().into_body();
        let ended = loop {
            match body.data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        assert!(ended.is_err_and(|error| error.is_reset()), "{path}: a stream that breaks is reset");
    }
    // Before the head there is still an answer to give.
    let dead = gateway.client().get("/a/nothing").await;
    assert_eq!(dead.status, 500);
    assert!(dead.json()["activityId"].is_string(), "{}", dead.text());
    let records = gateway.access_log(7).await;
    for record in &records {
        assert_eq!(record["error"]["reason"], "BackendConnectionFailure", "{record:#}");
    }
}

#[tokio::test]
async fn what_cannot_be_repeated_is_sent_once() {
    let backend = RawBackend::start(|peer| {
        let _ = peer.read_head();
        let _ = peer.take_pending();
        peer.reset();
    });
    let gateway = gateway(&backend).await;
    let answer = gateway.client().send("POST", "/a/order", "one").await;
    assert_eq!(answer.status, 500);
    assert_eq!(backend.received().matches("POST /order").count(), 1, "{}", backend.received());
}

#[tokio::test]
async fn a_request_on_a_connection_that_the_backend_has_closed_is_sent_again() {
    // Each connection answers one request and closes a little later, without a word.
    let backend = RawBackend::start(|peer| {
        if peer.read_head().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = gateway(&backend).await;
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let host = gateway.client().authority();
    for _ in 0..30 {
        client.send(format!("GET /a/x HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let answer = client.read_until("\r\n\r\nok").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn the_client_is_told_to_go_on_only_when_its_body_is_wanted() {
    let backend = RawBackend::start(|peer| {
        while let Some(head) = peer.read_head() {
            let mut body = peer.take_pending();
            if head.to_ascii_lowercase().contains("expect: 100-continue") {
                peer.send("HTTP/1.1 100 Continue\r\n\r\n");
            }
            while body.len() < 5 {
                let Some(more) = peer.read_some() else { return };
                body.extend_from_slice(&more);
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
        }
    });
    let gateway = gateway(&backend).await;
    let host = gateway.client().authority();
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n\r\n"
        )
    };
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client.send(head("/a/x")).await;
    let answer = client.read_until("\r\n\r\n").await;
    assert_eq!(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").await;
    let answer = client.read_until("done").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client.send(head("/absent")).await;
    let answer = client.read_until("Resource not found").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}
