//! AES by its .NET classes, and what `Encrypt` and `Decrypt` of `byte[]` do.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use parking_lot::Mutex;

use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Enumeration, Object, Value};

const BLOCK: usize = 16;

/// How AES is used.
#[derive(Clone)]
struct Setting {
    key: Vec<u8>,
    iv: Vec<u8>,
    /// The number of a `CipherMode`.
    mode: i64,
    /// The number of a `PaddingMode`.
    padding: i64,
    /// Bits of a key that is generated.
    key_size: i32,
}

/// An algorithm as an object.
struct Cipher {
    class: Id,
    setting: Mutex<Setting>,
}

impl Object for Cipher {
    fn class(&self) -> Type {
        Type::Plain(self.class)
    }
}

/// An encryptor or decryptor.
struct Transform {
    setting: Setting,
    encrypts: bool,
}

impl Object for Transform {
    fn class(&self) -> Type {
        Type::Plain(Id::CryptoTransform)
    }
}

fn random(c: &mut Call<'_, '_>, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    c.machine.context.random(&mut bytes);
    bytes
}

fn create(c: &mut Call<'_, '_>, class: Id) -> Result<Value, Thrown> {
    let (key, iv) = (random(c, 32), random(c, BLOCK));
    Ok(Value::object(Cipher {
        class,
        setting: Mutex::new(Setting { key, iv, mode: 1, padding: 2, key_size: 256 }),
    }))
}

fn algorithm(key: &[u8]) -> Result<&'static Algorithm, Thrown> {
    match key.len() {
        16 => Ok(&AES_128),
        24 => Ok(&AES_192),
        32 => Ok(&AES_256),
        _ => Err(Thrown::cryptographic("Specified key is not a valid size for this algorithm.")),
    }
}

fn broken<E>(_: E) -> Thrown {
    Thrown::cryptographic("The cipher text or its parameters are not valid.")
}

fn run(setting: &Setting, encrypts: bool, bytes: &[u8]) -> Result<Vec<u8>, Thrown> {
    let key = UnboundCipherKey::new(algorithm(&setting.key)?, &setting.key).map_err(broken)?;
    let ecb = match setting.mode {
        1 => false,
        2 => true,
        _ => return Err(Thrown::cryptographic("Specified cipher mode is not valid for this algorithm.")),
    };
    let iv = || -> Result<FixedLength<16>, Thrown> {
        let iv: [u8; 16] = setting.iv.as_slice().try_into().map_err(|_| {
            Thrown::cryptographic(
                "Specified initialization vector (IV) does not match the block size for this algorithm.",
            )
        })?;
        Ok(FixedLength::from(iv))
    };
    let mut data = bytes.to_vec();
    if encrypts {
        pad(&mut data, setting.padding)?;
        let (key, context) = if ecb {
            (EncryptingKey::ecb(key).map_err(broken)?, EncryptionContext::None)
        } else {
            (EncryptingKey::cbc(key).map_err(broken)?, EncryptionContext::Iv128(iv()?))
        };
        key.less_safe_encrypt(&mut data, context).map_err(broken)?;
        return Ok(data);
    }
    if !data.len().is_multiple_of(BLOCK) {
        return Err(Thrown::cryptographic("The input data is not a complete block."));
    }
    let (key, context) = if ecb {
        (DecryptingKey::ecb(key).map_err(broken)?, DecryptionContext::None)
    } else {
        (DecryptingKey::cbc(key).map_err(broken)?, DecryptionContext::Iv128(iv()?))
    };
    let length = key.decrypt(&mut data, context).map_err(broken)?.len();
    data.truncate(length);
    unpad(&mut data, setting.padding)?;
    Ok(data)
}

