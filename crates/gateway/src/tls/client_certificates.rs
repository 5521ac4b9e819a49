//! Who may prove what about itself: the verifier of client certificates.
//!
//! Revocation is checked for the whole chain as far as lists are given. A list that has expired is refused at load,
//! and one that expires while it is in use makes handshakes of its issuer's clients fail: a stale list would let
//! revoked clients in.

use std::sync::Arc;

use gatehouse_model::configuration::{ClientCertificateMode, ClientCertificates};
use gatehouse_model::{Diagnostic, Diagnostics, Location};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::{files, inspection};

/// The verifier, or nothing where something is wrong with the files.
pub(super) fn verifier(
    settings: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
    location: &Location,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<dyn ClientCertVerifier>> {
    if settings.mode == ClientCertificateMode::Off {
        return Some(WebPkiClientVerifier::no_client_auth());
    }
    if settings.trust.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                "tls-trust",
                location.clone(),
                "client certificates are asked for, but no authority is trusted",
            )
            .fix("name the authorities under `client_certificates.trust`, or set `mode: off`"),
        );
        return None;
    }
    let mut found = Diagnostics::new();
    let mut authorities = Vec::new();
    for path in &settings.trust {
        match files::certificates(path, "trust") {
            Ok(certificates) => {
                inspection::authorities(path, &certificates, &mut found);
                authorities.extend(certificates);
            }
            Err(error) => found.push(error),
        }
    }
    let mut lists = Vec::new();
    for path in &settings.crls {
        match files::revocation_lists(path) {
            Ok(read) => {
                for list in &read {
                    inspection::revocation_list(path, list, &authorities, &mut found);
                }
                lists.extend(read);
            }
            Err(error) => found.push(error),
        }
    }
    if found.has_errors() {
        diagnostics.extend(found);
        return None;
    }
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        if let Err(error) = roots.add(authority) {
            diagnostics.error("tls-trust", location.clone(), format!("an authority cannot be used: {error}"));
        }
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(lists)
        .allow_unknown_revocation_status()
        .enforce_revocation_expiration();
    if settings.mode == ClientCertificateMode::Optional {
        builder = builder.allow_unauthenticated();
    }
    match builder.build() {
        Ok(verifier) => Some(verifier),
        Err(error) => {
            let message = format!("client certificates cannot be verified: {error}");
            diagnostics.error("tls-trust", location.clone(), message);
            None
        }
    }
}
