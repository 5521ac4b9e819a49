//! Other languages than `OpenAPI`, and what is no definition.

use std::path::Path;

use super::{FILE, findings, operations, read_text};
use crate::resources::ResponseStatus;
use crate::{Location, Severity};

#[test]
fn what_is_no_definition_says_so() {
    for (file, text, expected) in [
        (
            "a.yaml",
            "openapi: 4.0.0\n",
            "1:10: error: `openapi: 4.0.0` is no version that is read (OpenAPI 2.0, 3.0, 3.1 and 3.2 are read)",
        ),
        (
            "a.yaml",
            "swagger: '1.2'\n",
            "1:10: error: `swagger: 1.2` is no version that is read (OpenAPI 2.0, 3.0, 3.1 and 3.2 are read)",
        ),
        (
            "a.yaml",
            "title: x\n",
            "1:1: error: this is no API definition: it has neither `openapi` nor `swagger` at its top (OpenAPI 2.0, 3.0, 3.1 and 3.2 are read)",
        ),
        ("a.yaml", "- x\n", "1:1: error: an API definition is a mapping, this is a list"),
        (
            "a.yaml",
            "openapi: 3.0.0\ninfo: { title: t }\npath: {}\n",
            "1:1: error: the definition has no `paths` (is `path` meant to be `paths`?)",
        ),
        (
            "a.xml",
            "<note/>",
            "1:1: error: `<note>` begins no API definition (WADL begins with `<application>`, WSDL with `<definitions>`)",
        ),
    ] {
        assert_eq!(findings(file, text), [expected], "{text}");
    }
    let found = findings(
        "a.wsdl",
        "<?xml version='1.0'?>\n<w:definitions xmlns:w='http://schemas.xmlsoap.org/wsdl/'/>",
    );
    assert!(found[0].contains("the definition binds no operation to SOAP over HTTP"), "{found:?}");
    let found = findings("a.wsdl", "<description xmlns='http://www.w3.org/ns/wsdl'/>");
    assert!(found[0].starts_with("1:1: error: this is WSDL 2.0; WSDL 1.1 is read"), "{found:?}");
    let found = findings("a.json", "{\"openapi\": \"3.0.0\",}");
    assert!(found[0].starts_with("1:"), "{found:?}");
}

#[test]
fn a_text_that_is_set_twice_is_a_finding_and_anything_else_an_error() {
    let text = "openapi: 3.0.0\ninfo:\n  title: t\n  description: first\n  description: second\npaths: {}\n";
    let (definition, diagnostics) = read_text(FILE, text);
    assert_eq!(definition.unwrap().description.as_deref(), Some("first"));
    let finding = diagnostics.iter().next().unwrap();
    assert_eq!((finding.id, finding.severity, diagnostics.len()), ("duplicate-key", Severity::Low, 1));
    assert_eq!(finding.location, Some(Location::new(Path::new(FILE), 5, 3)));
    let found = findings(
        "a.json",
        r#"{"openapi": "3.0.0", "info": {"title": "a", "title": "b"}, "paths": {}, "paths": {}}"#,
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("low: `title` is set twice") && found[1].contains("error: `paths`"),
        "{found:?}"
    );
}

#[test]
fn graphql_is_one_endpoint() {
    let schema = "\"\"\"All \\\"\"\" of it\"\"\"\ntype Query { # }\n  pets(first: Int = 10, names: [String!] = [\"}\"]): [Pet!]! @deprecated\n}\nextend type Pet { id: ID }\n";
    let (definition, diagnostics) = read_text("specification.graphql", schema);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    assert_eq!(operations(&definition.unwrap()), [("post", "POST", "/"), ("get", "GET", "/")]);
}

#[test]
fn broken_graphql_says_where() {
    for (text, expected) in [
        ("type Query {\n  a: Int\n", "1:12: error: `{` is never closed"),
        ("type Query {\n  a: [Int)\n}", "2:10: error: `)` closes `[` of line 2, column 6"),
        (
            "tpye Query { a: Int }",
            "1:1: error: `tpye` begins no definition of a schema (did you mean `type`?)",
        ),
        (
            "query { a }",
            "1:1: error: `query` begins no definition of a schema (this is a query; write the types that the API has)",
        ),
        (
            "{ a }",
            "1:1: error: a selection stands where a definition is expected: this is a query, not a schema",
        ),
        ("type A { a: Int = \"x\n }", "1:19: error: the string is never closed"),
        ("type A { a; Int }", "1:11: error: `;` cannot stand in a schema"),
        ("# nothing\n", "1:1: error: the schema defines nothing"),
    ] {
        assert_eq!(findings("a.graphql", text), [expected], "{text}");
    }
}

