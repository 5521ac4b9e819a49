//! Backends that do wrong.

use std::time::Instant;

use tokio::io::AsyncWriteExt as _;

use super::*;

fn options(timeout: Duration) -> ForwardOptions {
    ForwardOptions { timeout, ..ForwardOptions::default() }
}

async fn error_of(answer: &'static str) -> UpstreamError {
    let address = peers::canned(answer).await;
    let mut exchange = exchange(Method::GET, &http_url(address), "/");
    Core::new().forward(&mut exchange).await.map(|response| response.status).unwrap_err()
}

#[test]
fn a_closed_port_fails_at_once() {
    run(async {
        let address = {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let core = Core::new();
        let begun = Instant::now();
        let error = core.get(&http_url(address), "/").await.unwrap_err();
        assert!(matches!(&error, UpstreamError::Connection(text) if text.contains("refused")), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(9));
        assert_eq!(core.counts.failed.get(), 1);
    });
}

#[test]
fn a_name_without_address_is_named() {
    run(async {
        let error = Core::new().get("http://nowhere.invalid", "/").await.unwrap_err();
        assert!(
            matches!(&error, UpstreamError::Connection(text) if text.contains("nowhere.invalid")),
            "{error}"
        );
    });
}

#[test]
fn silence_ends_in_a_timeout() {
    run(async {
        let address = peers::silent().await;
        let core = Core::new();
        let patience = Duration::from_millis(80);
        let mut exchange = exchange(Method::GET, &http_url(address), "/");
        let error = core.forward_with(&mut exchange, &options(patience)).await.unwrap_err();
        assert_eq!(error, UpstreamError::Timeout(patience));
    });
}

#[test]
fn a_handshake_without_end_is_cut() {
    run(async {
        let address = peers::silent().await;
        let patience = Duration::from_millis(80);
        let core = Core::with(&[], |settings| settings.connect_timeout = patience);
        let error = core.get(&format!("https://{address}"), "/").await.unwrap_err();
        assert_eq!(error, UpstreamError::Timeout(patience));
    });
}

#[test]
fn what_is_not_http_is_refused() {
    run(async {
        for answer in [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nx",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nxxxxx",
            "HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        ] {
            let error = error_of(answer).await;
            assert!(matches!(error, UpstreamError::BadAnswer(_)), "{answer:?} gave {error:?}");
        }
    });
}

#[test]
fn a_head_without_end_is_bounded() {
    run(async {
        let address = peers::raw(|mut stream, _| async move {
            peers::head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while stream.write_all(b"x-filler: 0123456789012345678901234567890123456789\r\n").await.is_ok() {}
        })
        .await;
        let error = Core::new().get(&http_url(address), "/").await.unwrap_err();
        assert!(matches!(error, UpstreamError::BadAnswer(_)), "{error:?}");
    });
}

#[test]
fn a_backend_that_dies_in_the_body_leaves_no_complete_answer() {
    run(async {
        for head in ["content-length: 100\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
            let address = peers::raw(move |mut stream, _| async move {
                peers::head(&mut stream).await;
                stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes()).await.unwrap();
            })
            .await;
            let core = Core::new();
            let response = core.forward(&mut exchange(Method::GET, &http_url(address), "/")).await.unwrap();
            assert_eq!(response.status, StatusCode::OK);
            assert_eq!(read(response.body).await.unwrap_err(), BodyError::Aborted);
        }
    });
}

#[test]
fn a_broken_chunk_is_told_apart_from_a_broken_connection() {
    run(async {
        let address = peers::canned("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await;
        let response =
            Core::new().forward(&mut exchange(Method::GET, &http_url(address), "/")).await.unwrap();
        let error = read(response.body).await.unwrap_err();
        assert!(matches!(error, BodyError::Malformed(_)), "{error:?}");
    });
}

#[test]
fn a_body_that_stops_is_given_up() {
    run(async {
        let address = peers::raw(|mut stream, _| async move {
            peers::head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
            std::future::pending::<()>().await;
        })
        .await;
        let core = Core::new();
        let mut exchange = exchange(Method::GET, &http_url(address), "/");
        let response = core.forward_with(&mut exchange, &options(Duration::from_millis(80))).await.unwrap();
        assert_eq!(read(response.body).await.unwrap_err(), BodyError::TooSlow);
    });
}

#[test]
fn a_connection_that_dies_before_the_answer_is_not_tried_again_for_a_post() {
    run(async {
        let connections = Rc::new(Cell::new(0));
        let seen = Rc::clone(&connections);
        let address = peers::raw(move |mut stream, number| {
            seen.set(number + 1);
            async move {
                peers::head(&mut stream).await;
            }
        })
        .await;
        let core = Core::new();
        let mut exchange = exchange(Method::POST, &http_url(address), "/");
        let error = core.forward(&mut exchange).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Connection(_)), "{error:?}");
        assert_eq!((connections.get(), core.counts.retried.get()), (1, 0));
    });
}
