//! Every way of framing a request that recipients are known to read differently, over TLS, at every split.

use super::harness::Harness;

const GOOD: &str = "GET /good HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

/// Heads and bodies that are refused, with the status that answers them.
fn vectors() -> Vec<(&'static str, String, u16)> {
    let post =
        |fields: &str, body: &str| format!("POST /x HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n{body}");
    let many = "X-Many: 1\r\n".repeat(200);
    vec![
        ("CL+TE", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400),
        ("TE+CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"), 400),
        ("CL dup differ", post("Content-Length: 4\r\nContent-Length: 5\r\n", "abcde"), 400),
        ("CL dup same", post("Content-Length: 4\r\nContent-Length: 4\r\n", "abcd"), 400),
        ("CL +4", post("Content-Length: +4\r\n", "abcd"), 400),
        ("TE xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400),
        ("TE chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 400),
        ("TE two lines", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400),
        (
            "TE on 1.0",
            "POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
            400,
        ),
        ("space before colon", post("X : 1\r\n", ""), 400),
        ("obs-fold", post("X: 1\r\n 2\r\n", ""), 400),
        ("bare LF", "GET / HTTP/1.1\nHost: a.example\n\n".into(), 400),
        ("one bare LF", "GET / HTTP/1.1\r\nHost: a.example\nX: 1\r\n\r\n".into(), 400),
        ("NUL", post("X: a\0b\r\n", ""), 400),
        ("two Hosts", post("Host: a.example\r\n", ""), 400),
        ("no Host", "GET / HTTP/1.1\r\n\r\n".into(), 400),
        ("absolute mismatch", "GET https://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        (
            "Upgrade with body",
            post("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n", "x"),
            400,
        ),
        ("CONNECT", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        ("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 400),
        ("HTTP/0.9", "GET /\r\n\r\n".into(), 400),
        ("200 headers", post(&many, ""), 431),
        ("64 KB header", post(&format!("X: {}\r\n", "a".repeat(64 * 1024)), ""), 431),
    ]
}

/// Broken bodies: the head has been passed on already, the body fails in the handler's hands.
fn bodies() -> Vec<(&'static str, &'static str)> {
    vec![
        ("chunk ext + LF", "4;a\nwiki\r\n0\r\n\r\n"),
        ("chunk size overflow", "ffffffffffffffff0\r\nx\r\n0\r\n\r\n"),
        ("chunk size is not hex", "zz\r\nx\r\n0\r\n\r\n"),
        ("chunk too long", "4\r\nwikipedia\r\n0\r\n\r\n"),
        ("chunk with LF", "4\r\nwiki\n0\r\n\r\n"),
        ("size with LF", "4\nwiki\r\n0\r\n\r\n"),
        ("size with space", "4 \r\nwiki\r\n0\r\n\r\n"),
        ("trailer with LF", "4\r\nwiki\r\n0\r\nX: 1\n\r\n"),
        ("trailer with space", "4\r\nwiki\r\n0\r\nX : 1\r\n\r\n"),
    ]
}

fn assert_refused(name: &str, answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer:?}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{name}: {answer:?}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{name}: {answer:?}");
}

#[test]
fn bad_heads_are_refused_and_the_connection_is_closed() {
    let harness = Harness::start();
    for (name, bytes, status) in vectors() {
        // What follows must not be seen as a request.
        let answer = harness.exchange(format!("{bytes}{GOOD}").as_bytes());
        assert_refused(name, &answer, status);
        assert_eq!(harness.handled(), 0, "{name} reached the handler");
    }
}

#[test]
fn bad_heads_are_refused_byte_by_byte_too() {
    let harness = Harness::start();
    for (name, bytes, status) in vectors() {
        if bytes.len() > 1000 {
            continue;
        }
        let mut client = harness.connect();
        for byte in bytes.as_bytes().chunks(1) {
            client.send(byte);
        }
        assert_refused(name, &client.read_to_end(), status);
        assert_eq!(harness.handled(), 0, "{name} reached the handler");
    }
}

#[test]
fn a_bad_second_request_in_a_pipeline_is_refused_and_the_first_is_answered() {
    let harness = Harness::start();
    let first = "GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for (count, (name, bytes, status)) in vectors().into_iter().enumerate() {
        let answer = harness.exchange(format!("{first}{bytes}{GOOD}").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 "), "{name}: {answer:?}");
        assert!(answer.contains("GET /first"), "{name}: {answer:?}");
        assert!(answer.contains(&format!("HTTP/1.1 {status} ")), "{name}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{name}: {answer:?}");
        assert_eq!(harness.handled(), count + 1, "{name}");
    }
}

#[test]
fn a_second_request_split_anywhere_is_judged_alike() {
    let harness = Harness::start();
    let bytes = "GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n\
                 POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for split in (1..bytes.len()).step_by(7) {
        let (first, second) = bytes.as_bytes().split_at(split);
        let mut client = harness.connect();
        client.send(first);
        std::thread::sleep(std::time::Duration::from_millis(2));
        client.send(second);
        let answer = client.read_to_end();
        assert!(answer.contains("GET /first"), "{split}: {answer:?}");
        assert!(answer.contains("HTTP/1.1 400 "), "{split}: {answer:?}");
        assert!(!answer.contains("POST /x"), "{split}: {answer:?}");
    }
}

#[test]
fn bad_bodies_fail_and_the_connection_is_closed() {
    let harness = Harness::start();
    for (name, body) in bodies() {
        for split in [false, true] {
            let head = "POST /x HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";
            let bytes = format!("{head}{body}{GOOD}");
            let mut client = harness.connect();
            for part in bytes.as_bytes().chunks(if split { 3 } else { usize::MAX }) {
                client.send(part);
            }
            let answer = client.read_to_end();
            assert_refused(name, &answer, 400);
            assert!(answer.contains("not framed as HTTP says"), "{name}: {answer:?}");
        }
    }
    assert_eq!(harness.counts.refused.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[test]
fn good_requests_pass_at_any_split() {
    let harness = Harness::start();
    let bytes = "\r\nPOST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n\
                 4;x=y\r\nwiki\r\n5\r\npedia\r\n0\r\nT: 1\r\n\r\n\
                 PUT /b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc\
                 GET https://a.example/c HTTP/1.1\r\nHost: A.EXAMPLE\r\nConnection: close\r\n\r\n";
    for size in 1..bytes.len() {
        let mut client = harness.connect();
        for part in bytes.as_bytes().chunks(size) {
            client.send(part);
        }
        let answer = client.read_to_end();
        assert!(answer.contains("POST /a body=9 trailers=1"), "{size}: {answer:?}");
        assert!(answer.contains("PUT /b body=3 trailers=0"), "{size}: {answer:?}");
        assert!(answer.contains("GET /c body=0 trailers=0"), "{size}: {answer:?}");
    }
}

#[test]
fn a_websocket_is_held_until_it_is_accepted_and_then_transparent() {
    let harness = Harness::start();
    let ask = "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let mut client = harness.connect();
    client.send(format!("{ask}\r\nearly bytes").as_bytes());
    let head = client.read_until("EARLY BYTES");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head:?}");
    client.send(b"two hosts\r\n\0");
    client.read_until("TWO HOSTS");
    client.half_close();

    // Declined: what follows is HTTP again, and judged.
    let mut client = harness.connect();
    client.send(format!("{ask}X-Decline: 1\r\n\r\n{GOOD}").as_bytes());
    let answer = client.read_to_end();
    assert!(answer.contains("declined") && answer.contains("GET /good"), "{answer:?}");
    let mut client = harness.connect();
    client.send(format!("{ask}X-Decline: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n").as_bytes());
    let answer = client.read_to_end();
    assert!(answer.contains("declined") && answer.contains("HTTP/1.1 400 "), "{answer:?}");

    // Another protocol is not offered to the handler.
    let other = "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n";
    assert!(harness.exchange(other.as_bytes()).contains("no upgrade"));
}

#[test]
fn a_panic_costs_its_request_alone() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client.send(b"GET /panic HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_refused("panic", &client.read_to_end(), 500);
    assert!(harness.connect().get("/next").contains("GET /next"));
}
