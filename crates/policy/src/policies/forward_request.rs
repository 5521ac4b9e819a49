//! `forward-request`: sends the request to the backend.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/forward-request-policy>. Answers are always streamed, which
//! is what `buffer-response="false"` asks for and what `true` cannot be told from.

use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::trace::Outcome;
use crate::value::{Boolean, Integer};
use crate::{
    Action, AsyncPolicy, BackendChoice, Exchange, Failure, Flow, ForwardOptions, UpstreamError, World,
    builtin,
};

/// The longest timeout: a day.
const MAX_SECONDS: i64 = 86_400;

#[derive(Debug)]
struct ForwardRequest {
    options: ForwardOptions,
    /// What expressions decide, where they do.
    timeout: Option<Timeout>,
    continue_timeout: Option<Integer>,
    follow_redirects: Option<Boolean>,
    fails_on_error_status: bool,
}

#[derive(Debug)]
enum Timeout {
    Seconds(Integer),
    Milliseconds(Integer),
}

const ATTRIBUTES: &[&str] = &[
    "timeout",
    "timeout-ms",
    "continue-timeout",
    "http-version",
    "follow-redirects",
    "buffer-request-body",
    "buffer-response",
    "fail-on-error-status-code",
];

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, ATTRIBUTES, &[]);
    builder.no_text(element);
    let mut options = ForwardOptions::default();
    let timeout = match (element.attribute("timeout"), element.attribute("timeout-ms")) {
        (Some(_), Some(second)) => {
            let message = "`forward-request` takes either `timeout` or `timeout-ms`";
            builder.error("bad-value", &second.location, message);
            None
        }
        (Some(_), None) => Some(Timeout::Seconds(builder.integer(element, "timeout", 0..=MAX_SECONDS))),
        (None, Some(_)) => {
            Some(Timeout::Milliseconds(builder.integer(element, "timeout-ms", 0..=MAX_SECONDS * 1000)))
        }
        (None, None) => None,
    };
    let continue_timeout = builder.optional_integer(element, "continue-timeout", 0..=MAX_SECONDS);
    let follow_redirects = builder.boolean(element, "follow-redirects", false);
    options.buffer_request_body = builder.literal_boolean(element, "buffer-request-body", false);
    builder.literal_boolean(element, "buffer-response", true);
    let fails_on_error_status = builder.literal_boolean(element, "fail-on-error-status-code", false);
    if let Ok(Some(version)) = builder.optional_literal(element, "http-version") {
        options.http2 = match &*version {
            "1" => false,
            "2" | "2or1" => true,
            _ => {
                let location =
                    element.attribute("http-version").map_or(&element.location, |known| &known.location);
                let message = "the attribute `http-version` must be `1`, `2` or `2or1`";
                builder.error("bad-value", location, message);
                true
            }
        };
    }
    Ok(Action::Later(Box::new(ForwardRequest {
        options,
        timeout,
        continue_timeout,
        follow_redirects: Some(follow_redirects),
        fails_on_error_status,
    })))
}

impl ForwardRequest {
    fn options(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<ForwardOptions, Failure> {
        let mut options = self.options.clone();
        match &self.timeout {
            None => {}
            Some(Timeout::Seconds(value)) => {
                options.timeout = Duration::from_secs(value.evaluate(exchange, world)?.unsigned_abs());
            }
            Some(Timeout::Milliseconds(value)) => {
                options.timeout = Duration::from_millis(value.evaluate(exchange, world)?.unsigned_abs());
            }
        }
        if let Some(value) = &self.continue_timeout {
            let seconds = value.evaluate(exchange, world)?.unsigned_abs();
            options.continue_timeout = Some(Duration::from_secs(seconds));
        }
        if let Some(value) = &self.follow_redirects {
            options.follow_redirects = value.evaluate(exchange, world)?;
        }
        Ok(options)
    }
}

/// What a trace tells of the call before it is made.
fn called(exchange: &Exchange) -> Vec<(&'static str, String)> {
    let request = &exchange.request;
    let base = match &exchange.backend {
        BackendChoice::Url(url) => url.to_string(),
        BackendChoice::Entity(name) => format!("backend `{name}`"),
        BackendChoice::Service => {
            let api = exchange.route.api.as_ref().and_then(|api| api.service_url.as_ref());
            api.map(ToString::to_string).unwrap_or_default()
        }
    };
    let query = request.url.query.raw();
    let mark = if query.is_empty() { "" } else { "?" };
    let url = format!("{}{}{mark}{query}", base.trim_end_matches('/'), request.url.path);
    vec![("method", request.method.to_string()), ("url", url)]
}

impl AsyncPolicy for ForwardRequest {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let options = self.options(exchange, world)?;
            let traced = exchange.traced_micros(world).map(|began| (called(exchange), began));
            let answered = world.upstream.forward(exchange, &options).await;
            if let Some((inputs, began)) = traced {
                let outcome = Outcome::of_answer(&answered);
                exchange.note_trace(world, "backend", "backend", inputs, outcome, began);
            }
            let mut response = answered.map_err(|error| failure(&error))?;
            let status = response.status;
            let watch = exchange.marks.tokens.clone();
            if let Some(watch) = &watch {
                let looked = watch.look_at(&mut response, world.buffered_body_bytes).await;
                looked.map_err(|error| Failure {
                    source: "forward-request".into(),
                    ..builtin::response_body(&error)
                })?;
            }
            exchange.response = Some(response);
            if let Some(watch) = &watch {
                exchange.run_deferred_tokens(world, watch);
            }
            if self.fails_on_error_status && (status.is_client_error() || status.is_server_error()) {
                let message = format!("The backend answered with the status {}.", status.as_u16());
                let mut failure = Failure::new(status, "forward-request", "BackendErrorStatusCode", message);
                failure.keeps_response = true;
                return Err(failure);
            }
            Ok(Flow::Continue)
        })
    }
}

