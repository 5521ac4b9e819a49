//! Judging requests: parameters, and bodies of several sizes, parse included.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use gatehouse_validation::openapi::{Api, Encoding, Operation, QueryPairs, Values};
use gatehouse_validation::{Dialect, Direction, Variant};

use crate::Case;

const VARIANT: Variant =
    Variant { direction: Direction::Request, additional_properties: None, ignore_case: false };

/// Names of sizes, and how many lines an order of that size has.
const SIZES: [(&str, usize); 3] = [("1KB", 4), ("10KB", 56), ("100KB", 565)];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("validation/parameters-5", parameters),
        Case::new("validation/request-1KB-3-parameters", request),
    ];
    for (name, lines) in SIZES {
        cases.push(Case::new(format!("validation/body-{name}"), move || body(0, lines)));
    }
    cases.push(Case::new("validation/body-1KB-in-2.3MB-definition", || body(2_000, 4)));
    cases
}

/// The bodies by name: `body-1KB` and larger.
pub(crate) fn bodies() -> Vec<(String, String)> {
    SIZES.iter().map(|(name, lines)| (format!("body-{name}"), order_of(*lines))).collect()
}

/// A definition with the order that the bodies are, and that many schemas and operations beside it.
fn definition(others: usize) -> serde_json::Value {
    let text = include_str!("../../data/orders.json");
    let mut document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    for number in 0..others {
        let schema = serde_json::json!({
            "type": "object",
            "description": "x".repeat(300),
            "required": ["id", "name"],
            "properties": {
                "id": {"type": "integer", "format": "int64"}, "name": {"type": "string", "maxLength": 60, "pattern": format!("^[A-Z]{{1,9}}{number}$")},
                "tags": {"type": "array", "uniqueItems": true, "items": {"type": "string", "enum": ["a", "b", "c"]}},
                "parent": {"$ref": format!("#/components/schemas/Other{}", (number + 1) % others)},
                "order": {"$ref": "#/components/schemas/Order"}
            }
        });
        let name = format!("Other{number}");
        let path = serde_json::json!({"post": {"description": "y".repeat(300), "requestBody": {"content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}}}, "responses": {}}});
        document["components"]["schemas"][name] = schema;
        document["paths"][format!("/other/{number}")] = path;
    }
    document
}

fn order(others: usize) -> Arc<Operation> {
    let api = Api::compile(&definition(others), Dialect::OpenApi30, &[VARIANT]);
    assert!(api.reports().is_empty(), "{:?}", api.reports());
    let found = api.operation("/orders/{customer}", "POST").map(Arc::clone);
    found.unwrap_or_else(|| panic!("the definition has the operation"))
}

/// An order of that many lines.
fn order_of(lines: usize) -> String {
    let mut text = String::from(
        "{\"id\":\"0f0f4f66-2a4c-4c0e-9d8b-6f6f2f1f0a01\",\"number\":4711,\"created\":\"2024-05-17T09:30:00Z\",\"customer\":{\"name\":\"Ada Lovelace\",\"email\":\"ada@example.com\",\"address\":{\"street\":\"12 St James's Square\",\"city\":\"London\",\"zip\":\"SW1Y 4JH\",\"country\":\"GB\"}},\"payment\":{\"kind\":\"card\",\"last4\":\"4242\",\"expires\":\"2027-09\"},\"total\":199.95,\"lines\":[",
    );
    for line in 0..lines {
        if line > 0 {
            text.push(',');
        }
        let _ = write!(
            text,
            "{{\"sku\":\"AB-{:05}\",\"title\":\"A thing with the number {line}, in a box\",\"quantity\":{},\"price\":19.99,\"options\":[{{\"name\":\"colour\",\"value\":\"red\"}},{{\"name\":\"size\",\"value\":{}}}],\"gift\":{}}}",
            line % 100_000,
            1 + line % 9,
            30 + line % 20,
            line % 2 == 0
        );
    }
    text.push_str("]}");
    text
}

fn body(others: usize, lines: usize) -> crate::Run {
    let operation = order(others);
    let text = order_of(lines).into_bytes();
    judge_body(&operation, &text);
    Box::new(move || judge_body(black_box(&operation), black_box(&text)))
}

fn judge_body(operation: &Operation, text: &[u8]) {
    let media = operation.body().and_then(|body| body.media("application/json"));
    let media = media.unwrap_or_else(|| panic!("the operation takes JSON"));
    let judged = operation.validate(media, VARIANT, Encoding::Json, "application/json", text);
    assert!(judged.is_ok(), "{judged:?}");
}

fn request() -> crate::Run {
    let operation = order(0);
    let text = order_of(4).into_bytes();
    Box::new(move || {
        judge_parameters(black_box(&operation), "dryRun=true&priority=3", 3);
        judge_body(black_box(&operation), black_box(&text));
    })
}

fn parameters() -> crate::Run {
    let operation = order(0);
    let query = "dryRun=true&priority=3&region=west&page=12";
    judge_parameters(&operation, query, 5);
    Box::new(move || judge_parameters(black_box(&operation), black_box(query), 5))
}

fn judge_parameters(operation: &Operation, query: &str, count: usize) {
    let pairs = QueryPairs::parse(query).unwrap_or_default();
    for parameter in operation.parameters().iter().take(count) {
        let judged = if &*parameter.name == "customer" {
            operation.check(parameter, &Values::Texts(["4711"].into_iter().collect()))
        } else {
            operation.check(parameter, &Values::Query(&pairs))
        };
        assert!(judged.is_ok(), "{judged:?}");
    }
}
