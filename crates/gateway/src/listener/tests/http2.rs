//! HTTP/2 as honest clients speak it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client::config;
use super::harness::Harness;

fn run<F: Future<Output = ()>>(harness: &Harness, test: impl FnOnce(SendRequest<Bytes>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = TcpStream::connect(harness.address()).await.unwrap();
        let connector = TlsConnector::from(Arc::clone(&config(&harness.authority.pem(), None, b"h2")));
        let stream = connector.connect("a.example".try_into().unwrap(), socket).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        let driver = tokio::spawn(async move {
            let _ = connection.await;
        });
        test(client).await;
        driver.abort();
    });
}

async fn body(response: Response<h2::RecvStream>) -> String {
    let mut stream = response.into_body();
    let mut all = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.unwrap();
        let _ = stream.flow_control().release_capacity(data.len());
        all.extend_from_slice(&data);
    }
    String::from_utf8(all).unwrap()
}

async fn ask(client: &mut SendRequest<Bytes>, request: Request<()>) -> Result<(u16, String), h2::Error> {
    let (response, _) = client.send_request(request, true)?;
    let response = response.await?;
    Ok((response.status().as_u16(), body(response).await))
}

fn get(uri: &str) -> http::request::Builder {
    Request::get(uri)
}

#[test]
fn requests_bodies_and_trailers_pass() {
    let harness = Harness::start();
    run(&harness, async |mut client| {
        let request = Request::post("https://a.example/upload").header("te", "trailers").body(()).unwrap();
        let (response, mut stream) = client.send_request(request, false).unwrap();
        for _ in 0..100 {
            stream.send_data(Bytes::from_static(&[b'x'; 10_000]), false).unwrap();
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("checksum", "1".parse().unwrap());
        stream.send_trailers(trailers).unwrap();
        let text = body(response.await.unwrap()).await;
        assert!(text.contains("POST /upload body=1000000 trailers=1"), "{text}");
    });
}

#[test]
fn requests_are_held_to_the_rules_of_http1() {
    let harness = Harness::with(|_, _, limits| {
        limits.headers = 20;
        limits.body_bytes = 100;
    });
    run(&harness, async |mut client| {
        let refused = [
            (get("https://a.example/").header("host", "b.example"), 400),
            (get("https://a.example/").header("host", "a.example").header("host", "a.example"), 400),
            (get("https://user@a.example/"), 400),
            ((0..21).fold(get("https://a.example/"), |get, n| get.header(format!("x-{n}"), "1")), 431),
            (Request::post("https://a.example/").header("content-length", "101"), 413),
        ];
        for (request, status) in refused {
            let request = request.body(()).unwrap();
            let name = format!("{request:?}");
            // The codec refuses some of these by itself, with a reset.
            match ask(&mut client.clone(), request).await {
                Ok((got, _)) => assert_eq!(got, status, "{name}"),
                Err(error) => assert!(error.is_reset(), "{name}: {error}"),
            }
        }
        assert_eq!(harness.handled(), 0);
        let good = get("https://a.example/good").header("host", "A.example").body(()).unwrap();
        let (status, text) = ask(&mut client, good).await.unwrap();
        assert!(status == 200 && text.contains("GET /good"), "{text}");
    });
}

#[test]
fn an_oversized_head_gets_431() {
    let harness = Harness::with(|_, _, limits| limits.header_bytes = 2000);
    run(&harness, async |mut client| {
        let request = get("https://a.example/").header("x", "a".repeat(3000)).body(()).unwrap();
        let (status, _) = ask(&mut client, request).await.unwrap();
        assert_eq!(status, 431);
        assert_eq!(harness.handled(), 0);
        let (status, _) = ask(&mut client, get("https://a.example/").body(()).unwrap()).await.unwrap();
        assert_eq!(status, 200);
    });
}

#[test]
fn a_websocket_comes_by_extended_connect() {
    let harness = Harness::start();
    run(&harness, async |mut client| {
        // The server's settings arrive with its first answer.
        ask(&mut client, get("https://a.example/").body(()).unwrap()).await.unwrap();
        assert!(client.is_extended_connect_protocol_enabled());
        let connect = |protocol: &'static str| {
            Request::connect("https://a.example/ws")
                .extension(h2::ext::Protocol::from_static(protocol))
                .body(())
                .unwrap()
        };
        let (response, mut stream) = client.send_request(connect("websocket"), false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        stream.send_data(Bytes::from_static(b"hello"), false).unwrap();
        let mut answers = response.into_body();
        assert_eq!(answers.data().await.unwrap().unwrap(), "HELLO");
        stream.send_data(Bytes::new(), true).unwrap();
        let (response, _) = client.send_request(connect("connect-udp"), false).unwrap();
        assert_eq!(response.await.unwrap().status(), 400);
    });
}

#[test]
fn a_silent_tunnel_is_not_idle() {
    let harness = Harness::with(|_, _, limits| limits.idle_timeout = Duration::from_millis(300));
    run(&harness, async |mut client| {
        ask(&mut client, get("https://a.example/").body(()).unwrap()).await.unwrap();
        let request = Request::connect("https://a.example/ws")
            .extension(h2::ext::Protocol::from_static("websocket"))
            .body(())
            .unwrap();
        let (response, mut stream) = client.send_request(request, false).unwrap();
        let mut answers = response.await.unwrap().into_body();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        stream.send_data(Bytes::from_static(b"still"), false).unwrap();
        assert_eq!(answers.data().await.unwrap().unwrap(), "STILL");
        // No GOAWAY has been sent either.
        let (status, _) = ask(&mut client, get("https://a.example/").body(()).unwrap()).await.unwrap();
        assert_eq!(status, 200);
    });
}

#[test]
fn a_drain_lets_streams_end() {
    let mut harness = Harness::start();
    let listeners = harness.listeners.take().unwrap();
    let address = listeners.bound()[0].address;
    let trust = config(&harness.authority.pem(), None, b"h2");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = TcpStream::connect(address).await.unwrap();
        let stream =
            TlsConnector::from(trust).connect("a.example".try_into().unwrap(), socket).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        let driver = tokio::spawn(connection);
        let (response, _) =
            client.send_request(get("https://a.example/slow").body(()).unwrap(), true).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let drain = std::thread::spawn(move || listeners.drain());
        let text = body(response.await.unwrap()).await;
        assert!(text.contains("GET /slow"), "{text}");
        driver.await.unwrap().unwrap();
        assert_eq!(drain.join().unwrap().aborted, 0);
    });
}
