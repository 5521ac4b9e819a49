//! Failures of the steps that are no policies: routing, the subscription check, and reading the client's body.

use std::borrow::Cow;

use gatehouse_model::resources::KeyParameterNames;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};

use crate::{BodyError, Failure, RequestUrl};

/// No API or no operation answers this request: 404.
pub fn operation_not_found() -> Failure {
    Failure::new(
        StatusCode::NOT_FOUND,
        "configuration",
        "OperationNotFound",
        "Unable to match incoming request to an operation.",
    )
    .public("Resource not found")
}

/// The request has come back to this service too often: 508.
pub fn loop_detected() -> Failure {
    Failure::new(
        StatusCode::LOOP_DETECTED,
        "configuration",
        "LoopDetected",
        "The request has passed through this service too often: a backend leads back to it.",
    )
    .public("Loop detected")
}

/// The request cannot be understood: 400. The client is told why.
pub fn bad_request(why: impl Into<Cow<'static, str>>) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, "configuration", "BadRequest", why)
}

/// A key is needed and there is none: 401.
pub fn subscription_key_not_found(names: &KeyParameterNames, url: &RequestUrl) -> Failure {
    Failure::new(
        StatusCode::UNAUTHORIZED,
        "authorization",
        "SubscriptionKeyNotFound",
        "Access denied due to missing subscription key. Make sure to include subscription key when making requests to this API.",
    )
    .challenged(names, url)
}

/// The key opens nothing here: 401.
pub fn subscription_key_invalid(names: &KeyParameterNames, url: &RequestUrl) -> Failure {
    Failure::new(
        StatusCode::UNAUTHORIZED,
        "authorization",
        "SubscriptionKeyInvalid",
        "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
    )
    .challenged(names, url)
}

/// The client's body failed: broken framing is 400, a passed bound 413, a stall 408. A client that has gone away sees
/// nothing; the log shows the status 499 that proxies use for it.
pub fn request_body(error: &BodyError) -> Failure {
    let (status, public) = match error {
        BodyError::Malformed(_) => (StatusCode::BAD_REQUEST, "Bad request"),
        BodyError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large"),
        BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "The request body did not arrive in time"),
        BodyError::Aborted => {
            (StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST), "The client closed the connection")
        }
    };
    Failure::new(status, "request-body", "ClientConnectionFailure", error.to_string()).public(public)
}

/// The backend's body failed while a policy needed it whole: 502.
pub fn response_body(error: &BodyError) -> Failure {
    Failure::new(StatusCode::BAD_GATEWAY, "response-body", "BackendConnectionFailure", error.to_string())
        .public("The backend's answer could not be read")
}

impl Failure {
    fn challenged(self, names: &KeyParameterNames, url: &RequestUrl) -> Self {
        let realm: String = format!("{}://{}{}", url.scheme, url.host, url.path)
            .chars()
            .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'))
            .collect();
        let header = &names.header;
        let challenge = format!("AzureApiManagementKey realm=\"{realm}\",name=\"{header}\",type=\"header\"");
        match HeaderValue::from_str(&challenge) {
            Ok(value) => self.header(WWW_AUTHENTICATE, value),
            Err(_) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Query;

    #[test]
    fn a_challenge_names_the_place_and_the_header() {
        let url = RequestUrl {
            scheme: "https",
            host: "api.example".into(),
            port: 443,
            path: "/orders/\"x".into(),
            query: Query::default(),
        };
        let failure = subscription_key_not_found(&KeyParameterNames::default(), &url);
        let headers = failure.extras.unwrap_or_default().headers;
        assert_eq!(
            headers[WWW_AUTHENTICATE],
            "AzureApiManagementKey realm=\"https://api.example/orders/x\",name=\"Ocp-Apim-Subscription-Key\",type=\"header\""
        );
    }

    #[test]
    fn a_failed_body_has_the_status_of_its_cause() {
        let status = |error| request_body(&error).status.as_u16();
        assert_eq!(status(BodyError::Malformed("chunk".into())), 400);
        assert_eq!(status(BodyError::TooLarge { limit: 1 }), 413);
        assert_eq!(status(BodyError::TooSlow), 408);
        assert_eq!(status(BodyError::Aborted), 499);
    }
}
