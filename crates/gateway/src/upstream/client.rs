//! Sends an exchange's request to its backend.

use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use gatehouse_model::resources::ApiKind;
use gatehouse_policy::{
    BackendChoice, Clock, Exchange, ForwardOptions, Proxy, Random, Response, Upstream, UpstreamError,
};
use http::header::{HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use smallvec::SmallVec;
use tokio::time::{Sleep, sleep};
use url::Url;

use super::backends::{Backends, Entity, Single};
use super::breaker::{Breaker, Outcome};
use super::credentials::Credentials;
use super::expect::{self, Gate};
use super::failure::{self, Failure};
use super::payload::Payload;
use super::pool::{Authority, Lease, Pools, Protocol, SendFailure, Sent};
use super::redirect;
use super::request_body::RequestBody;
use super::request_head::{Call, drop_content_fields, host_set_by_policy, is_grpc};
use super::tls_profile::TlsProfile;
use super::{answer, request_head};

/// How often a request whose bytes never left may look for another connection.
const UNSENT_ATTEMPTS: usize = 3;

/// The backends as one request sees them: those of the configuration that it began with, over the pools of its core.
#[derive(Clone, Copy)]
pub struct Client<'c> {
    /// The backends of the configuration.
    pub backends: &'c Backends,
    /// The pools of this core.
    pub pools: &'c Rc<Pools>,
    /// Time, for breakers.
    pub clock: &'c dyn Clock,
    /// Chance, for pools.
    pub random: &'c dyn Random,
    /// The bound on a request's body that is kept to be sent again.
    pub buffered_body_bytes: usize,
}

impl Upstream for Client<'_> {
    fn forward<'f>(
        &'f self,
        exchange: &'f mut Exchange,
        options: &'f ForwardOptions,
    ) -> LocalBoxFuture<'f, Result<Response, UpstreamError>> {
        Box::pin(self.call(exchange, options))
    }
}

/// Where a request goes.
pub(super) struct Destination<'c> {
    /// The entity's name; that of the member where a pool was chosen.
    pub(super) name: Option<&'c str>,
    pub(super) url: BaseUrl<'c>,
    pub(super) profile: &'c Arc<TlsProfile>,
    pub(super) credentials: Option<&'c Credentials>,
    breakers: SmallVec<[&'c Breaker; 2]>,
}

impl<'c> Destination<'c> {
    /// A URL that belongs to no entity.
    pub(super) fn url(url: Arc<Url>, profile: &'c Arc<TlsProfile>) -> Self {
        Self { name: None, url: BaseUrl::Shared(url), profile, credentials: None, breakers: SmallVec::new() }
    }
}

/// A URL of the configuration, or one that a policy has made.
pub(super) enum BaseUrl<'c> {
    Compiled(&'c Url),
    Shared(Arc<Url>),
}

impl Deref for BaseUrl<'_> {
    type Target = Url;

    fn deref(&self) -> &Url {
        match self {
            Self::Compiled(url) => url,
            Self::Shared(url) => url,
        }
    }
}

/// One step of a chain of redirects.
pub(super) struct Hop<'h> {
    pub(super) backend: Option<&'h str>,
    pub(super) url: &'h Url,
    pub(super) profile: &'h Arc<TlsProfile>,
    pub(super) grpc: bool,
    pub(super) proxy: Option<&'h Arc<Proxy>>,
}

impl<'c> Client<'c> {
    /// Sends the exchange's request and waits for the head of the answer.
    pub(crate) async fn call(
        &self,
        exchange: &mut Exchange,
        options: &ForwardOptions,
    ) -> Result<Response, UpstreamError> {
        let mut destination = self.destination(exchange)?;
        if let Some(name) = exchange.marks.certificate() {
            let unknown = || UpstreamError::UnknownCertificate(name.to_string());
            destination.profile = self.backends.showing(name).ok_or_else(unknown)?;
        }
        if options.buffer_request_body {
            let bound = self.buffered_body_bytes;
            exchange.request.body.buffer(bound).await.map_err(UpstreamError::RequestBody)?;
        }
        let mut payload = Payload::take(&mut exchange.request.body);
        let outcome = self.run(exchange, &destination, &mut payload, options).await;
        self.conclude(&destination, outcome.as_ref());
        outcome.map_err(|failure| failure.error)
    }

