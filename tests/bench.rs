//! `gatehouse bench`: the load test. Nothing here depends on how fast anything is, but for one policy that takes a hundred
//! times what all the others take together.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::landing::copy_folder;
use crate::support::{Api, Backend, Gateway, Landing, gatehouse};

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn bench(folder: &Path, arguments: &[&str]) -> Output {
    let mut all =
        vec!["bench", "--duration", "400ms", "--rounds", "2", "--warm-up", "50ms", "--connections", "2"];
    all.extend(arguments);
    gatehouse(folder, &all)
}

/// The rows of a run that went well.
fn rows(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", text(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("{name}: {row:#}"))
}

/// Everything that a row of the JSON has, and that its figures make sense.
fn check_shape(row: &Value) {
    for name in [
        "requests_per_second",
        "p50_us",
        "p90_us",
        "p99_us",
        "cpu_us",
        "allocations",
        "allocated_bytes",
        "memory_bytes",
    ] {
        assert!(number(row, name) > 0.0, "{name}: {row:#}");
        let interval = row["intervals"][name].as_array().unwrap();
        assert!(
            interval[0].as_f64() <= row[name].as_f64() && row[name].as_f64() <= interval[1].as_f64(),
            "{row:#}"
        );
    }
    assert!(number(row, "p50_us") <= number(row, "p99_us"), "{row:#}");
    assert!(row["requests"].as_u64() > Some(0) && row["rounds"] == 2 && row["failure"].is_null(), "{row:#}");
    assert!((number(row, "interval_coverage") - 0.5).abs() < 1e-9, "{row:#}");
}

fn example(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name), folder.path());
    folder
}

#[test]
fn an_example_is_measured_as_it_stands_and_leaves_nothing_behind() {
    let folder = example("quickstart-like");
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    let each = rows(&bench(folder.path(), &["--each", "--format", "json"]));
    let names: Vec<&str> = each.iter().filter_map(|row| row["row"].as_str()).collect();
    assert_eq!(names, ["parcels/get-parcel", "parcels/send-parcel"]);
    each.iter().for_each(check_shape);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before, "no store, no keys, no log");
    let together = rows(&bench(folder.path(), &["--http", "2", "--rate", "50", "--format", "json"]));
    assert_eq!((together.len(), &together[0]["kind"]), (1, &"everything".into()));
    check_shape(&together[0]);
}

/// An API whose policies are one that is dear and some that are not.
fn laboratory() -> Landing {
    Landing::new()
        .api(
            Api::new("shop", "https://shop.invalid/v1")
                .set("subscriptionRequired", true)
                .operation("get-item", "GET", "/items/{id}")
                .policy(
                    r#"<policies>
  <inbound>
    <base />
    <set-header name="x-cheap" exists-action="override"><value>1</value></set-header>
    <set-variable name="dear" value="@{ var sum = 0; for (var i = 0; i &lt; 20000; i++) { sum = sum + i; } return sum; }" />
    <rate-limit calls="1" renewal-period="60" />
  </inbound>
  <backend><base /></backend>
  <outbound><base /><set-header name="x-out" exists-action="override"><value>2</value></set-header></outbound>
  <on-error><base /></on-error>
</policies>"#,
                ),
        )
        .expose("[shop]")
}

