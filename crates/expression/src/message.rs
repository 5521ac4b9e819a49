//! Objects that policies leave in variables for expressions: answers of `send-request`, tokens, authorizations.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::class::Type;
use crate::context::BodyError;
use crate::json::{self, Json};
use crate::time::DateTime;
use crate::types::Id;
use crate::value::{Object, Value};

/// An answer, as `send-request` leaves it in a variable (`IResponse`).
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: Arc<str>,
    /// Headers in order, each value by itself.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// `None` once it was read without `preserveContent`.
    body: Mutex<Option<Bytes>>,
}

impl Response {
    /// An answer whose body is held whole.
    pub fn new(
        status: u16,
        reason: impl Into<Arc<str>>,
        headers: Vec<(Arc<str>, Arc<str>)>,
        body: Bytes,
    ) -> Self {
        Self { status, reason: reason.into(), headers, body: Mutex::new(Some(body)) }
    }

    /// The body; consumed unless it is preserved.
    pub fn body(&self, preserve: bool) -> Result<Bytes, BodyError> {
        let mut body = self.body.lock();
        if preserve { body.clone() } else { body.take() }.ok_or(BodyError::Consumed)
    }
}

impl Object for Response {
    fn class(&self) -> Type {
        Type::Plain(Id::IResponse)
    }
}

impl From<Response> for Value {
    fn from(response: Response) -> Self {
        Self::object(response)
    }
}

/// A token's content (`Jwt`), as `AsJwt()` and `validate-jwt` give it. Nothing here says that its signature is right.
#[derive(Debug)]
pub struct Jwt {
    pub(crate) header: Json,
    pub(crate) payload: Json,
}

impl Jwt {
    /// Reads header and payload, both JSON objects, as they stand in the token after base64url decoding.
    pub fn from_parts(header: &str, payload: &str) -> Option<Self> {
        let header = json::parse_plain(header).ok()?;
        let payload = json::parse_plain(payload).ok()?;
        (header.is_object() && payload.is_object()).then_some(Self { header, payload })
    }

    /// Reads a compact token, with or without `Bearer`; `None` if it is none.
    pub fn parse(token: &str) -> Option<Self> {
        use base64::Engine as _;
        let token = strip_scheme(token, "Bearer").unwrap_or_else(|| token.trim());
        let mut parts = token.split('.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || header.is_empty() || payload.is_empty() {
            return None;
        }
        let engine = base64::engine::GeneralPurpose::new(
            &base64::alphabet::URL_SAFE,
            base64::engine::GeneralPurposeConfig::new()
                .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
                .with_decode_allow_trailing_bits(true),
        );
        let decode = |part: &str| engine.decode(part.replace('+', "-").replace('/', "_")).ok();
        decode(signature)?;
        let header = String::from_utf8(decode(header)?).ok()?;
        let payload = String::from_utf8(decode(payload)?).ok()?;
        Self::from_parts(&header, &payload)
    }

    /// The values of a claim, each as text.
    pub fn claim(&self, name: &str) -> Option<Vec<Arc<str>>> {
        let claim = self.payload.property(name)?;
        Some(if claim.is_array() {
            claim.children().iter().map(claim_text).collect()
        } else {
            vec![claim_text(&claim)]
        })
    }

    /// The names of all claims.
    pub fn claims(&self) -> Vec<Arc<str>> {
        self.payload.names()
    }

    pub(crate) fn time(&self, name: &str) -> Option<DateTime> {
        let seconds = self.payload.property(name)?.scalar()?;
        let seconds = crate::number::Number::of(&seconds)?.double();
        DateTime::from_unix_seconds(seconds)
    }
}

/// A claim's text: JSON for objects and arrays, `true`/`false` for truth values.
pub(crate) fn claim_text(claim: &Json) -> Arc<str> {
    match claim.scalar() {
        Some(Value::Boolean(b)) => if b { "true" } else { "false" }.into(),
        Some(value) => value.to_text(),
        None => claim.write(false).into(),
    }
}

/// What follows an authentication scheme, where the text begins with it.
pub(crate) fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let text = text.trim();
    let (first, rest) = text.split_once(' ')?;
    first.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

impl Object for Jwt {
    fn class(&self) -> Type {
        Type::Plain(Id::Jwt)
    }
}

impl From<Jwt> for Value {
    fn from(jwt: Jwt) -> Self {
        Self::object(jwt)
    }
}

/// The result of `get-authorization-context` (`Authorization`).
#[derive(Debug)]
pub struct Authorization {
    /// The access token of the backend.
    pub access_token: Arc<str>,
    /// Claims that came with it.
    pub claims: Vec<(Arc<str>, Value)>,
}

impl Authorization {
    /// An access token with the members of the answer that it came in, a JSON object; `None` where that is something else.
    pub fn from_parts(access_token: &str, answer: &str) -> Option<Self> {
        let answer = json::parse_plain(answer).ok().filter(Json::is_object)?;
        let claim = |name: Arc<str>| {
            let member = answer.property(&name)?;
            let value = member.scalar().unwrap_or(Value::Json(member));
            Some((name, value))
        };
        let claims = answer.names().into_iter().filter_map(claim).collect();
        Some(Self { access_token: access_token.into(), claims })
    }
}

impl Object for Authorization {
    fn class(&self) -> Type {
        Type::Plain(Id::Authorization)
    }
}

impl From<Authorization> for Value {
    fn from(authorization: Authorization) -> Self {
        Self::object(authorization)
    }
}
