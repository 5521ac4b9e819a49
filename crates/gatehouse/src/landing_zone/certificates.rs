//! A development certificate authority, made on the spot, and a server certificate of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// How long the authority is valid.
const AUTHORITY_DAYS: u64 = 3650;
/// How long a server certificate is valid; it is made anew when less than a third is left.
const SERVER_DAYS: u64 = 90;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the files of the authority lie.
#[derive(Debug)]
pub(crate) struct DevelopmentAuthority {
    /// The authority's certificate, for clients to trust.
    pub(crate) certificate: PathBuf,
}

/// Makes what is missing of `certs/`: `ca.pem`, `ca.key`, `server.pem`, `server.key` for `localhost` and loopback.
/// A server certificate that is about to expire is renewed.
pub(crate) fn ensure_certificates(folder: &Path) -> Result<DevelopmentAuthority> {
    let certs = folder.join("certs");
    std::fs::create_dir_all(&certs).with_context(|| format!("cannot make the folder {}", certs.display()))?;
    let authority = DevelopmentAuthority { certificate: certs.join("ca.pem") };
    let authority_key = certs.join("ca.key");
    let server = certs.join("server.pem");
    let server_key = certs.join("server.key");
    if !authority.certificate.exists() || !authority_key.exists() {
        let key = KeyPair::generate()?;
        let certificate = authority_parameters()?.self_signed(&key)?;
        write_private(&authority_key, &key.serialize_pem())?;
        write_public(&authority.certificate, &certificate.pem())?;
        remove_if_there(&server)?;
    }
    if !server.exists() || !server_key.exists() || is_old(&server) {
        let key = KeyPair::from_pem(&read(&authority_key)?)
            .with_context(|| format!("{} is no private key", authority_key.display()))?;
        let issuer = CertifiedIssuer::self_signed(authority_parameters()?, key)?;
        let key = KeyPair::generate()?;
        let certificate = server_parameters()?.signed_by(&key, &issuer)?;
        write_private(&server_key, &key.serialize_pem())?;
        write_public(&server, &certificate.pem())?;
    }
    Ok(authority)
}

fn authority_parameters() -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.distinguished_name.push(DnType::CommonName, "Gatehouse development authority");
    set_validity(&mut parameters, AUTHORITY_DAYS);
    Ok(parameters)
}

fn server_parameters() -> Result<CertificateParams> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut parameters = CertificateParams::new(names.to_vec())?;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    parameters.distinguished_name.push(DnType::CommonName, "localhost");
    set_validity(&mut parameters, SERVER_DAYS);
    Ok(parameters)
}

fn set_validity(parameters: &mut CertificateParams, days: u64) {
    let now = SystemTime::now();
    // An hour back, for clients whose clock is a little behind.
    parameters.not_before = (now - Duration::from_secs(3600)).into();
    parameters.not_after = (now + DAY * days as u32).into();
}

/// The file's age stands for the certificate's: both are made together.
fn is_old(path: &Path) -> bool {
    let made = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > DAY * (SERVER_DAYS as u32 * 2 / 3)))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write_public(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    remove_if_there(path)?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot replace {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let authority = ensure_certificates(folder.path()).unwrap();
        let first = read(&authority.certificate).unwrap();
        let server = read(&folder.path().join("certs/server.pem")).unwrap();
        assert!(server.contains("BEGIN CERTIFICATE"));
        ensure_certificates(folder.path()).unwrap();
        assert_eq!(read(&authority.certificate).unwrap(), first);
        assert_eq!(read(&folder.path().join("certs/server.pem")).unwrap(), server);
        std::fs::remove_file(folder.path().join("certs/ca.key")).unwrap();
        ensure_certificates(folder.path()).unwrap();
        assert_ne!(
            read(&folder.path().join("certs/server.pem")).unwrap(),
            server,
            "a new authority signs anew"
        );
    }
}
