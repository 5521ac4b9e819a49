//! References, within a file and between files.

use super::{FILE, findings, good, operations, with_paths};
use crate::Location;
use crate::definition::{read, read_within};
use crate::resources::ResponseStatus;

#[test]
fn references_are_followed_through_paths_parameters_and_responses() {
    let definition = good(
        "openapi: 3.1.0
info: { title: t, version: '1' }
paths:
  /a~b/{id}: { $ref: '#/components/pathItems/one' }
  /c: { $ref: '#/paths/~1d' }
  /d: { get: { responses: { '200': { $ref: '#/components/responses/fine%20one' } } } }
components:
  pathItems:
    one:
      parameters: [{ $ref: '#/components/parameters/id' }]
      get: { responses: { default: { $ref: '#/components/responses/fine%20one' } } }
  parameters:
    id: { name: id, in: path, required: true, schema: {} }
  responses:
    fine one:
      description: fine
      content:
        application/json:
          examples: { good: { $ref: '#/components/examples/e' } }
        text/plain: { schema: { type: string } }
  examples:
    e: { value: { a: [1] } }
",
    );
    // The path that is a copy of another is another path.
    assert_eq!(
        operations(&definition),
        [("get-a-b-id", "GET", "/a~b/{id}"), ("get-c", "GET", "/c"), ("get-d", "GET", "/d")]
    );
    let response = &definition.operations[0].responses[0];
    assert_eq!(response.status, ResponseStatus::Default);
    let [json, text] = response.representations.as_slice() else { panic!() };
    assert_eq!(
        (json.examples[0].name.as_str(), &json.examples[0].value),
        ("good", &serde_json::json!({"a": [1]}))
    );
    assert_eq!(json.sample, None);
    assert_eq!(text.sample, Some("string".into()));
}

#[test]
fn a_dangling_reference_names_its_pointer_and_the_nearest() {
    let text = with_paths(
        "  /a:
    get:
      requestBody:
        content: { application/json: { schema: { $ref: '#/components/schemas/Pett' } } }
components:
  schemas:
    Pet: { properties: { owner: { $ref: '#/components/schema/Owner' }, x: { $ref: '#/components/schemas/Pet/0' } } }
",
    );
    assert_eq!(
        findings(FILE, &text),
        [
            "7:56: error: `#/components/schemas/Pett` leads nowhere: `#/components/schemas` has no `Pett` (did you mean \
             `#/components/schemas/Pet`?)",
            "10:41: error: `#/components/schema/Owner` leads nowhere: `#/components` has no `schema` (did you mean \
             `#/components/schemas/Owner`?)",
            "10:83: error: `#/components/schemas/Pet/0` leads nowhere: `#/components/schemas/Pet` has no `0`",
        ]
    );
}

#[test]
fn references_that_lead_to_themselves_are_refused() {
    let text = with_paths("  /a: { $ref: '#/paths/~1b' }\n  /b: { $ref: '#/paths/~1a' }\n");
    assert_eq!(
        findings(FILE, &text),
        [
            "4:15: error: `#/paths/~1b` leads back to itself and never to a value",
            "5:15: error: `#/paths/~1a` leads back to itself and never to a value"
        ]
    );
}

#[test]
fn other_machines_and_absolute_paths_are_never_asked() {
    for reference in ["https://example.com/pet.yaml", "file:///etc/passwd", "/etc/pet.yaml"] {
        let text = with_paths(&format!("  /a: {{ $ref: '{reference}' }}\n"));
        let found = findings(FILE, &text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("4:15: error: `"), "{found:?}");
    }
}

#[test]
fn anchors_and_own_names_of_schemas_are_found() {
    let definition = good(
        "openapi: 3.1.0
info: { title: t, version: '1' }
paths:
  /a:
    get:
      responses:
        '200': { description: a, content: { application/json: { schema: { $ref: '#pet' } } } }
        '201': { description: b, content: { application/json: { schema: { $ref: 'https://example.com/pet' } } } }
components:
  schemas:
    Pet: { $anchor: pet, $id: 'https://example.com/pet', const: cat }
",
    );
    for response in &definition.operations[0].responses {
        assert_eq!(response.representations[0].sample, Some("cat".into()));
    }
}

#[test]
fn files_in_the_folder_are_read_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    place("spec/parts/parameters.yaml", "id: { name: id, in: path, required: true }\n");
    place(
        "spec/parts/pet.json",
        r#"{"properties": {"self": {"$ref": "pet.json"}, "home": {"$ref": "../home.yaml#/home"}}}"#,
    );
    place("spec/home.yaml", "home: { const: here }\n");
    place("outside.yaml", "secret: { const: secret }\n");
    place("spec/notes.txt", "a: { const: secret }\n");
    let text = with_paths(
        "  /a/{id}:
    get:
      parameters: [{ $ref: 'parts/parameters.yaml#/id' }]
      responses:
        200: { description: a, content: { application/json: { schema: { $ref: ./parts/pet.json } } } }
",
    );
    let file = place("spec/api.yaml", &text);
    let (definition, diagnostics) = read(&file, &text);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    let definition = definition.unwrap();
    assert!(definition.has_external_references);
    assert_eq!(
        definition.operations[0].responses[0].representations[0].sample,
        Some(serde_json::json!({"home": "here"}))
    );

    for (reference, problem) in [
        ("../outside.yaml", "lies outside the folder"),
        ("../missing.yaml", "lies outside the folder"),
        ("missing.yaml", "cannot read"),
        ("notes.txt", "neither .json nor .yaml"),
        ("home.yaml#/hom", "did you mean `#/home`"),
    ] {
        let text = with_paths(&format!("  /a: {{ $ref: '{reference}' }}\n"));
        let (_, diagnostics) = read(&file, &text);
        let first = diagnostics.iter().next().unwrap();
        assert!(first.to_string().contains(problem), "{reference}: {first}");
        assert_eq!(first.location, Some(Location::new(file.as_path(), 4, 15)));
    }
    // A wider bound lets the reference through.
    let text = with_paths(
        "  /a: { get: { responses: { 200: { content: { a/json: { schema: { $ref: '../outside.yaml#/secret' } } } } } } }\n",
    );
    let (definition, diagnostics) = read_within(folder.path(), &file, &text);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    assert!(definition.unwrap().has_external_references);
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("spec");
    std::fs::create_dir(&spec).unwrap();
    std::fs::write(folder.path().join("secret.yaml"), "a: {}\n").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret.yaml"), spec.join("link.yaml")).unwrap();
    let text = with_paths("  /a: { $ref: 'link.yaml#/a' }\n");
    let (_, diagnostics) = read(&spec.join("api.yaml"), &text);
    assert!(diagnostics.to_string().contains("lies outside the folder"), "{diagnostics}");
}
