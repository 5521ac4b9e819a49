//! What `send-request` and `send-one-way-request` share: a request of their own, written out or copied from the
//! exchange's.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::authentication_certificate;
use super::authentication_managed_identity::ManagedIdentity;
use super::proxy::ProxyChoice;
use super::set_body::BodyEdit;
use super::set_header::HeaderEdit;
use super::set_method::MethodEdit;
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::value::{Enumeration, Integer, Text};
use crate::{
    BackendChoice, Exchange, Failure, OutgoingRequest, OutgoingTarget, Section, UpstreamError, World,
};

/// The longest timeout: an hour.
const MAX_SECONDS: i64 = 3600;

/// Where the hops of a request are counted (RFC 8586): a request that a policy makes goes on with those of the exchange.
const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// The attributes of both policies.
pub(super) const ATTRIBUTES: &[&str] = &["mode", "timeout"];
/// The elements of both policies.
const ELEMENTS: &[&str] = &[
    "set-url",
    "set-method",
    "set-header",
    "set-body",
    "authentication-certificate",
    "authentication-basic",
    "authentication-managed-identity",
    "proxy",
];

/// A request, compiled.
#[derive(Debug)]
pub(super) struct SideRequest {
    policy: &'static str,
    section: &'static str,
    mode: Enumeration<Mode>,
    timeout: Integer,
    url: Option<Target>,
    method: Option<MethodEdit>,
    headers: Vec<HeaderEdit>,
    body: Option<BodyEdit>,
    certificate: Option<Text>,
    basic: Option<(Text, Text)>,
    proxy: Option<ProxyChoice>,
    managed_identity: Option<ManagedIdentity>,
    /// Whether a copy has the request's body; after the backend it is gone.
    copies_body: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    New,
    Copy,
}

const MODES: &[(&str, Mode)] = &[("new", Mode::New), ("copy", Mode::Copy)];

#[derive(Debug)]
enum Target {
    Literal(Arc<Url>),
    Computed(Text),
}

impl SideRequest {
    /// Compiles the request; `more` are the policy's other attributes.
    pub(super) fn compile(
        builder: &mut Builder<'_>,
        element: &Element,
        more: &[&str],
    ) -> Result<Self, Reported> {
        let attributes: Vec<&str> = ATTRIBUTES.iter().chain(more).copied().collect();
        builder.only(element, &attributes, ELEMENTS);
        builder.no_text(element);
        let mode = builder.enumeration(element, "mode", MODES, Mode::New);
        let timeout = match builder.optional_integer(element, "timeout", 1..=MAX_SECONDS) {
            Some(timeout) => timeout,
            None => Integer::Literal(60),
        };
        let url = match builder.child(element, "set-url") {
            Some(child) => Some(compile_url(builder, child)?),
            None => None,
        };
        let method = builder.child(element, "set-method").map(|child| MethodEdit::compile(builder, child));
        if mode.literal() == Some(Mode::New) {
            let missing = [("set-url", url.is_none()), ("set-method", method.is_none())];
            if let Some((name, _)) = missing.into_iter().find(|(_, is_missing)| *is_missing) {
                let message = format!("`{}` holds no `{name}`, which a new request needs", element.name);
                let fix = format!("add `<{name}>…</{name}>`, or `mode=\"copy\"`");
                return Err(builder.error_with_fix("missing-element", &element.location, message, fix));
            }
        }
        let headers =
            element.elements_named("set-header").map(|child| HeaderEdit::compile(builder, child)).collect();
        let body = match builder.child(element, "set-body") {
            Some(child) => Some(BodyEdit::compile(builder, child)?),
            None => None,
        };
        let (certificate, basic, managed_identity) = compile_authentication(builder, element)?;
        let proxy = match builder.child(element, "proxy") {
            Some(child) => Some(ProxyChoice::compile(builder, child)?),
            None => None,
        };
        let copies_body = builder.message() == Message::Request;
        if copies_body && body.is_none() && mode.literal() != Some(Mode::New) {
            builder.read_request_body();
        }
        Ok(Self {
            policy: builder.policy(),
            section: builder.section().unwrap_or(Section::Inbound).as_str(),
            mode,
            timeout,
            url,
            method,
            headers,
            body,
            certificate,
            basic,
            proxy,
            managed_identity,
            copies_body,
        })
    }

