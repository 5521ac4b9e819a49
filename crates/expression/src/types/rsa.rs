//! RSA: signing, verifying, encrypting, decrypting.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey,
    Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{self, KeyPair as _, RsaKeyPair, UnparsedPublicKey};
use std::sync::Arc;

use parking_lot::Mutex;

use super::hash::{Hash, hash_at};
use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Object, Value};

/// A key: the public part (PKCS #1 or SPKI, DER), and the private one (PKCS #8, DER) where it is there.
pub(super) struct Rsa {
    pub(super) public: Mutex<Vec<u8>>,
    pub(super) private: Option<Arc<[u8]>>,
}

impl Object for Rsa {
    fn class(&self) -> Type {
        Type::Plain(Id::Rsa)
    }
}

/// A padding by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Padding {
    OaepSha1,
    OaepSha256,
    OaepSha384,
    OaepSha512,
    Pkcs1Encryption,
    Pkcs1Signature,
    Pss,
}

impl Object for Padding {
    fn class(&self) -> Type {
        Type::Plain(if matches!(self, Self::Pkcs1Signature | Self::Pss) {
            Id::RsaSignaturePadding
        } else {
            Id::RsaEncryptionPadding
        })
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>() == Some(self))
    }
}

fn broken<E>(_: E) -> Thrown {
    Thrown::cryptographic("The key or the data is not valid for this operation.")
}

fn private(c: &Call<'_, '_>) -> Result<Arc<[u8]>, Thrown> {
    c.object::<Rsa>(0)?.private.clone().ok_or_else(|| Thrown::cryptographic("Key does not exist."))
}

fn unknown_hash() -> Thrown {
    Thrown::cryptographic("The hash algorithm is not available for RSA signatures.")
}

