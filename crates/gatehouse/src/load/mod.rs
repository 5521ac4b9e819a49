//! From files to a snapshot: what `serve`, `check` and `subscription` share.

mod authorizations;
mod credentials;
mod keys_file;
mod store;
mod token_keeper;

use std::path::Path;
use std::sync::Arc;

use gatehouse_gateway::snapshot::{Snapshot, SnapshotInput, build};
use gatehouse_gateway::tls::ServerTls;
use gatehouse_model::configuration::{self, Configuration, Database, MasterKey as MasterKeySource};
use gatehouse_model::resources::Catalog;
use gatehouse_model::{Diagnostic, Diagnostics, apiops};
use gatehouse_store::{MasterKey, Sqlite, Store};
use gatehouse_telemetry::metrics::Metrics;
use gatehouse_vault::{Environment, NamedValues, SecretProvider, resolve_with};

pub(crate) use self::authorizations::connections;
pub(crate) use self::credentials::{Credentials, Kept};
pub(crate) use self::keys_file::read_keys_file;
pub(crate) use self::store::{OpenStore, StoredSecrets, open_store, trace_store};
pub(crate) use self::token_keeper::StoredTokens;

/// Reads `gatehouse.yaml`.
pub(crate) fn read_configuration(file: &Path) -> (Option<Configuration>, Diagnostics) {
    configuration::read(file, &environment)
}

/// Reads `gatehouse.yaml` for a verb that needs it whole.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn good_configuration(file: &Path) -> anyhow::Result<Configuration> {
    match read_configuration(file) {
        (Some(configuration), findings) if !findings.has_errors() => Ok(configuration),
        (_, findings) => anyhow::bail!("the configuration has errors\n{findings}"),
    }
}

/// Reads the artifacts that a configuration names.
pub(crate) fn read_artifacts(configuration: &Configuration) -> (Catalog, Diagnostics) {
    apiops::read(&configuration.artifacts, configuration.overrides.as_ref(), &environment)
}

/// What a snapshot is compiled with, beside the configuration and the artifacts.
pub(crate) struct CompileWith<'c> {
    /// Gives secrets that neither the artifacts nor the environment have.
    pub(crate) store: Option<&'c dyn Store>,
    /// Where measures are kept.
    pub(crate) metrics: &'c Metrics,
    /// Distinguishes instances of one service.
    pub(crate) instance_id: &'c str,
    /// Identities and vaults.
    pub(crate) credentials: &'c Credentials,
    /// The snapshot in force.
    pub(crate) previous: Option<&'c Snapshot>,
}

/// Compiles a snapshot; there is none where something keeps it from serving.
pub(crate) fn compile(
    configuration: &Configuration,
    catalog: &Catalog,
    with: &CompileWith<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Snapshot> {
    let process = Environment::of_process();
    let stored = with.store.map(StoredSecrets);
    let mut providers: Vec<&dyn SecretProvider> = vec![&process];
    if let Some(stored) = &stored {
        providers.push(stored);
    }
    let named_values = resolve_with(catalog, &providers, Some(&with.credentials.vaults));
    let authorizations = authorizations::authorizations(
        configuration,
        catalog,
        &named_values,
        with.credentials,
        with.previous.map(|previous| &*previous.authorizations),
        diagnostics,
    );
    let input = SnapshotInput {
        configuration,
        catalog,
        named_values: &named_values,
        identities: &with.credentials.identities,
        authorizations: &authorizations,
        issuer: with.credentials.issuer.as_ref(),
        metrics: with.metrics,
        instance_id: with.instance_id,
        previous: with.previous,
    };
    let snapshot = build(&input, diagnostics);
    snapshot.filter(|_| !diagnostics.has_errors())
}

/// The values of named values for a verb beside the gateway.
pub(crate) fn named_values(
    configuration: &Configuration,
    catalog: &Catalog,
    open: &OpenStore,
) -> anyhow::Result<NamedValues> {
    let mut findings = Diagnostics::new();
    let Some(credentials) = Credentials::of(configuration, Some(open.kept()), None, &mut findings) else {
        anyhow::bail!("the configuration has errors\n{findings}");
    };
    let (process, stored) = (Environment::of_process(), StoredSecrets(&*open.store));
    Ok(resolve_with(catalog, &[&process, &stored], Some(&credentials.vaults)))
}

/// Loads everything without serving, and gives all findings in the order of their places.
pub(crate) fn check(file: &Path) -> Diagnostics {
    let (configuration, mut findings) = read_configuration(file);
    if let Some(configuration) = configuration {
        check_loaded(&configuration, &mut findings);
    }
    findings.sort();
    findings
}

fn check_loaded(configuration: &Configuration, findings: &mut Diagnostics) {
    for listener in &configuration.listeners {
        if let Err(found) = ServerTls::load(&listener.tls.without_fetched_lists()) {
            findings.extend(found);
        }
    }
    let open = existing_store(configuration, findings);
    let (catalog, found) = read_artifacts(configuration);
    findings.extend(found);
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), 0);
    let store = open.as_ref().map(|open| &*open.store);
    let Some(credentials) = Credentials::of(configuration, None, None, findings) else { return };
    let with = CompileWith {
        store,
        metrics: &metrics,
        instance_id: "check",
        credentials: &credentials,
        previous: None,
    };
    compile(configuration, &catalog, &with, findings);
}

/// The store, if it is there already.
pub(crate) fn store_if_there(configuration: &Configuration) -> anyhow::Result<Option<OpenStore>> {
    let mut findings = Diagnostics::new();
    let open = existing_store(configuration, &mut findings);
    if findings.has_errors() {
        anyhow::bail!("the store cannot be opened\n{findings}");
    }
    Ok(open)
}

/// Opens the store if it is there: checking makes no files.
fn existing_store(configuration: &Configuration, findings: &mut Diagnostics) -> Option<OpenStore> {
    let Database::Sqlite(database) = &configuration.store.database;
    let MasterKeySource::File(key) = &configuration.store.key;
    if !database.value.exists() {
        return None;
    }
    let mut report = |id, location: &gatehouse_model::Location, message: String| {
        findings.push(Diagnostic::error(id, location.clone(), message));
    };
    let master = match MasterKey::load(&key.value) {
        Ok(master) => master,
        Err(error) => {
            report("master-key", &key.location, error.to_string());
            return None;
        }
    };
    match Sqlite::open(&database.value, &master) {
        Ok(store) => Some(OpenStore { store: Arc::new(store), master }),
        Err(error) => {
            report("store", &database.location, error.to_string());
            None
        }
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