    /// The section that it stands in.
    pub(super) fn section(&self) -> &'static str {
        self.section
    }

    /// Adds the token of a managed identity to the request, where one is asked for.
    pub(super) async fn authorize(
        &self,
        request: &mut OutgoingRequest,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<(), Failure> {
        if let Some(identity) = &self.managed_identity
            && let Some(value) = identity.authorization(exchange, world).await?
        {
            request.headers.insert(AUTHORIZATION, value);
        }
        Ok(())
    }
    /// Whether [`authorize`](Self::authorize) waits for something.
    pub(super) fn waits(&self) -> bool {
        self.managed_identity.is_some()
    }
    /// The request for this exchange.
    pub(super) fn evaluate(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<OutgoingRequest, Failure> {
        let is_copy = self.mode.evaluate(exchange, world)? == Mode::Copy;
        let seconds = self.timeout.evaluate(exchange, world)?;
        let target = match &self.url {
            Some(Target::Literal(url)) => OutgoingTarget::Url(Arc::clone(url)),
            Some(Target::Computed(text)) => {
                let text = text.evaluate(exchange, world)?;
                let url = parse_url(&text).map_err(|why| {
                    Failure::internal(self.policy, "UrlInvalid", format!("The URL of the request {why}."))
                })?;
                OutgoingTarget::Url(Arc::new(url))
            }
            None if is_copy => self.backend(exchange)?,
            None => return Err(self.lacks("set-url")),
        };
        let method = match &self.method {
            Some(edit) => edit.evaluate(exchange, world)?,
            None if is_copy => exchange.request.method.clone(),
            None => return Err(self.lacks("set-method")),
        };
        let mut headers = if is_copy { copied_headers(&exchange.request.headers) } else { HeaderMap::new() };
        for value in exchange.request.headers.get_all(CDN_LOOP).into_iter().filter(|_| !is_copy) {
            headers.append(CDN_LOOP, value.clone());
        }
        for edit in &self.headers {
            edit.evaluate(exchange, world)?.apply(&mut headers);
        }
        let mut body = match exchange.request.body.bytes() {
            Some(bytes) if is_copy && self.copies_body => bytes.clone(),
            _ => Bytes::new(),
        };
        match &self.body {
            Some(edit) => {
                headers.remove(CONTENT_ENCODING);
                body = edit.evaluate(exchange, world)?.bytes().cloned().unwrap_or_default();
            }
            None if body.is_empty() && is_copy => {
                headers.remove(CONTENT_ENCODING);
                headers.remove(CONTENT_TYPE);
            }
            None => {}
        }
        headers.remove(CONTENT_LENGTH);
        if let Some((username, password)) = &self.basic {
            let pair =
                format!("{}:{}", username.evaluate(exchange, world)?, password.evaluate(exchange, world)?);
            if let Ok(mut value) = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))) {
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
        }
        let certificate = match &self.certificate {
            Some(text) => Some(text.evaluate(exchange, world)?.into()),
            None => None,
        };
        let proxy = match &self.proxy {
            Some(proxy) => Some(proxy.evaluate(exchange, world)?),
            None => None,
        };
        let timeout = Duration::from_secs(seconds.unsigned_abs());
        Ok(OutgoingRequest { target, method, headers, body, timeout, certificate, proxy })
    }

    /// What a request without an answer is to the pipeline.
    pub(super) fn failure(&self, error: &UpstreamError) -> Failure {
        let reason = match error {
            UpstreamError::Timeout(_) => "Timeout",
            _ => "BackendConnectionFailure",
        };
        Failure::internal(self.policy, reason, error.to_string())
    }

    fn lacks(&self, element: &str) -> Failure {
        let message = format!("The policy holds no {element}, which a new request needs.");
        Failure::internal(self.policy, "RequestInvalid", message)
    }

    /// Where the exchange's own request goes.
    fn backend(&self, exchange: &Exchange) -> Result<OutgoingTarget, Failure> {
        let request = &exchange.request.url;
        let mut path = request.path.clone();
        if !request.query.is_empty() {
            path.push('?');
            path.push_str(request.query.raw());
        }
        let base = match &exchange.backend {
            BackendChoice::Entity(entity) => {
                return Ok(OutgoingTarget::Backend { entity: Arc::clone(entity), path });
            }
            BackendChoice::Url(base) => Some(base),
            BackendChoice::Service => exchange.route.api.as_ref().and_then(|api| api.service_url.as_ref()),
        };
        let base = base.ok_or_else(|| self.failure(&UpstreamError::NoBackend))?;
        let whole = format!("{}{path}", base.as_str().trim_end_matches('/'));
        let url = parse_url(&whole).map_err(|why| {
            Failure::internal(self.policy, "UrlInvalid", format!("The URL of the copied request {why}."))
        })?;
        Ok(OutgoingTarget::Url(Arc::new(url)))
    }
}

/// The fields of a copy: all but the host, which is the other side's.
fn copied_headers(headers: &HeaderMap) -> HeaderMap {
    let mut copy = headers.clone();
    copy.remove(HOST);
    copy
}

fn compile_url(builder: &mut Builder<'_>, element: &Element) -> Result<Target, Reported> {
    builder.only(element, &[], &[]);
    let text = builder.content(element);
    let Some(literal) = text.literal() else { return Ok(Target::Computed(text)) };
    match parse_url(literal) {
        Ok(url) => Ok(Target::Literal(Arc::new(url))),
        Err(why) => {
            let location = element.text().trimmed().location;
            let fix = "such as `https://auth.example.com/introspect`";
            Err(builder.error_with_fix("bad-value", &location, format!("the URL {why}"), fix))
        }
    }
}

fn parse_url(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text.trim()).map_err(|error| format!("is not absolute, or no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("has the scheme `{}`; requests go over http or https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or a password; use authentication-basic instead".to_owned());
    }
    url.set_fragment(None);
    Ok(url)
}

type Authentication = (Option<Text>, Option<(Text, Text)>, Option<ManagedIdentity>);

fn compile_authentication(builder: &mut Builder<'_>, element: &Element) -> Result<Authentication, Reported> {
    let certificate = match builder.child(element, "authentication-certificate") {
        Some(child) => Some(authentication_certificate::compile_name(builder, child)?),
        None => None,
    };
    let basic = match builder.child(element, "authentication-basic") {
        Some(child) => {
            builder.only(child, &["username", "password"], &[]);
            builder.no_text(child);
            Some((builder.text(child, "username"), builder.text(child, "password")))
        }
        None => None,
    };
    let managed_identity = match builder.child(element, "authentication-managed-identity") {
        Some(child) => Some(ManagedIdentity::compile(builder, child)?),
        None => None,
    };
    Ok((certificate, basic, managed_identity))
}
