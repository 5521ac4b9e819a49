use gatehouse_model::resources::{Schema, SchemaText};
use http::HeaderValue;
use serde_json::json;

use crate::testing::*;
use crate::{Body, Exchange};

const SCHEMA: &str = r#"{"components": {"schemas": {"pet": {"type": "object", "required": ["id"], "properties": {
    "id": {"type": "integer"}, "name": {"$ref": "/schemas/name"}}}}}}"#;

fn with_schemas(policies: &str) -> gatehouse_model::resources::Catalog {
    let mut catalog = catalog(&document("inbound", policies));
    for (name, text) in [
        ("pets", serde_json::from_str(SCHEMA).unwrap()),
        ("name", json!({"type": "string", "maxLength": 3})),
        (
            "plain",
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"name": {"$ref": "/schemas/name"}}}),
        ),
    ] {
        let location = gatehouse_model::Location::file(std::path::Path::new("schemas"));
        let schema = Schema { name: name.into(), text: SchemaText::Json(text), location };
        catalog.service.schemas.insert(name.into(), schema);
    }
    catalog
}

fn send(attributes: &str, children: &str, content_type: &str, body: &'static str) -> Exchange {
    let policy =
        format!("<validate-content errors-variable-name=\"e\" {attributes}>{children}</validate-content>");
    let mut exchange = exchange();
    if !content_type.is_empty() {
        exchange.request.headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
    }
    exchange.request.body = Body::Full(body.into());
    TestWorld::new().run(&policies(&with_schemas(&policy)).global(), &mut exchange);
    exchange
}

const STRICT: &str =
    "unspecified-content-type-action=\"prevent\" max-size=\"100\" size-exceeded-action=\"prevent\"";

fn plain(action: &str, more: &str) -> String {
    format!(
        "<content type=\"application/json\" validate-as=\"json\" schema-id=\"plain\" action=\"{action}\" {more} />"
    )
}

fn message(exchange: &Exchange) -> &str {
    &exchange.last_error.as_ref().expect("an error").message
}

#[test]
fn a_body_is_judged_by_the_schema_that_is_named() {
    let content = plain("prevent", "");
    assert_eq!(
        send(STRICT, &content, "application/json; charset=utf-8", "{\"name\":\"abc\"}").answered(),
        200
    );
    let exchange = send(STRICT, &content, "Application/JSON", "{\n\"name\":\"abcd\"}");
    assert_eq!(exchange.answered(), 400);
    let wanted = "Body of the request does not conform to the definition plain, which is associated with the content type application/json. The string is longer than 3 characters. Line: 2, Position: 8";
    assert_eq!(message(&exchange), wanted);
    assert_eq!(exchange.answer_text(), format!("{{\"statusCode\":400,\"message\":\"{wanted}\"}}"));
    let errors = exchange.variables.get("e").unwrap().to_text();
    let errors: serde_json::Value = serde_json::from_str(&errors).unwrap();
    assert_eq!(
        errors,
        json!([{"Name": "application/json", "Type": "RequestBody", "ValidationRule": "IncorrectMessage", "Details": wanted, "Action": "prevent"}])
    );
    let error = exchange.last_error.unwrap();
    assert_eq!((&*error.source, &*error.reason, error.is_private), ("validate-content", "Bad request", true));
}

#[test]
fn detect_goes_on_and_ignore_sees_nothing() {
    let exchange = send(STRICT, &plain("detect", ""), "application/json", "{");
    assert_eq!(exchange.answered(), 200);
    assert!(exchange.variables.get("e").unwrap().to_text().contains("\"Action\": \"detect\""));
    let exchange = send(STRICT, &plain("ignore", ""), "application/json", "{");
    assert!(exchange.answered() == 200 && exchange.variables.get("e").is_none());
    let exchange = send(
        STRICT,
        &plain("@(context.Request.Method == \"GET\" ? \"prevent\" : \"ignore\")", ""),
        "application/json",
        "{",
    );
    assert_eq!(exchange.answered(), 400);
}

