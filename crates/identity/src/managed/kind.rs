//! How an identity gets an access token: by the wire formats of Azure's SDKs.

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;
use zeroize::Zeroizing;

use super::InstanceIssuer;
use super::workload_api::fetch_jwt;
use crate::http_client::{HttpClient, HttpRequest, HttpResponse};
use crate::jose::{Json, decode_base64url, parse_json};

/// Where a token of this instance is exchanged for one of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Federation {
    /// The authority.
    pub authority: Url,
    /// The tenant.
    pub tenant: String,
    /// The client whose federated credential trusts this instance.
    pub client_id: String,
}

/// Where the identity documents of SPIFFE come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpiffeSource {
    /// A JWT-SVID that an agent writes into a file, for the audience that it is set up for; read anew every time.
    File(PathBuf),
    /// The socket of the Workload API.
    Socket(PathBuf),
}

/// Where an identity's tokens come from.
#[derive(Clone, PartialEq, Eq)]
pub enum IdentityKind {
    /// This instance itself.
    Issuer {
        /// Its keys.
        issuer: Arc<InstanceIssuer>,
        /// Who it says it is.
        subject: String,
        /// Where its tokens are exchanged; `None`: they are used as they are.
        federation: Option<Federation>,
    },
    /// SPIFFE.
    Spiffe {
        /// Where its tokens come from.
        source: SpiffeSource,
        /// Where they are exchanged; `None`: they are used as they are.
        federation: Option<Federation>,
    },
    /// The instance metadata service of a virtual machine.
    AzureImds {
        /// `http://169.254.169.254`, or what `AZURE_POD_IDENTITY_AUTHORITY_HOST` says.
        endpoint: Url,
        /// The client id of a user-assigned identity.
        client_id: Option<String>,
    },
    /// The endpoint of App Service, Functions and Container Apps.
    AppService {
        /// `IDENTITY_ENDPOINT`.
        endpoint: Url,
        /// `IDENTITY_HEADER`.
        header: Zeroizing<String>,
        /// The client id of a user-assigned identity.
        client_id: Option<String>,
    },
    /// A token file of the workload, exchanged at the authority.
    AzureWorkload {
        /// `AZURE_AUTHORITY_HOST`.
        authority: Url,
        /// `AZURE_TENANT_ID`.
        tenant: String,
        /// `AZURE_CLIENT_ID`.
        client_id: String,
        /// `AZURE_FEDERATED_TOKEN_FILE`; read anew every time.
        file: PathBuf,
    },
    /// A client with a secret (RFC 6749, section 4.4).
    ClientCredentials {
        /// The token endpoint.
        endpoint: Url,
        /// The client's id.
        client_id: String,
        /// The client's secret.
        secret: Zeroizing<String>,
    },
}

impl std::fmt::Debug for IdentityKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Issuer { .. } => "issuer",
            Self::Spiffe { .. } => "spiffe",
            Self::AzureImds { .. } => "azure-imds",
            Self::AppService { .. } => "app-service",
            Self::AzureWorkload { .. } => "azure-workload",
            Self::ClientCredentials { .. } => "client-credentials",
        })
    }
}

/// Why there is no token. The text holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TokenFailure {
    /// What went wrong.
    pub message: String,
    /// Whether trying again may help, and after how many seconds at the earliest.
    pub retry_after: Option<u64>,
}

impl TokenFailure {
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry_after: None }
    }

    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry_after: Some(1) }
    }
}

/// The longest token file.
const MAX_FILE: u64 = 64 * 1024;

impl IdentityKind {
    /// Where its own tokens are exchanged, where they are.
    pub(super) fn federation(&self) -> Option<&Federation> {
        match self {
            Self::Issuer { federation, .. } | Self::Spiffe { federation, .. } => federation.as_ref(),
            _ => None,
        }
    }

