//! Hashes and keyed hashes.

use aws_lc_rs::{digest, hmac};
use parking_lot::Mutex;

use super::string::range;
use super::{Definition, Form, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Object, Value};

/// The hash functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// By the name of a `HashAlgorithmName`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().replace('-', "").as_str() {
            "MD5" => Self::Md5,
            "SHA1" | "SHA" => Self::Sha1,
            "SHA256" => Self::Sha256,
            "SHA384" => Self::Sha384,
            "SHA512" => Self::Sha512,
            _ => return None,
        })
    }

    pub(super) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Md5 => return md5(bytes).to_vec(),
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    fn keyed(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Md5 => return hmac_md5(key, bytes),
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), bytes).as_ref().to_vec()
    }

    fn bits(self) -> i32 {
        match self {
            Self::Md5 => 128,
            Self::Sha1 => 160,
            Self::Sha256 => 256,
            Self::Sha384 => 384,
            Self::Sha512 => 512,
        }
    }

    /// Bytes of a block, which is how long a generated key is.
    fn block(self) -> usize {
        if matches!(self, Self::Sha384 | Self::Sha512) { 128 } else { 64 }
    }
}

/// A hash algorithm, with a key where it is a keyed one.
struct Hasher {
    class: Id,
    hash: Hash,
    key: Mutex<Option<Vec<u8>>>,
    last: Mutex<Option<Vec<u8>>>,
}

impl Object for Hasher {
    fn class(&self) -> Type {
        Type::Plain(self.class)
    }
}

fn create(class: Id, hash: Hash, key: Option<Vec<u8>>) -> Result<Value, Thrown> {
    Ok(Value::object(Hasher { class, hash, key: Mutex::new(key), last: Mutex::new(None) }))
}

fn keyed(c: &mut Call<'_, '_>, class: Id, hash: Hash) -> Result<Value, Thrown> {
    let mut key = vec![0; hash.block()];
    c.machine.context.random(&mut key);
    create(class, hash, Some(key))
}

fn compute(c: &mut Call<'_, '_>, bytes: &[u8]) -> Result<Value, Thrown> {
    let hasher: &Hasher = c.object(0)?;
    c.machine.work(bytes.len() / 64)?;
    let sum = match &*hasher.key.lock() {
        Some(key) => hasher.hash.keyed(key, bytes),
        None => hasher.hash.digest(bytes),
    };
    *hasher.last.lock() = Some(sum.clone());
    Ok(Value::bytes(sum))
}

pub(super) const HASH_ALGORITHM: Definition = Definition {
    name: "System.Security.Cryptography.HashAlgorithm",
    bases: &["object", "System.IDisposable"],
    members: &[
        member("static Create(string): HashAlgorithm", |c| {
            let name = c.text(0)?;
            match Hash::named(name) {
                Some(hash) => create(class_of(hash), hash, None),
                None => Ok(Value::Null),
            }
        }),
        member("ComputeHash(byte[]): byte[]", |c| {
            let bytes = c.bytes(1)?;
            compute(c, &bytes)
        }),
        member("ComputeHash(byte[], int, int): byte[]", |c| {
            let bytes = c.bytes(1)?;
            let (start, count) = range(c.int(2)?, c.int(3)?, bytes.len())?;
            compute(c, &bytes[start..start + count])
        }),
        member("HashSize: int", |c| Ok(Value::Int32(c.object::<Hasher>(0)?.hash.bits()))),
        member("Hash: byte[]", |c| {
            Ok(c.object::<Hasher>(0)?.last.lock().clone().map_or(Value::Null, Value::bytes))
        }),
        member("Initialize()", |_| Ok(Value::Null)),
        member("Clear()", |_| Ok(Value::Null)),
    ],
    ..Definition::NEW
};

fn class_of(hash: Hash) -> Id {
    match hash {
        Hash::Md5 => Id::Md5,
        Hash::Sha1 => Id::Sha1,
        Hash::Sha256 => Id::Sha256,
        Hash::Sha384 => Id::Sha384,
        Hash::Sha512 => Id::Sha512,
    }
}

