//! `redirect-content-urls`: in an answer the backend's URLs become the gateway's, in a request the other way round.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/redirect-content-urls-policy>. Header fields stay as they are.
//! Only textual bodies are looked at, and only URLs below the backend's base URL, which is what has a place below the
//! API's path. Slashes may be written as JSON may write them, with a backslash before each.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use gatehouse_model::resources::BackendTarget;
use memchr::memmem::Finder;
use url::Url;

use super::whole_body;
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::{Action, AsyncPolicy, BackendChoice, Exchange, Failure, Flow, RequestUrl, World};

const NAME: &str = "redirect-content-urls";

#[derive(Debug)]
struct RedirectContentUrls {
    message: Message,
    /// The base URLs of every backend entity: of its own, or of the members of its pool.
    entities: HashMap<Arc<str>, Vec<Url>>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &[], &[]);
    builder.no_text(element);
    let backends = &builder.resources().backends;
    let single = |name: &str| match &backends.get(name)?.target {
        BackendTarget::Single(url) => Some(url.clone()),
        BackendTarget::Pool(_) => None,
    };
    let urls = |target: &BackendTarget| match target {
        BackendTarget::Single(url) => vec![url.clone()],
        BackendTarget::Pool(members) => {
            members.iter().filter_map(|member| single(&member.backend.value)).collect()
        }
    };
    let entities = backends
        .iter()
        .map(|(name, backend)| (builder.backend_entity(name), urls(&backend.target)))
        .collect();
    Ok(Action::Later(Box::new(RedirectContentUrls { message: builder.message(), entities })))
}

impl AsyncPolicy for RedirectContentUrls {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let is_text = whole_body::parts(exchange, self.message)
                .and_then(|(headers, _)| whole_body::media_type(headers))
                .is_some_and(|known| is_textual(&known));
            if !is_text || !whole_body::is_readable(exchange, self.message) {
                return Ok(Flow::Continue);
            }
            let pairs = self.pairs(exchange);
            if pairs.is_empty() {
                return Ok(Flow::Continue);
            }
            let body = whole_body::read(exchange, self.message, world, NAME).await?;
            let mut new = None;
            for (from, to) in &pairs {
                let current: &Bytes = new.as_ref().unwrap_or(&body);
                if let Some(redirected) = redirected(current, from, to, world.buffered_body_bytes)? {
                    new = Some(redirected);
                }
            }
            if let Some(new) = new {
                whole_body::replace(exchange, self.message, new);
            }
            Ok(Flow::Continue)
        })
    }
}

impl RedirectContentUrls {
    /// What becomes what.
    fn pairs(&self, exchange: &Exchange) -> Vec<(String, String)> {
        let Some(gateway) = gateway_base(exchange) else { return Vec::new() };
        let service = exchange.route.api.as_ref().and_then(|api| api.service_url.as_deref());
        let backends: Vec<&Url> = match &exchange.backend {
            BackendChoice::Service => service.into_iter().collect(),
            BackendChoice::Url(url) => vec![url],
            BackendChoice::Entity(name) => self.entities.get(&**name).into_iter().flatten().collect(),
        };
        match self.message {
            Message::Response => {
                backends.into_iter().flat_map(spellings).map(|backend| (backend, gateway.clone())).collect()
            }
            Message::Request => {
                let Some(backend) = backends.first() else { return Vec::new() };
                let Ok(url) = Url::parse(&gateway) else { return Vec::new() };
                spellings(&url).into_iter().map(|gateway| (gateway, base(backend))).collect()
            }
        }
    }
}

/// The URL that the API has on the gateway, without a slash at its end.
fn gateway_base(exchange: &Exchange) -> Option<String> {
    let api = exchange.route.api.as_ref()?;
    let url = &exchange.request.original_url;
    let mut path = String::new();
    if !api.path.is_empty() {
        path = format!("/{}", api.path);
    }
    // The version stands in the path where the version set says so; then the request's path has it, too.
    if let Some(version) = &api.version {
        let versioned = format!("{path}/{version}");
        let is_there =
            url.path.get(..versioned.len()).is_some_and(|start| start.eq_ignore_ascii_case(&versioned))
                && matches!(url.path.as_bytes().get(versioned.len()), None | Some(b'/'));
        if is_there {
            path = versioned;
        }
    }
    let host = RequestUrl { path, query: Default::default(), ..url.clone() };
    Some(host.to_string())
}

/// A base URL without a slash at its end.
fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// A base URL as bodies may write it: also with the port that its scheme implies.
fn spellings(url: &Url) -> Vec<String> {
    let mut spellings = vec![base(url)];
    if let (None, Some(host), Some(port)) = (url.port(), url.host_str(), url.port_or_known_default()) {
        let path = url.path().trim_end_matches('/');
        spellings.push(format!("{}://{host}:{port}{path}", url.scheme()));
    }
    spellings
}

fn is_textual(media_type: &str) -> bool {
    const TEXTUAL: [&str; 5] = ["/json", "+json", "/xml", "+xml", "/javascript"];
    media_type.starts_with("text/") || TEXTUAL.iter().any(|end| media_type.ends_with(end))
}

/// The body with one base URL in the place of another; `None` where it is not there.
fn redirected(body: &[u8], from: &str, to: &str, limit: usize) -> Result<Option<Bytes>, Failure> {
    let escaped = |text: &str| text.replace('/', "\\/");
    let plain = substituted(body, from, to, limit)?;
    let escaped = substituted(plain.as_deref().unwrap_or(body), &escaped(from), &escaped(to), limit)?;
    Ok(escaped.or(plain).map(Bytes::from))
}

