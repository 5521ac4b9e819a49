//! The algorithms of JSON Web Algorithms that are supported.

/// How a token is signed (RFC 7518 section 3.1, RFC 8037, RFC 9864).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SignatureAlgorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    /// `EdDSA` with Ed25519, and `Ed25519`, which is the same under its own name.
    Ed25519,
}

/// How the key of an encrypted token's content is found (RFC 7518 section 4.1). `RSA1_5` and the password-based ones are
/// refused: the former leaks (RFC 8725 section 3.2), the latter let a token choose how long a decryption takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum KeyManagement {
    RsaOaep,
    RsaOaep256,
    RsaOaep384,
    RsaOaep512,
    A128Kw,
    A192Kw,
    A256Kw,
    A128GcmKw,
    A192GcmKw,
    A256GcmKw,
    Direct,
    EcdhEs,
    EcdhEsA128Kw,
    EcdhEsA192Kw,
    EcdhEsA256Kw,
}

/// How an encrypted token's content is encrypted (RFC 7518 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ContentEncryption {
    A128CbcHs256,
    A192CbcHs384,
    A256CbcHs512,
    A128Gcm,
    A192Gcm,
    A256Gcm,
}

impl SignatureAlgorithm {
    const NAMES: &[(&str, Self)] = &[
        ("RS256", Self::Rs256),
        ("ES256", Self::Es256),
        ("PS256", Self::Ps256),
        ("EdDSA", Self::Ed25519),
        ("Ed25519", Self::Ed25519),
        ("HS256", Self::Hs256),
        ("HS384", Self::Hs384),
        ("HS512", Self::Hs512),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES384", Self::Es384),
        ("ES512", Self::Es512),
    ];

    /// The algorithm of a name; names are compared with their case.
    pub fn of(name: &str) -> Option<Self> {
        find(Self::NAMES, name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        name_of(Self::NAMES, &self)
    }
}

impl KeyManagement {
    const NAMES: &[(&str, Self)] = &[
        ("RSA-OAEP", Self::RsaOaep),
        ("RSA-OAEP-256", Self::RsaOaep256),
        ("RSA-OAEP-384", Self::RsaOaep384),
        ("RSA-OAEP-512", Self::RsaOaep512),
        ("A128KW", Self::A128Kw),
        ("A192KW", Self::A192Kw),
        ("A256KW", Self::A256Kw),
        ("A128GCMKW", Self::A128GcmKw),
        ("A192GCMKW", Self::A192GcmKw),
        ("A256GCMKW", Self::A256GcmKw),
        ("dir", Self::Direct),
        ("ECDH-ES", Self::EcdhEs),
        ("ECDH-ES+A128KW", Self::EcdhEsA128Kw),
        ("ECDH-ES+A192KW", Self::EcdhEsA192Kw),
        ("ECDH-ES+A256KW", Self::EcdhEsA256Kw),
    ];

    /// The algorithm of a name; names are compared with their case.
    pub fn of(name: &str) -> Option<Self> {
        find(Self::NAMES, name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        name_of(Self::NAMES, &self)
    }
}

impl ContentEncryption {
    const NAMES: &[(&str, Self)] = &[
        ("A128CBC-HS256", Self::A128CbcHs256),
        ("A192CBC-HS384", Self::A192CbcHs384),
        ("A256CBC-HS512", Self::A256CbcHs512),
        ("A128GCM", Self::A128Gcm),
        ("A192GCM", Self::A192Gcm),
        ("A256GCM", Self::A256Gcm),
    ];

    /// The algorithm of a name; names are compared with their case.
    pub fn of(name: &str) -> Option<Self> {
        find(Self::NAMES, name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        name_of(Self::NAMES, &self)
    }

    /// The length of its key in bytes.
    pub fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A192Gcm => 24,
            Self::A256Gcm | Self::A128CbcHs256 => 32,
            Self::A192CbcHs384 => 48,
            Self::A256CbcHs512 => 64,
        }
    }
}

fn find<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    names.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
}

fn name_of<T: PartialEq>(names: &[(&'static str, T)], algorithm: &T) -> &'static str {
    names.iter().find(|(_, known)| known == algorithm).map_or("", |(name, _)| name)
}
