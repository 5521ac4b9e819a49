//! Listeners that come, go and change while connections stay; files that change; the end.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use gatehouse_model::configuration::Limits;
use rustls::HandshakeKind;

use super::client::{Client, config};
use super::harness::{Harness, eventually, listener, start};

#[test]
fn a_kept_listener_drops_no_connection_and_new_ones_take_the_new_configuration() {
    let harness = Harness::start();
    let mut client = harness.connect();
    assert!(client.get("/before").contains("listener=public"));
    let address = harness.address();
    let mut changed = harness.configuration.clone();
    changed[0].tls.settings.min_version = gatehouse_model::configuration::TlsVersion::Tls12;
    let limits = Limits { body_bytes: 5, ..harness.limits.clone() };
    harness.listeners().apply(&changed, &limits).unwrap();
    assert_eq!(harness.address(), address);
    assert!(client.get("/after").contains("GET /after"));
    let post = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\nConnection: close\r\n\r\n123456";
    assert!(harness.exchange(post).starts_with("HTTP/1.1 413 "));
    client.send(post);
    assert!(client.read_to_end().contains("body=6"));
}

#[test]
fn sessions_stay_resumable_when_nothing_about_tls_has_changed() {
    let harness = Harness::start();
    let trust = config(&harness.authority.pem(), None, b"http/1.1");
    let connect = || {
        let mut client = Client::connect(harness.address(), "a.example", &trust).unwrap();
        // Tickets come with the first answer.
        client.get("/x");
        client.stream.conn.handshake_kind().unwrap()
    };
    assert_eq!(connect(), HandshakeKind::Full);
    harness.listeners().apply(&harness.configuration, &harness.limits).unwrap();
    assert_eq!(connect(), HandshakeKind::Resumed);
    let mut changed = harness.configuration.clone();
    changed[0].tls.certificates[0].settings.key_exchange.reverse();
    harness.listeners().apply(&changed, &harness.limits).unwrap();
    assert_eq!(connect(), HandshakeKind::Full);
}

#[test]
fn listeners_come_and_go() {
    let harness = Harness::start();
    let second = listener(&harness.authority, "second", "127.0.0.1:0");
    let both = vec![harness.configuration[0].clone(), second.clone()];
    harness.listeners().apply(&both, &harness.limits).unwrap();
    let bound = harness.listeners().bound();
    assert_eq!(bound.len(), 2);
    let trust = config(&harness.authority.pem(), None, b"http/1.1");
    let mut idle = Client::connect(bound[1].address, "a.example", &trust).unwrap();
    assert!(idle.get("/x").contains("listener=second"));
    let mut busy = Client::connect(bound[1].address, "a.example", &trust).unwrap();
    busy.send(b"GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n");
    std::thread::sleep(Duration::from_millis(100));
    let mut other = harness.connect();
    other.get("/other");

    harness.listeners().apply(&harness.configuration, &harness.limits).unwrap();
    let (time, text) = idle.time_to_close();
    assert!(time < Duration::from_secs(1) && text.is_empty(), "{time:?} {text}");
    let answer = busy.read_to_end();
    assert!(answer.contains("GET /slow") && answer.contains("connection: close"), "{answer}");
    eventually("the port is closed", || TcpStream::connect(bound[1].address).is_err());
    assert!(other.get("/still").contains("listener=public"));
}

#[test]
fn a_taken_port_is_a_named_error_and_nothing_changes() {
    let harness = Harness::start();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap();
    let mut wanted = vec![listener(&harness.authority, "renamed", "127.0.0.1:0")];
    wanted.push(listener(&harness.authority, "second", &place.to_string()));
    let errors = harness.listeners().apply(&wanted, &harness.limits).unwrap_err().to_string();
    assert!(errors.contains("gatehouse.yaml:3:5: error: listener `second` cannot listen on"), "{errors}");
    assert!(errors.contains(&place.to_string()) && errors.contains("in use"), "{errors}");
    assert_eq!(harness.listeners().bound().len(), 1);
    assert!(harness.connect().get("/x").contains("listener=public"));
}