fn pad(data: &mut Vec<u8>, padding: i64) -> Result<(), Thrown> {
    let missing = BLOCK - data.len() % BLOCK;
    match padding {
        1 if missing == BLOCK => {}
        1 => return Err(Thrown::cryptographic("The input data is not a complete block.")),
        3 => data.extend(std::iter::repeat_n(0, if missing == BLOCK { 0 } else { missing })),
        4 | 5 => {
            data.extend(std::iter::repeat_n(0, missing - 1));
            data.push(missing as u8);
        }
        _ => data.extend(std::iter::repeat_n(missing as u8, missing)),
    }
    Ok(())
}

fn unpad(data: &mut Vec<u8>, padding: i64) -> Result<(), Thrown> {
    if matches!(padding, 1 | 3) {
        return Ok(());
    }
    let count = usize::from(data.last().copied().unwrap_or_default());
    let right = (1..=BLOCK).contains(&count)
        && count <= data.len()
        && (padding != 2 || data[data.len() - count..].iter().all(|b| usize::from(*b) == count));
    if !right {
        return Err(Thrown::cryptographic("Padding is invalid and cannot be removed."));
    }
    data.truncate(data.len() - count);
    Ok(())
}

fn setting(c: &Call<'_, '_>) -> Result<Setting, Thrown> {
    Ok(c.object::<Cipher>(0)?.setting.lock().clone())
}

fn change(c: &mut Call<'_, '_>, change: impl FnOnce(&mut Setting)) -> Result<Value, Thrown> {
    change(&mut c.object::<Cipher>(0)?.setting.lock());
    Ok(Value::Null)
}

fn transform(c: &mut Call<'_, '_>, encrypts: bool) -> Result<Value, Thrown> {
    let mut setting = setting(c)?;
    if c.count() > 2 {
        setting.key = c.bytes(1)?;
        setting.iv = c.bytes(2)?;
    }
    algorithm(&setting.key)?;
    Ok(Value::object(Transform { setting, encrypts }))
}

/// `bytes.Encrypt(…)` and `bytes.Decrypt(…)`: by an algorithm's name or object, with key and vector where they are given.
pub(super) fn extension(c: &mut Call<'_, '_>, encrypts: bool) -> Result<Value, Thrown> {
    let bytes = c.bytes(0)?;
    c.machine.allocate(bytes.len())?;
    let mut used = match c.get(1) {
        Value::String(name) => {
            let known = ["aes", "aesmanaged", "aescryptoserviceprovider", "rijndael", "rijndaelmanaged"];
            let short = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
            if !known.contains(&short.as_str()) {
                return Err(Thrown::argument(format!(
                    "The algorithm '{name}' is not available. (Parameter 'alg')"
                )));
            }
            Setting { key: Vec::new(), iv: Vec::new(), mode: 1, padding: 2, key_size: 256 }
        }
        _ => c.object::<Cipher>(1)?.setting.lock().clone(),
    };
    if c.count() > 3 {
        used.key = c.bytes(2)?;
        used.iv = c.bytes(3)?;
    }
    run(&used, encrypts, &bytes).map(Value::bytes)
}

