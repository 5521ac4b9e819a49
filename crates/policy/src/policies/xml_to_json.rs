//! `xml-to-json`: an XML body as JSON.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/xml-to-json-policy>. The conversion is described in `convert`.
//! With `consider-accept-header`, which is the default, only a client that names a JSON type in `Accept` gets JSON. The form
//! of `javascript-friendly` is not documented: it is that of Microsoft's policy toolkit.

mod convert;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use self::convert::{friendly, to_json};
use super::whole_body;
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::{Boolean, Enumeration};
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, World};

const NAME: &str = "xml-to-json";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Direct,
    JavaScript,
}

const FORMS: &[(&str, Form)] = &[("javascript-friendly", Form::JavaScript), ("direct", Form::Direct)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apply {
    Always,
    ContentTypeXml,
}

const APPLY: &[(&str, Apply)] = &[("always", Apply::Always), ("content-type-xml", Apply::ContentTypeXml)];

#[derive(Debug)]
struct XmlToJson {
    message: Message,
    form: Enumeration<Form>,
    apply: Enumeration<Apply>,
    considers_accept: Boolean,
    arrays: Boolean,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = ["kind", "apply", "consider-accept-header", "always-array-child-elements"];
    builder.only(element, &attributes, &[]);
    builder.no_text(element);
    let form = builder.required_enumeration(element, "kind", FORMS);
    let apply = builder.required_enumeration(element, "apply", APPLY);
    let considers_accept = builder.boolean(element, "consider-accept-header", true);
    let arrays = builder.boolean(element, "always-array-child-elements", false);
    Ok(Action::Later(Box::new(XmlToJson {
        message: builder.message(),
        form: form?,
        apply: apply?,
        considers_accept,
        arrays,
    })))
}

impl XmlToJson {
    fn is_wanted(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<bool, Failure> {
        if !whole_body::is_readable(exchange, self.message) {
            return Ok(false);
        }
        if self.apply.evaluate(exchange, world)? == Apply::ContentTypeXml {
            let media_type = whole_body::parts(exchange, self.message)
                .and_then(|(headers, _)| whole_body::media_type(headers));
            if !media_type.is_some_and(|known| whole_body::is_xml(&known)) {
                return Ok(false);
            }
        }
        Ok(!self.considers_accept.evaluate(exchange, world)?
            || whole_body::accepts(&exchange.request.headers, whole_body::is_json))
    }

    /// The client's fault in a request; in an answer the backend's, of which the client learns nothing.
    fn refusal(&self, message: String) -> Failure {
        const REASON: &str = "ConversionFailed";
        match self.message {
            Message::Request => Failure::new(StatusCode::BAD_REQUEST, NAME, REASON, message),
            Message::Response => Failure::internal(NAME, REASON, message),
        }
    }
}

impl AsyncPolicy for XmlToJson {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            if !self.is_wanted(exchange, world)? {
                return Ok(Flow::Continue);
            }
            let form = self.form.evaluate(exchange, world)?;
            let arrays = self.arrays.evaluate(exchange, world)?;
            let body = whole_body::read(exchange, self.message, world, NAME).await?;
            let text = std::str::from_utf8(&body)
                .map_err(|error| self.refusal(format!("The body is not UTF-8: {error}.")))?;
            let json = to_json(text, arrays)
                .and_then(|json| if form == Form::JavaScript { friendly(json) } else { Ok(json) })
                .map_err(|why| self.refusal(why.to_string()))?;
            whole_body::replace(exchange, self.message, json.to_string().into());
            if let Some((headers, _)) = whole_body::parts(exchange, self.message) {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Ok(Flow::Continue)
        })
    }
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;

    use super::*;
    use crate::testing::*;
    use crate::{Body, Response};

    fn answered(
        attributes: &str,
        accept: &'static str,
        content_type: &'static str,
        body: &'static str,
    ) -> Exchange {
        let world = TestWorld::new();
        let mut response = Response::new(StatusCode::OK);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.body = Body::Full(body.into());
        *world.answer.borrow_mut() = Some(Ok(response));
        let mut exchange = exchange();
        exchange.request.headers.insert(ACCEPT, HeaderValue::from_static(accept));
        world.run(&plan(&document("outbound", &format!("<xml-to-json {attributes} />"))), &mut exchange);
        exchange
    }

    const ALWAYS: &str = "kind=\"direct\" apply=\"always\" consider-accept-header=\"false\"";

    #[test]
    fn type_and_accept_decide() {
        let converted = |attributes, accept, content_type| {
            answered(attributes, accept, content_type, "<a>1</a>").answer_text() == "{\"a\":\"1\"}"
        };
        let accepting = "kind=\"direct\" apply=\"always\"";
        assert!(converted(accepting, "text/html, application/json;q=0.5", "text/plain"));
        assert!(!converted(accepting, "*/*", "text/xml"));
        assert!(!converted(accepting, "application/json;q=0", "text/xml"));
        assert!(converted(ALWAYS, "*/*", "text/plain"));
        let by_type =
            "kind=\"@(&quot;direct&quot;)\" apply=\"content-type-xml\" consider-accept-header=\"@(false)\"";
        assert!(converted(by_type, "*/*", "application/soap+xml; charset=utf-8"));
        assert!(!converted(by_type, "*/*", "text/plain"));
    }

    #[test]
    fn the_type_becomes_json_and_the_form_is_chosen() {
        let xml = "<s:a xmlns:s=\"u\" x=\"1\"><s:b>2</s:b></s:a>";
        let exchange = answered(ALWAYS, "*/*", "text/xml", xml);
        assert_eq!(exchange.answer_text(), r#"{"s:a":{"@xmlns:s":"u","@x":"1","s:b":"2"}}"#);
        assert_eq!(exchange.response.unwrap().headers[CONTENT_TYPE], "application/json");
        let attributes =
            ALWAYS.replace("direct", "javascript-friendly") + " always-array-child-elements=\"true\"";
        assert_eq!(
            answered(&attributes, "*/*", "text/xml", xml).answer_text(),
            r#"{"s_a":{"x":"1","s_b":["2"]}}"#
        );
    }

    #[test]
    fn what_is_no_xml_fails() {
        assert_eq!(answered(ALWAYS, "*/*", "text/xml", "<a>").answered(), 500);
        let exchange = run_with(&document("inbound", &format!("<xml-to-json {ALWAYS} />")), |exchange| {
            exchange.request.body = Body::Full("nothing".into());
        });
        assert_eq!(exchange.answered(), 400);
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("xml-to-json", "ConversionFailed"));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let told = findings_in(
            "outbound",
            "<xml-to-json kind=\"plain\" aply=\"always\" always-array-child-elements=\"x\" />",
        );
        assert_eq!(told.len(), 4, "{told:?}");
        let told = told.join("\n");
        for wanted in
            ["did you mean `apply`?", "not `plain`", "has no attribute `apply`, which it needs", "not `x`"]
        {
            assert!(told.contains(wanted), "{told}");
        }
    }
}
