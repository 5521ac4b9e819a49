//! How requests are framed: what recipients are known to read differently is refused and never forwarded, what is
//! forwarded is written anew, and slow or large messages have bounds.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Api, Backend, Gateway, Landing, RawBackend, RawClient, eventually};

const SOON: Duration = Duration::from_secs(20);

async fn gateway(backend: &str, limits: &str) -> Gateway {
    let api =
        Api::new("a", backend).operation("get", "GET", "/{*rest}").operation("post", "POST", "/{*rest}");
    let landing = Landing::new().api(api);
    Gateway::start(if limits.is_empty() { landing } else { landing.with(&format!("limits: {{ {limits} }}")) })
        .await
}

/// Heads with what follows them, and the status that refuses each.
fn vectors(host: &str) -> Vec<(&'static str, String, u16)> {
    let post = |fields: &str, body: &str| format!("POST /a/x HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n{body}");
    let get = |fields: &str| format!("GET /a/x HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
    vec![
        ("CL+TE", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400),
        ("TE+CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"), 400),
        ("CL dup differ", post("Content-Length: 4\r\nContent-Length: 5\r\n", "abcde"), 400),
        ("CL dup same", post("Content-Length: 4\r\nContent-Length: 4\r\n", "abcd"), 400),
        ("CL list", post("Content-Length: 4, 4\r\n", "abcd"), 400),
        ("CL +4", post("Content-Length: +4\r\n", "abcd"), 400),
        ("CL -1", post("Content-Length: -1\r\n", ""), 400),
        ("CL hex", post("Content-Length: 0x4\r\n", "abcd"), 400),
        ("CL empty", post("Content-Length:\r\n", ""), 400),
        ("CL overflow", post("Content-Length: 18446744073709551617\r\n", "a"), 400),
        ("TE xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400),
        ("TE chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 400),
        ("TE gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400),
        ("TE two lines", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400),
        (
            "TE chunked twice",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            400,
        ),
        ("TE vertical tab", post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), 400),
        ("TE quoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 400),
        (
            "TE on HTTP/1.0",
            format!("POST /a/x HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        ("space before colon", get("X : 1\r\n"), 400),
        ("space before CL's colon", post("Content-Length : 4\r\n", "abcd"), 400),
        ("no name", get(": 1\r\n"), 400),
        ("no colon", get("X\r\n"), 400),
        ("odd name", get("X(y): 1\r\n"), 400),
        ("name with NUL", get("X\0: 1\r\n"), 400),
        ("obs-fold", get("X: 1\r\n 2\r\n"), 400),
        ("obs-fold in front", format!("GET /a/x HTTP/1.1\r\n Host: {host}\r\n\r\n"), 400),
        ("bare LF", format!("GET /a/x HTTP/1.1\nHost: {host}\n\n"), 400),
        ("one bare LF", format!("GET /a/x HTTP/1.1\r\nHost: {host}\nX: 1\r\n\r\n"), 400),
        ("bare CR", get("X: 1\rY: 2\r\n"), 400),
        ("NUL in a value", get("X: a\0b\r\n"), 400),
        ("DEL in a value", get("X: a\x7fb\r\n"), 400),
        ("two Hosts", get(&format!("Host: {host}\r\n")), 400),
        ("two Hosts differ", get("Host: evil.example\r\n"), 400),
        ("no Host", "GET /a/x HTTP/1.1\r\n\r\n".into(), 400),
        ("empty Host", "GET /a/x HTTP/1.1\r\nHost:\r\n\r\n".into(), 400),
        ("Host with a path", format!("GET /a/x HTTP/1.1\r\nHost: {host}/b\r\n\r\n"), 400),
        ("Host with user", format!("GET /a/x HTTP/1.1\r\nHost: me@{host}\r\n\r\n"), 400),
        ("absolute mismatch", format!("GET https://evil.example/a/x HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        ("another scheme", format!("GET ftp://{host}/a/x HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        (
            "Upgrade with body",
            post("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n", "x"),
            400,
        ),
        ("CONNECT", format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        ("odd method", format!("G@T /a/x HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        ("two spaces", format!("GET  /a/x HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        ("tab for space", format!("GET\t/a/x HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        ("fragment", format!("GET /a/x#y HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        ("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 400),
        ("HTTP/0.9", "GET /a/x\r\n\r\n".into(), 400),
        ("HTTP/1.2", format!("GET /a/x HTTP/1.2\r\nHost: {host}\r\n\r\n"), 400),
        ("200 headers", get(&"X-Many: 1\r\n".repeat(200)), 431),
        ("64 KB header", get(&format!("X: {}\r\n", "a".repeat(64 * 1024))), 431),
        ("64 KB target", format!("GET /a/{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "a".repeat(64 * 1024)), 431),
    ]
}

fn assert_refused(name: &str, answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer:?}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{name}: {answer:?}");
    assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{name}: {answer:?}");
    assert!(answer.contains(&format!("{{\"statusCode\":{status},\"message\":")), "{name}: {answer:?}");
}

#[tokio::test]
async fn ambiguous_heads_are_refused_the_connection_is_closed_and_the_backend_sees_nothing() {
    let backend = RawBackend::recorder();
    let gateway = gateway(&backend.url(), "").await;
    let host = gateway.client().authority();
    let all = vectors(&host);
    let count = all.len();
    for (name, bytes, status) in all {
        let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
        // What follows must not be taken for a request.
        client.send(format!("{bytes}GET /a/smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_refused(name, &client.read_to_end(SOON).await, status);
    }
    assert_eq!(backend.received(), "", "nothing was forwarded");
    assert_eq!(backend.connections(), 0);
    let records = gateway.access_log(count).await;
    assert_eq!(records.len(), count);
    assert!(records.iter().all(|record| record["error"]["source"] == "framing"), "{:#}", records[0]);
}

#[tokio::test]
async fn a_refused_request_behind_a_good_one_is_not_forwarded_either() {
    let backend = RawBackend::recorder();
    let gateway = gateway(&backend.url(), "").await;
    let host = gateway.client().authority();
    for (name, bytes, status) in vectors(&host) {
        if bytes.len() > 10_000 {
            continue;
        }
        let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
        client.send(format!("GET /a/good HTTP/1.1\r\nHost: {host}\r\n\r\n{bytes}")).await;
        let answer = client.read_to_end(SOON).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{name}: {answer:?}");
        assert!(answer.contains(&format!("HTTP/1.1 {status} ")), "{name}: {answer:?}");
    }
    let received = backend.received();
    assert_eq!(received.matches(" HTTP/1.1\r\n").count(), received.matches("GET /good HTTP/1.1\r\n").count());
}

#[tokio::test]
async fn bodies_that_break_their_framing_end_in_400_and_no_backend_takes_them_for_whole() {
    let backend = RawBackend::start(|peer| {
        let Some(_) = peer.read_head() else { return };
        let mut body = peer.take_pending();
        // A complete chunked body ends so; only then does this backend answer.
        while !body.ends_with(b"0\r\n\r\n") {
            match peer.read_some() {
                Some(more) => body.extend_from_slice(&more),
                None => return,
            }
        }
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ncomplete");
    });
    let gateway = gateway(&backend.url(), "").await;
    let host = gateway.client().authority();
    let bodies = [
        ("chunk ext + LF", "4;a\nwiki\r\n0\r\n\r\n"),
        ("chunk size overflow", "ffffffffffffffff0\r\nx\r\n0\r\n\r\n"),
        ("chunk size is not hex", "zz\r\nx\r\n0\r\n\r\n"),
        ("chunk size with a sign", "+4\r\nwiki\r\n0\r\n\r\n"),
        ("chunk size with 0x", "0x4\r\nwiki\r\n0\r\n\r\n"),
        ("chunk too long", "4\r\nwikipedia\r\n0\r\n\r\n"),
        ("chunk with LF", "4\r\nwiki\n0\r\n\r\n"),
        ("size with LF", "4\nwiki\r\n0\r\n\r\n"),
        ("size with space", "4 \r\nwiki\r\n0\r\n\r\n"),
        ("trailer with LF", "4\r\nwiki\r\n0\r\nX: 1\n\r\n"),
        ("trailer with space", "4\r\nwiki\r\n0\r\nX : 1\r\n\r\n"),
    ];
    for (name, body) in bodies {
        let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
        let head = format!("POST /a/x HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(format!("{head}{body}GET /a/smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_refused(name, &client.read_to_end(SOON).await, 400);
    }
    assert!(!backend.received().contains("smuggled"), "{}", backend.received());
    let good = "4;x=y\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n";
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let head = format!(
        "POST /a/x HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    client.send(format!("{head}{good}")).await;
    let answer = client.read_to_end(SOON).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("complete"), "{answer:?}");
}

#[tokio::test]
async fn what_is_forwarded_is_written_anew() {
    let backend = RawBackend::start(|peer| {
        while let Some(head) = peer.read_head() {
            if head.to_ascii_lowercase().contains("transfer-encoding") {
                while !peer.take_pending().ends_with(b"0\r\n\r\n") {
                    let Some(more) = peer.read_some() else { return };
                    if more.ends_with(b"0\r\n\r\n") {
                        break;
                    }
                }
            }
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Inner\r\nX-Inner: 1\r\nKeep-Alive: timeout=9\r\nX-Outer: 2\r\n\r\nok";
            if !peer.send(answer) {
                return;
            }
        }
    });
    let gateway = gateway(&backend.url(), "").await;
    let host = gateway.client().authority();
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client
        .send(format!(
            "POST https://{host}/a/x?q=1 HTTP/1.1\r\nHOST: {host}\r\nConnection: keep-alive, X-Hop\r\nX-Hop: secret\r\nKeep-Alive: timeout=5\r\n\
             Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nTE: gzip\r\nUpgrade: h2c\r\nX-Odd:\t  spaced \t\r\nTransfer-Encoding: ChUnKeD\r\n\r\n\
             3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
        ))
        .await;
    // Upgrade beside a body is refused: without it the same request passes.
    assert_refused("upgrade", &client.read_to_end(SOON).await, 400);
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client
        .send(format!(
            "POST https://{host}/a/x?q=1 HTTP/1.1\r\nHOST: {host}\r\nConnection: close, X-Hop\r\nX-Hop: secret\r\nKeep-Alive: timeout=5\r\n\
             Proxy-Connection: keep-alive\r\nTE: gzip\r\nX-Odd:\t  spaced \t\r\nTransfer-Encoding: ChUnKeD\r\n\r\n\
             3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        ))
        .await;
    let answer = client.read_to_end(SOON).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200 ") && answer.ends_with("\r\n\r\nok"), "{answer:?}");
    assert!(answer.contains("\r\nx-outer: 2\r\n"), "{answer:?}");
    assert!(!answer.contains("x-inner") && !answer.contains("timeout=9"), "{answer:?}");

    let received = backend.received();
    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    let lower = head.to_ascii_lowercase();
    assert!(head.starts_with("POST /x?q=1 HTTP/1.1\r\n"), "{head}");
    assert_eq!(lower.matches("\r\nhost: ").count(), 1, "{head}");
    assert!(lower.contains(&format!("\r\nhost: {}", backend.address)), "{head}");
    assert!(lower.contains("\r\nx-odd: spaced\r\n"), "{head}");
    assert!(lower.contains("\r\ntransfer-encoding: chunked"), "{head}");
    for gone in ["x-hop", "keep-alive", "proxy-connection", "\r\nte:", "ext=1", "content-length"] {
        assert!(!received.to_ascii_lowercase().contains(gone), "{gone} is in {received}");
    }
    assert!(body.ends_with("0\r\n\r\n"), "{body:?}");
}

#[tokio::test]
async fn slow_heads_and_slow_bodies_are_cut_in_time() {
    let backend = Backend::echo();
    let gateway =
        gateway(&backend.url(), "header_timeout: 400ms, body_timeout: 400ms, idle_timeout: 2s").await;
    let host = gateway.client().authority();

    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let start = Instant::now();
    for byte in format!("GET /a/x HTTP/1.1\r\nHost: {host}\r\nX: 123456789012345678901234567890").bytes() {
        if !client.send([byte]).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_refused("dripping head", &client.read_to_end(SOON).await, 408);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());

    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client.send(format!("POST /a/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nabc")).await;
    let start = Instant::now();
    assert_refused("stopping body", &client.read_to_end(SOON).await, 408);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(backend.seen().is_empty(), "no half of a body is taken for whole");

    // A connection without a request, before the first and between two.
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    let start = Instant::now();
    assert_eq!(client.read_to_end(SOON).await, "");
    assert!(
        start.elapsed() >= Duration::from_millis(1500) && start.elapsed() < SOON,
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn bodies_have_a_bound_announced_or_not() {
    let backend = Backend::echo();
    let gateway = gateway(&backend.url(), "body_bytes: 100KiB").await;
    let host = gateway.client().authority();
    let large = "x".repeat(100 * 1024 + 1);

    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client
        .send(format!("POST /a/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n", large.len()))
        .await;
    assert_refused("announced", &client.read_to_end(SOON).await, 413);
    assert!(backend.seen().is_empty());

    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client.send(format!("POST /a/x HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    client.send(format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len())).await;
    assert_refused("chunked", &client.read_to_end(SOON).await, 413);

    let answer = gateway.client().send_h2("POST", "/a/x", large.clone()).await;
    assert_eq!(answer.status, 413);
    let fits = gateway.client().send("POST", "/a/x", large[1..].to_owned()).await;
    assert_eq!(fits.json()["body"].as_str().unwrap().len(), 100 * 1024);
    eventually("only the good one arrives", || {
        backend.seen().iter().filter(|seen| seen.body.len() == 100 * 1024).count() == 1
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_outgrows_the_bound_sees_its_answer() {
    let backend = Backend::echo();
    let gateway = gateway(&backend.url(), "body_bytes: 100KiB").await;
    for version in ["--http1.1", "--http2"] {
        let answer = curl_upload(&gateway, version, 4 * 1024 * 1024).await;
        assert_eq!(answer, "413", "{version}");
    }
}

/// What curl makes of the answer to an upload whose length nobody announces.
async fn curl_upload(gateway: &Gateway, version: &str, bytes: usize) -> String {
    gateway.landing.file("upload", &"x".repeat(bytes));
    let upload = std::fs::File::open(gateway.landing.path("upload")).unwrap();
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        version,
        "--insecure",
        "--max-time",
        "20",
        "--output",
        "/dev/null",
    ])
    .args(["--write-out", "%{http_code}", "--request", "POST", "--upload-file", "-", "--header", "Expect:"])
    .arg(format!("https://{}/a/x", gateway.client().authority()))
    .stdin(upload);
    let output = tokio::task::spawn_blocking(move || curl.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{version}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn many_slow_clients_keep_nobody_else_waiting() {
    let backend = Backend::echo();
    let gateway = gateway(&backend.url(), "header_timeout: 10s").await;
    let host = gateway.client().authority();
    let mut slow = Vec::new();
    for _ in 0..150 {
        let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
        client.send(format!("GET /a/x HTTP/1.1\r\nHost: {host}\r\n")).await;
        slow.push(client);
    }
    let start = Instant::now();
    assert_eq!(gateway.client().get("/a/x").await.status, 200);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    for client in &mut slow {
        assert_refused("slow", &client.read_to_end(Duration::from_secs(30)).await, 408);
    }
}
