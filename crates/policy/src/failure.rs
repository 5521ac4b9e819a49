//! What went wrong in a policy or a built-in step, and the answer that it has by default.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, StatusCode, header::HeaderName};

use crate::Origin;

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
    /// What the default answer has beside the message.
    pub extras: Option<Box<Extras>>,
    /// Where the policy stands that failed; the runner fills it in.
    pub origin: Option<Box<Origin>>,
    /// Whether the answer as it stands is kept instead of a default one: a backend's error status that
    /// `fail-on-error-status-code` sends to `on-error`.
    pub keeps_response: bool,
    /// Whether the message holds what a client has sent, so that no log may keep it.
    pub is_private: bool,
}

/// What the answer to a failure has beside its message.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Header fields, such as `Retry-After`.
    pub headers: HeaderMap,
    /// All that is wrong with a message, told to a client that accepts problems (RFC 9457, section 3.2).
    pub errors: Vec<ErrorDetail>,
    /// Whether the answer is one of GraphQL: `errors` and no `data`.
    pub is_graphql: bool,
}

/// One of several things that are wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorDetail {
    /// What.
    pub detail: String,
    /// JSON pointer (RFC 6901) to the value in the body; or the name of the parameter.
    pub at: ErrorPlace,
}

/// What an [`ErrorDetail`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorPlace {
    /// A value in the body.
    Pointer(String),
    /// A parameter.
    Parameter(String),
    /// A place in the text of a request of GraphQL; both count from 1.
    Text {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// The message as a whole.
    Message,
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
            extras: None,
            origin: None,
            keeps_response: false,
            is_private: false,
        }
    }

    /// A failure inside the gateway: the client learns no more than that.
    pub fn internal(
        source: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, source, reason, message).public("Internal server error")
    }

    /// Tells the client something else than the log.
    pub fn public(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.public_message = Some(message.into());
        self
    }

    /// Keeps the message out of logs; `context.LastError` has it all the same.
    pub fn private(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// Adds a header field to the default answer.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.extras.get_or_insert_default().headers.append(name, value);
        self
    }

    /// Says where it happened, unless that is known already: the innermost policy counts.
    pub(crate) fn at(mut self, origin: &Origin) -> Self {
        self.origin.get_or_insert_with(|| Box::new(origin.clone()));
        self
    }
}
