//! Connections to providers of tokens, from the artifacts' authorization providers.

use std::sync::Arc;

use gatehouse_identity::authorization::{
    AccessPolicy, Authorizations, ConnectionSettings, Grant, TokenKeeper,
};
use gatehouse_model::configuration::Configuration;
use gatehouse_model::resources::{
    Authorization, AuthorizationGrant, AuthorizationProvider, Catalog, IdentityProvider,
};
use gatehouse_model::{Diagnostic, Diagnostics, Location, Severity};
use gatehouse_vault::NamedValues;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use zeroize::Zeroizing;

use super::Credentials;

/// The authority of Microsoft Entra ID in Azure's public cloud.
const ENTRA: &str = "https://login.microsoftonline.com";

/// All connections, and those that wait for a vault, with what they wait for.
#[derive(Default)]
pub(crate) struct Connections {
    pub(crate) ready: Vec<ConnectionSettings>,
    pub(crate) waiting: Vec<(String, String, String)>,
}

/// The manager of the connections of a catalog.
pub(crate) fn authorizations(
    configuration: &Configuration,
    catalog: &Catalog,
    named_values: &NamedValues,
    credentials: &Credentials,
    previous: Option<&Authorizations>,
    diagnostics: &mut Diagnostics,
) -> Arc<Authorizations> {
    let connections = connections(catalog, named_values, diagnostics);
    let system = configuration.identity.system.as_ref();
    let object = system.and_then(|identity| identity.object_id.clone());
    let tenant = system.and_then(|identity| identity.tenant.clone());
    let keeper: Arc<dyn TokenKeeper> = Arc::clone(&credentials.keeper);
    let client = Arc::clone(&credentials.client);
    let manager = Authorizations::new(connections.ready, (tenant, object), client, keeper, previous);
    Arc::new(manager.waiting_for(connections.waiting))
}

/// Reads the connections; what is wrong with one is told.
pub(crate) fn connections(
    catalog: &Catalog,
    named_values: &NamedValues,
    diagnostics: &mut Diagnostics,
) -> Connections {
    let mut connections = Connections::default();
    for provider in catalog.service.authorization_providers.values() {
        for authorization in provider.authorizations.values() {
            let reader = Reader { provider, authorization, named_values };
            match reader.read() {
                Ok(settings) => connections.ready.push(settings),
                Err(Fault { location, message, is_passing: true }) => {
                    let finding = Diagnostic::error("unavailable-secret", location, message.clone());
                    diagnostics.push(finding.severity(Severity::High));
                    let (provider, connection) = (provider.name.clone(), authorization.name.clone());
                    connections.waiting.push((provider, connection, message));
                }
                Err(Fault { location, message, .. }) => {
                    diagnostics.push(Diagnostic::error("bad-authorization", location, message));
                }
            }
        }
    }
    connections
}

struct Reader<'r> {
    provider: &'r AuthorizationProvider,
    authorization: &'r Authorization,
    named_values: &'r NamedValues,
}

struct Fault {
    location: Location,
    message: String,
    is_passing: bool,
}

