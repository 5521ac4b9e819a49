//! How a TLS handshake has ended, in the words of the metrics.

use std::io;

use gatehouse_telemetry::metrics::HandshakeOutcome;
use rustls::Error;

/// Why a handshake has failed.
pub(super) fn of_failure(error: &io::Error) -> HandshakeOutcome {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => of_protocol(error),
        None => HandshakeOutcome::Closed,
    }
}

fn of_protocol(error: &Error) -> HandshakeOutcome {
    match error {
        Error::NoCertificatesPresented => HandshakeOutcome::NoClientCertificate,
        Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_) => {
            HandshakeOutcome::BadClientCertificate
        }
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => HandshakeOutcome::NothingInCommon,
        Error::AlertReceived(_) => HandshakeOutcome::Closed,
        _ => HandshakeOutcome::Malformed,
    }
}
