//! Bodies with a Liquid template.

use std::fmt;

use bytes::Bytes;
use gatehouse_model::Severity;
use http::StatusCode;

use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::liquid::{self, Bounds, Data, Nil, Source, Template};
use crate::policies::whole_body;
use crate::{Exchange, Failure, World};

/// The most parts of a template that are run: a loop over a body of many items ends all the same.
const MAX_STEPS: usize = 1_000_000;

/// A template and how it reads the body.
pub(super) struct TemplateBody {
    template: Template,
    /// The message whose body is `body`; `None`: there is none, as within `return-response`.
    input: Option<Message>,
    nil: Nil,
    dates: bool,
    policy: &'static str,
}

impl TemplateBody {
    pub(super) fn compile(
        builder: &mut Builder<'_>,
        element: &Element,
        input: Option<Message>,
    ) -> Result<Self, Reported> {
        builder.only_own(element, &["template", "xsi-nil", "parse-date"]);
        let nil = match builder.optional_literal(element, "xsi-nil") {
            Ok(None) => Ok(Nil::Blank),
            Ok(Some(word)) if word.eq_ignore_ascii_case("blank") => Ok(Nil::Blank),
            Ok(Some(word)) if word.eq_ignore_ascii_case("null") => Ok(Nil::Null),
            Ok(Some(word)) => {
                let location =
                    element.attribute("xsi-nil").map_or(&element.location, |known| &known.value.location);
                let message = format!("the attribute `xsi-nil` must be `blank` or `null`, not `{word}`");
                Err(builder.error("bad-value", location, message))
            }
            Err(reported) => Err(reported),
        };
        let dates = builder.literal_boolean(element, "parse-date", true);
        let template = Self::template(builder, element);
        let body = Self { template: template?, input, nil: nil?, dates, policy: builder.policy() };
        if body.template.reads_body
            && let Some(message) = input
        {
            builder.needs_body(message);
        }
        Ok(body)
    }

    fn template(builder: &mut Builder<'_>, element: &Element) -> Result<Template, Reported> {
        let done = builder.substitute_known(&element.payload())?;
        let (template, faults) = match liquid::parse(&done.text.text) {
            Ok((template, faults)) => (Some(template), faults),
            Err(faults) => (None, faults),
        };
        for fault in faults {
            let location = done.text.locate(fault.offset);
            // What is quoted may be a secret.
            let message =
                if done.is_secret { "the template is wrong here".to_owned() } else { fault.message };
            match fault.fix.filter(|_| !done.is_secret) {
                _ if fault.is_warning => {
                    builder.warn(Severity::Low, "unknown-liquid-variable", &location, message);
                }
                Some(fix) => drop(builder.error_with_fix("liquid-template", &location, message, fix)),
                None => drop(builder.error("liquid-template", &location, message)),
            }
        }
        template.ok_or(Reported)
    }

    /// The body for this exchange.
    pub(super) fn evaluate(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Bytes, Failure> {
        let body = match self.input {
            Some(message) if self.template.reads_body => self.body(exchange, message)?,
            _ => Data::Null,
        };
        let bounds = Bounds { bytes: world.buffered_body_bytes, steps: MAX_STEPS };
        let source = Source { exchange, world, body };
        liquid::render(&self.template, &source, bounds).map(Bytes::from).map_err(|error| {
            Failure::internal(self.policy, "LiquidTemplateFailed", error.to_string()).private()
        })
    }

    fn body(&self, exchange: &mut Exchange, message: Message) -> Result<Data, Failure> {
        let is_readable = whole_body::is_readable(exchange, message);
        let Some((headers, body)) = whole_body::parts(exchange, message) else { return Ok(Data::Null) };
        if body.is_empty() {
            return Ok(Data::Null);
        }
        let media_type = whole_body::media_type(headers).unwrap_or_default();
        let bytes = body.bytes().filter(|_| is_readable);
        let read = match bytes {
            Some(bytes) => liquid::body(&media_type, bytes, self.nil, self.dates),
            None => Err("The body is compressed.".to_owned()),
        };
        read.map_err(|why| {
            let failure = match message {
                Message::Request => {
                    Failure::new(StatusCode::BAD_REQUEST, self.policy, "LiquidTemplateFailed", why)
                }
                Message::Response => Failure::internal(self.policy, "LiquidTemplateFailed", why),
            };
            failure.private()
        })
    }
}

impl fmt::Debug for TemplateBody {
    /// Texts of the template may hold the value of a secret named value: they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateBody").field("input", &self.input).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;
    use http::{HeaderValue, StatusCode};

    use crate::testing::*;
    use crate::{Body, Exchange, Response};

    fn set_body(attributes: &str, template: &str) -> String {
        document("inbound", &format!("<set-body template=\"liquid\" {attributes}>{template}</set-body>"))
    }

    fn sent(document: &str, media_type: &'static str, body: &'static str) -> Exchange {
        run_with(document, |exchange| {
            exchange.request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            exchange.request.headers.append("x-a", HeaderValue::from_static("1"));
            exchange.request.headers.append("x-a", HeaderValue::from_static("2"));
            exchange.request.body = Body::Full(body.into());
        })
    }

