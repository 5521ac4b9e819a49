//! URLs of requests, with a query that is only taken apart where someone looks into it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986 section 2.3.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A URL in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestUrl {
    /// `https` or `http`.
    pub scheme: &'static str,
    /// Host name or address, lower case, without port.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// Path, percent-encoded as it came, beginning with `/`.
    pub path: String,
    /// Query.
    pub query: Query,
}

impl fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        let default_port = if self.scheme == "https" { 443 } else { 80 };
        if self.port != default_port {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)?;
        let query = self.query.raw();
        if query.is_empty() { Ok(()) } else { write!(f, "?{query}") }
    }
}

/// A query string, without its question mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    raw: String,
}

impl Query {
    /// A query as it came.
    pub fn new(raw: impl Into<String>) -> Self {
        Self { raw: raw.into() }
    }

    /// The query as it will be sent.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Names and values in their order, decoded (`+` is a space).
    pub fn pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.segments().map(|segment| {
            let (name, value) = segment.split_once('=').unwrap_or((segment, ""));
            (decode(name), decode(value))
        })
    }

    /// The values of a name; names are compared without regard to case, as Azure API Management does.
    pub fn values<'q>(&'q self, name: &'q str) -> impl Iterator<Item = Cow<'q, str>> {
        self.pairs().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first value of a name.
    pub fn first<'q>(&'q self, name: &'q str) -> Option<Cow<'q, str>> {
        if self.raw.is_empty() { None } else { self.values(name).next() }
    }

    /// Adds a parameter at the end.
    pub fn append(&mut self, name: &str, value: &str) {
        if !self.raw.is_empty() {
            self.raw.push('&');
        }
        self.raw.extend(utf8_percent_encode(name, COMPONENT));
        self.raw.push('=');
        self.raw.extend(utf8_percent_encode(value, COMPONENT));
    }

    /// Takes out every parameter of a name; the others stay as they were written. Says whether one was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let is_other = |segment: &&str| {
            let key = segment.split_once('=').map_or(*segment, |(key, _)| key);
            !decode(key).eq_ignore_ascii_case(name)
        };
        if self.segments().all(|segment| is_other(&segment)) {
            return false;
        }
        self.raw = self.segments().filter(is_other).collect::<Vec<_>>().join("&");
        true
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        self.raw.split('&').filter(|segment| !segment.is_empty())
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_keeps_what_it_is_not_asked_to_change() {
        let mut query = Query::new("a=1&b=%20x&a=2&c");
        assert_eq!(query.values("A").collect::<Vec<_>>(), ["1", "2"]);
        assert!(query.remove("a"));
        assert!(!query.remove("zz"));
        assert_eq!(query.raw(), "b=%20x&c");
        query.append("d e", "f&g");
        assert_eq!(query.raw(), "b=%20x&c&d%20e=f%26g");
    }

    #[test]
    fn default_ports_are_left_out() {
        let mut url = RequestUrl {
            scheme: "https",
            host: "api.example".into(),
            port: 443,
            path: "/a".into(),
            query: Query::new("b=1"),
        };
        assert_eq!(url.to_string(), "https://api.example/a?b=1");
        url.port = 8443;
        assert_eq!(url.to_string(), "https://api.example:8443/a?b=1");
    }
}