/// What a failed call of the backend is to the pipeline. As in Azure API Management the client sees 500 where the
/// gateway could not do its part, and 503 while a circuit breaker is open.
fn failure(error: &UpstreamError) -> Failure {
    let internal = |reason| Failure::internal("forward-request", reason, error.to_string());
    match error {
        UpstreamError::RequestBody(error) => {
            Failure { source: "forward-request".into(), ..builtin::request_body(error) }
        }
        UpstreamError::Timeout(_) => internal("Timeout"),
        UpstreamError::CircuitOpen { retry_after } => Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "forward-request",
            "BackendConnectionFailure",
            error.to_string(),
        )
        .public("The backend is not available at the moment.")
        .header(RETRY_AFTER, HeaderValue::from(*retry_after)),
        UpstreamError::NoBackend
        | UpstreamError::UnknownBackend(_)
        | UpstreamError::UnknownCertificate(_)
        | UpstreamError::Forbidden(_)
        | UpstreamError::Connection(_)
        | UpstreamError::BadAnswer(_) => internal("BackendConnectionFailure"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::{BodyError, Response};

    fn options(attributes: &str) -> ForwardOptions {
        let world = TestWorld::new();
        let mut exchange = exchange();
        world.run(&plan(&document("backend", &format!("<forward-request {attributes} />"))), &mut exchange);
        world.forwarded.take().remove(0).3
    }

    fn failed(answer: Result<Response, UpstreamError>, attributes: &str) -> Exchange {
        let world = TestWorld::new();
        *world.answer.borrow_mut() = Some(answer);
        let mut exchange = exchange();
        world.run(&plan(&document("backend", &format!("<forward-request {attributes} />"))), &mut exchange);
        exchange
    }

    #[test]
    fn attributes_are_options() {
        assert_eq!(options(""), ForwardOptions::default());
        let wanted = ForwardOptions {
            timeout: Duration::from_secs(7),
            continue_timeout: Some(Duration::from_secs(2)),
            follow_redirects: true,
            buffer_request_body: true,
            http2: false,
        };
        let attributes = "timeout=\"@(3 + 4)\" continue-timeout=\"2\" follow-redirects=\"true\" buffer-request-body=\"true\" buffer-response=\"false\" http-version=\"1\"";
        assert_eq!(options(attributes), wanted);
        assert_eq!(options("timeout-ms=\"250\"").timeout, Duration::from_millis(250));
    }

    #[test]
    fn a_backend_that_fails_has_apims_reasons() {
        let cases = [
            (UpstreamError::Timeout(Duration::from_secs(1)), 500, "Timeout"),
            (UpstreamError::Connection("reset".into()), 500, "BackendConnectionFailure"),
            (UpstreamError::NoBackend, 500, "BackendConnectionFailure"),
            (UpstreamError::CircuitOpen { retry_after: 9 }, 503, "BackendConnectionFailure"),
            (UpstreamError::RequestBody(BodyError::TooLarge { limit: 1 }), 413, "ClientConnectionFailure"),
        ];
        for (error, status, reason) in cases {
            let exchange = failed(Err(error), "");
            let told = exchange.last_error.as_ref().unwrap();
            assert_eq!((exchange.answered(), &*told.reason), (status, reason));
            assert_eq!(told.source, "forward-request");
            let retry_after = exchange.response.unwrap().headers.contains_key("retry-after");
            assert_eq!(retry_after, status == 503);
        }
    }

    #[test]
    fn an_error_status_is_a_failure_only_where_that_is_wished() {
        let answer = || Ok(Response::new(StatusCode::NOT_FOUND));
        let exchange = failed(answer(), "");
        assert_eq!((exchange.answered(), exchange.last_error), (404, None));
        let exchange = failed(answer(), "fail-on-error-status-code=\"true\"");
        assert_eq!(exchange.answered(), 404);
        assert_eq!(exchange.last_error.as_ref().unwrap().reason, "BackendErrorStatusCode");
        assert_eq!(exchange.answer_text(), "");
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        let told = findings_in("backend", "<forward-request timeout=\"1\" timeout-ms=\"2\" />");
        assert!(told[0].contains("takes either `timeout` or `timeout-ms`"), "{told:?}");
        let told = findings_in("backend", "<forward-request http-version=\"3\" />");
        assert!(told[0].contains("must be `1`, `2` or `2or1`"), "{told:?}");
        let told = findings_in("backend", "<forward-request timeout=\"-1\" />");
        assert!(told[0].contains("must be a whole number from 0 to 86400, not `-1`"), "{told:?}");
    }
}
