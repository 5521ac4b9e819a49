//! Redirects that `forward-request` follows (RFC 9110 section 15.4).

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, LOCATION};
use http::{Method, StatusCode};
use url::Url;

/// How many redirects one request may follow.
pub(super) const MOST: usize = 10;

/// Where an answer leads, where it may be followed: never from https to http, never off HTTP.
pub(super) fn target(status: StatusCode, headers: &HeaderMap, current: &Url) -> Option<Url> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut url = current.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    url.set_fragment(None);
    let is_downgrade = current.scheme() == "https" && url.scheme() != "https";
    let is_http = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
    let has_user = !url.username().is_empty() || url.password().is_some();
    (is_http && !is_downgrade && !has_user).then_some(url)
}

/// The method of the next request, and whether it drops the body.
pub(super) fn method(status: StatusCode, method: &Method) -> (Method, bool) {
    match status.as_u16() {
        303 if *method != Method::HEAD && *method != Method::GET => (Method::GET, true),
        301 | 302 if *method == Method::POST => (Method::GET, true),
        _ => (method.clone(), false),
    }
}

/// Whether credentials may go on to where an answer leads.
pub(super) fn is_same_authority(from: &Url, to: &Url) -> bool {
    from.scheme() == to.scheme()
        && from.host_str() == to.host_str()
        && from.port_or_known_default() == to.port_or_known_default()
}

/// Takes out what proves who the caller is.
pub(super) fn drop_credentials(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    headers.remove(COOKIE);
    headers.remove("ocp-apim-subscription-key");
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn leads(from: &str, location: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_static(location));
        target(StatusCode::FOUND, &headers, &Url::parse(from).unwrap()).map(String::from)
    }

    #[test]
    fn only_http_is_followed_and_never_downwards() {
        assert_eq!(leads("https://a.example/x/y", "../z?q#f"), Some("https://a.example/z?q".to_owned()));
        assert_eq!(leads("http://a.example/", "https://b.example/"), Some("https://b.example/".to_owned()));
        assert_eq!(leads("https://a.example/", "http://a.example/"), None);
        assert_eq!(leads("https://a.example/", "file:///etc/passwd"), None);
        assert_eq!(leads("https://a.example/", "https://user:pw@b.example/"), None);
    }

    #[test]
    fn methods_change_as_the_statuses_say() {
        let after = |code, name| method(StatusCode::from_u16(code).unwrap(), &name);
        assert_eq!(after(303, Method::PUT), (Method::GET, true));
        assert_eq!(after(302, Method::POST), (Method::GET, true));
        assert_eq!(after(302, Method::PUT), (Method::PUT, false));
        assert_eq!(after(308, Method::POST), (Method::POST, false));
        assert_eq!(after(303, Method::HEAD), (Method::HEAD, false));
    }
}
