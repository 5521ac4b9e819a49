//! JSON Web Key Sets (RFC 7517, section 5).

use std::collections::HashMap;

use super::{Json, Jwk, VerificationKey, parse_json};
use crate::jose::jwk::InvalidKey;

/// The public keys of an issuer.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    skipped: Vec<SkippedKey>,
}

/// A key of a set that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its id.
    pub id: Option<String>,
    /// Why.
    pub reason: String,
}

impl KeySet {
    /// The most keys of a set.
    pub const MAX_KEYS: usize = 100;

    /// Reads the set that an issuer publishes. Keys that cannot be used (for encryption, too short, of unknown kinds) are
    /// left out, as RFC 7517 section 5 asks; so are those that must not be there: symmetric and private ones, and all
    /// that share their id with another.
    ///
    /// # Errors
    /// The text is no key set, or holds more than [`Self::MAX_KEYS`].
    pub fn parse(text: &[u8]) -> Result<Self, InvalidKey> {
        let json =
            parse_json(text).map_err(|error| InvalidKey::new(format!("the key set is not JSON: {error}")))?;
        let listed = json
            .get("keys")
            .and_then(Json::as_array)
            .ok_or_else(|| InvalidKey::new("the key set has no array `keys`"))?;
        if listed.len() > Self::MAX_KEYS {
            let message = format!("the key set has {} keys, more than {}", listed.len(), Self::MAX_KEYS);
            return Err(InvalidKey::new(message));
        }
        let mut set = Self::default();
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        for id in listed.iter().filter_map(|key| key.get("kid").and_then(Json::as_str)) {
            *by_id.entry(id).or_default() += 1;
        }
        for json in listed {
            let jwk = Jwk::of(json);
            match Self::usable(&jwk, &by_id) {
                Ok(key) => set.keys.push(key),
                Err(error) => set
                    .skipped
                    .push(SkippedKey { id: jwk.id().map(str::to_owned), reason: error.reason().to_owned() }),
            }
        }
        Ok(set)
    }

    fn usable(jwk: &Jwk<'_>, by_id: &HashMap<&str, usize>) -> Result<VerificationKey, InvalidKey> {
        if jwk.is_private() {
            return Err(InvalidKey::new("it is published with its private half"));
        }
        let key = jwk.verification_key()?;
        if key.is_symmetric() {
            return Err(InvalidKey::new("it is symmetric, and published"));
        }
        if jwk.id().is_some_and(|id| by_id.get(id).is_some_and(|count| *count > 1)) {
            return Err(InvalidKey::new("its `kid` is that of another key, too"));
        }
        Ok(key)
    }

    /// The keys.
    pub fn keys(&self) -> &[VerificationKey] {
        &self.keys
    }

    /// The keys that were left out, and why.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }
}
