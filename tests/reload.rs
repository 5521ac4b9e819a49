//! Changes while requests run: none fails, a bad change is refused, and a stop lets everybody finish.

use std::time::{Duration, Instant};

use rcgen::{ExtendedKeyUsagePurpose, SerialNumber};

use crate::support::landing::free_port;
use crate::support::{
    Api, Authority, Backend, Client, Gateway, Landing, Load, RawBackend, RawClient, eventually, gatehouse,
};

const SOON: Duration = Duration::from_secs(20);

fn generation(number: usize) -> String {
    format!(
        "<policies><inbound><base /></inbound><backend><base /></backend><outbound><base /><set-header name=\"X-Generation\" exists-action=\"override\"><value>{number}</value></set-header></outbound><on-error><base /></on-error></policies>"
    )
}

fn landing(backend: &str) -> Landing {
    Landing::new().api(Api::new("a", backend).operation("get", "GET", "/x").policy(&generation(0)))
}

/// Whether a text names a place in a file, as compilers do.
fn names_place(text: &str, file: &str) -> bool {
    text.match_indices(file).any(|(at, _)| {
        let mut parts = text[at + file.len()..].splitn(4, ':').skip(1);
        let mut number =
            || parts.next().is_some_and(|part| part.parse::<u32>().is_ok_and(|number| number > 0));
        number() && number()
    })
}