    /// Where the exchange's choice leads, if its breakers let it.
    pub(super) fn destination(&self, exchange: &Exchange) -> Result<Destination<'c>, UpstreamError> {
        match &exchange.backend {
            BackendChoice::Entity(name) => self.entity(name),
            BackendChoice::Url(url) => {
                Ok(Destination::url(Arc::clone(url), self.backends.outgoing_profile()))
            }
            BackendChoice::Service => {
                let service = exchange.route.api.as_ref().and_then(|api| api.service_url.as_ref());
                let url = Arc::clone(service.ok_or(UpstreamError::NoBackend)?);
                Ok(Destination::url(url, self.backends.default_profile()))
            }
        }
    }

    pub(super) fn entity(&self, name: &str) -> Result<Destination<'c>, UpstreamError> {
        let open = |retry_after| UpstreamError::CircuitOpen { retry_after };
        match self.backends.entity(name) {
            None => Err(UpstreamError::UnknownBackend(name.to_owned())),
            Some(Entity::Single(single)) => {
                if single.may_rest() {
                    single.check(self.clock.monotonic_micros()).map_err(open)?;
                }
                Ok(to_single(single))
            }
            Some(Entity::Pool { balance, breaker }) => {
                let now = self.clock.monotonic_micros();
                breaker.as_ref().map_or(Ok(()), |breaker| breaker.check(now)).map_err(open)?;
                let mut destination = to_single(balance.choose(now, self.random).map_err(open)?);
                destination.breakers.extend(breaker.as_deref());
                Ok(destination)
            }
        }
    }

    /// Tells breakers and metrics how it went.
    pub(super) fn conclude(&self, destination: &Destination<'_>, outcome: Result<&Response, &Failure>) {
        let host = destination.url.host_str().unwrap_or_default();
        match outcome {
            Ok(response) => self.pools.observer().answered(destination.name, host, response.status),
            Err(failure) => self.pools.observer().failed(destination.name, host, failure.reason),
        }
        if destination.breakers.is_empty() {
            return;
        }
        let now = self.clock.monotonic_micros();
        let outcome = match outcome.map_err(|failure| &failure.error) {
            Ok(response) => {
                let rest = answer::retry_after(&response.headers, self.clock.now_millis());
                Outcome::Answered(response.status, rest)
            }
            Err(UpstreamError::Timeout(_)) => Outcome::TimedOut,
            Err(UpstreamError::Connection(_) | UpstreamError::BadAnswer(_)) => Outcome::ConnectionFailed,
            // The others are the client's doing, or the gateway's.
            Err(_) => return,
        };
        for breaker in &destination.breakers {
            breaker.record(outcome, now);
        }
    }

    async fn run(
        &self,
        exchange: &Exchange,
        destination: &Destination<'_>,
        payload: &mut Payload,
        options: &ForwardOptions,
    ) -> Result<Response, Failure> {
        let request = &exchange.request;
        let call = Call {
            method: &request.method,
            base: (destination.url.path(), destination.url.query()),
            path: if is_service(exchange) { "" } else { &request.url.path },
            query: request.url.query.raw(),
            headers: &request.headers,
            host: host_set_by_policy(request),
            credentials: destination.credentials,
            expect: payload.is_stream() && expect::is_expected(&request.headers),
        };
        let hop = Hop {
            backend: destination.name,
            url: &destination.url,
            profile: destination.profile,
            grpc: is_grpc(&request.headers),
            proxy: exchange.proxy.as_ref(),
        };
        let mut timer = Box::pin(sleep(options.timeout));
        let (sent, gate) = self.send(&call, &hop, payload, options, &mut timer).await?;
        if options.follow_redirects && sent.response.status().is_redirection() {
            // Boxed, because it is rare and would make every request's future larger.
            return Box::pin(self.follow(&call, &hop, payload, options, timer, (sent, gate))).await;
        }
        Ok(answer::accept(sent.response, sent.stream, gate, timer, options.timeout)?)
    }

    /// Follows redirects from a first answer on.
    async fn follow(
        &self,
        first: &Call<'_>,
        hop: &Hop<'_>,
        payload: &mut Payload,
        options: &ForwardOptions,
        mut timer: Pin<Box<Sleep>>,
        (mut sent, mut gate): (Sent, Option<Gate>),
    ) -> Result<Response, Failure> {
        let mut url = full_url(hop.url, first)?;
        let mut method = first.method.clone();
        let mut headers: HeaderMap = first.headers.clone();
        let mut host: Option<HeaderValue> = first.host.cloned();
        let (mut backend, mut profile, mut credentials) = (hop.backend, hop.profile, first.credentials);
        for _ in 0..redirect::MOST {
            let status = sent.response.status();
            let Some(next) = redirect::target(status, sent.response.headers(), &url) else { break };
            let (next_method, drops_body) = redirect::method(status, &method);
            if drops_body {
                *payload = Payload::empty();
                drop_content_fields(&mut headers);
            } else if payload.is_stream() {
                // It has been sent, and cannot be sent again: the client decides.
                break;
            }
            if !redirect::is_same_authority(&url, &next) {
                redirect::drop_credentials(&mut headers);
                (backend, profile) = (None, self.backends.outgoing_profile());
                (credentials, host) = (None, None);
            }
            (url, method) = (next, next_method);
            let call = Call {
                method: &method,
                base: ("", None),
                path: url.path(),
                query: url.query().unwrap_or_default(),
                headers: &headers,
                host: host.as_ref(),
                credentials,
                expect: false,
            };
            let hop = Hop { backend, url: &url, profile, grpc: hop.grpc, proxy: hop.proxy };
            drop(sent);
            (sent, gate) = self.send(&call, &hop, payload, options, &mut timer).await?;
        }
        Ok(answer::accept(sent.response, sent.stream, gate, timer, options.timeout)?)
    }

    /// Sends one request and waits for the head of its answer, until the timer goes off.
    pub(super) async fn send(
        &self,
        call: &Call<'_>,
        hop: &Hop<'_>,
        payload: &mut Payload,
        options: &ForwardOptions,
        timer: &mut Pin<Box<Sleep>>,
    ) -> Result<(Sent, Option<Gate>), Failure> {
        let protocol = match (options.http2, hop.url.scheme()) {
            (false, _) => Protocol::Http1,
            (true, "http") if hop.grpc => Protocol::Http2,
            (true, _) => Protocol::Negotiated,
        };
        let authority = self
            .pools
            .authority(hop.url, hop.profile, protocol, hop.proxy)
            .map_err(|error| failure::connect(&error))?;
        tokio::select! {
            biased;
            outcome = self.attempt(call, hop.backend, &authority, payload, options) => outcome,
            () = timer.as_mut() => Err(UpstreamError::Timeout(options.timeout).into()),
        }
    }

    async fn attempt(
        &self,
        call: &Call<'_>,
        backend: Option<&str>,
        authority: &Rc<Authority>,
        payload: &mut Payload,
        options: &ForwardOptions,
    ) -> Result<(Sent, Option<Gate>), Failure> {
        let (mut fresh, mut unsent_attempts, mut resent) = (false, 0, false);
        loop {
            let lease =
                authority.check_out(fresh, backend).await.map_err(|error| failure::connect(&error))?;
            let version = lease.version();
            let gate = (call.expect && matches!(lease, Lease::Http1(_))).then(Gate::default);
            let (body, body_failure) = payload.body(gate.clone());
            let request = call
                .write(authority, version, body)
                .map_err(|error: request_head::HeadError| UpstreamError::Connection(error.to_string()))?;
            let outcome = match &gate {
                None => authority.send(lease, request).await,
                // Boxed for the same reason as redirects.
                Some(gate) => Box::pin(send_expecting(authority, lease, request, gate, options)).await,
            };
            let failed = match outcome {
                Ok(sent) => return Ok((sent, gate)),
                Err(failed) => failed,
            };
            if let Some(error) = body_failure.and_then(|failure| failure.borrow_mut().take()) {
                return Err(UpstreamError::RequestBody(error).into());
            }
            if let Some(request) = failed.unsent
                && unsent_attempts < UNSENT_ATTEMPTS
            {
                payload.give_back(request.into_body());
                unsent_attempts += 1;
                fresh = unsent_attempts > 1;
            } else if !resent
                && !payload.is_stream()
                && ((failed.reused
                    && call.method.is_idempotent()
                    && failure::is_connection_loss(&failed.error))
                    || failure::is_refused(&failed.error))
            {
                resent = true;
                fresh = true;
            } else {
                return Err(failure::exchange(&failed.error));
            }
            self.pools.observer().retried(backend, authority.name());
        }
    }
}

