//! What a template reads: `context` and `body`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gatehouse_expression::Json;
use http::HeaderMap;

use super::data::{Data, Map};
use super::render::Values;
use super::xml::{self, Nil};
use crate::{Body, Exchange, RequestUrl, World};

pub(super) const CONTEXT: &[&str] = &["Request", "Response", "Variables"];
pub(super) const REQUEST: &[&str] = &[
    "HasBody",
    "Headers",
    "IpAddress",
    "MatchedParameters",
    "Method",
    "OriginalMethod",
    "OriginalUrl",
    "Url",
];
pub(super) const RESPONSE: &[&str] = &["Headers", "Method", "StatusCode", "StatusReason"];

/// An exchange as a template sees it.
pub(crate) struct Source<'s> {
    pub(crate) exchange: &'s Exchange,
    pub(crate) world: &'s World<'s>,
    pub(crate) body: Data,
}

/// What a body is by its media type: the tree of JSON or XML, else text.
///
/// # Errors
/// It is not what its type says.
pub(crate) fn body(media_type: &str, bytes: &[u8], nil: Nil, dates: bool) -> Result<Data, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    if text.trim().is_empty() {
        return Ok(Data::Null);
    }
    let is = |kind: &str| media_type.strip_suffix(kind).is_some_and(|before| before.ends_with(['/', '+']));
    if is("json") {
        let json = Json::read(&text, dates).map_err(|error| format!("The body is no JSON: {error}"))?;
        return Ok(Data::of_json(&json));
    }
    if is("xml") {
        return xml::read(&text, nil).map_err(|error| format!("The body is no XML: {error}"));
    }
    Ok(Data::text(text))
}

impl Values for Source<'_> {
    fn value(&self, root: &str, keys: &[Data]) -> (Data, usize) {
        let name = |index: usize| match keys.get(index) {
            Some(Data::Text(name)) => Some(&**name),
            _ => None,
        };
        match (root, name(0), name(1)) {
            ("body", ..) => (self.body.clone(), 0),
            ("context", Some("Variables"), Some(variable)) => {
                (self.exchange.variables.get(variable).map_or(Data::Null, Data::of_value), 2)
            }
            ("context", Some("Variables"), None) => {
                let entry = |(name, value)| (Arc::from(name), Data::of_value(value));
                (map(self.exchange.variables.iter().map(entry)), 1)
            }
            ("context", Some("Request"), Some(part)) => (self.request(part), 2),
            ("context", Some("Response"), Some(part)) => (self.response(part), 2),
            ("context", Some("Request"), None) => {
                (map(REQUEST.iter().map(|part| (Arc::from(*part), self.request(part)))), 1)
            }
            ("context", Some("Response"), None) => {
                (map(RESPONSE.iter().map(|part| (Arc::from(*part), self.response(part)))), 1)
            }
            _ => (Data::Null, keys.len()),
        }
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.world.clock.now_millis())
    }
}

impl Source<'_> {
    fn request(&self, part: &str) -> Data {
        let request = &self.exchange.request;
        match part {
            "Url" => url(&request.url),
            "OriginalUrl" => url(&request.original_url),
            "Method" | "OriginalMethod" => Data::text(request.method.as_str()),
            "IpAddress" => Data::text(request.client_ip.to_string()),
            "MatchedParameters" => map(request
                .matched_parameters
                .iter()
                .map(|(name, value)| (Arc::from(&**name), Data::text(&**value)))),
            "HasBody" => Data::Boolean(matches!(request.body, Body::Consumed) || !request.body.is_empty()),
            "Headers" => headers(&request.headers),
            _ => Data::Null,
        }
    }

    fn response(&self, part: &str) -> Data {
        let Some(response) = &self.exchange.response else { return Data::Null };
        match part {
            "StatusCode" => Data::Integer(response.status.as_u16().into()),
            "StatusReason" => match &response.reason {
                Some(reason) => Data::Text(Arc::clone(reason)),
                None => Data::text(response.status.canonical_reason().unwrap_or_default()),
            },
            "Method" => Data::text(self.exchange.request.method.as_str()),
            "Headers" => headers(&response.headers),
            _ => Data::Null,
        }
    }
}

fn map(entries: impl IntoIterator<Item = (Arc<str>, Data)>) -> Data {
    let mut map = Map::default();
    entries.into_iter().for_each(|(name, value)| map.insert(name, value));
    Data::Map(Arc::new(map))
}

/// Fields by name, found in any case; several of one name are one, with commas between.
fn headers(headers: &HeaderMap) -> Data {
    let mut map = Map::ignoring_case();
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        map.insert(name.as_str().into(), Data::text(values.join(",")));
    }
    Data::Map(Arc::new(map))
}

fn url(url: &RequestUrl) -> Data {
    let query = url.query.raw();
    let question = if query.is_empty() { "" } else { "?" };
    let port = match (url.scheme, url.port) {
        ("https", 443) | ("http", 80) => String::new(),
        (_, port) => format!(":{port}"),
    };
    let whole: Arc<str> = format!("{}://{}{port}{}{question}{query}", url.scheme, url.host, url.path).into();
    let mut parameters: Vec<(Arc<str>, Data)> = Vec::new();
    for (name, value) in ::url::form_urlencoded::parse(query.as_bytes()) {
        match parameters.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, Data::Text(text))) => *text = format!("{text},{value}").into(),
            _ => parameters.push((name.into(), Data::text(value))),
        }
    }
    let mut map = Map::default().with_text(Arc::clone(&whole));
    map.insert("Scheme".into(), Data::text(url.scheme));
    map.insert("Host".into(), Data::text(&*url.host));
    map.insert("Port".into(), Data::Integer(url.port.into()));
    map.insert("Path".into(), Data::text(url.path.as_str()));
    map.insert("Query".into(), self::map(parameters));
    map.insert("QueryString".into(), Data::text(format!("{question}{query}")));
    map.insert("ToUri".into(), Data::Text(Arc::clone(&whole)));
    map.insert("ToString".into(), Data::Text(whole));
    Data::Map(Arc::new(map))
}
