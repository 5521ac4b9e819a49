//! The vaults of a configuration, and the values that they have given.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use gatehouse_identity::http_client::HttpClient;
use gatehouse_identity::managed::ManagedIdentities;
use gatehouse_model::configuration::{Vault, VaultKind};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::VaultError;
use super::aws_secrets_manager::AwsSecretsManager;
use super::azure_key_vault::AzureKeyVault;
use super::block_on::block_on;
use super::gcp_secret_manager::GcpSecretManager;
use super::hashicorp::{Ask, Hashicorp};
use super::local;
use super::login::Login;

/// How often it is looked whether a value is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The least time between two attempts after a failure, and the most, in seconds.
const PAUSES: (u64, u64) = (2, 300);

/// The vaults of one configuration.
pub struct Vaults {
    known: Vec<Known>,
    client: Arc<dyn HttpClient>,
    identities: Arc<ManagedIdentities>,
    values: Mutex<HashMap<Reference, Value>>,
    /// Grows with every value that has changed.
    changes: AtomicU64,
}

/// A secret as the artifacts name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reference {
    identifier: String,
    /// The client id of the identity that reads it.
    identity: Option<String>,
}

struct Known {
    settings: Vault,
    /// What the vault has said of itself stays known over a reload.
    protocol: Arc<Protocol>,
}

enum Protocol {
    AzureKeyVault(AzureKeyVault),
    AwsSecretsManager(AwsSecretsManager),
    GcpSecretManager(GcpSecretManager),
    Hashicorp(Hashicorp),
    Folder,
    Environment,
}

/// What is known of a secret.
#[derive(Clone)]
struct Value {
    /// The last good value, and when it came, in seconds since 1970.
    good: Option<(SecretString, u64)>,
    /// Why the last attempt failed.
    error: Option<VaultError>,
    failures: u32,
    /// When it is fetched next.
    due: u64,
}

impl Vaults {
    /// The vaults of a configuration. Values that `previous` knows are taken over, and its sessions with vaults whose
    /// settings have not changed.
    pub fn new(
        vaults: &[Vault],
        client: Arc<dyn HttpClient>,
        identities: Arc<ManagedIdentities>,
        previous: Option<&Self>,
    ) -> Self {
        let known = vaults.iter().map(|settings| {
            let mut before = previous.into_iter().flat_map(|previous| &previous.known);
            let protocol = match before.find(|known| known.settings == *settings) {
                Some(known) => Arc::clone(&known.protocol),
                None => Arc::new(Protocol::of(settings.kind)),
            };
            Known { settings: settings.clone(), protocol }
        });
        let values = previous.map(|previous| previous.values.lock().clone()).unwrap_or_default();
        let changes = previous.map_or(0, Self::changes);
        Self {
            known: known.collect(),
            client,
            identities,
            values: Mutex::new(values),
            changes: AtomicU64::new(changes),
        }
    }

