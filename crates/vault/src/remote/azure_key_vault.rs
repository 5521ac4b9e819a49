//! Azure Key Vault: secrets over its REST interface.

use gatehouse_identity::http_client::{HttpClient, HttpRequest};
use gatehouse_identity::jose::{Json, parse_json};
use gatehouse_identity::managed::ManagedIdentities;
use parking_lot::Mutex;
use secrecy::SecretString;
use url::Url;

use super::VaultError;

/// The version of the interface.
const API_VERSION: &str = "7.4";

/// A vault and the resource that its tokens are for, once it has said so.
#[derive(Debug, Default)]
pub(super) struct AzureKeyVault {
    resource: Mutex<Option<String>>,
}

impl AzureKeyVault {
    /// The value of a secret, whose path is `/secrets/NAME` or `/secrets/NAME/VERSION`.
    pub(super) async fn fetch(
        &self,
        endpoint: &Url,
        path: &str,
        identity: Option<&str>,
        client: &dyn HttpClient,
        identities: &ManagedIdentities,
        now: u64,
    ) -> Result<SecretString, VaultError> {
        let mut segments = path.trim_matches('/').split('/');
        let is_name = |text: &str| {
            !text.is_empty()
                && text.len() <= 127
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let (kind, name, version, more) =
            (segments.next(), segments.next(), segments.next(), segments.next());
        if kind != Some("secrets")
            || !name.is_some_and(is_name)
            || !version.is_none_or(is_name)
            || more.is_some()
        {
            return Err(VaultError::lasting(
                "the identifier is not `https://VAULT/secrets/NAME` with or without a version",
            ));
        }
        let mut url = endpoint.clone();
        url.set_path(path);
        url.query_pairs_mut().append_pair("api-version", API_VERSION);
        let known = self.resource.lock().clone();
        let resource = match known {
            Some(resource) => resource,
            None => {
                let resource = self.challenge(&url, endpoint, client).await?;
                *self.resource.lock() = Some(resource.clone());
                resource
            }
        };
        let token = identities.token(identity, &resource, now).await.map_err(|failure| VaultError {
            is_passing: failure.retry_after.is_some(),
            retry_after: failure.retry_after,
            message: failure.message,
        })?;
        let request = HttpRequest::get(url).header("authorization", format!("Bearer {}", token.expose()));
        let answer = client.send(request).await.map_err(|error| VaultError::passing(error.to_string()))?;
        let json = parse_json(&answer.body).ok();
        let member = |names: &[&str]| {
            names.iter().try_fold(json.as_ref()?, |json, name| json.get(name)).and_then(Json::as_str)
        };
        if answer.status != 200 {
            let code = member(&["error", "innererror", "code"]).or_else(|| member(&["error", "code"]));
            return Err(VaultError::of_answer(&answer, code));
        }
        let value = member(&["value"]);
        value.map(SecretString::from).ok_or_else(|| VaultError::passing("the vault's answer holds no value"))
    }

    /// Asks which resource a token must be for. A vault that names another host than its own would get a token that opens
    /// other doors, and gets none.
    async fn challenge(
        &self,
        url: &Url,
        endpoint: &Url,
        client: &dyn HttpClient,
    ) -> Result<String, VaultError> {
        let answer = client.send(HttpRequest::get(url.clone())).await;
        let answer = answer.map_err(|error| VaultError::passing(error.to_string()))?;
        if answer.status != 401 {
            return Err(VaultError::of_answer(&answer, None));
        }
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let resource = parameter(challenge, "resource")
            .or_else(|| parameter(challenge, "scope").map(|scope| scope.trim_end_matches("/.default")));
        let resource =
            resource.ok_or_else(|| VaultError::passing("the vault asks for no token that is known"))?;
        let host = Url::parse(resource).ok().filter(|url| url.scheme() == "https");
        let host = host.as_ref().and_then(Url::host_str);
        let own = endpoint.host_str().unwrap_or_default();
        let is_own = host.is_some_and(|host| own == host || own.ends_with(&format!(".{host}")));
        if !is_own {
            return Err(VaultError::lasting("the vault asks for a token for another host than its own"));
        }
        Ok(resource.to_owned())
    }
}

/// A parameter of a challenge (RFC 9110, section 11.6.1).
fn parameter<'c>(challenge: &'c str, name: &str) -> Option<&'c str> {
    let (scheme, rest) = challenge.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return None;
    }
    rest.split(',').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn challenges_are_read() {
        let challenge =
            "Bearer authorization=\"https://login.example/t\", resource=\"https://vault.azure.net\"";
        assert_eq!(parameter(challenge, "resource"), Some("https://vault.azure.net"));
        assert_eq!(parameter(challenge, "scope"), None);
        assert_eq!(parameter("Basic resource=\"x\"", "resource"), None);
        assert_eq!(parameter("", "resource"), None);
    }
}
