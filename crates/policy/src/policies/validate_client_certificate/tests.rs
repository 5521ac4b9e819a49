use std::sync::Arc;

use gatehouse_expression::Certificate;
use gatehouse_identity::{ClientCertificate, Standing};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SerialNumber};

use crate::testing::*;
use crate::{Certificates, Exchange};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self) -> ClientCertificate {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CountryName, "US");
        params.distinguished_name.push(DnType::StateOrProvinceName, "Illinois");
        params.distinguished_name.push(DnType::OrganizationName, "Contoso, Inc.");
        params.distinguished_name.push(DnType::CommonName, "ana");
        params.serial_number = Some(SerialNumber::from(0x0a0b_u64));
        // Around the clock of a test's world.
        params.not_before = rcgen::date_time_ymd(2023, 11, 14);
        params.not_after = rcgen::date_time_ymd(2023, 11, 16);
        let leaf = params.signed_by(&KeyPair::generate().unwrap(), &self.0).unwrap();
        ClientCertificate::from_der(leaf.der()).unwrap().with_issuers([self.der()])
    }

    fn der(&self) -> Arc<[u8]> {
        self.0.der().as_ref().into()
    }
}

fn reason(policy: &str, certificate: Option<ClientCertificate>, move_clock: i64) -> String {
    let world = TestWorld::new();
    world.now_millis.set((1_700_000_000_000 + move_clock * 1000).unsigned_abs());
    let mut exchange = exchange();
    exchange.request.certificate = certificate.map(Arc::new);
    world.run(&plan(&document("inbound", policy)), &mut exchange);
    told(exchange)
}

fn told(exchange: Exchange) -> String {
    match exchange.last_error {
        None => String::new(),
        Some(error) => {
            assert_eq!(exchange.response.unwrap().status, 403, "{error:?}");
            assert_eq!(error.source, "validate-client-certificate");
            error.reason
        }
    }
}

#[test]
fn a_certificate_must_be_there_and_in_order() {
    let leaf = Authority::new("ca").issue();
    let check = |attributes: &str, certificate, moved| {
        reason(&format!("<validate-client-certificate {attributes} />"), certificate, moved)
    };
    assert_eq!(check("", None, 0), "ClientCertificateNotFound");
    assert_eq!(check("ignore-error=\"true\"", None, 0), "");
    assert_eq!(check("", Some(leaf.clone()), 0), "");
    assert_eq!(check("", Some(leaf.clone()), 200_000), "ClientCertificateExpired");
    assert_eq!(check("validate-not-after=\"false\"", Some(leaf.clone()), 200_000), "");
    assert_eq!(check("", Some(leaf.clone()), -200_000), "ClientCertificateNotYetValid");
    assert_eq!(check("validate-not-before=\"false\"", Some(leaf.clone()), -200_000), "");
    let stranger =
        ClientCertificate { standing: Standing { is_trusted: false, is_revoked: false }, ..leaf.clone() };
    assert_eq!(check("", Some(stranger.clone()), 0), "ClientCertificateNotTrusted");
    assert_eq!(check("validate-trust=\"false\"", Some(stranger), 0), "");
    let revoked = ClientCertificate { standing: Standing { is_trusted: false, is_revoked: true }, ..leaf };
    assert_eq!(check("validate-trust=\"false\"", Some(revoked.clone()), 0), "ClientCertificateRevoked");
    let neither = "validate-trust=\"false\" validate-revocation=\"false\"";
    assert_eq!(check(neither, Some(revoked), 0), "");
}

