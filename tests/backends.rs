//! Backends: pools, circuit breakers, timeouts, certificates and credentials.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::landing::free_port;
use crate::support::{Api, Authority, Backend, Gateway, Landing, RawBackend, TlsBackend, gatehouse};

const TO_BACKEND: &str = "<set-backend-service backend-id=\"main\" />";

fn backend_entity(landing: Landing, name: &str, properties: &serde_json::Value) -> Landing {
    landing.file(
        &format!("artifacts/backends/{name}/backendInformation.json"),
        &json!({ "properties": properties }).to_string(),
    );
    landing
}

fn api() -> Api {
    Api::new("a", "http://127.0.0.1:9")
        .operation("get", "GET", "/x")
        .operation("post", "POST", "/x")
        .inbound(TO_BACKEND)
}

fn member(name: &str, priority: u32, weight: u32) -> serde_json::Value {
    json!({ "id": format!("/backends/{name}"), "priority": priority, "weight": weight })
}

fn breaker(count: u32, trip: &str) -> serde_json::Value {
    json!({ "rules": [{
        "name": "b", "tripDuration": trip, "acceptRetryAfter": true,
        "failureCondition": { "count": count, "interval": "PT1M", "statusCodeRanges": [{ "min": 500, "max": 599 }] },
    }] })
}

#[tokio::test]
async fn a_pool_shares_by_weight_and_falls_back_by_priority() {
    let answer = |status: u16| {
        Backend::answering(move |_| {
            http::Response::builder().status(status).body(http_body_util::Full::default()).unwrap()
        })
    };
    let (heavy, light, reserve) = (answer(200), answer(200), answer(200));
    let failing = answer(500);
    let single = |backend: &Backend| json!({ "url": backend.url(), "protocol": "http" });
    let mut landing = Landing::new().api(api());
    landing = backend_entity(landing, "heavy", &single(&heavy));
    landing = backend_entity(landing, "light", &single(&light));
    landing = backend_entity(landing, "reserve", &single(&reserve));
    let mut tripping = single(&failing);
    tripping["circuitBreaker"] = breaker(1, "PT30S");
    landing = backend_entity(landing, "failing", &tripping);
    let services = json!([member("heavy", 1, 3), member("light", 1, 1), member("reserve", 2, 1)]);
    landing = backend_entity(landing, "main", &json!({ "type": "Pool", "pool": { "services": services } }));
    let failover = json!([member("failing", 1, 1), member("reserve", 2, 1)]);
    landing =
        backend_entity(landing, "failover", &json!({ "type": "Pool", "pool": { "services": failover } }));
    let other = Api::new("b", "http://127.0.0.1:9")
        .operation("get", "GET", "/x")
        .inbound("<set-backend-service backend-id=\"failover\" />");
    let gateway = Gateway::start(landing.api(other)).await;
    for _ in 0..200 {
        assert_eq!(gateway.client().get("/a/x").await.status, 200);
    }
    let (more, less) = (heavy.seen().len(), light.seen().len());
    assert_eq!(
        (more + less, reserve.seen().len()),
        (200, 0),
        "a lower group waits for the higher one to fail"
    );
    assert!((130..=170).contains(&more), "{more} and {less} of 200 for 3 to 1");

    assert_eq!(gateway.client().get("/b/x").await.status, 500, "the failure that trips the breaker is told");
    for _ in 0..10 {
        assert_eq!(gateway.client().get("/b/x").await.status, 200);
    }
    assert_eq!((failing.seen().len(), reserve.seen().len()), (1, 10));
}

#[tokio::test]
async fn an_open_breaker_answers_503_and_closes_again() {
    let healthy = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let state = std::sync::Arc::clone(&healthy);
    let backend = Backend::answering(move |_| {
        let status = if state.load(std::sync::atomic::Ordering::SeqCst) { 200 } else { 503 };
        http::Response::builder().status(status).body(http_body_util::Full::default()).unwrap()
    });
    let entity = json!({ "url": backend.url(), "protocol": "http", "circuitBreaker": breaker(3, "PT1S") });
    let gateway = Gateway::start(backend_entity(Landing::new().api(api()), "main", &entity)).await;
    for _ in 0..3 {
        let answer = gateway.client().get("/a/x").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (503, None),
            "the backend's own answer"
        );
    }
    let refused = gateway.client().get("/a/x").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.json()["statusCode"], 503);
    assert_eq!(backend.seen().len(), 3, "an open breaker lets nothing through");
    let metrics = gateway.internal_client().get("/metrics").await.text();
    assert!(metrics.lines().any(|line| line.contains("breaker") && line.contains("main")), "{metrics}");
    healthy.store(true, std::sync::atomic::Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(gateway.client().get("/a/x").await.status, 200);
    assert_eq!(gateway.client().get("/a/x").await.status, 200);
}

