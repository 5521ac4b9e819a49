//! Tokens that have been verified: the signature of one that comes again is not checked again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;

use aws_lc_rs::digest::{Context, SHA256};
use foldhash::fast::RandomState;
use gatehouse_expression::{Jwt, Value};
use gatehouse_identity::issuer::{IssuerKeys, IssuerSource};
use gatehouse_identity::jose::Json;
use parking_lot::Mutex;

/// So many parts, each with a lock of its own.
const SHARDS: usize = 16;
/// How long a token is kept at most, in seconds.
const LIFE: u64 = 60;

/// A token whose signature is right.
#[derive(Debug)]
pub(crate) struct VerifiedToken {
    /// The claims: a JSON object.
    pub(crate) claims: Json,
    /// The token's type, from its header.
    pub(crate) kind: Option<Box<str>>,
    /// Header and payload as text.
    pub(crate) header: Box<str>,
    pub(crate) payload: Box<str>,
    /// Where the key came from; `None`: from the policy itself.
    pub(crate) keys: Option<(Arc<IssuerSource>, Arc<IssuerKeys>)>,
    /// What expressions see, once one has looked.
    object: OnceLock<Option<Value>>,
}

impl VerifiedToken {
    pub(crate) fn new(
        claims: Json,
        kind: Option<Box<str>>,
        header: &str,
        payload: &str,
        keys: Option<(Arc<IssuerSource>, Arc<IssuerKeys>)>,
    ) -> Self {
        let (header, payload) = (header.into(), payload.into());
        Self { claims, kind, header, payload, keys, object: OnceLock::new() }
    }

    /// The token as expressions see it.
    pub(crate) fn object(&self) -> Option<Value> {
        self.object.get_or_init(|| Jwt::from_parts(&self.header, &self.payload).map(Value::from)).clone()
    }

    fn is_current(&self) -> bool {
        self.keys.as_ref().is_none_or(|(source, keys)| source.is_current(keys))
    }
}

/// Names a token together with the keys that it is verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// `verifier` names the keys, and differs from load to load.
    pub(crate) fn of(verifier: u64, token: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&verifier.to_be_bytes());
        context.update(token.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }
}

/// Verified tokens, bounded. Where there is no room, those go that were not asked for lately.
#[derive(Debug)]
pub(crate) struct VerifiedTokens {
    shards: [Mutex<Shard>; SHARDS],
    /// The most tokens of half a shard.
    half: usize,
}

/// When the young half is full it becomes the old one, and what was old and not asked for again goes.
#[derive(Debug, Default)]
struct Shard {
    young: Half,
    old: Half,
}

type Half = HashMap<TokenDigest, (Arc<VerifiedToken>, u64), RandomState>;

impl VerifiedTokens {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { shards: Default::default(), half: (capacity / SHARDS / 2).max(1) }
    }

    /// The token, if it was verified lately and its key is still in force. Times are in seconds.
    pub(crate) fn get(&self, digest: &TokenDigest, now: u64) -> Option<Arc<VerifiedToken>> {
        let mut shard = self.shard(digest).lock();
        let (token, until) = match shard.young.get(digest) {
            Some(found) => found.clone(),
            None => {
                let found = shard.old.remove(digest)?;
                self.put(&mut shard, *digest, found.clone());
                found
            }
        };
        if now < until && token.is_current() {
            return Some(token);
        }
        shard.young.remove(digest);
        None
    }

    /// Keeps a token for a minute.
    pub(crate) fn keep(&self, digest: TokenDigest, token: Arc<VerifiedToken>, now: u64) {
        self.keep_until(digest, token, now + LIFE);
    }

    /// Keeps a token until a moment.
    pub(crate) fn keep_until(&self, digest: TokenDigest, token: Arc<VerifiedToken>, until: u64) {
        self.put(&mut self.shard(&digest).lock(), digest, (token, until));
    }

    fn put(&self, shard: &mut Shard, digest: TokenDigest, entry: (Arc<VerifiedToken>, u64)) {
        if shard.young.len() >= self.half {
            shard.old = std::mem::take(&mut shard.young);
        }
        shard.young.insert(digest, entry);
    }

    fn shard(&self, digest: &TokenDigest) -> &Mutex<Shard> {
        let place = usize::from(digest.0[0]) % SHARDS;
        &self.shards[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Arc<VerifiedToken> {
        Arc::new(VerifiedToken::new(Json::Object(Vec::new()), None, "{}", r#"{"sub":"a"}"#, None))
    }

    #[test]
    fn a_token_is_kept_for_a_minute_for_its_verifier() {
        let tokens = VerifiedTokens::new(1000);
        let digest = TokenDigest::of(1, "a.b.c");
        tokens.keep(digest, token(), 100);
        assert!(tokens.get(&digest, 159).is_some());
        assert!(tokens.get(&TokenDigest::of(2, "a.b.c"), 100).is_none());
        assert!(tokens.get(&digest, 160).is_none());
        assert!(tokens.get(&digest, 100).is_none(), "what is over is gone");
    }

    #[test]
    fn the_number_is_bounded_and_what_is_asked_for_stays() {
        let tokens = VerifiedTokens::new(SHARDS * 8);
        let asked = TokenDigest::of(0, "asked");
        tokens.keep(asked, token(), 0);
        for n in 0..10_000 {
            tokens.keep(TokenDigest::of(n, "flood"), token(), 0);
            assert!(tokens.get(&asked, 1).is_some(), "{n}");
        }
        let count = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            shard.young.len() + shard.old.len()
        };
        let kept: usize = tokens.shards.iter().map(count).sum();
        assert!(kept <= SHARDS * 8, "{kept}");
    }
}
