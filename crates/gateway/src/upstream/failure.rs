//! What went wrong below HTTP, in the words of the policy engine.

use std::error::Error;
use std::io;

use gatehouse_policy::UpstreamError;

use super::pool::ConnectError;

/// No connection.
pub(super) fn connect(error: &ConnectError) -> UpstreamError {
    match error {
        ConnectError::TimedOut(patience) => UpstreamError::Timeout(*patience),
        other => UpstreamError::Connection(other.to_string()),
    }
}

/// No answer over a connection.
pub(super) fn exchange(error: &hyper::Error) -> UpstreamError {
    if error.is_parse_too_large() {
        UpstreamError::BadAnswer("its head is too large".to_owned())
    } else if error.is_parse() {
        UpstreamError::BadAnswer(with_causes(error))
    } else {
        UpstreamError::Connection(with_causes(error))
    }
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
