//! The exchange as an expression sees it: the `context` object.

mod facts;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use gatehouse_expression as expression;
use gatehouse_expression::{BodyError, Context, Side, Url, UrlOf, Value};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{BackendChoice, Body, Exchange, RequestUrl, Response, World};

/// An exchange and the world for the time of one evaluation.
pub(crate) struct Evaluation<'e> {
    exchange: &'e mut Exchange,
    world: &'e World<'e>,
    /// Most expressions never ask for them.
    facts: OnceCell<Box<Facts>>,
    /// Whether a variable was read that holds what came from a secret.
    has_read_secret: Cell<bool>,
}

/// What was matched, in the form that expressions want; made when an expression looks at it.
#[derive(Default)]
struct Facts {
    api: OnceCell<Option<Arc<expression::Api>>>,
    operation: OnceCell<Option<Arc<expression::Operation>>>,
    product: OnceCell<Option<Arc<expression::Product>>>,
    subscription: OnceCell<Option<Arc<expression::Subscription>>>,
    user: OnceCell<Option<Arc<expression::User>>>,
    deployment: OnceCell<Arc<expression::Deployment>>,
    workspace: OnceCell<Option<Arc<expression::Workspace>>>,
    backend: OnceCell<Option<Arc<expression::Backend>>>,
    last_error: OnceCell<Option<expression::LastError>>,
}

impl<'e> Evaluation<'e> {
    pub(crate) fn new(exchange: &'e mut Exchange, world: &'e World<'e>) -> Self {
        Self { exchange, world, facts: OnceCell::new(), has_read_secret: Cell::new(false) }
    }

    fn facts(&self) -> &Facts {
        self.facts.get_or_init(Box::default)
    }

    /// Whether a variable was read that holds what came from a secret, as far as a trace knows.
    pub(crate) fn has_read_secret(&self) -> bool {
        self.has_read_secret.get()
    }

    fn headers(&self, of: Side) -> Option<&HeaderMap> {
        match of {
            Side::Request => Some(&self.exchange.request.headers),
            Side::Response => self.response().map(|response| &response.headers),
        }
    }

    fn response(&self) -> Option<&Response> {
        self.exchange.response.as_ref()
    }

    fn body_of(&self, of: Side) -> Option<&Body> {
        match of {
            Side::Request => Some(&self.exchange.request.body),
            Side::Response => self.response().map(|response| &response.body),
        }
    }
}

