//! Mutual TLS beyond a chain to an authority: any certificate whose key the client holds, certificates that a front hands
//! on, revocation lists from a URL, and what authorities must be.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SerialNumber,
};

use crate::support::authority::Authority;
use crate::support::{Answer, Api, Backend, Client, Gateway, Landing, gatehouse, peers};

/// SHA-256 of a certificate, as API Management writes thumbprints.
fn thumbprint(pem: &str) -> String {
    use rustls::pki_types::pem::PemObject as _;
    let der = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    gatehouse_identity::thumbprints(&der)[1].clone()
}

fn api(backend: &Backend, policy: &str) -> Api {
    let show = "<set-header name=\"X-Subject\"><value>@(context.Request.Certificate?.Subject ?? \"none\")</value></set-header>";
    Api::new("a", &backend.url()).operation("get", "GET", "/x").inbound(&format!("{policy}{show}"))
}

fn subject(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["headers"]["x-subject"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn any_certificate_is_let_in_whose_key_the_client_holds_and_the_policy_judges_it() {
    let backend = Backend::echo();
    let stranger = Authority::new("Somebody else");
    let known = stranger.client("known");
    let policy = format!(
        "<validate-client-certificate validate-revocation=\"false\" validate-trust=\"false\" ignore-error=\"false\"><identities><identity thumbprint=\"{}\" /></identities></validate-client-certificate>",
        thumbprint(&known.certificate)
    );
    let landing = Landing::new()
        .tls("      client_certificates: { mode: optional, trust: [any] }")
        .api(api(&backend, &policy));
    known.write(&landing.path("certs/known.pem"), &landing.path("certs/known.key"));
    let gateway = Gateway::start(landing).await;
    assert_eq!(subject(&gateway.client().with(&known).get("/a/x").await), "CN=known");
    assert_eq!(gateway.client().with(&stranger.client("known")).get("/a/x").await.status, 403);
    assert_eq!(gateway.client().get("/a/x").await.status, 403);

    // A real client, with the right key and with another one.
    let curl = async |key: &str| {
        let mut command = Command::new("curl");
        command
            .args([
                "--silent",
                "--noproxy",
                "*",
                "--max-time",
                "30",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
            ])
            .args(["--cacert", gateway.landing.path("certs/ca.pem").to_str().unwrap()])
            .args(["--cert", gateway.landing.path("certs/known.pem").to_str().unwrap()])
            .args(["--key", gateway.landing.path(key).to_str().unwrap()])
            .arg(format!("https://localhost:{}/a/x", gateway.address().port()));
        String::from_utf8(peers::output(command).await.stdout).unwrap()
    };
    assert_eq!(curl("certs/known.key").await, "200");
    assert_eq!(curl("certs/server.key").await, "000");
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-connect", &gateway.address().to_string(), "-brief", "-servername", "localhost"])
        .args(["-CAfile", gateway.landing.path("certs/ca.pem").to_str().unwrap()])
        .args(["-cert", gateway.landing.path("certs/known.pem").to_str().unwrap()])
        .args(["-key", gateway.landing.path("certs/known.key").to_str().unwrap()]);
    let output = peers::output(command).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn trust_is_what_the_authorities_beside_any_say() {
    let backend = Backend::echo();
    let policy = "<validate-client-certificate validate-revocation=\"true\" validate-trust=\"true\" ignore-error=\"false\" />";
    let landing = Landing::new()
        .tls(
            "      client_certificates: { mode: required, trust: [any, certs/ca.pem], crls: [certs/ca.crl] }",
        )
        .api(api(&backend, policy));
    landing.file("certs/ca.crl", &landing.authority.revocation_list(&[7]));
    let with_serial = |serial: u64| {
        landing.authority.sign(&[], ExtendedKeyUsagePurpose::ClientAuth, "ana", |parameters| {
            parameters.serial_number = Some(SerialNumber::from(serial));
        })
    };
    let (good, revoked) = (with_serial(6), with_serial(7));
    let gateway = Gateway::start(landing).await;
    assert_eq!(subject(&gateway.client().with(&good).get("/a/x").await), "CN=ana");
    let refused = gateway.client().with(&revoked).get("/a/x").await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let stranger = Authority::new("Somebody else").client("ana");
    assert_eq!(gateway.client().with(&stranger).get("/a/x").await.status, 403);
    assert!(gateway.client().connect(&["http/1.1"]).await.is_err() || refuses(&gateway.client()).await);
}

/// Whether a handshake that seems good to the client is not: with TLS 1.3 it learns of that afterwards.
async fn refuses(client: &Client) -> bool {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let Ok(mut stream) = client.connect(&["http/1.1"]).await else { return true };
    let request = b"GET /a/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if stream.write_all(request).await.is_err() {
        return true;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.is_err() || !answer.starts_with(b"HTTP/1.1 200")
}

#[tokio::test]
async fn certificates_that_are_not_for_clients_or_not_valid_make_no_connection() {
    let backend = Backend::echo();
    let landing = Landing::new()
        .tls("      client_certificates: { mode: required, trust: [certs/ca.pem] }")
        .api(api(&backend, ""));
    let sign = |usage, adjust: &dyn Fn(&mut CertificateParams)| {
        landing.authority.sign(&["client.example"], usage, "ana", |parameters| adjust(parameters))
    };
    let good = sign(ExtendedKeyUsagePurpose::ClientAuth, &|_| {});
    let bad = [
        ("of a server", sign(ExtendedKeyUsagePurpose::ServerAuth, &|_| {})),
        (
            "expired",
            sign(ExtendedKeyUsagePurpose::ClientAuth, &|one| {
                one.not_after = rcgen::date_time_ymd(2020, 1, 1);
            }),
        ),
        (
            "to come",
            sign(ExtendedKeyUsagePurpose::ClientAuth, &|one| {
                one.not_before = rcgen::date_time_ymd(2090, 1, 1);
            }),
        ),
        ("of another authority", Authority::new("test authority").client("ana")),
    ];
    let gateway = Gateway::start(landing).await;
    assert_eq!(subject(&gateway.client().with(&good).get("/a/x").await), "CN=ana");
    for (what, identity) in bad {
        assert!(refuses(&gateway.client().with(&identity)).await, "{what}");
    }
}

#[tokio::test]
async fn a_trusted_front_hands_certificates_on_and_a_strangers_field_is_taken_out() {
    use base64::Engine as _;
    use rustls::pki_types::pem::PemObject as _;
    let backend = Backend::echo();
    let client = Authority::new("Somebody else").client("behind the front");
    let der = rustls::pki_types::CertificateDer::from_pem_slice(client.certificate.as_bytes()).unwrap();
    let field = format!(":{}:", base64::engine::general_purpose::STANDARD.encode(&der));
    let start = async |trusted: &str| {
        let landing = Landing::new()
            .tls("      client_certificates: { mode: optional, trust: [certs/ca.pem], header: Client-Cert }")
            .listener(&format!("    trusted_proxies: [{trusted}]"))
            .api(api(&backend, ""));
        Gateway::start(landing).await
    };
    let gateway = start("127.0.0.0/8").await;
    let own = gateway.landing.authority.client("the front");
    let front = gateway.client().with(&own);
    assert_eq!(
        subject(&front.clone().header("client-cert", &field).get("/a/x").await),
        "CN=behind the front"
    );
    assert_eq!(subject(&front.clone().get("/a/x").await), "none", "the front's own certificate is nobody's");
    let twice = front.clone().header("client-cert", &field).header("client-cert", &field);
    assert_eq!(subject(&twice.get("/a/x").await), "none");
    assert_eq!(subject(&front.header("client-cert", ":AAAA:").get("/a/x").await), "none");

    let gateway = start("192.0.2.1").await;
    for name in ["client-cert", "client_cert"] {
        let answer = gateway.client().header(name, &field).get("/a/x").await;
        assert_eq!(subject(&answer), "none");
        assert!(answer.json()["headers"].get(name).is_none(), "{}", answer.text());
    }
    let own = gateway.landing.authority.client("a stranger");
    let answer = gateway.client().with(&own).header("client-cert", &field).get("/a/x").await;
    assert_eq!(subject(&answer), "CN=a stranger");
}

/// Serves one text by plain HTTP.
struct Publisher {
    text: Arc<Mutex<String>>,
    port: u16,
}

impl Publisher {
    fn start(text: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let text = Arc::new(Mutex::new(text));
        let shown = Arc::clone(&text);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let _ = stream.read(&mut [0; 4096]);
                let body = shown.lock().unwrap().clone();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { text, port }
    }
}

#[tokio::test]
async fn lists_from_a_url_are_fetched_again_and_the_last_good_one_stays() {
    let backend = Backend::echo();
    let landing = Landing::new();
    let publisher = Publisher::start(landing.authority.revocation_list(&[]));
    let landing = landing
        .tls(&format!(
            "      client_certificates: {{ mode: required, trust: [certs/ca.pem], crls: [\"http://127.0.0.1:{}/ca.crl\"], crl_refresh: 1s }}",
            publisher.port
        ))
        .api(api(&backend, ""));
    let client = landing.authority.sign(&[], ExtendedKeyUsagePurpose::ClientAuth, "ana", |parameters| {
        parameters.serial_number = Some(SerialNumber::from(7_u64));
    });
    let other = landing.authority.client("ben");
    let mut gateway = Gateway::start(landing).await;
    assert_eq!(subject(&gateway.client().with(&client).get("/a/x").await), "CN=ana");
    *publisher.text.lock().unwrap() = gateway.landing.authority.revocation_list(&[7]);
    let begun = Instant::now();
    while !refuses(&gateway.client().with(&client)).await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What is no list changes nothing, and neither does a start without the publisher.
    "<html>".clone_into(&mut publisher.text.lock().unwrap());
    gateway.wait_for_log("the last one stays").await;
    assert!(refuses(&gateway.client().with(&client)).await);
    assert_eq!(subject(&gateway.client().with(&other).get("/a/x").await), "CN=ben");
    gateway.signal("TERM");
    gateway.wait(Duration::from_secs(30)).await;
    gateway.start_again().await;
    assert!(refuses(&gateway.client().with(&client)).await);
    assert_eq!(subject(&gateway.client().with(&other).get("/a/x").await), "CN=ben");
}

#[test]
fn authorities_are_vetted_and_a_list_that_cannot_be_had_is_no_list() {
    let made = |adjust: &dyn Fn(&mut CertificateParams)| {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        adjust(&mut parameters);
        parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    };
    let said = |pem: &str| {
        let landing =
            Landing::new().tls("      client_certificates: { mode: required, trust: [certs/clients.pem] }");
        landing.file("certs/clients.pem", pem);
        landing.write_configuration();
        let output = gatehouse(&landing.path(""), &["check"]);
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!said(&made(&|_| {})).contains("error:"), "{}", said(&made(&|_| {})));
    let no_signer = made(&|parameters| parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature]);
    assert!(said(&no_signer).contains("does not allow to sign certificates"), "{}", said(&no_signer));
    let leaf = made(&|parameters| parameters.is_ca = IsCa::ExplicitNoCa);
    assert!(said(&leaf).contains("is not a certificate authority"), "{}", said(&leaf));
    let old = made(&|parameters| parameters.not_after = rcgen::date_time_ymd(2020, 1, 1));
    assert!(said(&old).contains("expired at"), "{}", said(&old));
    let strange = made(&|parameters| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        parameters.custom_extensions.push(extension);
    });
    assert!(said(&strange).contains("critical extension 1.3.6.1.4.1.99999.1"), "{}", said(&strange));

    let landing = Landing::new()
        .tls("      client_certificates: { mode: required, trust: [certs/ca.pem], crls: [\"http://127.0.0.1:1/ca.crl\"] }");
    landing.write_configuration();
    let output = gatehouse(&landing.path(""), &["serve"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("the revocation list http://127.0.0.1:1/ca.crl cannot be fetched"), "{errors}");
}
