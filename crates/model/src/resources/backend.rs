//! Backends.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::{Located, Location};

/// A backend entity.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Resource name: what `backend-id` names.
    pub name: String,
    /// What people read.
    pub title: Option<String>,
    /// Where requests go.
    pub target: BackendTarget,
    /// What is added to requests.
    pub credentials: BackendCredentials,
    /// How the backend's certificate is checked.
    pub tls: BackendTls,
    /// When the backend is given a rest.
    pub circuit_breaker: Vec<CircuitBreakerRule>,
    /// Where it stands.
    pub location: Location,
}

/// One address or a pool of backends.
#[derive(Clone, Debug)]
pub enum BackendTarget {
    /// One address.
    Single(Url),
    /// A pool. Members are never pools.
    Pool(Vec<PoolMember>),
}

/// A member of a pool.
#[derive(Clone, Debug)]
pub struct PoolMember {
    /// The member's resource name.
    pub backend: Located<String>,
    /// Lower is tried first; default 1.
    pub priority: u32,
    /// Its share within a priority; default 1.
    pub weight: u32,
}

/// What is added to requests for a backend. Values may hold `{{named values}}`; they are resolved at load.
#[derive(Clone, Debug, Default)]
pub struct BackendCredentials {
    /// Header fields.
    pub headers: Vec<(String, Vec<Located<SecretString>>)>,
    /// Query parameters.
    pub query: Vec<(String, Vec<Located<SecretString>>)>,
    /// The `Authorization` header: scheme and parameter.
    pub authorization: Option<(String, Located<SecretString>)>,
    /// The certificate that is shown: an id under `certificates` of the configuration, or a thumbprint of one of them.
    pub certificate: Option<Located<String>>,
}

/// How a backend's certificate is checked. Both default to true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendTls {
    /// Whether an authority must vouch for it.
    pub validate_certificate_chain: bool,
    /// Whether it must hold the host name.
    pub validate_certificate_name: bool,
}

impl Default for BackendTls {
    fn default() -> Self {
        Self { validate_certificate_chain: true, validate_certificate_name: true }
    }
}

/// A rule of a circuit breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitBreakerRule {
    /// Its name.
    pub name: String,
    /// Failures within the interval that trip it.
    pub count: Option<u32>,
    /// Per cent of calls within the interval that trip it.
    pub percentage: Option<u8>,
    /// How long failures are counted.
    pub interval: Duration,
    /// The statuses that are failures.
    pub status_codes: Vec<StatusRange>,
    /// Connection errors that are failures: `Server errors`, `BackendConnectionFailure`, `Timeout` …
    pub error_reasons: Vec<String>,
    /// How long the backend rests.
    pub trip_duration: Duration,
    /// Whether the backend's `Retry-After` takes the place of `trip_duration`.
    pub accept_retry_after: bool,
}

/// An inclusive range of status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    /// First.
    pub min: u16,
    /// Last.
    pub max: u16,
}
