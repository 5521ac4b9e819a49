use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const PETS: &str = "openapi: 3.0.3
info: { title: All Pets, description: Pets. }
servers: [{ url: /relative }, { url: 'https://pets.example/v1' }]
paths:
  /pets: { get: { operationId: list } }
";

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    fn import(&self, file: &Path, name: &str, options: &Options) -> Result<Imported, Diagnostics> {
        api(&Kind::OpenApi, file, name, &self.folder.path().join("artifacts"), options)
    }

    fn artifacts(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut folders = vec![self.folder.path().join("artifacts")];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let path = path.strip_prefix(self.folder.path()).unwrap();
                    all.push(path.to_str().unwrap().replace('\\', "/"));
                }
            }
        }
        all.sort();
        all
    }
}

#[test]
fn an_api_is_two_files() {
    let place = Place::new();
    let file = place.write("source/pets.yaml", PETS);
    let imported = place.import(&file, "pets", &Options::default()).unwrap();
    assert!(imported.findings.is_empty(), "{}", imported.findings);
    assert_eq!(imported.operations, 1);
    let artifacts = ["artifacts/apis/pets/apiInformation.json", "artifacts/apis/pets/specification.yaml"];
    assert_eq!(place.artifacts(), artifacts);
    assert_eq!(imported.files, artifacts.map(|name| place.folder.path().join(name)));
    assert_eq!(
        place.json(artifacts[0]),
        json!({"properties": {
            "path": "pets",
            "displayName": "All Pets",
            "description": "Pets.",
            "apiRevision": "1",
            "isCurrent": true,
            "type": "http",
            "protocols": ["https"],
            "serviceUrl": "https://pets.example/v1",
            "subscriptionRequired": true,
        }})
    );
    assert_eq!(place.read(artifacts[1]), PETS);
}

#[test]
fn options_win_over_the_definition() {
    let place = Place::new();
    let file = place.write("pets.yaml", PETS);
    let options = Options {
        path: Some("/shop/pets/".to_owned()),
        service_url: Some(Url::parse("https://other.example/").unwrap()),
        ..Options::default()
    };
    place.import(&file, "pets", &options).unwrap();
    let properties = &place.json("artifacts/apis/pets/apiInformation.json")["properties"];
    assert_eq!(properties["path"], "shop/pets");
    assert_eq!(properties["serviceUrl"], "https://other.example/");
}

#[test]
fn a_definition_without_a_usable_server_is_told() {
    let place = Place::new();
    let file = place.write(
        "pets.json",
        r#"{"openapi": "3.0.0", "info": {"title": ""}, "servers": [{"url": "/v1"}], "paths": {}}"#,
    );
    let imported = place.import(&file, "pets", &Options::default()).unwrap();
    let finding = imported.findings.iter().next().unwrap();
    assert_eq!((finding.id, finding.severity), ("no-service-url", Severity::Low));
    assert_eq!(finding.location, Some(Location::new(file.as_path(), 1, 65)));
    let properties = &place.json("artifacts/apis/pets/apiInformation.json")["properties"];
    assert_eq!(properties.get("serviceUrl"), None);
    assert_eq!(properties["displayName"], "pets");
    assert_eq!(place.artifacts()[1], "artifacts/apis/pets/specification.json");
}

