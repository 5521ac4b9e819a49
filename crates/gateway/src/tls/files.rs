//! PEM and DER files of certificates, keys and revocation lists.

use std::path::PathBuf;

use gatehouse_model::{Diagnostic, Located};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// Larger than any chain, key or list of revoked certificates in use; a device or a log named by mistake is not.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// The certificates of a PEM file, at least one.
pub(super) fn certificates(
    path: &Located<PathBuf>,
    what: &str,
) -> Result<Vec<CertificateDer<'static>>, Diagnostic> {
    let bytes = read(path, what)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|error| malformed(path, what, &error.to_string()))?;
    if certificates.is_empty() {
        return Err(malformed(path, what, "it holds no PEM block `CERTIFICATE`")
            .fix("convert a DER file with `openssl x509 -inform der -in FILE -out FILE.pem`"));
    }
    Ok(certificates)
}

/// The first private key of a PEM file.
pub(super) fn key(path: &Located<PathBuf>) -> Result<PrivateKeyDer<'static>, Diagnostic> {
    let bytes = read(path, "key")?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let text = String::from_utf8_lossy(&bytes);
        let encrypted = text.contains("ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED");
        if encrypted {
            malformed(path, "key", "it is encrypted with a passphrase")
                .fix("decrypt it with `openssl pkey -in FILE -out FILE.pem`")
        } else if matches!(error, rustls_pki_types::pem::Error::NoItemsFound) {
            malformed(path, "key", "it holds no PEM block of a private key (PKCS#8, PKCS#1 or SEC1)")
        } else {
            malformed(path, "key", &error.to_string())
        }
    })
}

/// The revocation lists of a PEM file, or the one list of a DER file.
pub(super) fn revocation_lists(
    path: &Located<PathBuf>,
) -> Result<Vec<CertificateRevocationListDer<'static>>, Diagnostic> {
    let bytes = read(path, "revocation list")?;
    if bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateRevocationListDer::from(bytes.to_vec())]);
    }
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    let lists = lists.map_err(|error| malformed(path, "revocation list", &error.to_string()))?;
    if lists.is_empty() {
        return Err(malformed(path, "revocation list", "it is neither DER nor holds a PEM block `X509 CRL`"));
    }
    Ok(lists)
}

/// An error about the content of a file, at the key that names it.
pub(super) fn malformed(path: &Located<PathBuf>, what: &str, problem: &str) -> Diagnostic {
    let message = format!("the {what} file `{}` cannot be used: {problem}", path.value.display());
    Diagnostic::error("tls-file", path.location.clone(), message)
}

fn read(path: &Located<PathBuf>, what: &str) -> Result<Zeroizing<Vec<u8>>, Diagnostic> {
    let unreadable = |error: &dyn std::fmt::Display| {
        let message = format!("the {what} file `{}` cannot be read: {error}", path.value.display());
        Diagnostic::error("tls-file", path.location.clone(), message)
    };
    let length = std::fs::metadata(&path.value).map_err(|error| unreadable(&error))?.len();
    if length > MAX_FILE {
        return Err(unreadable(&"it is larger than 64 MiB"));
    }
    std::fs::read(&path.value).map(Zeroizing::new).map_err(|error| unreadable(&error))
}