impl Context for Evaluation<'_> {
    fn method(&self) -> &str {
        self.exchange.request.method.as_str()
    }

    fn url(&self, which: UrlOf) -> Url<'_> {
        match which {
            UrlOf::Current => url(&self.exchange.request.url),
            UrlOf::Original => url(&self.exchange.request.original_url),
        }
    }

    fn url_path(&self, which: UrlOf) -> Cow<'_, str> {
        let request = &self.exchange.request;
        Cow::Borrowed(match which {
            UrlOf::Current => &request.url.path,
            UrlOf::Original => &request.original_url.path,
        })
    }

    fn header(&self, of: Side, name: &str, visit: &mut dyn FnMut(&str)) {
        let Some(headers) = self.headers(of) else { return };
        for value in headers.get_all(name) {
            tell(value, visit);
        }
    }

    fn header_named(&self, of: Side, name: &HeaderName, visit: &mut dyn FnMut(&str)) {
        let Some(headers) = self.headers(of) else { return };
        // Nearly always there is one value.
        let Some(first) = headers.get(name) else { return };
        tell(first, visit);
        if headers.len() > headers.keys_len() {
            for value in headers.get_all(name).into_iter().skip(1) {
                tell(value, visit);
            }
        }
    }

    fn header_names(&self, of: Side, visit: &mut dyn FnMut(&str)) {
        for name in self.headers(of).into_iter().flat_map(HeaderMap::keys) {
            visit(name.as_str());
        }
    }

    fn matched_parameters(&self, visit: &mut dyn FnMut(&str, &str)) {
        for (name, value) in &self.exchange.request.matched_parameters {
            visit(name, value);
        }
    }

    fn ip_address(&self) -> Cow<'_, str> {
        self.exchange.request.client_ip.to_string().into()
    }

    fn client_certificate(&self) -> Option<Arc<[u8]>> {
        self.exchange.request.certificate.as_ref().map(|certificate| Arc::clone(&certificate.der))
    }

    fn body(&mut self, of: Side, preserve: bool) -> Result<Bytes, BodyError> {
        let body = match of {
            Side::Request => &mut self.exchange.request.body,
            Side::Response => &mut self.exchange.response.as_mut().ok_or(BodyError::Missing)?.body,
        };
        let bytes = match body {
            Body::Consumed => return Err(BodyError::Consumed),
            // What an expression may read has been made whole before its policy runs.
            Body::Stream(_) => return Err(BodyError::Missing),
            Body::Empty => Bytes::new(),
            Body::Full(bytes) => bytes.clone(),
        };
        if !preserve {
            *body = Body::Consumed;
        }
        Ok(bytes)
    }

    fn has_body(&self, of: Side) -> bool {
        self.body_of(of).is_some_and(|body| matches!(body, Body::Consumed) || !body.is_empty())
    }

    fn status(&self) -> Option<(u16, Cow<'_, str>)> {
        let response = self.response()?;
        let reason = match &response.reason {
            Some(reason) => Cow::Borrowed(&**reason),
            None => Cow::Borrowed(response.status.canonical_reason().unwrap_or_default()),
        };
        Some((response.status.as_u16(), reason))
    }

    fn last_error(&self) -> Option<&expression::LastError> {
        self.facts()
            .last_error
            .get_or_init(|| self.exchange.last_error.as_ref().map(facts::last_error))
            .as_ref()
    }

    fn variable(&self, name: &str) -> Option<Value> {
        if self.exchange.trace.as_ref().is_some_and(|trace| trace.is_tainted(name)) {
            self.has_read_secret.set(true);
        }
        self.exchange.variables.get(name).cloned()
    }

    fn variables(&self, visit: &mut dyn FnMut(&str, &Value)) {
        for (name, value) in self.exchange.variables.iter() {
            visit(name, value);
        }
    }

    fn api(&self) -> Option<&Arc<expression::Api>> {
        self.facts().api.get_or_init(|| self.exchange.route.api.as_deref().map(facts::api)).as_ref()
    }

    fn operation(&self) -> Option<&Arc<expression::Operation>> {
        let make = || self.exchange.route.operation.as_deref().map(facts::operation);
        self.facts().operation.get_or_init(make).as_ref()
    }

    fn product(&self) -> Option<&Arc<expression::Product>> {
        self.facts()
            .product
            .get_or_init(|| self.exchange.route.product.as_deref().map(facts::product))
            .as_ref()
    }

    fn subscription(&self) -> Option<&Arc<expression::Subscription>> {
        let make = || self.exchange.route.subscription.as_deref().map(facts::subscription);
        self.facts().subscription.get_or_init(make).as_ref()
    }

    fn user(&self) -> Option<&Arc<expression::User>> {
        let make = || self.exchange.route.subscription.as_deref().and_then(facts::user);
        self.facts().user.get_or_init(make).as_ref()
    }

    fn deployment(&self) -> &Arc<expression::Deployment> {
        self.facts().deployment.get_or_init(|| facts::deployment(&self.exchange.deployment))
    }

    fn workspace(&self) -> Option<&Arc<expression::Workspace>> {
        let make = || self.exchange.route.api.as_ref()?.workspace.as_ref().map(facts::workspace);
        self.facts().workspace.get_or_init(make).as_ref()
    }

    fn backend(&self) -> Option<&Arc<expression::Backend>> {
        let make = || match &self.exchange.backend {
            BackendChoice::Entity(name) => Some(facts::backend(name)),
            BackendChoice::Service | BackendChoice::Url(_) => None,
        };
        self.facts().backend.get_or_init(make).as_ref()
    }

    fn request_id(&self) -> [u8; 16] {
        self.exchange.id.into_bytes()
    }

    fn timestamp(&self) -> SystemTime {
        let age = self.elapsed();
        self.now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn elapsed(&self) -> Duration {
        let now = self.world.clock.monotonic_micros();
        Duration::from_micros(now.saturating_sub(self.exchange.started_micros))
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.world.clock.now_millis())
    }

    fn tracing(&self) -> bool {
        self.exchange.trace.as_ref().is_some_and(|trace| trace.tells_decisions())
    }

    /// A line for a trace that nobody has asked for goes nowhere.
    fn trace(&mut self, message: &str) {
        self.exchange.say_in_trace(message);
    }

    fn limits(&self) -> expression::Limits {
        self.world.expression_limits
    }

    fn random(&mut self, buffer: &mut [u8]) {
        self.world.random.fill(buffer);
    }
}

fn tell(value: &HeaderValue, visit: &mut dyn FnMut(&str)) {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => visit(text),
        Err(_) => visit(&String::from_utf8_lossy(value.as_bytes())),
    }
}

fn url(url: &RequestUrl) -> Url<'_> {
    let query = url.query.raw();
    Url {
        scheme: url.scheme.into(),
        host: Cow::Borrowed(&url.host),
        port: url.port,
        path: Cow::Borrowed(&url.path),
        query: if query.is_empty() { Cow::Borrowed("") } else { format!("?{query}").into() },
    }
}

#[cfg(test)]
mod tests;
