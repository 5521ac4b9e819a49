//! Which requests reach which API, on which side.

use serde_json::json;

use crate::support::{Api, Backend, Gateway, Landing};

#[tokio::test]
async fn requests_reach_the_backend_as_policies_and_proxies_expect() {
    let backend = Backend::echo();
    let landing = Landing::new().api(
        Api::new("shop", &format!("{}/base", backend.url()))
            .operation("get-order", "GET", "/orders/{id}")
            .operation("add-order", "POST", "/orders"),
    );
    let gateway = Gateway::start(landing).await;
    let client = gateway
        .client()
        .header("x-forwarded-for", "10.1.2.3")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let answer = client.get("/shop/orders/a%20b?x=1&y=%2F").await;
    assert_eq!(answer.status, 200);
    let seen = answer.json();
    assert_eq!(seen["uri"], "/base/orders/a%20b?x=1&y=%2F");
    let headers = &seen["headers"];
    assert_eq!(headers["host"], backend.address.to_string());
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["x-forwarded-host"], "localhost");
    assert_eq!(headers["forwarded"], "for=127.0.0.1;host=\"localhost\";proto=https");
    assert_eq!(headers["x-hop"], serde_json::Value::Null);
    assert_eq!(headers["x-request-id"].as_str(), answer.header("x-request-id"));
    let traceparent = headers["traceparent"].as_str().unwrap();
    assert!(
        traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")
            && !traceparent.contains("00f067aa0ba902b7")
    );

    let posted = client.send_h2("POST", "/Shop/Orders/", "body of the order").await;
    assert_eq!(posted.json()["body"], "body of the order");
    for (method, path) in
        [("GET", "/shop/orders"), ("DELETE", "/shop/orders/7"), ("GET", "/shop"), ("GET", "/other")]
    {
        let answer = gateway.client().send(method, path, "").await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert_eq!(answer.text(), r#"{"statusCode":404,"message":"Resource not found"}"#);
    }
    let problem = gateway.client().header("accept", "application/problem+json").get("/other").await;
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.json()["status"], 404);
    for path in [
        "/shop/orders/../x",
        "/shop/orders/%2e%2e",
        "/shop/orders/..%2fx",
        "/shop/orders/%zz",
        "/shop/orders/a%00",
    ] {
        assert_eq!(gateway.client().get(path).await.status, 400, "{path}");
    }
    assert_eq!(backend.seen().len(), 2, "nothing else was forwarded");
}

#[tokio::test]
async fn an_external_listener_answers_only_for_what_is_exposed() {
    let backend = Backend::echo();
    let landing = Landing::new()
        .expose("[open]")
        .api(Api::new("open", &backend.url()).operation("all", "GET", "/{*rest}"))
        .api(Api::new("secret", &backend.url()).operation("all", "GET", "/{*rest}"))
        .api(
            Api::new("nested", &backend.url()).set("path", "open/inner").operation("all", "GET", "/{*rest}"),
        );
    let gateway = Gateway::start(landing).await;
    let (outside, inside) = (gateway.client(), gateway.internal_client());
    assert_eq!(outside.get("/open/x").await.status, 200);
    assert_eq!(inside.get("/secret/x").await.status, 200);
    assert_eq!(inside.get("/open/inner/x").await.json()["uri"], "/x");
    assert_eq!(outside.get("/open/inner/x").await.json()["uri"], "/inner/x", "no trace of the inner API");
    let (hidden, absent) = (outside.get("/secret/x").await, outside.get("/absent/x").await);
    assert_eq!((hidden.status, hidden.text()), (absent.status, absent.text()));
    let names = |answer: &crate::support::Answer| {
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&hidden), names(&absent));
    assert_eq!(outside.get("/metrics").await.status, 404, "metrics are for the internal listener");
    assert_eq!(inside.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn versions_and_revisions_are_chosen_as_in_api_management() {
    let (one, two, three) = (Backend::echo(), Backend::echo(), Backend::echo());
    let landing = Landing::new()
        .api(
            Api::new("shop-v1", &one.url())
                .set("path", "shop")
                .set("apiVersion", "v1")
                .set("apiVersionSetId", "/apiVersionSets/shop")
                .operation("get", "GET", "/x"),
        )
        .api(
            Api::new("shop-v1;rev=2", &two.url())
                .set("path", "shop")
                .set("apiVersion", "v1")
                .set("apiVersionSetId", "/apiVersionSets/shop")
                .set("apiRevision", "2")
                .set("isCurrent", false)
                .operation("get", "GET", "/x"),
        )
        .api(
            Api::new("stock", &three.url())
                .set("apiVersion", "2024")
                .set("apiVersionSetId", "/apiVersionSets/stock")
                .operation("get", "GET", "/x"),
        );
    landing.file(
        "artifacts/version sets/shop/versionSetInformation.json",
        &json!({ "properties": { "displayName": "Shop", "versioningScheme": "Segment" } }).to_string(),
    );
    landing.file(
        "artifacts/version sets/stock/versionSetInformation.json",
        &json!({ "properties": { "displayName": "Stock", "versioningScheme": "Header", "versionHeaderName": "Api-Version" } })
            .to_string(),
    );
    let gateway = Gateway::start(landing).await;
    let client = gateway.client();
    assert_eq!(client.get("/shop/v1/x").await.status, 200);
    assert_eq!((one.seen().len(), two.seen().len()), (1, 0));
    assert_eq!(client.get("/shop/v1;rev=2/x").await.status, 200);
    assert_eq!((one.seen().len(), two.seen().len()), (1, 1));
    assert_eq!(client.get("/shop/x").await.status, 404);
    assert_eq!(client.get("/shop/v1;rev=3/x").await.status, 404);
    assert_eq!(client.get("/stock/x").await.status, 404);
    assert_eq!(client.clone().header("api-version", "2024").get("/stock/x").await.status, 200);
}

#[tokio::test]
async fn hosts_that_are_not_served_are_misdirected() {
    let backend = Backend::echo();
    let landing = Landing::new()
        .listener("    hosts: [localhost, '*.example']")
        .api(Api::new("shop", &backend.url()).operation("get", "GET", "/x"));
    let gateway = Gateway::start(landing).await;
    assert_eq!(gateway.client().get("/shop/x").await.status, 200);
    assert_eq!(gateway.client().header("host", "api.example").get("/shop/x").await.status, 200);
    assert_eq!(gateway.client().header("host", "evil.test").get("/shop/x").await.status, 421);
}
