//! `WebSocket`s.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::upstream::WebSocket;

/// Agrees and sends back what comes.
async fn echo() -> SocketAddr {
    peers::raw(|mut stream, _| async move {
        let head = peers::head(&mut stream).await.unwrap();
        assert!(head.starts_with("GET /chat HTTP/1.1\r\n"), "{head}");
        assert!(
            head.contains("connection: Upgrade\r\n") && head.contains("upgrade: websocket\r\n"),
            "{head}"
        );
        let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
        let proof = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let proof = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, proof.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: {}\r\nsec-websocket-protocol: chat\r\n\r\nhello",
            STANDARD.encode(proof)
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    })
    .await
}

fn asking(url: &str, version: Version) -> Exchange {
    let method = if version == Version::HTTP_2 { Method::CONNECT } else { Method::GET };
    let mut exchange = exchange(method, url, "/chat");
    exchange.request.version = version;
    exchange.request.websocket = true;
    set(&mut exchange, "sec-websocket-version", "13");
    if version == Version::HTTP_11 {
        set(&mut exchange, "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    }
    exchange
}

#[test]
fn both_kinds_of_client_reach_an_http1_backend() {
    run(async {
        let core = Core::new();
        let url = format!("ws://{}", echo().await);
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let mut exchange = asking(&url, version);
            let outcome =
                core.client().connect_websocket(&mut exchange, &ForwardOptions::default()).await.unwrap();
            let WebSocket::Open(response, mut tunnel) = outcome else { panic!("{version:?} was refused") };
            assert_eq!(response.headers["sec-websocket-protocol"], "chat");
            if version == Version::HTTP_11 {
                assert_eq!(response.status, StatusCode::SWITCHING_PROTOCOLS);
                assert_eq!(response.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
                assert_eq!(response.headers["upgrade"], "websocket");
            } else {
                assert_eq!(response.status, StatusCode::OK);
                assert!(!response.headers.contains_key("sec-websocket-accept"));
                assert!(!response.headers.contains_key("upgrade"));
            }
            let mut greeting = [0; 5];
            tunnel.read_exact(&mut greeting).await.unwrap();
            assert_eq!(&greeting, b"hello");
            tunnel.write_all(b"ping").await.unwrap();
            let mut answer = [0; 4];
            tunnel.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"ping");
            tunnel.shutdown().await.unwrap();
            assert_eq!(tunnel.read(&mut answer).await.unwrap(), 0);
        }
    });
}

#[test]
fn a_tunnel_counts_as_a_connection_until_it_ends() {
    run(async {
        let patience = Duration::from_millis(60);
        let core = Core::with(&[], |settings| settings.connect_timeout = patience)
            .limited(PoolLimits { connections: 1, ..PoolLimits::for_cores(1) });
        let url = format!("ws://{}", echo().await);
        let options = ForwardOptions::default();
        let held =
            core.client().connect_websocket(&mut asking(&url, Version::HTTP_11), &options).await.unwrap();
        let error =
            core.client().connect_websocket(&mut asking(&url, Version::HTTP_11), &options).await.unwrap_err();
        assert_eq!(error, UpstreamError::Timeout(patience));
        drop(held);
        let outcome = core.client().connect_websocket(&mut asking(&url, Version::HTTP_11), &options).await;
        assert!(matches!(outcome, Ok(WebSocket::Open(..))));
    });
}

#[test]
fn idle_connections_make_room_for_a_tunnel() {
    run(async {
        let agreeing = echo().await;
        let address = peers::raw(move |mut stream, number| async move {
            if number == 0 {
                while peers::head(&mut stream).await.is_some() {
                    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                }
                return;
            }
            let mut other = tokio::net::TcpStream::connect(agreeing).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut other).await;
        })
        .await;
        let core = Core::new().limited(PoolLimits { connections: 1, ..PoolLimits::for_cores(1) });
        let url = format!("ws://{address}");
        let without_http2 = ForwardOptions { http2: false, ..ForwardOptions::default() };
        core.forward_with(&mut exchange(Method::GET, &url, "/"), &without_http2).await.unwrap();
        assert_eq!(core.pools.connections(), 1);
        let mut exchange = asking(&url, Version::HTTP_11);
        let outcome = core.client().connect_websocket(&mut exchange, &without_http2).await;
        assert!(matches!(outcome, Ok(WebSocket::Open(..))), "{outcome:?}");
    });
}

#[test]
fn a_backend_that_refuses_is_heard() {
    run(async {
        let address = peers::canned("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
        let core = Core::new();
        let mut exchange = asking(&format!("ws://{address}"), Version::HTTP_11);
        let outcome =
            core.client().connect_websocket(&mut exchange, &ForwardOptions::default()).await.unwrap();
        let WebSocket::Refused(response) = outcome else { panic!("it was opened") };
        assert_eq!(response.status, StatusCode::FORBIDDEN);
        assert_eq!(read(response.body).await.unwrap(), "no");
    });
}

#[test]
fn a_backend_that_does_not_understand_is_not_believed() {
    run(async {
        let core = Core::new();
        for answer in [
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: Upgrade\r\n\r\n",
        ] {
            let mut exchange = asking(&format!("ws://{}", peers::canned(answer).await), Version::HTTP_11);
            let error =
                core.client().connect_websocket(&mut exchange, &ForwardOptions::default()).await.unwrap_err();
            assert!(matches!(error, UpstreamError::BadAnswer(_)), "{error:?}");
        }
    });
}
