//! APIOps folders that nobody here wrote: read as they stand, and published as API Management would.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::landing::copy_folder;
use crate::support::{Backend, Client, Gateway, Landing, gatehouse, peers};

/// A landing zone around a copy of a folder, with an override file.
fn landing(corpora: &Path, name: &str, overrides: &str) -> Landing {
    let landing =
        Landing::new().with("overrides: overrides.yaml").listener("    trusted_proxies: [127.0.0.0/8]");
    copy_folder(&corpora.join("apiops").join(name), &landing.path("artifacts"));
    landing.file("overrides.yaml", overrides);
    landing.write_configuration();
    landing
}

/// The findings of `check`, without those of the landing zone itself.
fn findings(landing: &Landing) -> Vec<Value> {
    let output = gatehouse(landing.folder.path(), &["check", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["file"].as_str().is_some_and(|file| file.starts_with("artifacts")))
        .cloned()
        .collect()
}

fn errors(findings: &[Value]) -> Vec<&Value> {
    findings.iter().filter(|finding| finding["severity"] == "error").collect()
}

/// A subscription with its keys, made while nothing runs.
fn create_subscription(landing: &Landing, name: &str, scope: &str) -> String {
    let arguments = ["subscription", "create", name, "--scope", scope, "--format", "json"];
    let output = gatehouse(landing.folder.path(), &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["primaryKey"].as_str().unwrap().to_owned()
}

fn from(client: &Client, address: &str) -> Client {
    client.clone().header("x-forwarded-for", address)
}

fn with_key(client: Client, key: &str) -> Client {
    client.header("ocp-apim-subscription-key", key)
}

/// Overrides that send every API of a folder, and its named values, somewhere else.
fn to_backend(apis: &[&str], url: &str) -> String {
    let mut text = String::from("apimServiceName: test\napis:\n");
    for api in apis {
        let _ = writeln!(text, "  - name: {api}\n    properties:\n      serviceUrl: {url}");
    }
    text
}

#[test]
fn check_finds_in_the_folders_only_what_is_there() {
    let Some(corpora) = peers::corpora() else { return };
    let sample = landing(&corpora, "azure-apiops-sample", "apimServiceName: test\n");
    let found = findings(&sample);
    assert!(errors(&found).is_empty(), "{found:#?}");

    // The demonstration leaves a secret out, as an extraction does; with the value in the overrides nothing is missing.
    let demo = landing(&corpora, "apiops-demo", "apimServiceName: test\n");
    let found = findings(&demo);
    for error in errors(&found) {
        assert!(error["message"].as_str().unwrap().contains("`allowed-ip-address`"), "{error:#}");
        assert!(error["line"].as_u64() > Some(0), "{error:#}");
    }
    assert_eq!(errors(&found).len(), 5, "one for each policy that uses it: {found:#?}");
    demo.file(
        "overrides.yaml",
        "apimServiceName: test\nnamedValues:\n  - name: allowed-ip-address\n    properties:\n      value: 10.0.0.1\n",
    );
    let found = findings(&demo);
    assert!(errors(&found).is_empty(), "{found:#?}");
    // Overrides of what is not there are told, with their place.
    demo.file("overrides.yaml", "apimServiceName: test\napis:\n  - name: ecko-api\n    properties:\n      serviceUrl: https://x.example\n");
    let output = gatehouse(demo.folder.path(), &["check"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("overrides.yaml:3:") && said.contains("ecko-api") && said.contains("echo-api"),
        "{said}"
    );
}

#[tokio::test]
async fn the_sample_is_published_as_it_stands() {
    let Some(corpora) = peers::corpora() else { return };
    let backend = Backend::answering(|seen| {
        let headers: serde_json::Map<String, Value> = seen
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
            .collect();
        let body = json!({ "uri": seen.uri, "headers": headers, "body": String::from_utf8_lossy(&seen.body), "note": "a legacy answer" });
        http::Response::builder()
            .header("content-type", "application/json")
            .body(http_body_util::Full::from(body.to_string()))
            .unwrap()
    });
    let apis = [
        "basic-api",
        "revisioned-api",
        "revisioned-api;rev=2",
        "versioned-api-v1",
        "versioned-api-v2",
        "wadl-api",
    ];
    let overrides = to_backend(&apis, &backend.url());
    let overrides = format!(
        "{overrides}backends:\n  - name: backend1\n    properties:\n      url: {0}\nnamedValues:\n  - name: intranet-proxy-url\n    properties:\n      value: {0}\n",
        backend.url()
    );
    let landing = landing(&corpora, "azure-apiops-sample", &overrides);
    let of_product = create_subscription(&landing, "one", "/products/product1");
    let of_api = create_subscription(&landing, "two", "/apis/basic-api");
    let gateway = Gateway::start(landing).await;
    let allowed = from(&gateway.client(), "10.0.0.1");
    let partner = with_key(allowed.clone(), &of_product);

    // An operation's policies without <base /> stand alone.
    assert_eq!(allowed.get("/basic-api/items").await.status, 401);
    let items = partner.get("/basic-api/items?source=mine&page=2").await.json();
    let uri = items["uri"].as_str().unwrap();
    assert!(
        uri.starts_with("/items?") && uri.contains("source=get-items") && uri.contains("page=2"),
        "{uri}"
    );
    assert_eq!(items["headers"]["x-api"], Value::Null);
    assert_eq!(items["headers"]["x-product"], Value::Null);
    let created = with_key(allowed.clone(), &of_api).header("content-type", "application/json");
    let created = created.send("POST", "/basic-api/items", r#"{"kind":"legacy"}"#).await.json();
    assert_eq!(
        (&created["body"], &created["headers"]["x-operation"]),
        (&json!(r#"{"kind":"created"}"#), &json!("create-item"))
    );

    // Revisions, the current one by the plain path.
    let current = partner.get("/revisioned-api/revision").await.json();
    assert_eq!(current["headers"]["x-revision"], "1");
    assert_eq!(partner.get("/revisioned-api;rev=1/revision").await.json()["headers"]["x-revision"], "1");
    assert_eq!(partner.get("/revisioned-api;rev=2/revision").await.json()["headers"]["x-revision"], "2");
    let details = partner.get("/revisioned-api;rev=2/revision/details").await.json();
    assert_eq!(
        (&details["uri"], &details["headers"]["x-api-revision"]),
        (&json!("/revision/details"), &json!("2"))
    );
    assert_eq!(partner.get("/revisioned-api/revision/details").await.status, 404);
    assert_eq!(partner.get("/revisioned-api;rev=3/revision").await.status, 404);

    // Versions by segment, in the context of the product that the key opens.
    let first = partner.get("/versioned-api/v1/v1/version").await.json();
    assert_eq!(first["headers"]["x-product"], "product1");
    let second = allowed.get("/versioned-api/v2/v2/version").await;
    assert_eq!(second.json()["headers"]["x-product"], "product2", "an open product needs no key");
    assert_eq!(second.json()["note"], "a product-two answer");
    assert_eq!(partner.get("/versioned-api/v3/version").await.status, 404);
    assert_eq!(with_key(allowed.clone(), &of_api).get("/versioned-api/v1/v1/version").await.status, 401);

    // The product that is open to all lets in one address only; nobody else's claim counts.
    let status = allowed.get("/wadl-api/status").await;
    assert_eq!((status.status.as_u16(), status.json()["note"].as_str()), (200, Some("a product-two answer")));
    let forbidden = from(&gateway.client(), "10.0.0.2").get("/wadl-api/status").await;
    assert_eq!(forbidden.status, 403);
    assert_eq!(from(&gateway.client(), "10.0.0.1, 10.0.0.2").get("/wadl-api/status").await.status, 403);
    assert_eq!(gateway.client().get("/wadl-api/status").await.status, 403);
    assert_eq!(allowed.get("/soap-api").await.status, 404, "there are no operations");
    for record in gateway.access_log(10).await {
        assert_ne!(record["status"], 500, "{record:#}");
    }
}

#[tokio::test]
async fn the_demonstration_is_published_as_it_stands() {
    let Some(corpora) = peers::corpora() else { return };
    let backend = Backend::echo();
    let overrides = to_backend(
        &["echo-api", "basic-calculator", "basic-calculator-v1"],
        &format!("{}/base", backend.url()),
    );
    let overrides = format!(
        "{overrides}namedValues:\n  - name: allowed-ip-address\n    properties:\n      value: 10.0.0.1\n"
    );
    let landing = landing(&corpora, "apiops-demo", &overrides);
    let starter = create_subscription(&landing, "me", "/products/starter");
    let unlimited = create_subscription(&landing, "you", "/products/unlimited");
    let calculator = create_subscription(&landing, "math", "/apis/basic-calculator");
    let gateway = Gateway::start(landing).await;
    let client = gateway.client();
    let you = with_key(client.clone(), &unlimited);

    assert_eq!(you.get("/echo/resource?param1=a").await.json()["uri"], "/base/resource?param1=a");
    // cache-lookup, rewrite-uri and cache-store: the second answer is the first one.
    let (first, second) =
        (you.get("/echo/resource-cached?param1=a").await, you.get("/echo/resource-cached?param1=a").await);
    assert_eq!(
        first.json()["uri"].as_str().map(|uri| uri.split('?').next().unwrap().to_owned()).as_deref(),
        Some("/base/resource")
    );
    assert_eq!((second.status, &second.body), (first.status, &first.body));
    let resource_requests =
        || backend.seen().iter().filter(|seen| seen.uri.starts_with("/base/resource")).count();
    assert_eq!(resource_requests(), 2, "the second did not reach the backend");
    // json-to-xml
    let created = you
        .clone()
        .header("content-type", "application/json")
        .send("POST", "/echo/resource", r#"{"order":{"id":7}}"#)
        .await
        .json();
    assert!(created["body"].as_str().unwrap().contains("<id>7</id>"), "{created:#}");
    let head = you.send("HEAD", "/echo/resource", "").await;
    assert_eq!((head.status.as_u16(), head.header("x-my-sample")), (200, Some("This is a sample")));
    // The starter product: five calls a minute.
    let me = with_key(client.clone(), &starter);
    for _ in 0..5 {
        assert_eq!(me.get("/echo/resource?param1=a").await.status, 200);
    }
    let limited = me.get("/echo/resource?param1=a").await;
    assert_eq!(limited.status, 429);
    assert!(limited.header("retry-after").is_some());
    assert_eq!(you.get("/echo/resource?param1=a").await.status, 200);
    assert_eq!(you.get("/echo/resource").await.status, 404, "a required parameter is a part of the template");

    // An address filter with a named value, and a version beside the API without one.
    let math = |address: &str| with_key(from(&client, address), &calculator);
    for (address, status) in
        [("10.0.0.1", 200), ("13.66.140.130", 200), ("13.66.140.144", 403), ("10.0.0.2", 403)]
    {
        assert_eq!(math(address).get("/calc/add?a=1&b=2").await.status, status, "{address}");
    }
    assert_eq!(math("10.0.0.1").get("/calc/v1/minus").await.status, 401, "the key is of the other version");

    // The global policy of the service: CORS for the developer portal.
    let preflight = client
        .clone()
        .header("origin", "https://red-apim-dev.developer.azure-api.net")
        .header("access-control-request-method", "GET")
        .send("OPTIONS", "/echo/resource", "")
        .await;
    assert_eq!(
        preflight.header("access-control-allow-origin"),
        Some("https://red-apim-dev.developer.azure-api.net")
    );
    assert_eq!(preflight.header("access-control-allow-credentials"), Some("true"));

    // The expression in this answer is the region of the deployment, and the named value stands in its body.
    let environment = you.get("/echo/get-env").await;
    assert_eq!(environment.json()["environment"], "https://www.bing-dev.com");
    assert_eq!(environment.header("x-request-context-data"), Some("lab"));
}
