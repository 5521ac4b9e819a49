//! Managed identities of tests: every one there could be. A stub of the metadata service speaks for them; without one
//! they get tokens that the key of the process signs.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use gatehouse_identity::http_client::{HttpClient, HttpError, HttpRequest, HttpResponse};
use gatehouse_identity::managed::{IdentityKind, ManagedIdentities};
use http::StatusCode;
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::token::{Tokens, claims};
use super::{Stub, Templates};

/// The metadata service of Azure's virtual machines, which knows the system's identity and those of users.
const SERVICE: &str = "http://169.254.169.254";
/// Who issues the tokens that no stub gives.
const ISSUER: &str = "https://sts.windows.net/gatehouse-test/";
/// What the system's identity is called in them.
const SYSTEM: &str = "system-assigned";

/// The identities of one case.
pub(super) fn identities(stubs: &[Stub], templates: &Templates<'_>) -> ManagedIdentities {
    let service = match Url::parse(SERVICE) {
        Ok(endpoint) => Some(IdentityKind::AzureImds { endpoint, client_id: None }),
        Err(_) => None,
    };
    let speaks =
        |stub: &&Stub| stub.url.starts_with(SERVICE) || SERVICE.starts_with(stub.url.trim_end_matches('*'));
    let stubs = stubs.iter().filter(speaks).map(|stub| Prepared::of(stub, templates)).collect();
    let service_of_tests = MetadataService { stubs, now: templates.now_seconds() };
    ManagedIdentities::new(service, Vec::new(), Arc::new(service_of_tests))
}

/// The metadata service.
struct MetadataService {
    stubs: Vec<Prepared>,
    /// Seconds since 1970.
    now: i64,
}

/// A stub with its templates filled in.
struct Prepared {
    stub: Stub,
    body: Result<String, String>,
}

impl Prepared {
    fn of(stub: &Stub, templates: &Templates<'_>) -> Self {
        Self { stub: stub.clone(), body: templates.fill(&stub.answer.body) }
    }

    fn answer(&self) -> Result<HttpResponse, HttpError> {
        let answer = &self.stub.answer;
        if answer.error.is_some() {
            return Err(HttpError("the stub of the metadata service gives no answer".to_owned()));
        }
        let bad = |why: String| HttpError(format!("the stub of the metadata service {why}"));
        StatusCode::from_u16(answer.status)
            .map_err(|_| bad(format!("has the status {}, which there is not", answer.status)))?;
        let body = self.body.clone().map_err(bad)?;
        let headers = answer.headers.iter().flat_map(|(name, values)| {
            values.iter().map(|value| (name.value.to_ascii_lowercase(), value.clone()))
        });
        Ok(HttpResponse {
            status: answer.status,
            headers: headers.collect(),
            body: Zeroizing::new(body.into_bytes()),
        })
    }
}

impl MetadataService {
    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = request.url.as_str();
        if let Some(found) = self.stubs.iter().find(|known| known.stub.answers(request.method, url)) {
            return found.answer();
        }
        let asked = |name: &str| {
            request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let client = asked("client_id").unwrap_or_else(|| SYSTEM.to_owned());
        let wanted = json!({
            "aud": asked("resource").unwrap_or_default(), "iss": ISSUER, "sub": client, "appid": client,
        });
        // JSON is YAML.
        let token = claims(&wanted.to_string(), self.now).and_then(|token| Tokens::shared().sign(&token));
        let token = token.map_err(|why| HttpError(format!("the test {why}")))?;
        let body = json!({ "access_token": token, "expires_in": "3600", "token_type": "Bearer" });
        let body = Zeroizing::new(body.to_string().into_bytes());
        Ok(HttpResponse { status: 200, headers: Vec::new(), body })
    }
}

impl HttpClient for MetadataService {
    fn send(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>> {
        std::future::ready(self.answer(&request)).boxed()
    }
}
