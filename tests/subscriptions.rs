//! Who may call what, by subscription key.

use serde_json::json;

use crate::support::{Api, Backend, Client, Gateway, Landing, gatehouse};

async fn status(client: &Client, key: Option<&str>, path: &str) -> u16 {
    let client = match key {
        Some(key) => client.clone().header("Ocp-Apim-Subscription-Key", key),
        None => client.clone(),
    };
    client.get(path).await.status.as_u16()
}

#[tokio::test]
async fn the_decision_tables_of_api_management_hold() {
    let backend = Backend::echo();
    let tag = |name: &str| {
        format!(
            "<policies><inbound><set-header name=\"X-Product\" exists-action=\"override\"><value>{name}</value></set-header><base /></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
        )
    };
    let api = |name: &str, required: bool| {
        Api::new(name, &backend.url()).set("subscriptionRequired", required).operation("get", "GET", "/x")
    };
    let landing = Landing::new()
        .api(api("closed", true))
        .api(api("free", false))
        .api(api("opened", true))
        .api(api("other", true))
        .product("gold", &["closed", "free", "opened"], json!({}), Some(&tag("gold")))
        .product("open", &["opened"], json!({ "subscriptionRequired": false }), Some(&tag("open")))
        .product("silver", &["other"], json!({ "state": "notPublished" }), Some(&tag("silver")))
        .subscription("gold", "/products/gold")
        .subscription("silver", "/products/silver")
        .subscription("one", "/apis/closed")
        .subscription("all", "/apis");
    let gateway = Gateway::start(landing).await;
    let client = gateway.client();

    // No key.
    assert_eq!(status(&client, None, "/closed/x").await, 401);
    assert_eq!(status(&client, None, "/free/x").await, 200);
    assert_eq!(status(&client, None, "/opened/x").await, 200);
    // Keys of every scope.
    for (key, expected) in [
        ("gold-primary", 200),
        ("gold-secondary", 200),
        ("one-primary", 200),
        ("all-primary", 200),
        ("silver-primary", 401),
        ("nonsense", 401),
    ] {
        assert_eq!(status(&client, Some(key), "/closed/x").await, expected, "{key}");
    }
    assert_eq!(
        status(&client, Some("silver-primary"), "/other/x").await,
        200,
        "an unpublished product serves its keys"
    );
    assert_eq!(
        status(&client, Some("silver-primary"), "/free/x").await,
        401,
        "a key that opens nothing is no key"
    );
    assert_eq!(status(&client, Some("nonsense"), "/free/x").await, 401);
    assert_eq!(
        status(&client, Some("silver-primary"), "/opened/x").await,
        200,
        "an open product is open to all"
    );

    // The product in whose context a request runs, and what the backend sees of the key.
    let product = |answer: crate::support::Answer| answer.json()["headers"]["x-product"].clone();
    let with = |key: &str| client.clone().header("Ocp-Apim-Subscription-Key", key);
    assert_eq!(product(with("gold-primary").get("/closed/x").await), "gold");
    assert_eq!(product(with("one-primary").get("/closed/x").await), json!(null));
    assert_eq!(product(client.get("/opened/x").await), "open");
    assert_eq!(product(with("silver-primary").get("/opened/x").await), "open");
    let answer = with("gold-primary").get("/closed/x").await.json();
    assert_eq!(answer["headers"]["ocp-apim-subscription-key"], json!(null));
    let answer = client.get("/closed/x?a=1&subscription-key=gold-primary&b=2").await.json();
    assert_eq!(answer["uri"], "/x?a=1&b=2");
    // The query is looked at only where the header is absent.
    let answer = with("nonsense").get("/closed/x?subscription-key=gold-primary").await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.json()["message"],
        "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
    );
}

#[tokio::test]
async fn an_api_names_where_its_key_stands() {
    let backend = Backend::echo();
    let names = json!({ "header": "X-Api-Key", "query": "key" });
    let landing = Landing::new()
        .api(
            Api::new("a", &backend.url())
                .set("subscriptionRequired", true)
                .set("subscriptionKeyParameterNames", names)
                .operation("get", "GET", "/x"),
        )
        .subscription("s", "/apis/a");
    let gateway = Gateway::start(landing).await;
    let client = gateway.client();
    assert_eq!(client.clone().header("x-api-key", "s-primary").get("/a/x").await.status, 200);
    assert_eq!(client.get("/a/x?key=s-secondary").await.status, 200);
    assert_eq!(status(&client, Some("s-primary"), "/a/x").await, 401);
    let refused = client.get("/a/x").await;
    assert!(refused.header("www-authenticate").unwrap().contains("name=\"X-Api-Key\""));
}

#[tokio::test]
async fn the_command_line_makes_rotates_and_suspends_while_the_gateway_runs() {
    let backend = Backend::echo();
    let landing = Landing::new()
        .api(Api::new("a", &backend.url()).set("subscriptionRequired", true).operation("get", "GET", "/x"));
    let gateway = Gateway::start(landing).await;
    let folder = gateway.landing.folder.path().to_owned();
    let run = |arguments: &[&str]| {
        let output = gatehouse(&folder, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let made: serde_json::Value = serde_json::from_str(&run(&[
        "subscription",
        "create",
        "partner",
        "--scope",
        "/apis/a",
        "--format",
        "json",
    ]))
    .unwrap();
    let (primary, secondary) = (made["primaryKey"].as_str().unwrap(), made["secondaryKey"].as_str().unwrap());
    let client = gateway.client();
    expect_soon(&client, primary, 200).await;
    let rotated: serde_json::Value = serde_json::from_str(&run(&[
        "subscription",
        "rotate",
        "partner",
        "--key",
        "primary",
        "--format",
        "json",
    ]))
    .unwrap();
    expect_soon(&client, primary, 401).await;
    expect_soon(&client, rotated["primaryKey"].as_str().unwrap(), 200).await;
    expect_soon(&client, secondary, 200).await;
    run(&["subscription", "suspend", "partner"]);
    expect_soon(&client, secondary, 401).await;
    run(&["subscription", "activate", "partner"]);
    expect_soon(&client, secondary, 200).await;
    let listed = run(&["subscription", "list"]);
    assert!(listed.contains("partner") && !listed.contains(secondary), "{listed}");
    let wrong = gatehouse(&folder, &["subscription", "create", "x", "--scope", "/apis/b"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no API `b`"));
}

async fn expect_soon(client: &Client, key: &str, expected: u16) {
    for _ in 0..100 {
        if status(client, Some(key), "/a/x").await == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the key does not give {expected} within five seconds");
}
