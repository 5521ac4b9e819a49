//! What a backend entity adds to requests.

use gatehouse_model::resources::Backend;
use gatehouse_model::{Diagnostic, Diagnostics, Location, Severity};
use gatehouse_vault::Unfilled;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::hop_by_hop::is_hop_by_hop;

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Resolves the `{{named values}}` of a credential; first comes the name of the entity that it belongs to.
pub type Resolve<'r> = dyn Fn(&str, &SecretString) -> Result<SecretString, Unfilled> + 'r;

/// Header fields, marked as sensitive, and a piece of query.
#[derive(Default)]
pub(super) struct Credentials {
    headers: Vec<(HeaderName, HeaderValue)>,
    query: SecretString,
    /// Whether a vault has yet to give a part of them: without it nothing is sent.
    is_waiting: bool,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// Compiles a backend's credentials.
    pub(super) fn load(
        backend: &Backend,
        resolve: &Resolve<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let source = &backend.credentials;
        let mut failed = false;
        let mut is_waiting = false;
        let mut report = |location: &Location, what: String, problem: Unfilled| {
            let message = match what.as_str() {
                "" => problem.message,
                what => format!("{what}: {}", problem.message),
            };
            let finding = Diagnostic::error("backend-credentials", location.clone(), message)
                .resource(format!("backends/{}", backend.name));
            if problem.is_passing {
                is_waiting = true;
                diagnostics.push(finding.severity(Severity::High));
            } else {
                failed = true;
                diagnostics.push(finding);
            }
        };
        let mut headers = Vec::new();
        for (name, values) in &source.headers {
            let first = values.first().map_or(&backend.location, |value| &value.location);
            let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
                let problem =
                    format!("credentials name the header field `{name}`, which is not a field name");
                report(first, String::new(), problem.into());
                continue;
            };
            if is_hop_by_hop(&header) || matches!(header.as_str(), "host" | "content-length") {
                let problem = format!("credentials may not set the header field `{name}`");
                report(first, String::new(), problem.into());
                continue;
            }
            for value in values {
                match resolve(&backend.name, &value.value).and_then(|value| sensitive(value.expose_secret()))
                {
                    Ok(value) => headers.push((header.clone(), value)),
                    Err(problem) => report(&value.location, format!("credential header `{name}`"), problem),
                }
            }
        }
        if let Some((scheme, parameter)) = &source.authorization {
            let value = resolve(&backend.name, &parameter.value).and_then(|parameter| {
                let text = zeroize::Zeroizing::new(format!("{scheme} {}", parameter.expose_secret()));
                sensitive(text.trim_end())
            });
            match value {
                Ok(value) => headers.push((AUTHORIZATION, value)),
                Err(problem) => report(&parameter.location, "credential `authorization`".to_owned(), problem),
            }
        }
        let mut query = String::new();
        for (name, values) in &source.query {
            for value in values {
                match resolve(&backend.name, &value.value) {
                    Ok(value) => {
                        if !query.is_empty() {
                            query.push('&');
                        }
                        query.extend(utf8_percent_encode(name, COMPONENT));
                        query.push('=');
                        query.extend(utf8_percent_encode(value.expose_secret(), COMPONENT));
                    }
                    Err(problem) => {
                        report(&value.location, format!("credential query parameter `{name}`"), problem);
                    }
                }
            }
        }
        (!failed).then(|| Self { headers, query: query.into(), is_waiting })
    }

    /// Whether a vault has yet to give a part of them.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Puts the header fields in the place of those of the client.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, _) in &self.headers {
            headers.remove(name);
        }
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
    }

    /// The piece of query; empty where there is none.
    pub(super) fn query(&self) -> &str {
        self.query.expose_secret()
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, Unfilled> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Unfilled::from("the value holds characters that a header field may not hold".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}