#[test]
fn an_ablation_finds_what_is_dear_and_says_where_it_stands() {
    let landing = laboratory();
    landing.write_configuration();
    let folder = landing.folder.path();
    let output = bench(folder, &["--ablate", "--format", "json"]);
    let all = rows(&output);
    let names: Vec<&str> = all.iter().filter_map(|row| row["row"].as_str()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let mut wanted =
        ["shop/get-item", "set-header", "set-header", "set-variable", "rate-limit", "waf", "tls", "logging"];
    wanted.sort_unstable();
    assert_eq!(sorted, wanted);
    assert_eq!(names[..2], ["shop/get-item", "set-variable"], "{all:#?}");
    let dear = &all[1];
    assert_eq!((&dear["kind"], &dear["place"]["line"]), (&"policy".into(), &5.into()));
    assert_eq!(
        (&dear["place"]["section"], &dear["place"]["scope"]),
        (&"inbound".into(), &"apis/shop".into())
    );
    assert!(dear["place"]["file"].as_str().unwrap().ends_with("apis/shop/policy.xml"), "{dear:#}");
    let cost = |row: &Value| row["cost"]["cpu_us"]["value"].as_f64().unwrap_or_else(|| panic!("{row:#}"));
    for other in &all[2..] {
        assert!(cost(dear) > 2.0 * cost(other), "{dear:#} {other:#}");
        assert!(other["failure"].is_null(), "{other:#}");
    }
    assert!(cost(dear) > number(dear, "cpu_us"), "most of what a request takes");
    assert!(all[0]["cost"].is_null());
}

#[test]
fn every_format_has_the_row_that_was_asked_for() {
    let landing = laboratory();
    landing.write_configuration();
    let folder = landing.folder.path();
    let only = "--ablate=rate-limit";
    let human = bench(folder, &[only]);
    assert!(human.status.success(), "{}", text(&human));
    assert!(text(&human).contains("the limits of `rate-limit` are raised"), "{}", text(&human));
    assert!(text(&human).contains("apis/shop/policy.xml:6"), "{}", text(&human));
    let markdown = text(&bench(folder, &[only, "--format", "markdown"]));
    assert!(markdown.contains("| rate-limit |"), "{markdown}");
    let html = bench(folder, &[only, "--format", "html", "--output", "cost.html"]);
    assert!(html.status.success() && html.stdout.is_empty(), "{}", text(&html));
    let page = std::fs::read_to_string(landing.path("cost.html")).unwrap();
    assert!(
        page.starts_with("<!doctype html>") && page.contains("<svg ") && page.contains("rate-limit"),
        "{page}"
    );
}

#[test]
fn requests_of_a_file_find_their_routes_keys_and_tokens() {
    let landing = laboratory().wanting_tokens_at("shop", "get-item");
    landing.write_configuration();
    landing.file(
        "requests.yaml",
        r#"requests:
  - { path: /shop/items/7, weight: 2, headers: { Authorization: "Bearer {{jwt: {aud: shop, iss: 'https://login.example'}}}" }, answer: { status: 201, body: { id: 7 } }, expect: 201 }
  - { name: not there, path: /shop/none, expect: 404 }
"#,
    );
    let all = rows(&bench(
        landing.folder.path(),
        &["--requests", "requests.yaml", "--ablate=validate-jwt", "--format", "json"],
    ));
    let statuses = all[0]["statuses"].as_object().unwrap();
    assert_eq!(statuses.keys().collect::<Vec<_>>(), ["201", "404"]);
    assert!(statuses["201"].as_u64() > statuses["404"].as_u64(), "{statuses:?}");
    assert_eq!(
        (&all[1]["row"], &all[1]["place"]["scope"]),
        (&"validate-jwt".into(), &"apis/shop/operations/get-item".into())
    );
}

#[tokio::test]
async fn a_running_gateway_is_measured_from_outside() {
    let backend = Backend::echo();
    let landing = Landing::new()
        .api(Api::new("shop", &backend.url()).set("subscriptionRequired", true).operation(
            "get-item",
            "GET",
            "/items/{id}",
        ))
        .subscription("tester", "/apis/shop");
    landing.file("key.txt", "tester-primary\n");
    landing.file("requests.yaml", "requests:\n  - path: /shop/items/7\n");
    let gateway = Gateway::start(landing).await;
    let target = format!("https://localhost:{}", gateway.address().port());
    let pid = gateway.pid().to_string();
    let folder = gateway.landing.folder.path();
    let run = |more: &[&str]| {
        let mut all = vec!["--target", &target, "--ca", "certs/ca.pem", "--format", "json"];
        all.extend(more);
        bench(folder, &all)
    };
    let row = &rows(&run(&["--key-file", "key.txt", "--requests", "requests.yaml", "--pid", &pid]))[0];
    assert!(number(row, "cpu_us") > 0.0 && number(row, "memory_bytes") > 0.0, "{row:#}");
    assert_eq!((&row["allocations"], &row["kind"]), (&Value::Null, &"everything".into()));
    // From the definitions, over HTTP/2.
    let row = &rows(&run(&["--key-file", "key.txt", "--http", "2", "--api", "shop"]))[0];
    assert_eq!(row["cpu_us"], Value::Null);
    assert!(backend.seen().iter().any(|seen| seen.uri == "/items/string"), "the sample of a parameter");
    let refused = run(&["--requests", "requests.yaml"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("1 × 401"), "{}", text(&refused));
    let strangers = bench(folder, &["--target", &target, "--requests", "requests.yaml"]);
    assert_eq!(strangers.status.code(), Some(1), "{}", text(&strangers));
    assert!(text(&strangers).contains("no TLS connection"), "{}", text(&strangers));
}

#[test]
fn bad_input_is_told_by_name() {
    let landing = laboratory();
    landing.write_configuration();
    landing.file("empty.yaml", "requests: []\n");
    landing.file("broken.yaml", "requests:\n  - { path: /a }\n  - { pth: /b }\n");
    landing.file("wrong.yaml", "requests:\n  - { path: /nowhere }\n");
    landing.file("lost.yaml", "requests:\n  - { path: /a, headers: { k: '{{key:nobody}}' } }\n");
    let closed = crate::support::landing::free_port();
    let closed = format!("https://127.0.0.1:{closed}");
    for (arguments, wanted) in [
        (&["--api", "shp"][..], "there is no API `shp`; did you mean `shop`?"),
        (&["--operation", "shop/get-itm"], "did you mean `shop/get-item`?"),
        (&["--operation", "shop"], "write API/OPERATION"),
        (&["--listener", "publik"], "did you mean `public`?"),
        (&["--ablate=rate-limt"], "did you mean `rate-limit`?"),
        (&["--requests", "none.yaml"], "none.yaml: error: cannot be read"),
        (&["--requests", "empty.yaml"], "empty.yaml:1:11: error"),
        (&["--requests", "broken.yaml"], "broken.yaml:3:7: error: unknown key `pth`"),
        (&["--requests", "lost.yaml"], "names the subscription `nobody`"),
        (&["--requests", "wrong.yaml"], "GET /nowhere: 1 × 404"),
        (&["-H", "Ocp-Apim-Subscription-Key: wrong"], "1 × 401"),
        (&["-H", "no header"], "write 'Name: value'"),
        (&["--target", "http://localhost", "--requests", "wrong.yaml"], "is no https URL"),
        (
            &["--target", "https://localhost/a", "--requests", "wrong.yaml"],
            "names more than a host and a port",
        ),
        (&["--target", &closed, "--requests", "wrong.yaml"], "no connection to 127.0.0.1:"),
        (&["--config", "absent.yaml"], "absent.yaml"),
    ] {
        let output = bench(landing.folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(wanted), "{arguments:?}: {}", text(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}: no figures of failures");
    }
}

trait WithToken {
    fn wanting_tokens_at(self, api: &str, operation: &str) -> Self;
}

impl WithToken for Landing {
    /// The operation wants a token of an issuer.
    fn wanting_tokens_at(self, api: &str, operation: &str) -> Self {
        self.file(
            &format!("artifacts/apis/{api}/operations/{operation}/policy.xml"),
            r#"<policies><inbound><base /><validate-jwt header-name="Authorization"><openid-config url="https://login.example/.well-known/openid-configuration" /><audiences><audience>shop</audience></audiences></validate-jwt></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#,
        );
        self
    }
}
