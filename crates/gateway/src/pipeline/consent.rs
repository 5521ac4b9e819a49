//! The way back of somebody who has consented to a connection: providers send browsers here, on internal listeners alone.

use bytes::Bytes;
use gatehouse_model::configuration::Zone;
use gatehouse_policy::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};

use crate::snapshot::{ListenerFacts, Snapshot};

/// The query of a callback, where the request is one.
pub(super) fn query<'r>(
    request: &'r Request<Body>,
    listener: &ListenerFacts,
    snapshot: &Snapshot,
) -> Option<&'r str> {
    if listener.zone != Zone::Internal || request.method() != Method::GET {
        return None;
    }
    let query = request.uri().query()?;
    let is_answer = query.split('&').any(|pair| pair.starts_with("state="));
    (is_answer && snapshot.authorizations.is_callback(request.uri().path())).then_some(query)
}

/// Takes the consent, and says how that went. `now` is in seconds since 1970.
pub(super) async fn answer(snapshot: &Snapshot, query: &str, now: u64) -> Response<Body> {
    let (status, text) = match snapshot.authorizations.connect(query, now).await {
        Ok(name) => {
            (StatusCode::OK, format!("The authorization {name} is connected. This window can be closed.\n"))
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    let mut response = Response::new(Body::from(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
