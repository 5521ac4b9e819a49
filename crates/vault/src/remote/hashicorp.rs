//! `HashiCorp` Vault and `OpenBao`: the key-value engine, version 1 and 2.
//!
//! A secret identifier's path is that of the interface without `/v1`: `/secret/data/app` (version 2) or `/secret/app`
//! (version 1). Its fragment names the field; without one it is `value`.

use std::path::Path;

use gatehouse_identity::http_client::{HttpClient, HttpRequest};
use gatehouse_identity::jose::{Json, parse_json};
use gatehouse_identity::managed::ManagedIdentities;
use gatehouse_model::configuration::VaultLogin;
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use zeroize::Zeroizing;

use super::VaultError;

/// The longest token file.
const MAX_FILE: u64 = 64 * 1024;

/// A vault and the token of the last login.
#[derive(Default)]
pub(super) struct Hashicorp {
    session: Mutex<Option<Session>>,
}

#[derive(Clone)]
struct Session {
    token: SecretString,
    /// Seconds since 1970; a login of its own is made then.
    until: u64,
}

impl std::fmt::Debug for Hashicorp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hashicorp")
    }
}

/// What is asked of a vault.
pub(super) struct Ask<'a> {
    pub(super) endpoint: &'a Url,
    pub(super) namespace: Option<&'a str>,
    pub(super) login: &'a VaultLogin,
    pub(super) path: &'a str,
    pub(super) field: &'a str,
    pub(super) now: u64,
    pub(super) identities: &'a ManagedIdentities,
    /// The client id of the identity.
    pub(super) identity: Option<&'a str>,
    /// What the vault calls itself in configurations.
    pub(super) name: &'a str,
}

impl Hashicorp {
    /// The value of a field of a secret.
    pub(super) async fn fetch(
        &self,
        ask: &Ask<'_>,
        client: &dyn HttpClient,
    ) -> Result<SecretString, VaultError> {
        match self.read(ask, client).await {
            // A token may end before its time: it was revoked, or the vault was started anew.
            Err((error, true)) => {
                if self.session.lock().take().is_none() {
                    return Err(error);
                }
                self.read(ask, client).await.map_err(|(error, _)| error)
            }
            outcome => outcome.map_err(|(error, _)| error),
        }
    }

    async fn read(&self, ask: &Ask<'_>, client: &dyn HttpClient) -> Result<SecretString, (VaultError, bool)> {
        let token = self.token(ask, client).await.map_err(|error| (error, false))?;
        let url = address(ask.endpoint, ask.path);
        let request = ask.dressed(HttpRequest::get(url)).header("x-vault-token", token.expose_secret());
        let answer =
            client.send(request).await.map_err(|error| (VaultError::passing(error.to_string()), false))?;
        let json = parse_json(&answer.body).ok();
        if answer.status != 200 {
            return Err((VaultError::of_answer(&answer, None), answer.status == 403));
        }
        let data = json.as_ref().and_then(|json| json.get("data"));
        // Version 2 wraps the fields, beside what it knows about them.
        let fields = match data {
            Some(data) if data.get("metadata").is_some_and(Json::is_object) => data.get("data"),
            data => data,
        };
        let value = fields.and_then(|fields| fields.get(ask.field)).and_then(Json::as_str);
        let missing = || VaultError::lasting(format!("the secret has no text in its field `{}`", ask.field));
        value.map(SecretString::from).ok_or_else(|| (missing(), false))
    }

