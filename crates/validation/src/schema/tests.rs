use std::borrow::Cow;

use serde_json::json;

use super::*;
use crate::json::Document;

fn judged(dialect: Dialect, variant: Variant, document: &Value, schema: &Value, body: &Value) -> Vec<String> {
    let shared =
        Shared::compile(document, dialect, variant, &[Cow::Owned(Value::Bool(true)), Cow::Borrowed(schema)]);
    assert_eq!(shared.fault(1), None);
    let text = body.to_string();
    let parsed = Document::parse(text.as_bytes()).unwrap();
    let root = parsed.root();
    let valid = shared.is_valid(1, &root);
    let found: Vec<String> = shared
        .violations(1, &root, Some(&parsed), 10)
        .iter()
        .map(|one| format!("{}: {}", one.pointer, one.details()))
        .collect();
    assert_eq!(valid, found.is_empty(), "{found:?}");
    found
}

fn plain(dialect: Dialect, schema: &Value, body: &Value) -> Vec<String> {
    judged(dialect, Variant::plain(Direction::Request), &json!({}), schema, body)
}

#[test]
fn dialects_mean_what_their_specifications_say() {
    use Dialect::{OpenApi30, OpenApi31, Swagger2};
    let cases = [
        (OpenApi30, json!({"type": "string", "nullable": true}), json!(null), true),
        (OpenApi31, json!({"type": "string", "nullable": true}), json!(null), false),
        (Swagger2, json!({"type": "string", "x-nullable": true}), json!(null), true),
        (OpenApi30, json!({"nullable": true, "enum": ["a"], "type": "string"}), json!(null), true),
        (OpenApi30, json!({"nullable": true, "allOf": [{"type": "object"}]}), json!(null), true),
        (OpenApi30, json!({"minimum": 1, "exclusiveMinimum": true}), json!(1), false),
        (OpenApi30, json!({"minimum": 1, "exclusiveMinimum": false}), json!(1), true),
        (OpenApi30, json!({"maximum": 1, "exclusiveMaximum": true}), json!(1), false),
        (OpenApi31, json!({"exclusiveMinimum": 1}), json!(1), false),
        (Swagger2, json!({"type": "file"}), json!("x"), true),
        (OpenApi30, json!({"type": "integer", "format": "int32"}), json!(2_147_483_648_i64), false),
        (OpenApi30, json!({"type": "integer", "format": "int32"}), json!(-2_147_483_648_i64), true),
        (
            OpenApi30,
            json!({"type": "integer", "format": "int64"}),
            json!(9_223_372_036_854_775_808_u64),
            false,
        ),
        (OpenApi30, json!({"type": "integer", "format": "int64"}), json!(i64::MAX), true),
        (OpenApi30, json!({"type": "string", "format": "byte"}), json!("YQ=="), true),
        (OpenApi30, json!({"type": "string", "format": "byte"}), json!("not base64!"), false),
        (OpenApi30, json!({"type": "string", "format": "date-time"}), json!("yesterday"), false),
        (OpenApi30, json!({"type": "string", "format": "uuid"}), json!("0-0"), false),
        (OpenApi31, json!({"const": 1}), json!(1.0), true),
        (
            OpenApi31,
            json!({"type": "array", "prefixItems": [{"type": "string"}], "items": false}),
            json!(["a", 1]),
            false,
        ),
        (OpenApi30, json!({"type": "string", "pattern": "^(?!x)\\p{L}+$"}), json!("äb"), true),
        (OpenApi30, json!({"type": "string", "example": {"$ref": "#/nowhere"}}), json!("äb"), true),
    ];
    for (dialect, schema, body, valid) in cases {
        assert_eq!(plain(dialect, &schema, &body).is_empty(), valid, "{dialect:?} {schema} {body}");
    }
    let document = json!({"components": {"schemas": {"S": {"type": "string"}}}});
    let schema = json!({"$ref": "#/components/schemas/S", "maxLength": 1});
    let variant = Variant::plain(Direction::Request);
    assert!(judged(OpenApi30, variant, &document, &schema, &json!("ab")).is_empty());
    assert!(!judged(OpenApi31, variant, &document, &schema, &json!("ab")).is_empty());
    assert!(!judged(OpenApi31, variant, &document, &schema, &json!(1)).is_empty());
}

