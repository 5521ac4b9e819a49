//! `mock-response`: an answer from the examples of the API's definition.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/mock-response-policy>. An example of the status and the media
//! type comes first, then a sample made from the schema, else the answer is empty. `content-type` is the answer's type in
//! either case.

use std::sync::Arc;

use bytes::Bytes;
use gatehouse_model::resources::{Representation, ResponseDescription, ResponseStatus};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::{Action, Body, Exchange, Failure, Flow, Policy, Response, World};

#[derive(Debug)]
struct MockResponse {
    status: StatusCode,
    content_type: Option<Arc<str>>,
    index: usize,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["status-code", "content-type", "index"], &[]);
    builder.no_text(element);
    let status = match element.attribute("status-code") {
        Some(_) => builder.literal_integer(element, "status-code", 200..=999),
        None => 200,
    };
    let status = u16::try_from(status).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let content_type = builder.optional_literal(element, "content-type")?;
    let index = match element.attribute("index") {
        Some(_) => builder.literal_integer(element, "index", 0..=10_000).unsigned_abs() as usize,
        None => 0,
    };
    let status = status.unwrap_or(StatusCode::OK);
    Ok(Action::Now(Box::new(MockResponse { status, content_type, index })))
}

impl Policy for MockResponse {
    fn apply(&self, exchange: &mut Exchange, _world: &World<'_>) -> Result<Flow, Failure> {
        let operation = exchange.route.operation.clone();
        let responses = operation.as_ref().map_or(&[][..], |operation| &operation.responses);
        let mut response = Response::new(self.status);
        let found = describe(responses, self.status).and_then(|described| self.representation(described));
        let content_type = match &found {
            Some((representation, _)) => Some(representation.content_type.as_str()),
            None => self.content_type.as_deref(),
        };
        if let Some(value) = content_type.and_then(|known| HeaderValue::from_str(known).ok()) {
            response.headers.insert(CONTENT_TYPE, value);
        }
        if let Some((_, body)) = found {
            response.body = Body::from(Bytes::from(body));
        }
        exchange.response = Some(response);
        Ok(Flow::Respond)
    }
}

impl MockResponse {
    fn representation<'d>(&self, described: &'d ResponseDescription) -> Option<(&'d Representation, String)> {
        let is_wanted = |representation: &&Representation| {
            self.content_type
                .as_ref()
                .is_none_or(|wanted| media_type(&representation.content_type) == media_type(wanted))
        };
        let wanted: Vec<&Representation> = described.representations.iter().filter(is_wanted).collect();
        let example = wanted
            .iter()
            .flat_map(|representation| {
                representation.examples.iter().map(move |example| (*representation, &example.value))
            })
            .nth(self.index);
        let sample = || {
            wanted.iter().find_map(|representation| {
                representation.sample.as_ref().map(|sample| (*representation, sample))
            })
        };
        let (representation, value) = example.or_else(sample)?;
        Some((representation, text(value, &representation.content_type)))
    }
}

/// What the definition says of a status: the code itself, then its range, then the default.
fn describe(responses: &[ResponseDescription], status: StatusCode) -> Option<&ResponseDescription> {
    let code = status.as_u16();
    [ResponseStatus::Code(code), ResponseStatus::Range((code / 100) as u8), ResponseStatus::Default]
        .into_iter()
        .find_map(|wanted| responses.iter().find(|described| described.status == wanted))
}

fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A string stands for itself where the body is not JSON.
fn text(value: &Value, content_type: &str) -> String {
    let media_type = media_type(content_type);
    let is_json = media_type.ends_with("/json") || media_type.ends_with("+json");
    match value {
        Value::String(text) if !is_json => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_model::resources::Example;
    use serde_json::json;

    use super::*;
    use crate::testing::*;

    fn described(status: ResponseStatus, content_type: &str, examples: &[Value]) -> ResponseDescription {
        let examples =
            examples.iter().map(|value| Example { name: "e".into(), value: value.clone() }).collect();
        let representation =
            Representation { content_type: content_type.into(), examples, sample: Some(json!("sample")) };
        ResponseDescription { status, representations: vec![representation] }
    }

    #[test]
    fn the_nearest_description_and_the_wanted_example_are_taken() {
        let responses = [
            described(ResponseStatus::Default, "text/plain", &[]),
            described(ResponseStatus::Range(4), "application/json", &[json!({"range": 4})]),
            described(
                ResponseStatus::Code(404),
                "application/json; charset=utf-8",
                &[json!(1), json!("two")],
            ),
        ];
        let mock = |status: u16, content_type: Option<&str>, index| {
            let status = StatusCode::from_u16(status).unwrap();
            let mock = MockResponse { status, content_type: content_type.map(Into::into), index };
            describe(&responses, status)
                .and_then(|described| mock.representation(described))
                .map(|(_, body)| body)
        };
        assert_eq!(mock(404, None, 0).as_deref(), Some("1"));
        assert_eq!(mock(404, Some("Application/JSON"), 1).as_deref(), Some("\"two\""));
        assert_eq!(mock(404, Some("text/xml"), 0), None);
        assert_eq!(mock(404, None, 9).as_deref(), Some("\"sample\""));
        assert_eq!(mock(409, None, 0).as_deref(), Some("{\"range\":4}"));
        assert_eq!(mock(200, None, 0).as_deref(), Some("sample"));
    }

    fn mocked(section: &str, attributes: &str, responses: Vec<ResponseDescription>) -> Exchange {
        let operation = Arc::new(crate::OperationFacts {
            id: "op".into(),
            name: "op".into(),
            method: "GET".into(),
            url_template: "/".into(),
            responses,
            validation: None,
            soap: None,
            graphql: None,
        });
        let world = TestWorld::new();
        let mut exchange = exchange();
        exchange.route.operation = Some(operation);
        let policies = format!("<mock-response {attributes} /><set-variable name=\"after\" value=\"1\" />");
        world.run(&plan(&document(section, &policies)), &mut exchange);
        assert_eq!(world.forwarded.borrow().len(), usize::from(section == "outbound"));
        assert!(exchange.variables.get("after").is_none());
        exchange
    }

    #[test]
    fn it_answers_and_ends_the_exchange() {
        let responses = || vec![described(ResponseStatus::Code(200), "application/json", &[json!({"a": 1})])];
        for section in ["inbound", "outbound"] {
            let exchange = mocked(section, "", responses());
            assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (200, "{\"a\":1}"));
            assert_eq!(exchange.response.unwrap().headers[CONTENT_TYPE], "application/json");
        }
    }

    #[test]
    fn without_an_example_the_answer_is_empty() {
        let exchange = mocked("inbound", "", Vec::new());
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (200, ""));
        assert!(exchange.response.unwrap().headers.is_empty());
        let exchange = mocked("inbound", "status-code=\"201\" content-type=\"text/plain\"", Vec::new());
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (201, ""));
        assert_eq!(exchange.response.unwrap().headers[CONTENT_TYPE], "text/plain");
    }

    #[test]
    fn its_attributes_are_checked() {
        let told = findings_in("inbound", "<mock-response status-code=\"99\" />");
        assert!(
            told[0].starts_with("policy.xml:1:86: error: the attribute `status-code` must be"),
            "{told:?}"
        );
        let told = findings_in("backend", "<mock-response />");
        assert!(told[0].contains("`mock-response` cannot stand in the section `backend`"), "{told:?}");
    }
}
