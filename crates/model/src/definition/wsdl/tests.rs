use std::fs;

use super::*;

const MAIN: &str = r#"<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:o="urn:o" targetNamespace="urn:t">
<wsdl:import namespace="urn:t" location="ports.wsdl" />
<wsdl:types>
  <xs:schema targetNamespace="urn:o" elementFormDefault="qualified"><xs:include schemaLocation="types.xsd" /><xs:element name="get" type="o:code" /><xs:element name="got" type="xs:string" /></xs:schema>
</wsdl:types>
<wsdl:message name="sum"><wsdl:part name="a" type="xs:int" /><wsdl:part name="b" type="o:code" /></wsdl:message>
<wsdl:message name="total"><wsdl:part name="return" type="xs:int" /></wsdl:message>
<wsdl:binding name="Document" type="t:Orders"><soap:binding transport="http://schemas.xmlsoap.org/soap/http" />
  <wsdl:operation name="get"><soap:operation soapAction="urn:t#get?a&amp;b" /><wsdl:input><soap:body use="literal" /></wsdl:input><wsdl:output><soap:body use="literal" /></wsdl:output></wsdl:operation>
</wsdl:binding>
<wsdl:binding name="Document12" type="t:Orders"><soap12:binding transport="http://schemas.xmlsoap.org/soap/http" />
  <wsdl:operation name="get"><soap12:operation soapAction="urn:t#get?a&amp;b" /><wsdl:input><soap12:body use="literal" /></wsdl:input><wsdl:output><soap12:body use="literal" /></wsdl:output></wsdl:operation>
</wsdl:binding>
<wsdl:binding name="Rpc" type="t:Sums"><soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http" />
  <wsdl:operation name="sum"><soap:operation soapAction="" /><wsdl:input><soap:body use="literal" namespace="urn:r" /></wsdl:input><wsdl:output><soap:body use="literal" namespace="urn:r" /></wsdl:output></wsdl:operation>
  <wsdl:operation name="old"><soap:operation soapAction="" /><wsdl:input><soap:body use="encoded" namespace="urn:r" /></wsdl:input></wsdl:operation>
</wsdl:binding>
<wsdl:service name="Shop"><wsdl:documentation>Sells  things.</wsdl:documentation>
  <wsdl:port name="P" binding="t:Document"><soap:address location="http://shop.example/soap" /></wsdl:port>
  <wsdl:port name="P12" binding="t:Document12"><soap12:address location="http://shop.example/soap12" /></wsdl:port>
  <wsdl:port name="R" binding="t:Rpc"><soap:address location="http://shop.example/rpc" /></wsdl:port>
</wsdl:service>
</wsdl:definitions>"#;
const PORTS: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:o="urn:o" targetNamespace="urn:t">
<message name="get"><part name="p" element="o:get" /></message><message name="got"><part name="p" element="o:got" /></message>
<portType name="Orders"><operation name="get"><documentation>Gets.</documentation><input message="t:get" /><output message="t:got" /></operation></portType>
<portType name="Sums"><operation name="sum"><input message="t:sum" /><output message="t:total" /></operation><operation name="old"><input message="t:sum" /></operation></portType>
</definitions>"#;
const TYPES: &str = r#"<?xml version="1.0"?><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:simpleType name="code"><xs:restriction base="xs:string"><xs:maxLength value="3" /></xs:restriction></xs:simpleType></xs:schema>"#;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn described(files: &[(&str, &str)], selector: &Selector) -> Result<Wsdl, String> {
    let folder = folder(files);
    let main = folder.path().join(files[0].0);
    match describe(folder.path(), &main, files[0].1, selector) {
        Ok((wsdl, _)) => Ok(wsdl),
        Err(errors) => Err(errors.to_string().replace(&*folder.path().to_string_lossy(), "")),
    }
}

const FILES: [(&str, &str); 3] = [("main.wsdl", MAIN), ("ports.wsdl", PORTS), ("types.xsd", TYPES)];

#[test]
fn operations_are_joined_over_files_ports_and_styles() {
    let wsdl = described(&FILES, &Selector::default()).unwrap();
    assert_eq!((wsdl.name.as_deref(), wsdl.documentation.as_deref()), (Some("Shop"), Some("Sells things.")));
    let told: Vec<String> = wsdl
        .operations
        .iter()
        .map(|operation| {
            format!("{} {:?} {:?}", operation.name, operation.request, operation.response.is_some())
        })
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(wsdl.operations[0].request.elements()[0].to_string(), "{urn:o}get");
    assert_eq!(wsdl.operations[1].request.elements()[0].to_string(), "{urn:r}sum");
    assert!(matches!(&wsdl.operations[2].request, Contents::Unknown(why) if why.contains("encoded")));
    let published = operations(&wsdl);
    let templates: Vec<&str> = published.iter().map(|operation| operation.url_template.as_str()).collect();
    assert_eq!(templates, ["/?soapAction=urn:t%23get?a%26b", "/?soapAction=sum", "/?soapAction=old"]);
    let rpc = wsdl.schemas.iter().find(|(name, _)| name == "rpc-0").unwrap();
    assert!(rpc.1.contains("<xs:element name=\"b\" type=\"n1:code\" form=\"unqualified\" />"), "{}", rpc.1);
    assert!(wsdl.schemas[0].1.contains("schemaLocation=\"/schemas/wsdl-2\""), "{}", wsdl.schemas[0].1);
}

#[test]
fn a_definition_in_one_file_says_the_same() {
    let wsdl = described(&FILES, &Selector::default()).unwrap();
    let text = single_file(&wsdl);
    let again = described(&[("one.wsdl", text.as_str())], &Selector::default())
        .unwrap_or_else(|told| panic!("{told}\n{text}"));
    assert!(!again.is_split);
    for (a, b) in wsdl.operations.iter().zip(&again.operations) {
        assert_eq!((&a.name, &a.action, a.request.elements()), (&b.name, &b.action, b.request.elements()));
        assert_eq!(a.response.as_ref().map(Contents::elements), b.response.as_ref().map(Contents::elements));
    }
    assert_eq!(again.addresses[0].value, "http://shop.example/soap");
}

#[test]
fn services_and_endpoints_are_chosen_by_name() {
    let of = |service: Option<&str>, endpoint: Option<&str>| {
        let selector =
            Selector { service: service.map(str::to_owned), endpoint: endpoint.map(str::to_owned) };
        described(&FILES, &selector)
    };
    assert_eq!(of(Some("Shop"), Some("R")).unwrap().operations.len(), 2);
    assert!(of(Some("Shp"), None).unwrap_err().contains("did you mean `Shop`?"));
    assert!(of(None, Some("Q")).unwrap_err().contains("no endpoint `Q`"));
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    let with = |old: &str, new: &str| {
        let main = MAIN.replace(old, new);
        described(&[("main.wsdl", &main), FILES[1], FILES[2]], &Selector::default()).unwrap_err()
    };
    assert!(with("ports.wsdl", "other.wsdl").contains("main.wsdl:2:1: error: there is no file `other.wsdl`"));
    assert!(with("ports.wsdl", "http://x/ports.wsdl").contains("is not fetched"));
    assert!(with("t:Orders", "t:Order").contains("a port type that is not defined"));
    assert!(with("t:Orders", "z:Orders").contains("the prefix of `z:Orders` is not declared"));
    assert!(with("</wsdl:definitions>", "").contains("not well-formed"));
    let outside = MAIN.replace("ports.wsdl", "../../../../../../etc/hostname");
    assert!(described(&[("main.wsdl", &outside)], &Selector::default()).is_err());
}