    /// How many values have changed since they were first fetched: a configuration that was loaded before is out of date.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Fetches all of these secrets that are not known yet, at the same time; blocks. Each is an identifier with the client
    /// id of the identity that reads it.
    pub fn prepare<'r>(&self, references: impl Iterator<Item = (&'r str, Option<&'r str>)>) {
        let now = now();
        let mut missing: Vec<Reference> = Vec::new();
        let mut wanted: Vec<Reference> =
            references.map(|(id, identity)| Reference::new(id, identity)).collect();
        {
            let mut values = self.values.lock();
            values.retain(|known, _| wanted.contains(known));
            wanted.retain(|wanted| {
                values.get(wanted).is_none_or(|value| value.good.is_none() && now >= value.due)
            });
        }
        for reference in wanted {
            if !missing.contains(&reference) {
                missing.push(reference);
            }
        }
        block_on(join_all(missing.into_iter().map(|reference| self.renew(reference, now))));
    }

    /// The value of a secret that was prepared.
    ///
    /// # Errors
    /// Why there is none; no vault may answer the identifier.
    pub fn secret(&self, identifier: &str, identity: Option<&str>) -> Result<SecretString, VaultError> {
        let reference = Reference::new(identifier, identity);
        let values = self.values.lock();
        let value = values.get(&reference);
        let keep = self.vault(&reference).map_or(0, |(vault, _)| vault.settings.keep.as_secs());
        if let Some((value, since)) = value.and_then(|value| value.good.as_ref())
            && now().saturating_sub(*since) < keep
        {
            return Ok(value.clone());
        }
        let error = value.and_then(|value| value.error.clone());
        Err(error.unwrap_or_else(|| match self.vault(&reference) {
            Some(_) => VaultError::passing("the vault was not asked yet"),
            None => VaultError::without_vaults(),
        }))
    }

    /// Keeps values fresh on a thread of its own, for as long as somebody holds the vaults.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn refresh_in_background(self: &Arc<Self>) -> std::io::Result<()> {
        if self.known.is_empty() {
            return Ok(());
        }
        let vaults = Arc::downgrade(self);
        std::thread::Builder::new().name("vaults".to_owned()).spawn(move || {
            while let Some(vaults) = vaults.upgrade() {
                vaults.renew_due();
                drop(vaults);
                std::thread::sleep(LOOK_EVERY);
            }
        })?;
        Ok(())
    }

    /// Fetches all values at once that are not fresh by the vault's own account: an operator has changed one.
    pub fn refresh_all(&self) {
        for value in self.values.lock().values_mut() {
            value.due = 0;
        }
    }

    fn renew_due(&self) {
        let now = now();
        let due: Vec<Reference> = {
            let values = self.values.lock();
            values.iter().filter(|(_, value)| now >= value.due).map(|(known, _)| known.clone()).collect()
        };
        block_on(join_all(due.into_iter().map(|reference| self.renew(reference, now))));
    }

    async fn renew(&self, reference: Reference, now: u64) {
        let Some((vault, identifier)) = self.vault(&reference) else { return };
        let outcome = self.fetch(vault, &identifier, &reference, now).await;
        let refresh = vault.settings.refresh.as_secs().max(1);
        let mut values = self.values.lock();
        let value = values.entry(reference).or_insert(Value { good: None, error: None, failures: 0, due: 0 });
        match outcome {
            Ok(new) => {
                let is_new =
                    value.good.as_ref().is_none_or(|(old, _)| old.expose_secret() != new.expose_secret());
                // What was missing when the configuration was loaded is a change as well.
                let was_asked = value.good.is_some() || value.error.is_some();
                value.good = Some((new, now));
                value.error = None;
                value.failures = 0;
                value.due = now + refresh - jitter(refresh);
                if is_new && was_asked {
                    self.changes.fetch_add(1, Ordering::Release);
                }
            }
            Err(error) => {
                let pause = (PAUSES.0 << value.failures.min(8)).min(PAUSES.1);
                value.failures += 1;
                value.due = now + error.retry_after.unwrap_or(0).clamp(pause, 3600);
                value.error = Some(error);
            }
        }
    }

    async fn fetch(
        &self,
        vault: &Known,
        identifier: &Url,
        reference: &Reference,
        now: u64,
    ) -> Result<SecretString, VaultError> {
        let settings = &vault.settings;
        let base = settings.matches.path().trim_end_matches('/');
        let path = identifier.path().strip_prefix(base).unwrap_or_default();
        let identity = reference.identity.as_deref().or(settings.identity.as_deref());
        let login = Login { settings: settings.login.as_ref(), identities: &self.identities, identity };
        match &*vault.protocol {
            Protocol::AzureKeyVault(protocol) => {
                let (client, identities) = (&*self.client, &*self.identities);
                protocol.fetch(&settings.endpoint, path, identity, client, identities, now).await
            }
            Protocol::AwsSecretsManager(protocol) => {
                let field = identifier.fragment();
                protocol.fetch(&settings.endpoint, path, field, &login, &*self.client, now).await
            }
            Protocol::GcpSecretManager(protocol) => {
                protocol.fetch(&settings.endpoint, path, &login, &*self.client, now).await
            }
            Protocol::Folder => match &settings.folder {
                Some(folder) => local::file(&folder.value, path),
                None => Err(VaultError::lasting("the vault has no `folder`")),
            },
            Protocol::Environment => local::variable(path),
            Protocol::Hashicorp(protocol) => {
                let login = login.settings.ok_or_else(|| VaultError::lasting("the vault has no `login`"))?;
                let field = identifier.fragment().unwrap_or("value");
                let namespace = settings.namespace.as_deref();
                let ask = Ask {
                    endpoint: &settings.endpoint,
                    namespace,
                    login,
                    path,
                    field,
                    now,
                    identities: &self.identities,
                    identity,
                    name: settings.matches.as_str().trim_end_matches('/'),
                };
                protocol.fetch(&ask, &*self.client).await
            }
        }
    }

    /// The vault that answers a reference: the one whose `match` is longest.
    fn vault(&self, reference: &Reference) -> Option<(&Known, Url)> {
        let identifier = Url::parse(&reference.identifier).ok()?;
        let fits = self.known.iter().filter(|vault| vault.settings.answers(&identifier));
        let vault = fits.max_by_key(|vault| vault.settings.matches.path().len())?;
        Some((vault, identifier))
    }
}

impl Protocol {
    fn of(kind: VaultKind) -> Self {
        match kind {
            VaultKind::AzureKeyVault => Self::AzureKeyVault(AzureKeyVault::default()),
            VaultKind::AwsSecretsManager => Self::AwsSecretsManager(AwsSecretsManager::default()),
            VaultKind::GcpSecretManager => Self::GcpSecretManager(GcpSecretManager::default()),
            VaultKind::HashicorpVault => Self::Hashicorp(Hashicorp::default()),
            VaultKind::Folder => Self::Folder,
            VaultKind::Environment => Self::Environment,
        }
    }
}

impl Reference {
    fn new(identifier: &str, identity: Option<&str>) -> Self {
        Self { identifier: identifier.to_owned(), identity: identity.map(str::to_owned) }
    }
}

impl std::fmt::Debug for Vaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vaults").field("vaults", &self.known.len()).finish_non_exhaustive()
    }
}

/// Up to a tenth of the time between refreshes, so that secrets that were fetched together are not fetched together again.
fn jitter(refresh: u64) -> u64 {
    let mut bytes = [0; 8];
    match refresh / 10 {
        0 => 0,
        // Without randomness there is no jitter.
        _ if getrandom::fill(&mut bytes).is_err() => 0,
        most => u64::from_be_bytes(bytes) % (most + 1),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
