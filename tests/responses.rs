//! What backends send: good answers pass as they are, and bad ones harm neither this client nor the next.

use std::time::Duration;

use crate::support::{Api, Gateway, Landing, RawBackend, RawClient};

const SOON: Duration = Duration::from_secs(20);

/// A backend that answers each head with what `answer` gives for its path, on a connection that stays open.
fn scripted(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> RawBackend {
    RawBackend::start(move |peer| {
        while let Some(head) = peer.read_head() {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            if !peer.send(answer(&path)) {
                return;
            }
        }
    })
}

async fn gateway(backend: &RawBackend) -> Gateway {
    let api = Api::new("a", &backend.url())
        .operation("get", "GET", "/{*rest}")
        .operation("head", "HEAD", "/{*rest}")
        .operation("post", "POST", "/{*rest}");
    Gateway::start(Landing::new().api(api)).await
}

async fn ask(gateway: &Gateway, method: &str, path: &str) -> String {
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let host = gateway.client().authority();
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
    client.read_to_end(SOON).await
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_reaches_nobody() {
    // Behind the answer stands another one, which the next request on this connection would take for its own.
    let backend = scripted(|path| {
        let good = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len());
        let evil =
            if path.contains("poison") { "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" } else { "" };
        format!("{good}{evil}").into_bytes()
    });
    let gateway = gateway(&backend).await;
    for round in 0..20 {
        let answer = ask(&gateway, "GET", &format!("/a/poison{round}")).await;
        assert!(answer.ends_with(&format!("/poison{round}")), "{answer}");
        for _ in 0..2 {
            let answer = ask(&gateway, "GET", "/a/next").await;
            assert!(answer.ends_with("/next"), "round {round}: {answer}");
        }
    }
}

#[tokio::test]
async fn answers_that_are_not_http_become_errors() {
    let many = "X-Many: 1\r\n".repeat(5000);
    let answers: Vec<(&str, Vec<u8>)> = vec![
        ("/both-lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd".to_vec()),
        ("/signed-length", b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc".to_vec()),
        (
            "/switch",
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nevil"
                .to_vec(),
        ),
        ("/garbage", b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()),
        (
            "/large",
            [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 2 * 1024 * 1024], b"\r\n\r\n".to_vec()].concat(),
        ),
        ("/many", format!("HTTP/1.1 200 OK\r\n{many}\r\n").into_bytes()),
        ("/nul", b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("/status", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
    ];
    let paths: Vec<String> = answers.iter().map(|(path, _)| (*path).to_owned()).collect();
    let backend = scripted(move |path| {
        let known = answers.iter().find(|(known, _)| *known == path);
        known.map_or_else(
            || b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
            |(_, answer)| answer.clone(),
        )
    });
    let gateway = gateway(&backend).await;
    for path in paths {
        let answer = ask(&gateway, "GET", &format!("/a{path}")).await;
        assert!(answer.starts_with("HTTP/1.1 500 "), "{path}: {answer}");
        assert!(!answer.contains("evil"), "{path}: {answer}");
        assert!(ask(&gateway, "GET", "/a/good").await.ends_with("ok"), "after {path}");
    }
}

#[tokio::test]
async fn an_answer_with_length_and_chunks_is_read_in_one_way_only() {
    let backend = scripted(|path| {
        match path {
        "/mixed" => b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
    }
    });
    let gateway = gateway(&backend).await;
    let answer = ask(&gateway, "GET", "/a/mixed").await;
    let lower = answer.to_ascii_lowercase();
    assert!(!(lower.contains("content-length: 3") && lower.contains("transfer-encoding")), "{answer}");
    if answer.starts_with("HTTP/1.1 200 ") {
        assert!(answer.contains("hello") && !lower.contains("content-length: 3"), "{answer}");
    }
    assert!(ask(&gateway, "GET", "/a/x").await.ends_with("ok"));
}

#[tokio::test]
async fn bodies_end_as_their_answers_say() {
    let backend = RawBackend::start(|peer| {
        let Some(head) = peer.read_head() else { return };
        let path = head.split(' ').nth(1).unwrap_or_default();
        let answer: &[u8] = match path {
            "/to-the-end" => b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
            "/old" => b"HTTP/1.0 200 OK\r\n\r\nof another time",
            "/nothing" => b"HTTP/1.1 204 No Content\r\n\r\n",
            "/unchanged" => b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 1000\r\n\r\n",
            "/hints" => b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal",
            "/continue" => b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal",
            "/length" => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            "/odd" => b"HTTP/1.1 299 Strange\r\nContent-Length: 0\r\nX-Odd: \xe9\r\n\r\n",
            _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nmine",
        };
        peer.send(answer);
    });
    let gateway = gateway(&backend).await;
    let answer = |method: &'static str, path: &'static str| {
        let gateway = &gateway;
        async move { ask(gateway, method, path).await }
    };
    assert!(answer("GET", "/a/to-the-end").await.contains("until the end"));
    assert!(answer("GET", "/a/old").await.contains("of another time"));
    let nothing = answer("GET", "/a/nothing").await;
    assert!(nothing.starts_with("HTTP/1.1 204 ") && nothing.ends_with("\r\n\r\n"), "{nothing}");
    let unchanged = answer("GET", "/a/unchanged").await;
    assert!(unchanged.starts_with("HTTP/1.1 304 ") && unchanged.contains("etag: \"1\""), "{unchanged}");
    for path in ["/a/hints", "/a/continue"] {
        let text = answer("GET", path).await;
        assert!(text.ends_with("final"), "{path}: {text}");
    }
    let head = answer("HEAD", "/a/length").await;
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.to_ascii_lowercase().contains("content-length: 1000"),
        "{head}"
    );
    let odd = answer("GET", "/a/odd").await;
    assert!(odd.starts_with("HTTP/1.1 299 Strange\r\n"), "{odd}");
    let own = answer("GET", "/a/other").await;
    assert!(
        own.starts_with("HTTP/1.1 404 ") && own.ends_with("mine"),
        "the backend's own errors pass: {own}"
    );
    for path in ["/a/to-the-end", "/a/hints", "/a/old"] {
        assert_eq!(gateway.client().send_h2("GET", path, "").await.status, 200, "{path}");
    }
    assert_eq!(gateway.client().send_h2("GET", "/a/nothing", "").await.status, 204);
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_is_whole_passes() {
    let backend = RawBackend::start(|peer| {
        if peer.read_head().is_some() {
            peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!");
            // The rest is read and dropped, so that the answer is not lost in a reset.
            std::thread::sleep(Duration::from_millis(200));
            while peer.read_some().is_some() {}
        }
    });
    let gateway = gateway(&backend).await;
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let host = gateway.client().authority();
    // The firewall does not read what is neither text nor a document, so that it does not wait for the whole.
    let head = "Content-Type: application/octet-stream\r\nContent-Length: 1000000";
    client.send(format!("POST /a/x HTTP/1.1\r\nHost: {host}\r\n{head}\r\n\r\n")).await;
    client.send(vec![b'x'; 1000]).await;
    let answer = client.read_until("no!").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[tokio::test]
async fn old_and_eager_clients_are_served() {
    let backend = scripted(|path| match path {
        "/chunks" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec(),
        path => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()).into_bytes(),
    });
    let gateway = gateway(&backend).await;
    let host = gateway.client().authority();
    // HTTP/1.0 knows no chunks, and its connections end with the answer.
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client.send(format!("GET /a/chunks HTTP/1.0\r\nHost: {host}\r\n\r\n")).await;
    let answer = client.read_to_end(SOON).await;
    assert!(answer.contains(" 200 ") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");
    // Requests that are sent without waiting are answered in their order.
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let requests: Vec<String> =
        (0..5).map(|number| format!("GET /a/{number} HTTP/1.1\r\nHost: {host}\r\n\r\n")).collect();
    client.send(requests.concat()).await;
    let answers = client.read_until("\r\n\r\n/4").await;
    let order: Vec<usize> =
        (0..5).map(|number| answers.find(&format!("\r\n\r\n/{number}")).unwrap()).collect();
    assert!(order.is_sorted() && answers.matches("HTTP/1.1 200 ").count() == 5, "{answers}");
}

#[tokio::test]
async fn fields_pass_as_they_are() {
    let backend = RawBackend::recorder();
    let gateway = gateway(&backend).await;
    let host = gateway.client().authority();
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let mut request = format!("GET /a/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-Empty:\r\nX-Text: ").into_bytes();
    request.extend_from_slice(b"\xe9\r\n\r\n");
    client.send(request).await;
    client.read_to_end(SOON).await;
    let received = backend.received();
    assert!(received.contains("x-twice: 1\r\n") && received.contains("x-twice: 2\r\n"), "{received}");
    assert!(received.contains("x-empty: \r\n") || received.contains("x-empty:\r\n"), "{received}");
    // Not UTF-8: shown here as the replacement character.
    assert!(received.contains("x-text: \u{fffd}\r\n"), "{received}");
    // HTTP/2 clients send cookies in pieces; HTTP/1.1 has one field for them (RFC 9113 section 8.2.3).
    let pieces = gateway.client().header("cookie", "a=1").header("cookie", "b=2");
    assert_eq!(pieces.send_h2("GET", "/a/cookies", "").await.status, 200);
    assert!(backend.received().contains("\r\ncookie: a=1; b=2\r\n"), "{}", backend.received());
}
