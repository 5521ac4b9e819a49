//! Google Secret Manager, with the token of the instance's service account.
//!
//! A secret identifier is `https://secretmanager.googleapis.com/v1/projects/P/secrets/S`, with or without `/versions/V`.

use std::env;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatehouse_identity::http_client::{HttpClient, HttpRequest};
use gatehouse_identity::jose::{Json, parse_json};
use gatehouse_model::configuration::VaultLogin;
use parking_lot::Mutex;
use secrecy::SecretString;
use url::Url;
use zeroize::Zeroizing;

use super::VaultError;
use super::hashicorp::own_token;
use super::login::Login;
use super::moment::seconds_of;

/// Where tokens of other issuers are exchanged.
const EXCHANGE: &str = "https://sts.googleapis.com/v1/token";
/// Where tokens of service accounts are given.
const CREDENTIALS: &str = "https://iamcredentials.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The token of the service account, and until when it is used.
#[derive(Default)]
pub(super) struct GcpSecretManager {
    token: Mutex<Option<(Zeroizing<String>, u64)>>,
}

impl std::fmt::Debug for GcpSecretManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GcpSecretManager")
    }
}

impl GcpSecretManager {
    /// The value of a secret.
    pub(super) async fn fetch(
        &self,
        endpoint: &Url,
        path: &str,
        login: &Login<'_>,
        client: &dyn HttpClient,
        now: u64,
    ) -> Result<SecretString, VaultError> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let version = match segments[..] {
            ["v1", "projects", _, "secrets", _] => "/versions/latest",
            ["v1", "projects", _, "secrets", _, "versions", _] => "",
            _ => {
                let message =
                    "the identifier is not `…/v1/projects/PROJECT/secrets/NAME` with or without a version";
                return Err(VaultError::lasting(message));
            }
        };
        let token = self.token(login, client, now).await?;
        let mut url = endpoint.clone();
        url.set_path(&format!("/{}{version}:access", segments.join("/")));
        let request = HttpRequest::get(url).header("authorization", format!("Bearer {}", token.as_str()));
        let answer = client.send(request).await.map_err(|error| VaultError::passing(error.to_string()))?;
        let json = parse_json(&answer.body).ok();
        if answer.status != 200 {
            if answer.status == 401 {
                *self.token.lock() = None;
            }
            let code = json.as_ref().and_then(|json| json.get("error")?.get("status")?.as_str());
            return Err(VaultError::of_answer(&answer, code));
        }
        let payload = json.as_ref().and_then(|json| json.get("payload"));
        let data = payload.and_then(|payload| payload.get("data")).and_then(Json::as_str);
        let bytes = data.and_then(|data| STANDARD.decode(data).ok()).map(Zeroizing::new);
        let bytes = bytes.ok_or_else(|| VaultError::passing("the vault's answer holds no value"))?;
        if let Some(sum) = payload.and_then(|payload| payload.get("dataCrc32c")).and_then(Json::as_str)
            && sum.parse() != Ok(crc32c(&bytes))
        {
            return Err(VaultError::passing("the value was changed on its way: its checksum differs"));
        }
        let text =
            std::str::from_utf8(&bytes).map_err(|_| VaultError::lasting("the secret is not UTF-8 text"))?;
        Ok(SecretString::from(text))
    }

    async fn token(
        &self,
        login: &Login<'_>,
        client: &dyn HttpClient,
        now: u64,
    ) -> Result<Zeroizing<String>, VaultError> {
        if let Some((token, _)) = self.token.lock().as_ref().filter(|(_, until)| now < *until) {
            return Ok(token.clone());
        }
        if let Some(VaultLogin::Identity { audience: Some(audience), service_account, exchange, .. }) =
            login.settings
        {
            let own = own_token(login.identities, login.identity, &format!("https:{audience}"), now).await?;
            let (token, life) = federated(client, audience, exchange.as_ref(), &own).await?;
            let (token, life) = match service_account {
                Some(account) => impersonated(client, account, &token, now).await?,
                None => (token, life),
            };
            *self.token.lock() = Some((token.clone(), now + life - life / 5));
            return Ok(token);
        }
        let host = env::var("GCE_METADATA_HOST").unwrap_or_else(|_| "metadata.google.internal".to_owned());
        let address = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
        let url = Url::parse(&address).map_err(|_| VaultError::lasting("GCE_METADATA_HOST is no host"))?;
        let answer = client.send(HttpRequest::get(url).header("metadata-flavor", "Google")).await;
        let answer = answer.map_err(|error| VaultError::passing(error.to_string()))?;
        let json = parse_json(&answer.body).ok().filter(|_| answer.status == 200);
        let json = json.ok_or_else(|| VaultError::of_answer(&answer, None))?;
        let token = json.get("access_token").and_then(Json::as_str);
        let token = token.ok_or_else(|| VaultError::passing("the metadata service gave no token"))?;
        let token = Zeroizing::new(token.to_owned());
        let life = json.get("expires_in").and_then(Json::as_f64).unwrap_or(60.0).clamp(0.0, 86_400.0) as u64;
        *self.token.lock() = Some((token.clone(), now + life - life / 5));
        Ok(token)
    }
}

