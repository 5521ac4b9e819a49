//! Which connections carry which requests.

use tokio::io::AsyncWriteExt as _;

use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn a_connection_is_used_again_once_its_answer_is_read() {
    run(async {
        let address = peers::canned("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let core = Core::new();
        for _ in 0..3 {
            core.get(&http_url(address), "/").await.unwrap();
        }
        assert_eq!((core.counts.opened.get(), core.counts.reused.get()), (1, 2));
        assert_eq!(core.counts.answered.get(), 3);
    });
}

#[test]
fn an_answer_without_body_frees_its_connection_too() {
    run(async {
        let address = peers::canned("HTTP/1.1 204 No Content\r\n\r\n").await;
        let core = Core::new();
        for _ in 0..3 {
            core.get(&http_url(address), "/").await.unwrap();
        }
        assert_eq!((core.counts.opened.get(), core.counts.reused.get()), (1, 2));
    });
}

#[test]
fn a_connection_whose_answer_was_not_read_is_never_used_again() {
    run(async {
        let address = peers::raw(|mut stream, _| async move {
            while peers::head(&mut stream).await.is_some() {
                let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
                if stream.write_all(head).await.is_err()
                    || stream.write_all(&vec![b'x'; 1_000_000]).await.is_err()
                {
                    return;
                }
            }
        })
        .await;
        let core = Core::new();
        for _ in 0..3 {
            let response = core.forward(&mut exchange(Method::GET, &http_url(address), "/")).await.unwrap();
            drop(response);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!((core.counts.opened.get(), core.counts.reused.get()), (3, 0));
    });
}

#[test]
fn connection_close_is_obeyed() {
    run(async {
        let address =
            peers::canned("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
        let core = Core::new();
        for _ in 0..2 {
            core.get(&http_url(address), "/").await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(core.counts.opened.get(), 2);
    });
}

/// Closes each connection when the second request comes: what a backend does whose idle timeout has just run out.
async fn closes_on_second() -> SocketAddr {
    peers::raw(|mut stream, _| async move {
        peers::head(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        peers::head(&mut stream).await;
    })
    .await
}

#[test]
fn a_stale_connection_is_replaced_for_requests_that_may_be_repeated() {
    run(async {
        let address = closes_on_second().await;
        let core = Core::new();
        core.get(&http_url(address), "/").await.unwrap();
        let (status, _) = core.get(&http_url(address), "/").await.unwrap();
        assert_eq!(status, StatusCode::OK);
        assert_eq!((core.counts.opened.get(), core.counts.retried.get()), (2, 1));
    });
}

#[test]
fn a_stale_connection_fails_requests_that_may_not_be_repeated() {
    run(async {
        let address = closes_on_second().await;
        let core = Core::new();
        core.get(&http_url(address), "/").await.unwrap();
        let mut post = exchange(Method::POST, &http_url(address), "/");
        post.request.body = Body::from(Bytes::from_static(b"pay"));
        let error = core.forward(&mut post).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Connection(_)), "{error:?}");
        assert_eq!(core.counts.retried.get(), 0);
    });
}

#[test]
fn a_connection_closed_while_idle_is_noticed_before_a_post_is_sent() {
    run(async {
        let address = peers::raw(|mut stream, _| async move {
            peers::head(&mut stream).await;
            stream.write_all(OK).await.unwrap();
        })
        .await;
        let core = Core::new();
        core.get(&http_url(address), "/").await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let mut post = exchange(Method::POST, &http_url(address), "/");
        assert_eq!(core.forward(&mut post).await.unwrap().status, StatusCode::OK);
        assert_eq!(core.counts.opened.get(), 2);
    });
}

#[test]
fn the_bound_on_connections_makes_requests_wait() {
    run(async {
        let open = Rc::new(Cell::new((0_usize, 0_usize)));
        let seen = Rc::clone(&open);
        let address = peers::raw(move |mut stream, _| {
            let seen = Rc::clone(&seen);
            async move {
                let (now, most) = seen.get();
                seen.set((now + 1, most.max(now + 1)));
                while peers::head(&mut stream).await.is_some() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    stream.write_all(OK).await.unwrap();
                }
                let (now, most) = seen.get();
                seen.set((now - 1, most));
            }
        })
        .await;
        let core = Core::new().limited(PoolLimits { connections: 2, ..PoolLimits::for_cores(1) });
        let url = http_url(address);
        let calls = (0..20).map(|_| core.get(&url, "/"));
        for answer in futures_util::future::join_all(calls).await {
            assert_eq!(answer.unwrap().0, StatusCode::OK);
        }
        assert_eq!(open.get().1, 2);
    });
}

#[test]
fn those_who_wait_in_vain_and_those_beyond_the_bound_are_told() {
    run(async {
        let address = peers::silent().await;
        let patience = Duration::from_millis(100);
        let core = Core::with(&[], |settings| settings.connect_timeout = patience);
        let limits = PoolLimits { connections: 1, waiting: 1, ..PoolLimits::for_cores(1) };
        let core = core.limited(limits);
        let url = http_url(address);
        let holder = core.get(&url, "/");
        let waits = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            core.get(&url, "/").await
        };
        let beyond = async {
            tokio::time::sleep(Duration::from_millis(40)).await;
            core.get(&url, "/").await
        };
        tokio::select! {
            _ = holder => panic!("the backend never answers"),
            (waited, refused) = async { tokio::join!(waits, beyond) } => {
                assert_eq!(waited.unwrap_err(), UpstreamError::Timeout(patience));
                let refused = refused.unwrap_err();
                assert!(matches!(&refused, UpstreamError::Connection(text) if text.contains("wait")), "{refused}");
            }
        }
    });
}

#[test]
fn more_idle_connections_than_allowed_are_closed() {
    run(async {
        let address = peers::raw(|mut stream, _| async move {
            while peers::head(&mut stream).await.is_some() {
                tokio::time::sleep(Duration::from_millis(10)).await;
                stream.write_all(OK).await.unwrap();
            }
        })
        .await;
        let core = Core::with(&[], |settings| settings.idle_connections = 1);
        let url = http_url(address);
        for round in 1..=2 {
            for answer in futures_util::future::join_all((0..3).map(|_| core.get(&url, "/"))).await {
                answer.unwrap();
            }
            assert_eq!(core.counts.opened.get(), if round == 1 { 3 } else { 5 });
        }
    });
}

#[test]
fn authorities_are_bounded_and_idle_ones_make_room() {
    run(async {
        let core = Core::new().limited(PoolLimits { authorities: 2, ..PoolLimits::for_cores(1) });
        let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        for _ in 0..4 {
            let address = peers::canned(closing).await;
            core.get(&http_url(address), "/").await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let holding = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        for _ in 0..2 {
            core.get(&http_url(peers::canned(holding).await), "/").await.unwrap();
        }
        let error = core.get(&http_url(peers::canned(holding).await), "/").await.unwrap_err();
        assert!(matches!(&error, UpstreamError::Connection(text) if text.contains("hosts")), "{error}");
    });
}

#[test]
fn idle_connections_are_closed_after_a_while() {
    run(async {
        let closed = Rc::new(Cell::new(false));
        let seen = Rc::clone(&closed);
        let address = peers::raw(move |mut stream, _| {
            let seen = Rc::clone(&seen);
            async move {
                while peers::head(&mut stream).await.is_some() {
                    stream.write_all(OK).await.unwrap();
                }
                seen.set(true);
            }
        })
        .await;
        let limits = PoolLimits { idle_timeout: Duration::from_millis(10), ..PoolLimits::for_cores(1) };
        let core = Core::new().limited(limits);
        core.get(&http_url(address), "/").await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(closed.get());
        assert_eq!(core.pools.connections(), 0);
    });
}

#[test]
fn bytes_beyond_an_answer_are_never_taken_for_the_next_one() {
    run(async {
        let address = peers::raw(|mut stream, number| async move {
            while peers::head(&mut stream).await.is_some() {
                let mut answer = OK.to_vec();
                if number == 0 {
                    answer.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
                }
                let _ = stream.write_all(&answer).await;
            }
        })
        .await;
        let core = Core::new();
        for _ in 0..3 {
            assert_eq!(core.get(&http_url(address), "/").await.unwrap().1, "ok");
        }
        assert_eq!(core.counts.opened.get(), 2);
    });
}

#[test]
fn a_client_that_leaves_takes_its_connection_with_it() {
    run(async {
        let address = peers::silent().await;
        let core = Core::new().limited(PoolLimits { connections: 1, ..PoolLimits::for_cores(1) });
        let url = http_url(address);
        for _ in 0..3 {
            let left = tokio::time::timeout(Duration::from_millis(20), core.get(&url, "/")).await;
            assert!(left.is_err(), "the backend never answers");
            tokio::task::yield_now().await;
        }
        assert_eq!(core.counts.opened.get(), 3, "each found the place free again");
    });
}

#[test]
fn a_connection_is_given_up_before_its_peer_does() {
    run(async {
        let answer = "HTTP/1.1 200 OK\r\nkeep-alive: max=9, timeout=1\r\ncontent-length: 2\r\n\r\nok";
        let url = http_url(peers::canned(answer).await);
        let core = Core::new();
        core.get(&url, "/").await.unwrap();
        core.get(&url, "/").await.unwrap();
        assert_eq!((core.counts.opened.get(), core.counts.reused.get()), (1, 1));
        tokio::time::sleep(Duration::from_millis(550)).await;
        core.get(&url, "/").await.unwrap();
        assert_eq!((core.counts.opened.get(), core.counts.reused.get()), (2, 1));
    });
}