#[tokio::test]
async fn the_rest_that_a_backend_asks_for_is_kept() {
    let backend = Backend::answering(|_| {
        http::Response::builder()
            .status(503)
            .header("retry-after", "20")
            .body(http_body_util::Full::default())
            .unwrap()
    });
    let entity = json!({ "url": backend.url(), "protocol": "http", "circuitBreaker": breaker(1, "PT1S") });
    let gateway = Gateway::start(backend_entity(Landing::new().api(api()), "main", &entity)).await;
    assert_eq!(gateway.client().get("/a/x").await.header("retry-after"), Some("20"));
    let refused = gateway.client().get("/a/x").await;
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((15..=20).contains(&seconds) && backend.seen().len() == 1, "{seconds}");
}

#[tokio::test]
async fn backends_that_cannot_be_reached_are_told_in_time() {
    // A listener whose queue is full drops what more wants to connect.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let _fill: Vec<_> = (0..4)
        .filter_map(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok())
        .collect();
    let silent = RawBackend::start(|peer| {
        let _ = peer.read_head();
        std::thread::sleep(Duration::from_secs(20));
    });
    let timeout = |name: &str, url: String| {
        Api::new(name, &url).operation("get", "GET", "/x").policy(
            "<policies><inbound><base /></inbound><backend><forward-request timeout=\"1\" /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>",
        )
    };
    let mut landing = Landing::new()
        .with("backends: { blackhole: { connect_timeout: 500ms } }")
        .api(timeout("refused", format!("http://127.0.0.1:{}", free_port())))
        .api(timeout("silent", silent.url()))
        .api(timeout("unknown", "http://no-such-host.invalid".to_owned()))
        .api(
            Api::new("hole", "http://127.0.0.1:9")
                .operation("get", "GET", "/x")
                .inbound("<set-backend-service backend-id=\"blackhole\" />"),
        );
    landing = backend_entity(
        landing,
        "blackhole",
        &json!({ "url": format!("http://{address}"), "protocol": "http" }),
    );
    let gateway = Gateway::start(landing).await;
    for (path, least, most, reason) in [
        ("/refused/x", 0, 500, "BackendConnectionFailure"),
        ("/silent/x", 900, 2500, "Timeout"),
        ("/hole/x", 400, 2500, ""),
        ("/unknown/x", 0, 3000, ""),
    ] {
        let start = Instant::now();
        let answer = gateway.client().get(path).await;
        let taken = start.elapsed().as_millis();
        assert_eq!(answer.status, 500, "{path}");
        assert!(answer.json()["activityId"].is_string(), "{path}: {}", answer.text());
        assert!(
            !answer.text().contains("127.0.0.1") && !answer.text().contains("invalid"),
            "{path}: {}",
            answer.text()
        );
        assert!((least..=most).contains(&taken), "{path}: {taken} ms");
        let record = gateway.access_log(1).await.into_iter().find(|record| record["path"] == path);
        if let Some(record) = record.filter(|_| !reason.is_empty()) {
            assert_eq!(record["error"]["reason"], reason, "{path}: {record:#}");
        }
    }
}

#[tokio::test]
async fn certificates_of_backends_are_verified() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let good = TlsBackend::start(&known.server(&["localhost"]), None, &["http/1.1"]);
    let stranger = TlsBackend::start(&unknown.server(&["localhost"]), None, &["http/1.1"]);
    let misnamed = TlsBackend::start(&known.server(&["other.example"]), None, &["http/1.1"]);
    let expired = TlsBackend::start(
        &known.sign(&["localhost"], rcgen::ExtendedKeyUsagePurpose::ServerAuth, "localhost", |parameters| {
            parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
            parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }),
        None,
        &["http/1.1"],
    );
    let landing = Landing::new().with("backend_tls: { trust: [certs/known.pem] }");
    landing.file("certs/known.pem", &known.pem());
    let simple = |name: &str, url: &str| Api::new(name, url).operation("get", "GET", "/x");
    let gateway = Gateway::start(
        landing
            .api(simple("good", &good.url()))
            .api(simple("stranger", &stranger.url()))
            .api(simple("misnamed", &misnamed.url()))
            .api(simple("expired", &expired.url())),
    )
    .await;
    let answer = gateway.client().get("/good/x").await;
    assert_eq!((answer.status.as_u16(), answer.json()["version"].as_str()), (200, Some("HTTP/1.1")));
    for path in ["/stranger/x", "/misnamed/x", "/expired/x"] {
        let answer = gateway.client().get(path).await;
        assert_eq!(answer.status, 500, "{path}: {}", answer.text());
    }
    assert_eq!(
        (stranger.requests(), misnamed.requests(), expired.requests()),
        (0, 0, 0),
        "no request went out"
    );
    let records = gateway.access_log(4).await;
    let why =
        records.iter().find(|record| record["api"] == "stranger").unwrap()["error"]["message"].to_string();
    assert!(!why.is_empty(), "{why}");
}

