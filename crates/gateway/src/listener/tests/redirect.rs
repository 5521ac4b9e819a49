//! The plain port.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::harness::{Harness, place};

fn harness() -> Harness {
    Harness::with(|authority, listeners, limits| {
        listeners[0].http_redirect = Some(place(authority, "127.0.0.1:0"));
        limits.header_timeout = Duration::from_millis(300);
    })
}

fn ask(harness: &Harness, bytes: &[u8]) -> String {
    let bound = harness.listeners().bound();
    assert!(bound[1].is_redirect);
    let mut stream = TcpStream::connect(bound[1].address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_answers_308_to_https_and_nothing_else() {
    let harness = harness();
    let port = harness.address().port();
    let answer = ask(&harness, b"POST /a?b=c HTTP/1.1\r\nHost: a.example:80\r\nContent-Length: 3\r\n\r\nabc");
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains(&format!("Location: https://a.example:{port}/a?b=c\r\n")), "{answer}");
    assert!(answer.contains("Connection: close\r\n"), "{answer}");
    assert_eq!(harness.handled(), 0);
}

#[test]
fn it_judges_heads_as_strictly() {
    let harness = harness();
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example/x\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n",
    ] {
        let answer = ask(&harness, bytes);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bytes:?}: {answer}");
    }
}

#[test]
fn it_does_not_wait_for_slow_heads() {
    let harness = harness();
    let start = Instant::now();
    let answer = ask(&harness, b"GET / HTTP/1.1\r\n");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(20));
}
