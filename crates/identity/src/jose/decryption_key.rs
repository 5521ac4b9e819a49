//! Keys that tokens are decrypted with.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    KeyPair, KeyPairComponents, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384,
    OAEP_SHA512_MGF1SHA512, OaepPrivateDecryptingKey, PrivateDecryptingKey, PublicKeyComponents,
};
use aws_lc_rs::{agreement, rsa};
use zeroize::Zeroizing;

use super::key_management::{agree, agreement_curve, unwrap, unwrap_gcm};
use super::{ContentEncryption, InvalidKey, Json, KeyManagement};

/// A private or symmetric key with the algorithms that it may be used with, which follow from what it is.
pub struct DecryptionKey {
    id: Option<Box<str>>,
    algorithm: Option<KeyManagement>,
    material: Material,
}

enum Material {
    Rsa(OaepPrivateDecryptingKey),
    Curve(agreement::PrivateKey),
    Symmetric(Zeroizing<Vec<u8>>),
}

impl DecryptionKey {
    /// An RSA or elliptic private key, PKCS #8 DER.
    pub fn from_pkcs8(id: Option<&str>, key: &[u8]) -> Result<Self, InvalidKey> {
        if let Ok(key) = PrivateDecryptingKey::from_pkcs8(key) {
            return Self::rsa(id, key);
        }
        for curve in [&agreement::ECDH_P256, &agreement::ECDH_P384, &agreement::ECDH_P521] {
            if let Ok(private) = agreement::PrivateKey::from_private_key_der(curve, key) {
                return Ok(Self::of(id, Material::Curve(private)));
            }
        }
        Err(InvalidKey::new("it is neither an RSA key nor one on P-256, P-384 or P-521"))
    }

