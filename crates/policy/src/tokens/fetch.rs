//! Fetches an issuer's metadata and keys. It goes on without the request that has begun it, so that a client that leaves
//! does not take the keys of all others along.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gatehouse_identity::issuer::{IssuerKeys, IssuerMetadata, MAX_DOCUMENT_BYTES, Refresh, SourceKind};
use gatehouse_identity::jose::KeySet;
use http::header::{ACCEPT, HeaderValue, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::{Outgoing, OutgoingRequest, OutgoingTarget, Response, UpstreamError};

/// Time for one document, to its last byte.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most redirects of one document.
const MAX_REDIRECTS: u8 = 3;

/// Begins a fetch.
pub(crate) fn begin(refresh: Refresh, outgoing: &dyn Outgoing) {
    let url = refresh.source().url().clone();
    match refresh.source().kind().clone() {
        SourceKind::Metadata => {
            document(url, MAX_REDIRECTS, outgoing, move |outgoing, outcome| {
                let read = |bytes: Bytes| IssuerMetadata::parse(&bytes).map_err(|error| error.to_string());
                match outcome.and_then(read) {
                    Ok(metadata) => keys(refresh, metadata.key_set, metadata.issuer.into(), outgoing),
                    Err(error) => refresh.finish(Err(error)),
                }
            });
        }
        SourceKind::KeySet { issuer } => keys(refresh, url, issuer, outgoing),
    }
}

fn keys(refresh: Refresh, url: Url, issuer: Box<str>, outgoing: &dyn Outgoing) {
    document(url, MAX_REDIRECTS, outgoing, move |_, outcome| {
        let keys = outcome.and_then(|bytes| KeySet::parse(&bytes).map_err(|error| error.to_string()));
        refresh.finish(keys.map(|keys| IssuerKeys { issuer, keys }));
    });
}

/// Fetches a document over https; redirects may lead to https only.
fn document(
    url: Url,
    redirects: u8,
    outgoing: &dyn Outgoing,
    done: impl FnOnce(&dyn Outgoing, Result<Bytes, String>) + 'static,
) {
    if url.scheme() != "https" {
        return done(outgoing, Err(format!("{} is not https", shown(&url))));
    }
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("Gatehouse/", env!("CARGO_PKG_VERSION"))));
    let request = OutgoingRequest {
        target: OutgoingTarget::Url(Arc::new(url.clone())),
        method: Method::GET,
        headers,
        body: Bytes::new(),
        timeout: TIMEOUT,
        certificate: None,
        proxy: None,
    };
    let then = move |outgoing: &dyn Outgoing, outcome: Result<Response, UpstreamError>| {
        let response = match outcome {
            Ok(response) => response,
            Err(error) => return done(outgoing, Err(format!("{}: {error}", shown(&url)))),
        };
        if response.status.is_redirection() {
            let next = response.headers.get(LOCATION).and_then(|location| location.to_str().ok());
            return match next.and_then(|location| url.join(location).ok()) {
                Some(next) if redirects > 0 => document(next, redirects - 1, outgoing, done),
                Some(_) => done(outgoing, Err(format!("{}: too many redirects", shown(&url)))),
                None => done(outgoing, Err(format!("{}: a redirect to nowhere", shown(&url)))),
            };
        }
        if response.status != StatusCode::OK {
            return done(outgoing, Err(format!("{}: status {}", shown(&url), response.status.as_u16())));
        }
        match response.body.bytes() {
            Some(bytes) if bytes.len() <= MAX_DOCUMENT_BYTES => done(outgoing, Ok(bytes.clone())),
            _ => done(outgoing, Err(format!("{}: more than {MAX_DOCUMENT_BYTES} bytes", shown(&url)))),
        }
    };
    outgoing.fetch_apart(request, Box::new(then));
}

/// A URL without its query, which may hold what is nobody's business.
fn shown(url: &Url) -> &str {
    url.as_str().split(['?', '#']).next().unwrap_or_default()
}