/// Sends a request whose body waits for `100 Continue`, for an answer, or for as long as it is told to.
async fn send_expecting(
    authority: &Authority,
    lease: Lease,
    mut request: Request<RequestBody>,
    gate: &Gate,
    options: &ForwardOptions,
) -> Result<Sent, SendFailure> {
    let opener = gate.clone();
    hyper::ext::on_informational(&mut request, move |head| {
        if head.status() == StatusCode::CONTINUE {
            opener.open();
        }
    });
    let opening = async {
        sleep(options.continue_timeout.unwrap_or(expect::DEFAULT_WAIT)).await;
        gate.open();
        std::future::pending().await
    };
    tokio::select! {
        outcome = authority.send(lease, request) => outcome,
        never = opening => never,
    }
}

fn to_single(single: &Single) -> Destination<'_> {
    Destination {
        name: Some(&single.name),
        url: BaseUrl::Compiled(&single.url),
        profile: &single.profile,
        credentials: Some(&single.credentials),
        breakers: single.breaker.as_deref().into_iter().collect(),
    }
}

/// Whether a request goes to the address of a service itself: SOAP and GraphQL have one endpoint.
fn is_service(exchange: &Exchange) -> bool {
    let is_one = |kind| matches!(kind, ApiKind::Soap | ApiKind::GraphQl);
    exchange.request.url.path == "/" && exchange.route.api.as_ref().is_some_and(|api| is_one(api.kind))
}

fn full_url(base: &Url, call: &Call<'_>) -> Result<Url, UpstreamError> {
    let bad = |problem: String| UpstreamError::Connection(problem);
    let target = call.target().map_err(|error| bad(error.to_string()))?;
    base.join(target.as_str()).map_err(|error| bad(error.to_string()))
}
