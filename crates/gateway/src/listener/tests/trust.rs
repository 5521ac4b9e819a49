//! Certificates, names, client certificates and revocation, over real handshakes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gatehouse_model::configuration::{
    CertificateEntry, CipherSuite, ClientCertificateMode, ClientCertificates, Limits, Listener, TlsSettings,
    TlsVersion,
};
use gatehouse_model::{Located, Location};
use rcgen::{CertificateParams, DnType, IsCa, SerialNumber, date_time_ymd};
use rustls::{ClientConfig, HandshakeKind};

use super::authority::Authority;
use super::client::{Client, config};
use super::harness::{Harness, eventually};
use crate::tls::ServerTls;

fn asks(mode: ClientCertificateMode, trust: Located<std::path::PathBuf>) -> ClientCertificates {
    ClientCertificates { mode, trust: vec![trust], ..ClientCertificates::default() }
}

/// A harness whose one host has these client certificates, with an authority for clients.
fn with_clients(
    mode: ClientCertificateMode,
    adapt: impl FnOnce(&Authority, &mut ClientCertificates),
) -> (Harness, Authority) {
    let mut clients = None;
    let harness = Harness::with(|authority, listeners, _| {
        let issuer = Authority::new(&authority.folder, "Client CA");
        let mut settings = asks(mode, issuer.write("clients.pem"));
        adapt(&issuer, &mut settings);
        listeners[0].tls.certificates[0].settings.client_certificates = settings;
        clients = Some(issuer);
    });
    (harness, clients.unwrap())
}

fn identity(issuer: &Authority, serial: u64) -> (String, String) {
    issuer.issue(&["client.example"], |params| params.serial_number = Some(SerialNumber::from(serial)))
}

