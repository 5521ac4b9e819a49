//! Who the instance is towards others, and the vaults that know it.

use std::sync::Arc;

use gatehouse_gateway::CredentialClient;
use gatehouse_gateway::upstream::credential_tls;
use gatehouse_identity::http_client::HttpClient;
use gatehouse_identity::managed::{IdentityKind, ManagedIdentities};
use gatehouse_model::configuration::{Configuration, ManagedIdentity, ManagedIdentityKind};
use gatehouse_model::{Diagnostic, Diagnostics, Location};
use gatehouse_vault::Vaults;
use secrecy::ExposeSecret as _;
use url::Url;
use zeroize::Zeroizing;

use super::environment;

/// The metadata service of Azure's virtual machines.
const IMDS: &str = "http://169.254.169.254";
/// The authority of Azure's public cloud.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// Identities and vaults of one configuration.
pub(crate) struct Credentials {
    pub(crate) identities: Arc<ManagedIdentities>,
    pub(crate) vaults: Arc<Vaults>,
}

impl Credentials {
    /// Identities and vaults; what they have given before is taken over where it still holds. `None` after an error.
    pub(crate) fn of(
        configuration: &Configuration,
        previous: Option<&Self>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let place = Location::file(configuration.file.as_path());
        let tls = credential_tls(&configuration.backend_tls, &place, diagnostics)?;
        let client: Arc<dyn HttpClient> = match CredentialClient::start(tls) {
            Ok(client) => Arc::new(client),
            Err(error) => {
                diagnostics.error("credentials", place, format!("no thread for credentials: {error}"));
                return None;
            }
        };
        let settings = &configuration.identity;
        let system = settings.system.as_ref().map(|identity| kind(identity, diagnostics));
        let users: Vec<_> = settings
            .user
            .iter()
            .map(|identity| (identity.client_id.clone().unwrap_or_default(), kind(identity, diagnostics)))
            .collect();
        let system = match system {
            Some(None) => return None,
            Some(Some(kind)) => Some(kind),
            None => None,
        };
        let mut known = Vec::new();
        for (id, kind) in users {
            known.push((id, kind?));
        }
        for vault in &configuration.vaults {
            let is_known = |id: &String| known.iter().any(|(known, _)| known.eq_ignore_ascii_case(id));
            if let Some(id) = vault.identity.as_ref().filter(|id| !is_known(id)) {
                let message =
                    format!("the vault names the identity `{id}`, which is not under `identity.user`");
                diagnostics.error("missing-reference", vault.location.clone(), message);
                return None;
            }
        }
        let mut identities = ManagedIdentities::new(system, known, Arc::clone(&client));
        if let Some(previous) = previous {
            identities = identities.keeping(&previous.identities);
        }
        let identities = Arc::new(identities);
        let previous = previous.map(|previous| &*previous.vaults);
        let vaults = Vaults::new(&configuration.vaults, client, Arc::clone(&identities), previous);
        Some(Self { identities, vaults: Arc::new(vaults) })
    }
}

/// How an identity gets its tokens: what the configuration leaves out is asked of the environment.
fn kind(identity: &ManagedIdentity, diagnostics: &mut Diagnostics) -> Option<IdentityKind> {
    let mut reader = Reader { identity, diagnostics };
    let client_id = identity.client_id.clone();
    Some(match identity.kind {
        ManagedIdentityKind::AzureImds => {
            let endpoint =
                environment("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or_else(|| IMDS.to_owned());
            IdentityKind::AzureImds { endpoint: reader.url(&endpoint)?, client_id }
        }
        ManagedIdentityKind::AppService => {
            let endpoint = reader.variable("IDENTITY_ENDPOINT")?;
            let header = Zeroizing::new(reader.variable("IDENTITY_HEADER")?);
            IdentityKind::AppService { endpoint: reader.url(&endpoint)?, header, client_id }
        }
        ManagedIdentityKind::AzureWorkload => {
            let authority = match &identity.endpoint {
                Some(endpoint) => endpoint.clone(),
                None => {
                    let text = environment("AZURE_AUTHORITY_HOST").unwrap_or_else(|| AUTHORITY.to_owned());
                    reader.url(&text)?
                }
            };
            let tenant = match &identity.tenant {
                Some(tenant) => tenant.clone(),
                None => reader.variable("AZURE_TENANT_ID")?,
            };
            let client_id = match client_id {
                Some(id) => id,
                None => reader.variable("AZURE_CLIENT_ID")?,
            };
            let file = match &identity.token_file {
                Some(file) => file.value.clone(),
                None => reader.variable("AZURE_FEDERATED_TOKEN_FILE")?.into(),
            };
            IdentityKind::AzureWorkload { authority, tenant, client_id, file }
        }
        ManagedIdentityKind::ClientCredentials => IdentityKind::ClientCredentials {
            endpoint: identity.endpoint.clone()?,
            client_id: client_id?,
            secret: Zeroizing::new(identity.client_secret.as_ref()?.expose_secret().to_owned()),
        },
    })
}

struct Reader<'r> {
    identity: &'r ManagedIdentity,
    diagnostics: &'r mut Diagnostics,
}

impl Reader<'_> {
    fn variable(&mut self, name: &str) -> Option<String> {
        let value = environment(name).filter(|value| !value.is_empty());
        if value.is_none() {
            let message = format!("the identity needs the environment variable {name}, which is not set");
            self.report(message);
        }
        value
    }

    fn url(&mut self, text: &str) -> Option<Url> {
        match Url::parse(text) {
            Ok(url) if url.host_str().is_some() => Some(url),
            _ => {
                self.report("the address of the identity's tokens is no URL".to_owned());
                None
            }
        }
    }

    fn report(&mut self, message: String) {
        self.diagnostics.push(Diagnostic::error("identity", self.identity.location.clone(), message));
    }
}
