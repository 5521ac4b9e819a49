//! Bodies on their way, in both directions.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::StreamBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const CHUNK: usize = 16 * 1024;

/// Makes chunks when it is asked, and counts them.
struct Source {
    left: usize,
    made: Arc<AtomicUsize>,
    length: Option<u64>,
    error: Option<BodyError>,
}

impl Source {
    fn chunks(left: usize) -> (Body, Arc<AtomicUsize>) {
        let made = Arc::<AtomicUsize>::default();
        (Body::stream(Self { left, made: Arc::clone(&made), length: None, error: None }), made)
    }
}

impl HttpBody for Source {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.left == 0 {
            return Poll::Ready(self.error.take().map(Err));
        }
        self.left -= 1;
        self.made.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; CHUNK])))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[test]
fn a_known_length_is_kept_and_an_unknown_one_is_chunked() {
    run(async {
        let address = peers::plain(|request| async move {
            let said = format!(
                "{:?} {:?}",
                request.headers().get("content-length"),
                request.headers().get("transfer-encoding")
            );
            let length = collect(request.into_body()).await.unwrap().to_bytes().len();
            peers::text(format!("{said} {length}"))
        })
        .await;
        let core = Core::new();
        let url = http_url(address);
        let send = async |method: Method, body: Body| {
            let mut exchange = exchange(method, &url, "/");
            exchange.request.body = body;
            let response = core.forward(&mut exchange).await.unwrap();
            String::from_utf8(read(response.body).await.unwrap().to_vec()).unwrap()
        };
        assert_eq!(send(Method::POST, Body::from(Bytes::from_static(b"four"))).await, r#"Some("4") None 4"#);
        assert_eq!(send(Method::POST, Body::Empty).await, r#"Some("0") None 0"#);
        assert_eq!(send(Method::GET, Body::Empty).await, "None None 0");
        let known = Source { left: 2, made: Arc::default(), length: Some(2 * CHUNK as u64), error: None };
        assert_eq!(send(Method::PUT, Body::stream(known)).await, r#"Some("32768") None 32768"#);
        // Nor is the body of a GET lost.
        for method in [Method::POST, Method::GET] {
            assert_eq!(send(method, Source::chunks(3).0).await, r#"None Some("chunked") 49152"#);
        }
    });
}

#[test]
fn a_backend_that_does_not_read_holds_the_client_back() {
    run(async {
        let address = peers::raw(|mut stream, _| async move {
            peers::head(&mut stream).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            let mut sink = vec![0; 64 * 1024];
            let mut tail = Vec::new();
            while !tail.ends_with(b"0\r\n\r\n") {
                let count = stream.read(&mut sink).await.unwrap();
                tail.extend_from_slice(&sink[..count]);
                let keep = tail.len().saturating_sub(5);
                tail.drain(..keep);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        })
        .await;
        let core = Core::new();
        let total = 4096;
        let (body, made) = Source::chunks(total);
        let mut exchange = exchange(Method::POST, &http_url(address), "/");
        exchange.request.body = body;
        let watch = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            made.load(Ordering::Relaxed)
        };
        let (response, made_early) = tokio::join!(core.forward(&mut exchange), watch);
        assert_eq!(response.unwrap().status, StatusCode::OK);
        // What the kernel's socket buffers take, and no more.
        assert!(made_early < total / 4, "{made_early} chunks were made while nobody read");
        assert_eq!(made.load(Ordering::Relaxed), total);
    });
}

#[test]
fn a_client_that_does_not_read_holds_the_backend_back() {
    run(async {
        let written = Rc::new(Cell::new(0_usize));
        let seen = Rc::clone(&written);
        let total = 64 * 1024 * 1024;
        let address = peers::raw(move |mut stream, _| {
            let seen = Rc::clone(&seen);
            async move {
                peers::head(&mut stream).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                while seen.get() < total {
                    stream.write_all(&[b'x'; CHUNK]).await.unwrap();
                    seen.set(seen.get() + CHUNK);
                }
            }
        })
        .await;
        let core = Core::new();
        let response = core.forward(&mut exchange(Method::GET, &http_url(address), "/")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(written.get() < total / 4, "{} bytes were taken while nobody read", written.get());
        let mut body = response.body;
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(length, total);
    });
}

#[test]
fn an_http2_backend_that_does_not_read_holds_the_client_back() {
    run(async {
        let core = Core::new();
        let config = core.authority.issue("localhost").server(&["h2"]);
        let address = peers::secure(config, 9, |request| async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let mut body = request.into_body();
            let mut length = 0;
            while let Some(frame) = body.frame().await {
                length += frame.unwrap().into_data().unwrap().len();
            }
            peers::text(length.to_string())
        })
        .await;
        let total = 1024;
        let (body, made) = Source::chunks(total);
        let mut exchange = exchange(Method::POST, &format!("https://localhost:{}", address.port()), "/");
        exchange.request.body = body;
        let watch = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            made.load(Ordering::Relaxed)
        };
        let (response, made_early) = tokio::join!(core.forward(&mut exchange), watch);
        assert_eq!(read(response.unwrap().body).await.unwrap(), (total * CHUNK).to_string());
        assert!(made_early < total / 4, "{made_early} chunks were made while nobody read");
    });
}

#[test]
fn an_early_refusal_is_heard_and_stops_the_upload() {
    run(async {
        let address = peers::raw(|mut stream, _| async move {
            peers::head(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno")
                .await
                .unwrap();
            stream.shutdown().await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        })
        .await;
        let core = Core::new();
        let total = 100_000;
        let (body, made) = Source::chunks(total);
        let mut exchange = exchange(Method::POST, &http_url(address), "/");
        exchange.request.body = body;
        let response = core.forward(&mut exchange).await.unwrap();
        assert_eq!(response.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(read(response.body).await.unwrap(), "no");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(made.load(Ordering::Relaxed) < total / 4);
        assert_eq!(core.pools.connections(), 0, "the connection is closed");
    });
}

#[test]
fn a_client_that_fails_is_told_apart_from_a_backend_that_fails() {
    run(async {
        let address = peers::plain(|request| async move {
            let _ = collect(request.into_body()).await;
            peers::text("read")
        })
        .await;
        let core = Core::new();
        let mut exchange = exchange(Method::POST, &http_url(address), "/");
        let failing = || {
            let error = Some(BodyError::TooLarge { limit: 5 });
            Body::stream(Source { left: 1, made: Arc::default(), length: None, error })
        };
        exchange.request.body = failing();
        let error = core.forward(&mut exchange).await.unwrap_err();
        assert_eq!(error, UpstreamError::RequestBody(BodyError::TooLarge { limit: 5 }));

        let config = core.authority.issue("localhost").server(&["h2"]);
        let address = peers::secure(config, 9, |request| async move {
            let _ = collect(request.into_body()).await;
            peers::text("read")
        })
        .await;
        let url = Url::parse(&format!("https://localhost:{}", address.port())).unwrap();
        exchange.backend = BackendChoice::Url(Arc::new(url));
        exchange.request.body = failing();
        let error = core.forward(&mut exchange).await.unwrap_err();
        assert_eq!(error, UpstreamError::RequestBody(BodyError::TooLarge { limit: 5 }));
        assert_eq!(core.counts.failures.take(), [(None, None), (None, None)], "no backend is blamed");
    });
}

#[test]
fn a_body_that_is_kept_can_be_sent_twice_and_one_that_is_not_says_so() {
    run(async {
        let address = peers::plain(|request| async move {
            peers::text(collect(request.into_body()).await.unwrap().to_bytes().len().to_string())
        })
        .await;
        let core = Core::new();
        let keep = ForwardOptions { buffer_request_body: true, ..ForwardOptions::default() };
        let mut kept = exchange(Method::POST, &http_url(address), "/");
        kept.request.body = Source::chunks(2).0;
        for _ in 0..2 {
            let response = core.forward_with(&mut kept, &keep).await.unwrap();
            assert_eq!(read(response.body).await.unwrap(), "32768");
        }
        let mut streamed = exchange(Method::POST, &http_url(address), "/");
        streamed.request.body = Source::chunks(2).0;
        core.forward(&mut streamed).await.unwrap();
        let error = core.forward(&mut streamed).await.unwrap_err();
        assert!(error.to_string().contains("buffer-request-body"), "{error}");
        let mut large = exchange(Method::POST, &http_url(address), "/");
        large.request.body = Source::chunks(100).0;
        let error = core.forward_with(&mut large, &keep).await.unwrap_err();
        assert_eq!(error, UpstreamError::RequestBody(BodyError::TooLarge { limit: 1024 * 1024 }));
    });
}

#[test]
fn trailers_arrive_over_http1() {
    run(async {
        let address = peers::canned(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n",
        )
        .await;
        let core = Core::new();
        let mut request = exchange(Method::GET, &http_url(address), "/");
        set(&mut request, "te", "trailers");
        let response = core.forward(&mut request).await.unwrap();
        let whole = collect(response.body).await.unwrap();
        assert_eq!(whole.trailers().unwrap()["x-sum"], "7");
    });
}

fn expecting(url: &str) -> (Exchange, Arc<AtomicUsize>) {
    let (body, made) = Source::chunks(1);
    let mut exchange = exchange(Method::POST, url, "/");
    exchange.request.body = body;
    set(&mut exchange, "expect", "100-continue");
    (exchange, made)
}

#[test]
fn a_body_waits_until_the_backend_wants_it() {
    run(async {
        let address = peers::raw(|mut stream, _| async move {
            assert!(peers::head(&mut stream).await.unwrap().contains("expect: 100-continue"));
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
            let mut body = vec![0; CHUNK + 13];
            stream.read_exact(&mut body).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        })
        .await;
        let (mut exchange, made) = expecting(&http_url(address));
        let core = Core::new();
        let patient =
            ForwardOptions { continue_timeout: Some(Duration::from_secs(20)), ..ForwardOptions::default() };
        assert_eq!(core.forward_with(&mut exchange, &patient).await.unwrap().status, StatusCode::OK);
        assert_eq!(made.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_body_that_the_backend_does_not_want_is_not_read() {
    run(async {
        let address = peers::canned("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno").await;
        let core = Core::new();
        for _ in 0..2 {
            let (mut exchange, made) = expecting(&http_url(address));
            let patient = ForwardOptions {
                continue_timeout: Some(Duration::from_secs(20)),
                ..ForwardOptions::default()
            };
            let response = core.forward_with(&mut exchange, &patient).await.unwrap();
            assert_eq!(response.status, StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!(read(response.body).await.unwrap(), "no");
            assert_eq!(made.load(Ordering::Relaxed), 0);
            tokio::task::yield_now().await;
        }
        assert_eq!(core.counts.opened.get(), 2, "a connection that lacks a body is not used again");
    });
}

#[test]
fn a_backend_that_says_nothing_gets_the_body_after_a_while() {
    run(async {
        let address = peers::raw(|mut stream, _| async move {
            peers::head(&mut stream).await.unwrap();
            let mut body = vec![0; CHUNK + 13];
            stream.read_exact(&mut body).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        })
        .await;
        let (mut exchange, made) = expecting(&http_url(address));
        let brisk =
            ForwardOptions { continue_timeout: Some(Duration::from_millis(30)), ..ForwardOptions::default() };
        assert_eq!(Core::new().forward_with(&mut exchange, &brisk).await.unwrap().status, StatusCode::OK);
        assert_eq!(made.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn an_answer_streams_as_it_comes() {
    run(async {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
        let receiver = Rc::new(RefCell::new(Some(receiver)));
        let leaf_core = Core::new();
        let config = leaf_core.authority.issue("localhost").server(&["h2"]);
        let address = peers::secure(config, 10, move |_| {
            let mut receiver = receiver.borrow_mut().take().unwrap();
            let stream = futures_util::stream::poll_fn(move |context| {
                receiver.poll_recv(context).map(|event| event.map(|it| Ok::<_, BodyError>(Frame::data(it))))
            });
            async move { http::Response::new(StreamBody::new(stream)) }
        })
        .await;
        let url = format!("https://localhost:{}", address.port());
        let response = leaf_core.forward(&mut exchange(Method::GET, &url, "/events")).await.unwrap();
        let mut body = response.body;
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            sender.send(Bytes::from(event)).unwrap();
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), event);
        }
    });
}

#[test]
fn the_future_of_a_request_is_small() {
    run(async {
        let core = Core::new();
        let mut exchange = exchange(Method::GET, "http://a.example", "/");
        let options = ForwardOptions::default();
        let client = core.client();
        let future = client.forward(&mut exchange, &options);
        let size = size_of_val(&*future);
        assert!(size < 2 * 1024, "{size} bytes");
    });
}
