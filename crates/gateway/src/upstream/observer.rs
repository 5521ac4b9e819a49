//! What metrics want to know of upstream work.

use http::StatusCode;

use super::failure::Reason;

/// Hears what happens on one core. Calls must not block. `backend` is the name of the entity that the request goes to,
/// in a pool that of the member; `None` where it goes to a URL that belongs to none.
pub trait Observer {
    /// A connection was made for a request, with TLS where the URL asks for it; `micros` from the look-up of the name
    /// on.
    fn connection_opened(&self, _backend: Option<&str>, _host: &str, _http2: bool, _micros: u64) {}

    /// A request goes over a connection that stood already.
    fn connection_reused(&self, _host: &str) {}

    /// No connection came about.
    fn connection_failed(&self, _host: &str) {}

    /// A request was sent again after its pooled connection proved stale.
    fn retried(&self, _backend: Option<&str>, _host: &str) {}

    /// The head of an answer has come.
    fn answered(&self, _backend: Option<&str>, _host: &str, _status: StatusCode) {}

    /// There is no answer. No reason: it is not the backend's fault.
    fn failed(&self, _backend: Option<&str>, _host: &str, _reason: Option<Reason>) {}
}

/// Nobody listens.
impl Observer for () {}