fn talk(harness: &Harness, trust: &Arc<ClientConfig>) -> Result<String, std::io::Error> {
    let mut client = Client::connect(harness.address(), "a.example", trust)?;
    client.send(b"GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    let text = client.read_to_end();
    // With TLS 1.3 the client learns of a refusal after its own handshake is over.
    if text.contains("HTTP/1.1 200") { Ok(text) } else { Err(std::io::Error::other(text)) }
}

fn trusting(harness: &Harness, identity: Option<&(String, String)>) -> Arc<ClientConfig> {
    config(&harness.authority.pem(), identity, b"http/1.1")
}

#[test]
fn a_required_certificate_is_required() {
    let (harness, clients) = with_clients(ClientCertificateMode::Required, |_, _| {});
    assert!(talk(&harness, &trusting(&harness, None)).is_err());
    let stranger = Authority::new(harness.folder.path(), "Stranger");
    assert!(talk(&harness, &trusting(&harness, Some(&identity(&stranger, 1)))).is_err());
    let expired = clients.issue(&["client.example"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    assert!(talk(&harness, &trusting(&harness, Some(&expired))).is_err());
    let text = talk(&harness, &trusting(&harness, Some(&identity(&clients, 1)))).unwrap();
    assert!(text.contains("client=true"), "{text}");
    assert_eq!(harness.handled(), 1);
    for (version, outcome, count) in
        [("none", "no_client_certificate", 1), ("none", "bad_client_certificate", 2), ("1.3", "done", 1)]
    {
        let labels = format!("version=\"{version}\",outcome=\"{outcome}\"");
        eventually(outcome, || harness.counted("tls_handshakes_total", &labels) == count);
    }
}

#[test]
fn an_optional_certificate_may_be_absent_but_not_bad() {
    let (harness, clients) = with_clients(ClientCertificateMode::Optional, |_, _| {});
    assert!(talk(&harness, &trusting(&harness, None)).unwrap().contains("client=false"));
    let stranger = Authority::new(harness.folder.path(), "Stranger");
    assert!(talk(&harness, &trusting(&harness, Some(&identity(&stranger, 1)))).is_err());
    assert!(
        talk(&harness, &trusting(&harness, Some(&identity(&clients, 1)))).unwrap().contains("client=true")
    );
}

#[test]
fn a_revoked_certificate_is_refused_within_a_second_and_its_session_is_not_resumed() {
    let (harness, clients) = with_clients(ClientCertificateMode::Required, |issuer, settings| {
        settings.crls.push(issuer.write_crl("clients.crl", &[7], 2100));
    });
    assert!(talk(&harness, &trusting(&harness, Some(&identity(&clients, 7)))).is_err());
    let trust = trusting(&harness, Some(&identity(&clients, 8)));
    assert!(talk(&harness, &trust).is_ok());
    let kind =
        |trust| Client::connect(harness.address(), "a.example", trust).unwrap().stream.conn.handshake_kind();
    assert_eq!(kind(&trust), Some(HandshakeKind::Resumed));
    assert!(talk(&harness, &trust).is_ok());

    clients.write_crl("clients.crl", &[7, 8], 2100);
    let start = Instant::now();
    eventually("the client is refused", || talk(&harness, &trust).is_err());
    // Half a second at the most; the rest is for a busy machine.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(talk(&harness, &trusting(&harness, Some(&identity(&clients, 9)))).is_ok());
}

/// A second host with settings of its own.
fn two_hosts(authority: &Authority, listeners: &mut [Listener], settings: TlsSettings) {
    let (certificate, key) = authority.write_issued("second", &["b.example", "*.wild.example"]);
    listeners[0].tls.certificates.push(CertificateEntry { certificate, key, hosts: Vec::new(), settings });
}

#[test]
fn names_choose_certificates_exactly_then_by_wildcard_then_the_first() {
    let harness = Harness::with(|authority, listeners, _| {
        two_hosts(authority, listeners, TlsSettings::default());
        let (certificate, key) = authority.write_issued("third", &["third.example"]);
        listeners[0].tls.certificates.push(CertificateEntry {
            certificate,
            key,
            hosts: vec!["third.example".to_owned(), "x.wild.example".to_owned()],
            settings: TlsSettings::default(),
        });
    });
    for name in ["a.example", "b.example", "y.wild.example", "third.example"] {
        let mut client = harness.try_connect(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(client.get("/x").contains(&format!("sni=Some(\"{name}\")")), "{name}");
    }
    // Served by an entry whose certificate does not hold the name, which the client sees.
    for name in ["x.wild.example", "unknown.example", "deep.y.wild.example"] {
        assert!(harness.try_connect(name).is_err(), "{name}");
    }
}

#[test]
fn a_host_with_other_settings_is_misdirected() {
    let harness = Harness::with(|authority, listeners, _| {
        let clients = Authority::new(&authority.folder, "Client CA");
        let settings = TlsSettings {
            client_certificates: asks(ClientCertificateMode::Required, clients.write("clients.pem")),
            ..TlsSettings::default()
        };
        two_hosts(authority, listeners, settings);
        let (certificate, key) = authority.write_issued("third", &["c.example"]);
        let settings = TlsSettings::default();
        listeners[0].tls.certificates.push(CertificateEntry {
            certificate,
            key,
            hosts: Vec::new(),
            settings,
        });
    });
    let mut client = harness.connect();
    for (host, misdirected) in [
        ("a.example", "false"),
        ("b.example", "true"),
        ("b.example.", "true"),
        ("y.wild.example", "true"),
        ("c.example", "false"),
        ("unknown", "false"),
    ] {
        client.send(
            format!("GET /misdirected HTTP/1.1\r\nHost: a.example\r\nX-Host: {host}\r\n\r\n").as_bytes(),
        );
        client.read_until(&format!("\r\n\r\n{misdirected}"));
    }
}

#[test]
fn a_connection_made_before_a_reload_does_not_get_around_new_settings() {
    let harness = Harness::with(|authority, listeners, _| {
        two_hosts(authority, listeners, TlsSettings::default());
    });
    let mut client = harness.connect();
    let mut ask = |host: &str, misdirected: &str| {
        let head = format!("GET /misdirected HTTP/1.1\r\nHost: a.example\r\nX-Host: {host}\r\n\r\n");
        client.send(head.as_bytes());
        client.read_until(&format!("\r\n\r\n{misdirected}"));
    };
    ask("b.example", "false");
    let clients = Authority::new(harness.folder.path(), "Client CA");
    let mut changed = harness.configuration.clone();
    changed[0].tls.certificates[1].settings.client_certificates =
        asks(ClientCertificateMode::Required, clients.write("clients.pem"));
    harness.listeners().apply(&changed, &harness.limits).unwrap();
    ask("b.example", "true");
    ask("a.example", "false");
}

#[test]
fn versions_and_suites_are_those_of_the_configuration() {
    let old = |harness: &Harness| {
        use rustls::pki_types::pem::PemObject as _;
        let authority = rustls::pki_types::CertificateDer::from_pem_slice(harness.authority.pem().as_bytes());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(crate::tls::provider::provider(&[], &[]))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        talk(harness, &Arc::new(config))
    };
    let strict = Harness::start();
    assert!(old(&strict).is_err());
    eventually("nothing in common", || {
        strict.counted("tls_handshakes_total", "version=\"none\",outcome=\"nothing_in_common\"") == 1
    });
    assert!(talk(&strict, &trusting(&strict, None)).unwrap().contains("tls=TLSv1.3"));

    let lenient = Harness::with(|_, listeners, _| {
        let settings = &mut listeners[0].tls.certificates[0].settings;
        settings.min_version = TlsVersion::Tls12;
        settings.cipher_suites = vec![
            CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ];
    });
    assert!(old(&lenient).unwrap().contains("tls=TLSv1.2"));
    assert_eq!(lenient.counted("tls_handshakes_total", "version=\"1.2\",outcome=\"done\""), 1);
    let mut client = lenient.connect();
    client.send(b"GET /connection HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    let text = client.read_to_end();
    assert!(text.contains("TLS_CHACHA20_POLY1305_SHA256"), "{text}");
}

#[test]
fn the_hybrid_key_exchange_is_used_by_default() {
    let harness = Harness::start();
    let client = harness.connect();
    let group = client.stream.conn.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

/// What loading a listener's files reports after a change to its files or its configuration.
fn errors(adapt: impl FnOnce(&Authority, &mut Listener)) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let authority = Authority::new(folder.path(), "Test CA");
    let mut listener = super::harness::listener(&authority, "public", "127.0.0.1:0");
    adapt(&authority, &mut listener);
    ServerTls::load(&listener.tls).err().map(|errors| errors.to_string()).unwrap_or_default()
}

fn assert_error(what: &str, text: &str, adapt: impl FnOnce(&Authority, &mut Listener)) {
    let errors = errors(adapt);
    assert!(errors.contains(text), "{what}: {errors}");
    assert!(errors.contains("gatehouse.yaml:"), "{what} names no place: {errors}");
}

fn certificate_with(authority: &Authority, adapt: impl FnOnce(&mut CertificateParams)) {
    let (certificate, key) = authority.issue(&["a.example"], adapt);
    authority.put("public.pem", &certificate);
    authority.put("public.key", &key);
}

#[test]
fn good_files_load() {
    assert_eq!(errors(|_, _| {}), "");
}

#[test]
fn everything_that_is_wrong_with_files_is_told_with_its_place() {
    assert_error("missing certificate", "public.pem` cannot be read", |authority, _| {
        std::fs::remove_file(authority.folder.join("public.pem")).unwrap();
    });
    assert_error("missing key", "public.key` cannot be read", |authority, _| {
        std::fs::remove_file(authority.folder.join("public.key")).unwrap();
    });
    assert_error("certificate is not PEM", "holds no PEM block `CERTIFICATE`", |authority, _| {
        authority.put("public.pem", "nothing");
    });
    assert_error("key is not PEM", "holds no PEM block of a private key", |authority, _| {
        authority.put("public.key", "nothing");
    });
    assert_error("encrypted key", "encrypted with a passphrase", |authority, _| {
        let text = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
        authority.put("public.key", text);
    });
    assert_error("key of another", "does not belong to the certificate", |authority, _| {
        authority.put("public.key", &authority.issue(&["a.example"], |_| {}).1);
    });
    assert_error("expired", "expired at", |authority, _| {
        certificate_with(authority, |params| params.not_after = date_time_ymd(2020, 1, 1));
    });
    assert_error("not yet valid", "is not valid before", |authority, _| {
        certificate_with(authority, |params| params.not_before = date_time_ymd(2200, 1, 1));
    });
    assert_error("weak key", "has 1024 bits", |authority, _| {
        authority.put("public.pem", WEAK);
    });
    assert_error("wrong order", "is not issued by", |authority, _| {
        let (certificate, key) = authority.issue(&["a.example"], |_| {});
        let (other, _) = authority.issue(&["b.example"], |params| {
            params.distinguished_name.push(DnType::CommonName, "Other");
        });
        authority.put("public.pem", &format!("{certificate}{other}"));
        authority.put("public.key", &key);
    });
    assert_error("suites of another version", "do not fit together", |_, listener| {
        listener.tls.certificates[0].settings.cipher_suites =
            vec![CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384];
    });
    assert_error("one host twice", "two certificates are to serve the host `a.example`", |_, listener| {
        let mut entry = listener.tls.certificates[0].clone();
        entry.hosts = vec!["a.example".to_owned()];
        listener.tls.certificates = vec![entry.clone(), entry];
    });
    assert_error("no certificate", "needs a certificate", |_, listener| listener.tls.certificates.clear());
}

/// What `openssl ca -gencrl` writes where its configuration has no `crl_extensions`.
const VERSION_1_LIST: &str = "\
-----BEGIN X509 CRL-----\n\
MIGUMDwwCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDT2xkFw0yNjExMjQwODMxMTha\n\
GA8yMDgxMDgyNzA4MzExOFowCgYIKoZIzj0EAwIDSAAwRQIgdUSH0a/+bH0nxZyq\n\
iEw/rGfH82aUKVUcbXUg6QudtxYCIQDUb+dYLHE7ULOItnGPUe0OBlcQZ8Wa4YGy\n\
Ps0d9AOnVQ==\n\
-----END X509 CRL-----\n\
";

#[test]
fn everything_that_is_wrong_with_trust_is_told_with_its_place() {
    let set = |listener: &mut Listener, settings: ClientCertificates| {
        listener.tls.certificates[0].settings.client_certificates = settings;
    };
    let required = ClientCertificateMode::Required;
    assert_error("no trust", "no authority is trusted", |_, listener| {
        set(listener, ClientCertificates { mode: required, ..ClientCertificates::default() });
    });
    assert_error("missing trust", "cannot be read", |authority, listener| {
        let place = Location::new(authority.folder.join("gatehouse.yaml"), 9, 9);
        set(listener, asks(required, Located::new(authority.folder.join("no.pem"), place)));
    });
    assert_error("trust without CA bit", "is not a certificate authority", |authority, listener| {
        let (leaf, _) = authority.issue(&["x"], |params| params.is_ca = IsCa::ExplicitNoCa);
        set(listener, asks(required, authority.put("trust.pem", &leaf)));
    });
    assert_error("list of another issuer", "is not among the trusted authorities", |authority, listener| {
        let other = Authority::new(&authority.folder, "Other CA");
        let mut settings = asks(required, authority.write("trust.pem"));
        settings.crls.push(other.write_crl("other.crl", &[1], 2100));
        set(listener, settings);
    });
    assert_error("expired list", "expired at", |authority, listener| {
        let mut settings = asks(required, authority.write("trust.pem"));
        settings.crls.push(authority.write_crl("old.crl", &[1], 2021));
        set(listener, settings);
    });
    assert_error(
        "list of version 1",
        "old.crl` cannot be used: it is of version 1",
        |authority, listener| {
            let mut settings = asks(required, authority.write("trust.pem"));
            settings.crls.push(authority.put("old.crl", VERSION_1_LIST));
            set(listener, settings);
        },
    );
    assert_error("list that is none", "neither DER nor holds a PEM block", |authority, listener| {
        let mut settings = asks(required, authority.write("trust.pem"));
        settings.crls.push(authority.put("no.crl", "nothing"));
        set(listener, settings);
    });
}

#[test]
fn a_start_tells_all_errors_and_binds_nothing() {
    let mut harness = Harness::start();
    let mut second = super::harness::listener(&harness.authority, "second", "127.0.0.1:0");
    second.tls.certificates[0].key.value = harness.folder.path().join("none.key");
    let mut third = super::harness::listener(&harness.authority, "third", "127.0.0.1:0");
    third.tls.certificates[0].certificate.value = harness.folder.path().join("none.pem");
    harness.configuration = vec![second, third];
    let errors = super::harness::start(&harness).err().unwrap();
    assert_eq!(errors.len(), 2, "{errors}");
    assert!(harness.listeners().apply(&harness.configuration, &Limits::default()).is_err());
    assert!(harness.connect().get("/x").contains("listener=public"));
}

/// A self-signed certificate with an RSA key of 1024 bits.
const WEAK: &str = "-----BEGIN CERTIFICATE-----\n\
MIICHDCCAYWgAwIBAgIUVac1lh86AlJOZMrur3wvQ9N9qQkwDQYJKoZIhvcNAQEL\n\
BQAwFDESMBAGA1UEAwwJYS5leGFtcGxlMCAXDTI2MTEyNDA2NTMyNFoYDzIxMjYx\n\
MDMxMDY1MzI0WjAUMRIwEAYDVQQDDAlhLmV4YW1wbGUwgZ8wDQYJKoZIhvcNAQEB\n\
BQADgY0AMIGJAoGBALr7LpAr0cT2qJb6Wb29VQnuzuujSmRY0BVT1UOxr16Gdds5\n\
4jKIrvcxBZuRUk8NWACuDIWkvceyBfwGoNBalqUQy6nXix3+tR907jpySV1E68y+\n\
S183j6oyAiFkNBmgcRMQT49ZJFSrb0rhLFjhRR3h7gRW0sITVFulq32hOxkNAgMB\n\
AAGjaTBnMB0GA1UdDgQWBBTXnnpO3MsaKXgkLNTeLPx0Q6meIzAfBgNVHSMEGDAW\n\
gBTXnnpO3MsaKXgkLNTeLPx0Q6meIzAPBgNVHRMBAf8EBTADAQH/MBQGA1UdEQQN\n\
MAuCCWEuZXhhbXBsZTANBgkqhkiG9w0BAQsFAAOBgQBCpW8Lurh/EILKWNuXpJNp\n\
rYYNx9WEqwByW4U8H1FuSNPmTo6516L91Vb9HqpiCYN/zyFA+5+Hh3rxeo9seLJD\n\
hpREQdhH/hcoAz0oc1qltDNhArs2vUyYxJB/MF3AL5S/3ZSecZoSJuJlir9vEY36\n\
kKe7wlth5D7A0gYe0c2NlQ==\n\
-----END CERTIFICATE-----";