pub(super) const KEYED_HASH_ALGORITHM: Definition = Definition {
    name: "System.Security.Cryptography.KeyedHashAlgorithm",
    bases: &["HashAlgorithm"],
    members: &[
        member("Key: byte[]", |c| {
            Ok(Value::bytes(c.object::<Hasher>(0)?.key.lock().clone().unwrap_or_default()))
        }),
        member("set Key: byte[]", |c| {
            *c.object::<Hasher>(0)?.key.lock() = Some(c.bytes(1)?);
            Ok(Value::Null)
        }),
    ],
    ..Definition::NEW
};

pub(super) const HMAC: Definition = Definition {
    name: "System.Security.Cryptography.HMAC",
    bases: &["KeyedHashAlgorithm"],
    members: &[member("static Create(string): HMAC", |c| {
        let name = c.text(0)?.to_ascii_uppercase();
        let hash = name.strip_prefix("HMAC").and_then(Hash::named);
        let Some(hash) = hash else { return Ok(Value::Null) };
        let class = match hash {
            Hash::Md5 => Id::HmacMd5,
            Hash::Sha1 => Id::HmacSha1,
            Hash::Sha256 => Id::HmacSha256,
            Hash::Sha384 => Id::HmacSha384,
            Hash::Sha512 => Id::HmacSha512,
        };
        keyed(c, class, hash)
    })],
    ..Definition::NEW
};

macro_rules! hmac {
    ($constant:ident, $id:ident, $hash:ident, $name:literal) => {
        pub(super) const $constant: Definition = Definition {
            name: $name,
            bases: &["HMAC"],
            members: &[
                member("new()", |c| keyed(c, Id::$id, Hash::$hash)),
                member("new(byte[])", |c| create(Id::$id, Hash::$hash, Some(c.bytes(0)?))),
            ],
            ..Definition::NEW
        };
    };
}

hmac!(HMAC_MD5, HmacMd5, Md5, "System.Security.Cryptography.HMACMD5");
hmac!(HMAC_SHA1, HmacSha1, Sha1, "System.Security.Cryptography.HMACSHA1");
hmac!(HMAC_SHA256, HmacSha256, Sha256, "System.Security.Cryptography.HMACSHA256");
hmac!(HMAC_SHA384, HmacSha384, Sha384, "System.Security.Cryptography.HMACSHA384");
hmac!(HMAC_SHA512, HmacSha512, Sha512, "System.Security.Cryptography.HMACSHA512");

macro_rules! hash {
    ($constant:ident, $id:ident, $hash:ident, $name:literal, $short:literal) => {
        pub(super) const $constant: Definition = Definition {
            name: $name,
            bases: &["HashAlgorithm"],
            members: &[
                member(concat!("static Create(): ", $short), |_| create(Id::$id, Hash::$hash, None)),
                member("static HashData(byte[]): byte[]", |c| {
                    let bytes = c.bytes(0)?;
                    c.machine.work(bytes.len() / 64)?;
                    Ok(Value::bytes(Hash::$hash.digest(&bytes)))
                }),
            ],
            ..Definition::NEW
        };
    };
}

macro_rules! managed {
    ($constant:ident, $id:ident, $hash:ident, $name:literal, $base:literal) => {
        pub(super) const $constant: Definition = Definition {
            name: $name,
            bases: &[$base],
            members: &[member("new()", |_| create(Id::$id, Hash::$hash, None))],
            ..Definition::NEW
        };
    };
}

hash!(MD5, Md5, Md5, "System.Security.Cryptography.MD5", "MD5");
hash!(SHA1, Sha1, Sha1, "System.Security.Cryptography.SHA1", "SHA1");
hash!(SHA256, Sha256, Sha256, "System.Security.Cryptography.SHA256", "SHA256");
hash!(SHA384, Sha384, Sha384, "System.Security.Cryptography.SHA384", "SHA384");
hash!(SHA512, Sha512, Sha512, "System.Security.Cryptography.SHA512", "SHA512");
managed!(SHA1_MANAGED, Sha1Managed, Sha1, "System.Security.Cryptography.SHA1Managed", "SHA1");
managed!(SHA256_MANAGED, Sha256Managed, Sha256, "System.Security.Cryptography.SHA256Managed", "SHA256");
managed!(SHA384_MANAGED, Sha384Managed, Sha384, "System.Security.Cryptography.SHA384Managed", "SHA384");
managed!(SHA512_MANAGED, Sha512Managed, Sha512, "System.Security.Cryptography.SHA512Managed", "SHA512");

