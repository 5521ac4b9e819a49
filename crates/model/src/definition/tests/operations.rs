//! Operations: names, templates, parameters.

use super::{FILE, findings, good, operations, read_text, with_paths};
use crate::Severity;

#[test]
fn operations_are_named_and_placed() {
    let definition = good(&with_paths(
        "  /pets/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
    get:
      operationId: getPet
      summary: One pet
      description: Finds it.
    delete:
      operationId: Remove a pet!
    put: {}
",
    ));
    assert_eq!(
        operations(&definition),
        [
            ("getPet", "GET", "/pets/{id}"),
            ("remove-a-pet", "DELETE", "/pets/{id}"),
            ("put-pets-id", "PUT", "/pets/{id}")
        ]
    );
    let [get, delete, put] = definition.operations.as_slice() else { panic!() };
    assert_eq!((get.display_name.as_str(), get.description.as_deref()), ("One pet", Some("Finds it.")));
    assert_eq!(delete.display_name, "Remove a pet!");
    assert_eq!(put.display_name, "PUT /pets/{id}");
    assert_eq!(get.location.to_string(), format!("{FILE}:6:5"));
    assert_eq!(definition.title.as_deref(), Some("Pets"));
    assert_eq!(definition.version.as_deref(), Some("1"));
}

#[test]
fn folders_find_their_operation_in_any_case_and_before_normalisation() {
    let definition =
        good(&with_paths("  /a: { get: { operationId: GetRandomColor }, put: { operationId: pets/put } }\n"));
    let name = |folder: &str| definition.operation(folder).map(|one| one.name.as_str());
    assert_eq!(name("GetRandomColor"), Some("GetRandomColor"));
    assert_eq!(name("getrandomcolor"), Some("GetRandomColor"));
    assert_eq!(name("Pets-Put"), Some("pets-put"));
    assert_eq!(name("pets put"), Some("pets-put"));
    assert_eq!(name("pets"), None);
    assert_eq!(name("!"), None);
}

#[test]
fn required_query_parameters_become_part_of_the_template() {
    let definition = good(&with_paths(
        "  /find/{kind}:
    parameters:
      - { name: kind, in: path, required: true, schema: {} }
      - { name: date, in: query, required: true, schema: {} }
      - { name: trace, in: header, required: true, schema: {} }
    get:
      parameters:
        - { name: sort, in: query, schema: {} }
        - { name: to, in: query, required: true, schema: {} }
    put:
      parameters: [{ name: date, in: query, schema: {} }]
",
    ));
    let [get, put] = definition.operations.as_slice() else { panic!() };
    assert_eq!(get.url_template, "/find/{kind}?date={date}&to={to}");
    assert_eq!(get.name, "get-find-kind-date-date-to-to");
    let parameters: Vec<_> =
        get.parameters.iter().map(|one| (one.name.as_str(), one.in_query, one.required)).collect();
    assert_eq!(
        parameters,
        [("kind", false, true), ("date", true, true), ("sort", true, false), ("to", true, true)]
    );
    // The operation's own declaration replaces that of the path.
    assert_eq!(put.url_template, "/find/{kind}");
}

#[test]
fn a_query_parameter_that_a_template_cannot_hold_is_told() {
    let text = with_paths(
        "  /a/{id}:
    get:
      parameters:
        - { name: id, in: path, required: true, schema: {} }
        - { name: id, in: query, required: true, schema: {} }
",
    );
    assert_eq!(
        findings(FILE, &text),
        [
            "8:11: low: `GET /a/{id}` answers without the required query parameter `id` too: the path has a parameter of \
          the same name"
        ]
    );
}

#[test]
fn path_parameters_and_templates_must_agree() {
    let text = with_paths(
        "  /a/{id}:
    get:
      parameters: [{ name: it, in: path, required: true, schema: {} }]
",
    );
    assert_eq!(
        findings(FILE, &text),
        [
            "5:5: error: the path parameter `id` of `GET /a/{id}` is not declared (is the declared `it` meant?)",
            "6:20: error: the path parameter `it` does not occur in `/a/{id}` (write `{it}` into the path, or remove \
             the parameter)"
        ]
    );
    // The rest of a path may be declared with its star or without.
    good(&with_paths(
        "  '/a/{*rest}': { get: { parameters: [{ name: rest, in: path, required: true }] } }\n",
    ));
    good(&with_paths(
        "  '/a/{*rest}': { get: { parameters: [{ name: '*rest', in: path, required: true }] } }\n",
    ));
}

