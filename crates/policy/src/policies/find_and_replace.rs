//! `find-and-replace`: another text wherever a text stands in the body.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/find-and-replace-policy>. Bytes are compared, so that bodies
//! which are not text pass unharmed; a compressed body is left as it is.

use bytes::Bytes;
use memchr::memmem::Finder;

use super::whole_body;
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::Text;
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, World};

const NAME: &str = "find-and-replace";

#[derive(Debug)]
struct FindAndReplace {
    from: Text,
    to: Text,
    message: Message,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["from", "to"], &[]);
    builder.no_text(element);
    let from = builder.text(element, "from");
    let to = builder.text(element, "to");
    if from.literal().is_some_and(|from| from.is_empty()) {
        let location = element.attribute("from").map_or(&element.location, |known| &known.value.location);
        builder.error("bad-value", location, "the attribute `from` names nothing to look for");
    }
    Ok(Action::Later(Box::new(FindAndReplace { from, to, message: builder.message() })))
}

impl AsyncPolicy for FindAndReplace {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            if !whole_body::is_readable(exchange, self.message) {
                return Ok(Flow::Continue);
            }
            let from = self.from.evaluate(exchange, world)?;
            let to = self.to.evaluate(exchange, world)?;
            if from.is_empty() {
                return Ok(Flow::Continue);
            }
            let body = whole_body::read(exchange, self.message, world, NAME).await?;
            if let Some(new) = replaced(&body, from.as_bytes(), to.as_bytes(), world.buffered_body_bytes)? {
                whole_body::replace(exchange, self.message, new);
            }
            Ok(Flow::Continue)
        })
    }
}

/// The body with every occurrence replaced, from the left and without overlaps; `None` where there is none.
fn replaced(body: &[u8], from: &[u8], to: &[u8], limit: usize) -> Result<Option<Bytes>, Failure> {
    let finder = Finder::new(from);
    let count = finder.find_iter(body).count();
    if count == 0 {
        return Ok(None);
    }
    let length = (body.len() - count * from.len()).saturating_add(count.saturating_mul(to.len()));
    if length > limit.max(body.len()) {
        let message = format!("The body would be longer than {limit} bytes after replacing.");
        return Err(Failure::internal(NAME, "BodyTooLarge", message));
    }
    let mut new = Vec::with_capacity(length);
    let mut done = 0;
    for start in finder.find_iter(body) {
        new.extend_from_slice(body.get(done..start).unwrap_or_default());
        new.extend_from_slice(to);
        done = start + from.len();
    }
    new.extend_from_slice(body.get(done..).unwrap_or_default());
    Ok(Some(new.into()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
    use http_body_util::{BodyExt as _, Full};

    use super::*;
    use crate::Body;
    use crate::testing::*;

    fn request_after(from: &str, to: &str, body: &'static [u8]) -> Vec<u8> {
        let policy = format!("<find-and-replace from=\"{from}\" to=\"{to}\" />");
        let exchange = run_with(&document("inbound", &policy), |exchange| {
            exchange.request.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            exchange.request.body =
                Body::stream(Full::new(Bytes::from_static(body)).map_err(|never| match never {}));
        });
        if exchange.request.body.bytes().unwrap() != body {
            assert!(!exchange.request.headers.contains_key(CONTENT_LENGTH));
        }
        exchange.request.body.bytes().unwrap().to_vec()
    }

    #[test]
    fn every_occurrence_is_replaced_and_nothing_else() {
        assert_eq!(request_after("notebook", "laptop", b"a notebook, notebooks"), b"a laptop, laptops");
        assert_eq!(request_after("aa", "b", b"aaaaa"), b"bba");
        assert_eq!(request_after("x", "y", b"none here"), b"none here");
        assert_eq!(request_after("x", "", b"xaxbx"), b"ab");
        assert_eq!(request_after("x", "y", b"\xff\x00x\xfe"), b"\xff\x00y\xfe");
        assert_eq!(request_after("é", "e", "né".as_bytes()), b"ne");
        assert_eq!(request_after("x", "y", b""), b"");
    }

    #[test]
    fn in_outbound_the_answer_is_changed() {
        let exchange = run(&document("outbound", "<find-and-replace from=\"back\" to=\"front\" />"));
        assert_eq!(exchange.answer_text(), "frontend");
    }

    #[test]
    fn a_compressed_body_is_left_alone() {
        let exchange =
            run_with(&document("inbound", "<find-and-replace from=\"a\" to=\"b\" />"), |exchange| {
                exchange.request.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                exchange.request.body = Body::Full("aaa".into());
            });
        assert_eq!(exchange.request.body.bytes().unwrap(), "aaa");
    }

    #[test]
    fn a_body_cannot_grow_without_bound() {
        let huge = "y".repeat(300);
        let exchange = run_with(
            &document("inbound", &format!("<find-and-replace from=\"x\" to=\"{huge}\" />")),
            |exchange| exchange.request.body = Body::Full("xxxx".into()),
        );
        assert_eq!(exchange.answered(), 500);
        assert_eq!(exchange.last_error.unwrap().reason, "BodyTooLarge");
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        let told = findings_in("inbound", "<find-and-replace from=\"\" to=\"x\" />");
        assert!(told[0].starts_with("policy.xml:1:82: error: "), "{told:?}");
        assert!(told[0].contains("`from` names nothing to look for"), "{told:?}");
        let told = findings_in("inbound", "<find-and-replace from=\"a\" />");
        assert!(told[0].contains("`find-and-replace` has no attribute `to`"), "{told:?}");
        let told = findings_in("inbound", "<find-and-replace from=\"a\" to=\"b\" all=\"true\" />");
        assert!(told[0].contains("`find-and-replace` has no attribute `all`"), "{told:?}");
    }
}
