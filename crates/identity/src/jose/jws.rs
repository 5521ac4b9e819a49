//! Signed tokens in compact form (RFC 7515, section 7.1).

use super::error::Shown;
use super::{
    JoseError, Json, MAX_HEADER_CHARS, MAX_TOKEN_BYTES, MAX_TRIES, SignatureAlgorithm, VerificationKey,
    decode_base64url, parse_json,
};

/// A signed token, taken apart; nothing of it can be trusted before [`verify`](Self::verify).
#[derive(Debug)]
pub struct SignedToken<'t> {
    header: Json,
    header_text: Vec<u8>,
    algorithm: SignatureAlgorithm,
    signing_input: &'t str,
    payload: &'t str,
    signature: Vec<u8>,
}

impl<'t> SignedToken<'t> {
    /// Takes a token apart and reads its header.
    pub fn parse(token: &'t str) -> Result<Self, JoseError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JoseError::TooLong { limit: MAX_TOKEN_BYTES });
        }
        let mut segments = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(JoseError::Malformed("it does not have three segments"));
        };
        let (header, header_text) = read_header(header)?;
        let name = algorithm_name(&header)?;
        let Some(algorithm) = SignatureAlgorithm::of(name) else {
            return Err(JoseError::Algorithm(Shown::new(name)));
        };
        let signature =
            decode_base64url(signature).ok_or(JoseError::Malformed("its signature is not base64url"))?;
        let signing_input = token.get(..token.len() - last_segment(token) - 1).unwrap_or_default();
        Ok(Self { header, header_text, algorithm, signing_input, payload, signature })
    }

    /// The header. Only its form is checked before the token is verified.
    pub fn header(&self) -> &Json {
        &self.header
    }

    /// The header as it was sent: JSON text.
    pub fn header_text(&self) -> &str {
        std::str::from_utf8(&self.header_text).unwrap_or_default()
    }

    /// The id of the key that it says it is signed with.
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Json::as_str)
    }

    /// The algorithm that it says it is signed with.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The signature, as bytes.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What is signed.
    pub(super) fn signing_input(&self) -> &str {
        self.signing_input
    }

    /// Verifies the token with the keys of its issuer, and gives the one that it is signed with. Where the token names a
    /// key, keys of other names are not tried; keys without a name always are.
    ///
    /// # Errors
    /// [`JoseError::KeyNotFound`] where none of the keys is meant, [`JoseError::Signature`] where none verifies it.
    pub fn verify<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerificationKey>,
    ) -> Result<&'k VerificationKey, JoseError> {
        let wanted = self.key_id();
        let meant = keys
            .into_iter()
            .filter(|key| key.id().is_none_or(|id| wanted.is_none_or(|wanted| wanted == id)))
            .filter(|key| key.allows(self.algorithm))
            .take(MAX_TRIES);
        let mut tried = false;
        for key in meant {
            if key.verifies(self.algorithm, self.signing_input.as_bytes(), &self.signature) {
                return Ok(key);
            }
            tried = true;
        }
        if tried { Err(JoseError::Signature) } else { Err(JoseError::KeyNotFound(wanted.map(Shown::new))) }
    }

    /// The payload's bytes; meaningless before [`verify`](Self::verify).
    pub fn payload(&self) -> Result<Vec<u8>, JoseError> {
        decode_base64url(self.payload).ok_or(JoseError::Malformed("its payload is not base64url"))
    }
}

fn last_segment(token: &str) -> usize {
    token.rsplit('.').next().map_or(0, str::len)
}

/// Decodes and checks the header of either kind of token: what would change how the rest is read is refused.
pub(super) fn read_header(segment: &str) -> Result<(Json, Vec<u8>), JoseError> {
    if segment.len() > MAX_HEADER_CHARS {
        return Err(JoseError::Malformed("its header is too long"));
    }
    let text = decode_base64url(segment).ok_or(JoseError::Malformed("its header is not base64url"))?;
    let header = parse_json(&text)
        .map_err(|_| JoseError::Malformed("its header is not JSON, or has a member twice"))?;
    if !header.is_object() {
        return Err(JoseError::Malformed("its header is no JSON object"));
    }
    for extension in ["crit", "b64", "zip"] {
        if header.get(extension).is_some() {
            return Err(JoseError::Extension(extension));
        }
    }
    for text in ["kid", "typ", "cty"] {
        if header.get(text).is_some_and(|value| value.as_str().is_none()) {
            return Err(JoseError::Malformed("its header has a `kid`, `typ` or `cty` that is no string"));
        }
    }
    Ok((header, text))
}

pub(super) fn algorithm_name(header: &Json) -> Result<&str, JoseError> {
    header.get("alg").and_then(Json::as_str).ok_or(JoseError::Malformed("its header has no `alg`"))
}