pub(super) const SYMMETRIC_ALGORITHM: Definition = Definition {
    name: "System.Security.Cryptography.SymmetricAlgorithm",
    bases: &["object", "System.IDisposable"],
    members: &[
        member("static Create(string): SymmetricAlgorithm", |c| {
            match c.text(0)?.to_ascii_lowercase().as_str() {
                "aes"
                | "aesmanaged"
                | "rijndael"
                | "rijndaelmanaged"
                | "system.security.cryptography.aes" => create(c, Id::Aes),
                _ => Ok(Value::Null),
            }
        }),
        member("Key: byte[]", |c| Ok(Value::bytes(setting(c)?.key))),
        member("set Key: byte[]", |c| {
            let key = c.bytes(1)?;
            algorithm(&key)?;
            change(c, |s| s.key = key)
        }),
        member("IV: byte[]", |c| Ok(Value::bytes(setting(c)?.iv))),
        member("set IV: byte[]", |c| {
            let iv = c.bytes(1)?;
            if iv.len() != BLOCK {
                return Err(Thrown::cryptographic(
                    "Specified initialization vector (IV) does not match the block size for this algorithm.",
                ));
            }
            change(c, |s| s.iv = iv)
        }),
        member("Mode: CipherMode", |c| {
            Ok(Value::Enumeration(Enumeration { id: Id::CipherMode, number: setting(c)?.mode }))
        }),
        member("set Mode: CipherMode", |c| {
            let mode = c.enumeration(1);
            change(c, |s| s.mode = mode)
        }),
        member("Padding: PaddingMode", |c| {
            Ok(Value::Enumeration(Enumeration { id: Id::PaddingMode, number: setting(c)?.padding }))
        }),
        member("set Padding: PaddingMode", |c| {
            let padding = c.enumeration(1);
            change(c, |s| s.padding = padding)
        }),
        member("KeySize: int", |c| Ok(Value::Int32(setting(c)?.key_size))),
        member("set KeySize: int", |c| {
            let bits = c.int(1)?;
            if !matches!(bits, 128 | 192 | 256) {
                return Err(Thrown::cryptographic("Specified key is not a valid size for this algorithm."));
            }
            let key = random(c, bits as usize / 8);
            change(c, |s| {
                s.key_size = bits;
                s.key = key;
            })
        }),
        member("BlockSize: int", |_| Ok(Value::Int32(128))),
        member("set BlockSize: int", |c| {
            if c.int(1)? == 128 {
                Ok(Value::Null)
            } else {
                Err(Thrown::cryptographic("Specified block size is not valid for this algorithm."))
            }
        }),
        member("GenerateKey()", |c| {
            let key = random(c, 32);
            change(c, |s| s.key = key)
        }),
        member("GenerateIV()", |c| {
            let iv = random(c, BLOCK);
            change(c, |s| s.iv = iv)
        }),
        member("CreateEncryptor(): ICryptoTransform", |c| transform(c, true)),
        member("CreateEncryptor(byte[], byte[]): ICryptoTransform", |c| transform(c, true)),
        member("CreateDecryptor(): ICryptoTransform", |c| transform(c, false)),
        member("CreateDecryptor(byte[], byte[]): ICryptoTransform", |c| transform(c, false)),
        member("Clear()", |_| Ok(Value::Null)),
    ],
    ..Definition::NEW
};

pub(super) const AES: Definition = Definition {
    name: "System.Security.Cryptography.Aes",
    bases: &["SymmetricAlgorithm"],
    members: &[member("static Create(): Aes", |c| create(c, Id::Aes))],
    ..Definition::NEW
};

macro_rules! aes {
    ($constant:ident, $id:ident, $name:literal) => {
        pub(super) const $constant: Definition = Definition {
            name: $name,
            bases: &["Aes"],
            members: &[member("new()", |c| create(c, Id::$id))],
            ..Definition::NEW
        };
    };
}

aes!(AES_MANAGED, AesManaged, "System.Security.Cryptography.AesManaged");
aes!(
    AES_CRYPTO_SERVICE_PROVIDER,
    AesCryptoServiceProvider,
    "System.Security.Cryptography.AesCryptoServiceProvider"
);
aes!(RIJNDAEL_MANAGED, RijndaelManaged, "System.Security.Cryptography.RijndaelManaged");

pub(super) const CRYPTO_TRANSFORM: Definition = Definition {
    name: "System.Security.Cryptography.ICryptoTransform",
    bases: &["object", "System.IDisposable"],
    members: &[member("TransformFinalBlock(byte[], int, int): byte[]", |c| {
        let bytes = c.bytes(1)?;
        let (start, count) = super::string::range(c.int(2)?, c.int(3)?, bytes.len())?;
        c.machine.allocate(count)?;
        let transform: &Transform = c.object(0)?;
        run(&transform.setting, transform.encrypts, &bytes[start..start + count]).map(Value::bytes)
    })],
    ..Definition::NEW
};
