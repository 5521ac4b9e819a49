//! Requests made from definitions.

use std::path::Path;

use super::super::{ExampleRequest, example_requests};

fn requests(text: &str) -> Vec<ExampleRequest> {
    example_requests(Path::new("a.yaml"), text)
}

fn in_3(paths: &str) -> Vec<ExampleRequest> {
    requests(&format!("openapi: 3.0.3\ninfo: {{ title: a, version: '1' }}\npaths:\n{paths}"))
}

#[test]
fn every_style_is_written_as_it_is_read() {
    let made = in_3(
        "  /a/{id}/{list}:
    parameters:
      - { name: id, in: path, required: true, style: matrix, schema: { type: integer, minimum: 7 } }
      - { name: list, in: path, required: true, style: label, explode: true, schema: { type: array, minItems: 2, items: { type: integer } } }
    get:
      operationId: one
      parameters:
        - { name: q, in: query, required: true, schema: { type: string, pattern: '^[A-Z]{2} [0-9]$' } }
        - { name: tags, in: query, required: true, schema: { type: array, minItems: 2, items: { type: boolean } } }
        - { name: piped, in: query, required: true, style: pipeDelimited, schema: { type: array, minItems: 2, items: { type: integer } } }
        - { name: deep, in: query, required: true, style: deepObject, schema: { type: object, required: [x], properties: { x: { type: integer } } } }
        - { name: left-out, in: query, schema: { type: string } }
        - { name: shown, in: query, example: a/b, schema: { type: string } }
        - { name: X-Trace, in: header, required: true, schema: { type: array, minItems: 2, items: { type: integer } } }
        - { name: Authorization, in: header, required: true, schema: { type: string } }
        - { name: session, in: cookie, required: true, schema: { type: string, format: uuid } }
      responses: { '200': { description: ok } }
",
    );
    let [one] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!((one.operation.as_str(), one.method.as_str(), &one.lacks), ("one", "GET", &None));
    assert_eq!(one.path, "/a/;id=7/.0.0?q=AA%200&tags=true&tags=true&piped=0%7C0&deep%5Bx%5D=0&shown=a%2Fb");
    let headers: Vec<(&str, &str)> =
        one.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, [("X-Trace", "0,0"), ("Cookie", "session=00000000-0000-4000-8000-000000000000")]);
}

#[test]
fn bodies_come_from_examples_and_from_schemas_without_what_only_answers_have() {
    let made = in_3(
        "  /a:
    post:
      operationId: schema
      requestBody: { required: true, content: { text/plain: {}, application/json: { schema: { type: object, required: [id, name], properties: { id: { type: integer, readOnly: true }, name: { type: string }, secret: { type: string, writeOnly: true } } } } } }
      responses: { '201': { description: ok } }
    put:
      operationId: example
      requestBody: { content: { application/json: { example: { a: 1 } } } }
      responses: { '200': { description: ok } }
    patch:
      operationId: form
      requestBody: { content: { application/x-www-form-urlencoded: { schema: { type: object, properties: { a b: { type: string, enum: ['c&d'] }, n: { type: array, items: { type: integer } } } } } } }
      responses: { '200': { description: ok } }
    delete:
      operationId: nothing
      requestBody: { required: true, content: { image/png: { schema: { type: object } } } }
      responses: { '200': { description: ok } }
",
    );
    let body = |name: &str| {
        let request = made.iter().find(|request| request.operation == name).unwrap();
        request.body.as_ref().map(|body| (body.content_type.as_str(), body.content.as_str()))
    };
    assert_eq!(body("schema"), Some(("application/json", r#"{"name":"string","secret":"string"}"#)));
    assert_eq!(body("example"), Some(("application/json", r#"{"a":1}"#)));
    assert_eq!(body("form"), Some(("application/x-www-form-urlencoded", "a%20b=c%26d&n=0")));
    assert_eq!(body("nothing"), None);
    let lacks = made.iter().find(|request| request.operation == "nothing").unwrap().lacks.clone().unwrap();
    assert!(lacks.contains("`image/png`"), "{lacks}");
}

#[test]
fn a_definition_of_2_has_bodies_and_forms_too() {
    let made = requests(
        "swagger: '2.0'
info: { title: a, version: '1' }
consumes: [application/json]
paths:
  /a:
    post:
      operationId: body
      parameters: [{ name: b, in: body, schema: { type: object, required: [n], properties: { n: { type: integer, minimum: 3 } } } }]
      responses: { 200: { description: ok } }
    put:
      operationId: upload
      consumes: [multipart/form-data]
      parameters: [{ name: f, in: formData, type: file, required: true }, { name: ids, in: query, type: array, items: { type: integer }, collectionFormat: multi, required: true }]
      responses: { 200: { description: ok } }
",
    );
    assert_eq!(made[0].body.as_ref().unwrap().content, r#"{"n":3}"#);
    let upload = made[1].body.as_ref().unwrap();
    assert!(upload.content_type.starts_with("multipart/form-data; boundary="), "{upload:?}");
    assert!(upload.content.contains("name=\"f\"\r\n\r\ngatehouse\r\n"), "{upload:?}");
    assert_eq!(made[1].path, "/a?ids=0");
}