/// The name of a hash algorithm.
pub(super) struct HashName(pub(super) std::sync::Arc<str>);

impl Object for HashName {
    fn class(&self) -> Type {
        Type::Plain(Id::HashAlgorithmName)
    }

    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>().is_some_and(|o| o.0 == self.0))
    }
}

/// The hash that a `HashAlgorithmName` argument names.
pub(super) fn hash_at(c: &Call<'_, '_>, index: usize) -> Result<Hash, Thrown> {
    let name = c.get(index).display();
    Hash::named(&name)
        .ok_or_else(|| Thrown::cryptographic(format!("'{name}' is not a known hash algorithm.")))
}

macro_rules! name {
    ($name:literal) => {
        member(concat!("static ", $name, ": HashAlgorithmName"), |_| {
            Ok(Value::object(HashName($name.into())))
        })
    };
}

pub(super) const HASH_ALGORITHM_NAME: Definition = Definition {
    name: "System.Security.Cryptography.HashAlgorithmName",
    form: Form::Class,
    bases: &["object"],
    members: &[
        name!("MD5"),
        name!("SHA1"),
        name!("SHA256"),
        name!("SHA384"),
        name!("SHA512"),
        member("new(string)", |c| Ok(Value::object(HashName(c.text(0)?.into())))),
        member("Name: string", |c| Ok(Value::from(c.get(0).display()))),
    ],
    ..Definition::NEW
};

fn hmac_md5(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..16].copy_from_slice(&md5(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut inner: Vec<u8> = block.iter().map(|b| b ^ 0x36).collect();
    inner.extend_from_slice(bytes);
    let mut outer: Vec<u8> = block.iter().map(|b| b ^ 0x5c).collect();
    outer.extend_from_slice(&md5(&inner));
    md5(&outer).to_vec()
}

/// MD5 (RFC 1321): policies use it for checksums that others ask for; it protects nothing.
fn md5(bytes: &[u8]) -> [u8; 16] {
    const SHIFTS: [u32; 16] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
    let sines: Vec<u32> = (1..=64).map(|n| (f64::from(n).sin().abs() * 4_294_967_296.0) as u32).collect();
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(bytes.len() as u64).wrapping_mul(8).to_le_bytes());
    for block in padded.chunks_exact(64) {
        let words: Vec<u32> =
            block.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect();
        let [mut a, mut b, mut c, mut d] = state;
        for n in 0..64 {
            let (mixed, word) = match n / 16 {
                0 => ((b & c) | (!b & d), n),
                1 => ((d & b) | (!d & c), (5 * n + 1) % 16),
                2 => (b ^ c ^ d, (3 * n + 5) % 16),
                _ => (c ^ (b | !d), (7 * n) % 16),
            };
            let sum = a.wrapping_add(mixed).wrapping_add(sines[n]).wrapping_add(words[word]);
            a = d;
            d = c;
            c = b;
            b = b.wrapping_add(sum.rotate_left(SHIFTS[n / 16 * 4 + n % 4]));
        }
        for (place, more) in state.iter_mut().zip([a, b, c, d]) {
            *place = place.wrapping_add(more);
        }
    }
    let mut sum = [0; 16];
    for (place, word) in sum.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes
            .iter()
            .flat_map(|b| [b >> 4, b & 15])
            .filter_map(|d| char::from_digit(u32::from(d), 16))
            .collect()
    }

    #[test]
    fn md5_gives_the_sums_of_its_rfc() {
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex(&md5(b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
        assert_eq!(hex(&md5(&b"1234567890".repeat(8))), "57edf4a22be3c955ac49da2e2107b67a");
        // RFC 2202, test case 2.
        assert_eq!(
            hex(&hmac_md5(b"Jefe", b"what do ya want for nothing?")),
            "750c783e6ab0b503eaa86e310a5db738"
        );
    }
}