/// Exchanges an identity's own token (RFC 8693).
async fn federated(
    client: &dyn HttpClient,
    audience: &str,
    endpoint: Option<&Url>,
    own: &str,
) -> Result<(Zeroizing<String>, u64), VaultError> {
    let url = match endpoint {
        Some(url) => url.clone(),
        None => {
            Url::parse(EXCHANGE).map_err(|_| VaultError::lasting("the address of the exchange is no URL"))?
        }
    };
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", audience),
        ("scope", SCOPE),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("subject_token", own),
    ];
    let answer = client.send(HttpRequest::form(url, &fields)).await;
    let answer = answer.map_err(|error| VaultError::passing(error.to_string()))?;
    let json = parse_json(&answer.body).ok();
    if answer.status != 200 {
        let code = json.as_ref().and_then(|json| json.get("error")?.as_str());
        let error = VaultError::of_answer(&answer, code);
        return Err(VaultError {
            message: format!("the token was not exchanged: {}", error.message),
            ..error
        });
    }
    let token = json.as_ref().and_then(|json| json.get("access_token")?.as_str());
    let token = token.ok_or_else(|| VaultError::passing("the exchange gave no token"))?;
    let life = json.as_ref().and_then(|json| json.get("expires_in")?.as_f64()).unwrap_or(600.0);
    Ok((Zeroizing::new(token.to_owned()), life.clamp(0.0, 86_400.0) as u64))
}

/// A token of the service account that a federated identity stands in for.
async fn impersonated(
    client: &dyn HttpClient,
    account: &str,
    token: &str,
    now: u64,
) -> Result<(Zeroizing<String>, u64), VaultError> {
    let mut url =
        Url::parse(CREDENTIALS).map_err(|_| VaultError::lasting("the address of credentials is no URL"))?;
    url.set_path(&format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken"));
    let body = serde_json::json!({ "scope": [SCOPE] }).to_string();
    let request = HttpRequest::json(url, &body).header("authorization", format!("Bearer {token}"));
    let answer = client.send(request).await.map_err(|error| VaultError::passing(error.to_string()))?;
    let json = parse_json(&answer.body).ok().filter(|_| answer.status == 200);
    let json = json.ok_or_else(|| VaultError::of_answer(&answer, None))?;
    let text = |name: &str| json.get(name).and_then(Json::as_str);
    let token = text("accessToken").ok_or_else(|| VaultError::passing("the account gave no token"))?;
    let until = text("expireTime").and_then(seconds_of).unwrap_or(now + 600);
    Ok((Zeroizing::new(token.to_owned()), until.saturating_sub(now)))
}

/// CRC-32C (RFC 3720, appendix B.4).
fn crc32c(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| {
                if sum & 1 == 1 { sum >> 1 ^ 0x82F6_3B78 } else { sum >> 1 }
            },
        )
    });
    !sum
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(super::crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(super::crc32c(b""), 0);
    }
}
