//! Which counters a request goes into for how it has ended.

use gatehouse_policy::LastError;
use gatehouse_telemetry::metrics::{Limit, RefusedRequest};
use http::StatusCode;

/// The limit that a request has met.
pub(super) fn limit(error: &LastError) -> Option<Limit> {
    match error.reason.as_str() {
        "RateLimitExceeded" => Some(Limit::Rate),
        "QuotaExceeded" => Some(Limit::Quota),
        "ConcurrencyLimitExceeded" => Some(Limit::Concurrency),
        _ => None,
    }
}

/// Why a request that came as far as the router was refused, if not by a policy or a backend.
pub(super) fn refusal(error: &LastError, status: Option<StatusCode>) -> Option<RefusedRequest> {
    match (error.reason.as_str(), status) {
        ("OperationNotFound", _) => Some(RefusedRequest::NotFound),
        ("BadRequest", _) if error.source == "configuration" => Some(RefusedRequest::Framing),
        ("ClientConnectionFailure", Some(StatusCode::BAD_REQUEST)) => Some(RefusedRequest::Framing),
        ("ClientConnectionFailure", Some(StatusCode::PAYLOAD_TOO_LARGE)) => {
            Some(RefusedRequest::BodyTooLarge)
        }
        ("ClientConnectionFailure", Some(StatusCode::REQUEST_TIMEOUT)) => Some(RefusedRequest::BodyTimeout),
        _ => None,
    }
}

/// Why a request was refused that never came to the router; `None`: it is not the request's fault.
pub(super) fn early_refusal(status: StatusCode) -> Option<RefusedRequest> {
    match status {
        StatusCode::BAD_REQUEST => Some(RefusedRequest::Framing),
        StatusCode::MISDIRECTED_REQUEST => Some(RefusedRequest::Host),
        StatusCode::PAYLOAD_TOO_LARGE => Some(RefusedRequest::BodyTooLarge),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Some(RefusedRequest::HeadTooLarge),
        StatusCode::REQUEST_TIMEOUT => Some(RefusedRequest::HeadTimeout),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_policy::{BodyError, Failure, builtin};

    use super::*;

    fn error(failure: &Failure) -> (LastError, Option<StatusCode>) {
        let error = LastError {
            source: failure.source.to_string(),
            reason: failure.reason.to_string(),
            ..LastError::default()
        };
        (error, Some(failure.status))
    }

    #[test]
    fn refusals_are_told_by_what_the_engine_says() {
        let refused = |failure: Failure| {
            let (error, status) = error(&failure);
            refusal(&error, status)
        };
        assert_eq!(refused(builtin::operation_not_found()), Some(RefusedRequest::NotFound));
        assert_eq!(refused(builtin::bad_request("no")), Some(RefusedRequest::Framing));
        let body = |error| refused(builtin::request_body(&error));
        assert_eq!(body(BodyError::TooLarge { limit: 1 }), Some(RefusedRequest::BodyTooLarge));
        assert_eq!(body(BodyError::TooSlow), Some(RefusedRequest::BodyTimeout));
        assert_eq!(body(BodyError::Malformed("no".into())), Some(RefusedRequest::Framing));
        assert_eq!(body(BodyError::Aborted), None);
        let policy = Failure::new(StatusCode::BAD_REQUEST, "validate-content", "BadRequest", "no");
        assert_eq!(refused(policy), None);
    }

    #[test]
    fn an_error_of_the_gateway_is_no_refusal() {
        assert_eq!(early_refusal(StatusCode::INTERNAL_SERVER_ERROR), None);
        assert_eq!(early_refusal(StatusCode::SERVICE_UNAVAILABLE), None);
        assert_eq!(early_refusal(StatusCode::MISDIRECTED_REQUEST), Some(RefusedRequest::Host));
    }
}