async fn expect_generation(client: &Client, number: usize) {
    let deadline = Instant::now() + SOON;
    loop {
        let answer = client.get("/a/x").await;
        if answer.header("x-generation") == Some(&number.to_string()) {
            return;
        }
        assert!(Instant::now() < deadline, "generation {number} is not served: {answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn no_request_fails_because_of_a_reload() {
    let backend = Backend::echo();
    let gateway = Gateway::start(landing(&backend.url())).await;
    let load = Load::start(&gateway.client(), "/a/x", 2);
    load.answer(20).await;
    for number in 1..=8 {
        gateway.landing.file("artifacts/apis/a/policy.xml", &generation(number));
        let log = gateway.reload().await;
        assert!(log.contains("configuration reloaded"), "{log}");
        // What is said to be in force is: the very next request sees it.
        assert_eq!(gateway.client().get("/a/x").await.header("x-generation"), Some(&*number.to_string()));
        load.answer(20).await;
    }
    let report = load.stop().await;
    assert_eq!(
        (report.failed, report.connections),
        (0, 4),
        "no request fails, no connection is dropped: {report:?}"
    );
}

#[tokio::test]
async fn a_bad_change_is_refused_whole_with_its_place_and_the_last_good_one_goes_on() {
    let backend = Backend::echo();
    let gateway = Gateway::start(landing(&backend.url())).await;
    let load = Load::start(&gateway.client(), "/a/x", 1);
    let good_configuration = std::fs::read_to_string(gateway.landing.path("gatehouse.yaml")).unwrap();
    let good_policy = generation(0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let one_more = format!(
        "listeners:\n  - {{ name: more, zone: internal, address: {}, tls: {{ certificates: [{{ certificate: certs/server.pem, key: certs/server.key }}] }} }}\n",
        taken.local_addr().unwrap()
    );
    let policy_with = |policy: &str| good_policy.replace("<inbound>", &format!("<inbound>\n  {policy}"));
    let (yaml, xml) = ("gatehouse.yaml", "policy.xml");
    let changes: Vec<(&str, &str, String, &str)> = vec![
        ("broken YAML", yaml, good_configuration.replace("zones:", "zones: ]"), yaml),
        ("an unknown key", yaml, good_configuration.replace("telemetry:", "telemetri:"), yaml),
        (
            "a missing certificate",
            yaml,
            good_configuration.replace("certs/server.pem", "certs/absent.pem"),
            yaml,
        ),
        (
            "an absent artifacts folder",
            yaml,
            good_configuration.replace("artifacts: artifacts", "artifacts: absent"),
            yaml,
        ),
        ("a port that is taken", yaml, good_configuration.replace("listeners:\n", &one_more), yaml),
        (
            "another database",
            yaml,
            format!("{good_configuration}store: {{ database: 'sqlite:other.db' }}\n"),
            yaml,
        ),
        ("broken XML", "artifacts/apis/a/policy.xml", good_policy.replace("</inbound>", "</inbond>"), xml),
        ("an unknown policy", "artifacts/apis/a/policy.xml", policy_with("<set-heder name=\"X\" />"), xml),
        (
            "a missing named value",
            "artifacts/apis/a/policy.xml",
            policy_with(
                "<set-header name=\"X\" exists-action=\"override\"><value>{{absent}}</value></set-header>",
            ),
            xml,
        ),
        (
            "a missing fragment",
            "artifacts/apis/a/policy.xml",
            policy_with("<include-fragment fragment-id=\"absent\" />"),
            xml,
        ),
    ];
    for (name, file, text, place) in changes {
        let before = std::fs::read_to_string(gateway.landing.path(file)).unwrap();
        assert_ne!(before, text, "{name} changes something");
        gateway.landing.file(file, &text);
        let log = gateway.reload().await;
        assert!(log.contains("reload refused, the last good configuration goes on serving"), "{name}: {log}");
        assert!(names_place(&log, place), "{name}: no place in {log}");
        assert_eq!(gateway.client().get("/a/x").await.header("x-generation"), Some("0"), "{name}");
        gateway.landing.file(file, &before);
    }
    let metrics = gateway.internal_client().get("/metrics").await.text();
    assert!(
        metrics.lines().any(|line| line.contains("reload") && line.contains("fail") && line.ends_with(" 10")
            || line.contains("reload") && line.contains("refused") && line.ends_with(" 10")),
        "{metrics}"
    );
    gateway.landing.file("artifacts/apis/a/policy.xml", &generation(1));
    assert!(gateway.reload().await.contains("configuration reloaded"));
    expect_generation(&gateway.client(), 1).await;
    let report = load.stop().await;
    assert_eq!((report.failed, report.connections), (0, 2), "{report:?}");
}

#[tokio::test]
async fn watched_files_are_picked_up_by_themselves() {
    let backend = Backend::echo();
    let gateway = Gateway::start(landing(&backend.url()).with("watch: true")).await;
    gateway.landing.file("artifacts/apis/a/policy.xml", &generation(1));
    expect_generation(&gateway.client(), 1).await;
    // A bad change is told once, not at every look.
    gateway.landing.file("artifacts/apis/a/policy.xml", "<policies>");
    gateway.wait_for_log("reload refused").await;
    tokio::time::sleep(Duration::from_millis(1600)).await;
    assert_eq!(gateway.log().matches("reload refused").count(), 1, "{}", gateway.log());
    expect_generation(&gateway.client(), 1).await;
    gateway.landing.file("artifacts/apis/a/policy.xml", &generation(2));
    expect_generation(&gateway.client(), 2).await;
    // New folders are seen too.
    let landing = &gateway.landing;
    landing.file(
        "artifacts/apis/b/apiInformation.json",
        &std::fs::read_to_string(landing.path("artifacts/apis/a/apiInformation.json"))
            .unwrap()
            .replace("\"a\"", "\"b\""),
    );
    landing.file(
        "artifacts/apis/b/specification.json",
        &std::fs::read_to_string(landing.path("artifacts/apis/a/specification.json")).unwrap(),
    );
    let deadline = Instant::now() + SOON;
    while gateway.client().get("/b/x").await.status != 200 {
        assert!(Instant::now() < deadline, "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn without_watch_nothing_is_picked_up_unasked() {
    let backend = Backend::echo();
    let gateway = Gateway::start(landing(&backend.url())).await;
    gateway.landing.file("artifacts/apis/a/policy.xml", &generation(1));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(gateway.client().get("/a/x").await.header("x-generation"), Some("0"));
}

#[tokio::test]
async fn listeners_come_and_go_without_a_restart() {
    let backend = RawBackend::start(|peer| {
        while let Some(head) = peer.read_head() {
            if head.starts_with("GET /slow") {
                std::thread::sleep(Duration::from_millis(700));
            }
            if !peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") {
                return;
            }
        }
    });
    let api = Api::new("a", &backend.url()).operation("get", "GET", "/x").operation("slow", "GET", "/slow");
    let gateway = Gateway::start(Landing::new().api(api)).await;
    let load = Load::start(&gateway.client(), "/a/x", 1);
    let port = free_port();
    let before = std::fs::read_to_string(gateway.landing.path("gatehouse.yaml")).unwrap();
    let more = format!(
        "listeners:\n  - {{ name: more, zone: internal, address: 127.0.0.1:{port}, tls: {{ certificates: [{{ certificate: certs/server.pem, key: certs/server.key }}] }} }}\n"
    );
    gateway.landing.file("gatehouse.yaml", &before.replace("listeners:\n", &more));
    assert!(gateway.reload().await.contains("configuration reloaded"));
    let client = Client::new(([127, 0, 0, 1], port).into(), "localhost", &gateway.landing.authority.pem());
    assert_eq!(client.get("/a/x").await.status, 200);
    let log = gateway.landing.path("access.log");
    let is_logged =
        || std::fs::read_to_string(&log).unwrap().contains("\"listener\":\"more\",\"zone\":\"internal\"");
    eventually("the request is logged", is_logged).await;

    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.get("/a/slow").await.status }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    gateway.landing.file("gatehouse.yaml", &before);
    assert!(gateway.reload().await.contains("configuration reloaded"));
    assert_eq!(slow.await.unwrap(), 200, "a request under way is answered");
    let deadline = Instant::now() + SOON;
    while tokio::net::TcpStream::connect(client.address).await.is_ok() {
        assert!(Instant::now() < deadline, "the listener is gone");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let report = load.stop().await;
    assert_eq!((report.failed, report.connections), (0, 2), "{report:?}");
}

async fn leaf_of(client: &Client) -> Vec<u8> {
    let stream = client.connect(&[]).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn replaced_certificates_are_in_use_soon_and_no_connection_is_dropped() {
    let backend = Backend::echo();
    let gateway = Gateway::start(landing(&backend.url())).await;
    let load = Load::start(&gateway.client(), "/a/x", 2);
    let landing = &gateway.landing;
    let (certificate, key) = (landing.path("certs/server.pem"), landing.path("certs/server.key"));
    for _ in 0..2 {
        let next = landing.authority.server(&["localhost"]);
        next.write(&certificate, &key);
        let written = Instant::now();
        let wanted = next.der();
        while leaf_of(&gateway.client()).await != wanted {
            assert!(written.elapsed() < SOON, "the new certificate is in use\n{}", gateway.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for _ in 0..10 {
            assert_eq!(
                leaf_of(&gateway.client()).await,
                wanted,
                "once switched, every core shows the new one"
            );
        }
    }
    // A bad file is told, and the last good one goes on.
    let wanted = leaf_of(&gateway.client()).await;
    std::fs::write(&certificate, "not a certificate").unwrap();
    gateway.wait_for_log("changed TLS files are refused").await;
    assert!(gateway.log().contains("server.pem"), "{}", gateway.log());
    assert_eq!(leaf_of(&gateway.client()).await, wanted);
    load.answer(10).await;
    let report = load.stop().await;
    assert_eq!((report.failed, report.connections), (0, 4), "{report:?}");
}

#[tokio::test]
async fn replaced_revocation_lists_and_authorities_hold_soon() {
    let backend = Backend::echo();
    let clients = Authority::new("clients");
    let identity = clients.sign(&[], ExtendedKeyUsagePurpose::ClientAuth, "teller", |parameters| {
        parameters.serial_number = Some(SerialNumber::from(9_u64));
    });
    let landing = landing(&backend.url()).tls(
        "      client_certificates: { mode: required, trust: [certs/clients.pem], crls: [certs/clients.crl] }",
    );
    landing.file("certs/clients.pem", &clients.pem());
    landing.file("certs/clients.crl", &clients.revocation_list(&[]));
    let gateway = Gateway::start(landing).await;
    // No resumption: each handshake is a full one.
    let client = || gateway.client().with(&identity);
    let load = Load::start(&client(), "/a/x", 1);
    load.answer(5).await;

    let expect = async |works: bool| {
        let changed = Instant::now();
        while asks(&client()).await != works {
            assert!(changed.elapsed() < SOON, "works: {works}\n{}", gateway.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    gateway.landing.file("certs/clients.crl", &clients.revocation_list(&[9]));
    expect(false).await;
    gateway.landing.file("certs/clients.crl", &clients.revocation_list(&[]));
    expect(true).await;
    gateway.landing.file("certs/clients.pem", &Authority::new("others").pem());
    gateway.landing.file("certs/clients.crl", &Authority::new("others").revocation_list(&[]));
    tokio::time::sleep(Duration::from_millis(100)).await;
    load.answer(5).await;
    let report = load.stop().await;
    assert_eq!(
        (report.failed, report.connections),
        (0, 2),
        "handshakes that were made stay good: {report:?}"
    );
}

async fn asks(client: &Client) -> bool {
    let Ok(stream) = client.connect(&["http/1.1"]).await else { return false };
    let mut raw = RawClient { stream };
    raw.send(format!("GET /a/x HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", client.authority())).await;
    raw.read_to_end(SOON).await.starts_with("HTTP/1.1 200 ")
}

fn slow_backend(delay: Duration) -> RawBackend {
    RawBackend::start(move |peer| {
        while peer.read_head().is_some() {
            std::thread::sleep(delay);
            if !peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone") {
                return;
            }
        }
    })
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_says_so() {
    let backend = slow_backend(Duration::from_millis(800));
    let mut gateway = Gateway::start(landing(&backend.url())).await;
    let host = gateway.client().authority();
    let mut h1 = RawClient::connect(&gateway.client(), "http/1.1").await;
    h1.send(format!("GET /a/x HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let mut idle = RawClient::connect(&gateway.client(), "http/1.1").await;
    idle.send(format!("GET /a/absent HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    idle.read_until("Resource not found").await;
    let h2 = tokio::spawn({
        let client = gateway.client();
        async move { client.send_h2("GET", "/a/x", "").await.text() }
    });
    let stream = gateway.client().connect(&["h2"]).await.unwrap();
    let (mut requests, mut connection) = h2::client::handshake(stream).await.unwrap();
    let request = http::Request::get(format!("https://{host}/a/x")).body(()).unwrap();
    let (response, _) = requests.send_request(request, true).unwrap();
    drop(requests);
    let goaway = tokio::spawn(async move {
        let answer = async { response.await.unwrap().status() };
        let (status, ended) = tokio::join!(
            answer,
            std::future::poll_fn(|context| { std::pin::Pin::new(&mut connection).poll(context) })
        );
        (status, ended.map_err(|error| error.to_string()))
    });
    eventually("all requests have arrived", || backend.received().matches("GET /x ").count() == 3).await;

    let stopped = Instant::now();
    gateway.signal("TERM");
    let answer = h1.read_to_end(SOON).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("done"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    assert_eq!(h2.await.unwrap(), "done");
    let (status, ended) = goaway.await.unwrap();
    assert_eq!((status.as_u16(), ended), (200, Ok(())), "GOAWAY, not a broken connection");
    assert_eq!(idle.read_to_end(SOON).await, "");
    let status = gateway.wait(SOON).await;
    assert_eq!(status.code(), Some(0), "{}", gateway.log());
    assert!(stopped.elapsed() < SOON, "{:?}", stopped.elapsed());
    assert!(tokio::net::TcpStream::connect(gateway.address()).await.is_err());
    assert!(gateway.log().contains("stopped"), "{}", gateway.log());
    // Nothing of the log is lost.
    assert_eq!(gateway.access_log(4).await.iter().filter(|record| record["status"] == 200).count(), 3);
}

#[tokio::test]
async fn no_request_fails_because_of_a_stop() {
    let backend = slow_backend(Duration::from_millis(5));
    let mut gateway = Gateway::start(landing(&backend.url())).await;
    let load = Load::start(&gateway.client(), "/a/x", 3);
    load.answer(30).await;
    gateway.signal("TERM");
    let status = gateway.wait(SOON).await;
    assert_eq!(status.code(), Some(0), "{}", gateway.log());
    let report = load.stop().await;
    // Afterwards nobody listens any more, which the clients notice when they connect; nothing else may fail.
    let failure = report.first_failure.clone().unwrap_or_default();
    assert!(failure.is_empty() || failure.starts_with("connect: "), "{report:?}");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let backend = slow_backend(Duration::from_secs(60));
    let mut gateway = Gateway::start(landing(&backend.url()).with("limits: { drain_timeout: 300ms }")).await;
    let host = gateway.client().authority();
    let mut client = RawClient::connect(&gateway.client(), "http/1.1").await;
    client.send(format!("GET /a/x HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    eventually("the request has arrived", || backend.received().contains("GET /x ")).await;
    let start = Instant::now();
    gateway.signal("TERM");
    let status = gateway.wait(SOON).await;
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!(status.code(), Some(0));
    assert!(
        gateway.log().contains("1 connections were cut") || gateway.log().contains("1 connection was cut"),
        "{}",
        gateway.log()
    );
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill() {
    let backend = Backend::echo();
    let api = Api::new("a", &backend.url()).set("subscriptionRequired", true).operation("get", "GET", "/x");
    let mut gateway = Gateway::start(Landing::new().api(api)).await;
    let folder = gateway.landing.folder.path().to_owned();
    let mut keys = Vec::new();
    for number in 0..3 {
        let output = gatehouse(
            &folder,
            &["subscription", "create", &format!("s{number}"), "--scope", "/apis/a", "--format", "json"],
        );
        let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        keys.push(made["primaryKey"].as_str().unwrap().to_owned());
        gateway.signal("KILL");
        gateway.wait(SOON).await;
        gateway.start_again().await;
        for key in &keys {
            let client = gateway.client().header("ocp-apim-subscription-key", key);
            assert_eq!(client.get("/a/x").await.status, 200, "after {number}");
        }
    }
}
