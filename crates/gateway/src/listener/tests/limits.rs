//! Clients that are slow, silent, greedy or many.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::harness::{Harness, eventually};

const SHORT: Duration = Duration::from_millis(300);
/// Long enough for a busy machine, and far below the bounds that are not under test.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_connection_without_a_first_byte_is_closed() {
    let harness = Harness::with(|_, _, limits| limits.idle_timeout = SHORT);
    let (time, text) = harness.connect().time_to_close();
    assert!(time >= SHORT / 2 && time < SOON, "{time:?}");
    assert_eq!(text, "");
    eventually("the connection is forgotten", || harness.listeners().open() == 0);
}

#[test]
fn a_connection_between_requests_is_closed() {
    let harness = Harness::with(|_, _, limits| limits.idle_timeout = SHORT);
    let mut client = harness.connect();
    client.get("/one");
    std::thread::sleep(SHORT / 2);
    client.get("/two");
    let (time, text) = client.time_to_close();
    assert!(time < SOON, "{time:?}");
    assert_eq!(text, "");
}

#[test]
fn a_parked_connection_serves_again() {
    let harness = Harness::start();
    let mut client = harness.connect();
    for _ in 0..2 {
        assert!(client.get("/again").contains("GET /again"));
        // Longer than it takes to park.
        std::thread::sleep(Duration::from_millis(2300));
    }
    client.send(b"GET /bad HTTP/1.1\r\n\r\n");
    assert!(client.read_to_end().starts_with("HTTP/1.1 400 "));
    assert_eq!(harness.handled(), 2);
}

