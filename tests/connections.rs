//! Connections: how many there may be, and where they may come in.

use std::time::{Duration, Instant};

use crate::support::landing::free_port;
use crate::support::{Api, Backend, Client, Gateway, Landing, RawClient, resident_kib};

#[tokio::test]
async fn connections_have_bounds_and_come_free_again() {
    let backend = Backend::echo();
    let landing = Landing::new()
        .with("limits: { connections: 20 }")
        .api(Api::new("a", &backend.url()).operation("get", "GET", "/x"));
    let gateway = Gateway::start(landing).await;
    let mut open = Vec::new();
    while let Ok(stream) = gateway.client().connect(&["http/1.1"]).await {
        open.push(stream);
        assert!(open.len() <= 20, "more than the bound");
    }
    assert!(open.len() >= 18, "{}", open.len());
    let mut held = RawClient { stream: open.pop().unwrap() };
    held.send(format!(
        "GET /a/x HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        gateway.client().authority()
    ))
    .await;
    assert!(
        held.read_to_end(Duration::from_secs(5)).await.starts_with("HTTP/1.1 200 "),
        "those within are served"
    );
    drop(open);
    let deadline = Instant::now() + Duration::from_secs(5);
    while gateway.client().connect(&["http/1.1"]).await.is_err() {
        assert!(Instant::now() < deadline, "there is room again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(gateway.client().get("/a/x").await.status, 200);
}

#[tokio::test]
async fn idle_connections_cost_little() {
    let backend = Backend::echo();
    let gateway =
        Gateway::start(Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"))).await;
    let client = gateway.client();
    for _ in 0..50 {
        client.get("/a/x").await;
    }
    let before = resident_kib(gateway.pid());
    let mut open = Vec::new();
    for _ in 0..400 {
        let mut raw = RawClient::connect(&client, "http/1.1").await;
        raw.send(format!("GET /a/x HTTP/1.1\r\nHost: {}\r\n\r\n", client.authority())).await;
        raw.read_until("\"body\":").await;
        open.push(raw);
    }
    // Parsers and buffers are given back a moment after the last request.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let each = resident_kib(gateway.pid()).saturating_sub(before) / 400;
    assert!(each <= 40, "{each} KiB for each idle connection");
    for raw in open.iter_mut().step_by(40) {
        raw.send(format!("GET /a/x HTTP/1.1\r\nHost: {}\r\n\r\n", client.authority())).await;
        raw.read_until("\"body\":").await;
    }
}

#[tokio::test]
async fn a_storm_on_few_file_descriptors_is_survived() {
    let backend = Backend::echo();
    let landing = Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"));
    landing.write_configuration();
    let mut child = std::process::Command::new("sh")
        .args(["-c", &format!("ulimit -n 128 && exec '{}' serve", env!("CARGO_BIN_EXE_gatehouse"))])
        .current_dir(landing.folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let client = Client::new(([127, 0, 0, 1], landing.port).into(), "localhost", &landing.authority.pem());
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.connect(&[]).await.is_err() {
        assert!(Instant::now() < deadline, "the gateway is not ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut storm = Vec::new();
    for _ in 0..600 {
        if let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(client.address))
                .await
        {
            storm.push(stream);
        }
    }
    let ticks = |pid: u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = ticks(child.id());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let spent = ticks(child.id()) - before;
    assert!(spent < 50, "accepting spins: {spent} hundredths of a second in one second");
    drop(storm);
    let start = Instant::now();
    loop {
        let answer = tokio::time::timeout(Duration::from_millis(500), client.connect(&["http/1.1"])).await;
        if let Ok(Ok(stream)) = answer {
            let mut raw = RawClient { stream };
            raw.send(format!(
                "GET /a/x HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                client.authority()
            ))
            .await;
            if raw.read_to_end(Duration::from_secs(5)).await.starts_with("HTTP/1.1 200 ") {
                break;
            }
        }
        assert!(start.elapsed() < Duration::from_secs(20), "it recovers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn listeners_of_both_address_families_serve() {
    let backend = Backend::echo();
    let landing = Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"));
    let port = free_port();
    let path = landing.write_configuration();
    let more = format!(
        "listeners:\n  - {{ name: six, zone: internal, address: '[::1]:{port}', tls: {{ certificates: [{{ certificate: certs/server.pem, key: certs/server.key }}] }} }}\n"
    );
    let text = std::fs::read_to_string(&path).unwrap();
    let gateway = Gateway::start_as_written(landing, &text.replace("listeners:\n", &more)).await;
    let six = Client::new(
        (std::net::Ipv6Addr::LOCALHOST, port).into(),
        "localhost",
        &gateway.landing.authority.pem(),
    );
    let seen = six.get("/a/x").await.json();
    assert_eq!(seen["headers"]["x-forwarded-for"], "::1");
    assert_eq!(seen["headers"]["forwarded"].as_str().unwrap().split(';').next(), Some("for=\"[::1]\""));
    let record = gateway.access_log(1).await.remove(0);
    assert_eq!(
        (&record["client_ip"], &record["listener"]),
        (&serde_json::json!("::1"), &serde_json::json!("six"))
    );
}
