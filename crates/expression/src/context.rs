//! What a gateway gives to an expression: the documented `context` object as plain data.
//!
//! The members are those of <https://learn.microsoft.com/azure/api-management/api-management-policy-expressions>.
//! Everything is read only, except that reading a body may consume it and that an expression may add to the trace.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderName;

use crate::limits::Limits;
use crate::value::Value;

/// The state of one exchange as an expression sees it.
///
/// Clock and randomness come from here too, so that an evaluation can be repeated exactly.
pub trait Context {
    /// The HTTP method of the request, in upper case.
    fn method(&self) -> &str;
    /// The address that the request will be sent to (`Current`) or was received at (`Original`).
    fn url(&self, which: UrlOf) -> Url<'_>;
    /// The path of [`url`](Self::url), for which the rest need not be made.
    fn url_path(&self, which: UrlOf) -> Cow<'_, str> {
        self.url(which).path
    }
    /// Calls `visit` with each value of the header, in order; names compare without case. No call: no such header.
    fn header(&self, of: Side, name: &str, visit: &mut dyn FnMut(&str));
    /// The same as [`header`](Self::header), where the name was read at load.
    fn header_named(&self, of: Side, name: &HeaderName, visit: &mut dyn FnMut(&str)) {
        self.header(of, name.as_str(), visit);
    }
    /// Calls `visit` with each header name once, in order of first appearance.
    fn header_names(&self, of: Side, visit: &mut dyn FnMut(&str));
    /// Calls `visit` with the name and value of each parameter that the operation's template matched, decoded.
    fn matched_parameters(&self, visit: &mut dyn FnMut(&str, &str));
    /// The caller's address as text.
    fn ip_address(&self) -> Cow<'_, str>;
    /// The caller's certificate, DER, where the listener asked for one and got it.
    fn client_certificate(&self) -> Option<Arc<[u8]>>;
    /// The message's body. `preserve` keeps it for the next reader, otherwise it is consumed.
    fn body(&mut self, of: Side, preserve: bool) -> Result<Bytes, BodyError>;
    /// Whether the message has a body at all (`context.Request.Body` is null where it has none).
    fn has_body(&self, of: Side) -> bool;
    /// Status and reason of the response, `None` before there is one (`context.Response` is null then).
    fn status(&self) -> Option<(u16, Cow<'_, str>)>;
    /// The error that led to the on-error section.
    fn last_error(&self) -> Option<&LastError>;
    /// A context variable.
    fn variable(&self, name: &str) -> Option<Value>;
    /// Calls `visit` with each variable.
    fn variables(&self, visit: &mut dyn FnMut(&str, &Value));
    /// The API that was matched.
    fn api(&self) -> Option<&Arc<Api>>;
    /// The operation that was matched.
    fn operation(&self) -> Option<&Arc<Operation>>;
    /// The product through which the API is called.
    fn product(&self) -> Option<&Arc<Product>>;
    /// The subscription whose key was sent.
    fn subscription(&self) -> Option<&Arc<Subscription>>;
    /// The user who owns the subscription.
    fn user(&self) -> Option<&Arc<User>>;
    /// The gateway and the service it belongs to.
    fn deployment(&self) -> &Arc<Deployment>;
    /// The workspace of the API.
    fn workspace(&self) -> Option<&Arc<Workspace>>;
    /// The backend entity the request will be sent to.
    fn backend(&self) -> Option<&Arc<Backend>>;
    /// Unique number of the request, as the bytes of its canonical text form (RFC 9562).
    fn request_id(&self) -> [u8; 16];
    /// When the request was received.
    fn timestamp(&self) -> SystemTime;
    /// Time since the request was received, from a clock that never goes back; the time budget is measured with it.
    fn elapsed(&self) -> Duration;
    /// The wall clock.
    fn now(&self) -> SystemTime;
    /// Whether this request is traced.
    fn tracing(&self) -> bool;
    /// Adds a line to the trace (`context.Trace`).
    fn trace(&mut self, message: &str);
    /// What one evaluation may take.
    fn limits(&self) -> Limits {
        Limits::default()
    }
    /// Fills `buffer` with random bytes; they must be unpredictable, keys are made of them.
    fn random(&mut self, buffer: &mut [u8]);
}

