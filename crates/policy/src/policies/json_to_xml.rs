//! `json-to-xml`: a JSON body as XML.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/json-to-xml-policy>. The conversion is described in `convert`.
//! With `consider-accept-header`, which is the default, only a client that names an XML type in `Accept` gets XML.

mod convert;
mod dates;
mod names;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use self::convert::{Options, to_xml};
use super::whole_body;
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::{Boolean, Enumeration, Text};
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, World};

const NAME: &str = "json-to-xml";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apply {
    Always,
    ContentTypeJson,
}

const APPLY: &[(&str, Apply)] = &[("always", Apply::Always), ("content-type-json", Apply::ContentTypeJson)];

#[derive(Debug)]
struct JsonToXml {
    message: Message,
    apply: Enumeration<Apply>,
    considers_accept: Boolean,
    parses_dates: bool,
    separator: Option<Text>,
    prefix: Option<Text>,
    attributes: Option<Text>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "apply",
        "consider-accept-header",
        "parse-date",
        "namespace-separator",
        "namespace-prefix",
        "attribute-block-name",
    ];
    builder.only(element, &attributes, &[]);
    builder.no_text(element);
    Ok(Action::Later(Box::new(JsonToXml {
        message: builder.message(),
        apply: builder.required_enumeration(element, "apply", APPLY)?,
        considers_accept: builder.boolean(element, "consider-accept-header", true),
        parses_dates: builder.literal_boolean(element, "parse-date", true),
        separator: builder.optional_text(element, "namespace-separator"),
        prefix: builder.optional_text(element, "namespace-prefix"),
        attributes: builder.optional_text(element, "attribute-block-name"),
    })))
}

impl JsonToXml {
    fn is_wanted(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<bool, Failure> {
        if !whole_body::is_readable(exchange, self.message) {
            return Ok(false);
        }
        if self.apply.evaluate(exchange, world)? == Apply::ContentTypeJson {
            let media_type = whole_body::parts(exchange, self.message)
                .and_then(|(headers, _)| whole_body::media_type(headers));
            if !media_type.is_some_and(|known| whole_body::is_json(&known)) {
                return Ok(false);
            }
        }
        Ok(!self.considers_accept.evaluate(exchange, world)?
            || whole_body::accepts(&exchange.request.headers, whole_body::is_xml))
    }
}

impl AsyncPolicy for JsonToXml {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            if !self.is_wanted(exchange, world)? {
                return Ok(Flow::Continue);
            }
            let mut text = |text: &Option<Text>| -> Result<Option<String>, Failure> {
                let text = text.as_ref().map(|text| text.evaluate(exchange, world)).transpose()?;
                Ok(text.map(|text| text.to_owned()).filter(|text| !text.is_empty()))
            };
            let separator = text(&self.separator)?.unwrap_or_else(|| "_".to_owned());
            let (prefix, attributes) = (text(&self.prefix)?, text(&self.attributes)?);
            let body = whole_body::read(exchange, self.message, world, NAME).await?;
            let options = Options {
                separator: &separator,
                prefix: prefix.as_deref(),
                attribute_block: attributes.as_deref(),
                parses_dates: self.parses_dates,
            };
            let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&body);
            let json: Value = serde_json::from_slice(body)
                .map_err(|error| self.refusal(format!("The body is no JSON: {error}.")))?;
            let xml = to_xml(&json, &options).map_err(|why| self.refusal(why.to_string()))?;
            whole_body::replace(exchange, self.message, xml.into());
            if let Some((headers, _)) = whole_body::parts(exchange, self.message) {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            }
            Ok(Flow::Continue)
        })
    }
}

impl JsonToXml {
    /// The client's fault in a request; in an answer the backend's, of which the client learns nothing.
    fn refusal(&self, message: String) -> Failure {
        const REASON: &str = "ConversionFailed";
        match self.message {
            Message::Request => Failure::new(StatusCode::BAD_REQUEST, NAME, REASON, message),
            Message::Response => Failure::internal(NAME, REASON, message),
        }
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
        world.run(&plan(&document("outbound", &format!("<json-to-xml {attributes} />"))), &mut exchange);
        exchange
    }

    const JSON: &str = "application/json";

    #[test]
    fn type_and_accept_decide() {
        let converted = |attributes, accept, content_type| {
            answered(attributes, accept, content_type, "{\"a\":1}").answer_text() == "<a>1</a>"
        };
        assert!(converted("apply=\"always\"", "text/html, text/xml;q=0.5", "text/plain"));
        assert!(!converted("apply=\"always\"", "*/*", JSON));
        assert!(!converted("apply=\"always\"", "application/xml;q=0", JSON));
        assert!(converted("apply=\"always\" consider-accept-header=\"false\"", "*/*", "text/plain"));
        assert!(converted("apply=\"content-type-json\"", "application/soap+xml", "application/hal+json"));
        assert!(!converted("apply=\"content-type-json\"", "application/xml", "text/plain"));
    }

    #[test]
    fn the_type_becomes_xml() {
        let exchange = answered("apply=\"always\"", "text/xml", JSON, "{\"a\":1}");
        assert_eq!(exchange.response.unwrap().headers[CONTENT_TYPE], "application/xml");
    }

    #[test]
    fn what_is_no_json_fails() {
        let exchange = answered("apply=\"always\"", "text/xml", JSON, "{");
        assert_eq!(exchange.answered(), 500);
        assert!(!exchange.answer_text().contains("JSON"));
        let exchange = run_with(
            &document("inbound", "<json-to-xml apply=\"always\" consider-accept-header=\"false\" />"),
            |exchange| exchange.request.body = Body::Full("nothing".into()),
        );
        assert_eq!(exchange.answered(), 400);
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("json-to-xml", "ConversionFailed"));
        assert!(error.message.starts_with("The body is no JSON: "), "{}", error.message);
    }

    #[test]
    fn an_empty_body_has_nothing_to_convert() {
        let exchange = answered("apply=\"always\"", "text/xml", JSON, "");
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (200, ""));
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        let told = findings_in("inbound", "<json-to-xml />");
        assert!(told[0].contains("`json-to-xml` has no attribute `apply`, which it needs"), "{told:?}");
        let told = findings_in("inbound", "<json-to-xml apply=\"sometimes\" />");
        assert!(told[0].starts_with("policy.xml:1:78: error: "), "{told:?}");
        assert!(told[0].contains("one of `always`, `content-type-json`, not `sometimes`"), "{told:?}");
        let told = findings_in("inbound", "<json-to-xml apply=\"always\" parse-date=\"@(true)\" />");
        assert!(told[0].contains("takes no expression"), "{told:?}");
        let told = findings_in("backend", "<json-to-xml apply=\"always\" parse-date=\"maybe\" />");
        assert!(told[0].contains("must be `true` or `false`"), "{told:?}");
    }
}
