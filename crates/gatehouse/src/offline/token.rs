//! Tokens for tests: signed with a key that lives as long as the process, and the metadata by which `validate-jwt` finds
//! it, for every issuer that no stub speaks for.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{hmac, signature};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatehouse_model::tree::{Node, NodeValue, parse_yaml};
use serde_json::{Map, Value, json};

use super::Answer;

/// The id of the key.
const KEY_ID: &str = "gatehouse-test";
/// Where metadata stands below an issuer (`OpenID` Connect Discovery 1.0, section 4).
const METADATA: &str = "/.well-known/openid-configuration";
/// Where the keys stand that the metadata names.
const KEYS: &str = "/.well-known/gatehouse-test-keys";

/// Signs tokens.
pub(crate) struct Tokens(Option<KeyPair>);

/// The claims of a token, and the shared secret that signs it where that is not the key of the process.
pub(super) struct Claims {
    payload: Map<String, Value>,
    header: Map<String, Value>,
    secret: Option<Vec<u8>>,
}

impl Tokens {
    /// The ones of this process; the key is made when the first token is.
    pub(super) fn shared() -> &'static Self {
        static SHARED: LazyLock<Tokens> = LazyLock::new(|| Tokens(KeyPair::generate(KeySize::Rsa2048).ok()));
        &SHARED
    }

    /// A signed token (RFC 7519, RFC 7515 section 7.1).
    pub(super) fn sign(&self, token: &Claims) -> Result<String, String> {
        let algorithm = if token.secret.is_some() { "HS256" } else { "RS256" };
        let mut header = Map::new();
        header.insert("alg".into(), json!(algorithm));
        header.insert("typ".into(), json!("JWT"));
        if token.secret.is_none() {
            header.insert("kid".into(), json!(KEY_ID));
        }
        header.extend(token.header.clone());
        let encode = |part: &Map<String, Value>| {
            URL_SAFE_NO_PAD.encode(serde_json::to_string(part).unwrap_or_default())
        };
        let input = format!("{}.{}", encode(&header), encode(&token.payload));
        let signature = match &token.secret {
            Some(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, input.as_bytes()).as_ref().to_vec()
            }
            None => self.rsa(input.as_bytes()).ok_or("needs a token, and the library cannot sign one")?,
        };
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn rsa(&self, input: &[u8]) -> Option<Vec<u8>> {
        let pair = self.0.as_ref()?;
        let mut signature = vec![0; pair.public_modulus_len()];
        let scheme: &'static dyn signature::RsaEncoding = &RSA_PKCS1_SHA256;
        pair.sign(scheme, &SystemRandom::new(), input, &mut signature).ok()?;
        Some(signature)
    }

    /// The key as a JSON Web Key Set (RFC 7517).
    fn key_set(&self) -> Value {
        let Some(pair) = &self.0 else { return json!({ "keys": [] }) };
        let public = pair.public_key();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "keys": [{
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": KEY_ID,
            "n": number(public.modulus().big_endian_without_leading_zero()),
            "e": number(public.exponent().big_endian_without_leading_zero()),
        }] })
    }
}

/// What an issuer of tests answers at a URL: its metadata, or its keys.
pub(super) fn metadata(url: &str) -> Option<Answer> {
    issuer_document(url).map(|body| Answer { body, ..Answer::default() })
}

/// The same, as text.
pub(crate) fn issuer_document(url: &str) -> Option<String> {
    let body = if let Some(issuer) = url.strip_suffix(METADATA) {
        json!({ "issuer": issuer, "jwks_uri": format!("{issuer}{KEYS}") })
    } else if url.ends_with(KEYS) {
        Tokens::shared().key_set()
    } else {
        return None;
    };
    Some(body.to_string())
}

/// Reads the claims of a template: a YAML mapping. `+1h` and `-5m` are times from now on, `exp` is in an hour unless it
/// says otherwise, `$header` adds to the header, and `$secret` (base64) signs with HS256.
pub(super) fn claims(text: &str, now: i64) -> Result<Claims, String> {
    let file: Arc<Path> = Path::new("jwt").into();
    let node =
        parse_yaml(text.trim(), &file).map_err(|error| format!("has a bad `jwt`: {}", error.message))?;
    let NodeValue::Mapping(entries) = &node.value else {
        return Err("has a `jwt` that is no mapping of claims".to_owned());
    };
    let mut token = Claims { payload: Map::new(), header: Map::new(), secret: None };
    token.payload.insert("iat".into(), json!(now));
    token.payload.insert("exp".into(), json!(now + 3600));
    for (key, value) in entries {
        match key.text.as_str() {
            "$header" => match value.to_json() {
                Value::Object(fields) => token.header = fields,
                _ => return Err("has a `jwt` whose `$header` is no mapping".to_owned()),
            },
            "$secret" => {
                let text = value.scalar_text().unwrap_or_default();
                let bytes = STANDARD.decode(text.as_bytes());
                token.secret = Some(bytes.map_err(|_| "has a `jwt` whose `$secret` is no base64")?);
            }
            name => match (time(value, now), value.is_null()) {
                (_, true) => drop(token.payload.shift_remove(name)),
                (Some(time), _) => drop(token.payload.insert(name.to_owned(), json!(time))),
                (None, _) => drop(token.payload.insert(name.to_owned(), value.to_json())),
            },
        }
    }
    Ok(token)
}

/// A time from now on: `+1h`, `-90s`.
fn time(value: &Node, now: i64) -> Option<i64> {
    let text = value.as_str()?;
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (number, unit) = rest.split_at_checked(rest.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let number: i64 = number.parse().ok().filter(|number| (0..=1_000_000).contains(number))?;
    Some(now + sign * number * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(token: &str) -> (Value, Value) {
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        let mut json = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
        (json(), json())
    }

    #[test]
    fn claims_have_times_from_now_on() {
        let token = claims(" {aud: other, exp: +1h, nbf: -5m, roles: [a], iat: } ", 1000).unwrap();
        let token = Tokens::shared().sign(&token).unwrap();
        let (header, claims) = parts(&token);
        assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "gatehouse-test" }));
        assert_eq!(claims, json!({ "exp": 4600, "aud": "other", "nbf": 700, "roles": ["a"] }));
    }

    #[test]
    fn the_key_set_verifies_what_is_signed() {
        let tokens = Tokens::shared();
        let token = tokens.sign(&claims("{sub: a}", 0).unwrap()).unwrap();
        let answer = metadata("https://a.example/v2.0/.well-known/openid-configuration").unwrap();
        let about: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(about["issuer"], "https://a.example/v2.0");
        let keys = metadata(about["jwks_uri"].as_str().unwrap()).unwrap();
        let keys = gatehouse_identity::jose::KeySet::parse(keys.body.as_bytes()).unwrap();
        let signed = gatehouse_identity::jose::SignedToken::parse(&token).unwrap();
        signed.verify(keys.keys()).unwrap();
    }

    #[test]
    fn a_secret_signs_with_hs256() {
        let token = claims("{$secret: c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=}", 0).unwrap();
        assert_eq!(parts(&Tokens::shared().sign(&token).unwrap()).0["alg"], "HS256");
        assert!(claims("{$secret: '!'}", 0).is_err());
        assert!(claims("[a]", 0).is_err());
    }
}
