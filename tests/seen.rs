//! What is seen of a request from outside: the access log, ids, metrics, status and errors, and never a secret.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{Api, Backend, Gateway, Landing, RawClient, gatehouse};

/// Whether a text is an id as RFC 9562 writes them.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[tokio::test]
async fn the_access_log_has_exactly_these_fields_in_this_order() {
    let backend = Backend::echo();
    let api = Api::new("shop", &backend.url())
        .set("subscriptionRequired", true)
        .operation("get-order", "GET", "/orders/{id}")
        .operation("add-order", "POST", "/orders");
    let landing = Landing::new()
        .api(api)
        .product("gold", &["shop"], json!({}), None)
        .subscription("partner", "/products/gold");
    let gateway = Gateway::start(landing).await;
    let with_key = gateway.client().header("ocp-apim-subscription-key", "partner-primary");
    let answer = with_key.send_h2("POST", "/shop/orders?token=in-the-query", "twelve bytes").await;
    assert_eq!(answer.status, 200);
    let record = gateway.access_log(1).await.remove(0);
    let names: Vec<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "time",
            "request_id",
            "listener",
            "zone",
            "client_ip",
            "method",
            "host",
            "path",
            "protocol",
            "tls_version",
            "tls_cipher",
            "client_certificate",
            "status",
            "bytes_in",
            "bytes_out",
            "duration_us",
            "backend_us",
            "api",
            "operation",
            "product",
            "subscription",
            "error"
        ]
    );
    let time = record["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
    assert_eq!(record["request_id"].as_str(), answer.header("x-request-id"));
    for (name, value) in [
        ("listener", json!("public")),
        ("zone", json!("external")),
        ("client_ip", json!("127.0.0.1")),
        ("method", json!("POST")),
        ("host", json!("localhost")),
        ("path", json!("/shop/orders")),
        ("protocol", json!("HTTP/2")),
        ("client_certificate", Value::Null),
        ("status", json!(200)),
        ("bytes_in", json!(12)),
        ("bytes_out", json!(answer.body.len())),
        ("api", json!("shop")),
        ("operation", json!("add-order")),
        ("product", json!("gold")),
        ("subscription", json!("partner")),
        ("error", Value::Null),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
    let (whole, backend_part) =
        (record["duration_us"].as_u64().unwrap(), record["backend_us"].as_u64().unwrap());
    assert!(backend_part > 0 && backend_part <= whole, "{backend_part} of {whole}");

    let refused = gateway.client().get("/shop/orders/1").await;
    assert_eq!(refused.status, 401);
    let record = gateway.access_log(2).await.into_iter().find(|record| record["status"] == 401).unwrap();
    let names: Vec<&str> = record["error"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["source", "reason", "message", "section", "path", "policy_id"]);
    assert_eq!(record["error"]["reason"], "SubscriptionKeyNotFound");
    assert_eq!(
        (&record["api"], &record["subscription"], &record["backend_us"]),
        (&json!("shop"), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn every_answer_has_the_id_that_the_log_and_the_backend_have() {
    let backend = Backend::echo();
    let api = Api::new("a", &backend.url())
        .operation("get", "GET", "/x")
        .operation("head", "HEAD", "/x")
        .operation("options", "OPTIONS", "/x");
    let gateway = Gateway::start(Landing::new().api(api)).await;
    let forged = gateway.client().header("x-request-id", "forged\" injected");
    let mut ids = BTreeSet::new();
    for (method, path) in
        [("GET", "/a/x"), ("HEAD", "/a/x"), ("OPTIONS", "/a/x"), ("GET", "/absent"), ("GET", "/a/%zz")]
    {
        let answer = forged.send(method, path, "").await;
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(is_uuid(&id), "{method} {path}: {id}");
        ids.insert(id);
    }
    let mut raw = RawClient::connect(&gateway.client(), "http/1.1").await;
    raw.send("GET /a/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await;
    raw.read_to_end(std::time::Duration::from_secs(5)).await;
    let records = gateway.access_log(6).await;
    let logged: BTreeSet<String> =
        records.iter().map(|record| record["request_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(logged.len(), 6, "each has one of its own");
    assert!(ids.is_subset(&logged), "{ids:?} are not all in {logged:?}");
    let forwarded: BTreeSet<String> =
        backend.seen().iter().map(|seen| seen.headers["x-request-id"].to_str().unwrap().to_owned()).collect();
    assert!(forwarded.len() == 3 && forwarded.is_subset(&ids), "{forwarded:?}");
    for record in records.iter().filter(|record| record["path"] == "/a/x") {
        assert_eq!(record["error"], Value::Null, "an answer without a body is whole: {record:#}");
    }
}

#[tokio::test]
async fn errors_come_in_the_shape_of_api_management_or_as_problems() {
    let api = Api::new("a", "http://127.0.0.1:9").operation("get", "GET", "/x");
    let gateway = Gateway::start(Landing::new().api(api)).await;
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let broken = gateway.client().get("/a/x").await;
    assert_eq!(broken.status, 500);
    assert_eq!(broken.header("content-type"), Some("application/json"));
    assert_eq!(names(&broken.json()), ["statusCode", "message", "activityId"]);
    assert_eq!(broken.json()["message"], "Internal server error");
    assert_eq!(broken.json()["activityId"].as_str(), broken.header("x-request-id"));
    let absent = gateway.client().get("/a/y").await;
    assert_eq!(names(&absent.json()), ["statusCode", "message"]);

    for accept in ["application/problem+json", "text/html, application/problem+json;q=0.9"] {
        let problems = gateway.client().header("accept", accept);
        for (path, status) in [("/a/x", 500), ("/a/y", 404), ("/a/%zz", 400)] {
            let problem = problems.get(path).await;
            assert_eq!(problem.status, status, "{path}");
            assert_eq!(problem.header("content-type"), Some("application/problem+json"), "{path}");
            let body = problem.json();
            assert_eq!(body["status"], status, "{path}");
            assert!(body["title"].is_string() && body["type"].is_string(), "{body:#}");
        }
    }
    let refused =
        gateway.client().header("accept", "application/problem+json;q=0, application/json").get("/a/y").await;
    assert_eq!(refused.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn the_status_path_answers_where_apis_are_served() {
    let gateway =
        Gateway::start(Landing::new().api(Api::new("a", "http://127.0.0.1:9").operation("get", "GET", "/x")))
            .await;
    for client in [gateway.client(), gateway.internal_client()] {
        assert_eq!(client.get("/status-0123456789abcdef").await.status, 200);
        assert_eq!(client.send_h2("HEAD", "/status-0123456789abcdef", "").await.status, 200);
        assert_eq!(client.get("/status-0123456789abcdeg").await.status, 404);
    }
}

#[tokio::test]
async fn trace_context_goes_on_with_a_new_parent() {
    let backend = Backend::echo();
    let gateway =
        Gateway::start(Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"))).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let client = gateway
        .client()
        .header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("tracestate", "vendor=1");
    let seen = client.get("/a/x").await.json();
    let parent = seen["headers"]["traceparent"].as_str().unwrap();
    assert!(parent.starts_with(&format!("00-{trace}-")) && !parent.contains("00f067aa0ba902b7"), "{parent}");
    assert_eq!(seen["headers"]["tracestate"], "vendor=1");
    for bad in [
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "junk",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        let seen = gateway
            .client()
            .header("traceparent", bad)
            .header("tracestate", "vendor=1")
            .get("/a/x")
            .await
            .json();
        let parent = seen["headers"]["traceparent"].as_str().unwrap_or_default();
        assert!(parent != bad, "a broken context is not passed on: {seen:#}");
        assert_eq!(seen["headers"]["tracestate"], Value::Null, "{seen:#}");
    }
}

/// One metric family of an OpenMetrics text.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Reads OpenMetrics text; anything that is not is a failure.
fn parse_metrics(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("the end mark is missing:\n{text}"));
    let mut current = String::new();
    let mut seen = BTreeSet::new();
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap());
            assert!(["HELP", "TYPE", "UNIT"].contains(&what), "{line}");
            if name != current {
                assert!(!families.contains_key(name), "{name} is told in two places");
                current = name.to_owned();
            }
            let family = families.entry(current.clone()).or_default();
            if what == "TYPE" {
                family.kind = words.next().unwrap().to_owned();
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
        assert!(seen.insert(series.to_owned()), "{series} comes twice");
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        let (name, labels) = match series.split_once('{') {
            None => (series, ""),
            Some((name, labels)) => {
                (name, labels.strip_suffix('}').unwrap_or_else(|| panic!("open labels: {line}")))
            }
        };
        assert!(name.starts_with(&current), "{name} stands below {current}");
        let family = families.get_mut(&current).unwrap();
        let suffix = &name[current.len()..];
        let allowed: &[&str] = match family.kind.as_str() {
            "counter" => &["_total", "_created"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_count", "_sum", "_created"],
            "info" => &["_info"],
            other => panic!("{current} is of type `{other}`"),
        };
        assert!(allowed.contains(&suffix), "{name} is no sample of a {}", family.kind);
        family.samples.push((suffix.to_owned(), parse_labels(labels), value));
    }
    families
}

fn parse_labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("labels {text}"));
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().unwrap_or_else(|| panic!("labels {text}")) {
                (at, '"') => break at,
                (_, '\\') => value.push(characters.next().unwrap().1),
                (_, character) => value.push(character),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name} twice in {text}");
        rest = after[end + 1..].trim_start_matches(',');
    }
    labels
}

#[tokio::test]
async fn metrics_are_openmetrics_and_count_what_happens() {
    let backend = Backend::echo();
    let api = Api::new("shop", &backend.url()).operation("get-order", "GET", "/orders/{id}");
    let gateway = Gateway::start(Landing::new().api(api)).await;
    for number in 0..5 {
        assert_eq!(gateway.client().get(&format!("/shop/orders/{number}")).await.status, 200);
    }
    assert_eq!(gateway.client().get("/shop/absent").await.status, 404);
    assert_eq!(gateway.client().get("/absent").await.status, 404);
    let answer = gateway.internal_client().get("/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let families = parse_metrics(&answer.text());
    let of_operation: Vec<_> = families
        .values()
        .filter(|family| family.kind == "counter")
        .flat_map(|family| &family.samples)
        .filter(|(_, labels, value)| {
            labels.get("api").is_some_and(|api| api == "shop")
                && labels.get("operation").is_some_and(|operation| operation == "get-order")
                && (*value - 5.0).abs() < f64::EPSILON
        })
        .collect();
    assert!(!of_operation.is_empty(), "five requests of the operation are counted: {families:#?}");
    for (name, family) in families.iter().filter(|(_, family)| family.kind == "histogram") {
        check_histogram(name, family);
    }
    // Paths that clients make up are no labels: they would grow without end.
    assert!(!answer.text().contains("absent"), "{}", answer.text());
    let size = answer.body.len();
    for number in 0..50 {
        gateway.client().get(&format!("/made-up-{number}/{number}")).await;
    }
    let again = gateway.internal_client().get("/metrics").await;
    assert!(again.body.len() < size + 500, "{size} bytes became {}", again.body.len());
}

fn check_histogram(name: &str, family: &Family) {
    let mut series: BTreeMap<Vec<(String, String)>, Vec<(f64, f64)>> = BTreeMap::new();
    for (suffix, labels, value) in &family.samples {
        if suffix == "_bucket" {
            let bound = match labels["le"].as_str() {
                "+Inf" => f64::INFINITY,
                bound => bound.parse().unwrap(),
            };
            let others = labels
                .iter()
                .filter(|(name, _)| *name != "le")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            series.entry(others).or_default().push((bound, *value));
        }
    }
    for (labels, buckets) in series {
        assert!(buckets.is_sorted(), "{name} {labels:?}: bounds and counts grow: {buckets:?}");
        let last = buckets.last().unwrap();
        assert!(last.0.is_infinite(), "{name} {labels:?}");
        let count = family.samples.iter().find(|(suffix, other, _)| {
            suffix == "_count" && other.clone().into_iter().collect::<Vec<_>>() == labels
        });
        assert_eq!(count.map(|(_, _, value)| *value), Some(last.1), "{name} {labels:?}");
    }
}

#[tokio::test]
async fn secrets_stand_in_no_log_no_metric_no_error_and_no_report() {
    const CANARY: &str = "CanaryCanaryCanary0123456789";
    let backend = Backend::echo();
    let api = Api::new("a", &backend.url())
        .set("subscriptionRequired", true)
        .operation("get", "GET", "/x")
        .inbound("<set-header name=\"X-Secret\" exists-action=\"override\"><value>{{the-secret}}</value></set-header>");
    let landing = Landing::new().api(api).subscription("partner", "/apis/a");
    landing.file(
        "artifacts/named values/s/namedValueInformation.json",
        &json!({ "properties": { "displayName": "the-secret", "secret": true } }).to_string(),
    );
    landing.file("keys.yaml", &format!("partner: {{ primary: {CANARY}1, secondary: {CANARY}2 }}\n"));
    let secret = format!("{CANARY}3");
    let environment = [("GATEHOUSE_NAMED_VALUE_THE_SECRET", secret.as_str())];
    let gateway = Gateway::start_with(landing, &environment).await;
    let client = gateway.client();
    let with = |name: &str, value: &str| client.clone().header(name, value);
    let header = "ocp-apim-subscription-key";
    let good = with(header, &format!("{CANARY}1")).get("/a/x").await;
    assert_eq!(good.json()["headers"]["x-secret"], secret.as_str(), "the secret is in use");
    assert_eq!(good.json()["headers"][header], Value::Null);
    let mut answers = Vec::new();
    for path in [
        format!("/a/x?subscription-key={CANARY}wrong"),
        format!("/a/absent?subscription-key={CANARY}2"),
        format!("/absent?access_token={CANARY}"),
        format!("/a/x/%zz?subscription-key={CANARY}1"),
    ] {
        answers.push(client.get(&path).await);
        answers.push(client.send_h2("GET", &path, "").await);
    }
    answers.push(with(header, &format!("{CANARY}wrong")).get("/a/x").await);
    answers.push(with("authorization", &format!("Bearer {CANARY}")).get("/a/absent").await);
    answers.push(with("cookie", &format!("session={CANARY}")).get("/a/absent").await);
    for answer in &answers {
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert!(
            !answer.text().contains(CANARY) && !format!("{:?}", answer.headers).contains(CANARY),
            "{answer:?}"
        );
    }
    // Heads that are refused before they are understood.
    let host = client.authority();
    for head in [
        format!(
            "GET /a/x?subscription-key={CANARY}1 HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\nX: {CANARY}\r\n\r\n"
        ),
        format!("GET /a/x?k={CANARY}#x HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /a/x HTTP/1.1\r\nHost: {host}\r\nOcp-Apim-Subscription-Key : {CANARY}1\r\n\r\n"),
    ] {
        let mut raw = RawClient::connect(&client, "http/1.1").await;
        raw.send(head).await;
        let answer = raw.read_to_end(std::time::Duration::from_secs(5)).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains(CANARY), "{answer}");
    }
    gateway.landing.file("artifacts/apis/a/policy.xml", "<policies><inbound><set-header name=\"{{the-secret}}\" exists-action=\"oops\"><value>{{the-secret}}</value></set-header></inbound></policies>");
    gateway.reload().await;

    gateway.access_log(answers.len() + 4).await;
    let landing = &gateway.landing;
    let metrics = gateway.internal_client().get("/metrics").await.text();
    let file = |name: &str| String::from_utf8_lossy(&std::fs::read(landing.path(name)).unwrap()).into_owned();
    let folder = landing.folder.path();
    let output = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gatehouse"));
        let output = command.args(arguments).current_dir(folder).envs(environment).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    for (what, text) in [
        ("the access log", file("access.log")),
        ("the log", gateway.log()),
        ("standard output", file("stdout.log")),
        ("the metrics", metrics),
        ("the report", output(&["check"])),
        ("the report for machines", output(&["check", "--format", "json"])),
        ("the list of subscriptions", output(&["subscription", "list", "--format", "json"])),
        ("the database", file("data/gatehouse.db")),
    ] {
        assert!(!text.is_empty(), "{what} is empty");
        assert!(
            !text.contains(CANARY),
            "{what} holds a secret: {}",
            text.lines().find(|line| line.contains(CANARY)).unwrap()
        );
    }
    let printed = gatehouse(folder, &["version"]);
    assert!(printed.status.success());
}

#[tokio::test]
async fn nothing_that_a_client_sends_breaks_a_line_of_the_log() {
    let backend = Backend::echo();
    let gateway =
        Gateway::start(Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/{*rest}")))
            .await;
    let host = gateway.client().authority();
    let paths = ["/a/%0a%0d%22%5c", "/a/\"quoted\"", "/a/\\", "/a/{\"a\":1}", "/a/%e2%82%ac", "/a/'|^"];
    for path in paths {
        let mut raw = RawClient::connect(&gateway.client(), "http/1.1").await;
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        raw.read_to_end(std::time::Duration::from_secs(5)).await;
    }
    // Reading the log parses every line.
    let records = gateway.access_log(paths.len()).await;
    assert_eq!(records.len(), paths.len());
}
