//! JSON Web Keys (RFC 7517).

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::verification_key::curve;
use super::{
    ContentEncryption, DecryptionKey, Json, KeyManagement, SignatureAlgorithm, VerificationKey,
    decode_base64url, parse_json,
};

/// A key as JSON says it. What it may be used for is decided when it is made a [`VerificationKey`] or a
/// [`DecryptionKey`].
#[derive(Debug)]
pub struct Jwk<'j> {
    members: Cow<'j, Json>,
}

/// Why something is not a key that can be used. The text holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot be used: {0}")]
pub struct InvalidKey(String);

impl InvalidKey {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// What is wrong, without the words around.
    pub fn reason(&self) -> &str {
        &self.0
    }
}

/// Members that only a private key has (RFC 7518, sections 6.2.2 and 6.3.2).
const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth"];

impl<'j> Jwk<'j> {
    /// Reads a key; members may stand only once.
    pub fn parse(text: &[u8]) -> Result<Jwk<'static>, InvalidKey> {
        let json = parse_json(text).map_err(|error| InvalidKey::new(format!("it is not JSON: {error}")))?;
        if json.is_object() {
            Ok(Jwk { members: Cow::Owned(json) })
        } else {
            Err(InvalidKey::new("it is no JSON object"))
        }
    }

    /// A key that stands in a larger text.
    pub fn of(json: &'j Json) -> Self {
        Self { members: Cow::Borrowed(json) }
    }

    /// Its id (`kid`).
    pub fn id(&self) -> Option<&str> {
        self.members.get("kid").and_then(Json::as_str)
    }

    /// Whether it holds what only the key's owner may know.
    pub fn is_private(&self) -> bool {
        PRIVATE.iter().any(|name| self.members.get(name).is_some())
    }

    /// The key as one that signatures are verified with. Of a private key only the public half is used.
    pub fn verification_key(&self) -> Result<VerificationKey, InvalidKey> {
        self.must_be_for("sig", &["verify"])?;
        let id = self.text("kid")?;
        let id = id.as_deref();
        let key = match self.needed_text("kty")? {
            "RSA" => VerificationKey::rsa(id, &self.bytes("n")?, &self.bytes("e")?)?,
            "EC" => {
                let name = self.needed_text("crv")?;
                let length = match curve(name) {
                    Some((algorithm, _, length)) if algorithm != SignatureAlgorithm::Ed25519 => length,
                    _ => {
                        return Err(InvalidKey::new(format!(
                            "`{}` is no curve of `EC`",
                            name.escape_debug()
                        )));
                    }
                };
                VerificationKey::elliptic(id, name, &self.point(length)?)?
            }
            "OKP" => match self.needed_text("crv")? {
                name @ "Ed25519" => VerificationKey::elliptic(id, name, &self.bytes("x")?)?,
                other => {
                    let other = other.escape_debug();
                    return Err(InvalidKey::new(format!("the curve `{other}` is not supported")));
                }
            },
            "oct" => VerificationKey::symmetric(id, &self.bytes("k")?)?,
            other => return Err(unknown_kind(other)),
        };
        match self.text("alg")? {
            None => Ok(key),
            Some(name) => match SignatureAlgorithm::of(&name) {
                Some(algorithm) => key.restricted_to(algorithm),
                None => Err(InvalidKey::new(format!(
                    "its `alg` is `{}`, which signs nothing",
                    name.escape_debug()
                ))),
            },
        }
    }

    /// The key as one that tokens are decrypted with.
    pub fn decryption_key(&self) -> Result<DecryptionKey, InvalidKey> {
        self.must_be_for("enc", &["decrypt", "unwrapKey", "deriveKey", "deriveBits"])?;
        let id = self.text("kid")?;
        let id = id.as_deref();
        let key = match self.needed_text("kty")? {
            "RSA" => {
                let part = |name| self.bytes(name).map(Zeroizing::new);
                let private = [part("d")?, part("p")?, part("q")?, part("dp")?, part("dq")?, part("qi")?];
                DecryptionKey::rsa_from_parts(id, &self.bytes("n")?, &self.bytes("e")?, &private)?
            }
            "EC" => {
                let name = self.needed_text("crv")?;
                let length = match curve(name) {
                    Some((algorithm, _, length)) if algorithm != SignatureAlgorithm::Ed25519 => length,
                    _ => {
                        return Err(InvalidKey::new(format!(
                            "`{}` is no curve of `EC`",
                            name.escape_debug()
                        )));
                    }
                };
                let private = Zeroizing::new(self.number("d", length)?);
                DecryptionKey::elliptic(id, name, &private, &self.point(length)?)?
            }
            "OKP" => {
                let private = Zeroizing::new(self.bytes("d")?);
                DecryptionKey::elliptic(id, self.needed_text("crv")?, &private, &self.bytes("x")?)?
            }
            "oct" => DecryptionKey::symmetric(id, &Zeroizing::new(self.bytes("k")?))?,
            other => return Err(unknown_kind(other)),
        };
        match self.text("alg")? {
            None => Ok(key),
            Some(name) => match (KeyManagement::of(&name), ContentEncryption::of(&name)) {
                (Some(algorithm), _) => key.restricted_to(algorithm),
                // A key for the content itself is used directly.
                (None, Some(_)) => key.restricted_to(KeyManagement::Direct),
                (None, None) => {
                    let name = name.escape_debug();
                    Err(InvalidKey::new(format!("its `alg` is `{name}`, which is refused or not supported")))
                }
            },
        }
    }

    /// `use` (RFC 7517, section 4.2) and `key_ops` (section 4.3), where they stand.
    fn must_be_for(&self, usage: &str, operations: &[&str]) -> Result<(), InvalidKey> {
        if let Some(known) = self.text("use")?
            && *known != *usage
        {
            return Err(InvalidKey::new(format!("its `use` is `{}`, not `{usage}`", known.escape_debug())));
        }
        let Some(listed) = self.members.get("key_ops") else { return Ok(()) };
        let listed = listed.as_array().ok_or_else(|| InvalidKey::new("its `key_ops` is no array"))?;
        if listed.iter().any(|one| one.as_str().is_some_and(|name| operations.contains(&name))) {
            return Ok(());
        }
        Err(InvalidKey::new(format!("its `key_ops` do not name {}", operations.join(" or "))))
    }

    fn text(&self, name: &str) -> Result<Option<Box<str>>, InvalidKey> {
        match self.members.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(InvalidKey::new(format!("its `{name}` is no string"))),
        }
    }

    fn needed_text(&self, name: &str) -> Result<&str, InvalidKey> {
        let member = self.members.get(name).and_then(Json::as_str);
        member.ok_or_else(|| InvalidKey::new(format!("it has no `{name}`")))
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, InvalidKey> {
        decode_base64url(self.needed_text(name)?)
            .ok_or_else(|| InvalidKey::new(format!("its `{name}` is not base64url without padding")))
    }

    /// A number of a fixed length (RFC 7518, section 6.2.1.2).
    fn number(&self, name: &str, length: usize) -> Result<Vec<u8>, InvalidKey> {
        let bytes = self.bytes(name)?;
        if bytes.len() == length {
            return Ok(bytes);
        }
        Err(InvalidKey::new(format!("its `{name}` has {} bytes, not {length}", bytes.len())))
    }

    fn point(&self, length: usize) -> Result<Vec<u8>, InvalidKey> {
        let mut point = vec![0x04];
        point.extend(self.number("x", length)?);
        point.extend(self.number("y", length)?);
        Ok(point)
    }
}

fn unknown_kind(kind: &str) -> InvalidKey {
    InvalidKey::new(format!("its `kty` is `{}`; known are RSA, EC, OKP and oct", kind.escape_debug()))
}
