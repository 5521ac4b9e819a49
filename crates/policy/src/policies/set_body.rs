//! `set-body`: puts another body in the place of the message's.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/set-body-policy>. Header fields that describe the old body
//! (`Content-Length`, `Content-Encoding`) go with it.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Body, Exchange, Failure, Flow, Policy, Response, World};

/// A body for a message.
#[derive(Debug)]
pub(super) struct BodyEdit {
    content: Content,
}

#[derive(Debug)]
enum Content {
    Literal(Bytes),
    Computed(Text),
}

#[derive(Debug)]
struct SetBody {
    edit: BodyEdit,
    message: Message,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let message = builder.message();
    Ok(Action::Now(Box::new(SetBody { edit: BodyEdit::compile(builder, element)?, message })))
}

impl BodyEdit {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Self, Reported> {
        if let Some(template) = element.attribute("template") {
            let message = "bodies with a template are not yet available";
            return Err(builder.error("policy-not-available", &template.location, message));
        }
        for attribute in &element.attributes {
            if attribute.name != "id" {
                let message = format!("`set-body` has no attribute `{}` without a template", attribute.name);
                return Err(builder.error("unknown-attribute", &attribute.location, message));
            }
        }
        let text = builder.text_of(&element.payload())?;
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
