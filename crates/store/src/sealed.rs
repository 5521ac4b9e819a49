//! Secrets encrypted at rest.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::{Zeroize as _, Zeroizing};

/// Encrypts and decrypts secrets with AES-256-GCM under a random nonce. The secret's place is authenticated
/// with it, so that a sealed value copied to another row does not open there.
#[derive(Clone)]
pub struct Sealer(Arc<RandomizedNonceKey>);

impl Sealer {
    pub(crate) fn new(key: &[u8; 32]) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, key).ok().map(|key| Self(Arc::new(key)))
    }

    /// Encrypts a secret for the place that `workspace` and `name` say.
    pub fn seal(
        &self,
        workspace: Option<&str>,
        name: &str,
        secret: &SecretString,
    ) -> Result<Vec<u8>, SealError> {
        let mut text = Zeroizing::new(secret.expose_secret().as_bytes().to_vec());
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(place(workspace, name)), &mut *text)
            .map_err(|_| SealError::Encryption)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + text.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// Decrypts a secret that was sealed for this place.
    pub fn open(
        &self,
        workspace: Option<&str>,
        name: &str,
        sealed: &[u8],
    ) -> Result<SecretString, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Damaged)?;
        if *version != VERSION {
            return Err(SealError::Version(*version));
        }
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Damaged)?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self
            .0
            .open_in_place(Nonce::from(nonce), Aad::from(place(workspace, name)), &mut text)
            .map_err(|_| SealError::Damaged)?;
        let secret = std::str::from_utf8(opened).map(SecretString::from).map_err(|_| SealError::Damaged);
        opened.zeroize();
        secret
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// Why a secret cannot be encrypted or decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The sealed value is not what was stored for this name under this master key.
    #[error("the stored value was changed or moved; set the secret again")]
    Damaged,
    /// The cryptographic library failed.
    #[error("the cryptographic library cannot encrypt it")]
    Encryption,
    /// A later release sealed it.
    #[error("the stored value has format {0}, this release knows format 1; a later release wrote it")]
    Version(u8),
}

const VERSION: u8 = 1;

fn place(workspace: Option<&str>, name: &str) -> Vec<u8> {
    let workspace = workspace.unwrap_or_default();
    let mut place = Vec::with_capacity(8 + workspace.len() + name.len());
    place.extend_from_slice(&(workspace.len() as u64).to_le_bytes());
    place.extend_from_slice(workspace.as_bytes());
    place.extend_from_slice(name.as_bytes());
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_sealed_secret_opens_in_its_place_only() {
        let sealer_one = sealer(1);
        let secret = SecretString::from("pässword");
        let sealed = sealer_one.seal(Some("team"), "db", &secret).unwrap();
        assert_eq!(sealer_one.open(Some("team"), "db", &sealed).unwrap().expose_secret(), "pässword");
        for (workspace, name) in
            [(None, "db"), (Some("team"), "other"), (Some("teamd"), "b"), (None, "teamdb")]
        {
            assert_eq!(sealer_one.open(workspace, name, &sealed).unwrap_err(), SealError::Damaged);
        }
        assert_eq!(sealer(2).open(Some("team"), "db", &sealed).unwrap_err(), SealError::Damaged);
    }

    #[test]
    fn equal_secrets_are_sealed_differently() {
        let sealer = sealer(1);
        let secret = SecretString::from("same");
        assert_ne!(sealer.seal(None, "a", &secret).unwrap(), sealer.seal(None, "a", &secret).unwrap());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealer = sealer(1);
        let sealed = sealer.seal(None, "a", &SecretString::from("x")).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(None, "a", &changed).is_err(), "byte {at}");
            assert!(sealer.open(None, "a", &sealed[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(sealer.open(None, "a", &[9, 0]).unwrap_err(), SealError::Version(9));
    }
}
