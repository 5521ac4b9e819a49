//! Encrypted tokens in compact form (RFC 7516, section 7.1).

use zeroize::Zeroizing;

use super::content::open;
use super::error::Shown;
use super::jws::{algorithm_name, read_header};
use super::{
    ContentEncryption, DecryptionKey, JoseError, Json, KeyManagement, MAX_TOKEN_BYTES, MAX_TRIES,
    decode_base64url,
};

/// An encrypted token, taken apart.
#[derive(Debug)]
pub struct EncryptedToken<'t> {
    header: Json,
    header_text: Vec<u8>,
    /// The header's segment: it is authenticated with the content.
    associated: &'t str,
    management: KeyManagement,
    encryption: ContentEncryption,
    encrypted_key: Vec<u8>,
    vector: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl<'t> EncryptedToken<'t> {
    /// Whether a token has the five segments of an encrypted one.
    pub fn has_its_form(token: &str) -> bool {
        token.len() <= MAX_TOKEN_BYTES && token.bytes().filter(|byte| *byte == b'.').count() == 4
    }

    /// Takes a token apart and reads its header.
    pub fn parse(token: &'t str) -> Result<Self, JoseError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JoseError::TooLong { limit: MAX_TOKEN_BYTES });
        }
        let mut segments = token.splitn(6, '.');
        let mut next = || segments.next();
        let (Some(associated), Some(key), Some(vector), Some(ciphertext), Some(tag), None) =
            (next(), next(), next(), next(), next(), next())
        else {
            return Err(JoseError::Malformed("it does not have five segments"));
        };
        let (header, header_text) = read_header(associated)?;
        let name = algorithm_name(&header)?;
        let management = KeyManagement::of(name).ok_or_else(|| JoseError::Algorithm(Shown::new(name)))?;
        let name = header.get("enc").and_then(Json::as_str);
        let name = name.ok_or(JoseError::Malformed("its header has no `enc`"))?;
        let encryption = ContentEncryption::of(name).ok_or_else(|| JoseError::Algorithm(Shown::new(name)))?;
        let decode =
            |segment| decode_base64url(segment).ok_or(JoseError::Malformed("a segment is not base64url"));
        let (encrypted_key, vector) = (decode(key)?, decode(vector)?);
        let (ciphertext, tag) = (decode(ciphertext)?, decode(tag)?);
        Ok(Self {
            header,
            header_text,
            associated,
            management,
            encryption,
            encrypted_key,
            vector,
            ciphertext,
            tag,
        })
    }

    /// The header.
    pub fn header(&self) -> &Json {
        &self.header
    }

    /// The header as it was sent: JSON text.
    pub fn header_text(&self) -> &str {
        std::str::from_utf8(&self.header_text).unwrap_or_default()
    }

    /// Decrypts the token with the first key that fits. Keys are chosen as [`SignedToken::verify`] chooses them.
    ///
    /// [`SignedToken::verify`]: super::SignedToken::verify
    ///
    /// # Errors
    /// [`JoseError::KeyNotFound`] where none of the keys is meant, [`JoseError::Decryption`] where none decrypts it.
    pub fn decrypt<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k DecryptionKey>,
    ) -> Result<Zeroizing<Vec<u8>>, JoseError> {
        let wanted = self.header.get("kid").and_then(Json::as_str);
        let meant = keys
            .into_iter()
            .filter(|key| key.id().is_none_or(|id| wanted.is_none_or(|wanted| wanted == id)))
            .filter(|key| key.allows(self.management))
            .take(MAX_TRIES);
        let mut tried = false;
        for key in meant {
            if let Some(content) = self.decrypt_with(key) {
                return Ok(Zeroizing::new(content));
            }
            tried = true;
        }
        if tried { Err(JoseError::Decryption) } else { Err(JoseError::KeyNotFound(wanted.map(Shown::new))) }
    }

    fn decrypt_with(&self, key: &DecryptionKey) -> Option<Vec<u8>> {
        let length = self.encryption.key_bytes();
        let content_key =
            key.content_key(self.management, self.encryption, &self.header, &self.encrypted_key);
        // A key that cannot be unwrapped is told from one that does not fit the content by nothing (RFC 7516,
        // section 11.5): the content is opened with a random one.
        let content_key = match content_key.filter(|key| key.len() == length) {
            Some(key) => key,
            None => {
                let mut random = Zeroizing::new(vec![0; length]);
                aws_lc_rs::rand::fill(&mut random).ok()?;
                random
            }
        };
        let associated = self.associated.as_bytes();
        open(self.encryption, &content_key, &self.vector, associated, &self.ciphertext, &self.tag)
    }
}
