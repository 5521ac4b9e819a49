//! The firewall and the definitions of APIs.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Api, Backend, Client, Gateway, Landing, gatehouse};

const DEFINITION: &str = r##"
openapi: 3.0.3
info: { title: shop, version: "1" }
paths:
  /items:
    get:
      operationId: list
      parameters:
        - { name: sort, in: query, schema: { type: string, enum: [name, "1' or '1'='1"] } }
        - { name: id, in: query, schema: { type: string, format: uuid } }
        - { name: ids, in: query, explode: false, schema: { type: array, items: { type: integer } } }
        - { name: text, in: query, schema: { type: string } }
        - { name: filter, in: query, style: deepObject, schema: { type: object, properties: { since: { type: string, format: date } } } }
      responses: { "200": { description: ok } }
    post:
      operationId: add
      requestBody:
        content:
          application/json: { schema: { $ref: "#/components/schemas/Item" } }
          application/x-www-form-urlencoded: { schema: { $ref: "#/components/schemas/Item" } }
      responses: { "200": { description: ok } }
components:
  schemas:
    Item:
      type: object
      properties:
        kind: { type: string, enum: [tea, "<script>alert(1)</script>"] }
        name: { type: string }
        parts: { type: array, items: { $ref: "#/components/schemas/Item" } }
        labels: { type: object, additionalProperties: { type: string } }
"##;

async fn gateway(backend: &Backend, waf: &str) -> Gateway {
    let landing = Landing::new().api(Api::new("shop", &backend.url())).with(waf);
    landing.file("artifacts/apis/shop/specification.yaml", DEFINITION);
    landing.file("off.conf", "");
    Gateway::start(landing).await
}

async fn records(gateway: &Gateway, count: usize) -> Vec<Value> {
    let path = gateway.landing.path("waf.jsonl");
    let deadline = Instant::now() + Duration::from_secs(15);
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

const SPELLED: &str = "/shop/items?sort=1%27%20or%20%271%27=%271";

fn json(client: &Client) -> Client {
    client.clone().header("content-type", "application/json")
}

#[tokio::test]
async fn values_that_the_definition_proves_harmless_pass_and_nothing_else_does() {
    let backend = Backend::echo();
    let gateway = gateway(&backend, "waf: { audit_log: waf.jsonl }").await;
    let client = gateway.client();
    let status = async |path: &str| client.get(path).await.status.as_u16();
    assert_eq!(status(SPELLED).await, 200);
    // The same text where it is not spelled, beside itself, or with more around it.
    assert_eq!(status("/shop/items?text=1%27%20or%20%271%27=%271").await, 403);
    assert_eq!(status(&format!("{SPELLED}&sort=1%27%20or%20%272%27=%272")).await, 403);
    assert_eq!(status(&format!("{SPELLED}--")).await, 403);
    assert_eq!(status("/shop/items?id=550e8400-e29b-41d4-a716-446655440000%27%20or%201=1--").await, 403);
    assert_eq!(status("/shop/items?ids=1,2,3%20union%20select%201").await, 403);
    let item = r#"{"kind":"<script>alert(1)</script>","parts":[{"kind":"<script>alert(1)</script>"}]}"#;
    assert_eq!(json(&client).send("POST", "/shop/items", item).await.status, 200);
    let named = r#"{"name":"<script>alert(1)</script>"}"#;
    assert_eq!(json(&client).send("POST", "/shop/items", named).await.status, 403);
    // A name with a point in it is not two names.
    let dotted = r#"{"parts.array_0.kind":"<script>alert(1)</script>"}"#;
    assert_eq!(json(&client).send("POST", "/shop/items", dotted).await.status, 403);
    let form = client.clone().header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.send("POST", "/shop/items", "kind=%3Cscript%3Ealert(1)%3C/script%3E").await.status, 200);
    assert_eq!(form.send("POST", "/shop/items", "name=%3Cscript%3Ealert(1)%3C/script%3E").await.status, 403);

    let records = records(&gateway, 8).await;
    let record = records.iter().find(|record| record["uri"].as_str().unwrap().contains("&sort=")).unwrap();
    assert_eq!(
        (record["api"].as_str(), record["operation"].as_str()),
        (Some("shop"), Some("list")),
        "{record}"
    );
    assert_eq!(record["proven"], serde_json::json!([{ "variable": "ARGS:sort", "proof": "enum" }]));
    let metrics = gateway.internal_client().get("/metrics").await.text();
    assert!(
        metrics.contains("gatehouse_waf_api_rule_matches_total{api=\"shop\",rule=\"7009000\"} 8"),
        "{metrics}"
    );
}

#[tokio::test]
async fn proofs_count_only_where_the_configuration_lets_them() {
    let backend = Backend::echo();
    let gateway = gateway(&backend, "waf: { use_definitions: false }").await;
    assert_eq!(gateway.client().get(SPELLED).await.status, 403);
}

