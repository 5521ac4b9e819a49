//! Proofs of possession at the application layer (RFC 9449).

use std::fmt::Write as _;

use aws_lc_rs::{constant_time, digest, hmac};

use crate::jose::{Json, Jwk, SignedToken, decode_base64url, encode_base64url, parse_json};

/// A proof, verified with the key that it holds; who may use that key is for the access token to say.
#[derive(Debug)]
pub struct DpopProof {
    /// The thumbprint of its key (RFC 7638), as `cnf.jkt` of an access token names it.
    pub thumbprint: String,
    /// `jti`: its own id.
    pub id: Box<str>,
    /// `iat`: when it was made, in seconds since 1970.
    pub issued_at: f64,
    nonce: Option<Box<str>>,
}

/// What a proof must be about.
#[derive(Clone, Copy, Debug)]
pub struct DpopRequest<'r> {
    /// The request's method.
    pub method: &'r str,
    /// The request's URL without query and fragment.
    pub url: &'r str,
    /// The access token that it was sent with.
    pub access_token: &'r str,
}

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the DPoP proof is not valid: {0}")]
pub struct InvalidProof(&'static str);

impl DpopProof {
    /// Checks a proof as section 4.3 says, but for its age, its nonce and whether it was seen before.
    pub fn verify(proof: &str, request: &DpopRequest<'_>) -> Result<Self, InvalidProof> {
        let token = SignedToken::parse(proof).map_err(|_| InvalidProof("it is no signed token"))?;
        let header = token.header();
        if header.get("typ").and_then(Json::as_str) != Some("dpop+jwt") {
            return Err(InvalidProof("its type is not dpop+jwt"));
        }
        let embedded =
            header.get("jwk").filter(|key| key.is_object()).ok_or(InvalidProof("it holds no key"))?;
        let jwk = Jwk::of(embedded);
        if jwk.is_private() {
            return Err(InvalidProof("it holds a private key"));
        }
        let key = jwk.verification_key().map_err(|_| InvalidProof("its key cannot be used"))?;
        if key.is_symmetric() {
            return Err(InvalidProof("its key is symmetric"));
        }
        if !key.verifies_token(&token) {
            return Err(InvalidProof("its signature is not valid"));
        }
        let payload = token.payload().map_err(|_| InvalidProof("its payload is no JSON"))?;
        let claims = parse_json(&payload).map_err(|_| InvalidProof("its payload is no JSON"))?;
        let text = |name| claims.get(name).and_then(Json::as_str);
        if text("htm") != Some(request.method) {
            return Err(InvalidProof("it is for another method"));
        }
        if text("htu").map(without_query) != Some(request.url) {
            return Err(InvalidProof("it is for another URL"));
        }
        let expected = encode_base64url(digest::digest(&digest::SHA256, request.access_token.as_bytes()));
        if text("ath") != Some(&expected) {
            return Err(InvalidProof("it is for another access token"));
        }
        let id = text("jti").filter(|id| !id.is_empty()).ok_or(InvalidProof("it has no jti"))?.into();
        let issued_at = claims.get("iat").and_then(Json::as_f64).ok_or(InvalidProof("it has no iat"))?;
        let thumbprint = thumbprint(embedded).ok_or(InvalidProof("its key cannot be used"))?;
        Ok(Self { thumbprint, id, issued_at, nonce: text("nonce").map(Into::into) })
    }

    /// The nonce of the server that it holds.
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// The SHA-256 thumbprint of a key (RFC 7638, section 3): over its needed members, sorted, without white space.
pub fn thumbprint(key: &Json) -> Option<String> {
    let names: &[&str] = match key.get("kty")?.as_str()? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    let mut text = String::from("{");
    for (place, name) in names.iter().enumerate() {
        let value = key.get(name)?.as_str()?;
        // Values are base64url or names of curves: nothing in them is escaped.
        if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return None;
        }
        let comma = if place > 0 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}\"{name}\":\"{value}\"");
    }
    text.push('}');
    Some(encode_base64url(digest::digest(&digest::SHA256, text.as_bytes())))
}

/// Makes and recognizes nonces (section 9) without keeping them: each is a time with its authentication.
pub struct DpopNonces {
    key: hmac::Key,
}

impl DpopNonces {
    /// How long a nonce is taken, in seconds.
    const LIFE: u64 = 300;