#[test]
fn a_different_api_is_only_overwritten_by_force() {
    let place = Place::new();
    let file = place.write("pets.yaml", PETS);
    place.import(&file, "pets", &Options::default()).unwrap();
    place.write("artifacts/apis/pets/policy.xml", "<policies/>");
    // The same again is no conflict.
    place.import(&file, "pets", &Options::default()).unwrap();

    let other = place.write("other.json", r#"{"openapi": "3.0.0", "info": {"title": "Other"}, "paths": {}}"#);
    let errors = place.import(&other, "pets", &Options::default()).unwrap_err();
    let ids: Vec<_> = errors.iter().filter(|one| one.severity == Severity::Error).map(|one| one.id).collect();
    assert_eq!(ids, ["exists", "exists"], "{errors}");
    assert_eq!(place.read("artifacts/apis/pets/specification.yaml"), PETS);

    place.import(&other, "pets", &Options { force: true, ..Options::default() }).unwrap();
    assert_eq!(
        place.artifacts(),
        [
            "artifacts/apis/pets/apiInformation.json",
            "artifacts/apis/pets/policy.xml",
            "artifacts/apis/pets/specification.json"
        ]
    );
}

#[test]
fn a_definition_with_errors_writes_nothing() {
    let place = Place::new();
    let file = place.write("pets.yaml", &PETS.replace("operationId: list", "$ref: '#/nowhere'"));
    let errors = place.import(&file, "pets", &Options::default()).unwrap_err();
    assert_eq!(errors.iter().next().unwrap().location, Some(Location::new(file.as_path(), 5, 25)));
    assert!(place.artifacts().is_empty());
    let graphql = place.write("a.graphql", "type Query { a: Int }");
    let errors = place.import(&graphql, "a", &Options::default()).unwrap_err();
    assert!(errors.to_string().contains("this is GraphQL, not OpenAPI"), "{errors}");
    let missing = place.folder.path().join("missing.yaml");
    let errors = place.import(&missing, "a", &Options::default()).unwrap_err();
    assert!(errors.to_string().contains("missing.yaml: error: cannot read it"), "{errors}");
    assert!(place.artifacts().is_empty());
}

#[test]
fn names_and_paths_cannot_lead_elsewhere() {
    let place = Place::new();
    let file = place.write("pets.yaml", PETS);
    for name in ["", "..", "../a", "a/b", "a b", "a;rev=2", ".a", &"x".repeat(81)] {
        let errors = place.import(&file, name, &Options::default()).unwrap_err();
        assert_eq!(errors.iter().next().unwrap().id, "invalid-name", "{name}");
    }
    for path in ["a?b", "a/{b}", "a//b", "a#"] {
        let options = Options { path: Some(path.to_owned()), ..Options::default() };
        let errors = place.import(&file, "pets", &options).unwrap_err();
        assert_eq!(errors.iter().next().unwrap().id, "invalid-path", "{path}");
    }
    assert!(place.artifacts().is_empty());
}

#[test]
fn several_files_become_one() {
    let place = Place::new();
    place.write("common/error.json", r#"{"type": "object", "properties": {"inner": {"$ref": "error.json"}, "code": {"$ref": "../spec/types.yaml#/Code"}}}"#);
    place.write("spec/types.yaml", "Code: { type: integer, example: { $ref: data } }\nPet: { const: other }\nid:\n  name: id\n  in: path\n  required: true\n  schema: { $ref: '#/Code' }\n");
    let file = place.write(
        "spec/api.yaml",
        "openapi: 3.1.0
info: { title: t }
paths:
  /a/{id}:
    parameters: [{ $ref: 'types.yaml#/id' }]
    get:
      responses:
        default: { description: e, content: { application/json: { schema: { $ref: ../common/error.json, description: beside } } } }
        '200': { description: p, content: { application/json: { schema: { anyOf: [{ $ref: 'types.yaml#/Pet' }, { $ref: '#/components/schemas/Pet' }] } } } }
components:
  schemas:
    Pet: { const: mine }
",
    );
    let imported = place.import(&file, "t", &Options::default()).unwrap();
    assert_eq!(imported.operations, 1);
    let bundled = place.json("artifacts/apis/t/specification.json");
    assert_eq!(
        bundled["components"]["schemas"],
        json!({
            "Pet": {"const": "mine"},
            "Pet2": {"const": "other"},
            "Code": {"type": "integer", "example": {"$ref": "data"}},
            "error": {"type": "object", "properties": {
                "inner": {"$ref": "#/components/schemas/error"},
                "code": {"$ref": "#/components/schemas/Code"},
            }},
        })
    );
    let item = &bundled["paths"]["/a/{id}"];
    assert_eq!(
        item["parameters"][0],
        json!({
            "name": "id", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Code"},
        })
    );
    let responses = &item["get"]["responses"];
    assert_eq!(
        responses["default"]["content"]["application/json"]["schema"],
        json!({"$ref": "#/components/schemas/error", "description": "beside"})
    );
    assert_eq!(
        responses["200"]["content"]["application/json"]["schema"]["anyOf"],
        json!([{"$ref": "#/components/schemas/Pet2"}, {"$ref": "#/components/schemas/Pet"}])
    );
    let text = place.read("artifacts/apis/t/specification.json");
    let (again, diagnostics) =
        definition::read(&place.folder.path().join("artifacts/apis/t/specification.json"), &text);
    assert!(diagnostics.iter().all(|one| one.severity != Severity::Error), "{diagnostics}");
    assert!(!again.unwrap().has_external_references);
}

#[test]
fn references_stay_within_their_bound() {
    let place = Place::new();
    place.write("secret.yaml", "a: {}\n");
    let file = place.write(
        "one/two/api.yaml",
        &PETS.replace("{ get: { operationId: list } }", "{ $ref: ../../secret.yaml#/a }"),
    );
    let errors = place.import(&file, "pets", &Options::default()).unwrap_err();
    assert!(errors.to_string().contains("lies outside the folder"), "{errors}");
    let options =
        Options { references_within: Some(place.folder.path().to_path_buf()), ..Options::default() };
    place.import(&file, "pets", &options).unwrap();
}
