//! Keys that signatures are verified with.

use std::fmt;
use std::sync::OnceLock;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, VerificationAlgorithm};

use super::jwk::InvalidKey;
use super::{SignatureAlgorithm, SignedToken, roca};

/// A key with the algorithms that it may be used with, which follow from what it is.
pub struct VerificationKey {
    /// Its id (`kid`).
    pub(super) id: Option<Box<str>>,
    /// The only algorithm it may be used with, where it names one.
    pub(super) algorithm: Option<SignatureAlgorithm>,
    material: Material,
}

enum Material {
    Rsa(Box<Rsa>),
    /// An elliptic curve has one algorithm.
    Curve(SignatureAlgorithm, ParsedPublicKey),
    Symmetric(Box<Symmetric>),
}

/// An RSA key fits six algorithms; it is parsed for each when it is first used so.
struct Rsa {
    /// `RSAPublicKey`, DER.
    der: Box<[u8]>,
    parsed: [OnceLock<Option<ParsedPublicKey>>; RSA.len()],
}

struct Symmetric {
    bytes: usize,
    keys: [hmac::Key; 3],
}

const RSA: [(SignatureAlgorithm, &RsaParameters); 6] = [
    (SignatureAlgorithm::Rs256, &signature::RSA_PKCS1_2048_8192_SHA256),
    (SignatureAlgorithm::Rs384, &signature::RSA_PKCS1_2048_8192_SHA384),
    (SignatureAlgorithm::Rs512, &signature::RSA_PKCS1_2048_8192_SHA512),
    (SignatureAlgorithm::Ps256, &signature::RSA_PSS_2048_8192_SHA256),
    (SignatureAlgorithm::Ps384, &signature::RSA_PSS_2048_8192_SHA384),
    (SignatureAlgorithm::Ps512, &signature::RSA_PSS_2048_8192_SHA512),
];

/// Symmetric algorithms with the shortest key of each in bytes (RFC 7518, section 3.2).
const HMAC: [(SignatureAlgorithm, hmac::Algorithm, usize); 3] = [
    (SignatureAlgorithm::Hs256, hmac::HMAC_SHA256, 32),
    (SignatureAlgorithm::Hs384, hmac::HMAC_SHA384, 48),
    (SignatureAlgorithm::Hs512, hmac::HMAC_SHA512, 64),
];

/// The curves of elliptic keys, by the names of RFC 7518 section 6.2.1.1 and RFC 8037 section 2.
pub(super) fn curve(name: &str) -> Option<(SignatureAlgorithm, &'static dyn VerificationAlgorithm, usize)> {
    Some(match name {
        "P-256" => (SignatureAlgorithm::Es256, &signature::ECDSA_P256_SHA256_FIXED, 32),
        "P-384" => (SignatureAlgorithm::Es384, &signature::ECDSA_P384_SHA384_FIXED, 48),
        "P-521" => (SignatureAlgorithm::Es512, &signature::ECDSA_P521_SHA512_FIXED, 66),
        "Ed25519" => (SignatureAlgorithm::Ed25519, &signature::ED25519, 32),
        _ => return None,
    })
}