#[test]
fn a_slow_head_gets_408_however_it_drips() {
    let harness = Harness::with(|_, _, limits| limits.header_timeout = SHORT);
    let mut client = harness.connect();
    client.send(b"GET / HTTP/1.1\r\nHost: a.exam");
    let (time, text) = client.time_to_close();
    assert!(time < SOON, "{time:?}");
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");

    let mut client = harness.connect();
    client.get("/first");
    let start = Instant::now();
    for byte in b"GET / HTTP/1.1\r\nHost: a.example\r\nX: 1234567890\r\n" {
        client.send(&[*byte]);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(client.read_to_end().starts_with("HTTP/1.1 408 "));
    assert!(start.elapsed() < SOON);
    assert_eq!(harness.handled(), 1);
}

#[test]
fn a_body_that_stops_gets_408() {
    let harness = Harness::with(|_, _, limits| limits.body_timeout = SHORT);
    let mut client = harness.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nabc");
    let (time, text) = client.time_to_close();
    assert!(time < SOON, "{time:?}");
    assert!(text.starts_with("HTTP/1.1 408 ") && text.contains("too slowly"), "{text}");
    assert!(text.contains("connection: close"), "{text}");
}

#[test]
fn a_body_that_drips_gets_408() {
    let harness = Harness::with(|_, _, limits| {
        limits.body_timeout = SHORT;
        limits.body_rate = 1000;
    });
    let mut client = harness.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10000\r\n\r\n");
    let start = Instant::now();
    for _ in 0..60 {
        client.send(b"x");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(client.read_to_end().starts_with("HTTP/1.1 408 "));
    assert!(start.elapsed() < SOON);
}

#[test]
fn a_large_body_gets_413() {
    let harness = Harness::with(|_, _, limits| limits.body_bytes = 10);
    let announced = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 11\r\n\r\n";
    let text = harness.exchange(announced.as_bytes());
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    assert_eq!(harness.handled(), 0);
    let streamed = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n";
    let text = harness.exchange(streamed.as_bytes());
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    let fits =
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\nConnection: close\r\n\r\n1234567890";
    assert!(harness.exchange(fits.as_bytes()).contains("body=10"));
}

#[test]
fn a_refused_upload_still_gets_its_answer() {
    let harness = Harness::with(|_, _, limits| limits.body_bytes = 10);
    let mut client = harness.connect();
    let mut bytes = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 500000\r\n\r\n".to_vec();
    bytes.resize(500_000, b'x');
    client.send(&bytes);
    assert!(client.read_to_end().starts_with("HTTP/1.1 413 "));
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    let harness = Harness::with(|_, _, limits| limits.body_timeout = SHORT);
    let mut client = harness.connect();
    client.send(b"GET /endless HTTP/1.1\r\nHost: a.example\r\n\r\n");
    eventually("the body is dropped", || harness.counts.dropped_bodies.load(Ordering::SeqCst) == 1);
    eventually("the connection is forgotten", || harness.listeners().open() == 0);
}

#[test]
fn a_client_that_reads_slowly_is_not() {
    let harness = Harness::with(|_, _, limits| limits.body_timeout = SHORT);
    let mut client = harness.connect();
    client.send(b"GET /endless HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let mut buffer = vec![0; 256 * 1024];
    let start = Instant::now();
    while start.elapsed() < 5 * SHORT {
        client.stream.read_exact(&mut buffer).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(harness.counts.dropped_bodies.load(Ordering::SeqCst), 0);
}

#[test]
fn heads_at_the_bound_pass_and_heads_above_do_not() {
    let harness = Harness::with(|_, _, limits| {
        limits.header_bytes = 200;
        limits.headers = 3;
    });
    let head = |padding: usize| {
        format!(
            "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nX: {}\r\n\r\n",
            "x".repeat(padding)
        )
    };
    let room = 200 - head(0).len();
    assert!(harness.exchange(head(room).as_bytes()).starts_with("HTTP/1.1 200 "));
    assert!(harness.exchange(head(room + 1).as_bytes()).starts_with("HTTP/1.1 431 "));
    let four = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nX: 1\r\nY: 1\r\n\r\n";
    assert!(harness.exchange(four.as_bytes()).starts_with("HTTP/1.1 431 "));
}

#[test]
fn more_than_a_hundred_fields_pass_where_they_are_allowed() {
    let harness = Harness::with(|_, _, limits| limits.headers = 300);
    let fields = "X: 1\r\n".repeat(297);
    let head = format!("GET /many HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n{fields}\r\n");
    assert!(harness.exchange(head.as_bytes()).contains("GET /many"));
}

#[test]
fn a_handshake_that_does_not_come_is_cut() {
    let harness = Harness::with(|_, _, limits| limits.handshake_timeout = SHORT);
    let mut stream = TcpStream::connect(harness.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let start = Instant::now();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!(start.elapsed() < SOON);
    let late = || harness.counted("tls_handshakes_total", "version=\"none\",outcome=\"timeout\"");
    eventually("it is counted", || late() == 1);
}

#[test]
fn clients_that_speak_no_tls_or_go_away_are_told_apart() {
    let harness = Harness::start();
    let mut stream = TcpStream::connect(harness.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    drop(TcpStream::connect(harness.address()).unwrap());
    for outcome in ["malformed", "closed"] {
        let labels = format!("version=\"none\",outcome=\"{outcome}\"");
        eventually(outcome, || harness.counted("tls_handshakes_total", &labels) == 1);
    }
}

#[test]
fn connections_are_bounded_in_all() {
    let harness = Harness::with(|_, _, limits| limits.connections = 2);
    let mut first = harness.connect();
    let second = harness.connect();
    assert!(harness.try_connect("a.example").is_err());
    assert_eq!(harness.counted("connections_refused_total", "reason=\"limit\""), 1);
    assert_eq!(harness.counted("connections_accepted_total", ""), 3);
    assert_eq!(harness.counted("connections_open", ""), 2);
    assert!(first.get("/still").contains("GET /still"));
    drop(second);
    eventually("there is room again", || harness.listeners().open() == 1);
    assert!(harness.connect().get("/room").contains("GET /room"));
}

#[test]
fn connections_are_bounded_for_each_client() {
    let harness = Harness::with(|_, _, limits| limits.connections_per_client = 1);
    let first = harness.connect();
    assert!(harness.try_connect("a.example").is_err());
    drop(first);
    eventually("there is room again", || harness.listeners().open() == 0);
    harness.connect().get("/room");
}

#[test]
fn an_upgraded_connection_counts_until_it_ends() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client.send(b"GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    client.read_until("101");
    assert_eq!(harness.listeners().open(), 1);
    client.half_close();
    drop(client);
    eventually("the connection is forgotten", || harness.listeners().open() == 0);
}

/// Runs in a process with few file descriptors; see the test below.
#[test]
#[ignore = "the other half of a test"]
fn descriptors_run_out() {
    if std::env::var("GATEHOUSE_TEST_FEW_DESCRIPTORS").is_err() {
        return;
    }
    let harness = Harness::start();
    let address = harness.address();
    let sockets: Vec<_> =
        std::iter::repeat_with(|| TcpStream::connect(address)).map_while(Result::ok).collect();
    assert!(sockets.len() > 5);
    let failures = || harness.counted("connections_refused_total", "reason=\"resources\"");
    eventually("accepting fails", || failures() > 0);
    std::thread::sleep(Duration::from_secs(1));
    let errors = failures();
    assert!(errors < 200, "accepting spins: {errors} failures in a second");
    drop(sockets);
    let start = Instant::now();
    eventually("connections are served again", || {
        harness.try_connect("a.example").is_ok_and(|mut client| client.get("/x").contains("GET /x"))
    });
    assert!(start.elapsed() < SOON);
    println!("recovered");
}

#[test]
fn accepting_waits_when_descriptors_run_out_and_recovers() {
    let test = std::env::current_exe().unwrap();
    let command = format!(
        "ulimit -n 60 && exec '{}' --ignored --exact --nocapture listener::tests::limits::descriptors_run_out",
        test.display()
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &command])
        .env("GATEHOUSE_TEST_FEW_DESCRIPTORS", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("recovered"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
