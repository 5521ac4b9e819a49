//! The messages of SOAP services as their WSDL definitions describe them.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gatehouse_model::definition::wsdl::{self, Contents, Selector, Wsdl};
use gatehouse_validation::xml::{ElementName, Sender, SoapOperation, SoapService, SoapVersion, body_element};

const SHOP: &str = r#"<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:o="urn:o" xmlns:c="urn:c" targetNamespace="urn:t">
<wsdl:types>
  <xs:schema targetNamespace="urn:o" elementFormDefault="qualified"><xs:import namespace="urn:c" />
    <xs:element name="order"><xs:complexType><xs:sequence><xs:element name="code" type="c:code" /><xs:element name="count" type="xs:int" /></xs:sequence></xs:complexType></xs:element>
    <xs:element name="note" type="xs:string" /><xs:element name="placed" type="xs:boolean" />
  </xs:schema>
  <xs:schema targetNamespace="urn:c"><xs:simpleType name="code"><xs:restriction base="xs:string"><xs:maxLength value="3" /></xs:restriction></xs:simpleType></xs:schema>
</wsdl:types>
<wsdl:message name="place"><wsdl:part name="a" element="o:order" /><wsdl:part name="b" element="o:note" /></wsdl:message>
<wsdl:message name="placed"><wsdl:part name="p" element="o:placed" /></wsdl:message>
<wsdl:message name="sum"><wsdl:part name="a" type="xs:int" /><wsdl:part name="code" type="c:code" /></wsdl:message>
<wsdl:message name="total"><wsdl:part name="return" type="xs:int" /></wsdl:message>
<wsdl:portType name="Shop"><wsdl:operation name="place"><wsdl:input message="t:place" /><wsdl:output message="t:placed" /></wsdl:operation>
<wsdl:operation name="sum"><wsdl:input message="t:sum" /><wsdl:output message="t:total" /></wsdl:operation></wsdl:portType>
<wsdl:binding name="Shop" type="t:Shop"><soap:binding transport="http://schemas.xmlsoap.org/soap/http" />
  <wsdl:operation name="place"><soap:operation soapAction="place" /><wsdl:input><soap:body use="literal" /></wsdl:input><wsdl:output><soap:body use="literal" /></wsdl:output></wsdl:operation>
  <wsdl:operation name="sum"><soap:operation soapAction="sum" style="rpc" /><wsdl:input><soap:body use="literal" namespace="urn:r" /></wsdl:input><wsdl:output><soap:body use="literal" namespace="urn:r" /></wsdl:output></wsdl:operation>
</wsdl:binding></wsdl:definitions>"#;

fn operation(wsdl: &Wsdl, name: &str) -> SoapOperation {
    let service = SoapService::compile(&wsdl.schemas).unwrap();
    assert!(service.broken().is_empty(), "{:?}", service.broken());
    let found = wsdl.operations.iter().find(|operation| operation.name == name).unwrap();
    let names = |contents: &Contents| {
        let name = |element: &gatehouse_model::resources::QName| ElementName {
            namespace: element.namespace.clone(),
            name: element.name.clone(),
        };
        Ok(contents.elements().iter().map(name).collect())
    };
    let response = found.response.as_ref().map_or_else(|| Ok(Vec::new()), names);
    SoapOperation { service: Arc::new(service), request: names(&found.request), response }
}

fn described() -> Wsdl {
    wsdl::describe(Path::new("."), Path::new("shop.wsdl"), SHOP, &Selector::default())
        .unwrap_or_else(|errors| panic!("{errors}"))
        .0
}

fn envelope(body: &str) -> String {
    format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:o=\"urn:o\" xmlns:r=\"urn:r\"><e:Body>{body}</e:Body></e:Envelope>"
    )
}