#[test]
fn read_only_properties_stay_out_of_requests_and_write_only_ones_out_of_answers() {
    let document = json!({"components": {"schemas": {"Base": {
    "type": "object", "required": ["id", "secret"], "properties": {
        "id": {"type": "integer", "readOnly": true}, "secret": {"type": "string", "writeOnly": true}
    }}}}});
    let schema = json!({"allOf": [{"$ref": "#/components/schemas/Base"}], "required": ["id"]});
    let judge = |direction, body: Value| {
        judged(Dialect::OpenApi30, Variant::plain(direction), &document, &schema, &body)
    };
    assert!(judge(Direction::Request, json!({"secret": "x"})).is_empty());
    assert_eq!(judge(Direction::Request, json!({"secret": "x", "id": 1})).len(), 1);
    assert!(!judge(Direction::Request, json!({})).is_empty());
    assert!(judge(Direction::Response, json!({"id": 1})).is_empty());
    assert_eq!(
        judge(Direction::Response, json!({"id": 1, "secret": "x"})),
        ["/secret: The value must not be sent this way. Line: 1, Position: 18"]
    );
}

#[test]
fn recursion_is_followed_as_deep_as_the_body_goes() {
    let document = json!({"components": {"schemas": {"Node": {"type": "object", "properties": {
        "next": {"$ref": "#/components/schemas/Node"}, "value": {"type": "integer"}}}}}});
    let schema = json!({"$ref": "#/components/schemas/Node"});
    let variant = Variant::plain(Direction::Request);
    let body = json!({"next": {"next": {"next": {"value": "x"}}}});
    assert_eq!(
        judged(Dialect::OpenApi30, variant, &document, &schema, &body),
        ["/next/next/next/value: Invalid type. Expected Integer but got String. Line: 1, Position: 34"]
    );
}

#[test]
fn additional_properties_are_refused_or_let_through_whatever_the_schema_says() {
    let document = json!({"components": {"schemas": {
        "Part": {"type": "object", "properties": {"a": {"type": "integer"}}},
        "Open": {"allOf": [{"$ref": "#/components/schemas/Part"}, {"properties": {"b": {"$ref": "#/components/schemas/Part"}}}]},
        "Map": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Part"}},
        "Closed": {"type": "object", "additionalProperties": false, "properties": {"a": {}}}
    }}});
    let judge = |additional, name: &str, body: Value| {
        let variant = Variant { additional_properties: additional, ..Variant::plain(Direction::Request) };
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        judged(Dialect::OpenApi30, variant, &document, &schema, &body).len()
    };
    assert_eq!(judge(None, "Part", json!({"x": 1})), 0);
    assert_eq!(judge(Some(false), "Part", json!({"x": 1})), 1);
    assert_eq!(judge(Some(false), "Open", json!({"a": 1, "b": {"a": 1}})), 0);
    assert_eq!(judge(Some(false), "Open", json!({"a": 1, "b": {"x": 1}})), 1);
    assert_eq!(judge(Some(false), "Open", json!({"a": 1, "c": 1})), 1);
    assert_eq!(judge(Some(false), "Map", json!({"any": {"a": 1}})), 0);
    assert_eq!(judge(Some(false), "Map", json!({"any": {"x": 1}})), 1);
    assert_eq!(judge(None, "Closed", json!({"x": 1, "y": 1})), 2);
    assert_eq!(judge(Some(true), "Closed", json!({"x": 1})), 0);
}

#[test]
fn one_broken_schema_breaks_only_the_positions_that_use_it() {
    let document = json!({"components": {"schemas": {
        "Bad": {"type": "strin"}, "Uses": {"properties": {"x": {"$ref": "#/components/schemas/Bad"}}},
        "Good": {"type": "string"}, "Pattern": {"pattern": "("}
    }}});
    let positions = [
        json!({"$ref": "#/components/schemas/Good"}),
        json!({"$ref": "#/components/schemas/Uses"}),
        json!({"$ref": "#/components/schemas/Missing"}),
        json!({"minimum": "x"}),
        json!({"items": {"$ref": "#/components/schemas/Pattern"}}),
    ];
    let positions: Vec<Cow<'_, Value>> = positions.iter().map(Cow::Borrowed).collect();
    let shared =
        Shared::compile(&document, Dialect::OpenApi30, Variant::plain(Direction::Request), &positions);
    let faults: Vec<bool> = (0..5).map(|position| shared.fault(position).is_some()).collect();
    assert_eq!(faults, [false, true, true, true, true]);
    assert!(shared.fault(1).unwrap().contains("strin"), "{:?}", shared.fault(1));
    assert!(shared.is_valid(0, &crate::json::TapeNode::Text("x")));
    assert!(!shared.is_valid(0, &crate::json::TapeNode::Null));
}
