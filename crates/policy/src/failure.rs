//! What went wrong in a policy or a built-in step, and the answer that it has by default.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, StatusCode, header::HeaderName};

/// A failure that sends the exchange to `on-error`. Source, reason and message are those of Azure API Management's
/// table of predefined errors.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The status code of the default answer.
    pub status: StatusCode,
    /// The policy or built-in step (`configuration`, `authorization`, `forward-request` …).
    pub source: Cow<'static, str>,
    /// A code that can be compared, such as `SubscriptionKeyNotFound`.
    pub reason: Cow<'static, str>,
    /// What `context.LastError.Message` says.
    pub message: Cow<'static, str>,
    /// What the client is told, where that differs from the message: inner workings stay inside.
    pub public_message: Option<Cow<'static, str>>,
    /// Header fields of the default answer, such as `Retry-After`.
    pub headers: HeaderMap,
}

impl Failure {
    /// A failure with APIM's names.
    pub fn new(
        status: StatusCode,
        source: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            source: source.into(),
            reason: reason.into(),
            message: message.into(),
            public_message: None,
            headers: HeaderMap::new(),
        }
    }

    /// Tells the client something else than the log.
    pub fn public(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.public_message = Some(message.into());
        self
    }

    /// Adds a header field to the default answer.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}