fn told(operation: &SoapOperation, sender: Sender, body: &str) -> String {
    let found = operation.judge(envelope(body).as_bytes(), SoapVersion::V11, sender, 5).unwrap();
    found.iter().map(|violation| violation.message.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn bodies_hold_the_elements_of_their_operation() {
    let place = operation(&described(), "place");
    let order = "<o:order><o:code>abc</o:code><o:count>1</o:count></o:order>";
    let good = format!("{order}<o:note>x</o:note>");
    assert_eq!(told(&place, Sender::Client, &good), "");
    for (body, wanted) in [
        (good.replace("abc", "abcd"), ""),
        (good.replace("<o:count>1</o:count>", ""), ""),
        (order.to_owned(), "The body lacks the element '{urn:o}note'."),
        (format!("<o:note>x</o:note>{order}"), "The body must hold the element '{urn:o}order'."),
        (format!("{good}<o:note>x</o:note>"), "The body holds more elements than the operation has."),
        (
            "<r:sum><a>1</a><code>x</code></r:sum>".to_owned(),
            "The body must hold the element '{urn:o}order'.",
        ),
        (String::new(), "The body lacks the element '{urn:o}order'."),
        (
            "<e:Fault><faultcode>e:x</faultcode><faultstring>x</faultstring></e:Fault>".to_owned(),
            "A request must not be a fault.",
        ),
    ] {
        let found = told(&place, Sender::Client, &body);
        assert!(!found.is_empty() && found.contains(wanted), "{body}: {found:?}");
    }
    assert_eq!(told(&place, Sender::Backend, "<o:placed>true</o:placed>"), "");
    assert_ne!(told(&place, Sender::Backend, "<o:placed>maybe</o:placed>"), "");
    assert_eq!(
        told(
            &place,
            Sender::Backend,
            "<e:Fault><faultcode>e:x</faultcode><faultstring>x</faultstring></e:Fault>"
        ),
        ""
    );
}

#[test]
fn rpc_messages_hold_their_parts() {
    let sum = operation(&described(), "sum");
    assert_eq!(told(&sum, Sender::Client, "<r:sum><a>1</a><code>x</code></r:sum>"), "");
    for bad in [
        "<r:sum><a>1</a><code>long</code></r:sum>",
        "<r:sum><a>x</a><code>x</code></r:sum>",
        "<r:sum><code>x</code></r:sum>",
        "<r:add><a>1</a><code>x</code></r:add>",
        "<sum><a>1</a><code>x</code></sum>",
    ] {
        assert_ne!(told(&sum, Sender::Client, bad), "", "{bad}");
    }
    assert_eq!(told(&sum, Sender::Backend, "<r:sumResponse><return>1</return></r:sumResponse>"), "");
}

#[test]
fn envelopes_that_attack_or_are_none_are_refused() {
    let place = operation(&described(), "place");
    let judge = |text: &str| place.judge(text.as_bytes(), SoapVersion::V11, Sender::Client, 5).unwrap();
    let good = envelope("<o:order><o:code>abc</o:code><o:count>1</o:count></o:order><o:note>x</o:note>");
    assert!(judge(&good).is_empty());
    let two_bodies = good.replace("</e:Body>", "</e:Body><e:Body><o:note>x</o:note></e:Body>");
    let bomb = format!("<!DOCTYPE x [<!ENTITY a \"aaa\"><!ENTITY b \"&a;&a;\">]>{good}");
    let other = good.replace("schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope");
    for bad in
        [two_bodies.as_str(), &bomb, &other, "<o:order xmlns:o=\"urn:o\"/>", "", "<e:Envelope", &good[..200]]
    {
        assert!(!judge(bad).is_empty(), "{bad}");
    }
}

#[test]
fn the_element_in_the_body_is_found() {
    let name = |text: &str| body_element(text.as_bytes()).map(|element| element.to_string());
    assert_eq!(name(&envelope("<!-- c --><o:order/>")).as_deref(), Some("{urn:o}order"));
    let with_header =
        envelope("<o:order/>").replace("<e:Body>", "<e:Header><o:x><o:y/></o:x></e:Header><e:Body>");
    assert_eq!(name(&with_header).as_deref(), Some("{urn:o}order"));
    for none in [
        "",
        "<a/>",
        &envelope(""),
        "<!DOCTYPE x><a/>",
        "<e:Envelope xmlns:e=\"urn:x\"><e:Body><a/></e:Body></e:Envelope>",
    ] {
        assert_eq!(name(none), None, "{none}");
    }
}

#[test]
fn real_definitions_compile() {
    let Some(corpora) = std::env::var_os("GATEHOUSE_CORPORA") else {
        println!("ignored: GATEHOUSE_CORPORA is not set");
        return;
    };
    let folder = Path::new(&corpora).join("openapi");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.push(folder.join("wsdl-python-zeep-soap-import-main/soap_import_main.wsdl"));
    files.sort();
    let mut counts = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "wsdl")) {
        let text = fs::read_to_string(file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        match wsdl::describe(file.parent().unwrap(), file, &text, &Selector::default()) {
            Ok((wsdl, _)) => {
                let service = SoapService::compile(&wsdl.schemas);
                let broken: Vec<_> = match &service {
                    Ok(service) => service.broken().to_vec(),
                    Err(why) => vec![(String::new(), why.clone())],
                };
                counts.push(format!("{name} {} {}", wsdl.operations.len(), broken.len()));
            }
            Err(errors) => {
                // Files that they import are not there.
                assert!(errors.to_string().contains("error: there is no file"), "{errors}");
                counts.push(format!("{name} refused"));
            }
        }
    }
    // Operations, and schemas that cannot be used: types of SOAP's own encoding, and text between elements.
    let wanted = [
        "wsdl-api-management-schema-import-output.wsdl 1 0",
        "wsdl-node-soap-EVacSyncService-SPClient.wsdl 2 2",
        "wsdl-node-soap-builtin-types.wsdl 2 1",
        "wsdl-node-soap-list-parameter.wsdl 17 0",
        "wsdl-node-soap-order.wsdl refused",
        "wsdl-node-soap-recursive2.wsdl 1 0",
        "wsdl-python-zeep-benchmark.wsdl 1 0",
        "wsdl-python-zeep-claim.wsdl 1 0",
        "wsdl-python-zeep-hello-world-recursive.wsdl refused",
        "soap_import_main.wsdl 1 0",
        "wsdl-python-zeep-soap.wsdl 2 0",
    ];
    assert_eq!(counts, wanted);
}