#[test]
fn wadl_resources_become_operations() {
    let text = r##"<?xml version="1.0"?>
<application xmlns="http://wadl.dev.java.net/2009/02">
  <doc title="Pets">All about them.</doc>
  <resources base="https://example.com/v1">
    <resource path="/pets" type="#paged">
      <method name="GET" id="list"><doc title="All pets"/><response status="200 206"><representation href="#json"/></response></method>
      <resource path="{id}">
        <param name="id" style="template" required="true"/>
        <method href="#get"/>
      </resource>
    </resource>
  </resources>
  <resource_type id="paged"><param name="page" style="query" required="true"/></resource_type>
  <method id="get" name="GET"><request><param name="view" style="query"/></request></method>
  <representation id="json" mediaType="application/json"/>
</application>"##;
    let (definition, diagnostics) = read_text("specification.wadl", text);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    let definition = definition.unwrap();
    assert_eq!(
        operations(&definition),
        [("list", "GET", "/pets?page={page}"), ("get", "GET", "/pets/{id}?page={page}")]
    );
    assert_eq!(
        (definition.title.as_deref(), definition.description.as_deref()),
        (Some("Pets"), Some("All about them."))
    );
    assert_eq!(definition.service_url().unwrap().value, "https://example.com/v1");
    let [list, get] = definition.operations.as_slice() else { panic!() };
    assert_eq!(list.display_name, "All pets");
    assert_eq!(list.location, Location::new(Path::new("specification.wadl"), 6, 7));
    let statuses: Vec<_> = list.responses.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [ResponseStatus::Code(200), ResponseStatus::Code(206)]);
    assert_eq!(list.responses[1].representations[0].content_type, "application/json");
    assert_eq!(get.parameters.len(), 3);
}

#[test]
fn broken_wadl_says_where() {
    let wrap = |inner: &str| {
        format!(
            "<application>\n<resources>\n{inner}\n</resources>\n<method id='get' name='GET'/>\n</application>"
        )
    };
    for (inner, expected) in [
        (
            "<resource path='a'><method href='#gett'/></resource>",
            "3:20: error: `#gett` leads nowhere: no element has this id (did you mean `#get`?)",
        ),
        (
            "<resource path='a'><method href='x.wadl#get'/></resource>",
            "3:20: error: `x.wadl#get` leads to another document; only this one is read (copy what it names into this document)",
        ),
        (
            "<resource path='a' type='#get'/>",
            "3:1: error: `#get` names a `<method>`, a `<resource_type>` is needed",
        ),
        (
            "<resource path='a'><method/></resource>",
            "3:20: error: the method has no `name` (name an HTTP method: `name=\"GET\"`)",
        ),
        (
            "<resource path='a'><method name='GET'/><method name='get'/></resource>",
            "3:40: error: `GET /a` matches the same requests as the method at 3:20",
        ),
        (
            "<resource path='a'><param name='b' style='cookie'/></resource>",
            "3:20: error: a parameter cannot have the style `cookie` (one of template, query, header, matrix, plain)",
        ),
        (
            "<resource path='{a'><method name='GET'/></resource>",
            "3:21: error: the path `/{a` opens a brace that it does not close",
        ),
        (
            "<resource path='a'><method name='GET'><response status='ok'/></method></resource>",
            "3:39: error: `ok` is no status code",
        ),
    ] {
        assert_eq!(findings("a.wadl", &wrap(inner)), [expected], "{inner}");
    }
    assert_eq!(findings("a.wadl", "<application/>"), ["1:1: error: the application has no `<resources>`"]);
    assert!(
        findings("a.wadl", "<application>\n<a></b>")[0]
            .starts_with("2:4: error: this is not well-formed XML")
    );
}
