//! This instance as an issuer of tokens: what others trust it by (workload identity federation), without a stored secret
//! on either side.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::kind::TokenFailure;
use crate::jose::{Json, encode_base64url, parse_json};

/// How long a key signs before another one is made, in seconds.
const ROTATE: u64 = 30 * 86_400;
/// How long a new key is published before it signs: others keep the keys that they know for a day.
const PUBLISH: u64 = 2 * 86_400;
/// How long a token lasts.
const LIFE: u64 = 600;
/// The most keys: the one that signs, the one before, the one to come.
const KEYS: usize = 3;

/// An issuer with its keys, the newest first.
pub struct InstanceIssuer {
    url: String,
    keys: Vec<Key>,
}

struct Key {
    id: String,
    pair: KeyPair,
    /// Seconds since 1970.
    made: u64,
}

/// The issuer's keys cannot be read or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of the instance's issuer cannot be {0}")]
pub struct IssuerKeysUnusable(&'static str);

impl InstanceIssuer {
    /// The issuer of that URL, with the keys that were stored. Where a new one is due it is made, and what is to be stored
    /// then comes back, too.
    ///
    /// # Errors
    /// What was stored cannot be read, or no key can be made.
    pub fn open(
        url: &str,
        stored: Option<&str>,
        now: u64,
    ) -> Result<(Self, Option<Zeroizing<String>>), IssuerKeysUnusable> {
        let mut keys = match stored {
            Some(text) => read(text).ok_or(IssuerKeysUnusable("read"))?,
            None => Vec::new(),
        };
        let is_due = is_due(&keys, now);
        if is_due {
            keys.insert(0, Key::make(now).ok_or(IssuerKeysUnusable("made"))?);
            keys.truncate(KEYS);
        }
        let issuer = Self { url: url.trim_end_matches('/').to_owned(), keys };
        let stored = if is_due { Some(issuer.written().ok_or(IssuerKeysUnusable("made"))?) } else { None };
        Ok((issuer, stored))
    }

    /// Whether a new key is due.
    pub fn is_due(&self, now: u64) -> bool {
        is_due(&self.keys, now)
    }

    /// The metadata document (`OpenID` Connect Discovery 1.0, section 3).
    pub fn metadata(&self) -> String {
        json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/.well-known/jwks.json", self.url),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
        .to_string()
    }

    /// The public keys.
    pub fn key_set(&self) -> String {
        let keys: Vec<Value> = self
            .keys
            .iter()
            .map(|key| {
                let public = key.pair.public_key();
                json!({
                    "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.id,
                    "n": encode_base64url(public.modulus().big_endian_without_leading_zero()),
                    "e": encode_base64url(public.exponent().big_endian_without_leading_zero()),
                })
            })
            .collect();
        json!({ "keys": keys }).to_string()
    }

    /// A token for an audience, and for how many seconds it lasts.
    pub(super) fn token(
        &self,
        subject: &str,
        audience: &str,
        now: u64,
    ) -> Result<(Zeroizing<String>, u64), TokenFailure> {
        let failed = || TokenFailure::passing("the token of this instance cannot be signed");
        // The newest one that others have had time to fetch; at first there is but one.
        let ready = self.keys.iter().find(|key| key.made + PUBLISH <= now);
        let key = ready.or(self.keys.last()).ok_or_else(failed)?;
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| failed())?;
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": key.id }).to_string();
        let claims = json!({
            "iss": self.url, "sub": subject, "aud": audience,
            "iat": now, "nbf": now.saturating_sub(30), "exp": now + LIFE, "jti": encode_base64url(id),
        });
        let input = format!("{}.{}", encode_base64url(header), encode_base64url(claims.to_string()));
        let mut signature = vec![0; key.pair.public_modulus_len()];
        let random = SystemRandom::new();
        key.pair.sign(&RSA_PKCS1_SHA256, &random, input.as_bytes(), &mut signature).map_err(|_| failed())?;
        Ok((Zeroizing::new(format!("{input}.{}", encode_base64url(signature))), LIFE))
    }

    fn written(&self) -> Option<Zeroizing<String>> {
        let mut keys = Vec::new();
        for key in &self.keys {
            let der: Pkcs8V1Der<'_> = key.pair.as_der().ok()?;
            keys.push(json!({ "made": key.made, "key": STANDARD.encode(der.as_ref()) }));
        }
        Some(Zeroizing::new(Value::Array(keys).to_string()))
    }
}

