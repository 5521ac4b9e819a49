//! What the certificates of clients are worth to a host: whether one of its authorities vouches for them, whether one of
//! its lists revokes them.

use std::fmt;
use std::sync::Arc;

use gatehouse_identity::{ClientCertificate, Standing};
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, Error};
use rustls_pki_types::{CertificateDer, UnixTime};

/// The authorities and the lists of a host; by default there are none, and nobody vouches for anything.
#[derive(Clone, Default)]
pub struct Judge {
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    authorities: Arc<[Arc<[u8]>]>,
    any: bool,
}

impl Judge {
    pub(super) fn new(
        verifier: Option<Arc<dyn ClientCertVerifier>>,
        authorities: Vec<Arc<[u8]>>,
        any: bool,
    ) -> Self {
        Self { verifier, authorities: authorities.into(), any }
    }

    /// Whether handshakes let certificates in that nobody vouches for.
    pub fn lets_any_in(&self) -> bool {
        self.any
    }

    /// A certificate with what is known of it. `others` are those that came with it.
    pub fn judged(
        &self,
        mut certificate: ClientCertificate,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
    ) -> ClientCertificate {
        // What a strict handshake has let in is trusted.
        if self.any {
            certificate.standing = self.standing(leaf, others);
        }
        self.with_issuers(certificate, others)
    }

    /// The same for one that a trusted proxy hands on.
    pub(crate) fn handed_on(&self, mut certificate: ClientCertificate) -> ClientCertificate {
        let leaf = CertificateDer::from(certificate.der.to_vec());
        certificate.standing = self.standing(&leaf, &[]);
        self.with_issuers(certificate, &[])
    }

    fn with_issuers(
        &self,
        certificate: ClientCertificate,
        others: &[CertificateDer<'_>],
    ) -> ClientCertificate {
        let sent = others.iter().map(|other| Arc::from(&**other));
        certificate.with_issuers(sent.chain(self.authorities.iter().map(Arc::clone)))
    }

    fn standing(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Standing {
        let Some(verifier) = &self.verifier else { return Standing { is_trusted: false, is_revoked: false } };
        match verifier.verify_client_cert(leaf, others, UnixTime::now()) {
            Ok(_) => Standing { is_trusted: true, is_revoked: false },
            Err(Error::InvalidCertificate(CertificateError::Revoked)) => {
                Standing { is_trusted: true, is_revoked: true }
            }
            Err(_) => Standing { is_trusted: false, is_revoked: false },
        }
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("authorities", &self.authorities.len())
            .field("any", &self.any)
            .finish_non_exhaustive()
    }
}
