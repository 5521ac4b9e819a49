//! Subscription keys and their hashes.

use std::fmt;

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A subscription key in the clear: as it is made, or as a file gives it. Shown once, never kept.
#[derive(Clone, Debug)]
pub struct SubscriptionKey(SecretString);

impl SubscriptionKey {
    /// The longest key, in characters (`primaryKey` of the subscription contract of API Management).
    pub const MAX_LENGTH: usize = 256;

    /// A new key: 128 random bits as 32 hexadecimal digits, as API Management makes them.
    ///
    /// Fails when the operating system has no randomness to give.
    pub fn generate() -> Result<Self, InvalidKey> {
        let mut bits = Zeroizing::new([0_u8; 16]);
        aws_lc_rs::rand::fill(bits.as_mut_slice()).map_err(|_| InvalidKey::NoRandomness)?;
        let mut text = String::with_capacity(32);
        for byte in bits.iter() {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or_default());
            }
        }
        Ok(Self(SecretString::from(text)))
    }

    /// A key that somebody chose: 1 to 256 visible ASCII characters, so that a header can carry it.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            return Err(InvalidKey::Length(text.len()));
        }
        if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(InvalidKey::Character(at + 1));
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The key itself, to show it once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Why a text is no subscription key, or none can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// A character that a header value cannot carry as it is.
    #[error("character {0} of the key is no visible ASCII character")]
    Character(usize),
    /// Empty or too long.
    #[error("the key has {0} characters; a key has 1 to 256")]
    Length(usize),
    /// The operating system gave no random bytes.
    #[error("the operating system has no random bytes for a new key")]
    NoRandomness,
}

/// The keyed hash (HMAC-SHA-256) of a subscription key. Two hashes are compared in constant time.
#[derive(Clone, Copy)]
pub struct KeyHash(pub(crate) [u8; 32]);

impl KeyHash {
    /// The hash as a database keeps it.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash as a database kept it.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl std::hash::Hash for KeyHash {
    // Eight bytes of an HMAC are as uniform as any hash of all of them.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        if let Some(first) = self.0.first_chunk() {
            state.write_u64(u64::from_le_bytes(*first));
        }
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// Hashes subscription keys; made by [`MasterKey::key_hasher`](crate::MasterKey::key_hasher).
#[derive(Clone)]
pub struct KeyHasher(hmac::Key);

impl KeyHasher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The hash of a key.
    pub fn hash(&self, key: &SubscriptionKey) -> KeyHash {
        self.hash_bytes(key.expose().as_bytes())
    }

    pub(crate) fn hash_bytes(&self, key: &[u8]) -> KeyHash {
        let tag = hmac::sign(&self.0, key);
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        KeyHash(hash)
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher(…)")
    }
}

/// Which of a subscription's two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// The first key.
    Primary,
    /// The second key, which goes on working while the first is rotated.
    Secondary,
}

impl KeyKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Primary, Self::Secondary];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_are_32_hexadecimal_digits_and_differ() {
        let [one, two] = [(); 2].map(|()| SubscriptionKey::generate().unwrap());
        assert_eq!(one.expose().len(), 32);
        assert!(one.expose().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        assert_ne!(one.expose(), two.expose());
    }

    #[test]
    fn chosen_keys_are_bounded_and_visible() {
        assert!(SubscriptionKey::parse("a").is_ok());
        assert!(SubscriptionKey::parse(&"k".repeat(256)).is_ok());
        assert_eq!(SubscriptionKey::parse(&"k".repeat(257)).unwrap_err(), InvalidKey::Length(257));
        assert_eq!(SubscriptionKey::parse("").unwrap_err(), InvalidKey::Length(0));
        assert_eq!(SubscriptionKey::parse("ab cd").unwrap_err(), InvalidKey::Character(3));
        assert_eq!(SubscriptionKey::parse("ab\r\n").unwrap_err(), InvalidKey::Character(3));
    }

    #[test]
    fn a_hash_depends_on_the_master_key_and_the_whole_key() {
        let [one, two] = [[1; 32], [2; 32]].map(|bytes| KeyHasher::new(&bytes));
        let [key, longer] = ["0123", "01234"].map(|text| SubscriptionKey::parse(text).unwrap());
        assert_eq!(one.hash(&key), one.hash(&key));
        assert_ne!(one.hash(&key), two.hash(&key));
        assert_ne!(one.hash(&key), one.hash(&longer));
    }

    #[test]
    fn debug_output_shows_neither_keys_nor_hashes() {
        let key = SubscriptionKey::parse("ffffffff").unwrap();
        let hash = KeyHasher::new(&[1; 32]).hash(&key);
        assert!(!format!("{key:?}").contains("ffff"));
        assert_eq!(format!("{hash:?}"), "KeyHash(…)");
    }
}