impl Key {
    fn make(now: u64) -> Option<Self> {
        Some(Self::of(KeyPair::generate(KeySize::Rsa2048).ok()?, now))
    }

    fn of(pair: KeyPair, made: u64) -> Self {
        let id = encode_base64url(digest(&SHA256, pair.public_key().as_ref())).chars().take(16).collect();
        Self { id, pair, made }
    }
}

fn is_due(keys: &[Key], now: u64) -> bool {
    keys.first().is_none_or(|newest| newest.made + ROTATE <= now)
}

fn read(text: &str) -> Option<Vec<Key>> {
    let json = parse_json(text.as_bytes()).ok()?;
    json.as_array()?
        .iter()
        .map(|entry| {
            let der = Zeroizing::new(STANDARD.decode(entry.get("key")?.as_str()?).ok()?);
            let made = entry.get("made").and_then(Json::as_f64)? as u64;
            Some(Key::of(KeyPair::from_pkcs8(&der).ok()?, made))
        })
        .collect()
}

impl PartialEq for InstanceIssuer {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url && self.keys.iter().map(|key| &key.id).eq(other.keys.iter().map(|key| &key.id))
    }
}

impl Eq for InstanceIssuer {}

impl std::fmt::Debug for InstanceIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstanceIssuer").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::IssuerMetadata;
    use crate::jose::{KeySet, SignedToken};

    const DAY: u64 = 86_400;

    fn verifies(issuer: &InstanceIssuer, token: &str) -> bool {
        let keys = KeySet::parse(issuer.key_set().as_bytes()).unwrap();
        assert!(keys.skipped().is_empty());
        SignedToken::parse(token).unwrap().verify(keys.keys()).is_ok()
    }

    #[test]
    fn others_can_verify_what_it_signs() {
        let (issuer, stored) = InstanceIssuer::open("https://gw.example/", None, 1000).unwrap();
        let metadata = IssuerMetadata::parse(issuer.metadata().as_bytes()).unwrap();
        assert_eq!(metadata.issuer, "https://gw.example");
        assert_eq!(metadata.key_set.as_str(), "https://gw.example/.well-known/jwks.json");
        let (token, life) = issuer.token("gateway", "api://x", 1000).unwrap();
        assert!(verifies(&issuer, &token));
        assert_eq!(life, 600);
        let payload = SignedToken::parse(&token).unwrap().payload().unwrap();
        let claims = parse_json(&payload).unwrap();
        let text = |name| claims.get(name).and_then(Json::as_str);
        assert_eq!(
            (text("iss"), text("sub"), text("aud")),
            (Some("https://gw.example"), Some("gateway"), Some("api://x"))
        );
        let (again, nothing) =
            InstanceIssuer::open("https://gw.example", stored.as_deref().map(String::as_str), 2000).unwrap();
        assert!(nothing.is_none() && verifies(&again, &token), "keys outlive the process");
        assert!(InstanceIssuer::open("https://gw.example", Some("[{}]"), 0).is_err());
    }

    #[test]
    fn a_new_key_is_published_before_it_signs_and_the_old_one_stays() {
        let (first, stored) = InstanceIssuer::open("https://gw.example", None, 0).unwrap();
        let stored = stored.unwrap();
        let (old, _) = first.token("s", "a", 29 * DAY).unwrap();
        assert!(!first.is_due(29 * DAY) && first.is_due(30 * DAY));
        let (second, stored) = InstanceIssuer::open("https://gw.example", Some(&stored), 30 * DAY).unwrap();
        assert!(stored.is_some() && verifies(&second, &old));
        let key_of = |token: &str| SignedToken::parse(token).unwrap().key_id().unwrap().to_owned();
        let (before, _) = second.token("s", "a", 31 * DAY).unwrap();
        let (after, _) = second.token("s", "a", 33 * DAY).unwrap();
        assert_eq!(key_of(&before), key_of(&old));
        assert_ne!(key_of(&after), key_of(&old));
        assert!(verifies(&second, &before) && verifies(&second, &after));
    }
}
