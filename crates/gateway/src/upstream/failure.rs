//! What went wrong below HTTP, in the words of the policy engine.

use std::error::Error;
use std::io;

use gatehouse_policy::UpstreamError;

use super::pool::ConnectError;

/// What a backend has done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No connection: refused, unreachable, no address, or not in time.
    Connect,
    /// What it sent is no HTTP message, or none that is acceptable.
    Protocol,
    /// It closed the connection, or reset the request.
    Reset,
    /// It did not answer in time.
    Timeout,
    /// The TLS handshake failed, or its certificate is not trusted.
    Tls,
}

/// An error of the policy engine and its reason.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: UpstreamError,
    /// `None`: the client's doing, or the gateway's.
    pub(super) reason: Option<Reason>,
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        let reason = match &error {
            UpstreamError::Timeout(_) => Some(Reason::Timeout),
            UpstreamError::BadAnswer(_) => Some(Reason::Protocol),
            _ => None,
        };
        Self { error, reason }
    }
}

/// No connection.
pub(super) fn connect(error: &ConnectError) -> Failure {
    let reason = match error {
        ConnectError::Resolve { .. } | ConnectError::Tcp { .. } | ConnectError::TimedOut(_) => {
            Some(Reason::Connect)
        }
        ConnectError::Tls { .. } => Some(Reason::Tls),
        ConnectError::Http2 { .. } => Some(Reason::Protocol),
        // Bounds of the gateway, and its configuration.
        ConnectError::Forbidden { .. }
        | ConnectError::ForbiddenName { .. }
        | ConnectError::BadUrl(_)
        | ConnectError::TooManyWaiting(_)
        | ConnectError::TooManyAuthorities(_) => None,
    };
    let error = match error {
        ConnectError::TimedOut(patience) => UpstreamError::Timeout(*patience),
        ConnectError::Forbidden { .. } | ConnectError::ForbiddenName { .. } => {
            UpstreamError::Forbidden(error.to_string())
        }
        other => UpstreamError::Connection(other.to_string()),
    };
    Failure { error, reason }
}

/// No answer over a connection.
pub(super) fn exchange(error: &hyper::Error) -> Failure {
    let (error, reason) = if error.is_parse_too_large() {
        (UpstreamError::BadAnswer("its head is too large".to_owned()), Reason::Protocol)
    } else if error.is_parse() {
        (UpstreamError::BadAnswer(with_causes(error)), Reason::Protocol)
    } else if is_http2_violation(error) {
        (UpstreamError::Connection(with_causes(error)), Reason::Protocol)
    } else {
        (UpstreamError::Connection(with_causes(error)), Reason::Reset)
    };
    Failure { error, reason: Some(reason) }
}

/// Whether this side has found the backend to break the rules of HTTP/2.
fn is_http2_violation(error: &hyper::Error) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<h2::Error>().is_some_and(h2::Error::is_library))
}

/// Whether the connection broke, rather than the answer being wrong.
pub(super) fn is_connection_loss(error: &hyper::Error) -> bool {
    error.is_incomplete_message()
        || error.is_canceled()
        || error.is_closed()
        || causes(error).any(|cause| {
            if let Some(error) = cause.downcast_ref::<h2::Error>() {
                return error.is_io() || error.is_go_away();
            }
            cause.downcast_ref::<io::Error>().is_some_and(|error| {
                matches!(
                    error.kind(),
                    io::ErrorKind::BrokenPipe
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::NotConnected
                        | io::ErrorKind::UnexpectedEof
                )
            })
        })
}

/// Whether the backend says that it has done nothing about the request (RFC 9113 section 8.7).
pub(super) fn is_refused(error: &hyper::Error) -> bool {
    causes(error).any(|cause| {
        cause
            .downcast_ref::<h2::Error>()
            .is_some_and(|error| error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

fn causes(error: &hyper::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

fn with_causes(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