impl Reader<'_> {
    fn read(&self) -> Result<ConnectionSettings, Fault> {
        let grant = match self.provider.grant {
            AuthorizationGrant::AuthorizationCode => Grant::AuthorizationCode,
            AuthorizationGrant::ClientCredentials => Grant::ClientCredentials,
        };
        let is_code = grant == Grant::AuthorizationCode;
        let client_id = self.required("clientId")?;
        let client_secret = self.parameter("clientSecret")?;
        if client_secret.is_none() && !is_code {
            return Err(self.missing("clientSecret"));
        }
        let mut scopes = self.parameter("scopes")?.map(|text| text.to_string()).unwrap_or_default();
        let mut resource = self.parameter("resourceUri")?.map(|text| text.to_string());
        let (authorization_url, token_url, refresh_url): (_, _, Option<Url>);
        let mut parameters: &[(&str, &str)] = &[];
        match self.provider.identity_provider {
            IdentityProvider::Entra => {
                let authority =
                    self.parameter("loginUri")?.map_or_else(|| ENTRA.to_owned(), |text| text.to_string());
                let tenant = self.parameter("tenantId")?;
                if tenant.is_none() && !is_code {
                    return Err(self.missing("tenantId"));
                }
                let tenant = tenant.map_or_else(|| "common".to_owned(), |text| text.to_string());
                let base = format!("{}/{tenant}/oauth2/v2.0", authority.trim_end_matches('/'));
                authorization_url = Some(self.url("loginUri", &format!("{base}/authorize"))?);
                token_url = self.url("loginUri", &format!("{base}/token"))?;
                refresh_url = None;
                scopes = entra_scopes(&scopes, resource.take().as_deref(), is_code);
            }
            IdentityProvider::Github => {
                authorization_url = Some(self.url("", "https://github.com/login/oauth/authorize")?);
                token_url = self.url("", "https://github.com/login/oauth/access_token")?;
                refresh_url = None;
            }
            IdentityProvider::Google => {
                authorization_url = Some(self.url("", "https://accounts.google.com/o/oauth2/v2/auth")?);
                token_url = self.url("", "https://oauth2.googleapis.com/token")?;
                refresh_url = None;
                // Without these there is no refresh token.
                parameters = GOOGLE;
            }
            IdentityProvider::OAuth2 => {
                authorization_url = if is_code {
                    Some(self.url("authorizationUrl", &self.required("authorizationUrl")?)?)
                } else {
                    None
                };
                token_url = self.url("tokenUrl", &self.required("tokenUrl")?)?;
                refresh_url = match self.parameter("refreshUrl")? {
                    Some(text) => Some(self.url("refreshUrl", &text)?),
                    None => None,
                };
            }
        }
        let redirect_url = match &self.provider.redirect_url {
            Some(text) => {
                let filled = self.filled(&SecretString::from(text.value.as_str()), &text.location)?;
                Some(self.url_at(&text.location, "oauth2.redirectUrl", &filled)?)
            }
            None => None,
        };
        let policies = self.authorization.access_policies.iter();
        Ok(ConnectionSettings {
            provider: self.provider.name.clone(),
            connection: self.authorization.name.clone(),
            grant,
            authorization_url,
            token_url,
            refresh_url,
            redirect_url,
            client_id: client_id.to_string(),
            client_secret,
            scopes,
            resource,
            parameters,
            access: policies
                .map(|policy| AccessPolicy {
                    tenant: policy.tenant_id.clone(),
                    object: policy.object_id.clone(),
                    applications: policy.app_ids.clone(),
                })
                .collect(),
        })
    }

    /// A parameter of the connection, else of the provider.
    fn parameter(&self, name: &'static str) -> Result<Option<Zeroizing<String>>, Fault> {
        let found = self.authorization.parameters.get(name).or_else(|| self.provider.parameters.get(name));
        found.map(|found| self.filled(&found.value, &found.location)).transpose()
    }

    fn required(&self, name: &'static str) -> Result<Zeroizing<String>, Fault> {
        self.parameter(name)?.ok_or_else(|| self.missing(name))
    }

    fn filled(&self, text: &SecretString, location: &Location) -> Result<Zeroizing<String>, Fault> {
        let filled = self.named_values.fill(None, text).map_err(|unfilled| Fault {
            location: location.clone(),
            message: format!("the authorization `{}`: {}", self.name(), unfilled.message),
            is_passing: unfilled.is_passing,
        })?;
        Ok(Zeroizing::new(filled.expose_secret().trim().to_owned()))
    }

    fn url(&self, name: &str, text: &str) -> Result<Url, Fault> {
        let given = self.authorization.parameters.get(name).or_else(|| self.provider.parameters.get(name));
        let location = given.map_or(&self.provider.location, |found| &found.location);
        self.url_at(location, name, text)
    }

    fn url_at(&self, location: &Location, name: &str, text: &str) -> Result<Url, Fault> {
        let url = Url::parse(text).ok().filter(|url| {
            url.scheme() == "https"
                && url.host_str().is_some()
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        });
        url.ok_or_else(|| Fault {
            location: location.clone(),
            message: format!("the authorization `{}`: `{name}` is not an https URL", self.name()),
            is_passing: false,
        })
    }

    fn missing(&self, name: &str) -> Fault {
        Fault {
            location: self.authorization.location.clone(),
            message: format!(
                "the authorization `{}` has no `{name}`, and neither has its provider",
                self.name()
            ),
            is_passing: false,
        }
    }

    fn name(&self) -> String {
        format!("{}/{}", self.provider.name, self.authorization.name)
    }
}

const GOOGLE: &[(&str, &str)] = &[("access_type", "offline"), ("prompt", "consent")];

/// Scopes of version 2 of the authority: those of a resource begin with its name, and a refresh token is asked for.
fn entra_scopes(scopes: &str, resource: Option<&str>, is_code: bool) -> String {
    let resource = resource.map(|resource| resource.trim_end_matches('/'));
    if !is_code {
        return match resource {
            Some(resource) => format!("{resource}/.default"),
            None => scopes.to_owned(),
        };
    }
    let is_bare = |scope: &str| {
        !scope.contains("://") && !matches!(scope, "openid" | "profile" | "email" | "offline_access")
    };
    let mut all: Vec<String> = scopes
        .split([' ', ','])
        .filter(|scope| !scope.is_empty())
        .map(|scope| match resource {
            Some(resource) if is_bare(scope) => format!("{resource}/{scope}"),
            _ => scope.to_owned(),
        })
        .collect();
    if let Some(resource) = resource.filter(|_| all.is_empty()) {
        all.push(format!("{resource}/.default"));
    }
    if !all.iter().any(|scope| scope == "offline_access") {
        all.push("offline_access".to_owned());
    }
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_entra_are_those_of_version_2() {
        let graph = Some("https://graph.microsoft.com/");
        assert_eq!(entra_scopes("", graph, false), "https://graph.microsoft.com/.default");
        assert_eq!(
            entra_scopes("User.Read,openid", graph, true),
            "https://graph.microsoft.com/User.Read openid offline_access"
        );
        assert_eq!(entra_scopes("", graph, true), "https://graph.microsoft.com/.default offline_access");
        assert_eq!(entra_scopes("api://x/read offline_access", None, true), "api://x/read offline_access");
    }
}
