//! Tokens that say nothing by themselves: their issuer is asked (RFC 7662). An extension.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gatehouse_identity::jose::{Json, parse_json};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::keys::{compile_url, extension};
use super::refusal::Refusal;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::tokens::VerifiedToken;
use crate::value::Text;
use crate::{Exchange, Failure, OutgoingRequest, OutgoingTarget, World};

/// `introspection`.
#[derive(Debug)]
pub(super) struct Introspection {
    url: Arc<Url>,
    client: Text,
    secret: Text,
    /// How long an answer is kept at most, in seconds.
    pub(super) keep: u64,
}

/// What the form encoding keeps (WHATWG URL, `application/x-www-form-urlencoded`).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');
const MAX_TOKEN: usize = 4096;
const TIMEOUT: Duration = Duration::from_secs(10);

impl Introspection {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Option<Self>, Reported> {
        let Some(child) = builder.child(element, "introspection") else { return Ok(None) };
        builder.only(child, &["url", "client-id", "client-secret", "cache-duration"], &[]);
        builder.no_text(child);
        extension(builder, child);
        let literal = builder.literal(child, "url")?;
        let url = Arc::new(compile_url(builder, child, &literal)?);
        let client = builder.text(child, "client-id");
        let secret = builder.text(child, "client-secret");
        let keep = match child.attribute("cache-duration") {
            Some(_) => builder.literal_integer(child, "cache-duration", 0..=3600),
            None => 60,
        };
        Ok(Some(Self { url, client, secret, keep: keep.unsigned_abs() }))
    }

    /// Whether a token is one to ask about: what has the form of a signed or encrypted token is not.
    pub(super) fn is_for(token: &str) -> bool {
        !matches!(token.bytes().filter(|byte| *byte == b'.').count(), 2 | 4)
    }

    /// Asks. An issuer that cannot be asked, or does not know the token, makes it an invalid one.
    pub(super) async fn ask(
        &self,
        token: &str,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<VerifiedToken, Refusal>, Failure> {
        if token.len() > MAX_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Err(Refusal::invalid("The token is malformed.")));
        }
        let encode = |text: &str| utf8_percent_encode(text, FORM).to_string();
        let client = encode(&self.client.evaluate(exchange, world)?);
        let secret = encode(&self.secret.evaluate(exchange, world)?);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        // RFC 6749, section 2.3.1: both are form-encoded before.
        if let Ok(mut value) =
            HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{client}:{secret}"))))
        {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let body = format!("token={}&token_type_hint=access_token", encode(token));
        let request = OutgoingRequest {
            target: OutgoingTarget::Url(Arc::clone(&self.url)),
            method: Method::POST,
            headers,
            body: Bytes::from(body),
            timeout: TIMEOUT,
            certificate: None,
            proxy: None,
        };
        let unavailable = || Refusal::invalid("The issuer of the token could not be asked about it.");
        let Ok(response) = world.outgoing.send(&request).await else { return Ok(Err(unavailable())) };
        let bytes = response.body.bytes().filter(|_| response.status == StatusCode::OK);
        let Some(claims) = bytes.and_then(|bytes| parse_json(bytes).ok()) else {
            return Ok(Err(unavailable()));
        };
        if claims.get("active") != Some(&Json::Boolean(true)) {
            return Ok(Err(Refusal::invalid("The token is not active.")));
        }
        let payload = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        Ok(Ok(VerifiedToken::new(claims, None, "{}", payload, None)))
    }
}
