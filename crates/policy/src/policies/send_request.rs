//! `send-request`: sends a request of its own and keeps the answer in a variable.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/send-request-policy>. Redirects are answers like others:
//! the policy document decides about them.

use std::sync::Arc;

use gatehouse_expression::{self as expression, Value};

use super::side_request::SideRequest;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::trace::Outcome;
use crate::value::Boolean;
use crate::{Action, AsyncPolicy, Exchange, Flow, Response, World};

#[derive(Debug)]
struct SendRequest {
    request: SideRequest,
    variable: Arc<str>,
    ignores_errors: Boolean,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let request = SideRequest::compile(builder, element, &["response-variable-name", "ignore-error"]);
    let variable = builder.literal(element, "response-variable-name");
    let ignores_errors = builder.boolean(element, "ignore-error", false);
    Ok(Action::Later(Box::new(SendRequest { request: request?, variable: variable?, ignores_errors })))
}

impl AsyncPolicy for SendRequest {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let ignores_errors = self.ignores_errors.evaluate(exchange, world)?;
            let mut request = self.request.evaluate(exchange, world)?;
            self.request.authorize(&mut request, exchange, world).await?;
            let began = exchange.traced_micros(world);
            let answer = world.outgoing.send(&request).await;
            if let Some(began) = began {
                let outcome = Outcome::of_answer(&answer);
                let section = self.request.section();
                exchange.note_trace(world, section, "outgoing-request", request.told(), outcome, began);
            }
            let value = match answer {
                Ok(response) => keep(response).into(),
                Err(_) if ignores_errors => Value::Null,
                Err(error) => return Err(self.request.failure(&error)),
            };
            exchange.variables.set(&self.variable, value);
            Ok(Flow::Continue)
        })
    }
}

