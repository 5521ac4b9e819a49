//! `/metrics` says what has happened: one of each event, and the number that tells of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::landing::free_port;
use crate::support::{Api, Backend, Gateway, Landing, RawBackend, RawClient};

/// What `/metrics` says, once it says what is expected: counts follow the event they are about.
async fn expect(gateway: &Gateway, expected: &[(&str, u64)]) {
    let mut text = String::new();
    for _ in 0..100 {
        let answer = gateway.internal_client().get("/metrics").await;
        assert_eq!(answer.status, 200);
        text = answer.text();
        if expected.iter().all(|(series, value)| count(&text, series) == Some(*value)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (series, value) in expected {
        assert_eq!(count(&text, series), Some(*value), "gatehouse_{series} in:\n{text}");
    }
}

fn count(text: &str, series: &str) -> Option<u64> {
    let start = format!("gatehouse_{series} ");
    text.lines().find_map(|line| line.strip_prefix(&start)).map(|value| value.parse().unwrap())
}

fn document(inbound: &str, backend: &str) -> String {
    format!(
        "<policies><inbound><base />{inbound}</inbound><backend>{backend}</backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
}

fn entity(landing: &Landing, folder: &str, properties: &Value) {
    let text = json!({ "properties": properties }).to_string();
    landing.file(&format!("artifacts/{folder}/backendInformation.json"), &text);
}

fn to(entity: &str) -> String {
    document(&format!("<set-backend-service backend-id=\"{entity}\" />"), "<base />")
}

fn landing() -> Landing {
    let landing = Landing::new();
    landing.file(
        "artifacts/policy.xml",
        "<policies><inbound /><backend><forward-request timeout=\"1\" /></backend><outbound /><on-error /></policies>",
    );
    landing
}

#[tokio::test]
async fn limits_are_counted_for_the_operation() {
    let slow = Backend::answering(|seen| {
        if seen.uri.ends_with("/busy") {
            std::thread::sleep(Duration::from_millis(500));
        }
        http::Response::new(Default::default())
    });
    let by_key = "renewal-period=\"300\" counter-key=\"k\"";
    let api = Api::new("a", &slow.url())
        .operation("rate", "GET", "/rate")
        .operation("quota", "GET", "/quota")
        .operation("busy", "GET", "/busy")
        .operation_policy(
            "rate",
            &document(&format!("<rate-limit-by-key calls=\"1\" {by_key} />"), "<base />"),
        )
        .operation_policy("quota", &document(&format!("<quota-by-key calls=\"1\" {by_key} />"), "<base />"))
        .operation_policy(
            "busy",
            &document(
                "",
                "<limit-concurrency key=\"k\" max-count=\"1\"><forward-request /></limit-concurrency>",
            ),
        );
    let gateway = Gateway::start(landing().api(api)).await;
    let client = gateway.client();
    assert_eq!(client.get("/a/rate").await.status, 200);
    assert_eq!(client.get("/a/rate").await.status, 429);
    assert_eq!(client.get("/a/quota").await.status, 200);
    assert_eq!(client.get("/a/quota").await.status, 403);
    let (first, second) = tokio::join!(client.get("/a/busy"), client.get("/a/busy"));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429]);
    expect(
        &gateway,
        &[
            ("limited_requests_total{api=\"a\",operation=\"rate\",limit=\"rate\"}", 1),
            ("limited_requests_total{api=\"a\",operation=\"rate\",limit=\"quota\"}", 0),
            ("limited_requests_total{api=\"a\",operation=\"quota\",limit=\"quota\"}", 1),
            ("limited_requests_total{api=\"a\",operation=\"busy\",limit=\"concurrency\"}", 1),
            ("requests_total{api=\"a\",operation=\"rate\",status=\"4xx\"}", 1),
            ("backend_requests_total{backend=\"(url)\"}", 3),
            ("counters_evicted_total{kind=\"window\"}", 0),
            ("counters_evicted_total{kind=\"quota\"}", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn backends_are_counted_by_entity_and_reason() {
    let echo = Backend::echo();
    let dying = RawBackend::start(|peer| drop(peer.read_head()));
    let garbage = RawBackend::start(|peer| {
        if peer.read_head().is_some() {
            peer.send("SSH-2.0-OpenSSH_9.9\r\n\r\n");
        }
    });
    let silent = RawBackend::start(|peer| while peer.read_some().is_some() {});
    // Answers one request of each connection, and closes when the second comes.
    let stale = RawBackend::start(|peer| {
        if peer.read_head().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            peer.read_head();
        }
    });
    let mut landing = landing();
    let closed = format!("http://127.0.0.1:{}", free_port());
    let no_tls = RawBackend::start(|peer| {
        peer.send("220 mail.example ESMTP\r\n");
        peer.read_head();
    });
    let secure = no_tls.url().replace("http:", "https:");
    let urls = [
        ("good", echo.url()),
        ("closed", closed),
        ("dying", dying.url()),
        ("garbage", garbage.url()),
        ("silent", silent.url()),
        ("secure", secure),
        ("stale", stale.url()),
    ];
    for (name, url) in &urls {
        let mut properties = json!({ "url": url, "protocol": "http" });
        if *name == "closed" {
            properties["circuitBreaker"] = json!({ "rules": [{
                "name": "rest", "tripDuration": "PT30S", "failureCondition": {
                    "count": 1, "interval": "PT1M", "errorReasons": ["BackendConnectionFailure"],
                },
            }] });
        }
        entity(&landing, &format!("backends/{name}"), &properties);
        let api = Api::new(&format!("to-{name}"), "http://127.0.0.1:9").operation("get", "GET", "/x");
        landing = landing.api(api.policy(&to(name)));
    }
    let gateway = Gateway::start(landing).await;
    let client = gateway.client();
    for (name, _) in &urls {
        let expected = if matches!(*name, "good" | "stale") { 200 } else { 500 };
        assert_eq!(client.get(&format!("/to-{name}/x")).await.status, expected, "{name}");
    }
    // Enough for each core to have met the one that its connection has gone stale.
    for _ in 0..20 {
        assert_eq!(client.get("/to-stale/x").await.status, 200);
    }
    assert_eq!(client.get("/to-closed/x").await.status, 503, "the breaker is open");
    let failures = |backend: &str, reason: &str| {
        format!("backend_failures_total{{backend=\"{backend}\",reason=\"{reason}\"}}")
    };
    let (connect, reset) = (failures("closed", "connect"), failures("dying", "reset"));
    let (protocol, timeout) = (failures("garbage", "protocol"), failures("silent", "timeout"));
    let (tls, none) = (failures("secure", "tls"), failures("good", "connect"));
    expect(
        &gateway,
        &[
            ("backend_requests_total{backend=\"good\"}", 1),
            ("backend_connections_opened_total{backend=\"good\"}", 1),
            ("backend_requests_total{backend=\"closed\"}", 1),
            ("backend_connections_opened_total{backend=\"closed\"}", 0),
            ("backend_breaker_open{backend=\"closed\"}", 1),
            ("backend_breaker_open{backend=\"good\"}", 0),
            ("backend_requests_total{backend=\"stale\"}", 21),
            ("backend_connections_opened_total{backend=\"stale\"}", stale.connections() as u64),
            (&connect, 1),
            (&reset, 1),
            (&protocol, 1),
            (&timeout, 1),
            (&tls, 1),
            (&none, 0),
        ],
    )
    .await;
    let text = gateway.internal_client().get("/metrics").await.text();
    assert!(count(&text, "backend_retries_total{backend=\"stale\"}").unwrap() > 0, "{text}");
}

#[tokio::test]
async fn listeners_count_connections_handshakes_and_refusals() {
    let backend = Backend::echo();
    // More connections than the 13 that come one after the other: a closed one counts until its core has seen that.
    let landing = landing()
        .api(Api::new("a", &backend.url()).operation("post", "POST", "/x"))
        .listener("    hosts: [localhost]")
        .with("limits: { body_bytes: 1000B, connections_per_client: 16, header_timeout: 500ms }");
    let gateway = Gateway::start(landing).await;
    let client = gateway.client();
    assert_eq!(client.send("POST", "/a/x", "small").await.status, 200);
    assert_eq!(client.send_h2("POST", "/a/x", "small").await.status, 200);
    assert_eq!(client.get("/nowhere").await.status, 404);
    assert_eq!(client.get("/a/x").await.status, 404, "no operation of this method");
    assert_eq!(client.clone().authority_of("other.example").get("/a/x").await.status, 421);
    assert_eq!(client.send("POST", "/a/x", vec![b'x'; 1001]).await.status, 413);
    let end = Duration::from_secs(5);
    for (head, status) in [
        ("GET /a/x HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n".to_owned(), "400"),
        (format!("GET /a/x HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(20_000)), "431"),
        ("GET /a/x HTTP/1.1\r\nHost: loc".to_owned(), "408"),
    ] {
        let mut raw = RawClient::connect(&client, "http/1.1").await;
        raw.send(head).await;
        let answer = raw.read_to_end(end).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let mut raw = RawClient::connect(&client, "h2").await;
    raw.send("this is not the preface of HTTP/2, and never will be").await;
    raw.read_to_end(end).await;
    let mut chunked = RawClient::connect(&client, "http/1.1").await;
    let body = "x".repeat(1001);
    chunked
        .send(format!(
            "POST /a/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3e9\r\n{body}\r\n0\r\n\r\n"
        ))
        .await;
    assert!(chunked.read_to_end(end).await.starts_with("HTTP/1.1 413 "));
    {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut plain = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let _ = plain.read_to_end(&mut Vec::new()).await;
    }
    drop(tokio::net::TcpStream::connect(gateway.address()).await.unwrap());
    expect(&gateway, &[("connections_open{listener=\"public\"}", 0)]).await;
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(client.connect(&["http/1.1"]).await.unwrap());
    }
    assert!(client.connect(&["http/1.1"]).await.is_err(), "that is one too many");
    drop(open.split_off(2));
    expect(
        &gateway,
        &[
            ("connections_open{listener=\"public\"}", 2),
            // 6 requests over HTTP/1.1 and HTTP/2, 5 raw ones, plain text, one that says nothing, 16, and one too many.
            ("connections_accepted_total{listener=\"public\"}", 30),
            ("connections_refused_total{listener=\"public\",reason=\"limit\"}", 1),
            ("connections_refused_total{listener=\"public\",reason=\"resources\"}", 0),
            ("tls_handshakes_total{listener=\"public\",version=\"1.3\",outcome=\"done\"}", 27),
            ("tls_handshakes_total{listener=\"public\",version=\"none\",outcome=\"malformed\"}", 1),
            ("tls_handshakes_total{listener=\"public\",version=\"none\",outcome=\"closed\"}", 1),
            ("requests_refused_total{listener=\"public\",reason=\"not_found\"}", 2),
            ("requests_refused_total{listener=\"public\",reason=\"host\"}", 1),
            ("requests_refused_total{listener=\"public\",reason=\"body_too_large\"}", 2),
            ("requests_refused_total{listener=\"public\",reason=\"framing\"}", 1),
            ("requests_refused_total{listener=\"public\",reason=\"head_too_large\"}", 1),
            ("requests_refused_total{listener=\"public\",reason=\"head_timeout\"}", 1),
            ("requests_refused_total{listener=\"public\",reason=\"http2\"}", 1),
            ("listener_requests_total{listener=\"public\",status=\"2xx\"}", 2),
            ("listener_requests_total{listener=\"public\",status=\"4xx\"}", 8),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_workspace_reaches_its_own_backend_of_a_name_that_others_have_too() {
    let (service, team) = (Backend::echo(), Backend::echo());
    let of_service = Api::new("s", "http://127.0.0.1:9").operation("get", "GET", "/x").policy(&to("blue"));
    let landing = landing().api(of_service);
    let header = |value: &str| json!({ "header": { "X-Whose": [value] } });
    let named = |value: &str| json!({ "properties": { "displayName": "whose", "value": value } }).to_string();
    for (folder, backend, value) in [("", &service, "service"), ("workspaces/team/", &team, "team")] {
        let properties =
            json!({ "url": backend.url(), "protocol": "http", "credentials": header("{{whose}}") });
        entity(&landing, &format!("{folder}backends/blue"), &properties);
        let pool = json!({ "type": "Pool", "pool": { "services": [{ "id": "/backends/blue" }] } });
        entity(&landing, &format!("{folder}backends/pool"), &pool);
        landing
            .file(&format!("artifacts/{folder}named values/whose/namedValueInformation.json"), &named(value));
    }
    for backend in ["blue", "pool"] {
        let api = json!({ "properties": {
            "displayName": backend, "path": format!("w-{backend}"), "protocols": ["https"],
            "subscriptionRequired": false, "apiRevision": "1", "isCurrent": true,
        } });
        let folder = format!("artifacts/workspaces/team/apis/{backend}");
        landing.file(&format!("{folder}/apiInformation.json"), &api.to_string());
        let definition = json!({ "openapi": "3.0.3", "info": { "title": "w", "version": "1" }, "paths": {
            "/x": { "get": { "operationId": "get", "responses": { "200": { "description": "ok" } } } },
        } });
        landing.file(&format!("{folder}/specification.json"), &definition.to_string());
        landing.file(&format!("{folder}/policy.xml"), &to(backend));
    }
    let gateway = Gateway::start(landing).await;
    for (path, whose) in [("/s/x", "service"), ("/w-blue/x", "team"), ("/w-pool/x", "team")] {
        let answer = gateway.client().get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.json()["headers"]["x-whose"], whose, "{path}");
    }
    assert_eq!((service.seen().len(), team.seen().len()), (1, 2));
    expect(
        &gateway,
        &[
            ("backend_requests_total{backend=\"blue\"}", 1),
            ("backend_requests_total{backend=\"team/blue\"}", 2),
            ("requests_total{api=\"s\",operation=\"get\",status=\"2xx\"}", 1),
            ("requests_total{api=\"team/blue\",operation=\"get\",status=\"2xx\"}", 1),
        ],
    )
    .await;
}
