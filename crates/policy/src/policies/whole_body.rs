//! What policies that transform a body share: making it whole, and putting another in its place.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue};

use crate::compiler::Message;
use crate::{Body, Exchange, Failure, World, builtin};

/// Checksums of the body that it is transformed from.
const CHECKSUMS: [&str; 4] = ["content-md5", "digest", "content-digest", "repr-digest"];

/// The head and the body of a message, if there is one.
pub(super) fn parts(exchange: &mut Exchange, message: Message) -> Option<(&mut HeaderMap, &mut Body)> {
    match message {
        Message::Request => Some((&mut exchange.request.headers, &mut exchange.request.body)),
        Message::Response => {
            exchange.response.as_mut().map(|response| (&mut response.headers, &mut response.body))
        }
    }
}

/// Whether a message holds bytes that are the text itself: a compressed body is left alone.
pub(super) fn is_readable(exchange: &mut Exchange, message: Message) -> bool {
    parts(exchange, message).is_some_and(|(headers, body)| {
        let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        !body.is_empty() && headers.get_all(CONTENT_ENCODING).iter().all(is_plain)
    })
}

/// The media type of a message, in lower case and without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Whether a media type is JSON.
pub(super) fn is_json(media_type: &str) -> bool {
    media_type.ends_with("/json") || media_type.ends_with("+json")
}

/// Whether a media type is XML.
pub(super) fn is_xml(media_type: &str) -> bool {
    media_type.ends_with("/xml") || media_type.ends_with("+xml")
}

/// Whether a request names a type of a kind among what it accepts; ranges such as `*/*` name none.
pub(super) fn accepts(headers: &HeaderMap, is_kind: fn(&str) -> bool) -> bool {
    let names = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        is_kind(&media_type) && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    };
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(names))
}

/// Reads the body of a message to its end.
pub(super) async fn read(
    exchange: &mut Exchange,
    message: Message,
    world: &World<'_>,
    policy: &'static str,
) -> Result<Bytes, Failure> {
    let Some((_, body)) = parts(exchange, message) else { return Ok(Bytes::new()) };
    body.buffer(world.buffered_body_bytes).await.map_err(|error| {
        let failure = match message {
            Message::Request => builtin::request_body(&error),
            Message::Response => builtin::response_body(&error),
        };
        Failure { source: policy.into(), ..failure }
    })
}

/// Puts a transformed body into a message. What the head says of the old bytes goes; a strong entity tag becomes a weak
/// one (RFC 9110, section 8.8.1).
pub(super) fn replace(exchange: &mut Exchange, message: Message, new: Bytes) {
    let Some((headers, body)) = parts(exchange, message) else { return };
    headers.remove(CONTENT_LENGTH);
    for name in CHECKSUMS {
        headers.remove(name);
    }
    if let Some(tag) = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) {
        match HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) {
            Ok(weak) => headers.insert(ETAG, weak),
            Err(_) => headers.remove(ETAG),
        };
    }
    *body = Body::from(new);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::exchange;

    #[test]
    fn the_head_no_longer_speaks_of_the_old_bytes() {
        let mut exchange = exchange();
        exchange.request.body = Body::Full("old".into());
        for (name, value) in [("content-length", "3"), ("digest", "x"), ("etag", "\"a\""), ("accept", "*/*")]
        {
            exchange.request.headers.insert(name, HeaderValue::from_static(value));
        }
        replace(&mut exchange, Message::Request, "newer".into());
        let headers = &exchange.request.headers;
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["etag"], "W/\"a\"");
        assert_eq!(exchange.request.body.bytes().unwrap(), "newer");
    }

    #[test]
    fn compressed_and_absent_bodies_are_not_readable() {
        let mut exchange = exchange();
        assert!(!is_readable(&mut exchange, Message::Request));
        assert!(!is_readable(&mut exchange, Message::Response));
        exchange.request.body = Body::Full("x".into());
        exchange.request.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("Identity"));
        assert!(is_readable(&mut exchange, Message::Request));
        exchange.request.headers.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(!is_readable(&mut exchange, Message::Request));
    }
}
