//! Transport security: versions, suites, key exchange, names, client certificates, and the plain port.

use std::process::Command;
use std::sync::Arc;

use rcgen::{ExtendedKeyUsagePurpose, SerialNumber};
use rustls::{CipherSuite, NamedGroup, ProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::authority::Authority;
use crate::support::landing::free_port;
use crate::support::{Api, Backend, Client, Gateway, Landing, RawClient, peers};

async fn gateway_with(adjust: impl FnOnce(Landing) -> Landing) -> (Gateway, Backend) {
    let backend = Backend::echo();
    let landing = Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x"));
    (Gateway::start(adjust(landing)).await, backend)
}

/// A client that offers no more than this.
fn limited(
    client: &Client,
    versions: &[&'static rustls::SupportedProtocolVersion],
    adjust: impl FnOnce(&mut rustls::crypto::CryptoProvider),
) -> Client {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    adjust(&mut provider);
    let mut roots = rustls::RootCertStore::empty();
    for certificate in &client.roots {
        roots.add(certificate.clone()).unwrap();
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut limited = client.clone();
    limited.tls = Arc::new(config);
    limited
}

async fn openssl(gateway: &Gateway, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-connect", &gateway.address().to_string(), "-brief", "-verify_return_error"])
        .args(["-CAfile", gateway.landing.path("certs/ca.pem").to_str().unwrap()])
        .args(arguments);
    let output = peers::output(command).await;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

async fn curl(gateway: &Gateway, arguments: &[&str], path: &str) -> String {
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--cacert",
            gateway.landing.path("certs/ca.pem").to_str().unwrap(),
        ])
        .args(["--write-out", "\n%{http_code} %{http_version}", "--max-time", "10", "--noproxy", "*"])
        .args(arguments)
        .arg(format!("https://localhost:{}{path}", gateway.address().port()));
    let output = peers::output(command).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    format!("{text}{}", String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn by_default_there_is_tls_1_3_with_the_hybrid_key_exchange_and_nothing_older() {
    let (gateway, _backend) = gateway_with(|landing| landing).await;
    let stream = gateway.client().connect(&["h2", "http/1.1"]).await.unwrap();
    let session = stream.get_ref().1;
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(session.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519MLKEM768);
    assert_eq!(session.alpn_protocol(), Some(b"h2".as_slice()));
    let old = limited(&gateway.client(), &[&rustls::version::TLS12], |_| {});
    assert!(old.connect(&["http/1.1"]).await.is_err());
    // A client that knows X25519 alone is served too.
    let classical = limited(&gateway.client(), &[&rustls::version::TLS13], |provider| {
        provider.kx_groups.retain(|group| group.name() == NamedGroup::X25519);
    });
    assert_eq!(classical.get("/a/x").await.status, 200);

    let (good, text) = openssl(&gateway, &["-tls1_3", "-servername", "localhost"]).await;
    assert!(good && text.contains("TLSv1.3"), "{text}");
    for version in ["-tls1_2", "-tls1_1", "-tls1"] {
        let (good, text) = openssl(&gateway, &[version]).await;
        assert!(!good, "{version}: {text}");
    }
    let text = curl(&gateway, &["--http1.1"], "/a/x").await;
    assert!(text.ends_with("\n200 1.1"), "{text}");
    let text = curl(&gateway, &["--http2"], "/a/x").await;
    assert!(text.ends_with("\n200 2"), "{text}");
    let text = curl(&gateway, &["--tls-max", "1.2"], "/a/x").await;
    assert!(text.contains("\n000 "), "{text}");
}

#[tokio::test]
async fn a_listener_may_allow_tls_1_2_and_choose_suites_and_groups() {
    let backend = Backend::echo();
    let landing = Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x")).tls(
        "      min_version: \"1.2\"
      cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]
      key_exchange: [secp384r1]",
    );
    let gateway = Gateway::start(landing).await;
    let session = |stream: &tokio_rustls::client::TlsStream<tokio::net::TcpStream>| {
        let session = stream.get_ref().1;
        (
            session.protocol_version().unwrap(),
            session.negotiated_cipher_suite().unwrap().suite(),
            session.negotiated_key_exchange_group().unwrap().name(),
        )
    };
    let new = gateway.client().connect(&[]).await.unwrap();
    assert_eq!(
        session(&new),
        (ProtocolVersion::TLSv1_3, CipherSuite::TLS13_AES_128_GCM_SHA256, NamedGroup::secp384r1)
    );
    let old = limited(&gateway.client(), &[&rustls::version::TLS12], |_| {});
    let stream = old.connect(&[]).await.unwrap();
    assert_eq!(
        session(&stream),
        (
            ProtocolVersion::TLSv1_2,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            NamedGroup::secp384r1
        )
    );
    let others = limited(&gateway.client(), &[&rustls::version::TLS13], |provider| {
        provider.cipher_suites.retain(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    });
    assert!(others.connect(&[]).await.is_err());
    let (good, text) = openssl(&gateway, &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"]).await;
    assert!(good && text.contains("ECDHE-ECDSA-AES256-GCM-SHA384"), "{text}");
    let (good, text) = openssl(&gateway, &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"]).await;
    assert!(!good, "{text}");
    let (good, text) = openssl(&gateway, &["-tls1_1"]).await;
    assert!(!good, "{text}");
    let answer = old.get("/a/x").await;
    assert_eq!(answer.status, 200);
    let record = gateway.access_log(1).await.pop().unwrap();
    assert_eq!(record["tls_version"], "TLSv1.2");
    assert_eq!(record["tls_cipher"], "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
}

#[tokio::test]
async fn each_name_gets_its_certificate() {
    let (gateway, _backend) = gateway_with(|landing| {
        landing.server_certificate("shop", &["shop.example", "*.shop.example"]);
        landing.server_certificate("bank", &["bank.example"]);
        landing.certificate("{ certificate: certs/shop.pem, key: certs/shop.key }").certificate(
            "{ certificate: certs/bank.pem, key: certs/bank.key, hosts: [bank.example, pay.example] }",
        )
    })
    .await;
    for (name, common_name) in [
        ("localhost", "CN = localhost"),
        ("shop.example", "CN = shop.example"),
        ("eu.shop.example", "CN = shop.example"),
        ("BANK.example", "CN = bank.example"),
        ("pay.example", "CN = bank.example"),
        ("unknown.example", "CN = localhost"),
    ] {
        let (_, text) = openssl(&gateway, &["-servername", name]).await;
        assert!(text.contains(common_name), "{name}: {text}");
    }
    let shop = gateway.client().named("shop.example");
    assert_eq!(shop.get("/a/x").await.status, 200);
}

#[tokio::test]
async fn client_certificates_are_required_of_one_host_and_no_other_host_is_a_way_around() {
    let clients = Authority::new("clients");
    let strangers = Authority::new("strangers");
    let (gateway, backend) = gateway_with(|landing| {
        landing.file("certs/clients.pem", &clients.pem());
        landing.server_certificate("bank", &["bank.example"]);
        landing.certificate(
            "{ certificate: certs/bank.pem, key: certs/bank.key, client_certificates: { mode: required, trust: [certs/clients.pem] } }",
        )
    })
    .await;
    let identity = clients.client("teller");
    let teller = gateway.client().with(&identity).named("bank.example");
    assert_eq!(teller.get("/a/x").await.status, 200);
    let stranger = gateway.client().with(&strangers.client("teller")).named("bank.example");
    assert!(cannot_ask(&stranger).await);
    assert!(cannot_ask(&gateway.client().named("bank.example")).await, "no certificate, no handshake");
    assert_eq!(gateway.client().get("/a/x").await.status, 200, "the other host asks for none");

    // A connection that was made for the open host cannot ask for the closed one.
    for host in ["bank.example", "bank.example:443", "BANK.EXAMPLE", "bank.example."] {
        let answer = gateway.client().header("host", host).get("/a/x").await;
        assert_eq!(answer.status, 421, "{host}");
    }
    let mut raw = RawClient::connect(&gateway.client(), "http/1.1").await;
    raw.send("GET https://bank.example/a/x HTTP/1.1\r\nHost: bank.example\r\nConnection: close\r\n\r\n")
        .await;
    let answer = raw.read_to_end(std::time::Duration::from_secs(5)).await;
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
    let h2 = gateway.client().authority_of("bank.example").send_h2("GET", "/a/x", "").await;
    assert_eq!(h2.status, 421);
    assert_eq!(backend.seen().len(), 2);
}

/// With TLS 1.3 a refusal of the client's certificate comes after the client's side of the handshake.
async fn cannot_ask(client: &Client) -> bool {
    let Ok(stream) = client.connect(&["http/1.1"]).await else { return true };
    let mut raw = RawClient { stream };
    raw.send(format!("GET /a/x HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", client.authority())).await;
    raw.read_to_end(std::time::Duration::from_secs(5)).await.is_empty()
}

#[tokio::test]
async fn optional_certificates_are_judged_where_they_are_shown() {
    let clients = Authority::new("clients");
    let serial = |number: u64| {
        move |parameters: &mut rcgen::CertificateParams| {
            parameters.serial_number = Some(SerialNumber::from(number));
        }
    };
    let good = clients.sign(&[], ExtendedKeyUsagePurpose::ClientAuth, "good", serial(7));
    let revoked = clients.sign(&[], ExtendedKeyUsagePurpose::ClientAuth, "revoked", serial(8));
    let expired = clients.sign(&[], ExtendedKeyUsagePurpose::ClientAuth, "expired", |parameters| {
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let server = clients.server(&["good"]);
    let landing = Landing::new();
    landing.file("certs/clients.pem", &clients.pem());
    landing.file("certs/clients.crl", &clients.revocation_list(&[8]));
    let backend = Backend::echo();
    let landing = landing.api(Api::new("a", &backend.url()).operation("get", "GET", "/x")).tls(
        "      client_certificates: { mode: optional, trust: [certs/clients.pem], crls: [certs/clients.crl] }",
    );
    let gateway = Gateway::start(landing).await;
    assert_eq!(gateway.client().get("/a/x").await.status, 200);
    assert_eq!(gateway.client().with(&good).get("/a/x").await.status, 200);
    for (name, identity) in [("revoked", &revoked), ("expired", &expired), ("a server's", &server)] {
        assert!(cannot_ask(&gateway.client().with(identity)).await, "{name}");
    }
    assert!(
        cannot_ask(&gateway.client().with(&Authority::new("clients").client("good"))).await,
        "same name, other key"
    );
    let records = gateway.access_log(2).await;
    let shown: Vec<_> = records.iter().filter_map(|record| record["client_certificate"].as_str()).collect();
    assert_eq!(
        (records.len(), shown.len(), shown[0].len()),
        (2, 1, 64),
        "thumbprints of SHA-256, where there are any"
    );

    good.write(&gateway.landing.path("good.pem"), &gateway.landing.path("good.key"));
    revoked.write(&gateway.landing.path("revoked.pem"), &gateway.landing.path("revoked.key"));
    let path = |name: &str| gateway.landing.path(name).to_str().unwrap().to_owned();
    let text = curl(&gateway, &["--cert", &path("good.pem"), "--key", &path("good.key")], "/a/x").await;
    assert!(text.ends_with("\n200 2") || text.ends_with("\n200 1.1"), "{text}");
    let text = curl(&gateway, &["--cert", &path("revoked.pem"), "--key", &path("revoked.key")], "/a/x").await;
    assert!(text.contains("\n000 "), "{text}");
}

#[tokio::test]
async fn the_plain_port_redirects_and_does_nothing_else() {
    let plain = free_port();
    let (gateway, backend) =
        gateway_with(|landing| landing.listener(&format!("    http_redirect: 127.0.0.1:{plain}"))).await;
    let port = gateway.address().port();
    let ask = |request: &'static str| async move {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", plain)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    for request in [
        "GET /a/x?y=z HTTP/1.1\r\nHost: localhost:80\r\n\r\n",
        "POST /a/x?y=z HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let answer = ask(request).await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
        assert!(answer.contains(&format!("\r\nLocation: https://localhost:{port}/a/x?y=z\r\n")), "{answer}");
    }
    for built_in in ["/metrics", "/status-0123456789abcdef"] {
        let request: &'static str =
            Box::leak(format!("GET {built_in} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_boxed_str());
        assert!(ask(request).await.starts_with("HTTP/1.1 308 "), "{built_in}");
    }
    assert!(ask("GET / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    assert!(ask("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    assert!(backend.seen().is_empty());

    // And the TLS port speaks TLS only.
    let mut stream = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(b"GET /a/x HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    assert!(!String::from_utf8_lossy(&bytes).contains("HTTP/"), "{bytes:?}");
    assert!(backend.seen().is_empty());
}
