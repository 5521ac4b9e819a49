//! What a plan needs from outside: handed in, so that serving, testing and tracing run the same code.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use gatehouse_identity::authorization::Authorizations;
use gatehouse_identity::managed::ManagedIdentities;
use gatehouse_store::counters::{CounterKeys, Counters};

use crate::{Concurrency, Exchange, Outgoing, Response, ResponseCache, Signals, Tokens, ValueCache};

/// The outside as a plan sees it.
#[derive(Clone, Copy)]
pub struct World<'w> {
    /// Time.
    pub clock: &'w dyn Clock,
    /// Randomness.
    pub random: &'w dyn Random,
    /// Rate limits and quotas.
    pub counters: &'w dyn Counters,
    /// Names counters.
    pub counter_keys: &'w CounterKeys,
    /// Executions under way, for `limit-concurrency`.
    pub concurrency: &'w Concurrency,
    /// Answers that `cache-store` keeps for `cache-lookup`.
    pub response_cache: &'w ResponseCache,
    /// Issuers' keys and verified tokens.
    pub tokens: &'w Tokens,
    /// Values that policies keep by key.
    pub values: &'w dyn ValueCache,
    /// Who this instance is towards others.
    pub identities: &'w ManagedIdentities,
    /// Connections to providers of tokens.
    pub authorizations: &'w Authorizations,
    /// Backends.
    pub upstream: &'w dyn Upstream,
    /// What policies tell about requests.
    pub signals: &'w dyn Signals,
    /// Requests of policies.
    pub outgoing: &'w dyn Outgoing,
    /// What the evaluation of one expression may take.
    pub expression_limits: gatehouse_expression::Limits,
    /// The bound on a body that a policy needs whole, in bytes.
    pub buffered_body_bytes: usize,
}

/// Time.
pub trait Clock {
    /// Milliseconds since 1970-01-01 UTC.
    fn now_millis(&self) -> u64;
    /// Microseconds on a clock that never goes back.
    fn monotonic_micros(&self) -> u64;
    /// Ends after this time.
    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()>;
}

/// Randomness.
pub trait Random {
    /// The next 64 random bits, for balancing and jitter; they may be predictable.
    fn next(&self) -> u64;
    /// Fills a buffer with bytes that nobody can predict: expressions make keys and nonces of them.
    fn fill(&self, buffer: &mut [u8]);
}

/// Backends.
pub trait Upstream {
    /// Sends the exchange's request (its body is taken) to the chosen backend and gives the answer's head with a body
    /// that streams.
    fn forward<'f>(
        &'f self,
        exchange: &'f mut Exchange,
        options: &'f ForwardOptions,
    ) -> LocalBoxFuture<'f, Result<Response, UpstreamError>>;
}

/// The attributes of `forward-request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardOptions {
    /// Time until the answer's head; default 300 s.
    pub timeout: Duration,
    /// Time to wait for `100 Continue` before the body is sent all the same.
    pub continue_timeout: Option<Duration>,
    /// Whether redirects are followed (up to 10, never from https to http).
    pub follow_redirects: bool,
    /// Whether the request's body is kept, so that it can be sent again.
    pub buffer_request_body: bool,
    /// Whether HTTP/2 may be used with the backend.
    pub http2: bool,
}

impl Default for ForwardOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            continue_timeout: None,
            follow_redirects: false,
            buffer_request_body: false,
            http2: true,
        }
    }
}

/// Why there is no answer from a backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// The API has no service URL and no policy has set one.
    #[error("the API has no backend: neither a service URL nor set-backend-service names one")]
    NoBackend,
    /// A policy has named a backend that does not exist.
    #[error("there is no backend named `{0}`")]
    UnknownBackend(String),
    /// No connection, or it broke before an answer.
    #[error("the connection to the backend failed: {0}")]
    Connection(String),
    /// The answer's head did not arrive in time.
    #[error("the backend did not answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The circuit breaker is open, or every member of the pool is tripped.
    #[error("the backend is resting after failures")]
    CircuitOpen {
        /// Seconds until it is tried again.
        retry_after: u64,
    },
    /// A policy has named a certificate that the configuration does not have.
    #[error("the configuration has no certificate `{0}`")]
    UnknownCertificate(String),
    /// Requests may not be sent there.
    #[error("{0}")]
    Forbidden(String),
    /// The client's body failed while it was being sent on.
    #[error("the request body could not be read: {0}")]
    RequestBody(crate::BodyError),
    /// The backend's answer is not HTTP, or beyond the bounds.
    #[error("the backend's answer is not acceptable: {0}")]
    BadAnswer(String),
}
