//! HTTP/2 in front: what honest clients use of it, and the floods that others send.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request};

use crate::support::{Api, Authority, Gateway, Landing, RawBackend, RawClient, TlsBackend, resident_kib};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The header block of `GET path` for localhost, uncompressed.
fn get(path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87, 0x04, path.len() as u8];
    block.extend_from_slice(path.as_bytes());
    block.extend_from_slice(b"\x01\x09localhost");
    block
}

#[tokio::test]
async fn bodies_and_trailers_pass_both_ways_to_an_http_2_backend() {
    let authority = Authority::new("backends");
    let backend = TlsBackend::start(&authority.server(&["localhost"]), None, &["h2"]);
    let landing = Landing::new().with("backend_tls: { trust: [certs/backends.pem] }");
    landing.file("certs/backends.pem", &authority.pem());
    let gateway =
        Gateway::start(landing.api(Api::new("a", &backend.url()).operation("post", "POST", "/x"))).await;
    let stream = gateway.client().connect(&["h2"]).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut requests = requests.ready().await.unwrap();
    let request = Request::post(format!("https://{}/a/x", gateway.client().authority()))
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (response, mut body) = requests.send_request(request, false).unwrap();
    body.send_data(Bytes::from_static(b"hello "), false).unwrap();
    body.send_data(Bytes::from_static(b"backend"), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "42".parse().unwrap());
    body.send_trailers(trailers).unwrap();
    let mut answer = response.await.unwrap().into_body();
    let mut bytes = Vec::new();
    while let Some(data) = answer.data().await {
        let data = data.unwrap();
        answer.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
    let seen: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(seen["version"], "HTTP/2.0");
    assert_eq!(seen["body"], "hello backend");
    assert_eq!(seen["trailers"]["x-checksum"], "42");
    let trailers = answer.trailers().await.unwrap().expect("trailers");
    assert_eq!(trailers["x-answered"], "yes");
}

#[tokio::test]
async fn many_requests_of_one_connection_run_at_once() {
    let backend = RawBackend::start(|peer| {
        while peer.read_head().is_some() {
            std::thread::sleep(Duration::from_millis(300));
            if !peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") {
                return;
            }
        }
    });
    let gateway =
        Gateway::start(Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"))).await;
    let stream = gateway.client().connect(&["h2"]).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut requests = requests.ready().await.unwrap();
    let start = Instant::now();
    let mut answers = Vec::new();
    for _ in 0..50 {
        requests = requests.ready().await.unwrap();
        let request = Request::get(format!("https://{}/a/x", gateway.client().authority())).body(()).unwrap();
        answers.push(requests.send_request(request, true).unwrap().0);
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[tokio::test]
async fn heads_that_are_no_requests_are_refused() {
    let backend = RawBackend::recorder();
    let gateway =
        Gateway::start(Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"))).await;
    let field = |name: &str, value: &str| {
        let mut bytes = vec![0, name.len() as u8];
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(value.len() as u8);
        bytes.extend_from_slice(value.as_bytes());
        bytes
    };
    let with = |more: Vec<u8>| [get("/a/x"), more].concat();
    for (name, block) in [
        ("connection", with(field("connection", "close"))),
        ("transfer-encoding", with(field("transfer-encoding", "chunked"))),
        ("te", with(field("te", "gzip"))),
        ("another host", with(field("host", "evil.example"))),
        ("two authorities", with(b"\x01\x04evil".to_vec())),
        ("upper case", with(field("X-Upper", "1"))),
        ("a line feed", with(field("x-lf", "a\nb"))),
        ("a NUL", with(field("x-nul", "a\0b"))),
        ("a space in a name", with(field("x y", "1"))),
        ("no path", b"\x82\x87\x01\x09localhost".to_vec()),
        ("an empty path", b"\x82\x87\x04\x00\x01\x09localhost".to_vec()),
        ("a length that is not the body's", with(field("content-length", "5"))),
        ("two lengths", with([field("content-length", "5"), field("content-length", "6")].concat())),
    ] {
        let mut client = RawClient::connect(&gateway.client(), "h2").await;
        client.send([PREFACE, &frame(1, 5, 1, &block)].concat()).await;
        // Whatever the refusal is - a status, a reset, an end - nothing of it goes on.
        let said = client.read_for(Duration::from_millis(150)).await;
        assert!(!said.is_empty(), "{name}");
        assert_eq!(backend.received(), "", "{name} is forwarded");
    }
    assert_eq!(gateway.client().send_h2("GET", "/a/x", "").await.status, 200);
}

/// Sends until the connection is cut. What the server says is read beside it.
async fn flood(gateway: &Gateway, name: &str, mut bytes: impl FnMut(u32) -> Vec<u8>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let stream = gateway.client().connect(&["h2"]).await.unwrap();
    let (mut from, mut to) = tokio::io::split(stream);
    to.write_all(PREFACE).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(1..) = from.read(&mut buffer).await {}
    });
    let start = Instant::now();
    let mut count = 0;
    while !reading.is_finished() && to.write_all(&bytes(count)).await.is_ok() {
        count += 1;
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "{name}: {count} rounds are taken and the connection stays"
        );
        if count % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn floods_are_cut_memory_stays_flat_and_others_are_served() {
    let backend = RawBackend::start(|peer| {
        while let Some(head) = peer.read_head() {
            if head.starts_with("GET /slow") {
                std::thread::sleep(Duration::from_millis(200));
            }
            if !peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") {
                return;
            }
        }
    });
    let api = Api::new("a", &backend.url()).operation("get", "GET", "/x").operation("slow", "GET", "/slow");
    let gateway = Gateway::start(Landing::new().api(api)).await;
    for _ in 0..20 {
        assert_eq!(gateway.client().send_h2("GET", "/a/x", "").await.status, 200);
    }
    let base = resident_kib(gateway.pid());
    let id = |count: u32| count * 2 + 1;
    let repeat = |frame: Vec<u8>| move |_: u32| frame.repeat(50);
    let slow = get("/a/slow");
    let (open, whole) = (slow.clone(), slow.clone());
    let cases: Vec<(&str, Box<dyn FnMut(u32) -> Vec<u8>>)> = vec![
        ("SETTINGS", Box::new(repeat(frame(4, 0, 0, &[])))),
        ("PING", Box::new(repeat(frame(6, 0, 0, &[0; 8])))),
        ("PRIORITY", Box::new(repeat(frame(2, 0, 1, &[0, 0, 0, 0, 16])))),
        ("WINDOW_UPDATE", Box::new(repeat(frame(8, 0, 0, &[0, 0, 0, 1])))),
        ("unknown frames", Box::new(repeat(frame(0x42, 0, 0, &[0; 4])))),
        (
            "empty DATA",
            Box::new(
                move |count| if count == 0 { frame(1, 4, 1, &open) } else { frame(0, 0, 1, &[]).repeat(50) },
            ),
        ),
        (
            "rapid reset",
            Box::new(move |count| {
                [frame(1, 5, id(count), &whole), frame(3, 0, id(count), &[0, 0, 0, 8])].concat()
            }),
        ),
        (
            "MadeYouReset by WINDOW_UPDATE",
            Box::new({
                let slow = slow.clone();
                move |count| {
                    [frame(1, 5, id(count), &slow), frame(8, 0, id(count), &0x7fff_ffff_u32.to_be_bytes())]
                        .concat()
                }
            }),
        ),
        (
            "MadeYouReset by DATA",
            Box::new({
                let slow = slow.clone();
                move |count| [frame(1, 5, id(count), &slow), frame(0, 0, id(count), b"x")].concat()
            }),
        ),
        (
            "empty CONTINUATION",
            Box::new(
                move |count| if count == 0 { frame(1, 0, 1, &get("/a/x")) } else { frame(9, 0, 1, &[]) },
            ),
        ),
        (
            "CONTINUATION of many fields",
            Box::new(move |count| {
                if count == 0 {
                    frame(1, 0, 1, &get("/a/x"))
                } else {
                    frame(9, 0, 1, &b"\x00\x01x\x01y".repeat(3000))
                }
            }),
        ),
        (
            "HPACK bomb",
            Box::new(move |count| {
                // A long field once in the dynamic table, then thousands of references to it.
                let mut block = get("/a/x");
                if count == 0 {
                    block.extend_from_slice(b"\x40\x01x\x7f\xa1\x1e");
                    block.extend(std::iter::repeat_n(b'a', 4000));
                } else {
                    block.extend(std::iter::repeat_n(0xbe, 16_000));
                }
                frame(1, 5, id(count), &block)
            }),
        ),
    ];
    for (name, bytes) in cases {
        flood(&gateway, name, bytes).await;
        let start = Instant::now();
        assert_eq!(gateway.client().get("/a/x").await.status, 200, "{name}");
        assert!(start.elapsed() < Duration::from_secs(10), "{name}: others wait {:?}", start.elapsed());
        let now = resident_kib(gateway.pid());
        assert!(now < base + 24 * 1024, "{name}: {base} KiB became {now} KiB");
    }
}
