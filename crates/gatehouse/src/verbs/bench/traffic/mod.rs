//! The requests that are sent.

mod access;
mod definitions;
mod file;
mod matching;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::stub::{self, StubAnswer};
use crate::offline::{Templates, TestKeys};

pub(super) use self::access::Access;
pub(super) use self::definitions::from_definitions;
pub(super) use self::file::from_file;
pub(super) use self::matching::find_routes;

/// The most requests of one run.
pub(super) const MAX_CALLS: usize = 4096;

/// The policies around a request: those of this operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    pub(super) workspace: Option<String>,
    pub(super) api: String,
    pub(super) operation: String,
}

/// A request before keys and tokens are filled in.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// What people call it.
    pub(super) name: String,
    /// Its operation, where it is known.
    pub(super) route: Option<Route>,
    pub(super) method: String,
    /// Path and query.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// The field and the subscription of the key that it needs.
    pub(super) key: Option<(String, String)>,
    /// How often it is sent in proportion to the others.
    pub(super) weight: u32,
    /// The status that is right; `None`: any 2xx or 3xx.
    pub(super) expect: Option<u16>,
    /// What the backend answers.
    pub(super) answer: StubAnswer,
}

/// A request, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) path: PathAndQuery,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) weight: u32,
    pub(super) expect: Option<u16>,
}

impl Call {
    /// Whether the answer is what it should be.
    pub(super) fn is_right(&self, status: StatusCode) -> bool {
        match self.expect {
            Some(wanted) => status.as_u16() == wanted,
            None => status.is_success() || status.is_redirection(),
        }
    }
}

/// What requests are filled in with.
pub(super) struct Filling<'f> {
    /// Keys by subscription.
    pub(super) keys: &'f BTreeMap<String, String>,
    /// The key of all requests.
    pub(super) key: Option<&'f str>,
    /// The header fields of the command line.
    pub(super) extra: &'f [String],
    /// The `Host` field.
    pub(super) host: &'f str,
    /// Whether the stub backend is to know which request it answers.
    pub(super) is_marked: bool,
}

/// Fills keys and tokens in.
pub(super) fn prepare(drafts: &[Draft], filling: &Filling<'_>) -> Result<Vec<Call>> {
    if drafts.len() > MAX_CALLS {
        bail!("{} requests; {MAX_CALLS} at most: choose with --api or --operation", drafts.len());
    }
    let Filling { keys, key: given_key, extra, host, is_marked } = *filling;
    let test_keys: TestKeys = keys.iter().map(|(name, key)| (name.clone(), key.clone())).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let templates = Templates::new(&test_keys, now);
    let fill = |text: &str| templates.fill(text).map_err(|why| anyhow::anyhow!("`{text}` {why}"));
    let mut shared = HeaderMap::new();
    for header in extra {
        let Some((name, value)) = header.split_once(':') else {
            bail!("`{header}` is no header field; write 'Name: value'");
        };
        let (name, value) = field(name.trim(), &fill(value.trim())?)?;
        shared.append(name, value);
    }
    let mut calls = Vec::with_capacity(drafts.len());
    for (number, draft) in drafts.iter().enumerate() {
        let place = || format!("the request `{}`", draft.name);
        let mut headers = HeaderMap::new();
        let host = HeaderValue::from_str(host).with_context(|| format!("`{host}` is no host"))?;
        headers.insert(HOST, host);
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("gatehouse-bench/", env!("CARGO_PKG_VERSION"))),
        );
        if let Some(mark) = stub::mark(number).filter(|_| is_marked) {
            headers.insert("traceparent", mark);
        }
        if let Some((name, subscription)) = &draft.key
            && let Some(key) = given_key.or_else(|| keys.get(subscription).map(String::as_str))
        {
            let (name, key) = field(name, key).with_context(place)?;
            headers.insert(name, key);
        }
        let mut own = HeaderMap::new();
        for (name, value) in &draft.headers {
            let (name, value) = field(name, &fill(value).with_context(place)?).with_context(place)?;
            own.append(name, value);
        }
        for more in [&shared, &own] {
            for name in more.keys() {
                headers.remove(name);
                for value in more.get_all(name) {
                    headers.append(name.clone(), value.clone());
                }
            }
        }
        calls.push(Call {
            name: draft.name.clone(),
            method: Method::from_bytes(draft.method.as_bytes())
                .with_context(|| format!("{}: `{}` is no method", place(), draft.method))?,
            path: draft
                .path
                .parse()
                .with_context(|| format!("{}: `{}` is no path of a URL", place(), draft.path))?,
            headers,
            body: draft.body.clone(),
            weight: draft.weight,
            expect: draft.expect,
        });
    }
    Ok(calls)
}

fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let field = HeaderName::from_bytes(name.as_bytes())
        .with_context(|| format!("`{name}` is no name of a header field"))?;
    let value = HeaderValue::from_str(value).with_context(|| format!("`{name}` cannot have this value"))?;
    Ok((field, value))
}