#[test]
fn content_types_count_as_what_the_map_says() {
    let content = plain("prevent", "");
    let bad = "{\"name\":1}";
    assert_eq!(
        message(&send(STRICT, &content, "text/plain", bad)),
        "Unspecified content type text/plain is not allowed."
    );
    assert_eq!(message(&send(STRICT, &content, "", bad)), "Unspecified content type  is not allowed.");
    for (map, content_type) in [
        ("<content-type-map any-content-type-value=\"application/json\" />", "text/plain"),
        ("<content-type-map missing-content-type-value=\"application/json\" />", ""),
        (
            "<content-type-map any-content-type-value=\"a/b\"><type from=\"Application/Hal+JSON\" to=\"application/json\" /></content-type-map>",
            "application/hal+json",
        ),
        (
            "<content-type-map><type when=\"@(context.Request.Method == &quot;GET&quot;)\" to=\"application/json\" /></content-type-map>",
            "x/y",
        ),
    ] {
        let exchange = send(STRICT, &format!("{map}{content}"), content_type, bad);
        assert!(
            message(&exchange).contains("Expected String but got Integer"),
            "{map}: {}",
            message(&exchange)
        );
    }
    let lax = STRICT
        .replace("unspecified-content-type-action=\"prevent\"", "unspecified-content-type-action=\"ignore\"");
    assert_eq!(send(&lax, &content, "text/plain", bad).answered(), 200);
}

#[test]
fn sizes_are_counted_on_what_arrives() {
    let long: &'static str = Box::leak(format!("{{\"name\":\"a\"{}}}", " ".repeat(100)).into_boxed_str());
    let content = plain("prevent", "");
    let exchange = send(STRICT, &content, "application/json", long);
    assert_eq!(exchange.answered(), 400);
    assert_eq!(
        message(&exchange),
        "Request's body is 112 bytes long and it exceeds the configured limit of 100 bytes."
    );
    assert!(exchange.answer_text().contains("it exceeds the limit of 100 bytes."));
    let detect = STRICT.replace("size-exceeded-action=\"prevent\"", "size-exceeded-action=\"detect\"");
    let exchange = send(&detect, &content, "application/json", long);
    assert_eq!(exchange.answered(), 200);
    assert!(exchange.variables.get("e").unwrap().to_text().contains("SizeLimit"));
    // What is too large for memory is never let through unjudged.
    let huge: &'static str = Box::leak(format!("{{{}}}", " ".repeat(2000)).into_boxed_str());
    let ignore = STRICT.replace("size-exceeded-action=\"prevent\"", "size-exceeded-action=\"ignore\"");
    let mut exchange = exchange_with_stream(huge);
    let policy = format!("<validate-content {ignore}>{content}</validate-content>");
    TestWorld::new().run(&policies(&with_schemas(&policy)).global(), &mut exchange);
    assert_eq!(exchange.answered(), 413);
}

fn exchange_with_stream(body: &'static str) -> Exchange {
    use http_body_util::BodyExt as _;
    let mut exchange = exchange();
    exchange.request.headers.insert("content-type", HeaderValue::from_static("application/json"));
    exchange.request.body =
        Body::stream(http_body_util::Full::new(bytes::Bytes::from(body)).map_err(|never| match never {}));
    exchange
}

#[test]
fn a_reference_leads_into_a_schema_of_openapi() {
    let content = |more: &str| {
        format!(
            "<content type=\"application/json\" validate-as=\"json\" schema-id=\"pets\" schema-ref=\"#/components/schemas/pet\" action=\"prevent\" {more} />"
        )
    };
    let send = |more: &str, body| send(STRICT, &content(more), "application/json", body).answered();
    assert_eq!(send("", "{\"id\":1,\"x\":1}"), 200);
    assert_eq!(send("", "{\"id\":\"1\"}"), 400);
    assert_eq!(send("allow-additional-properties=\"false\"", "{\"id\":1,\"x\":1}"), 400);
    assert_eq!(send("", "{\"ID\":1}"), 400);
    assert_eq!(send("case-insensitive-property-names=\"true\"", "{\"ID\":1}"), 200);
    assert_eq!(send("case-insensitive-property-names=\"true\"", "{\"ID\":1,\"id\":1}"), 400);
}

