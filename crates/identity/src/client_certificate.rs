//! What is known of a client's certificate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::distinguished_name;

/// The facts of a client certificate that policies and logs ask for, read once when its connection is made.
/// Texts are as `X509Certificate2` of .NET gives them, since policies compare with those.
///
/// The client has proved that it holds the certificate's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject's distinguished name, most specific part first: `CN=ana, O="Contoso, Ltd.", C=DE`.
    pub subject: String,
    /// The issuer's distinguished name in the same form.
    pub issuer: String,
    /// The subject's most specific common name.
    pub common_name: Option<String>,
    /// The serial number's bytes in upper-case hexadecimal.
    pub serial_number: String,
    /// SHA-1 of the certificate in upper-case hexadecimal, which API Management calls the thumbprint. It
    /// names a certificate that is trusted already; it proves nothing.
    pub thumbprint: String,
    /// SHA-256 of the certificate in upper-case hexadecimal.
    pub thumbprint_sha256: String,
    /// From when on it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, that second included, in seconds since 1970.
    pub not_after: i64,
    /// The DNS names of its subject alternative name, as they stand there.
    pub dns_names: Vec<String>,
    /// The certificate itself, DER: what expressions read it from.
    pub der: Arc<[u8]>,
    /// What the listener has found out about it.
    pub standing: Standing,
    /// Certificates that may be its issuer's: those that the client has sent along, and the listener's authorities.
    pub issuers: Arc<[Arc<[u8]>]>,
}

/// What the listener has found out about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether an authority of the listener vouches for it. A listener that asks for trusted ones only makes no connection
    /// with others.
    pub is_trusted: bool,
    /// Whether a revocation list names it.
    pub is_revoked: bool,
}

impl ClientCertificate {
    /// Reads a certificate in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let malformed = |what: &dyn fmt::Display| InvalidCertificate(what.to_string());
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|error| malformed(&error))?;
        if !rest.is_empty() {
            return Err(malformed(&"there are bytes after its end"));
        }
        let alternative = certificate.subject_alternative_name().map_err(|error| malformed(&error))?;
        let dns_names = alternative
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            })
            .collect();
        let subject = certificate.subject();
        let common_name = subject.iter_common_name().last().and_then(distinguished_name::value);
        let validity = certificate.validity();
        let [thumbprint, thumbprint_sha256] = thumbprints(der);
        Ok(Self {
            subject: distinguished_name::text(subject),
            issuer: distinguished_name::text(certificate.issuer()),
            common_name,
            serial_number: upper_hex(certificate.raw_serial()),
            thumbprint,
            thumbprint_sha256,
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
            dns_names,
            der: der.into(),
            standing: Standing { is_trusted: true, is_revoked: false },
            issuers: Arc::new([]),
        })
    }

    /// Adds certificates that may be its issuer's.
    pub fn with_issuers(mut self, issuers: impl IntoIterator<Item = Arc<[u8]>>) -> Self {
        self.issuers = issuers.into_iter().collect();
        self
    }

    /// Whether it is signed with the key of that certificate, DER, whatever the dates of both.
    pub fn is_issued_by(&self, issuer: &[u8]) -> bool {
        let issuer = CertificateDer::from(issuer);
        let own = CertificateDer::from(&*self.der);
        let Ok(anchor) = webpki::anchor_from_trusted_cert(&issuer) else { return false };
        let Ok(leaf) = webpki::EndEntityCert::try_from(&own) else { return false };
        let moment = UnixTime::since_unix_epoch(Duration::from_secs(self.not_before.max(0).unsigned_abs()));
        let usage = webpki::KeyUsage::client_auth();
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        leaf.verify_for_usage(algorithms, &[anchor], &[], moment, usage, None, None).is_ok()
    }

    /// Whether its issuer's certificate is the one of that thumbprint.
    pub fn has_issuer(&self, thumbprint: &str) -> bool {
        self.issuers.iter().any(|issuer| {
            Self::from_der(issuer).is_ok_and(|known| known.has_thumbprint(thumbprint))
                && self.is_issued_by(issuer)
        })
    }

    /// Whether it is the certificate of that thumbprint, SHA-1 or SHA-256, in any case and with or without
    /// separators (`ab:cd`, `AB CD`).
    pub fn has_thumbprint(&self, thumbprint: &str) -> bool {
        let wanted = || hexadecimal_digits(thumbprint);
        wanted().eq(self.thumbprint.chars()) || wanted().eq(self.thumbprint_sha256.chars())
    }

    /// Whether it has that serial number, in any case, with or without separators and leading zeros.
    pub fn has_serial_number(&self, serial_number: &str) -> bool {
        let wanted = hexadecimal_digits(serial_number).skip_while(|digit| *digit == '0');
        wanted.eq(self.serial_number.trim_start_matches('0').chars())
    }

    /// Whether `now` (seconds since 1970) lies within its validity.
    pub fn is_valid_at(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// The bytes are no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client certificate cannot be read: {0}")]
pub struct InvalidCertificate(String);

/// SHA-1 and SHA-256 of a certificate in DER, in upper-case hexadecimal: what it is named by.
pub fn thumbprints(der: &[u8]) -> [String; 2] {
    [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256]
        .map(|algorithm| upper_hex(digest::digest(algorithm, der).as_ref()))
}

/// The digits of a thumbprint or a serial number as people write them. Anything else is kept, so that it
/// matches nothing.
fn hexadecimal_digits(text: &str) -> impl Iterator<Item = char> {
    // Windows' certificate viewer puts a left-to-right mark before what it copies.
    let separators = [':', ' ', '-', '\u{200E}'];
    text.chars().filter(move |character| !separators.contains(character)).map(|c| c.to_ascii_uppercase())
}

fn upper_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    distinguished_name::push_hex(&mut text, bytes);
    text
}

#[cfg(test)]
mod tests;
