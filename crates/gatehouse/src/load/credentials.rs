//! Who the instance is towards others, and the vaults that know it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gatehouse_gateway::CredentialClient;
use gatehouse_gateway::upstream::credential_tls;
use gatehouse_identity::authorization::{ForgottenTokens, TokenKeeper};
use gatehouse_identity::http_client::HttpClient;
use gatehouse_identity::managed::{
    Federation, IdentityKind, InstanceIssuer, ManagedIdentities, SpiffeSource,
};
use gatehouse_model::configuration::{Configuration, ManagedIdentity, ManagedIdentityKind, Zone};
use gatehouse_model::{Diagnostic, Diagnostics, Location};
use gatehouse_store::{Sealer, Store};
use gatehouse_vault::Vaults;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use zeroize::Zeroizing;

use super::environment;
use super::token_keeper::StoredTokens;

/// The name of the issuer's keys in the store. No named value can have it.
const ISSUER_KEYS: &str = "issuer/keys";
/// Who the instance is in its own tokens.
const SUBJECT: &str = "gatehouse";
/// The metadata service of Azure's virtual machines.
const IMDS: &str = "http://169.254.169.254";
/// The authority of Azure's public cloud.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// Identities and vaults of one configuration.
pub(crate) struct Credentials {
    pub(crate) identities: Arc<ManagedIdentities>,
    pub(crate) vaults: Arc<Vaults>,
    /// This instance as an issuer of tokens.
    pub(crate) issuer: Option<Arc<InstanceIssuer>>,
    /// Where connections to providers keep their tokens.
    pub(crate) keeper: Arc<dyn TokenKeeper>,
    /// What asks for all of it.
    pub(crate) client: Arc<dyn HttpClient>,
}

/// Where what identities and connections keep outlives the process.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'k> {
    pub(crate) store: &'k Arc<dyn Store>,
    pub(crate) sealer: &'k Sealer,
}

impl Credentials {
    /// Identities and vaults; what they have given before is taken over where it still holds. `None` after an error.
    pub(crate) fn of(
        configuration: &Configuration,
        kept: Option<Kept<'_>>,
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
        let keeper: Arc<dyn TokenKeeper> = match (previous, kept) {
            (Some(previous), _) => Arc::clone(&previous.keeper),
            (None, Some(kept)) => match StoredTokens::start(Arc::clone(kept.store), kept.sealer.clone()) {
                Ok(keeper) => Arc::new(keeper),
                Err(error) => {
                    diagnostics.error("credentials", place, format!("no thread for tokens: {error}"));
                    return None;
                }
            },
            (None, None) => Arc::new(ForgottenTokens),
        };
        let settings = &configuration.identity;
        let issuer = instance_issuer(configuration, kept.map(|kept| &**kept.store), diagnostics);
        let Ok(issuer) = issuer else { return None };
        let mut kind = |identity| kind(identity, issuer.as_ref(), diagnostics);
        let system = settings.system.as_ref().map(&mut kind);
        let users: Vec<_> = settings
            .user
            .iter()
            .map(|identity| (identity.client_id.clone().unwrap_or_default(), kind(identity)))
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
        let vaults =
            Vaults::new(&configuration.vaults, Arc::clone(&client), Arc::clone(&identities), previous);
        Some(Self { identities, vaults: Arc::new(vaults), issuer, keeper, client })
    }
}

/// How an identity gets its tokens: what the configuration leaves out is asked of the environment.
fn kind(
    identity: &ManagedIdentity,
    issuer: Option<&Arc<InstanceIssuer>>,
    diagnostics: &mut Diagnostics,
) -> Option<IdentityKind> {
    let mut reader = Reader { identity, diagnostics };
    let client_id = identity.client_id.clone();
    Some(match identity.kind {
        ManagedIdentityKind::Issuer => IdentityKind::Issuer {
            issuer: Arc::clone(issuer?),
            subject: identity.subject.clone().unwrap_or_else(|| SUBJECT.to_owned()),
            federation: reader.federation()?,
        },
        ManagedIdentityKind::Spiffe => {
            let source = match (&identity.token_file, &identity.socket) {
                (Some(file), _) => SpiffeSource::File(file.value.clone()),
                (None, Some(socket)) => SpiffeSource::Socket(socket.value.clone()),
                (None, None) => {
                    let text = reader.variable("SPIFFE_ENDPOINT_SOCKET")?;
                    let path = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:"));
                    SpiffeSource::Socket(path.unwrap_or(&text).into())
                }
            };
            IdentityKind::Spiffe { source, federation: reader.federation()? }
        }
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
            let authority = reader.authority()?;
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

/// What is wrong has been told.
struct Told;

/// This instance as an issuer, where an identity says so. Its keys outlive the process where there is a store.
fn instance_issuer(
    configuration: &Configuration,
    store: Option<&dyn Store>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Arc<InstanceIssuer>>, Told> {
    let settings = &configuration.identity;
    let mut all = settings.system.iter().chain(&settings.user);
    let Some(identity) = all.find(|identity| identity.kind == ManagedIdentityKind::Issuer) else {
        return Ok(None);
    };
    let mut report = |message: String| {
        diagnostics.push(Diagnostic::error("identity", identity.location.clone(), message));
        Told
    };
    if all.any(|other| other.kind == ManagedIdentityKind::Issuer && other.issuer != identity.issuer) {
        return Err(report(
            "two identities say that this instance is two issuers: one URL is enough".to_owned(),
        ));
    }
    let internal = configuration.listeners.iter().find(|listener| listener.zone == Zone::Internal);
    let url = match (&identity.issuer, internal) {
        (Some(url), _) => url.to_string(),
        (None, Some(listener)) => {
            let host = listener.hosts.first().cloned();
            let host = host.unwrap_or_else(|| listener.address.value.ip().to_string());
            format!("https://{host}:{}", listener.address.value.port())
        }
        (None, None) => {
            let message = "nobody could verify the tokens of this instance: there is no internal listener, and no `issuer`";
            return Err(report(message.to_owned()));
        }
    };
    let stored = match store.map(|store| store.secret(None, ISSUER_KEYS)) {
        Some(Ok(stored)) => stored,
        Some(Err(error)) => return Err(report(error.to_string())),
        None => None,
    };
    let stored = stored.as_ref().map(ExposeSecret::expose_secret);
    let (issuer, to_store) =
        InstanceIssuer::open(&url, stored, now()).map_err(|error| report(error.to_string()))?;
    if let (Some(store), Some(keys)) = (store, to_store) {
        let keys = SecretString::from(keys.as_str());
        store.put_secret(None, ISSUER_KEYS, &keys).map_err(|error| report(error.to_string()))?;
    }
    Ok(Some(Arc::new(issuer)))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Reader<'_> {
    fn authority(&mut self) -> Option<Url> {
        match &self.identity.endpoint {
            Some(endpoint) => Some(endpoint.clone()),
            None => {
                let text = environment("AZURE_AUTHORITY_HOST").unwrap_or_else(|| AUTHORITY.to_owned());
                self.url(&text)
            }
        }
    }

    /// Where its own tokens are exchanged; `Some(None)`: nowhere.
    #[expect(clippy::option_option, reason = "an error is neither")]
    fn federation(&mut self) -> Option<Option<Federation>> {
        let (tenant, client_id) = (self.identity.tenant.clone(), self.identity.client_id.clone());
        match (tenant, client_id) {
            (Some(tenant), Some(client_id)) => {
                Some(Some(Federation { authority: self.authority()?, tenant, client_id }))
            }
            _ => Some(None),
        }
    }

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
