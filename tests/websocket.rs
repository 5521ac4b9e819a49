//! `WebSocket`s: by the upgrade of HTTP/1.1 and by the extended CONNECT of HTTP/2, and only where an API speaks them.

use bytes::Bytes;

use crate::support::peers::{self, Server};
use crate::support::{Api, Backend, Gateway, Landing, RawClient};

fn landing(port: u16) -> Landing {
    Landing::new()
        .api(
            Api::new("socket", &format!("ws://127.0.0.1:{port}/inner"))
                .set("type", "websocket")
                .set("protocols", serde_json::json!(["wss"])),
        )
        .api(
            Api::new("closed", &format!("ws://127.0.0.1:{port}"))
                .set("type", "websocket")
                .set("protocols", serde_json::json!(["wss"]))
                .set("subscriptionRequired", true),
        )
        .subscription("partner", "/apis/closed")
}

#[tokio::test]
async fn conversations_pass_over_http_1_1() {
    let Some(python) = peers::python() else { return };
    let server = Server::start(&python, "websocket_server.py", &[]);
    let backend = Backend::echo();
    let api = Api::new("plain", &backend.url()).operation("get", "GET", "/");
    let gateway = Gateway::start(landing(server.port).api(api)).await;
    let url = |path: &str| format!("wss://{}/{path}", gateway.client().authority());
    let authority = gateway.landing.path("certs/ca.pem");
    let authority = authority.to_str().unwrap();
    let (open, closed, plain) = (url("socket"), url("closed"), url("plain"));
    let said = peers::run(
        &python,
        "websocket_client.py",
        &["--url", &open, "--refused", &plain, "--authority", authority],
    )
    .await;
    assert!(said.contains("all conversations are good"), "{said}");
    let with_key = ["--url", &closed, "--authority", authority, "--key", "partner-primary"];
    assert!(peers::run(&python, "websocket_client.py", &with_key).await.contains("are good"));

    // The record of a conversation is written at its end, with what went through.
    let records = gateway.access_log(8).await;
    let longest = records
        .iter()
        .filter(|record| record["api"] == "socket")
        .max_by_key(|record| record["bytes_in"].as_u64())
        .unwrap();
    assert_eq!(longest["status"], 101);
    assert!(
        longest["bytes_in"].as_u64() > Some(9_000_000) && longest["bytes_out"].as_u64() > Some(9_000_000),
        "{longest:#}"
    );
    let refused = gateway.client().get("/socket").await;
    assert_eq!(refused.status, 426, "a WebSocket API speaks nothing else");
}

#[tokio::test]
async fn conversations_pass_over_http_2() {
    let Some(python) = peers::python() else { return };
    let server = Server::start(&python, "websocket_server.py", &[]);
    let gateway = Gateway::start(landing(server.port)).await;
    let stream = gateway.client().connect(&["h2"]).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut requests = requests.ready().await.unwrap();
    // The settings have come with the first answer at the latest.
    let probe =
        http::Request::get(format!("https://{}/absent", gateway.client().authority())).body(()).unwrap();
    assert_eq!(requests.send_request(probe, true).unwrap().0.await.unwrap().status(), 404);
    let mut requests = requests.ready().await.unwrap();
    assert!(requests.is_extended_connect_protocol_enabled());
    let mut request = http::Request::builder()
        .method("CONNECT")
        .uri(format!("https://{}/socket", gateway.client().authority()))
        .header("sec-websocket-version", "13")
        .body(())
        .unwrap();
    request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    let (response, mut to) = requests.send_request(request, false).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let mut from = response.into_body();
    let mut bytes = Vec::new();
    let greeting = frame(&mut from, &mut bytes).await;
    assert!(
        greeting.windows(9).any(|window| window == b"\"path\": \""),
        "{:?}",
        String::from_utf8_lossy(&greeting)
    );
    for text in ["one", "two"] {
        to.send_data(masked(text.as_bytes()), false).unwrap();
        assert_eq!(frame(&mut from, &mut bytes).await, text.as_bytes());
    }
    to.send_data(masked(b"close 4001"), false).unwrap();
    let close = frame(&mut from, &mut bytes).await;
    assert_eq!(close[..2], 4001_u16.to_be_bytes());

    // The same without the protocol is a plain CONNECT, which nobody gets.
    let mut requests = requests.ready().await.unwrap();
    let plain = http::Request::builder().method("CONNECT").uri("evil.example:443").body(()).unwrap();
    let (response, _) = requests.send_request(plain, true).unwrap();
    match response.await {
        Ok(response) => assert!(response.status().is_client_error(), "{response:?}"),
        Err(error) => assert!(error.is_reset() || error.is_go_away(), "{error}"),
    }
}

/// A text frame of a client (RFC 6455 section 5.2), shorter than 126 bytes.
fn masked(text: &[u8]) -> Bytes {
    let key = [1, 2, 3, 4];
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap()];
    frame.extend_from_slice(&key);
    frame.extend(text.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame.into()
}

/// The payload of the next frame of a server.
async fn frame(from: &mut h2::RecvStream, bytes: &mut Vec<u8>) -> Vec<u8> {
    loop {
        if let [_, length, rest @ ..] = bytes.as_slice() {
            let (length, skip) = match (length, rest) {
                (126, [high, low, ..]) => (usize::from(u16::from_be_bytes([*high, *low])), 4),
                (126, _) => (usize::MAX, 4),
                (length, _) => (usize::from(*length), 2),
            };
            if length != usize::MAX && bytes.len() >= skip + length {
                let payload = bytes[skip..skip + length].to_vec();
                bytes.drain(..skip + length);
                return payload;
            }
        }
        let data = from.data().await.expect("a frame").unwrap();
        from.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
}

#[tokio::test]
async fn an_api_that_is_no_websocket_gets_no_upgrade() {
    let backend = crate::support::RawBackend::recorder();
    let gateway =
        Gateway::start(Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"))).await;
    let host = gateway.client().authority();
    for protocol in ["websocket", "h2c", "websocket, h2c", "TLS/1.2"] {
        let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
        client
            .send(format!(
                "GET /a/x HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            ))
            .await;
        let answer = client.read_to_end(std::time::Duration::from_secs(5)).await;
        assert!(!answer.starts_with("HTTP/1.1 101"), "{protocol}: {answer}");
    }
    let received = backend.received().to_ascii_lowercase();
    assert!(!received.contains("upgrade") && !received.contains("http2-settings"), "{received}");
}