impl VerificationKey {
    /// An RSA key from modulus and exponent, big endian. Takes keys from 2048 bits on whose exponent is odd and at least
    /// 3, and none of the generator that CVE-2017-15361 broke.
    pub fn rsa(id: Option<&str>, modulus: &[u8], exponent: &[u8]) -> Result<Self, InvalidKey> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(InvalidKey::new(format!("its modulus has {bits} bits; RSA keys have 2048 to 8192")));
        }
        if roca::has_fingerprint(modulus) {
            return Err(InvalidKey::new("its modulus can be factored (CVE-2017-15361); make a new key"));
        }
        let der = rsa_public_key(modulus, exponent);
        let key = Self::of(id, Material::Rsa(Box::new(Rsa { der: der.into(), parsed: Default::default() })));
        match key.parsed(SignatureAlgorithm::Rs256) {
            Some(_) => Ok(key),
            None => Err(InvalidKey::new("it is no RSA key: modulus or exponent cannot be those of one")),
        }
    }

    /// A key on an elliptic curve: `P-256`, `P-384`, `P-521` with an uncompressed point (SEC 1, section 2.3.3), or
    /// `Ed25519`.
    pub fn elliptic(id: Option<&str>, curve_name: &str, point: &[u8]) -> Result<Self, InvalidKey> {
        let Some((algorithm, parameters, _)) = curve(curve_name) else {
            return Err(InvalidKey::new(format!(
                "the curve `{}` is not supported",
                curve_name.escape_debug()
            )));
        };
        if algorithm == SignatureAlgorithm::Ed25519 && has_small_order(point) {
            return Err(InvalidKey::new("its point has a small order: it would verify anything"));
        }
        match ParsedPublicKey::new(parameters, point) {
            Ok(parsed) => Ok(Self::of(id, Material::Curve(algorithm, parsed))),
            Err(_) => Err(InvalidKey::new(format!("its point is not one of {curve_name}"))),
        }
    }

    /// A symmetric key for HS256, and for HS384 and HS512 where it is long enough (RFC 7518, section 3.2).
    pub fn symmetric(id: Option<&str>, secret: &[u8]) -> Result<Self, InvalidKey> {
        let (shortest, bytes) = (HMAC[0].2, secret.len());
        if bytes < shortest {
            return Err(InvalidKey::new(format!(
                "it has {bytes} bytes; HS256 needs {shortest} or more (RFC 7518, section 3.2)"
            )));
        }
        let keys = HMAC.map(|(_, algorithm, _)| hmac::Key::new(algorithm, secret));
        Ok(Self::of(id, Material::Symmetric(Box::new(Symmetric { bytes, keys }))))
    }

    /// The public key of a certificate, from its `SubjectPublicKeyInfo`.
    pub fn from_certificate(id: Option<&str>, certificate: &[u8]) -> Result<Self, InvalidKey> {
        use x509_parser::prelude::FromDer as _;
        let malformed = |_| InvalidKey::new("the certificate cannot be read");
        let (_, parsed) =
            x509_parser::certificate::X509Certificate::from_der(certificate).map_err(malformed)?;
        let info = parsed.public_key();
        let oid = |id: &Option<x509_parser::der_parser::asn1_rs::Any<'_>>| {
            id.as_ref().and_then(|any| any.clone().oid().ok()).map(|oid| oid.to_id_string())
        };
        match info.parsed() {
            Ok(x509_parser::public_key::PublicKey::RSA(key)) => Self::rsa(id, key.modulus, key.exponent),
            Ok(x509_parser::public_key::PublicKey::EC(point)) => {
                let name = match oid(&info.algorithm.parameters).as_deref() {
                    Some("1.2.840.10045.3.1.7") => "P-256",
                    Some("1.3.132.0.34") => "P-384",
                    Some("1.3.132.0.35") => "P-521",
                    _ => return Err(InvalidKey::new("the certificate's curve is not supported")),
                };
                Self::elliptic(id, name, point.data())
            }
            _ if info.algorithm.algorithm.to_id_string() == "1.3.101.112" => {
                Self::elliptic(id, "Ed25519", &info.subject_public_key.data)
            }
            _ => Err(InvalidKey::new("the certificate's key is neither RSA, ECDSA nor Ed25519")),
        }
    }

    fn of(id: Option<&str>, material: Material) -> Self {
        Self { id: id.map(Into::into), algorithm: None, material }
    }

    /// Lets the key be used with one algorithm only.
    pub fn restricted_to(mut self, algorithm: SignatureAlgorithm) -> Result<Self, InvalidKey> {
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

    /// Whether it is a secret that both sides know.
    pub fn is_symmetric(&self) -> bool {
        matches!(self.material, Material::Symmetric(_))
    }

    /// Whether signatures of that algorithm may be verified with it.
    pub fn allows(&self, algorithm: SignatureAlgorithm) -> bool {
        if self.algorithm.is_some_and(|only| only != algorithm) {
            return false;
        }
        match &self.material {
            Material::Rsa(_) => RSA.iter().any(|(known, _)| *known == algorithm),
            Material::Curve(own, _) => *own == algorithm,
            Material::Symmetric(key) => {
                HMAC.iter().any(|(known, _, shortest)| *known == algorithm && key.bytes >= *shortest)
            }
        }
    }

    /// Whether the signature is the key's. Symmetric ones are compared in constant time.
    pub fn verifies(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.allows(algorithm) {
            return false;
        }
        if let Material::Symmetric(symmetric) = &self.material {
            let place = HMAC.iter().position(|(known, ..)| *known == algorithm);
            let key = place.and_then(|place| symmetric.keys.get(place));
            return key.is_some_and(|key| hmac::verify(key, message, signature).is_ok());
        }
        self.parsed(algorithm).is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }

    /// Whether a token is signed with it, whatever key the token names.
    pub fn verifies_token(&self, token: &SignedToken<'_>) -> bool {
        self.verifies(token.algorithm(), token.signing_input().as_bytes(), token.signature())
    }

    fn parsed(&self, algorithm: SignatureAlgorithm) -> Option<&ParsedPublicKey> {
        match &self.material {
            Material::Rsa(key) => {
                let place = RSA.iter().position(|(known, _)| *known == algorithm)?;
                let (_, parameters) = RSA.get(place)?;
                let parse = || ParsedPublicKey::new(*parameters, &key.der).ok();
                key.parsed.get(place)?.get_or_init(parse).as_ref()
            }
            Material::Curve(_, key) => Some(key),
            Material::Symmetric(_) => None,
        }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.material {
            Material::Rsa(_) => "RSA",
            Material::Curve(algorithm, _) => algorithm.name(),
            Material::Symmetric(_) => "symmetric",
        };
        f.debug_struct("VerificationKey").field("id", &self.id).field("kind", &kind).finish_non_exhaustive()
    }
}

pub(super) fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// `RSAPublicKey` of RFC 8017, appendix A.1.1, in DER.
fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(modulus.len() + exponent.len() + 12);
    for number in [modulus, exponent] {
        let is_negative = number.first().is_none_or(|byte| *byte >= 0x80);
        content.push(0x02);
        push_length(&mut content, number.len() + usize::from(is_negative));
        if is_negative {
            content.push(0);
        }
        content.extend_from_slice(number);
    }
    let mut der = vec![0x30];
    push_length(&mut der, content.len());
    der.extend_from_slice(&content);
    der
}

fn push_length(der: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        der.push(length as u8);
        return;
    }
    let bytes = length.to_be_bytes();
    let significant = without_zeros(&bytes);
    der.push(0x80 | significant.len() as u8);
    der.extend_from_slice(significant);
}

/// Whether an Ed25519 point has an order of at most 8: with such a key some signatures verify every message.
fn has_small_order(point: &[u8]) -> bool {
    const SMALL: [&str; 7] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let mut point = point.to_vec();
    if let Some(last) = point.last_mut() {
        // The sign of x.
        *last &= 0x7f;
    }
    let mut hex = String::new();
    crate::distinguished_name::push_hex(&mut hex, &point);
    SMALL.iter().any(|small| small.eq_ignore_ascii_case(&hex))
}
