use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::openapi::Documents;
use super::*;
use crate::Diagnostics;
use crate::tree::parse_yaml;

/// The sample of the schema under `of`, as a body of the media type.
fn sample_as(text: &str, content_type: &str, format: Format) -> Option<Value> {
    let file: Arc<Path> = Arc::from(Path::new("schemas.yaml"));
    let mut diagnostics = Diagnostics::new();
    let root = parse_yaml(text, &file).unwrap();
    let documents = Documents::load(root, &file, Path::new("."), &mut diagnostics);
    let references = References::resolve(&documents, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    let schema = documents.root().unwrap().get("of").unwrap();
    Sampler::new(&references, format).response(schema, content_type)
}

fn sample(text: &str) -> Value {
    sample_as(text, "application/json", Format::OpenApi31).unwrap()
}

#[test]
fn what_the_schema_names_comes_first() {
    assert_eq!(sample("of: { type: string, example: a, default: b, enum: [c] }"), "a");
    assert_eq!(sample("of: { type: string, examples: [d], default: b }"), "d");
    assert_eq!(sample("of: { type: string, default: b, enum: [c] }"), "b");
    assert_eq!(sample("of: { enum: [null, c] }"), "c");
    assert_eq!(sample("of: { const: 7 }"), 7);
}

#[test]
fn numbers_keep_their_bounds() {
    assert_eq!(sample("of: { type: integer }"), 0);
    assert_eq!(sample("of: { type: integer, minimum: 3 }"), 3);
    assert_eq!(sample("of: { type: integer, minimum: 3, exclusiveMinimum: true }"), 4);
    assert_eq!(sample("of: { type: integer, exclusiveMinimum: 3 }"), 4);
    assert_eq!(sample("of: { type: integer, maximum: -2 }"), -2);
    assert_eq!(sample("of: { type: integer, minimum: 10, multipleOf: 7 }"), 14);
    assert_eq!(sample("of: { type: number, minimum: 0.25 }"), 0.25);
    assert_eq!(sample("of: { type: number, exclusiveMinimum: 0, maximum: 0.5 }"), 0.25);
}

#[test]
fn strings_keep_format_and_length() {
    assert_eq!(sample("of: { type: string }"), "string");
    assert_eq!(sample("of: { type: string, format: uuid }"), "00000000-0000-4000-8000-000000000000");
    assert_eq!(sample("of: { type: string, maxLength: 3 }"), "str");
    assert_eq!(sample("of: { type: string, minLength: 8 }"), "stringst");
    assert_eq!(sample("of: { type: string, maxLength: 0 }"), "");
}

#[test]
fn objects_leave_out_what_stands_in_requests_alone() {
    let text = "
of:
  type: object
  required: [id]
  properties:
    password: { type: string, writeOnly: true }
    id: { type: integer, readOnly: true }
    tags: { type: array, minItems: 2, items: { type: string } }
    more: { additionalProperties: { type: boolean } }
    secret: { $ref: '#/secret' }
secret: { type: string, writeOnly: true }
";
    assert_eq!(sample(text), json!({"id": 0, "tags": ["string", "string"], "more": {"key": true}}));
}

#[test]
fn compositions_unite_or_choose() {
    let text = "
of:
  allOf:
    - { $ref: '#/base' }
    - { properties: { b: { type: boolean } } }
  properties: { c: { oneOf: [{ type: 'null' }, { type: integer }] } }
base: { properties: { a: { type: string } } }
";
    assert_eq!(sample(text), json!({"a": "string", "b": true, "c": 0}));
    assert_eq!(sample("of: { type: [null, integer] }"), 0);
    assert_eq!(sample("of: { type: ['null', string] }"), "string");
}

#[test]
fn recursion_ends_at_the_first_repetition() {
    let text = "
of: { $ref: '#/node' }
node:
  type: object
  required: [parent]
  properties:
    name: { type: string }
    next: { $ref: '#/node' }
    parent: { $ref: '#/node' }
    children: { type: array, items: { $ref: '#/node' } }
";
    assert_eq!(sample(text), json!({"name": "string", "parent": {}, "children": []}));
    assert_eq!(sample_as("of: { allOf: [{ $ref: '#/of' }] }", "application/json", Format::OpenApi30), None);
}

#[test]
fn a_wide_schema_gives_a_small_sample_with_all_that_is_required() {
    let mut text = String::from("of:\n  required: [last]\n  properties:\n");
    for number in 0..2000 {
        writeln!(text, "    p{number}: {{ type: string }}").unwrap();
    }
    text.push_str("    last: { type: string }\n");
    let sample = sample(&text);
    let object = sample.as_object().unwrap();
    assert!(object.len() <= ENOUGH_NODES + 1);
    assert_eq!(object["last"], "string");
}

#[test]
fn nothing_grows_with_the_power_of_its_depth() {
    let mut text = String::from("of: { $ref: '#/s0' }\n");
    for level in 0..40 {
        let next = level + 1;
        writeln!(
            text,
            "s{level}: {{ required: [a, b], properties: {{ a: {{ $ref: '#/s{next}' }}, b: {{ $ref: '#/s{next}' }} }} }}"
        )
        .unwrap();
    }
    text.push_str("s40: { type: string }\n");
    let sample = sample(&text);
    assert!(sample.to_string().len() < 32 << 10);
}

#[test]
fn all_parts_of_a_composition_require_of_all() {
    let mut text = String::from(
        "of: { allOf: [{ $ref: '#/wide' }, { required: [p1990] }], required: [p1991] }\nwide:\n",
    );
    text.push_str("  properties:\n");
    for number in 0..2000 {
        writeln!(text, "    p{number}: {{ type: string }}").unwrap();
    }
    let sample = sample(&text);
    assert_eq!((&sample["p1990"], &sample["p1991"]), (&json!("string"), &json!("string")));
    assert_eq!(sample.get("p1992"), None);
}

#[test]
fn an_empty_default_says_nothing() {
    assert_eq!(
        sample("of: { default: {}, required: [a], properties: { a: { type: string } } }"),
        json!({"a": "string"})
    );
    assert_eq!(sample("of: { type: array, default: [], items: { type: integer } }"), json!([0]));
}

#[test]
fn keywords_beside_a_reference_count_since_3_1() {
    let text = "of: { $ref: '#/a', example: mine }\na: { type: string }";
    assert_eq!(sample_as(text, "application/json", Format::OpenApi31).unwrap(), "mine");
    assert_eq!(sample_as(text, "application/json", Format::OpenApi30).unwrap(), "string");
}

#[test]
fn other_media_types_get_text_or_nothing() {
    let format = Format::OpenApi30;
    assert_eq!(sample_as("of: { type: string }", "text/plain; charset=utf-8", format).unwrap(), "string");
    assert_eq!(sample_as("of: { type: object }", "text/csv", format), None);
    assert_eq!(sample_as("of: { type: string }", "image/png", format), None);
    assert!(sample_as("of: { type: object }", "application/problem+json", format).is_some());
}