    /// An RSA key from modulus, exponent and the private parts `d`, `p`, `q`, `dp`, `dq`, `qi`, big endian.
    pub(super) fn rsa_from_parts(
        id: Option<&str>,
        n: &[u8],
        e: &[u8],
        private: &[Zeroizing<Vec<u8>>; 6],
    ) -> Result<Self, InvalidKey> {
        let invalid = || InvalidKey::new("its parts are not those of an RSA key");
        let [d, p, q, dp, dq, qi] = private;
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n, e },
            d: d.as_slice(),
            p: p.as_slice(),
            q: q.as_slice(),
            dP: dp.as_slice(),
            dQ: dq.as_slice(),
            qInv: qi.as_slice(),
        };
        let pair = KeyPair::from_components(&components).map_err(|_| invalid())?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| invalid())?;
        Self::rsa(id, PrivateDecryptingKey::from_pkcs8(der.as_ref()).map_err(|_| invalid())?)
    }

    fn rsa(id: Option<&str>, key: PrivateDecryptingKey) -> Result<Self, InvalidKey> {
        let bits = key.key_size_bits();
        if bits < 2048 {
            return Err(InvalidKey::new(format!("it has {bits} bits; RSA keys have 2048 or more")));
        }
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| InvalidKey::new("it cannot decrypt"))?;
        Ok(Self::of(id, Material::Rsa(key)))
    }

    /// A private key on `P-256`, `P-384`, `P-521` or `X25519`, with its public half, which must belong to it.
    pub(super) fn elliptic(
        id: Option<&str>,
        curve: &str,
        private: &[u8],
        public: &[u8],
    ) -> Result<Self, InvalidKey> {
        let Some((algorithm, _)) = agreement_curve(curve) else {
            let curve = curve.escape_debug();
            return Err(InvalidKey::new(format!("nothing is encrypted on the curve `{curve}`")));
        };
        let invalid = || InvalidKey::new(format!("it is no private key of {curve}"));
        let private = agreement::PrivateKey::from_private_key(algorithm, private).map_err(|_| invalid())?;
        let computed = private.compute_public_key().map_err(|_| invalid())?;
        if computed.as_ref() != public {
            return Err(InvalidKey::new("its public half belongs to another private key"));
        }
        Ok(Self::of(id, Material::Curve(private)))
    }

    /// A symmetric key: of 128, 192 or 256 bits for wrapping, of the length that the content's algorithm needs for direct
    /// use.
    pub fn symmetric(id: Option<&str>, secret: &[u8]) -> Result<Self, InvalidKey> {
        if !matches!(secret.len(), 16 | 24 | 32 | 48 | 64) {
            let bytes = secret.len();
            return Err(InvalidKey::new(format!("it has {bytes} bytes, not 16, 24, 32, 48 or 64")));
        }
        Ok(Self::of(id, Material::Symmetric(Zeroizing::new(secret.to_vec()))))
    }

    fn of(id: Option<&str>, material: Material) -> Self {
        Self { id: id.map(Into::into), algorithm: None, material }
    }

    /// Lets the key be used with one algorithm only.
    pub fn restricted_to(mut self, algorithm: KeyManagement) -> Result<Self, InvalidKey> {
        if !self.allows(algorithm) {
            let name = algorithm.name();
            return Err(InvalidKey::new(format!("its `alg` is {name}, which it is not a key for")));
        }
        self.algorithm = Some(algorithm);
        Ok(self)
    }

    /// Its id (`kid`).
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether content keys may be found with it so.
    pub fn allows(&self, management: KeyManagement) -> bool {
        use KeyManagement as K;
        if self.algorithm.is_some_and(|only| only != management) {
            return false;
        }
        match &self.material {
            Material::Rsa(_) => {
                matches!(management, K::RsaOaep | K::RsaOaep256 | K::RsaOaep384 | K::RsaOaep512)
            }
            Material::Curve(_) => {
                matches!(management, K::EcdhEs | K::EcdhEsA128Kw | K::EcdhEsA192Kw | K::EcdhEsA256Kw)
            }
            Material::Symmetric(key) => match management {
                K::A128Kw | K::A128GcmKw => key.len() == 16,
                K::A192Kw | K::A192GcmKw => key.len() == 24,
                K::A256Kw | K::A256GcmKw => key.len() == 32,
                K::Direct => true,
                _ => false,
            },
        }
    }

    /// The key of the content; `None` says nothing about what was wrong.
    pub(super) fn content_key(
        &self,
        management: KeyManagement,
        encryption: ContentEncryption,
        header: &Json,
        encrypted: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        use KeyManagement as K;
        if !self.allows(management) {
            return None;
        }
        match &self.material {
            Material::Rsa(key) => {
                let algorithm = match management {
                    K::RsaOaep => &OAEP_SHA1_MGF1SHA1,
                    K::RsaOaep256 => &OAEP_SHA256_MGF1SHA256,
                    K::RsaOaep384 => &OAEP_SHA384_MGF1SHA384,
                    _ => &OAEP_SHA512_MGF1SHA512,
                };
                oaep(key, algorithm, encrypted)
            }
            Material::Curve(key) => {
                let agreed = agree(key, header, management, encryption)?;
                match management {
                    K::EcdhEs => encrypted.is_empty().then_some(agreed),
                    _ => unwrap(&agreed, encrypted),
                }
            }
            Material::Symmetric(key) => match management {
                K::Direct => encrypted.is_empty().then(|| key.clone()),
                K::A128GcmKw | K::A192GcmKw | K::A256GcmKw => unwrap_gcm(key, header, encrypted),
                _ => unwrap(key, encrypted),
            },
        }
    }
}

fn oaep(
    key: &OaepPrivateDecryptingKey,
    algorithm: &'static rsa::OaepAlgorithm,
    encrypted: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(vec![0; key.min_output_size()]);
    let length = key.decrypt(algorithm, encrypted, &mut buffer, None).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.material {
            Material::Rsa(_) => "RSA",
            Material::Curve(_) => "elliptic",
            Material::Symmetric(_) => "symmetric",
        };
        f.debug_struct("DecryptionKey").field("id", &self.id).field("kind", &kind).finish_non_exhaustive()
    }
}
