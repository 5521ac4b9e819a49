//! The web application firewall in front of APIs.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::peers::corpora;
use crate::support::{Answer, Api, Backend, Gateway, Landing, RawClient, eventually, gatehouse};

const ATTACK: &str = "/shop/items?q=%27%20OR%201%3D1--%20x";

fn landing(backend: &Backend, waf: &str) -> Landing {
    let api = Api::new("shop", &backend.url())
        .operation("list", "GET", "/items")
        .operation("add", "POST", "/items")
        .operation("change", "PATCH", "/items/{id}");
    let other = Api::new("notes", &backend.url())
        .operation("list", "GET", "/items")
        .operation("add", "POST", "/items");
    Landing::new().api(api).api(other).with(waf)
}

async fn records(gateway: &Gateway, count: usize) -> Vec<Value> {
    let path = gateway.landing.path("waf.jsonl");
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(Instant::now() < deadline, "{count} records are not there: {text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{answer:?}");
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(answer.json()["message"], format!("The request was refused. Request id: {id}"));
    assert_eq!(answer.json().as_object().unwrap().len(), 2, "nothing else is told: {}", answer.text());
}

#[tokio::test]
async fn without_configuration_attacks_are_stopped_and_apis_work() {
    let backend = Backend::echo();
    let gateway =
        Gateway::start(landing(&backend, "waf: { audit_log: waf.jsonl, audit_headers: [X-Case] }")).await;
    let client = gateway.client().header("x-case", "a-1");
    assert_refused(&client.get(ATTACK).await);
    // Attacks are stopped before routing: a path that is not there tells nothing.
    assert_refused(&client.get("/nowhere?x=%3Cscript%3Ealert(1)%3C/script%3E").await);
    let json = client.clone().header("content-type", "application/json");
    assert_refused(&json.send("POST", "/shop/items", r#"{"name":"x","path":"../../../etc/passwd"}"#).await);
    assert_refused(
        &json.send_h2("POST", "/shop/items", r#"{"url":"http://169.254.169.254/latest/meta-data"}"#).await,
    );
    assert_eq!(backend.seen().len(), 0, "nothing came through");

    assert_eq!(client.get("/shop/items?q=O%27Reilly&page=2").await.status, 200);
    assert_eq!(
        json.send("POST", "/shop/items", r#"{"name":"Tea & biscuits","price":3.5}"#).await.status,
        200
    );
    assert_eq!(json.send("PATCH", "/shop/items/7", r#"{"price":4}"#).await.status, 200);
    // The internal zone is not the firewall's.
    assert_eq!(gateway.internal_client().get(ATTACK).await.status, 200);

    let records = records(&gateway, 4).await;
    let record = records.iter().find(|record| record["uri"] == ATTACK).unwrap();
    assert_eq!(record["blocked"], true);
    assert_eq!(record["mode"], "prevention");
    assert_eq!(record["status"], 403);
    assert_eq!(record["method"], "GET");
    assert_eq!(record["uri"], ATTACK);
    assert_eq!(record["headers"]["x-case"], "a-1");
    assert!(record["inbound_score"].as_i64().unwrap() >= 5, "{record}");
    assert_eq!(record["outbound_score"], 0);
    let rule = &record["rules"][0];
    assert!(rule["id"].is_u64() && rule["phase"].is_u64(), "{rule}");
    assert_eq!((rule["severity"].as_str(), rule["variable"].as_str()), (Some("CRITICAL"), Some("ARGS:q")));
    let access = gateway.access_log(1).await;
    assert_eq!(access[0]["error"]["source"], "waf");
    let metrics = gateway.internal_client().get("/metrics").await.text();
    assert!(metrics.contains("gatehouse_waf_transactions_total{outcome=\"blocked\"} 4"), "{metrics}");
    assert!(metrics.contains("gatehouse_waf_rule_matches_total{rule=\"7009000\"} 4"), "{metrics}");
}

#[tokio::test]
async fn modes_differ_between_listeners_apis_and_operations() {
    let backend = Backend::echo();
    let waf = "waf:\n  audit_log: waf.jsonl\n  listeners: { internal: detection }\n  apis: { notes: off, notes/add: prevention }";
    let gateway = Gateway::start(landing(&backend, waf)).await;
    assert_refused(&gateway.client().get(ATTACK).await);
    let off = ATTACK.replace("shop", "notes");
    assert_eq!(gateway.client().get(&off).await.status, 200);
    assert_refused(&gateway.client().send("POST", &off, "").await);
    assert_eq!(gateway.internal_client().get(ATTACK).await.status, 200);
    let records = records(&gateway, 3).await;
    let mut modes: Vec<_> = records
        .iter()
        .map(|record| (record["mode"].as_str().unwrap(), record["blocked"].as_bool().unwrap()))
        .collect();
    modes.sort_unstable();
    assert_eq!(modes, [("detection", false), ("prevention", true), ("prevention", true)]);
}

#[tokio::test]
async fn keys_stay_out_of_the_audit_log() {
    let backend = Backend::echo();
    let gateway =
        Gateway::start(landing(&backend, "waf: { audit_log: waf.jsonl, audit_headers: [Authorization] }"))
            .await;
    let client = gateway.client().header("authorization", "Bearer top-secret-token");
    let answer = client
        .get("/shop/items?subscription-key=very-secret-key&q=%27%20or%201%3D1--%20very-secret-key")
        .await;
    assert_eq!(answer.status, 403);
    records(&gateway, 1).await;
    let text = std::fs::read_to_string(gateway.landing.path("waf.jsonl")).unwrap();
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn own_rules_run_and_a_reload_takes_them_over_or_refuses_them() {
    let backend = Backend::echo();
    let waf =
        "waf:\n  rules: rules/*.conf\n  exclusions: off.conf\n  block: { status: 406, page: page.html }";
    let landing = landing(&backend, waf);
    landing.file("rules/own.conf", "SecRule ARGS:q \"@streq no\" \"id:1,phase:1,deny,msg:'no'\"\nSecRule REQUEST_BODY|ARGS \"@contains bad\" \"id:2,phase:2,deny\"\n");
    landing.file("off.conf", "");
    landing.file("page.html", "<p>Refused: {{request_id}}</p>");
    let gateway = Gateway::start(landing).await;
    let client = gateway.client();
    let refused = client.get("/shop/items?q=no").await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("content-type")),
        (406, Some("text/html; charset=utf-8"))
    );
    assert_eq!(refused.text(), format!("<p>Refused: {}</p>", refused.header("x-request-id").unwrap()));
    let form = client.clone().header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.send("POST", "/shop/items", "a=very+bad").await.status, 406);
    let echoed = form.send("POST", "/shop/items", "a=very+good").await;
    assert_eq!(echoed.status, 200);
    assert!(backend.seen().last().unwrap().body.ends_with(b"very+good"), "the body goes on whole");

    gateway.landing.file("off.conf", "SecRuleRemoveById 1\n");
    gateway.reload().await;
    assert_eq!(client.get("/shop/items?q=no").await.status, 200);
    gateway.landing.file("off.conf", "SecRule ARGS \"@rx (\" \"id:3\"\n");
    let log = gateway.reload().await;
    assert!(log.contains("off.conf:1:1") && log.contains("does not compile"), "{log}");
    assert_eq!(client.get("/shop/items?q=no").await.status, 200);
    assert_eq!(form.send("POST", "/shop/items", "a=very+bad").await.status, 406);
}

#[tokio::test]
async fn responses_are_inspected_where_the_rules_ask_for_it() {
    let backend = Backend::echo();
    let landing = landing(&backend, "waf: { rules: own.conf }");
    landing.file(
        "own.conf",
        "SecResponseBodyAccess On\nSecResponseBodyMimeType application/json\nSecRule RESPONSE_BODY \"@contains leak\" \"id:1,phase:4,deny,status:502\"\n",
    );
    let gateway = Gateway::start(landing).await;
    let client = gateway.client();
    assert_eq!(client.get("/shop/items?x=fine").await.status, 200);
    let stopped = client.get("/shop/items?x=leak").await;
    assert_eq!(stopped.status, 502);
    assert!(!stopped.text().contains("leak"), "{stopped:?}");
}

#[tokio::test]
async fn whatever_a_body_is_the_verdict_comes() {
    let backend = Backend::echo();
    let gateway = Gateway::start(landing(&backend, "")).await;
    let client = gateway.client();
    let json = client.clone().header("content-type", "application/json");
    for (what, body, status) in [
        ("deep", "[".repeat(10_000), 400),
        ("many", format!("[{}1]", "1,".repeat(100_000)), 400),
        ("broken", "{\"a\":".to_owned(), 400),
        ("large", format!("\"{}\"", "x".repeat(2 << 20)), 413),
        ("fine", format!("[{}1]", "1,".repeat(5_000)), 200),
    ] {
        let started = Instant::now();
        let answer = json.send("POST", "/shop/items", body).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
    }
    let form = client.clone().header("content-type", "application/x-www-form-urlencoded");
    let many = (0..100_000).fold(String::new(), |mut text, at| {
        let _ = write!(text, "a{at}=1&");
        text
    });
    assert!(form.send("POST", "/shop/items", many).await.status.is_client_error());
    let multipart = client.clone().header("content-type", "multipart/form-data; boundary=XX");
    for body in ["--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--XX--", "--YY\r\n", ""] {
        let status = multipart.send("POST", "/shop/items", body).await.status;
        assert!(status == 400 || body.is_empty(), "{body}: {status}");
    }
    // NUL and bytes that are no UTF-8 are judged as bytes.
    assert_eq!(client.get("/shop/items?a=x%00y").await.status, 403);
    assert_eq!(client.get("/shop/items?a=%ff%fe").await.status, 200);
    let mut raw = RawClient::connect(&client, "http/1.1").await;
    raw.send(
        "GET /shop/items HTTP/1.1\r\nHost: localhost\r\nUser-Agent: sqlmap/1.7\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(raw.read_to_end(Duration::from_secs(5)).await.starts_with("HTTP/1.1 403"));
}

#[test]
fn broken_rules_are_named_with_file_and_line() {
    let folder = Landing::new().with("waf: { rules: [rules/*.conf] }");
    for (rules, expected) in [
        ("SecRule ARGS \"@rx (\" \"id:1\"\n", "a.conf:1:1: error: the pattern does not compile"),
        (
            "\nSecRule ARGZ \"@rx a\" \"id:1\"\n",
            "a.conf:2:1: error: unknown variable ARGZ; did you mean ARGS?",
        ),
        (
            "SecRule ARGS \"@rx a\" \"id:1,phase:1\"\nSecRule ARGS \"@rx b\" \"id:1\"\n",
            "a.conf:2:1: error: the rule id 1 is taken already",
        ),
        ("SecRule ARGS \"@pmFromFile no.data\" \"id:1\"\n", "no.data of @pmFromFile cannot be read"),
        ("Include a.conf\n", "includes itself"),
        ("SecRule ARGS \"@rx a\" \"id:1,skipAfter:NOWHERE\"\n", "skipAfter names NOWHERE"),
        ("SecRule ARGS \"@rx a\" \"id:1,t:lowercas\"\n", "did you mean lowercase?"),
        ("SecRule ARGS \"@rbl x.example\" \"id:1\"\n", "@rbl is not supported"),
        ("SecRuleEngin On\n", "did you mean SecRuleEngine?"),
        ("SecRule ARGS \"@rx a\"\n", "a rule needs an id"),
        ("SecRule ARGS \"@rx a\" \"id:1,exec:/bin/x\"\n", "not supported"),
    ] {
        folder.file("rules/a.conf", rules);
        folder.write_configuration();
        let output = gatehouse(folder.folder.path(), &["check"]);
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{rules}: {text}");
        assert!(text.contains(expected), "{rules}: {text}");
    }
    std::fs::remove_dir_all(folder.path("rules")).unwrap();
    let output = gatehouse(folder.folder.path(), &["check"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("rules"), "{text}");
}

#[test]
fn run_tests_reports_each_stage() {
    let folder = Landing::new().with("waf: { rules: own.conf }");
    folder.file("own.conf", "SecRule ARGS:q \"@streq no\" \"id:100,phase:1,deny,msg:'no'\"\n");
    folder.file(
        "suite/100.yaml",
        "rule_id: 100\ntests:\n  - test_id: 1\n    stages:\n      - input: { uri: '/?q=no', headers: { Host: localhost } }\n        output: { log: { expect_ids: [100] } }\n  - test_id: 2\n    stages:\n      - input: { uri: '/?q=yes', headers: { Host: localhost } }\n        output: { log: { no_expect_ids: [100] } }\n",
    );
    folder.write_configuration();
    let run = |arguments: &[&str]| {
        gatehouse(folder.folder.path(), &[&["waf", "run-tests", "suite"], arguments].concat())
    };
    let output = run(&["--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(2), Some(0)));
    let case = &report["cases"][0];
    assert_eq!(
        (case["rule"].as_u64(), case["test"].as_u64(), case["stage"].as_u64()),
        (Some(100), Some(1), Some(1))
    );
    assert_eq!(case["got"], serde_json::json!([100]));
    folder.file("own.conf", "SecRule ARGS:q \"@streq never\" \"id:100,phase:1,deny,msg:'no'\"\n");
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("failed: 100-1 stage 1: rule 100 did not match"),
        "{output:?}"
    );
    folder.file("o.yaml", "overrides: [ { rule: 100, tests: [1], reason: the rule is another here } ]");
    assert_eq!(run(&["--overrides", "o.yaml"]).status.code(), Some(0));
}

#[tokio::test]
async fn the_owasp_crs_stands_in_front_of_an_api() {
    let Some(corpora) = corpora() else { return };
    let crs = corpora.join("crs");
    let backend = Backend::echo();
    let waf = format!(
        "waf:\n  audit_log: waf.jsonl\n  rules: ['{0}/crs-setup.conf.example', '{0}/rules/*.conf']",
        crs.display()
    );
    let gateway = Gateway::start(landing(&backend, &waf)).await;
    let client = gateway.client().header("user-agent", "shop/1.0").header("accept", "application/json");
    assert_refused(&client.get(ATTACK).await);
    let json = client.clone().header("content-type", "application/json");
    assert_refused(
        &json.send("POST", "/shop/items", r#"{"a":{"b":["<script>alert(document.cookie)</script>"]}}"#).await,
    );
    assert_eq!(client.get("/shop/items?q=tea&page=2").await.status, 200);
    assert_eq!(json.send("PATCH", "/shop/items/7", r#"{"price":4}"#).await.status, 200);
    let records = records(&gateway, 2).await;
    let record = records.iter().find(|record| record["method"] == "GET").unwrap();
    let ids: Vec<u64> =
        record["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_u64().unwrap()).collect();
    assert!(ids.contains(&942_100) && ids.contains(&949_110), "{record}");
}

/// The suite's backend: nothing, or what the body of a request to `/reflect` says.
fn reflecting() -> Backend {
    Backend::answering(|seen| {
        let mut response = http::Response::builder().header("content-type", "text/plain; charset=utf-8");
        let mut body = bytes::Bytes::new();
        if let Some(wanted) =
            seen.uri.contains("reflect").then(|| serde_json::from_slice::<Value>(&seen.body).ok()).flatten()
        {
            response = http::Response::builder().status(wanted["status"].as_u64().unwrap_or(200) as u16);
            let fields = wanted["headers"].as_object();
            if !fields
                .is_some_and(|fields| fields.keys().any(|name| name.eq_ignore_ascii_case("content-type")))
            {
                response = response.header("content-type", "text/plain; charset=utf-8");
            }
            for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
                response = response.header(name, value.as_str().unwrap_or_default());
            }
            body = wanted["body"].as_str().unwrap_or_default().to_owned().into();
        }
        response.body(http_body_util::Full::new(body)).unwrap_or_default()
    })
}

/// Whether a message has a host and a target of the characters of RFC 3986 alone: what has not is refused when the head is read.
fn is_request(message: &gatehouse_waf::regression::Message) -> bool {
    let in_uri = |byte: &u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(byte);
    let has_host =
        message.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case(b"host") && !value.is_empty());
    has_host && message.target.iter().all(in_uri)
}

/// The regression tests of the OWASP CRS over TLS, at paranoia 4.
#[tokio::test]
async fn the_suite_passes_over_tls() {
    let Some(corpora) = corpora() else { return };
    let crs = corpora.join("crs");
    let overrides = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../waf/rules/crs-overrides.yaml");
    let overrides =
        gatehouse_waf::regression::Overrides::parse(&std::fs::read_to_string(overrides).unwrap()).unwrap();
    let backend = reflecting();
    let waf = format!(
        "waf:\n  mode: detection\n  paranoia_level: 4\n  audit_log: waf.jsonl\n  rules: [suite.conf, '{0}/crs-setup.conf.example', '{0}/rules/*.conf']\nlimits: {{ header_bytes: 64KiB }}",
        crs.display()
    );
    let mut api = Api::new("suite", &backend.url()).set("path", "");
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
        api = api.operation(&method.to_lowercase(), method, "/*");
    }
    let landing = Landing::new().api(api).with(&waf);
    landing.file(
        "suite.conf",
        "SecResponseBodyAccess On\nSecAction \"id:900005,phase:1,nolog,pass,setvar:tx.allowed_methods=GET HEAD POST OPTIONS,setvar:'tx.allowed_request_content_type=|application/x-www-form-urlencoded| |multipart/form-data| |text/xml| |application/xml| |application/soap+xml| |application/json|',setvar:!tx.restricted_extensions,setvar:!tx.restricted_headers_basic,setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535\"\n",
    );
    let gateway = Gateway::start(landing).await;
    let client = gateway.client();
    let tests = gatehouse_waf::regression::load(&crs.join("tests")).unwrap();
    let (mut asked, mut no_requests) = (Vec::new(), 0);
    for test in &tests {
        for (at, stage) in test.stages.iter().enumerate() {
            if !stage.expected.checks_ids() || overrides.reason(test.rule, test.number).is_some() {
                continue;
            }
            let mut raw = RawClient::connect(&client, "http/1.1").await;
            raw.send(stage.request.to_bytes()).await;
            let answer = raw.read_answer(Duration::from_secs(15)).await;
            let id = answer
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("x-request-id: ").map(str::to_owned));
            let status = answer.get(9..12).unwrap_or("-").to_owned();
            // What is no request at all is answered 400 before any rule sees it.
            if status == "400" && !is_request(&stage.request) {
                no_requests += 1;
                continue;
            }
            asked.push((test, at, stage, id, status));
        }
    }
    // The log is written in order: once the last line is there, all are.
    assert_eq!(gateway.client().get("/?last=%3Cscript%3Ealert(1)%3C/script%3E").await.status, 200);
    let log = gateway.landing.path("waf.jsonl");
    eventually("the log is written", || {
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains("/?last="))
    })
    .await;
    let text = std::fs::read_to_string(&log).unwrap();
    let mut found = std::collections::HashMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let ids: Vec<u64> =
            record["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_u64().unwrap()).collect();
        found.insert(record["request_id"].as_str().unwrap().to_owned(), ids);
    }
    let none = Vec::new();
    let mut failed = Vec::new();
    for (test, at, stage, id, status) in &asked {
        let ids = id.as_ref().and_then(|id| found.get(id)).unwrap_or(&none);
        let good = stage.expected.ids.iter().all(|id| ids.contains(id))
            && !stage.expected.no_ids.iter().any(|id| ids.contains(id));
        if !good {
            failed
                .push(format!("{}-{} stage {at}: status {status}, matched {ids:?}", test.rule, test.number));
        }
    }
    let share = 100.0 * (asked.len() - failed.len()) as f64 / asked.len() as f64;
    println!("{no_requests} stages are no requests");
    assert!(no_requests <= 40, "{no_requests} stages are refused as no requests");
    println!("{} of {} stages, {share:.2} %\n{}", asked.len() - failed.len(), asked.len(), failed.join("\n"));
    assert!(share >= 99.6, "{share:.2} %\n{}", failed.join("\n"));
}