    async fn token(&self, ask: &Ask<'_>, client: &dyn HttpClient) -> Result<SecretString, VaultError> {
        match ask.login {
            VaultLogin::Token(token) => return Ok(token.clone()),
            VaultLogin::TokenFile(file) => return Ok(SecretString::from(read(&file.value)?.trim())),
            _ => {}
        }
        let known = self.session.lock().clone();
        if let Some(session) = known.filter(|session| ask.now < session.until) {
            return Ok(session.token);
        }
        let mut certificate = None;
        let (path, body) = match ask.login {
            VaultLogin::Token(_) | VaultLogin::TokenFile(_) => {
                return Err(VaultError::lasting("there is no login"));
            }
            VaultLogin::Certificate { mount, role, certificate: chain, key } => {
                let mut pem = read(&chain.value)?;
                pem.push('\n');
                pem.push_str(&read(&key.value)?);
                certificate = Some(pem);
                let body = match role {
                    Some(role) => serde_json::json!({ "name": role }),
                    None => serde_json::json!({}),
                };
                (format!("auth/{mount}/login"), body)
            }
            VaultLogin::Identity { mount, role, audience, .. } => {
                let audience = audience.as_deref().unwrap_or(ask.name);
                let token = own_token(ask.identities, ask.identity, audience, ask.now).await?;
                (format!("auth/{mount}/login"), serde_json::json!({ "role": role, "jwt": &*token }))
            }
            VaultLogin::AppRole { role, secret } => {
                let body = serde_json::json!({ "role_id": role, "secret_id": secret.expose_secret() });
                ("auth/approle/login".to_owned(), body)
            }
            VaultLogin::Jwt { mount, role, file } => {
                let body = serde_json::json!({ "role": role, "jwt": read(&file.value)?.trim() });
                (format!("auth/{mount}/login"), body)
            }
        };
        let body = Zeroizing::new(body.to_string());
        let mut request = ask.dressed(HttpRequest::json(address(ask.endpoint, &path), &body));
        request.certificate = certificate;
        let answer = client.send(request).await.map_err(|error| VaultError::passing(error.to_string()))?;
        let json = parse_json(&answer.body).ok().filter(|_| answer.status == 200);
        let Some(json) = json else {
            let error = VaultError::of_answer(&answer, None);
            return Err(VaultError { message: format!("the login failed: {}", error.message), ..error });
        };
        let auth = json.get("auth");
        let token = auth.and_then(|auth| auth.get("client_token")).and_then(Json::as_str);
        let token = token.ok_or_else(|| VaultError::passing("the login gave no token"))?;
        let lease = auth.and_then(|auth| auth.get("lease_duration")).and_then(Json::as_f64).unwrap_or(60.0);
        // Two thirds of its time: then a new one is got, which is what a renewal that may fail ends in.
        let until = ask.now + (lease.clamp(0.0, 2_764_800.0) * 2.0 / 3.0) as u64;
        let session = Session { token: SecretString::from(token), until };
        *self.session.lock() = Some(session.clone());
        Ok(session.token)
    }
}

impl Ask<'_> {
    fn dressed(&self, request: HttpRequest) -> HttpRequest {
        let request = request.header("x-vault-request", "true");
        match self.namespace {
            Some(namespace) => request.header("x-vault-namespace", namespace),
            None => request,
        }
    }
}

/// A token of the identity's own.
pub(super) async fn own_token(
    identities: &ManagedIdentities,
    identity: Option<&str>,
    audience: &str,
    now: u64,
) -> Result<Zeroizing<String>, VaultError> {
    identities.assertion(identity, audience, now).await.map_err(|failure| VaultError {
        message: failure.message,
        is_passing: failure.retry_after.is_some(),
        retry_after: failure.retry_after,
    })
}

fn address(endpoint: &Url, path: &str) -> Url {
    let mut url = endpoint.clone();
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/v1/{}", path.trim_start_matches('/')));
    url
}

fn read(file: &Path) -> Result<Zeroizing<String>, VaultError> {
    let failed = |error: &dyn std::fmt::Display| {
        VaultError::passing(format!("the file {} cannot be read: {error}", file.display()))
    };
    if std::fs::metadata(file).map_err(|error| failed(&error))?.len() > MAX_FILE {
        return Err(failed(&"it is too large"));
    }
    std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| failed(&error))
}