    /// Whether it has tokens of its own, which others exchange or take as they are.
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Issuer { .. } | Self::Spiffe { .. })
    }

    /// A token of its own for an audience, and for how many seconds it lasts.
    pub(super) async fn assertion(
        &self,
        audience: &str,
        client: &dyn HttpClient,
        now: u64,
    ) -> Result<(Zeroizing<String>, u64), TokenFailure> {
        let token = match self {
            Self::Issuer { issuer, subject, .. } => return issuer.token(subject, audience, now),
            Self::Spiffe { source: SpiffeSource::Socket(socket), .. } => {
                fetch_jwt(socket, audience, client).await?
            }
            Self::Spiffe { source: SpiffeSource::File(file), .. } | Self::AzureWorkload { file, .. } => {
                Zeroizing::new(read(file)?.trim().to_owned())
            }
            _ => {
                let message = format!("an identity of the kind `{self:?}` has no token that others exchange");
                return Err(TokenFailure::lasting(message));
            }
        };
        let life = life_of(&token, now)
            .ok_or_else(|| TokenFailure::passing("the identity's own token is none, or is over"))?;
        Ok((token, life))
    }

    /// The request for a token of a resource. Reads the token file where there is one.
    pub(super) fn request(&self, resource: &str, user: Option<&str>) -> Result<HttpRequest, TokenFailure> {
        let scope = || format!("{resource}/.default");
        match self {
            Self::Issuer { .. } | Self::Spiffe { .. } => {
                Err(TokenFailure::lasting("its tokens are asked of nobody"))
            }
            Self::AzureImds { endpoint, client_id } => {
                let mut url = joined(endpoint, "metadata/identity/oauth2/token")?;
                url.query_pairs_mut()
                    .append_pair("api-version", "2018-02-01")
                    .append_pair("resource", resource);
                if let Some(client) = user.or(client_id.as_deref()) {
                    url.query_pairs_mut().append_pair("client_id", client);
                }
                Ok(HttpRequest::get(url).header("metadata", "true"))
            }
            Self::AppService { endpoint, header, client_id } => {
                let mut url = endpoint.clone();
                url.query_pairs_mut()
                    .append_pair("api-version", "2019-08-01")
                    .append_pair("resource", resource);
                if let Some(client) = user.or(client_id.as_deref()) {
                    url.query_pairs_mut().append_pair("client_id", client);
                }
                Ok(HttpRequest::get(url).header("x-identity-header", header.as_str()))
            }
            Self::AzureWorkload { authority, tenant, client_id, file } => {
                let (authority, tenant) = (authority.clone(), tenant.clone());
                let client_id = user.unwrap_or(client_id).to_owned();
                Federation { authority, tenant, client_id }.exchange(&scope(), read(file)?.trim())
            }
            Self::ClientCredentials { endpoint, client_id, secret } => Ok(HttpRequest::form(
                endpoint.clone(),
                &[
                    ("client_id", client_id),
                    ("grant_type", "client_credentials"),
                    ("scope", &scope()),
                    ("client_secret", secret),
                ],
            )),
        }
    }
}

impl Federation {
    /// The audience of tokens that Microsoft Entra ID exchanges.
    pub(super) const AUDIENCE: &str = "api://AzureADTokenExchange";

    /// The request that exchanges an assertion (RFC 7523, section 2.2).
    pub(super) fn exchange(&self, scope: &str, assertion: &str) -> Result<HttpRequest, TokenFailure> {
        let url = joined(&self.authority, &format!("{}/oauth2/v2.0/token", self.tenant))?;
        Ok(HttpRequest::form(
            url,
            &[
                ("client_id", &self.client_id),
                ("grant_type", "client_credentials"),
                ("scope", scope),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion),
            ],
        ))
    }
}

/// For how many seconds a token lasts, by its own account.
fn life_of(token: &str, now: u64) -> Option<u64> {
    let payload = decode_base64url(token.split('.').nth(1)?)?;
    let until = parse_json(&payload).ok()?.get("exp")?.as_f64()?;
    let life = until - now as f64;
    (life >= 1.0).then_some(life.min(86_400.0) as u64)
}

fn joined(base: &Url, path: &str) -> Result<Url, TokenFailure> {
    let mut text = base.as_str().trim_end_matches('/').to_owned();
    text.push('/');
    text.push_str(path);
    Url::parse(&text).map_err(|_| TokenFailure::lasting("the address of the identity's tokens is no URL"))
}

fn read(file: &PathBuf) -> Result<Zeroizing<String>, TokenFailure> {
    let failed = |what: &dyn std::fmt::Display| {
        TokenFailure::passing(format!("the token file {} cannot be read: {what}", file.display()))
    };
    let size = std::fs::metadata(file).map_err(|error| failed(&error))?.len();
    if size > MAX_FILE {
        return Err(failed(&"it is too large"));
    }
    std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| failed(&error))
}

/// The token of an answer, and for how many seconds it can be used.
pub(super) fn read_answer(answer: &HttpResponse, now: u64) -> Result<(Zeroizing<String>, u64), TokenFailure> {
    let json = parse_json(&answer.body).ok();
    let member = |name: &str| json.as_ref().and_then(|json| json.get(name));
    if answer.status != 200 {
        // `error` is a code of RFC 6749, section 5.2; descriptions may repeat what was sent.
        let code = member("error").and_then(Json::as_str).unwrap_or_default();
        let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
        let message = format!("the identity's tokens are refused: status {} {code}", answer.status);
        let is_passing = matches!(answer.status, 404 | 410 | 429 | 500..=599);
        let retry_after = is_passing.then(|| answer.retry_after().unwrap_or(1));
        return Err(TokenFailure { message: message.trim_end().to_owned(), retry_after });
    }
    let token = member("access_token").and_then(Json::as_str);
    let token = token.filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
    let token = token.ok_or_else(|| TokenFailure::passing("the answer about the identity holds no token"))?;
    // Azure writes numbers as texts, and App Service the moment alone.
    let number = |name| match member(name)? {
        Json::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    };
    let seconds = match (number("expires_in"), number("expires_on")) {
        (Some(seconds), _) => seconds,
        (None, Some(moment)) => moment - now as f64,
        (None, None) => 300.0,
    };
    if seconds.is_nan() || seconds < 1.0 {
        return Err(TokenFailure::passing("the identity's token has expired before it came"));
    }
    Ok((Zeroizing::new(token.to_owned()), seconds.min(86_400.0) as u64))
}
