//! What is wrong with a token.

/// Why a token is refused. Texts hold nothing of the token but its `alg` and `kid`, cut short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// It is not a token in compact form.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// It is longer than any token may be.
    #[error("the token is longer than {limit} bytes")]
    TooLong {
        /// The bound in bytes.
        limit: usize,
    },
    /// Its algorithm is unknown, or refused whatever the key.
    #[error("the algorithm `{0}` is not allowed")]
    Algorithm(Shown),
    /// It asks for an extension (`crit`), compression or an unencoded payload.
    #[error("the token's header has `{0}`, which is not supported")]
    Extension(&'static str),
    /// No key has the token's `kid`, or none fits its algorithm.
    #[error("no key of the issuer has the id {} and the algorithm of the token", .0.as_ref().map_or_else(|| "(none)".to_owned(), |kid| format!("`{kid}`")))]
    KeyNotFound(Option<Shown>),
    /// There are keys for it, and none verifies it.
    #[error("the signature is not valid")]
    Signature,
    /// There are keys for it, and none decrypts it; nothing is said about why.
    #[error("the token cannot be decrypted")]
    Decryption,
}

/// A value of a token's header as a message may show it: printable, and cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(Box<str>);

impl Shown {
    const LONGEST: usize = 64;

    pub(super) fn new(text: &str) -> Self {
        let mut shown: String = text.chars().take(Self::LONGEST).flat_map(char::escape_debug).collect();
        if text.chars().nth(Self::LONGEST).is_some() {
            shown.push('…');
        }
        Self(shown.into())
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
