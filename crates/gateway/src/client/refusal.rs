//! Why the framing layer refuses a request.

use http::StatusCode;

/// A request that never reaches the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Refusal {
    /// The request line is not `method SP target SP version CRLF`.
    RequestLine = 1,
    /// The method is not a token, or one that is not served (CONNECT on HTTP/1).
    Method,
    /// The target is in a form that the method does not have, or holds characters that a target cannot hold.
    Target,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    Version,
    /// A line does not end with CRLF.
    LineEnd,
    /// A field name is not a token followed by a colon.
    FieldName,
    /// A field value holds control characters, or goes on in the next line.
    FieldValue,
    /// No Host, two of them, or one that is not `host[:port]`.
    Host,
    /// The authority of the target is not the one of the Host field.
    AuthorityMismatch,
    /// Content-Length is not one number.
    ContentLength,
    /// Transfer-Encoding is not exactly `chunked` on HTTP/1.1, or stands beside Content-Length.
    TransferEncoding,
    /// An upgrade together with a body.
    UpgradeWithBody,
    /// A field that HTTP/2 does not have.
    ConnectionField,
    /// Pseudo-header fields that do not make a request.
    PseudoHeader,
    /// The head is larger than `limits.header_bytes`.
    HeadTooLarge,
    /// There are more fields than `limits.headers`.
    TooManyFields,
    /// The head did not arrive within `limits.header_timeout`.
    HeadTooSlow,
    /// Content-Length is above `limits.body_bytes`.
    BodyTooLarge,
    /// The handler panicked; the request is lost, the connection and the process are not.
    Panicked,
}

impl Refusal {
    /// The status that the client gets.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::HeadTooLarge | Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HeadTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// One sentence for the log and the answer.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::RequestLine => "The request line is malformed.",
            Self::Method => "The request method is malformed or not served.",
            Self::Target => "The request target is malformed.",
            Self::Version => "The protocol version is not supported.",
            Self::LineEnd => "A line of the request does not end with CRLF.",
            Self::FieldName => "A header field name is malformed.",
            Self::FieldValue => "A header field value is malformed.",
            Self::Host => "The request needs exactly one valid Host.",
            Self::AuthorityMismatch => "The request target and the Host field name different authorities.",
            Self::ContentLength => "The Content-Length is malformed or repeated.",
            Self::TransferEncoding => "The Transfer-Encoding is not acceptable.",
            Self::UpgradeWithBody => "A request that asks for an upgrade cannot have a body.",
            Self::ConnectionField => "A connection-specific header field is not allowed in HTTP/2.",
            Self::PseudoHeader => "The pseudo-header fields do not form a request.",
            Self::HeadTooLarge => "The request head is too large.",
            Self::TooManyFields => "The request has too many header fields.",
            Self::HeadTooSlow => "The request head did not arrive in time.",
            Self::BodyTooLarge => "The request body is too large.",
            Self::Panicked => "The request failed.",
        }
    }

    /// The refusal with this discriminant.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|refusal| *refusal as u8 == code)
    }

    const ALL: [Self; 19] = [
        Self::RequestLine,
        Self::Method,
        Self::Target,
        Self::Version,
        Self::LineEnd,
        Self::FieldName,
        Self::FieldValue,
        Self::Host,
        Self::AuthorityMismatch,
        Self::ContentLength,
        Self::TransferEncoding,
        Self::UpgradeWithBody,
        Self::ConnectionField,
        Self::PseudoHeader,
        Self::HeadTooLarge,
        Self::TooManyFields,
        Self::HeadTooSlow,
        Self::BodyTooLarge,
        Self::Panicked,
    ];
}