fn substituted(body: &[u8], from: &str, to: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
    let mut new = Vec::new();
    let mut done = 0;
    for start in Finder::new(from).find_iter(body) {
        let end = start + from.len();
        if body.get(end).is_some_and(|next| goes_on(*next)) {
            continue;
        }
        new.extend_from_slice(body.get(done..start).unwrap_or_default());
        new.extend_from_slice(to.as_bytes());
        if new.len() > limit.max(body.len()) {
            let message = format!("The body would be longer than {limit} bytes.");
            return Err(Failure::internal(NAME, "BodyTooLarge", message));
        }
        done = end;
    }
    if done == 0 {
        return Ok(None);
    }
    new.extend_from_slice(body.get(done..).unwrap_or_default());
    Ok(Some(new))
}

/// Whether a byte after a base URL makes it the beginning of something else: a longer host, a port, a longer segment.
fn goes_on(next: u8) -> bool {
    next.is_ascii_alphanumeric() || matches!(next, b'-' | b'.' | b'_' | b'~' | b'%' | b':' | b'@')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gatehouse_model::resources::{ApiKind, KeyParameterNames};
    use http::header::{CONTENT_TYPE, LOCATION};
    use http::{HeaderValue, StatusCode};

    use super::*;
    use crate::testing::*;
    use crate::{ApiFacts, Body, Response};

    fn api(version: Option<&str>) -> Arc<ApiFacts> {
        Arc::new(ApiFacts {
            id: "echo".into(),
            name: "Echo".into(),
            path: "echo".into(),
            revision: "1".into(),
            is_current_revision: true,
            version: version.map(Into::into),
            workspace: None,
            service_url: Some(Arc::new(Url::parse("https://backend.example/base/").unwrap())),
            kind: ApiKind::Http,
            key_names: KeyParameterNames::default(),
        })
    }

    fn answered(
        content_type: &'static str,
        body: &'static str,
        prepare: impl FnOnce(&mut Exchange),
    ) -> Exchange {
        let world = TestWorld::new();
        let mut response = Response::new(StatusCode::OK);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers.insert(LOCATION, HeaderValue::from_static("https://backend.example/base/1"));
        response.body = Body::Full(body.into());
        *world.answer.borrow_mut() = Some(Ok(response));
        let mut exchange = exchange();
        exchange.route.api = Some(api(None));
        prepare(&mut exchange);
        world.run(&plan(&document("outbound", "<redirect-content-urls />")), &mut exchange);
        exchange
    }

    #[test]
    fn urls_of_the_backend_become_the_gateways() {
        for (body, wanted) in [
            ("<a href='https://backend.example/base/x'>", "<a href='https://api.example/echo/x'>"),
            ("https://backend.example/base", "https://api.example/echo"),
            ("https://backend.example:443/base?a=1", "https://api.example/echo?a=1"),
            (r#"["https:\/\/backend.example\/base\/x"]"#, r#"["https:\/\/api.example\/echo\/x"]"#),
            ("https://backend.example/basement", "https://backend.example/basement"),
            ("https://backend.example.evil/base", "https://backend.example.evil/base"),
            ("https://backend.example/other", "https://backend.example/other"),
        ] {
            let exchange = answered("application/json; charset=utf-8", body, |_| {});
            assert_eq!(exchange.answer_text(), wanted);
        }
    }

    #[test]
    fn header_fields_and_bodies_that_are_no_text_stay() {
        let exchange = answered("image/png", "https://backend.example/base", |_| {});
        assert_eq!(exchange.answer_text(), "https://backend.example/base");
        let exchange = answered("text/html", "https://backend.example/base", |_| {});
        assert_eq!(exchange.response.unwrap().headers[LOCATION], "https://backend.example/base/1");
    }

    #[test]
    fn the_backend_that_was_chosen_counts_and_the_version_of_the_path() {
        let exchange = answered("text/plain", "http://other.example:8080/a", |exchange| {
            exchange.route.api = Some(api(Some("v2")));
            exchange.request.original_url.path = "/echo/v2/things".into();
            exchange.request.original_url.port = 8443;
            exchange.backend = BackendChoice::Url(Arc::new(Url::parse("http://other.example:8080").unwrap()));
        });
        assert_eq!(exchange.answer_text(), "https://api.example:8443/echo/v2/a");
    }

    #[test]
    fn in_inbound_the_gateways_urls_become_the_backends() {
        let exchange = run_with(&document("inbound", "<redirect-content-urls />"), |exchange| {
            exchange.route.api = Some(api(None));
            exchange.request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
            exchange.request.body = Body::Full("<a>https://api.example/echo/x</a>".into());
        });
        assert_eq!(exchange.request.body.bytes().unwrap(), "<a>https://backend.example/base/x</a>");
    }

    #[test]
    fn it_takes_no_attributes() {
        let told = findings_in("outbound", "<redirect-content-urls all=\"true\" />");
        assert!(told[0].starts_with("policy.xml:1:82: error: "), "{told:?}");
        let told = findings_in("backend", "<redirect-content-urls />");
        assert!(told[0].contains("cannot stand in the section `backend`"), "{told:?}");
    }
}