#[tokio::test]
async fn arguments_that_the_definition_does_not_have_are_refused_where_the_configuration_says_so() {
    let backend = Backend::echo();
    let gateway = gateway(&backend, "waf: { audit_log: waf.jsonl, refuse_undeclared: [shop] }").await;
    let client = gateway.client();
    let status = async |path: &str| client.get(path).await.status.as_u16();
    assert_eq!(status("/shop/items?text=tea&ids=1,2&filter[since]=2024-05-01").await, 200);
    // The parameter of keys is declared by the gateway; this key is none.
    assert_eq!(status("/shop/items?text=tea&subscription-key=unknown-key").await, 401);
    assert_eq!(status("/shop/items?text=tea&debug=1").await, 400);
    assert_eq!(status("/shop/items?filter[until]=2024-05-01").await, 400);
    let post =
        async |body: &'static str| json(&client).send("POST", "/shop/items", body).await.status.as_u16();
    assert_eq!(post(r#"{"name":"tea","parts":[{"kind":"tea"}],"labels":{"any":"thing"}}"#).await, 200);
    assert_eq!(post(r#"{"name":"tea","admin":true}"#).await, 400);
    assert_eq!(post(r#"{"parts":[{"kind":"tea","admin":{"is":true}}]}"#).await, 400);
    assert_eq!(post(r#"{"parts.array_0.kind":"tea"}"#).await, 400);
    let records = records(&gateway, 5).await;
    let record = records.iter().find(|record| record["uri"] == "/shop/items?text=tea&debug=1").unwrap();
    // Refused before the rules after it have looked.
    assert_eq!(record["rules"].as_array().unwrap().len(), 1, "{record}");
    assert_eq!(
        (record["rules"][0]["id"].as_u64(), record["rules"][0]["data"].as_str()),
        (Some(7_000_004), Some("ARGS_UNDECLARED_NAMES:debug"))
    );
    assert_eq!(backend.seen().len(), 2, "what was refused did not come through");
}

#[tokio::test]
async fn a_name_that_nothing_has_is_told() {
    let backend = Backend::echo();
    let landing = Landing::new()
        .api(Api::new("shop", &backend.url()).operation("list", "GET", "/items"))
        .with("waf: { refuse_undeclared: [shopp, shop/liste] }");
    landing.write_configuration();
    let output = gatehouse(&landing.path("."), &["check"]);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("there is no API `shopp`") && text.contains("there is no operation `shop/liste`"),
        "{text}"
    );
}

#[tokio::test]
async fn exclusions_are_proposed_from_the_log_with_what_they_cost() {
    let backend = Backend::echo();
    let gateway =
        gateway(&backend, "waf: { mode: detection, audit_log: waf.jsonl, exclusions: off.conf }").await;
    let client = gateway.client();
    for text in ["x%27%20or%20%27a%27=%27a", "y%27%20or%20%27b%27=%27b"] {
        assert_eq!(client.get(&format!("/shop/items?text={text}")).await.status, 200);
    }
    assert_eq!(client.get("/nowhere?text=x%27%20or%20%27a%27=%27a").await.status, 404);
    records(&gateway, 3).await;
    gateway.landing.file(
        "tests/7002001.yaml",
        "meta: {}\nrule_id: 7002001\ntests:\n  - test_id: 1\n    stages:\n      - input: { method: GET, uri: \"/?a=x%27%20or%20%27a%27=%27a\", headers: { Host: localhost } }\n        output: { log: { expect_ids: [7002001] } }\n  - test_id: 2\n    stages:\n      - input: { method: GET, uri: \"/?a=1%27%20union%20select%201,2--%20x\", headers: { Host: localhost } }\n        output: { log: { expect_ids: [7002001] } }\n",
    );
    let run = |format: &str| {
        let arguments = ["waf", "exclusions", "--format", format, "--tests", "tests"];
        let output = gatehouse(&gateway.landing.path("."), &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&run("json")).unwrap();
    let proposal =
        report["proposals"].as_array().unwrap().iter().find(|row| row["rule"] == 7_002_001).unwrap();
    assert_eq!(
        (proposal["operation"].as_str(), proposal["variable"].as_str()),
        (Some("list"), Some("ARGS:text"))
    );
    assert_eq!(
        (proposal["requests"].as_u64(), proposal["clients"].as_u64()),
        (Some(2), Some(1)),
        "{proposal}"
    );
    assert_eq!(proposal["examples"].as_array().unwrap().len(), 2);
    // The union is found by another rule, too; the other attack is not.
    assert_eq!(
        (proposal["attacks"]["tried"].as_u64(), &proposal["attacks"]["lost"]),
        (Some(2), &serde_json::json!(["7002001-1"]))
    );
    let left_out = report["left_out"].as_array().unwrap();
    assert!(left_out.iter().any(|row| row["reason"] == "the requests were for no operation"), "{report}");

    // What is proposed is read, and takes away that rule there and nowhere else.
    gateway.landing.file("off.conf", &run("text"));
    gateway.landing.file(
        "gatehouse.yaml",
        &std::fs::read_to_string(gateway.landing.path("gatehouse.yaml"))
            .unwrap()
            .replace("mode: detection", "mode: prevention"),
    );
    gateway.reload().await;
    assert_eq!(client.get("/shop/items?text=x%27%20or%20%27a%27=%27a").await.status, 200);
    assert_eq!(client.get("/shop/items?text=1%27%20union%20select%201,2--%20x").await.status, 403);
    assert_eq!(client.get("/nowhere?text=x%27%20or%20%27a%27=%27a").await.status, 403);
}