    /// Nonces under a key that all instances which share clients must share.
    pub fn new(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// A nonce for now, in seconds since 1970.
    pub fn issue(&self, now: u64) -> String {
        let time = now.to_be_bytes();
        let tag = hmac::sign(&self.key, &time);
        encode_base64url([&time[..], tag.as_ref().get(..16).unwrap_or_default()].concat())
    }

    /// Whether a nonce is one of ours, and not too old.
    pub fn accepts(&self, nonce: &str, now: u64) -> bool {
        let Some(bytes) = decode_base64url(nonce) else { return false };
        let Some((time, tag)) = bytes.split_first_chunk::<8>() else { return false };
        let expected = hmac::sign(&self.key, time);
        let Some(expected) = expected.as_ref().get(..16) else { return false };
        let issued = u64::from_be_bytes(*time);
        constant_time::verify_slices_are_equal(expected, tag).is_ok()
            && issued <= now
            && now - issued < Self::LIFE
    }
}

impl std::fmt::Debug for DpopNonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DpopNonces")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    const REQUEST: DpopRequest<'_> =
        DpopRequest { method: "GET", url: "https://api.example/things", access_token: "token" };

    fn claims() -> String {
        let ath = encode_base64url(digest::digest(&digest::SHA256, b"token"));
        format!(
            r#"{{"jti":"1","htm":"GET","htu":"https://api.example/things","iat":1700000000,"ath":"{ath}","nonce":"n"}}"#
        )
    }

    fn proof(header: impl Fn(&str) -> String, claims: &str) -> String {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = encode_base64url(pair.public_key());
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
        let input = format!("{}.{}", encode_base64url(header(&jwk)), encode_base64url(claims));
        let signature = encode_base64url(pair.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }

    fn good(jwk: &str) -> String {
        format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{jwk}}}"#)
    }

    #[test]
    fn a_proof_is_about_one_request_and_one_token() {
        let proof_of = |claims: &str| DpopProof::verify(&proof(good, claims), &REQUEST);
        let read = proof_of(&claims()).unwrap();
        assert_eq!((&*read.id, read.issued_at, read.nonce()), ("1", 1_700_000_000.0, Some("n")));
        assert_eq!(read.thumbprint.len(), 43);
        assert!(proof_of(&claims().replace("things\"", "things?a=1#b\"")).is_ok());
        for (from, to, wanted) in [
            ("\"GET\"", "\"POST\"", "another method"),
            ("/things", "/thing", "another URL"),
            ("https://api", "http://api", "another URL"),
            ("\"ath\":\"", "\"ath\":\"A", "another access token"),
            ("\"ath\"", "\"x\"", "another access token"),
            ("\"jti\":\"1\"", "\"jti\":\"\"", "no jti"),
            ("\"iat\":1700000000", "\"iat\":\"1700000000\"", "no iat"),
        ] {
            let refused = proof_of(&claims().replace(from, to)).unwrap_err().to_string();
            assert!(refused.contains(wanted), "{from}: {refused}");
        }
    }

    #[test]
    fn a_proof_has_its_own_type_and_a_public_key() {
        for (header, wanted) in [
            (r#"{"typ":"JWT","alg":"EdDSA","jwk":KEY}"#, "type is not dpop+jwt"),
            (r#"{"alg":"EdDSA","jwk":KEY}"#, "type is not dpop+jwt"),
            (r#"{"typ":"dpop+jwt","alg":"EdDSA"}"#, "holds no key"),
            (r#"{"typ":"dpop+jwt","alg":"none","jwk":KEY}"#, "no signed token"),
            (r#"{"typ":"dpop+jwt","alg":"ES256","jwk":KEY}"#, "signature is not valid"),
            (
                r#"{"typ":"dpop+jwt","alg":"HS256","jwk":{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}}"#,
                "symmetric",
            ),
            (
                r#"{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","d":"AA","crv":"Ed25519","x":"AA"}}"#,
                "private",
            ),
        ] {
            let made = proof(|jwk| header.replace("KEY", jwk), &claims());
            let refused = DpopProof::verify(&made, &REQUEST).unwrap_err().to_string();
            assert!(refused.contains(wanted), "{header}: {refused}");
        }
        let mut other = proof(good, &claims());
        other.replace_range(other.len() - 86.., &proof(good, &claims())[other.len() - 86..]);
        assert!(DpopProof::verify(&other, &REQUEST).is_err());
    }

    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        // RFC 7638, section 3.1.
        let key = parse_json(br#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#).unwrap();
        assert_eq!(thumbprint(&key).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    }

    #[test]
    fn nonces_are_ours_and_do_not_last() {
        let nonces = DpopNonces::new(b"one");
        let nonce = nonces.issue(1000);
        assert!(nonces.accepts(&nonce, 1000) && nonces.accepts(&nonce, 1299));
        assert!(!nonces.accepts(&nonce, 1300) && !nonces.accepts(&nonce, 999));
        assert!(!DpopNonces::new(b"two").accepts(&nonce, 1000));
        for nonce in ["", "AAAA", "AAAAAAAAA+gAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(!nonces.accepts(nonce, 1000), "{nonce}");
        }
    }
}
