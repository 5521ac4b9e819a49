//! Gateways for the cases: one for each folder and each set of named values, however many cases need it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use gatehouse_model::resources::{Catalog, NamedValueSource};
use gatehouse_model::{Diagnostic, Diagnostics, Location, apiops};

use super::case::{self, CaseOutcome};
use super::file::{Case, TestFile};
use super::unreached::Reached;
use crate::load;
use crate::offline::{OfflineGateway, Sources, default_configuration};

/// What decides how a gateway is compiled.
type Key = (Vec<PathBuf>, Option<PathBuf>, Option<PathBuf>, BTreeMap<String, String>);
/// The files of a test file.
type Files = (Vec<PathBuf>, Option<PathBuf>, Option<PathBuf>);

/// The gateways.
#[derive(Default)]
pub(super) struct Preparations {
    catalogs: HashMap<Files, Catalog>,
    gateways: HashMap<Key, OfflineGateway>,
    reached: Reached,
}

impl Preparations {
    /// Compiles what the cases of a file need.
    pub(super) fn prepare(&mut self, file: &TestFile, findings: &mut Diagnostics) {
        for case in &file.cases {
            let files = files(file);
            if !self.catalogs.contains_key(&files) {
                let Some(catalog) = read(file, findings) else { return };
                self.catalogs.insert(files.clone(), catalog);
            }
            let Some(catalog) = self.catalogs.get(&files) else { return };
            let key = key(file, case, catalog);
            if self.gateways.contains_key(&key) {
                continue;
            }
            match load(file, catalog.clone(), &key.3) {
                Ok(gateway) => {
                    self.reached.places(&gateway.snapshot.places);
                    self.gateways.insert(key, gateway);
                }
                Err(found) => {
                    findings.extend(found);
                    return;
                }
            }
        }
    }

    /// Runs a case of a file that was prepared.
    pub(super) fn run(&mut self, file: &TestFile, case: &Case, with_trace: bool) -> CaseOutcome {
        let catalog = self.catalogs.get(&files(file));
        let key = catalog.map(|catalog| key(file, case, catalog));
        let gateway = key.and_then(|key| self.gateways.get(&key));
        let Some(gateway) = gateway else {
            return CaseOutcome::failed(case, "it was not prepared".to_owned());
        };
        case::run(case, gateway, with_trace, &mut self.reached)
    }

    /// What the cases have reached.
    pub(super) fn reached(self) -> Reached {
        self.reached
    }
}

fn files(file: &TestFile) -> Files {
    let artifacts = file.artifacts.iter().map(|path| path.value.clone()).collect();
    let path =
        |path: &Option<gatehouse_model::Located<PathBuf>>| path.as_ref().map(|path| path.value.clone());
    (artifacts, path(&file.configuration), path(&file.overrides))
}

/// Values that a stub of a vault gives belong to the named values that are kept there.
fn key(file: &TestFile, case: &Case, catalog: &Catalog) -> Key {
    let (artifacts, configuration, overrides) = files(file);
    let mut values = case.named_values.clone();
    for (_, resources) in catalog.scopes() {
        for named in resources.named_values.values() {
            let NamedValueSource::KeyVault { secret_identifier, .. } = &named.source else { continue };
            if values.contains_key(&named.display_name) {
                continue;
            }
            let Some(stub) = case.stubs.iter().find(|stub| stub.answers("GET", secret_identifier)) else {
                continue;
            };
            let body = &stub.answer.body;
            let value = serde_json::from_str::<serde_json::Value>(body)
                .ok()
                .and_then(|json| json.get("value")?.as_str().map(str::to_owned))
                .unwrap_or_else(|| body.clone());
            values.insert(named.display_name.clone(), value);
        }
    }
    (artifacts, configuration, overrides, values)
}

fn read(file: &TestFile, findings: &mut Diagnostics) -> Option<Catalog> {
    let environment = |name: &str| std::env::var(name).ok();
    let (catalog, found) = match &file.configuration {
        Some(path) if file.artifacts.is_empty() => {
            let (configuration, found) = load::read_configuration(&path.value);
            let failed = found.has_errors();
            findings.extend(errors(found));
            let configuration = configuration.filter(|_| !failed)?;
            load::read_artifacts(&configuration)
        }
        _ => apiops::read(&file.artifacts, file.overrides.as_ref(), &environment),
    };
    let failed = found.has_errors();
    findings.extend(errors(found));
    (!failed).then_some(catalog)
}

fn load(
    file: &TestFile,
    catalog: Catalog,
    named_values: &BTreeMap<String, String>,
) -> Result<OfflineGateway, Diagnostics> {
    let configuration = match (&file.configuration, file.artifacts.first()) {
        (Some(path), _) => load::read_configuration(&path.value).0,
        (None, Some(artifacts)) => default_configuration(&artifacts.value),
        (None, None) => None,
    };
    let Some(configuration) = configuration else {
        let mut findings = Diagnostics::new();
        let location = file
            .artifacts
            .first()
            .map_or_else(|| Location::file(PathBuf::new()), |path| path.location.clone());
        findings.push(Diagnostic::error("unreadable", location, "there is no configuration for the tests"));
        return Err(findings);
    };
    let sources = Sources { configuration: &configuration, catalog, store: None, named_values };
    OfflineGateway::load(sources).map_err(|found| {
        let mut found = errors(found);
        if found.iter().any(|finding| finding.id == "named-value-unavailable") {
            let location = file.cases.first().map(|case| case.name.location.clone());
            let mut hint = Diagnostic::error(
                "named-value-unavailable",
                location.unwrap_or_else(|| Location::file(PathBuf::new())),
                "the tests give no value to named values that the artifacts leave out",
            );
            hint = hint
                .fix("add `named_values: { NAME: VALUE }` to the test file, or a stub of the vault's URL");
            found.push(hint);
        }
        found
    })
}

/// Only what keeps the tests from running: the rest is for `check` to tell.
fn errors(findings: Diagnostics) -> Diagnostics {
    let mut errors = Diagnostics::new();
    for finding in findings {
        if finding.severity == gatehouse_model::Severity::Error {
            errors.push(finding);
        }
    }
    errors
}
