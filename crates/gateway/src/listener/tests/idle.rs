//! What an idle connection costs. Run with `cargo test -p gatehouse-gateway idle -- --ignored --nocapture`; the limit
//! of open files has to be above twelve thousand.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::client::{Client, config};
use super::floods::{PREFACE, frame, get};
use super::harness::{Harness, eventually};

const CONNECTIONS: usize = 10_000;

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The clients, in a process of their own: what they need must not count.
#[test]
#[ignore = "the other half of the measurement"]
fn clients() {
    let Ok(address) = std::env::var("GATEHOUSE_TEST_IDLE_ADDRESS") else { return };
    let authority = std::fs::read_to_string(std::env::var("GATEHOUSE_TEST_IDLE_CA").unwrap()).unwrap();
    let kind = std::env::var("GATEHOUSE_TEST_IDLE_KIND").unwrap();
    let trust = config(&authority, None, if kind == "http2" { b"h2" } else { b"http/1.1" });
    let clients: Vec<Client> = (0..CONNECTIONS)
        .map(|_| {
            let mut client = Client::connect(address.parse().unwrap(), "a.example", &trust).unwrap();
            match kind.as_str() {
                "http1" => drop(client.get("/x")),
                "http2" => {
                    client.send(PREFACE);
                    client.send(&frame(1, 5, 1, &get("/x")));
                    client.read_until("GET /x");
                }
                _ => {}
            }
            client
        })
        .collect();
    println!("connected");
    std::io::stdout().flush().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    drop(clients);
}

fn measure(kind: &str) -> f64 {
    let harness = Harness::with(|_, _, limits| limits.idle_timeout = Duration::from_secs(600));
    for _ in 0..50 {
        harness.connect().get("/warm");
    }
    let ca = harness.authority.write("ca.pem");
    let before = resident_kib();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture", "listener::tests::idle::clients"])
        .env("GATEHOUSE_TEST_IDLE_ADDRESS", harness.address().to_string())
        .env("GATEHOUSE_TEST_IDLE_CA", &ca.value)
        .env("GATEHOUSE_TEST_IDLE_KIND", kind)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("connected")), "the clients failed");
    eventually("all are counted", || harness.listeners().open() >= CONNECTIONS);
    // Time to park.
    std::thread::sleep(Duration::from_secs(4));
    let each = (resident_kib() - before) as f64 / CONNECTIONS as f64;
    drop(child.stdin.take());
    child.wait().unwrap();
    each
}

#[test]
#[ignore = "measures; needs 10,000 open files and about a minute"]
fn an_idle_connection_costs_little() {
    // The codec of HTTP/2 keeps its buffers between requests.
    for (what, kind, most) in [
        ("after a handshake", "", 20.0),
        ("after a request", "http1", 20.0),
        ("after a stream", "http2", 64.0),
    ] {
        let each = measure(kind);
        println!("{what}: {each:.1} KiB a connection");
        assert!(each <= most, "{what}: {each:.1} KiB");
    }
}
