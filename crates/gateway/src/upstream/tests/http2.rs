//! HTTP/2 to backends.

use futures_util::stream;
use http::Response as HttpResponse;
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;

fn url_of(address: SocketAddr) -> String {
    format!("https://localhost:{}", address.port())
}

#[test]
fn requests_share_a_connection_up_to_the_peers_limit() {
    run(async {
        let core = Core::new();
        let config = core.authority.issue("localhost").server(&["h2", "http/1.1"]);
        let address = peers::secure(config, 2, |request| async move {
            assert_eq!(request.version(), Version::HTTP_2);
            tokio::time::sleep(Duration::from_millis(30)).await;
            peers::text(request.uri().to_string())
        })
        .await;
        let url = url_of(address);
        let (status, body) = core.get(&url, "/x?y=1").await.unwrap();
        assert_eq!((status, &*body), (StatusCode::OK, format!("{url}/x?y=1").as_bytes()));
        for answer in futures_util::future::join_all((0..2).map(|_| core.get(&url, "/"))).await {
            answer.unwrap();
        }
        assert_eq!(core.counts.opened.get(), 1);
        for answer in futures_util::future::join_all((0..4).map(|_| core.get(&url, "/"))).await {
            answer.unwrap();
        }
        assert_eq!(core.counts.opened.get(), 2);
    });
}

#[test]
fn a_burst_on_an_unknown_backend_opens_one_connection() {
    run(async {
        let core = Core::new();
        let config = core.authority.issue("localhost").server(&["h2"]);
        let address = peers::secure(config, 100, |_| async { peers::text("ok") }).await;
        let url = url_of(address);
        for answer in futures_util::future::join_all((0..20).map(|_| core.get(&url, "/"))).await {
            assert_eq!(answer.unwrap().0, StatusCode::OK);
        }
        assert_eq!(core.counts.opened.get(), 1);
    });
}

#[test]
fn http2_can_be_switched_off_for_a_request() {
    run(async {
        let core = Core::new();
        let config = core.authority.issue("localhost").server(&["h2", "http/1.1"]);
        let address =
            peers::secure(
                config,
                9,
                |request| async move { peers::text(format!("{:?}", request.version())) },
            )
            .await;
        let mut request = exchange(Method::GET, &url_of(address), "/");
        let options = ForwardOptions { http2: false, ..ForwardOptions::default() };
        let response = core.forward_with(&mut request, &options).await.unwrap();
        assert_eq!(read(response.body).await.unwrap(), "HTTP/1.1");
    });
}

#[test]
fn grpc_keeps_its_trailers_both_ways() {
    run(async {
        let core = Core::new();
        let config = core.authority.issue("localhost").server(&["h2"]);
        let answer = |request: http::Request<hyper::body::Incoming>| async move {
            assert_eq!(request.headers()["te"], "trailers");
            let whole = collect(request.into_body()).await.unwrap();
            let sum =
                whole.trailers().map_or_else(|| HeaderValue::from_static("none"), |it| it["x-sum"].clone());
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            trailers.insert("x-seen", sum);
            let frames = [Ok::<_, BodyError>(Frame::data(whole.to_bytes())), Ok(Frame::trailers(trailers))];
            HttpResponse::new(StreamBody::new(stream::iter(frames)))
        };
        let secure = peers::secure(config, 9, answer).await;
        let plain = peers::prior_knowledge(answer).await;
        for url in [url_of(secure), http_url(plain)] {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("7"));
            let frames = [Ok(Frame::data(Bytes::from_static(b"ping"))), Ok(Frame::trailers(trailers))];
            let mut call = exchange(Method::POST, &url, "/svc/Method");
            call.request.body = Body::stream(StreamBody::new(stream::iter(frames)));
            set(&mut call, "content-type", "application/grpc+proto");
            let response = core.forward(&mut call).await.unwrap();
            let whole = collect(response.body).await.unwrap();
            let trailers = whole.trailers().unwrap().clone();
            assert_eq!(
                (&trailers["grpc-status"], &trailers["x-seen"]),
                (&"0".parse().unwrap(), &"7".parse().unwrap())
            );
            assert_eq!(whole.to_bytes(), "ping");
        }
    });
}

#[test]
fn a_stream_that_is_reset_is_no_complete_answer() {
    run(async {
        for reason in [h2::Reason::INTERNAL_ERROR, h2::Reason::NO_ERROR, h2::Reason::CANCEL] {
            let address = peers::raw(move |stream, _| async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let mut body = respond.send_response(HttpResponse::new(()), false).unwrap();
                    body.send_data(Bytes::from_static(b"half"), false).unwrap();
                    tokio::task::spawn_local(async move {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        body.send_reset(reason);
                    });
                }
            })
            .await;
            let core = Core::new();
            let mut call = exchange(Method::POST, &http_url(address), "/");
            set(&mut call, "content-type", "application/grpc");
            let response = core.forward(&mut call).await.unwrap();
            assert_eq!(read(response.body).await.unwrap_err(), BodyError::Aborted, "{reason:?}");
        }
    });
}

#[test]
fn a_refused_stream_is_sent_again_and_a_closing_connection_replaced() {
    run(async {
        let address = peers::raw(|stream, number| async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                if number == 0 {
                    respond.send_reset(h2::Reason::REFUSED_STREAM);
                } else {
                    respond.send_response(HttpResponse::new(()), true).unwrap();
                    connection.graceful_shutdown();
                }
            }
        })
        .await;
        let core = Core::new();
        for _ in 0..3 {
            let mut call = exchange(Method::POST, &http_url(address), "/");
            set(&mut call, "content-type", "application/grpc");
            assert_eq!(core.forward(&mut call).await.unwrap().status, StatusCode::OK);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

#[test]
fn slow_readers_do_not_stop_the_others_of_their_connection() {
    run(async {
        let core = Core::new();
        let config = core.authority.issue("localhost").server(&["h2"]);
        let address = peers::secure(config, 100, |request| async move {
            let size = if request.uri().path() == "/large" { 8 * 1024 * 1024 } else { 10 };
            peers::text(vec![b'x'; size])
        })
        .await;
        let url = url_of(address);
        let mut unread = Vec::new();
        for _ in 0..40 {
            unread.push(core.forward(&mut exchange(Method::GET, &url, "/large")).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(core.get(&url, "/small").await.unwrap().1.len(), 10);
        assert_eq!(core.counts.opened.get(), 1);
    });
}