/// The answer as expressions see it.
fn keep(response: Response) -> expression::Response {
    let text = |bytes: &[u8]| Arc::<str>::from(String::from_utf8_lossy(bytes));
    let headers = response
        .headers
        .iter()
        .map(|(name, value)| (Arc::from(name.as_str()), text(value.as_bytes())))
        .collect();
    let reason = match response.reason {
        Some(reason) => reason,
        None => response.status.canonical_reason().unwrap_or_default().into(),
    };
    let body = response.body.bytes().cloned().unwrap_or_default();
    expression::Response::new(response.status.as_u16(), reason, headers, body)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderValue, Method, StatusCode};

    use crate::testing::*;
    use crate::{BackendChoice, Body, Exchange, OutgoingRequest, OutgoingTarget, Response, UpstreamError};

    fn sent_by(
        section: &str,
        policy: &str,
        prepare: impl FnOnce(&mut Exchange),
    ) -> (Exchange, OutgoingRequest) {
        let world = TestWorld::new();
        let mut exchange = exchange();
        prepare(&mut exchange);
        world.run(&plan(&document(section, policy)), &mut exchange);
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        let (request, is_one_way) = world.sent.take().remove(0);
        assert!(!is_one_way);
        (exchange, request)
    }

    fn policy(attributes: &str, elements: &str) -> String {
        format!("<send-request response-variable-name=\"r\" {attributes}>{elements}</send-request>")
    }

    const GET: &str = "<set-url>https://auth.example/token</set-url><set-method>GET</set-method>";

    fn url(request: &OutgoingRequest) -> &str {
        match &request.target {
            OutgoingTarget::Url(url) => url.as_str(),
            OutgoingTarget::Backend { .. } => panic!("a backend"),
        }
    }

    #[test]
    fn a_new_request_is_what_its_elements_say() {
        let elements = "<set-url> @(\"https://auth.example/in?x=\" + 1)#f </set-url><set-method>post</set-method><set-header name=\"X-A\"><value>1</value></set-header><set-body>@(context.Request.Method)</set-body><authentication-basic username=\"u\" password=\"p\" />".replace("#f ", "");
        let (_, request) =
            sent_by("inbound", &policy("mode=\"new\" timeout=\"@(3 + 4)\"", &elements), |exchange| {
                exchange.request.headers.insert("cookie", HeaderValue::from_static("secret"));
                exchange.request.headers.insert("cdn-loop", HeaderValue::from_static("g"));
            });
        assert_eq!((url(&request), &request.method), ("https://auth.example/in?x=1", &Method::POST));
        assert_eq!(request.body, "GET");
        assert_eq!(request.timeout, Duration::from_secs(7));
        let mut names: Vec<&str> = request.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "cdn-loop", "x-a"]);
        assert_eq!(request.headers["authorization"], "Basic dTpw");
        let (_, request) = sent_by("inbound", &policy("", GET), |_| {});
        assert_eq!(request.timeout, Duration::from_secs(60));
    }

    #[test]
    fn a_copy_has_the_method_the_fields_and_the_body_of_the_request() {
        let prepare = |exchange: &mut Exchange| {
            exchange.request.method = Method::PUT;
            for (name, value) in [("host", "api.example"), ("content-type", "text/plain"), ("x-a", "1")] {
                exchange.request.headers.insert(name, HeaderValue::from_static(value));
            }
            exchange.request.body = Body::Full(Bytes::from_static(b"hello"));
        };
        let elements =
            "<set-url>http://other.example</set-url><set-header name=\"x-b\"><value>2</value></set-header>";
        let (exchange, request) = sent_by("inbound", &policy("mode=\"copy\"", elements), prepare);
        assert_eq!((url(&request), &request.method), ("http://other.example/", &Method::PUT));
        assert_eq!(request.body, "hello");
        assert_eq!(
            (&request.headers["x-a"], &request.headers["x-b"]),
            (&"1".parse().unwrap(), &"2".parse().unwrap())
        );
        assert!(!request.headers.contains_key("host"));
        assert!(!exchange.request.headers.contains_key("x-b"));
        assert_eq!(exchange.request.body.bytes().unwrap(), "hello");
        let (_, request) = sent_by("outbound", &policy("mode=\"copy\"", elements), prepare);
        assert!(request.body.is_empty() && !request.headers.contains_key("content-type"));
    }

    #[test]
    fn a_copy_without_a_url_goes_where_the_request_goes() {
        let to = |choice: BackendChoice| {
            sent_by("inbound", &policy("mode=\"copy\"", ""), |exchange| exchange.backend = choice).1.target
        };
        let base = BackendChoice::Url(std::sync::Arc::new("http://b.example/v1/".parse().unwrap()));
        let wanted =
            OutgoingTarget::Url(std::sync::Arc::new("http://b.example/v1/things?a=1".parse().unwrap()));
        assert_eq!(to(base), wanted);
        let wanted = OutgoingTarget::Backend { entity: "blue".into(), path: "/things?a=1".into() };
        assert_eq!(to(BackendChoice::Entity("blue".into())), wanted);
    }

    #[test]
    fn the_answer_is_a_response_for_expressions() {
        let world = TestWorld::new();
        let mut answer = Response::new(StatusCode::CREATED);
        answer.headers.append("x-a", HeaderValue::from_static("1"));
        answer.body = Body::Full("{\"active\":true}".into());
        world.outside.borrow_mut().push_back(Ok(answer));
        let mut exchange = exchange();
        let text = policy("", GET)
            + "<set-variable name=\"v\" value=\"@{ var r = (IResponse)context.Variables[&quot;r&quot;]; return (bool)r.Body.As<JObject>(preserveContent: true)[&quot;active&quot;] + r.StatusReason + r.StatusCode + r.Headers.GetValueOrDefault(&quot;X-A&quot;) + r.Body.As<string>(); }\" />";
        world.run(&plan(&document("inbound", &text)), &mut exchange);
        let value = exchange.variables.get("v").map(gatehouse_expression::Value::to_text);
        assert_eq!(value.as_deref(), Some("TrueCreated2011{\"active\":true}"), "{:?}", exchange.last_error);
    }

    #[test]
    fn an_error_is_null_where_it_is_ignored_and_goes_to_on_error_where_not() {
        let failed = |error: UpstreamError, attributes: &str| {
            let world = TestWorld::new();
            world.outside.borrow_mut().push_back(Err(error));
            let mut exchange = exchange();
            world.run(&plan(&document("inbound", &policy(attributes, GET))), &mut exchange);
            exchange
        };
        let ignored = failed(UpstreamError::Connection("refused".into()), "ignore-error=\"true\"");
        assert_eq!(ignored.answered(), 200);
        assert!(ignored.variables.get("r").unwrap().is_null());
        for (error, reason) in [
            (UpstreamError::Timeout(Duration::from_secs(1)), "Timeout"),
            (UpstreamError::Forbidden("no".into()), "BackendConnectionFailure"),
            (UpstreamError::BadAnswer("no".into()), "BackendConnectionFailure"),
        ] {
            let exchange = failed(error, "");
            assert_eq!(exchange.answered(), 500);
            let told = exchange.last_error.as_ref().unwrap();
            assert_eq!((&*told.source, &*told.reason), ("send-request", reason));
            assert!(exchange.variables.get("r").is_none());
        }
    }

    #[test]
    fn a_url_that_cannot_be_is_told() {
        for (text, why) in [
            ("/relative", "the URL is not absolute"),
            ("ftp://a.example", "the URL has the scheme `ftp`"),
            ("https://u:p@a.example", "the URL holds a user name or a password"),
        ] {
            let elements = format!("<set-url>{text}</set-url><set-method>GET</set-method>");
            let told = findings_in("inbound", &policy("", &elements));
            assert!(told[0].contains(why), "{told:?}");
            let elements = format!("<set-url>@(\"{text}\")</set-url><set-method>GET</set-method>");
            let exchange = run(&document("inbound", &policy("", &elements)));
            assert_eq!(exchange.last_error.unwrap().reason, "UrlInvalid");
        }
    }

    #[test]
    fn its_parts_are_checked() {
        for (attributes, elements, wanted) in [
            ("mode=\"old\"", GET, "must be one of `new`, `copy`"),
            ("timeout=\"0\"", GET, "must be a whole number from 1 to 3600, not `0`"),
            ("", "<set-url>https://a.example</set-url>", "holds no `set-method`, which a new request needs"),
            ("", "<set-method>GET</set-method>", "holds no `set-url`, which a new request needs"),
            ("ignore-errors=\"true\"", GET, "did you mean `ignore-error`?"),
            ("mode=\"copy\"", "<set-status code=\"200\" />", "`set-status` cannot stand in `send-request`"),
            ("mode=\"copy\"", "<authentication-certificate />", "has no attribute `thumbprint`"),
            (
                "mode=\"copy\"",
                "<authentication-certificate thumbprint=\"a\" certificate-id=\"b\" />",
                "takes either",
            ),
        ] {
            let told = findings_in("inbound", &policy(attributes, elements));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
        let told = findings_in("inbound", "<send-request mode=\"copy\" />");
        assert!(told[0].contains("has no attribute `response-variable-name`"), "{told:?}");
    }
}
