//! What an idle connection costs. Run with `cargo test -p gatehouse-gateway idle -- --ignored --nocapture`; the limit
//! of open files has to be above twelve thousand.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::client::{Client, config};
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
    let with_request = std::env::var("GATEHOUSE_TEST_IDLE_REQUEST").is_ok();
    let trust = config(&authority, None, b"http/1.1");
    let clients: Vec<Client> = (0..CONNECTIONS)
        .map(|_| {
            let mut client = Client::connect(address.parse().unwrap(), "a.example", &trust).unwrap();
            if with_request {
                client.get("/x");
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

fn measure(with_request: bool) -> f64 {
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
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if with_request {
        command.env("GATEHOUSE_TEST_IDLE_REQUEST", "1");
    }
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
fn an_idle_connection_costs_at_most_twenty_kib() {
    for (what, with_request) in [("after a handshake", false), ("after a request", true)] {
        let each = measure(with_request);
        println!("{what}: {each:.1} KiB a connection");
        assert!(each <= 20.0, "{what}: {each:.1} KiB");
    }
}