    fn text(exchange: &Exchange) -> String {
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        String::from_utf8(exchange.request.body.bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn json_becomes_soap() {
        let template = "<soap:Envelope xmlns:soap=\"urn:s\"><soap:Body><cust>{{body.getOpenOrders.cust}}</cust></soap:Body></soap:Envelope>";
        let exchange = sent(
            &set_body("", template),
            "application/json; charset=utf-8",
            r#"{"getOpenOrders":{"cust":"7"}}"#,
        );
        assert_eq!(text(&exchange), template.replace("{{body.getOpenOrders.cust}}", "7"));
    }

    #[test]
    fn the_context_is_there() {
        let template = "{{context.Request.Method}} {{context.Request.Url.Path}} {{context.Request.Url}} {{context.Request.Url.Query.a}} {{context.Request.Url.QueryString}} {{context.Request.IpAddress}} {{context.Request.HasBody}} {{context.Request.Headers[\"X-A\"]}} {{context.Variables.none}}{{context.Response.StatusCode}}";
        let exchange = sent(&set_body("", template), "text/plain", "x");
        assert_eq!(text(&exchange), "GET /things https://api.example/things?a=1 1 ?a=1 192.0.2.1 true 1,2 ");
    }

    #[test]
    fn variables_keep_their_structure() {
        let policies = "<set-variable name=\"o\" value=\"@(JObject.Parse(&quot;{'a':[1,{'b':true}]}&quot;))\" />\
            <set-variable name=\"n\" value=\"@(41)\" /><set-body template=\"liquid\">{%- assign vars = context.Variables[\"o\"] -%}{{vars['a'][0]}}{{context.Variables.o.a[1].b}}{{ context.Variables[\"n\"] | Plus: 1 }}</set-body>";
        let exchange = sent(&document("inbound", policies), "text/plain", "x");
        assert_eq!(text(&exchange), "1true42");
    }

    #[test]
    fn nil_and_dates_are_as_the_policy_says() {
        let template = "{% if body.a.b %}blank{% else %}null{% endif %}";
        let xml = "<a xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><b xsi:nil=\"true\"/></a>";
        assert_eq!(text(&sent(&set_body("", template), "text/xml", xml)), "blank");
        assert_eq!(text(&sent(&set_body("xsi-nil=\"null\"", template), "text/xml", xml)), "null");
        let json = "{\"d\":\"2012-03-21T05:40:00Z\"}";
        let copied = sent(&set_body("parse-date=\"false\"", "{{body.d}}"), "application/json", json);
        assert_eq!(text(&copied), "2012-03-21T05:40:00Z");
    }

    #[test]
    fn in_outbound_the_body_is_that_of_the_answer() {
        let world = TestWorld::new();
        let mut response = Response::new(StatusCode::OK);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/soap+xml"));
        response.body = Body::Full("<s:E xmlns:s=\"u\"><s:Body><R>5</R></s:Body></s:E>".into());
        *world.answer.borrow_mut() = Some(Ok(response));
        let mut exchange = exchange();
        let policy = "<set-body template=\"liquid\">{\"r\": {{body.e.body.R}}, \"s\": {{context.Response.StatusCode}}}</set-body>";
        world.run(&plan(&document("outbound", policy)), &mut exchange);
        assert_eq!(exchange.answer_text(), "{\"r\": 5, \"s\": 200}");
    }

    #[test]
    fn within_return_response_there_is_no_body() {
        let policy = "<return-response><set-body template=\"liquid\">[{{body.a}}]{% for h in context.Request.Headers %}{{ h.Key }}: {{ h.Value }};{% endfor %}</set-body></return-response>";
        let exchange = sent(&document("inbound", policy), "application/json", "{\"a\":1}");
        assert_eq!(exchange.answer_text(), "[]content-type: application/json;x-a: 1,2;");
    }

    #[test]
    fn named_values_go_first_and_what_is_none_is_liquid() {
        let mut catalog = catalog(&set_body("", "{{key}} {{body.a}}"));
        let value = named_value("key", Some("hush"), true);
        catalog.service.named_values.insert(value.name.clone(), value);
        let mut exchange = exchange();
        exchange.request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/json"));
        exchange.request.body = Body::Full("{\"a\":1}".into());
        TestWorld::new().run(&policies(&catalog).global(), &mut exchange);
        assert_eq!(text(&exchange), "hush 1");
    }

    #[test]
    fn a_body_that_is_not_what_it_says_fails() {
        let exchange = sent(&set_body("", "{{body.a}}"), "application/json", "{");
        assert_eq!(exchange.answered(), 400);
        assert_eq!(exchange.last_error.unwrap().reason, "LiquidTemplateFailed");
        let exchange = sent(&set_body("", "{{ 1 | DividedBy: 0 }}"), "application/json", "{}");
        assert_eq!(exchange.answered(), 500);
    }

    #[test]
    fn what_is_wrong_is_told_at_load() {
        for (attributes, template, wanted) in [
            ("", "\n{{ body.a | upcase }}", "policy.xml:2:13: error: "),
            ("", "{{ body.a | upcase }}", "did you mean `Upcase`?"),
            ("xsi-nil=\"none\"", "x", "must be `blank` or `null`, not `none`"),
            ("parse-date=\"@(true)\"", "x", "takes no expression"),
            ("nil=\"x\"", "x", "`set-body` has no attribute `nil`"),
            ("", "{{nothing}}", "nothing sets `nothing`: it is empty"),
        ] {
            let told = findings(&catalog(&set_body(attributes, template)));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
        let told = findings_in("inbound", "<set-body template=\"razor\">x</set-body>");
        assert!(told[0].contains("`template` must be `liquid` or `none`, not `razor`"), "{told:?}");
    }
}
