//! Operations and their policies.

use super::{Artifacts, DEFINITION, POLICY, api};

#[test]
fn policies_belong_to_operations_of_the_definition() {
    let catalog = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/specification.yaml", DEFINITION),
        ("apis/a/operations/get-a/policy.xml", POLICY),
        ("apis/a/operations/Get-B/policy.xml", POLICY),
    ])
    .catalog();
    let operations = &catalog.service.apis["a"].operations;
    assert_eq!(operations.len(), 2);
    assert!(
        operations.values().all(|operation| operation.policy.as_ref().is_some_and(|p| &*p.text == POLICY))
    );
}

#[test]
fn a_policy_for_an_operation_that_is_not_there_names_both_ends() {
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/specification.yaml", DEFINITION),
        ("apis/a/operations/get-c/policy.xml", POLICY),
        ("apis/b/apiInformation.json", &api("").replace("\"a\"", "\"b\"")),
        ("apis/b/operations/orders/policy.xml", POLICY),
    ]);
    assert_eq!(
        artifacts.errors(),
        "apis/a/operations/get-c/policy.xml: error: apis/a has a folder for the operation `get-c`, which \
         `apis/a/specification.yaml` does not define (did you mean `get-a`?)
apis/b/operations/orders/policy.xml: error: apis/b has a folder for the operation `orders`, and no definition that \
         defines it (rename the folder to an operation id of the definition, or remove it)"
    );
}

#[test]
fn a_broken_definition_is_told_without_its_consequences() {
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/specification.yaml", "openapi: 3.0.1\npaths: [\n"),
        ("apis/a/operations/get-c/policy.xml", POLICY),
    ]);
    let errors = artifacts.errors();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("apis/a/specification.yaml:"), "{errors}");
    assert_eq!(artifacts.notes(), "");
}

#[test]
fn two_folders_of_one_operation_are_refused() {
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/specification.yaml", DEFINITION),
        ("apis/a/operations/get-a/policy.xml", POLICY),
        ("apis/a/operations/get_a/policy.xml", POLICY),
    ]);
    assert_eq!(
        artifacts.errors(),
        "apis/a/operations/get_a: error: `get_a` and `apis/a/operations/get-a` are both folders of the operation `get-a`"
    );
}

#[test]
fn operations_may_be_written_as_artifacts() {
    let create = r#"{"properties": {"displayName": "Create", "method": "post", "urlTemplate": "/orders/{id}?dry={dry}",
        "templateParameters": [{"name": "id", "type": "string", "required": true, "values": []}],
        "request": {"queryParameters": [{"name": "dry", "required": true, "type": "boolean"}], "headers": []},
        "responses": [{"statusCode": 201, "representations": [{"contentType": "application/json",
            "examples": {"default": {"value": {"id": 7}}}}]}]}}"#;
    let catalog = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/operations/create/operationInformation.json", create),
        ("apis/a/operations/create/policy.xml", POLICY),
    ])
    .catalog();
    let operation = &catalog.service.apis["a"].operations["create"];
    assert_eq!(
        (operation.method.as_str(), operation.url_template.as_str()),
        ("POST", "/orders/{id}?dry={dry}")
    );
    assert_eq!(operation.display_name, "Create");
    assert_eq!(
        operation.parameters.iter().map(|p| (p.name.as_str(), p.in_query)).collect::<Vec<_>>(),
        [("id", false), ("dry", true)]
    );
    assert_eq!(operation.responses[0].representations[0].examples[0].value, serde_json::json!({"id": 7}));
    assert!(operation.policy.is_some());
}

#[test]
fn an_operation_file_changes_what_the_definition_says() {
    let catalog = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/specification.yaml", DEFINITION),
        ("apis/a/operations/get-a/operationInformation.json", r#"{"properties": {"displayName": "New"}}"#),
    ])
    .catalog();
    let operations = &catalog.service.apis["a"].operations;
    assert_eq!(operations.len(), 2);
    assert_eq!(
        (operations["get-a"].display_name.as_str(), operations["get-a"].url_template.as_str()),
        ("New", "/a")
    );
    assert_eq!(operations["get-a"].responses.len(), 1);
}

#[test]
fn faults_of_operation_files_are_told() {
    for (properties, message) in [
        (r#""method": "GET""#, "1:16: error: apis/a/operations/x has no `urlTemplate`"),
        (r#""urlTemplate": "/x""#, "1:16: error: apis/a/operations/x has no `method`"),
        (r#""method": "G E", "urlTemplate": "/x""#, "1:27: error: `G E` is not an HTTP method"),
        (
            r#""method": "GET", "urlTemplate": "x""#,
            "1:49: error: a template begins with `/` (write a template such as `/orders/{id}`)",
        ),
        (
            r#""method": "GET", "urlTemplate": "/{x""#,
            "1:49: error: the braces of the template do not enclose names (write a template such as `/orders/{id}`)",
        ),
    ] {
        let artifacts = Artifacts::new(&[
            ("apis/a/apiInformation.json", &api("")),
            (
                "apis/a/operations/x/operationInformation.json",
                &format!("{{\"properties\": {{{properties}}}}}"),
            ),
        ]);
        assert_eq!(artifacts.errors(), format!("apis/a/operations/x/operationInformation.json:{message}"));
    }
}

#[test]
fn a_websocket_api_has_its_handshake() {
    let artifacts = Artifacts::new(&[
        (
            "apis/a/apiInformation.json",
            &api(r#""type": "websocket", "serviceUrl": "wss://x.example/socket""#),
        ),
        ("apis/a/operations/onHandshake/policy.xml", POLICY),
    ]);
    let catalog = artifacts.catalog();
    let operation = &catalog.service.apis["a"].operations["onHandshake"];
    assert_eq!((operation.method.as_str(), operation.url_template.as_str()), ("GET", "/"));
    assert!(operation.policy.is_some());
    assert_eq!(catalog.service.apis["a"].protocols, [crate::resources::Protocol::Wss]);
    let plain = Artifacts::new(&[(
        "apis/a/apiInformation.json",
        &api(r#""type": "websocket", "serviceUrl": "https://x.example""#),
    )]);
    assert_eq!(
        plain.errors(),
        "apis/a/apiInformation.json:1:85: error: `serviceUrl` has the scheme `https` (use ws, wss)"
    );
}

#[test]
fn the_definition_fits_the_type_of_the_api() {
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api(r#""type": "graphql""#)),
        ("apis/a/specification.yaml", DEFINITION),
    ]);
    assert_eq!(
        artifacts.errors(),
        "apis/a/specification.yaml: error: the API is of type `graphql`, and this is OpenAPI 3.0 (change the \
         `type` in apis/a/apiInformation.json, or the definition)"
    );
}

#[test]
fn an_api_without_operations_is_told() {
    let artifacts = Artifacts::new(&[("apis/a/apiInformation.json", &api(r#""type": "soap""#))]);
    assert_eq!(artifacts.errors(), "");
    assert_eq!(
        artifacts.notes(),
        "apis/a/apiInformation.json: low: apis/a has no operations: every request gets 404 (add a specification file)"
    );
}

#[test]
fn a_policy_without_its_secrets_is_refused() {
    let artifacts =
        Artifacts::new(&[("policy.xml", "<policies>\n  <value>*** REDACTED ***</value>\n</policies>")]);
    assert_eq!(
        artifacts.errors(),
        "policy.xml:2:10: error: the extractor took a secret out of this policy (put a named value in its place)"
    );
}