fn sign(c: &Call<'_, '_>, data: &[u8], hash: Hash, padding: Padding) -> Result<Value, Thrown> {
    let key = RsaKeyPair::from_pkcs8(&private(c)?).map_err(broken)?;
    let algorithm: &'static dyn signature::RsaEncoding = match (padding, hash) {
        (Padding::Pss, Hash::Sha256) => &signature::RSA_PSS_SHA256,
        (Padding::Pss, Hash::Sha384) => &signature::RSA_PSS_SHA384,
        (Padding::Pss, Hash::Sha512) => &signature::RSA_PSS_SHA512,
        (_, Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        (_, Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        (_, Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        _ => return Err(unknown_hash()),
    };
    let mut made = vec![0; key.public_modulus_len()];
    key.sign(algorithm, &aws_lc_rs::rand::SystemRandom::new(), data, &mut made).map_err(broken)?;
    Ok(Value::bytes(made))
}

fn verify(c: &Call<'_, '_>, data: &[u8], made: &[u8], hash: Hash, padding: Padding) -> Result<Value, Thrown> {
    let algorithm: &'static dyn signature::VerificationAlgorithm = match (padding, hash) {
        (Padding::Pss, Hash::Sha256) => &signature::RSA_PSS_2048_8192_SHA256,
        (Padding::Pss, Hash::Sha384) => &signature::RSA_PSS_2048_8192_SHA384,
        (Padding::Pss, Hash::Sha512) => &signature::RSA_PSS_2048_8192_SHA512,
        (_, Hash::Sha1) => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (_, Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (_, Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (_, Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return Err(unknown_hash()),
    };
    let public = c.object::<Rsa>(0)?.public.lock().clone();
    Ok(Value::Boolean(UnparsedPublicKey::new(algorithm, public).verify(data, made).is_ok()))
}

fn padding_at(c: &Call<'_, '_>, index: usize) -> Result<Padding, Thrown> {
    c.object::<Padding>(index).copied()
}

fn oaep(padding: Padding) -> Option<&'static OaepAlgorithm> {
    Some(match padding {
        Padding::OaepSha1 => &OAEP_SHA1_MGF1SHA1,
        Padding::OaepSha256 => &OAEP_SHA256_MGF1SHA256,
        Padding::OaepSha384 => &OAEP_SHA384_MGF1SHA384,
        Padding::OaepSha512 => &OAEP_SHA512_MGF1SHA512,
        _ => return None,
    })
}

/// The public key as `SubjectPublicKeyInfo`.
fn public_info(key: &Rsa) -> Result<Vec<u8>, Thrown> {
    let public = key.public.lock().clone();
    if PublicEncryptingKey::from_der(&public).is_ok() {
        return Ok(public);
    }
    // PKCS #1: put the algorithm identifier of RSA (RFC 8017 appendix C) around it.
    let algorithm =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let mut bits = vec![0];
    bits.extend_from_slice(&public);
    let mut inner = algorithm.to_vec();
    inner.extend(der(0x03, &bits));
    Ok(der(0x30, &inner))
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 128 {
        out.push(length as u8);
    } else {
        let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
        out.push(0x80 | bytes.len() as u8);
        out.extend(bytes);
    }
    out.extend_from_slice(content);
    out
}

fn encrypt(c: &Call<'_, '_>, padding: Padding) -> Result<Value, Thrown> {
    let data = c.bytes(1)?;
    let key = PublicEncryptingKey::from_der(&public_info(c.object(0)?)?).map_err(broken)?;
    let mut out = vec![0; key.key_size_bytes()];
    let length = match oaep(padding) {
        Some(algorithm) => {
            let key = OaepPublicEncryptingKey::new(key).map_err(broken)?;
            key.encrypt(algorithm, &data, &mut out, None).map_err(broken)?.len()
        }
        None => {
            let key = Pkcs1PublicEncryptingKey::new(key).map_err(broken)?;
            key.encrypt(&data, &mut out).map_err(broken)?.len()
        }
    };
    out.truncate(length);
    Ok(Value::bytes(out))
}

fn decrypt(c: &Call<'_, '_>, padding: Padding) -> Result<Value, Thrown> {
    let data = c.bytes(1)?;
    let key = PrivateDecryptingKey::from_pkcs8(&private(c)?).map_err(broken)?;
    let mut out = vec![0; key.key_size_bytes()];
    let length = match oaep(padding) {
        Some(algorithm) => {
            let key = OaepPrivateDecryptingKey::new(key).map_err(broken)?;
            key.decrypt(algorithm, &data, &mut out, None).map_err(broken)?.len()
        }
        None => {
            let key = Pkcs1PrivateDecryptingKey::new(key).map_err(broken)?;
            key.decrypt(&data, &mut out).map_err(broken)?.len()
        }
    };
    out.truncate(length);
    Ok(Value::bytes(out))
}

/// A new key pair.
fn generate(c: &mut Call<'_, '_>, bits: i32) -> Result<Value, Thrown> {
    let size = match bits {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        4096 => KeySize::Rsa4096,
        _ => return Err(Thrown::cryptographic("Specified key is not a valid size for this algorithm.")),
    };
    // A key costs as much as many thousand calls.
    c.machine.work(2_000_000)?;
    let key = PrivateDecryptingKey::generate(size).map_err(broken)?;
    let private = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).map_err(broken)?;
    let private: Arc<[u8]> = private.as_ref().into();
    from_private(private)
}

/// The key of a PKCS #8 private key.
pub(super) fn from_private(private: Arc<[u8]>) -> Result<Value, Thrown> {
    let pair = RsaKeyPair::from_pkcs8(&private).map_err(broken)?;
    let public = pair.public_key().as_ref().to_vec();
    Ok(Value::object(Rsa { public: Mutex::new(public), private: Some(private) }))
}

pub(super) const ASYMMETRIC_ALGORITHM: Definition = Definition {
    name: "System.Security.Cryptography.AsymmetricAlgorithm",
    bases: &["object", "System.IDisposable"],
    members: &[
        member("KeySize: int", |c| {
            let info = public_info(c.object(0)?)?;
            let key = PublicEncryptingKey::from_der(&info).map_err(broken)?;
            Ok(Value::Int32(key.key_size_bits() as i32))
        }),
        member("Clear()", |_| Ok(Value::Null)),
    ],
    ..Definition::NEW
};

pub(super) const RSA: Definition = Definition {
    name: "System.Security.Cryptography.RSA",
    bases: &["AsymmetricAlgorithm"],
    members: &[
        member("static Create(): RSA", |c| generate(c, 2048)),
        member("static Create(int): RSA", |c| {
            let bits = c.int(0)?;
            generate(c, bits)
        }),
        member("static Create(RSAParameters): RSA", |c| {
            let public = parameters_der(c.get(0))?;
            Ok(Value::object(Rsa { public: Mutex::new(public), private: None }))
        }),
        member("ImportParameters(RSAParameters)", |c| {
            let public = parameters_der(c.get(1))?;
            *c.object::<Rsa>(0)?.public.lock() = public;
            Ok(Value::Null)
        }),
        member("SignData(byte[], HashAlgorithmName, RSASignaturePadding): byte[]", |c| {
            c.machine.work(20_000)?;
            sign(c, &c.bytes(1)?, hash_at(c, 2)?, padding_at(c, 3)?)
        }),
        member("VerifyData(byte[], byte[], HashAlgorithmName, RSASignaturePadding): bool", |c| {
            c.machine.work(2_000)?;
            verify(c, &c.bytes(1)?, &c.bytes(2)?, hash_at(c, 3)?, padding_at(c, 4)?)
        }),
        member("Encrypt(byte[], RSAEncryptionPadding): byte[]", |c| encrypt(c, padding_at(c, 1 + 1)?)),
        member("Decrypt(byte[], RSAEncryptionPadding): byte[]", |c| {
            c.machine.work(20_000)?;
            decrypt(c, padding_at(c, 2)?)
        }),
    ],
    ..Definition::NEW
};

pub(super) const RSA_CRYPTO_SERVICE_PROVIDER: Definition = Definition {
    name: "System.Security.Cryptography.RSACryptoServiceProvider",
    bases: &["RSA"],
    members: &[
        member("new()", |c| generate(c, 2048)),
        member("new(int)", |c| {
            let bits = c.int(0)?;
            generate(c, bits)
        }),
        member("Encrypt(byte[], bool): byte[]", |c| {
            let padding = if c.boolean(2)? { Padding::OaepSha1 } else { Padding::Pkcs1Encryption };
            encrypt(c, padding)
        }),
        member("Decrypt(byte[], bool): byte[]", |c| {
            let padding = if c.boolean(2)? { Padding::OaepSha1 } else { Padding::Pkcs1Encryption };
            c.machine.work(20_000)?;
            decrypt(c, padding)
        }),
    ],
    ..Definition::NEW
};

/// Modulus and exponent.
struct Parameters(Mutex<(Vec<u8>, Vec<u8>)>);

impl Object for Parameters {
    fn class(&self) -> Type {
        Type::Plain(Id::RsaParameters)
    }
}

/// The public key of these parameters, PKCS #1.
fn parameters_der(value: &Value) -> Result<Vec<u8>, Thrown> {
    let parameters: &Parameters = value.downcast().ok_or_else(|| Thrown::mismatch("RSAParameters", value))?;
    let (modulus, exponent) = parameters.0.lock().clone();
    let integer = |bytes: &[u8]| {
        let trimmed: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
        let mut content = Vec::new();
        if trimmed.first().is_none_or(|b| b & 0x80 != 0) {
            content.push(0);
        }
        content.extend(trimmed);
        der(0x02, &content)
    };
    let mut both = integer(&modulus);
    both.extend(integer(&exponent));
    Ok(der(0x30, &both))
}

pub(super) const RSA_PARAMETERS: Definition = Definition {
    name: "System.Security.Cryptography.RSAParameters",
    bases: &["object"],
    members: &[
        member("new()", |_| Ok(Value::object(Parameters(Mutex::default())))),
        member("Modulus: byte[]", |c| Ok(Value::bytes(c.object::<Parameters>(0)?.0.lock().0.clone()))),
        member("set Modulus: byte[]", |c| {
            c.object::<Parameters>(0)?.0.lock().0 = c.bytes(1)?;
            Ok(Value::Null)
        }),
        member("Exponent: byte[]", |c| Ok(Value::bytes(c.object::<Parameters>(0)?.0.lock().1.clone()))),
        member("set Exponent: byte[]", |c| {
            c.object::<Parameters>(0)?.0.lock().1 = c.bytes(1)?;
            Ok(Value::Null)
        }),
    ],
    ..Definition::NEW
};

pub(super) const RSA_SIGNATURE_PADDING: Definition = Definition {
    name: "System.Security.Cryptography.RSASignaturePadding",
    bases: &["object"],
    members: &[
        member("static Pkcs1: RSASignaturePadding", |_| Ok(Value::object(Padding::Pkcs1Signature))),
        member("static Pss: RSASignaturePadding", |_| Ok(Value::object(Padding::Pss))),
    ],
    ..Definition::NEW
};

pub(super) const RSA_ENCRYPTION_PADDING: Definition = Definition {
    name: "System.Security.Cryptography.RSAEncryptionPadding",
    bases: &["object"],
    members: &[
        member("static Pkcs1: RSAEncryptionPadding", |_| Ok(Value::object(Padding::Pkcs1Encryption))),
        member("static OaepSHA1: RSAEncryptionPadding", |_| Ok(Value::object(Padding::OaepSha1))),
        member("static OaepSHA256: RSAEncryptionPadding", |_| Ok(Value::object(Padding::OaepSha256))),
        member("static OaepSHA384: RSAEncryptionPadding", |_| Ok(Value::object(Padding::OaepSha384))),
        member("static OaepSHA512: RSAEncryptionPadding", |_| Ok(Value::object(Padding::OaepSha512))),
    ],
    ..Definition::NEW
};
