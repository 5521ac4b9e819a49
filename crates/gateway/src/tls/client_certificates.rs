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

use super::any_client::AnyClient;
use super::judge::Judge;
use super::{files, inspection};

/// What clients have to show, and what it is worth.
pub(super) struct Clients {
    /// The verifier of handshakes.
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// Who vouches for certificates that handshakes and proxies let in.
    pub(super) judge: Judge,
}

/// The verifier, or nothing where something is wrong with the files.
pub(super) fn clients(
    settings: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
    location: &Location,
    diagnostics: &mut Diagnostics,
) -> Option<Clients> {
    let is_off = settings.mode == ClientCertificateMode::Off;
    if is_off && settings.header.is_none() {
        let verifier = WebPkiClientVerifier::no_client_auth();
        return Some(Clients { verifier, judge: Judge::default() });
    }
    if settings.trust.is_empty() && !settings.any && !is_off {
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
    let strict = if settings.trust.is_empty() {
        None
    } else {
        Some(strict(settings, provider, location, diagnostics)?)
    };
    let is_mandatory = settings.mode == ClientCertificateMode::Required;
    let (verifier, judge) = match strict {
        Some((verifier, authorities)) => {
            let judge = Judge::new(Some(Arc::clone(&verifier)), authorities, settings.any);
            (verifier, judge)
        }
        None => (WebPkiClientVerifier::no_client_auth(), Judge::new(None, Vec::new(), settings.any)),
    };
    let verifier = match (is_off, settings.any) {
        (true, _) => WebPkiClientVerifier::no_client_auth(),
        (false, true) => Arc::new(AnyClient::new(Arc::clone(provider), is_mandatory)),
        (false, false) => verifier,
    };
    Some(Clients { verifier, judge })
}

/// The verifier of chains that lead to the authorities, and the authorities.
fn strict(
    settings: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
    location: &Location,
    diagnostics: &mut Diagnostics,
) -> Option<(Arc<dyn ClientCertVerifier>, Vec<Arc<[u8]>>)> {
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
    let known = authorities.iter().map(|authority| Arc::from(&**authority)).collect();
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
        Ok(verifier) => Some((verifier, known)),
        Err(error) => {
            let message = format!("client certificates cannot be verified: {error}");
            diagnostics.error("tls-trust", location.clone(), message);
            None
        }
    }
}