#[test]
fn what_is_wrong_with_the_policy_is_told_with_its_place() {
    let told = |policy: &str| findings(&with_schemas(policy)).join("\n");
    let wrap = |content: &str| format!("<validate-content {STRICT}>{content}</validate-content>");
    for (policy, wanted) in [
        (
            wrap("<content validate-as=\"json\" action=\"prevent\" schema-id=\"pet\" />"),
            "did you mean `pets`?",
        ),
        (wrap("<content validate-as=\"jsn\" action=\"prevent\" />"), "must be one of `json`"),
        (wrap("<content validate-as=\"json\" action=\"deny\" />"), "must be one of `ignore`"),
        (wrap("<content validate-as=\"json\" action=\"prevent\" schema-ref=\"#/x\" />"), "add `schema-id`"),
        (
            wrap("<content validate-as=\"json\" action=\"prevent\" schema-id=\"pets\" schema-ref=\"#/x\" />"),
            "leads nowhere",
        ),
        (wrap("<content-type-map><type to=\"a/b\" /></content-type-map>"), "either `from` or `when`"),
        (
            "<validate-content max-size=\"1\" size-exceeded-action=\"ignore\" />".to_owned(),
            "unspecified-content-type-action",
        ),
        (format!("<validate-content {} />", STRICT.replace("100", "many")), "max-size"),
    ] {
        let told = told(&policy);
        assert!(told.contains(wanted) && told.contains("policy.xml:1:"), "{policy}: {told}");
    }
}

const XSD: &str = "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" targetNamespace=\"urn:o\" elementFormDefault=\"qualified\"><xs:element name=\"order\"><xs:complexType><xs:sequence><xs:element name=\"count\" type=\"xs:int\" /></xs:sequence></xs:complexType></xs:element></xs:schema>";

fn send_xml(content: &str, content_type: &str, body: &str) -> Exchange {
    let policy =
        format!("<validate-content {}>{content}</validate-content>", STRICT.replace("\"100\"", "\"1000\""));
    let mut catalog = with_schemas(&policy);
    let location = gatehouse_model::Location::file(std::path::Path::new("schemas"));
    let schema = Schema { name: "xsd".into(), text: SchemaText::Xml(XSD.into()), location };
    catalog.service.schemas.insert("xsd".into(), schema);
    let mut exchange = exchange();
    exchange.request.headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
    exchange.request.body = Body::Full(bytes::Bytes::copy_from_slice(body.as_bytes()));
    TestWorld::new().run(&policies(&catalog).global(), &mut exchange);
    exchange
}

#[test]
fn xml_and_envelopes_are_judged_by_an_xml_schema() {
    let order = "<order xmlns=\"urn:o\"><count>1</count></order>";
    let xml = "<content type=\"application/xml\" validate-as=\"xml\" schema-id=\"xsd\" action=\"prevent\" />";
    assert_eq!(send_xml(xml, "application/xml", order).answered(), 200);
    let exchange = send_xml(xml, "application/xml", &order.replace('1', "x"));
    assert_eq!(exchange.answered(), 400);
    assert!(message(&exchange).starts_with("Body of the request does not conform to the definition xsd, which is associated with the content type application/xml. "));
    assert_eq!(send_xml(xml, "application/xml; charset=utf-16", order).answered(), 400);
    for (content_type, namespace) in [
        ("text/xml", "http://schemas.xmlsoap.org/soap/envelope/"),
        ("application/soap+xml", "http://www.w3.org/2003/05/soap-envelope"),
    ] {
        let soap = format!(
            "<content type=\"{content_type}\" validate-as=\"soap\" schema-id=\"xsd\" action=\"prevent\" />"
        );
        let wrap =
            |body: &str| format!("<e:Envelope xmlns:e=\"{namespace}\"><e:Body>{body}</e:Body></e:Envelope>");
        assert_eq!(send_xml(&soap, content_type, &wrap(order)).answered(), 200);
        assert_eq!(send_xml(&soap, content_type, &wrap(&order.replace('1', "x"))).answered(), 400);
        assert_eq!(send_xml(&soap, content_type, &wrap(&format!("{order}{order}"))).answered(), 400);
        assert_eq!(send_xml(&soap, content_type, order).answered(), 400);
        let none = soap.replace("schema-id=\"xsd\"", "");
        assert_eq!(
            message(&send_xml(&none, content_type, &wrap(order))),
            "API's schema does not specify definitions."
        );
    }
    let told = |content: &str| {
        findings(&with_schemas(&format!("<validate-content {STRICT}>{content}</validate-content>")))
            .join("\n")
    };
    for (content, wanted) in [
        (
            "<content type=\"a/b\" validate-as=\"soap\" schema-id=\"xsd\" action=\"prevent\" />",
            "`text/xml` for SOAP 1.1",
        ),
        ("<content validate-as=\"xml\" schema-id=\"pets\" action=\"prevent\" />", "is JSON"),
        ("<content validate-as=\"xml\" schema-ref=\"#/x\" action=\"prevent\" />", "no meaning for XML"),
    ] {
        assert!(told(content).contains(wanted), "{content}: {}", told(content));
    }
}
