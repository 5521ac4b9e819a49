//! SOAP services behind the gateway: a client and a server that nobody here wrote, and what neither of them would send.

use std::path::Path;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

use crate::support::{Backend, Gateway, Landing, gatehouse, peers};

const POLICY: &str = "<policies><inbound><base /><validate-content unspecified-content-type-action=\"prevent\" max-size=\"100000\" size-exceeded-action=\"prevent\"><content type=\"text/xml\" validate-as=\"soap\" action=\"prevent\" /><content type=\"application/soap+xml\" validate-as=\"soap\" action=\"prevent\" /></validate-content></inbound><backend><base /></backend><outbound><base /><validate-content unspecified-content-type-action=\"prevent\" max-size=\"100000\" size-exceeded-action=\"prevent\"><content type=\"text/xml\" validate-as=\"soap\" action=\"prevent\" /></validate-content></outbound><on-error><base /></on-error></policies>";

fn import(landing: &Landing, arguments: &[&str]) {
    let output = gatehouse(landing.folder.path(), &[&["import", "wsdl"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn zeep_and_spyne_meet_through_the_gateway() {
    let Some(python) = peers::python() else { return };
    let landing = Landing::new().with("waf: { mode: off }").subscription("all", "/apis");
    let wsdl = landing.path("shop.wsdl");
    let server = peers::Server::start(&python, "soap_server.py", &[wsdl.to_str().unwrap()]);
    import(&landing, &[wsdl.to_str().unwrap(), "--name", "shop", "--into", "artifacts"]);
    landing.file("artifacts/apis/shop/policy.xml", POLICY);
    let gateway = Gateway::start(landing).await;
    let url = format!("https://localhost:{}/shop", gateway.address().port());
    let authority = gateway.landing.path("certs/ca.pem");
    let arguments = [wsdl.to_str().unwrap(), &url, authority.to_str().unwrap()];
    let told = peers::run(&python, "soap_client.py", &arguments).await;
    drop(server);
    let told: serde_json::Value = serde_json::from_str(told.trim()).unwrap();
    let of = |name: &str| told[name].as_str().map_or_else(|| told[name].to_string(), str::to_owned);
    assert_eq!(told["good"], 5, "{told:#}");
    assert_eq!(told["fault"], "fault: There is no such customer.", "{told:#}");
    for (name, wanted) in [
        ("raw", "200: "),
        ("by the query", "200: "),
        ("by the body", "200: "),
        ("by the body with an empty action", "200: "),
        ("unknown action", "404: "),
        ("another operation's action", "400: "),
        ("bad sku", "400: "),
        ("bad count", "400: "),
        ("bad answer", "502: "),
        ("version 1.2 namespace", "400: "),
        ("two bodies", "400: "),
        ("bomb", "400: "),
        ("external entity", "400: "),
        ("deep", "400: "),
        ("not XML", "400: "),
        ("no envelope", "400: "),
        ("empty", "400: "),
    ] {
        assert!(of(name).starts_with(wanted), "{name}: {told:#}");
    }
    assert!(of("another operation's action").contains("The body must hold the element '{urn:shop}broken'."));
    assert!(of("bomb").contains("A document type is not allowed."), "{told:#}");
    assert!(of("bad sku").contains("Line: "), "{told:#}");
}

/// Two operations without actions, in the rpc style, in two files.
const RPC: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:o="urn:o" targetNamespace="urn:t">
<types><xs:schema><xs:import namespace="urn:o" schemaLocation="types.xsd" /></xs:schema></types>
<message name="sum"><part name="a" type="o:small" /><part name="b" type="xs:int" /></message><message name="sumResponse"><part name="return" type="xs:int" /></message>
<message name="drop"><part name="id" type="xs:int" /></message>
<portType name="P"><operation name="sum"><input message="t:sum" /><output message="t:sumResponse" /></operation><operation name="drop"><input message="t:drop" /></operation></portType>
<binding name="B" type="t:P"><soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http" />
<operation name="sum"><soap:operation soapAction="" /><input><soap:body use="literal" namespace="urn:r" /></input><output><soap:body use="literal" namespace="urn:r" /></output></operation>
<operation name="drop"><soap:operation soapAction="" /><input><soap:body use="literal" namespace="urn:r" /></input></operation></binding>
<service name="S"><port name="P" binding="t:B"><soap:address location="BACKEND" /></port></service></definitions>"#;
const TYPES: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o"><xs:simpleType name="small"><xs:restriction base="xs:int"><xs:maxInclusive value="9" /></xs:restriction></xs:simpleType></xs:schema>"#;

fn envelope(namespace: &str, body: &str) -> String {
    format!("<e:Envelope xmlns:e=\"{namespace}\" xmlns:r=\"urn:r\"><e:Body>{body}</e:Body></e:Envelope>")
}

const V11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const V12: &str = "http://www.w3.org/2003/05/soap-envelope";

#[tokio::test]
async fn operations_without_actions_are_told_apart_by_their_bodies() {
    let backend = Backend::answering(|seen| {
        let version = if seen.body.windows(V12.len()).any(|part| part == V12.as_bytes()) { V12 } else { V11 };
        let total = envelope(version, "<r:sumResponse><return>3</return></r:sumResponse>");
        let mut response = Response::new(Full::new(Bytes::from(total)));
        let kind = if version == V12 { "application/soap+xml" } else { "text/xml" };
        response.headers_mut().insert("content-type", kind.parse().unwrap());
        response
    });
    let landing = Landing::new().with("waf: { mode: off }").subscription("all", "/apis");
    landing.file("service.wsdl", &RPC.replace("BACKEND", &format!("{}/service.svc", backend.url())));
    landing.file("types.xsd", TYPES);
    import(&landing, &["service.wsdl", "--name", "s", "--into", "artifacts"]);
    landing.file("artifacts/apis/s/policy.xml", "<policies><inbound><base /><validate-api /><set-header name=\"X-Operation\"><value>@(context.Operation.Id)</value></set-header></inbound><backend><base /></backend><outbound><base /><validate-api /></outbound><on-error><base /></on-error></policies>");
    assert!(Path::new(&landing.path("artifacts/apis/s/specification.wsdl")).exists());
    let gateway = Gateway::start(landing).await;
    let client = gateway.client().header("Ocp-Apim-Subscription-Key", "all-primary");
    let post = |version: &'static str, body: &'static str| {
        let kind = if version == V12 { "application/soap+xml" } else { "text/xml" };
        let client = client.clone().header("content-type", kind);
        async move { client.send("POST", "/s", envelope(version, body)).await }
    };
    for version in [V11, V12] {
        let answer = post(version, "<r:sum><a>1</a><b>2</b></r:sum>").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let seen = backend.seen();
    assert_eq!(seen[0].uri, "/service.svc");
    assert!(seen.iter().all(|seen| seen.headers["x-operation"] == "sum"));
    for bad in [
        "<r:sum><a>10</a><b>2</b></r:sum>",
        "<r:sum><b>2</b></r:sum>",
        "<r:sum><a>1</a><b>2</b></r:sum><r:drop><id>1</id></r:drop>",
        "<r:drop><id>x</id></r:drop>",
    ] {
        let answer = post(V11, bad).await;
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text());
    }
    for unknown in ["<r:other/>", ""] {
        assert_eq!(post(V11, unknown).await.status, 404, "{unknown}");
    }
    // An answer to an operation that has none is not let out.
    assert_eq!(post(V11, "<r:drop><id>1</id></r:drop>").await.status, 502);
    assert_eq!(client.get("/s").await.status, 404);
}
