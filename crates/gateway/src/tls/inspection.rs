//! What is wrong with certificates that parse: dates, keys, order, constraints.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use gatehouse_model::{Diagnostics, Located};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

use super::files::malformed;

/// The shortest RSA key that is taken (NIST SP 800-57 part 1, table 2).
const MIN_RSA_BITS: usize = 2048;
/// The smallest curve that is taken.
const MIN_EC_BITS: usize = 256;

/// Judges a server's chain, leaf first, and tells the names in the leaf.
pub(super) fn chain(
    path: &Located<PathBuf>,
    chain: &[CertificateDer<'_>],
    diagnostics: &mut Diagnostics,
) -> Vec<String> {
    let mut parsed = Vec::with_capacity(chain.len());
    for certificate in chain {
        match X509Certificate::from_der(certificate) {
            Ok((_, certificate)) => parsed.push(certificate),
            Err(error) => diagnostics.push(malformed(path, "certificate", &error.to_string())),
        }
    }
    for certificate in &parsed {
        dates(path, "certificate", &subject(certificate), certificate, diagnostics);
        if let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed()
            && key.key_size() < MIN_RSA_BITS
        {
            let problem = format!("the RSA key of {} has {} bits", subject(certificate), key.key_size());
            diagnostics
                .push(malformed(path, "certificate", &problem).fix("use RSA from 2048 bits, or ECDSA P-256"));
        }
    }
    for pair in parsed.windows(2) {
        if let [certificate, issuer] = pair
            && certificate.issuer().as_raw() != issuer.subject().as_raw()
        {
            let problem =
                format!("{} is not issued by {}, which follows it", subject(certificate), subject(issuer));
            diagnostics.push(
                malformed(path, "certificate", &problem)
                    .fix("put the server's certificate first, then each certificate's issuer"),
            );
        }
    }
    parsed.first().map(names).unwrap_or_default()
}

/// Judges certificates that vouch for clients.
pub(super) fn authorities(
    path: &Located<PathBuf>,
    authorities: &[CertificateDer<'_>],
    diagnostics: &mut Diagnostics,
) {
    for authority in authorities {
        let certificate = match X509Certificate::from_der(authority) {
            Ok((_, certificate)) => certificate,
            Err(error) => {
                diagnostics.push(malformed(path, "trust", &error.to_string()));
                continue;
            }
        };
        // Version 1 certificates have no constraints and are taken nowhere.
        let is_authority =
            certificate.basic_constraints().ok().flatten().is_some_and(|constraints| constraints.value.ca);
        if !is_authority {
            let problem =
                format!("{} is not a certificate authority (no CA basic constraint)", subject(&certificate));
            diagnostics.push(
                malformed(path, "trust", &problem)
                    .fix("name the certificate of the authority that issues to clients"),
            );
        }
        let mut refuse =
            |problem: String, fix: &str| diagnostics.push(malformed(path, "trust", &problem).fix(fix));
        // RFC 5280, section 4.2.1.3: who signs certificates says so, where it says anything.
        let may_sign = certificate.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
        if !may_sign {
            refuse(
                format!("the key usage of {} does not allow to sign certificates", subject(&certificate)),
                "have it issued with the key usage keyCertSign",
            );
        }
        if let Some(problem) = weak_key(&certificate) {
            refuse(problem, "use RSA from 2048 bits, or ECDSA P-256");
        }
        if let Some(extension) = unknown_critical(&certificate) {
            refuse(
                format!(
                    "{} has the critical extension {extension}, which nothing here understands",
                    subject(&certificate)
                ),
                "name an authority without it: RFC 5280, section 4.2, does not allow to pass over it",
            );
        }
        dates(path, "trust", &subject(&certificate), &certificate, diagnostics);
    }
}

/// What is wrong with the key of an authority.
fn weak_key(certificate: &X509Certificate<'_>) -> Option<String> {
    let subject = subject(certificate);
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < MIN_RSA_BITS => {
            Some(format!("the RSA key of {subject} has {} bits", key.key_size()))
        }
        Ok(PublicKey::EC(point)) if point.key_size() < MIN_EC_BITS => {
            Some(format!("the elliptic curve key of {subject} has {} bits", point.key_size()))
        }
        Ok(PublicKey::DSA(_)) => Some(format!("the key of {subject} is of DSA")),
        _ => None,
    }
}

/// The object identifier of a critical extension that is understood neither here nor when chains are verified.
fn unknown_critical(certificate: &X509Certificate<'_>) -> Option<String> {
    let is_known = |extension: &ParsedExtension<'_>| {
        matches!(
            extension,
            ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::NameConstraints(_)
                | ParsedExtension::SubjectAlternativeName(_)
        )
    };
    let unknown =
        certificate.extensions().iter().find(|one| one.critical && !is_known(one.parsed_extension()));
    unknown.map(|extension| extension.oid.to_id_string())
}

/// Judges a revocation list: it is current, and its issuer is among the authorities.
pub(super) fn revocation_list(
    path: &Located<PathBuf>,
    list: &CertificateRevocationListDer<'_>,
    authorities: &[CertificateDer<'_>],
    diagnostics: &mut Diagnostics,
) {
    let list = match CertificateRevocationList::from_der(list) {
        Ok((_, list)) => list,
        Err(error) => {
            diagnostics.push(malformed(path, "revocation list", &error.to_string()));
            return;
        }
    };
    if list.version() != Some(X509Version::V2) {
        let problem = "it is of version 1, which RFC 5280 section 5.1.2.1 does not allow";
        let fix = "issue it as version 2, with a CRL number (openssl: `crl_extensions` and `crlnumber`)";
        diagnostics.push(malformed(path, "revocation list", problem).fix(fix));
    }
    let issued_by = |authority: &CertificateDer<'_>| {
        X509Certificate::from_der(authority)
            .is_ok_and(|(_, authority)| authority.subject().as_raw() == list.issuer().as_raw())
    };
    if !authorities.iter().any(issued_by) {
        let problem = format!("its issuer {} is not among the trusted authorities", list.issuer());
        diagnostics.push(
            malformed(path, "revocation list", &problem).fix("add the issuer's certificate to `trust`"),
        );
    }
    if let Some(next) = list.next_update()
        && next.timestamp() < now()
    {
        let problem = format!("it expired at {}", moment(next));
        diagnostics.push(malformed(path, "revocation list", &problem).fix("fetch the current list"));
    }
}

fn dates(
    path: &Located<PathBuf>,
    what: &str,
    subject: &str,
    certificate: &X509Certificate<'_>,
    diagnostics: &mut Diagnostics,
) {
    let validity = certificate.validity();
    let now = now();
    if validity.not_after.timestamp() < now {
        let problem = format!("{subject} expired at {}", moment(validity.not_after));
        diagnostics.push(malformed(path, what, &problem).fix("renew it"));
    }
    if validity.not_before.timestamp() > now {
        let problem = format!("{subject} is not valid before {}", moment(validity.not_before));
        diagnostics.push(malformed(path, what, &problem).fix("check the clock of this machine"));
    }
}

fn subject(certificate: &X509Certificate<'_>) -> String {
    let subject = certificate.subject().to_string();
    if subject.is_empty() { "the certificate".to_owned() } else { format!("`{subject}`") }
}

/// The DNS names and addresses of the subject's alternative names, lower case. A common name is no host name (RFC 9525).
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

fn moment(time: ASN1Time) -> String {
    time.to_rfc2822().unwrap_or_else(|text| text)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