#[test]
fn wrong_methods_and_paths_are_refused_with_what_is_meant() {
    assert_eq!(
        findings(
            FILE,
            &with_paths("  /a:\n    gett: {}\n    GET: {}\n  b: { get: {} }\n  /c/{d: { get: {} }\n")
        ),
        [
            "7:3: error: the path `b` does not begin with a slash (write `/b`)",
            "8:3: error: the path `/c/{d` opens a brace that it does not close",
            "5:5: error: `gett` is neither a method nor another key of a path (did you mean `get`?)",
            "6:5: error: `GET` is neither a method nor another key of a path (did you mean `get`?)",
        ]
    );
}

#[test]
fn operations_that_match_the_same_requests_are_refused() {
    let text = with_paths(
        "  /a/{b}: { get: { parameters: [{ name: b, in: path, required: true }] } }
  /a/{c}: { get: { parameters: [{ name: c, in: path, required: true }] } }
",
    );
    assert_eq!(
        findings(FILE, &text),
        [format!(
            "5:13: error: `GET /a/{{c}}` matches the same requests as the operation at {FILE}:4:13 (keep one of them; \
             names of parameters do not tell templates apart)"
        )
        .replace(&format!("{FILE}:"), "")]
    );
}

#[test]
fn operations_that_differ_in_a_query_are_two() {
    let definition = good(&with_paths("  /a: { get: {} }\n  /a?beta=true: { get: {} }\n"));
    assert_eq!(operations(&definition), [("get-a", "GET", "/a"), ("get-a-beta-true", "GET", "/a?beta=true")]);
}

#[test]
fn a_fragment_gives_way_to_the_path_that_is_asked() {
    let text = with_paths(
        "  /a#b: { post: { operationId: b } }\n  /a: { post: { operationId: a } }\n  /c#d: { post: {} }\n",
    );
    let (definition, diagnostics) = read_text(FILE, &text);
    assert_eq!(operations(&definition.unwrap()), [("a", "POST", "/a"), ("post-c", "POST", "/c")]);
    assert_eq!(diagnostics.len(), 1, "{diagnostics}");
    assert_eq!(
        diagnostics.iter().next().unwrap().location.as_ref().unwrap().to_string(),
        format!("{FILE}:4:11")
    );
}

#[test]
fn an_operation_id_given_twice_gets_a_number() {
    let text = with_paths("  /a:\n    get: { operationId: x }\n    put: { operationId: x }\n");
    let (definition, diagnostics) = read_text(FILE, &text);
    assert_eq!(operations(&definition.unwrap()), [("x", "GET", "/a"), ("x-1", "PUT", "/a")]);
    let finding = diagnostics.iter().next().unwrap();
    assert_eq!((finding.id, finding.severity), ("duplicate-operation-id", Severity::Low));
    assert_eq!(finding.location.as_ref().unwrap().to_string(), format!("{FILE}:6:25"));
}

#[test]
fn a_mistake_in_a_shared_parameter_is_told_once() {
    let text = with_paths(
        "  /a:\n    parameters: [{ name: x, in: pth }, { name: y, in: path }]\n    get: {}\n    put: {}\n",
    );
    let found = findings(FILE, &text);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn methods_depend_on_the_version() {
    let trace = |head: &str| {
        findings(FILE, &format!("{head}\ninfo: {{ title: t }}\npaths: {{ /a: {{ trace: {{}} }} }}"))
    };
    assert!(trace("openapi: 3.0.0").is_empty());
    assert_eq!(trace("swagger: '2.0'").len(), 1);
    let definition = good(
        "openapi: 3.2.0\ninfo: { title: t }\npaths: { /a: { query: {}, additionalOperations: { LINK: {} } } }",
    );
    assert_eq!(operations(&definition), [("query-a", "QUERY", "/a"), ("link-a", "LINK", "/a")]);
}

#[test]
fn paths_by_query_are_an_extension_that_is_read() {
    let definition = good(
        "swagger: '2.0'\ninfo: { title: t }\npaths: {}\nx-ms-paths: { '/a?comp=list': { get: { operationId: List } } }",
    );
    assert_eq!(operations(&definition), [("List", "GET", "/a?comp=list")]);
}

#[test]
fn wrong_types_are_told_once_wherever_they_are_used() {
    let text = with_paths(
        "  /a:
    parameters: {}
    get: { parameters: 5, responses: [] }
    put: { responses: { 200: { $ref: '#/components/responses/r' } } }
    post: { parameters: [{ name: a, in: query, required: yes }], responses: { 200: { $ref: '#/components/responses/r' } } }
components:
  responses:
    r: { content: [] }
",
    );
    assert_eq!(
        findings(FILE, &text),
        [
            "5:17: error: `parameters` must be a list, this is a mapping",
            "6:24: error: `parameters` must be a list, this is a number",
            "6:38: error: `responses` must be a mapping, this is a list",
            "11:19: error: `content` must be a mapping, this is a list",
            "8:58: error: `required` must be true or false, this is a string",
        ]
    );
}
