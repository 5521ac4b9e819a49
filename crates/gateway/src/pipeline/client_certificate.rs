//! The certificate of a request's client: that of the connection, or the one that a trusted proxy hands on.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatehouse_identity::ClientCertificate;
use http::{HeaderMap, HeaderName};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::connection::Connection;
use crate::snapshot::ListenerFacts;

/// The longest value that is looked at.
const LONGEST: usize = 16 * 1024;

/// The certificate. The field of a stranger is taken out; that of a trusted proxy stands for its client, and the proxy's own
/// certificate for nobody.
pub(super) fn of(
    listener: &ListenerFacts,
    connection: &Connection,
    headers: &mut HeaderMap,
) -> Option<Arc<ClientCertificate>> {
    let own = || connection.certificate.clone();
    let Some((field, judge)) = connection.terms.as_ref().and_then(|terms| terms.certificate_field()) else {
        return own();
    };
    drop_disguised(field, headers);
    if !listener.trusts(connection.peer.ip().to_canonical()) {
        headers.remove(field);
        return own();
    }
    let mut values = headers.get_all(field).iter();
    let value = values.next()?;
    // Of two nobody can say which one the proxy has written.
    if values.next().is_some() {
        return None;
    }
    let der = read(value.to_str().ok()?)?;
    let certificate = ClientCertificate::from_der(&der).ok()?;
    Some(Arc::new(judge.handed_on(certificate)))
}

/// Servers behind CGI and its kin read `Client_Cert` as `Client-Cert`.
fn drop_disguised(field: &str, headers: &mut HeaderMap) {
    let is_disguised =
        |name: &&HeaderName| name.as_str().contains('_') && name.as_str().replace('_', "-") == field;
    while let Some(name) = headers.keys().find(is_disguised).cloned() {
        headers.remove(name);
    }
}

/// The certificate in a field: base64 between colons (RFC 9440), PEM in URL encoding, or Envoy's list of which the last
/// element counts, since the proxy nearest to here has written it.
fn read(value: &str) -> Option<Vec<u8>> {
    let value = value.trim();
    if value.is_empty() || value.len() > LONGEST {
        return None;
    }
    if let Some(text) = value.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')) {
        return STANDARD.decode(text).ok();
    }
    if value.starts_with("-----") {
        return from_pem(value);
    }
    let element = value.rsplit(',').next()?;
    let pair = element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("cert").then_some(value)
    })?;
    from_pem(pair.trim_matches('"'))
}

fn from_pem(text: &str) -> Option<Vec<u8>> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    CertificateDer::from_pem_slice(text.as_bytes()).ok().map(|der| der.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_of_proxies_are_understood() {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let der = made.der().to_vec();
        let escaped: String =
            percent_encoding::utf8_percent_encode(&made.pem(), percent_encoding::NON_ALPHANUMERIC).collect();
        let escaped_pem = escaped.replace("%2D", "-");
        assert_eq!(read(&format!(":{}:", STANDARD.encode(&der))).unwrap(), der);
        assert_eq!(read(&escaped_pem).unwrap(), der);
        let envoy = format!("By=spiffe://x;Cert=\"other\",Hash=00;Cert=\"{escaped}\";Subject=\"\"");
        assert_eq!(read(&envoy).unwrap(), der);
        for wrong in ["", ":!:", "Hash=00", "Cert=\"\"", &"x".repeat(20_000)] {
            assert!(read(wrong).is_none(), "{wrong:.20}");
        }
    }
}
