//! From a token's text to its claims: decryption, signature, and the keys for both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatehouse_identity::issuer::{IssuerKeys, IssuerSource, Lookup};
use gatehouse_identity::jose::{
    DecryptionKey, EncryptedToken, JoseError, Json, SignedToken, VerificationKey, parse_json,
};

use super::keys::Source;
use super::refusal::Refusal;
use crate::tokens::{VerifiedToken, begin_fetch};
use crate::{Exchange, Failure, World};

/// Everything that tokens of one policy are verified with.
#[derive(Debug)]
pub(super) struct Verifier {
    /// Differs from load to load, so that nothing verified with other keys is taken.
    pub(super) number: u64,
    pub(super) sources: Vec<Source>,
    pub(super) keys: Vec<VerificationKey>,
    pub(super) decryption_keys: Vec<DecryptionKey>,
}

impl Verifier {
    pub(super) fn new(
        sources: Vec<Source>,
        keys: Vec<VerificationKey>,
        decryption_keys: Vec<DecryptionKey>,
    ) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self { number: NUMBER.fetch_add(1, Ordering::Relaxed), sources, keys, decryption_keys }
    }

    /// The sources for this request.
    pub(super) fn resolve(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Vec<Arc<IssuerSource>>, Failure> {
        let mut resolved = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            resolved.extend(source.resolve(exchange, world)?);
        }
        Ok(resolved)
    }

    /// Verifies a token; waits for keys that have to be fetched.
    pub(super) async fn verify(
        &self,
        token: &str,
        sources: &[Arc<IssuerSource>],
        world: &World<'_>,
    ) -> Result<VerifiedToken, Refusal> {
        let decrypted;
        let token = if EncryptedToken::has_its_form(token) {
            decrypted = self.decrypt(token)?;
            std::str::from_utf8(&decrypted)
                .map_err(|_| Refusal::invalid("The encrypted token holds no signed token."))?
        } else {
            token
        };
        let signed = SignedToken::parse(token)?;
        let keys = self.key_of(&signed, sources, world).await?;
        let payload = signed.payload()?;
        let claims = parse_json(&payload)
            .map_err(|_| Refusal::invalid("The payload of the token is not JSON, or has a claim twice."))?;
        if !claims.is_object() {
            return Err(Refusal::invalid("The payload of the token is no JSON object."));
        }
        let kind = signed.header().get("typ").and_then(Json::as_str).map(Into::into);
        let payload = std::str::from_utf8(&payload).unwrap_or_default();
        Ok(VerifiedToken::new(claims, kind, signed.header_text(), payload, keys))
    }

    fn decrypt(&self, token: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, Refusal> {
        let encrypted = EncryptedToken::parse(token)?;
        Ok(encrypted.decrypt(&self.decryption_keys)?)
    }

    /// Finds the key that a token is signed with: among the policy's own, then among those of issuers, then among those
    /// that issuers have now.
    async fn key_of(
        &self,
        token: &SignedToken<'_>,
        sources: &[Arc<IssuerSource>],
        world: &World<'_>,
    ) -> Result<Option<(Arc<IssuerSource>, Arc<IssuerKeys>)>, Refusal> {
        let Err(mut found_none) = token.verify(&self.keys) else { return Ok(None) };
        let mut missing = None;
        for source in sources {
            let lookup = source.look_up(now(world));
            let Some(keys) = keys_of(source, lookup, world).await else {
                missing = source.last_error().or(missing);
                continue;
            };
            match token.verify(keys.keys.keys()) {
                Ok(_) => return Ok(Some((Arc::clone(source), keys))),
                Err(JoseError::KeyNotFound(_)) => {}
                Err(error) => found_none = error,
            }
        }
        if !matches!(found_none, JoseError::KeyNotFound(_)) {
            return Err(found_none.into());
        }
        // A key that nobody knows may be new. How often issuers are asked is bounded, whatever tokens come.
        for source in sources.iter().filter(|_| token.key_id().is_some()) {
            let lookup = source.look_up_unknown(now(world));
            if lookup.refresh.is_none() && !lookup.is_under_way {
                continue;
            }
            let before = lookup.keys.clone();
            let Some(keys) = fresh_keys_of(source, lookup, world).await else { continue };
            if before.is_some_and(|before| Arc::ptr_eq(&before, &keys)) {
                continue;
            }
            if token.verify(keys.keys.keys()).is_ok() {
                return Ok(Some((Arc::clone(source), keys)));
            }
        }
        if missing.is_some() {
            return Err(Refusal::new(
                "TokenSignatureKeyNotFound",
                "The keys of the issuer could not be retrieved.",
            ));
        }
        Err(found_none.into())
    }
}

/// The keys in force; where there are none yet, those that are being fetched.
async fn keys_of(source: &Arc<IssuerSource>, lookup: Lookup, world: &World<'_>) -> Option<Arc<IssuerKeys>> {
    if lookup.keys.is_none() {
        return fresh_keys_of(source, lookup, world).await;
    }
    if let Some(refresh) = lookup.refresh {
        begin_fetch(refresh, world.outgoing);
    }
    lookup.keys
}

/// The keys once what is under way has ended.
async fn fresh_keys_of(
    source: &Arc<IssuerSource>,
    lookup: Lookup,
    world: &World<'_>,
) -> Option<Arc<IssuerKeys>> {
    if let Some(refresh) = lookup.refresh {
        begin_fetch(refresh, world.outgoing);
    }
    if lookup.is_under_way {
        source.settled().await;
    }
    // What has just been fetched is fresh: nothing more is due.
    source.look_up(now(world)).keys
}

/// Seconds on the clock that never goes back.
pub(super) fn now(world: &World<'_>) -> u64 {
    world.clock.monotonic_micros() / 1_000_000
}
