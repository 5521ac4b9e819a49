//! What policies of one exchange leave for others of it.

use std::sync::Arc;

use gatehouse_store::counters::CounterKey;

use super::TokenWatch;

/// Nothing is left at first: `Marks::default()`.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Whether a `cors` policy has let the origin in: the ones after it have no say.
    pub(crate) origin_allowed: bool,
    /// Where `cache-lookup` has looked in vain: `cache-store` may put the answer there.
    pub(crate) cache: Option<CachePlace>,
    /// Who counts the tokens of the language model's answer.
    pub(crate) tokens: Option<TokenWatch>,
    certificate: Option<Arc<str>>,
}

impl Marks {
    /// The certificate that is shown to the backend, by its id or thumbprint: what `authentication-certificate` says.
    pub fn certificate(&self) -> Option<&Arc<str>> {
        self.certificate.as_ref()
    }

    pub(crate) fn show_certificate(&mut self, name: Arc<str>) {
        self.certificate = Some(name);
    }
}

/// A place in the response cache, and what the answer tells caches on its way to the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CachePlace {
    pub(crate) key: CounterKey,
    pub(crate) downstream: Downstream,
    pub(crate) must_revalidate: bool,
}

/// Which caches between the gateway and the user may keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Downstream {
    /// None.
    None,
    /// The user's own.
    Private,
    /// All.
    Public,
}
