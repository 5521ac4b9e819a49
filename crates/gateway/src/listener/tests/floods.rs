//! HTTP/2 clients that send frames for their own sake. Each is cut, and others do not notice.

use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::client::{Client, config};
use super::harness::{Harness, eventually};

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A header block for `GET path`, uncompressed.
pub(super) fn get(path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87, 0x04, path.len() as u8];
    block.extend_from_slice(path.as_bytes());
    block.extend_from_slice(b"\x01\x09a.example");
    block
}

pub(super) fn connect(harness: &Harness) -> Client {
    let trust = config(&harness.authority.pem(), None, b"h2");
    let mut client = Client::connect(harness.address(), "a.example", &trust).unwrap();
    client.send(PREFACE);
    client
}

/// Sends until the connection is cut; tells after how many repetitions.
fn flood(harness: &Harness, most: usize, mut bytes: impl FnMut(u32) -> Vec<u8>) -> usize {
    let mut client = connect(harness);
    client.stream.sock.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let start = Instant::now();
    for count in 0..most {
        let sent = client.stream.write_all(&bytes(count as u32)).and_then(|()| client.stream.flush());
        if sent.is_err() {
            return count;
        }
        // What the server answers would fill the socket otherwise.
        client.stream.sock.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4096];
        let cut = loop {
            match client.stream.read(&mut buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break false,
                _ => break true,
            }
        };
        client.stream.sock.set_nonblocking(false).unwrap();
        if cut {
            return count;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "not cut in time");
    }
    panic!("{most} frames were taken");
}

#[test]
fn every_flood_is_cut_and_others_are_served() {
    let harness = Harness::start();
    let opened = |stream: u32, path: &str| frame(1, 4, stream, &get(path));
    let id = |count: u32| count * 2 + 1;
    let repeat = |frame: Vec<u8>| move |_: u32| frame.repeat(50);
    let cases: Vec<(&str, Box<dyn FnMut(u32) -> Vec<u8>>)> = vec![
        ("SETTINGS", Box::new(repeat(frame(4, 0, 0, &[])))),
        ("PING", Box::new(repeat(frame(6, 0, 0, &[0; 8])))),
        ("PRIORITY", Box::new(repeat(frame(2, 0, 1, &[0, 0, 0, 0, 16])))),
        ("WINDOW_UPDATE", Box::new(repeat(frame(8, 0, 0, &[0, 0, 0, 1])))),
        ("unknown", Box::new(repeat(frame(0x42, 0, 0, &[0; 4])))),
        (
            "empty DATA",
            Box::new(
                move |count| {
                    if count == 0 { frame(1, 4, 1, &get("/slow")) } else { frame(0, 0, 1, &[]).repeat(50) }
                },
            ),
        ),
        (
            "rapid reset",
            Box::new(move |count| {
                let mut bytes = opened(id(count), "/slow");
                bytes.extend(frame(3, 0, id(count), &[0, 0, 0, 8]));
                bytes
            }),
        ),
        (
            "DATA after the end",
            Box::new(move |count| {
                // DATA after the end of the stream.
                let mut bytes = frame(1, 5, id(count), &get("/slow"));
                bytes.extend(frame(0, 0, id(count), b"x"));
                bytes
            }),
        ),
        (
            "made you reset",
            Box::new(move |count| {
                let mut bytes = frame(1, 5, id(count), &get("/slow"));
                bytes.extend(frame(8, 0, id(count), &0x7fff_ffff_u32.to_be_bytes()));
                bytes
            }),
        ),
        (
            "CONTINUATION",
            Box::new(move |count| if count == 0 { frame(1, 0, 1, &get("/")) } else { frame(9, 0, 1, &[]) }),
        ),
        (
            "CONTINUATION of many fields",
            Box::new(move |count| {
                let fields = b"\x00\x01x\x01y".repeat(3000);
                if count == 0 { frame(1, 0, 1, &get("/")) } else { frame(9, 0, 1, &fields) }
            }),
        ),
        (
            "HPACK bomb",
            Box::new(move |count| {
                // A long field once in the dynamic table, then a thousand references to it.
                let mut block = get("/");
                if count == 0 {
                    block.extend_from_slice(b"\x40\x01x\x7f\xa1\x1e");
                    block.extend(std::iter::repeat_n(b'a', 4000));
                } else {
                    block.extend(std::iter::repeat_n(0xbe, 16_000));
                }
                frame(1, 5, id(count), &block)
            }),
        ),
    ];
    let mut counted = 0;
    for (name, bytes) in cases {
        // How many are sent says little of how many were read before the cut: sockets have buffers. The budget's own
        // tests are exact.
        let count = flood(&harness, 200_000, bytes);
        println!("{name}: cut after {count}");
        let violations = || harness.counted("requests_refused_total", "reason=\"http2\"");
        eventually(&format!("{name} is counted"), || violations() > counted);
        counted = violations();
        assert!(harness.connect().get("/others").contains("GET /others"), "{name}");
    }
    eventually("all are forgotten", || harness.listeners().open() == 0);
    assert_eq!(harness.counts.dropped_bodies.load(Ordering::SeqCst), 0);
}

#[test]
fn a_stream_that_is_not_read_is_reset_and_the_connection_stays() {
    let harness = Harness::with(|_, _, limits| limits.body_timeout = Duration::from_millis(300));
    let mut client = connect(&harness);
    // The window of 64 KiB fills and is never opened again.
    client.send(&frame(1, 5, 1, &get("/endless")));
    eventually("the body is dropped", || harness.counts.dropped_bodies.load(Ordering::SeqCst) == 1);
    assert_eq!(harness.listeners().open(), 1);
    client.send(&frame(8, 0, 0, &100_000_u32.to_be_bytes()));
    client.send(&frame(1, 5, 3, &get("/next")));
    client.read_until("GET /next");
}

#[test]
fn an_idle_connection_is_told_to_go() {
    let harness = Harness::with(|_, _, limits| limits.idle_timeout = Duration::from_millis(300));
    let mut client = connect(&harness);
    client.send(&frame(1, 5, 1, &get("/x")));
    client.read_until("GET /x");
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    // GOAWAY of any last stream is followed by a ping, which is left unanswered.
    while !seen.windows(5).any(|window| window == [0, 0, 8, 7, 0]) {
        let read = client.stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{seen:?}");
        seen.extend_from_slice(&buffer[..read]);
    }
}
