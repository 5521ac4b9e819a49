use std::time::{Duration, Instant};

use super::*;

const ORDER: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:o" targetNamespace="urn:o" elementFormDefault="qualified">
  <xs:include schemaLocation="/schemas/types" />
  <xs:element name="order"><xs:complexType><xs:sequence>
    <xs:element name="sku" type="o:sku" maxOccurs="3" /><xs:element name="count" type="xs:int" />
  </xs:sequence><xs:attribute name="id" type="xs:positiveInteger" use="required" /></xs:complexType></xs:element>
</xs:schema>"#;
const TYPES: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o">
  <xs:simpleType name="sku"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}-\d+" /></xs:restriction></xs:simpleType>
</xs:schema>"#;

fn schema(soap: bool) -> XmlSchema {
    let schemas = [("order", ORDER), ("types", TYPES)].map(|(name, text)| (name.to_owned(), text.to_owned()));
    XmlSchema::compile("order", &schemas.into(), soap).unwrap()
}

const GOOD: &str = "<order xmlns=\"urn:o\" id=\"1\"><sku>AB-1</sku><count>2</count></order>";

fn told(body: impl AsRef<[u8]>) -> String {
    let found = schema(false).document(body.as_ref(), 5);
    found.iter().map(Violation::details).collect::<Vec<_>>().join("\n")
}

#[test]
fn documents_are_judged_by_their_schema_and_what_it_includes() {
    assert_eq!(told(GOOD), "");
    assert_eq!(told(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- c -->{GOOD}")), "");
    for bad in [
        GOOD.replace("AB-1", "ab"),
        GOOD.replace("id=\"1\"", "id=\"0\""),
        GOOD.replace("id=\"1\"", ""),
        GOOD.replace("<count>2</count>", ""),
        GOOD.replace("<count>2</count>", "<count>2147483648</count>"),
        GOOD.replace("<count>", "<x/><count>"),
        GOOD.replace("urn:o", "urn:p"),
    ] {
        assert!(!told(&bad).is_empty(), "{bad}");
    }
    assert!(told(GOOD.replace("AB-1", "\nab")).contains("Line: "), "{}", told(GOOD.replace("AB-1", "\nab")));
}

#[test]
fn attacks_on_parsers_are_refused_fast() {
    let bomb =
        "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><order>&b;</order>";
    let external = "<?xml version=\"1.0\"?>\n<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><order/>";
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    for (what, body, wanted) in [
        ("bomb", bomb.as_bytes().to_vec(), "A document type is not allowed."),
        ("external", external.as_bytes().to_vec(), "A document type is not allowed. Line: 2, Position: 1"),
        ("entity", GOOD.replace("AB-1", "&x;").into_bytes(), ""),
        ("deep", deep.into_bytes(), ""),
        ("UTF-16", b"\xff\xfe<\0a\0".to_vec(), "not UTF-8"),
        ("latin", b"<?xml version='1.0' encoding='ISO-8859-1'?><order/>".to_vec(), "another encoding"),
        ("bytes", [b"<order xmlns=\"urn:o\" id=\"1\"><sku>".to_vec(), vec![0xff]].concat(), ""),
        ("cut off", GOOD.as_bytes()[..40].to_vec(), ""),
        ("two roots", format!("{GOOD}{GOOD}").into_bytes(), ""),
        ("nothing", Vec::new(), ""),
        ("text", b"{}".to_vec(), ""),
    ] {
        let started = Instant::now();
        let told = told(&body);
        assert!(!told.is_empty() && told.contains(wanted), "{what}: {told}");
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
    }
}

#[test]
fn envelopes_have_one_body_with_one_declared_element() {
    let schema = schema(true);
    let wrap = |namespace: &str, body: &str| {
        format!(
            "<s:Envelope xmlns:s=\"{namespace}\"><s:Header><h xmlns=\"urn:h\"/></s:Header>{body}</s:Envelope>"
        )
    };
    let judge =
        |version: SoapVersion, sender, text: &str| schema.envelope(text.as_bytes(), version, sender, 5);
    for version in [SoapVersion::V11, SoapVersion::V12] {
        let of = |body: &str| wrap(version.namespace(), body);
        let good = of(&format!("<s:Body>{GOOD}</s:Body>"));
        assert_eq!(judge(version, Sender::Client, &good), []);
        for bad in [
            of(&format!("<s:Body>{GOOD}</s:Body><s:Body>{GOOD}</s:Body>")),
            of(&format!("<s:Body>{GOOD}{GOOD}</s:Body>")),
            of("<s:Body/>"),
            of("<s:Body><unknown/></s:Body>"),
            of(&format!("<s:Body>{}</s:Body>", GOOD.replace("AB-1", "x"))),
            GOOD.to_owned(),
        ] {
            assert!(!judge(version, Sender::Client, &bad).is_empty(), "{bad}");
        }
    }
    let fault = wrap(
        SoapVersion::V11.namespace(),
        "<s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>x</faultstring></s:Fault></s:Body>",
    );
    assert_eq!(judge(SoapVersion::V11, Sender::Backend, &fault), []);
    assert!(!judge(SoapVersion::V11, Sender::Client, &fault).is_empty());
    assert!(!judge(SoapVersion::V12, Sender::Backend, &fault).is_empty());
}

#[test]
fn a_broken_schema_is_told() {
    let of = |text: &str| XmlSchema::compile("a", &[("a".to_owned(), text.to_owned())].into(), false);
    assert!(of("<xs:schema").is_err());
    assert!(of(&ORDER.replace("/schemas/types", "/schemas/none")).is_err());
    assert!(of(&ORDER.replace("/schemas/types", "file:///etc/passwd")).is_err());
    assert!(of("<!DOCTYPE x><xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"/>").is_err());
}
