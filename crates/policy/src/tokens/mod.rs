//! What policies about tokens share across requests: issuers' keys, verified tokens, proofs that were used.

mod fetch;
mod verified;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use gatehouse_identity::ReplayCache;
use gatehouse_identity::dpop::DpopNonces;
use gatehouse_identity::issuer::{IssuerSource, SourceKind};
use parking_lot::Mutex;
use url::Url;

pub(crate) use self::fetch::begin as begin_fetch;
pub(crate) use self::verified::{TokenDigest, VerifiedToken, VerifiedTokens};

/// The most sources of keys: those that the policies name, and those that expressions compute.
const MAX_SOURCES: usize = 1024;

/// Everything about tokens that outlives a request. One value a process.
#[derive(Debug)]
pub struct Tokens {
    /// Differs from one to the next: what was found in one is not taken for another.
    number: u64,
    sources: Mutex<HashMap<(Url, SourceKind), Arc<IssuerSource>, RandomState>>,
    pub(crate) verified: VerifiedTokens,
    pub(crate) proofs: ReplayCache,
    pub(crate) nonces: DpopNonces,
}

impl Tokens {
    /// How many verified tokens are kept by default.
    pub const DEFAULT_CAPACITY: usize = 16_384;
    /// How many used proofs are remembered by default: about 100 bytes each.
    const PROOFS: usize = 200_000;

    /// Room for so many verified tokens. `secret` is what nonces are made with: 32 random bytes.
    pub fn new(capacity: usize, secret: &[u8]) -> Self {
        Self::bounded(capacity, Self::PROOFS, secret)
    }

    /// The same with room for so many used proofs.
    pub fn bounded(capacity: usize, proofs: usize, secret: &[u8]) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            sources: Mutex::default(),
            verified: VerifiedTokens::new(capacity),
            proofs: ReplayCache::new(proofs),
            nonces: DpopNonces::new(secret),
        }
    }

    /// Which one it is.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The source of a URL; all policies that name it share it. `None`: there are too many.
    pub(crate) fn source(&self, url: &Url, kind: &SourceKind) -> Option<Arc<IssuerSource>> {
        let mut sources = self.sources.lock();
        let key = (url.clone(), kind.clone());
        if let Some(source) = sources.get(&key) {
            return Some(Arc::clone(source));
        }
        if sources.len() >= MAX_SOURCES {
            // Sources that no policy holds any more go first; those of the configuration are held by it.
            sources.retain(|_, source| Arc::strong_count(source) > 1);
            if sources.len() >= MAX_SOURCES {
                return None;
            }
        }
        let source = Arc::new(IssuerSource::new(url.clone(), kind.clone()));
        sources.insert(key, Arc::clone(&source));
        Some(source)
    }
}
