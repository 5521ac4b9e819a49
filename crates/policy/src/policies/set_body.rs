//! `set-body`: puts another body in the place of the message's.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/set-body-policy>. Header fields that describe the old body
//! (`Content-Length`, `Content-Encoding`) go with it.

mod template;

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use self::template::TemplateBody;
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Body, Exchange, Failure, Flow, Policy, Response, World};

/// A body for a message.
#[derive(Debug)]
pub(super) struct BodyEdit {
    content: Content,
}

enum Content {
    Literal(Bytes),
    Computed(Text),
    Template(Box<TemplateBody>),
}

impl fmt::Debug for Content {
    /// A literal may hold the value of a secret named value: it is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(bytes) => write!(f, "literal of {} bytes", bytes.len()),
            Self::Computed(text) => text.fmt(f),
            Self::Template(body) => body.fmt(f),
        }
    }
}

#[derive(Debug)]
struct SetBody {
    edit: BodyEdit,
    message: Message,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let message = builder.message();
    Ok(Action::Now(Box::new(SetBody {
        edit: BodyEdit::compile_over(builder, element, Some(message))?,
        message,
    })))
}

impl BodyEdit {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Self, Reported> {
        Self::compile_over(builder, element, None)
    }

    /// A body that may be made of the body of a message.
    fn compile_over(
        builder: &mut Builder<'_>,
        element: &Element,
        input: Option<Message>,
    ) -> Result<Self, Reported> {
        if let Some(template) = element.attribute("template") {
            let word = builder.literal(element, "template")?;
            if word.eq_ignore_ascii_case("liquid") {
                let body = TemplateBody::compile(builder, element, input)?;
                return Ok(Self { content: Content::Template(Box::new(body)) });
            }
            if !word.eq_ignore_ascii_case("none") {
                let message = format!("the attribute `template` must be `liquid` or `none`, not `{word}`");
                return Err(builder.error("bad-value", &template.value.location, message));
            }
        }
        for attribute in &element.attributes {
            if !["id", "template"].contains(&attribute.name.as_str()) {
                let message = format!("`set-body` has no attribute `{}` without a template", attribute.name);
                return Err(builder.error("unknown-attribute", &attribute.location, message));
            }
        }
        let text = builder.text_of(&element.payload());
        let content = match text.literal() {
            Some(literal) => Content::Literal(Bytes::copy_from_slice(literal.as_bytes())),
            None => Content::Computed(text),
        };
        Ok(Self { content })
    }

    /// The body for this exchange: the bytes of a byte array, else the text in UTF-8.
    pub(super) fn evaluate(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Body, Failure> {
        let bytes = match &self.content {
            Content::Literal(bytes) => bytes.clone(),
            Content::Computed(text) => text.value(exchange, world)?.to_bytes(),
            Content::Template(body) => body.evaluate(exchange, world)?,
        };
        Ok(Body::from(bytes))
    }

    /// Puts a body into a message.
    pub(super) fn put(new: Body, headers: &mut HeaderMap, body: &mut Body) {
        headers.remove(CONTENT_LENGTH);
        headers.remove(CONTENT_ENCODING);
        *body = new;
    }
}

impl Policy for SetBody {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let new = self.edit.evaluate(exchange, world)?;
        match self.message {
            Message::Request => {
                BodyEdit::put(new, &mut exchange.request.headers, &mut exchange.request.body);
            }
            Message::Response => {
                let response = exchange.response.get_or_insert_with(|| Response::new(http::StatusCode::OK));
                BodyEdit::put(new, &mut response.headers, &mut response.body);
            }
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

    use crate::Exchange;
    use crate::testing::*;

    fn body(exchange: &Exchange) -> String {
        String::from_utf8(exchange.request.body.bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_literal_is_kept_as_written_also_with_markup() {
        let exchange =
            run_with(&document("inbound", "<set-body> {\"a\": \"&lt;\"}\n</set-body>"), |exchange| {
                exchange.request.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("99"));
                exchange.request.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            });
        assert_eq!(body(&exchange), " {\"a\": \"<\"}\n");
        assert!(exchange.request.headers.is_empty());
        let exchange = run(&document("inbound", "<set-body><e:E x=\"1\"><b/></e:E></set-body>"));
        assert_eq!(body(&exchange), "<e:E x=\"1\"><b/></e:E>");
    }

    #[test]
    fn an_expression_gives_text_or_bytes() {
        let exchange = run(&document("inbound", "<set-body>@(context.Request.Method + \"!\")</set-body>"));
        assert_eq!(body(&exchange), "GET!");
        let exchange =
            run(&document("inbound", "<set-body>@(Convert.FromBase64String(\"aGk=\"))</set-body>"));
        assert_eq!(body(&exchange), "hi");
    }

    #[test]
    fn in_outbound_it_is_the_answer() {
        let exchange = run(&document("outbound", "<set-body>x</set-body>"));
        assert_eq!(exchange.answer_text(), "x");
    }
}