#[test]
fn a_listener_moves_to_another_address_of_its_port() {
    let harness = Harness::start();
    let old = harness.address();
    let mut busy = harness.connect();
    busy.send(b"GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n");
    std::thread::sleep(Duration::from_millis(100));
    let mut moved = harness.configuration.clone();
    moved[0].address.value = (std::net::Ipv4Addr::UNSPECIFIED, old.port()).into();
    harness.listeners().apply(&moved, &harness.limits).unwrap();
    assert!(busy.read_to_end().contains("GET /slow"));
    assert_eq!(harness.address(), moved[0].address.value);
    let trust = config(&harness.authority.pem(), None, b"http/1.1");
    let mut client = Client::connect(old, "a.example", &trust).unwrap();
    assert!(client.get("/x").contains("listener=public"));
    // The same address for two listeners is a mistake.
    moved.push(listener(&harness.authority, "second", &moved[0].address.value.to_string()));
    let errors = harness.listeners().apply(&moved, &harness.limits).unwrap_err().to_string();
    assert!(errors.contains("listener `second` cannot listen on"), "{errors}");
}

#[test]
fn a_port_that_another_instance_shares_is_taken() {
    let harness = Harness::start();
    let mut other = Harness::start();
    other.configuration[0].address.value = harness.address();
    let errors = start(&other).err().unwrap().to_string();
    assert!(errors.contains("listener `public` cannot listen on"), "{errors}");
}

#[test]
fn a_new_certificate_is_used_soon_and_a_broken_one_is_reported() {
    let harness = Harness::start();
    let mut old = harness.connect();
    let serial = |client: &Client| client.stream.conn.peer_certificates().unwrap()[0].to_vec();
    let before = serial(&old);
    harness.authority.write_issued("public", &["a.example"]);
    let start = Instant::now();
    eventually("the new certificate is shown", || serial(&harness.connect()) != before);
    // Half a second at the most; the rest is for a busy machine.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(old.get("/kept").contains("GET /kept"));

    let now = serial(&harness.connect());
    harness.authority.put("public.pem", "no certificate");
    eventually("the broken file is reported", || !harness.reports.lock().is_empty());
    assert!(harness.reports.lock()[0].contains("public.pem"), "{:?}", harness.reports.lock());
    assert_eq!(serial(&harness.connect()), now);
    harness.authority.write_issued("public", &["a.example"]);
    eventually("a good one is used again", || serial(&harness.connect()) != now);
}

#[test]
fn a_drain_answers_what_is_under_way_and_closes_the_rest() {
    let mut harness = Harness::start();
    let address = harness.address();
    let mut idle = harness.connect();
    idle.get("/idle");
    let mut busy: Vec<_> = (0..8).map(|_| harness.connect()).collect();
    for client in &mut busy {
        client.send(b"GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n");
    }
    std::thread::sleep(Duration::from_millis(150));
    let listeners = harness.listeners.take().unwrap();
    let drain = std::thread::spawn(move || {
        let start = Instant::now();
        (listeners.drain(), start.elapsed())
    });
    for client in &mut busy {
        let answer = client.read_to_end();
        assert!(answer.contains("GET /slow") && answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(idle.read_to_end(), "");
    let (drained, time) = drain.join().unwrap();
    assert_eq!(drained.aborted, 0);
    assert!(time < Duration::from_secs(20), "{time:?}");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_drain_does_not_wait_for_ever() {
    let mut harness = Harness::with(|_, _, limits| limits.drain_timeout = Duration::from_millis(300));
    let mut client = harness.connect();
    client.send(b"GET /endless HTTP/1.1\r\nHost: a.example\r\n\r\n");
    client.read_until("x");
    let start = Instant::now();
    assert_eq!(harness.listeners.take().unwrap().drain().aborted, 1);
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_request_that_comes_as_the_drain_begins_is_answered() {
    for _ in 0..20 {
        let mut harness = Harness::start();
        let mut clients: Vec<_> = (0..4).map(|_| harness.connect()).collect();
        for client in &mut clients {
            client.send(b"GET /late HTTP/1.1\r\nHost: a.ex");
        }
        let listeners = harness.listeners.take().unwrap();
        let drain = std::thread::spawn(move || listeners.drain());
        for client in &mut clients {
            client.send(b"ample\r\n\r\n");
            let answer = client.read_to_end();
            assert!(answer.contains("GET /late"), "{answer:?}");
        }
        assert_eq!(drain.join().unwrap().aborted, 0);
    }
}
