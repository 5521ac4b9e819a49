//! `return-response`: ends inbound, backend and outbound with an answer of its own.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/return-response-policy>. Expressions in it see the exchange
//! as it stands: `context.Response` is the backend's answer there.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode};

use super::set_body::BodyEdit;
use super::set_header::HeaderEdit;
use super::set_status::StatusEdit;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::{Action, Body, Exchange, Failure, Flow, Policy, Response, World};

#[derive(Debug)]
struct ReturnResponse {
    variable: Option<Arc<str>>,
    status: Option<StatusEdit>,
    headers: Vec<HeaderEdit>,
    body: Option<BodyEdit>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["response-variable-name"], &["set-status", "set-header", "set-body"]);
    builder.no_text(element);
    let variable = builder.optional_literal(element, "response-variable-name")?;
    let status = builder.child(element, "set-status").map(|child| StatusEdit::compile(builder, child));
    let headers =
        element.elements_named("set-header").map(|child| HeaderEdit::compile(builder, child)).collect();
    let body = match builder.child(element, "set-body") {
        Some(child) => Some(BodyEdit::compile(builder, child)?),
        None => None,
    };
    Ok(Action::Now(Box::new(ReturnResponse { variable, status, headers, body })))
}

impl ReturnResponse {
    /// The answer to begin with: that of the variable, else an empty 200.
    fn start(&self, exchange: &Exchange) -> Result<Response, Failure> {
        let Some(name) = &self.variable else { return Ok(Response::new(StatusCode::OK)) };
        let failure = |why: String| Failure::internal("return-response", "ResponseVariableInvalid", why);
        let value = exchange.variables.get(name);
        let kept = value.and_then(|value| value.as_response()).ok_or_else(|| {
            let found =
                value.map_or_else(|| "is not set".to_owned(), |value| format!("holds {}", value.type_name()));
            failure(format!("The variable {name} holds no response: it {found}."))
        })?;
        let status = StatusCode::from_u16(kept.status).map_err(|error| failure(error.to_string()))?;
        let mut response = Response::new(status);
        response.reason = Some(Arc::clone(&kept.reason)).filter(|reason| !reason.is_empty());
        for (name, value) in &kept.headers {
            let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
            else {
                continue;
            };
            response.headers.append(name, value);
        }
        let body = kept.body(true).map_err(|error| failure(error.to_string()))?;
        response.body = Body::from(body);
        Ok(response)
    }
}

impl Policy for ReturnResponse {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let mut response = self.start(exchange)?;
        if let Some(edit) = &self.status {
            (response.status, response.reason) = edit.evaluate(exchange, world)?;
        }
        for edit in &self.headers {
            edit.evaluate(exchange, world)?.apply(&mut response.headers);
        }
        if let Some(edit) = &self.body {
            let body = edit.evaluate(exchange, world)?;
            BodyEdit::put(body, &mut response.headers, &mut response.body);
        }
        exchange.response = Some(response);
        Ok(Flow::Respond)
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_expression as expression;

    use crate::testing::*;

    #[test]
    fn it_answers_with_its_own_status_headers_and_body() {
        let exchange = run(&document(
            "inbound",
            "<return-response><set-status code=\"401\" reason=\"No entry\" /><set-header name=\"WWW-Authenticate\"><value>Bearer</value></set-header><set-header name=\"x\"><value>1</value></set-header><set-body>{\"a\":1}</set-body></return-response>",
        ));
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (401, "{\"a\":1}"));
        let response = exchange.response.unwrap();
        assert_eq!(response.reason.as_deref(), Some("No entry"));
        assert_eq!(
            (&response.headers["www-authenticate"], &response.headers["x"]),
            (&"Bearer".parse().unwrap(), &"1".parse().unwrap())
        );
        assert!(exchange.request.headers.is_empty());
    }

    #[test]
    fn expressions_in_it_see_the_answer_before() {
        let exchange = run(&document(
            "outbound",
            "<return-response><set-status code=\"@(context.Response.StatusCode + 1)\" /><set-body>@(\"was \" + context.Response.Body.As<string>())</set-body></return-response>",
        ));
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (201, "was backend"));
    }

    #[test]
    fn a_response_in_a_variable_is_the_start() {
        let kept = || {
            let headers = vec![("x-a".into(), "1".into()), ("content-length".into(), "4".into())];
            expression::Response::new(202, "Taken", headers, "kept".into())
        };
        let answered = |policy: &str| {
            run_with(&document("inbound", policy), |exchange| {
                exchange.variables.set(&"r".into(), kept().into());
            })
        };
        let exchange = answered("<return-response response-variable-name=\"r\" />");
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (202, "kept"));
        assert_eq!(exchange.response.unwrap().headers["x-a"], "1");
        let exchange = answered(
            "<return-response response-variable-name=\"r\"><set-body>other</set-body></return-response>",
        );
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (202, "other"));
        assert!(!exchange.response.unwrap().headers.contains_key("content-length"));
        let exchange = answered("<return-response response-variable-name=\"q\" />");
        assert_eq!(exchange.answered(), 500);
        assert_eq!(exchange.last_error.unwrap().message, "The variable q holds no response: it is not set.");
    }

    #[test]
    fn its_parts_are_checked() {
        let told = findings_in("inbound", "<return-response><set-method>GET</set-method></return-response>");
        assert!(told[0].contains("`set-method` cannot stand in `return-response`"), "{told:?}");
        let told = findings_in("inbound", "<return-response><set-status code=\"99\" /></return-response>");
        assert!(told[0].contains("must be a whole number from 200 to 999, not `99`"), "{told:?}");
    }
}
