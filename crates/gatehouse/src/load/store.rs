//! The store that a configuration names.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use gatehouse_model::configuration::{Configuration, Database, MasterKey as MasterKeySource};
use gatehouse_store::{MasterKey, Sqlite, Store, TraceFolder};
use gatehouse_vault::{Place, ProviderError, SecretProvider};
use secrecy::SecretString;

use super::Kept;

/// The store, with the key that it was opened with.
pub(crate) struct OpenStore {
    /// The database.
    pub(crate) store: Arc<dyn Store>,
    /// Hashes subscription keys.
    pub(crate) master: MasterKey,
}

impl OpenStore {
    /// Where what identities and connections keep outlives the process.
    pub(crate) fn kept(&self) -> Kept<'_> {
        Kept { store: &self.store, sealer: self.master.sealer() }
    }
}

/// Opens the store, and makes database and master key where there are none. Where there is a database its key has to
/// be there too: a new one could not read it, and would hide that the old one is lost.
pub(crate) fn open_store(configuration: &Configuration) -> Result<OpenStore> {
    let MasterKeySource::File(key) = &configuration.store.key;
    let Database::Sqlite(database) = &configuration.store.database;
    let place = || format!("{}: `store.key`", key.location);
    let master = if database.value.exists() {
        let hint = "the database needs the key that it was made with: put the file back";
        MasterKey::load(&key.value).context(hint).with_context(place)?
    } else {
        MasterKey::load_or_create(&key.value).with_context(place)?
    };
    let store = Sqlite::open(&database.value, &master)
        .with_context(|| format!("{}: `store.database`", database.location))?;
    Ok(OpenStore { store: Arc::new(store), master })
}

/// Where decision traces are kept: beside the database.
pub(crate) fn trace_store(configuration: &Configuration) -> TraceFolder {
    let Database::Sqlite(database) = &configuration.store.database;
    TraceFolder::beside(&database.value)
}

/// The secrets of the store as values of named values.
pub(crate) struct StoredSecrets<'s>(pub(crate) &'s dyn Store);

impl SecretProvider for StoredSecrets<'_> {
    fn secret(&self, place: Place<'_>) -> Result<Option<SecretString>, ProviderError> {
        self.0.secret(place.workspace, place.name).map_err(|error| ProviderError::Other(error.to_string()))
    }

    fn hint(&self, _place: Place<'_>) -> String {
        "the store".to_owned()
    }
}