#[tokio::test]
async fn a_backend_may_ask_for_a_certificate_and_have_trust_of_its_own() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let backend =
        TlsBackend::start(&servers.server(&["localhost"]), Some(&clients.pem()), &["h2", "http/1.1"]);
    let landing = Landing::new().with(
        "backends:\n  main: { trust: [certs/servers.pem], client_certificate: { certificate: certs/me.pem, key: certs/me.key } }\n  bare: { trust: [certs/servers.pem] }",
    );
    landing.file("certs/servers.pem", &servers.pem());
    clients.client("gateway").write(&landing.path("certs/me.pem"), &landing.path("certs/me.key"));
    let bare = Api::new("bare", "http://127.0.0.1:9")
        .operation("get", "GET", "/x")
        .inbound("<set-backend-service backend-id=\"bare\" />");
    let entity = json!({ "url": backend.url(), "protocol": "http" });
    let landing =
        backend_entity(backend_entity(landing.api(api()).api(bare), "main", &entity), "bare", &entity);
    let gateway = Gateway::start(landing).await;
    let answer = gateway.client().get("/a/x").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        (&answer.json()["certificate"], &answer.json()["version"]),
        (&json!(true), &json!("HTTP/2.0"))
    );
    assert_eq!(
        gateway.client().get("/bare/x").await.status,
        500,
        "without a certificate the backend refuses"
    );
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn artifacts_name_the_certificate_that_a_backend_is_shown() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let backend = TlsBackend::start(&servers.server(&["localhost"]), Some(&clients.pem()), &["http/1.1"]);
    let own = clients.client("gateway");
    let entity = |credentials: serde_json::Value| json!({ "url": backend.url(), "protocol": "http", "credentials": credentials });
    let landing = |ids: serde_json::Value| {
        let landing = Landing::new().with(
            "backend_tls: { trust: [certs/servers.pem] }
certificates: { me: { certificate: certs/me.pem, key: certs/me.key } }",
        );
        landing.file("certs/servers.pem", &servers.pem());
        own.write(&landing.path("certs/me.pem"), &landing.path("certs/me.key"));
        backend_entity(landing.api(api()), "main", &entity(ids))
    };
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &own.der());
    let thumbprint = hex(thumbprint.as_ref());
    for credentials in [
        json!({ "certificateIds": ["/subscriptions/0/service/s/certificates/me"] }),
        json!({ "certificate": [thumbprint] }),
    ] {
        let gateway = Gateway::start(landing(credentials.clone())).await;
        let answer = gateway.client().get("/a/x").await;
        assert_eq!(answer.status, 200, "{credentials}: {}", answer.text());
        assert_eq!(answer.json()["certificate"], true);
    }
    let landing = landing(json!({ "certificateIds": ["mee"] }));
    landing.write_configuration();
    let output = gatehouse(landing.folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(1));
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("the credentials name the certificate `mee`") && said.contains("did you mean `me`?"),
        "{said}"
    );
}

#[tokio::test]
async fn credentials_of_backends_come_from_named_values() {
    let backend = Backend::echo();
    let named_value = |landing: &Landing, name: &str, properties: serde_json::Value| {
        landing.file(
            &format!("artifacts/named values/{name}/namedValueInformation.json"),
            &json!({ "properties": properties }).to_string(),
        );
    };
    let entity = json!({
        "url": backend.url(), "protocol": "http",
        "credentials": {
            "header": { "X-Api-Key": ["{{backend-key}}"] },
            "query": { "code": ["{{backend-code}} &"] },
            "authorization": { "scheme": "Bearer", "parameter": "{{backend-key}}" },
        },
    });
    let landing = backend_entity(Landing::new().api(api()), "main", &entity);
    named_value(&landing, "key", json!({ "displayName": "backend-key", "secret": true }));
    named_value(&landing, "code", json!({ "displayName": "backend-code", "value": "c0de" }));
    let folder = landing.folder.path().to_owned();
    landing.write_configuration();
    let missing = gatehouse(&folder, &["check"]);
    let said = String::from_utf8_lossy(&missing.stdout).into_owned();
    assert_eq!(missing.status.code(), Some(1), "{said}");
    assert!(said.contains("backend-key"), "{said}");
    // The environment variable is the one that the message names.
    let variable = said
        .split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .find(|word| word.len() > 5 && word.contains('_'))
        .unwrap_or_else(|| panic!("no variable is named in {said}"))
        .to_owned();
    let gateway = Gateway::start_with(landing, &[(&variable, "canary-of-the-backend")]).await;
    let seen = gateway.client().header("x-api-key", "the client's").get("/a/x?code=mine&d=1").await.json();
    assert_eq!(seen["headers"]["x-api-key"], "canary-of-the-backend");
    assert_eq!(seen["headers"]["authorization"], "Bearer canary-of-the-backend");
    let uri = seen["uri"].as_str().unwrap();
    assert!(uri.contains("code=c0de%20%26") || uri.contains("code=c0de+%26"), "{uri}");
    assert!(!gateway.log().contains("canary"), "{}", gateway.log());
    let log = std::fs::read_to_string(gateway.landing.path("access.log")).unwrap_or_default();
    assert!(!log.contains("canary"), "{log}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