/// Which of the two messages of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an exchange has two messages")]
pub enum Side {
    /// `context.Request`.
    Request,
    /// `context.Response`.
    Response,
}

/// Which address of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a request has two addresses")]
pub enum UrlOf {
    /// `context.Request.Url`: what policies made of it so far.
    Current,
    /// `context.Request.OriginalUrl`: as received.
    Original,
}

/// An address in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url<'a> {
    /// `http` or `https`.
    pub scheme: Cow<'a, str>,
    /// Host without port.
    pub host: Cow<'a, str>,
    /// Port, also where it is the scheme's default.
    pub port: u16,
    /// Path with its leading `/`, still percent-encoded.
    pub path: Cow<'a, str>,
    /// Query with its leading `?`, or empty, still percent-encoded.
    pub query: Cow<'a, str>,
}

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// An earlier reader took it without `preserveContent`.
    #[error("the message body was read already; read it with preserveContent: true to keep it")]
    Consumed,
    /// There is no such message or it has no body.
    #[error("the message has no body")]
    Missing,
    /// It is longer than the gateway holds in memory.
    #[error("the message body is longer than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
}

/// `context.LastError`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct LastError {
    pub source: Arc<str>,
    pub reason: Option<Arc<str>>,
    pub message: Arc<str>,
    pub scope: Option<Arc<str>>,
    pub section: Option<Arc<str>>,
    pub path: Option<Arc<str>>,
    pub policy_id: Option<Arc<str>>,
    pub http_error_code: Option<u16>,
}

/// `context.Api`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct Api {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub path: Arc<str>,
    pub protocols: Vec<Arc<str>>,
    pub service_url: Option<Arc<Url<'static>>>,
    pub subscription_header_name: Arc<str>,
    pub subscription_query_name: Arc<str>,
    pub is_current_revision: bool,
    pub revision: Arc<str>,
    pub version: Arc<str>,
}

/// `context.Operation`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct Operation {
    pub id: Arc<str>,
    pub method: Arc<str>,
    pub name: Arc<str>,
    pub url_template: Arc<str>,
}

/// `context.Product`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct Product {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub apis: Vec<Arc<Api>>,
    pub approval_required: bool,
    pub groups: Vec<Arc<Group>>,
    pub published: bool,
    pub subscription_limit: Option<i32>,
    pub subscription_required: bool,
}

/// A group, by identifier and display name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct Group {
    pub id: Arc<str>,
    pub name: Arc<str>,
}

/// `context.Subscription`.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct Subscription {
    pub created: SystemTime,
    pub end: Option<SystemTime>,
    pub id: Arc<str>,
    /// The key that the request carried.
    pub key: Arc<str>,
    pub name: Arc<str>,
    pub primary_key: Arc<str>,
    pub secondary_key: Arc<str>,
    pub start: Option<SystemTime>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// `context.User`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct User {
    pub email: Arc<str>,
    pub first_name: Arc<str>,
    pub groups: Vec<Arc<Group>>,
    pub id: Arc<str>,
    pub identities: Vec<Arc<UserIdentity>>,
    pub last_name: Arc<str>,
    pub note: Arc<str>,
    pub registered: SystemTime,
}

/// How a user signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct UserIdentity {
    pub id: Arc<str>,
    pub provider: Arc<str>,
}

/// `context.Deployment`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct Deployment {
    pub gateway_id: Arc<str>,
    pub gateway_instance_id: Arc<str>,
    pub gateway_is_managed: bool,
    pub region: Arc<str>,
    pub service_id: Arc<str>,
    pub service_name: Arc<str>,
    /// Uploaded certificates by their identifier.
    pub certificates: Vec<(Arc<str>, Certificate)>,
}

/// A certificate with, where an expression may sign or decrypt with it, its private key.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate, DER.
    pub der: Arc<[u8]>,
    /// Its private key, PKCS #8 DER; `None` makes `HasPrivateKey` false.
    pub private_key: Option<Arc<[u8]>>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("private_key", &self.private_key.is_some())
            .finish_non_exhaustive()
    }
}

/// `context.Workspace`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct Workspace {
    pub id: Arc<str>,
    pub name: Arc<str>,
}

/// `context.Backend`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documented members")]
pub struct Backend {
    pub id: Arc<str>,
    pub kind: Arc<str>,
    pub azure_region: Option<Arc<str>>,
}