#[test]
fn one_identity_must_fit_with_all_it_says() {
    let authority = Authority::new("ca");
    let leaf = authority.issue();
    let issuer = ClientCertificate::from_der(&authority.der()).unwrap();
    let other = ClientCertificate::from_der(&Authority::new("ca").der()).unwrap();
    let check = |identities: &[String]| {
        let identities: Vec<String> = identities.iter().map(|one| format!("<identity {one} />")).collect();
        let policy = format!(
            "<validate-client-certificate><identities>{}</identities></validate-client-certificate>",
            identities.concat()
        );
        reason(&policy, Some(leaf.clone()), 0).is_empty()
    };
    for (identity, fits) in [
        (format!("thumbprint=\"{}\"", leaf.thumbprint.to_lowercase()), true),
        (format!("thumbprint=\"{}\"", leaf.thumbprint_sha256), true),
        (format!("thumbprint=\"{}\"", issuer.thumbprint), false),
        ("thumbprint=\"\"".to_owned(), false),
        ("serial-number=\"0A:0B\"".to_owned(), true),
        ("serial-number=\"0A0C\"".to_owned(), false),
        ("common-name=\"ana\"".to_owned(), true),
        ("common-name=\"an\"".to_owned(), false),
        ("dns-name=\"A.example\"".to_owned(), true),
        ("dns-name=\"*.example\"".to_owned(), false),
        ("subject=\"C=US, ST=Illinois, O=&quot;Contoso, Inc.&quot;, CN=ana\"".to_owned(), true),
        ("subject=\"CN=ana,O=&quot;Contoso, Inc.&quot;,S=Illinois,C=US\"".to_owned(), true),
        ("subject=\"CN=ana\"".to_owned(), false),
        ("subject=\"C=US, ST=Illinois, O=&quot;Contoso, Inc.&quot;, CN=ana, CN=ana\"".to_owned(), false),
        ("issuer-subject=\"CN=ca\"".to_owned(), true),
        ("issuer-subject=\"CN=cb\"".to_owned(), false),
        (format!("issuer-thumbprint=\"{}\"", issuer.thumbprint), true),
        (format!("issuer-thumbprint=\"{}\"", other.thumbprint), false),
        (format!("common-name=\"ana\" thumbprint=\"{}\"", issuer.thumbprint), false),
    ] {
        assert_eq!(check(std::slice::from_ref(&identity)), fits, "{identity}");
    }
    assert!(check(&["common-name=\"eve\"".into(), "common-name=\"ana\"".into()]));
}

#[test]
fn an_issuer_of_the_same_name_is_another_one() {
    let authority = Authority::new("ca");
    let impostor = Authority::new("ca");
    let policy = "<validate-client-certificate><identities><identity issuer-certificate-id=\"ca\" /></identities></validate-client-certificate>";
    for (der, wanted) in [(authority.der(), ""), (impostor.der(), "ClientCertificateIdentityNotMatched")] {
        let certificates = Certificates::from([(Arc::from("ca"), Certificate { der, private_key: None })]);
        let (policies, findings) = compile_with(&catalog(&document("inbound", policy)), &certificates);
        assert!(!findings.has_errors(), "{findings}");
        let mut exchange = exchange();
        exchange.request.certificate = Some(Arc::new(authority.issue()));
        TestWorld::new().run(&policies.global(), &mut exchange);
        assert_eq!(told(exchange), wanted);
    }
}

#[test]
fn what_cannot_be_is_told_at_load() {
    let of = |identity: &str| {
        let text = format!(
            "<validate-client-certificate><identities>{identity}</identities></validate-client-certificate>"
        );
        findings_in("inbound", &text)
    };
    for (identity, wanted) in [
        ("", "would refuse every certificate"),
        ("<identity />", "would let every certificate in"),
        ("<identity subject=\"ana\" />", "is no distinguished name"),
        ("<identity issuer-certificate-id=\"x\" />", "names the certificate `x`, which does not exist"),
        ("<identity issuer-certificate-id=\"x\" issuer-thumbprint=\"y\" />", "stands without the other"),
        ("<identity thumb=\"x\" />", "has no attribute `thumb`"),
    ] {
        let told = of(identity);
        assert!(told.len() == 1 && told[0].contains(wanted), "{identity}: {told:?}");
    }
    let told = findings_in("inbound", "<validate-client-certificate validate-trust=\"@(true)\" />");
    assert!(told[0].contains("takes no expression"), "{told:?}");
}
