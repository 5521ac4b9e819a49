//! The validators of definitions that policies ask for: compiled once an API, after all documents are read.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use gatehouse_model::definition::{self, Format};
use gatehouse_model::resources::{self, Catalog};
use gatehouse_model::{Diagnostic, Location, Severity};
use gatehouse_validation::openapi::{Api, Operation};
use gatehouse_validation::{Dialect, Variant};

use crate::compiler::{Findings, PolicyScope};

/// How many places of one definition that cannot be validated are told.
const MAX_TOLD: usize = 20;

/// An API by its workspace and its resource name.
type ApiName = (Option<String>, String);

/// Which readings of which definitions policies ask for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    everywhere: BTreeSet<Variant>,
    workspaces: HashMap<Option<String>, BTreeSet<Variant>>,
    apis: HashMap<ApiName, BTreeSet<Variant>>,
}

impl Wanted {
    /// Adds what a document of a scope asks for. `owner`: the resource that it belongs to, such as `apis/orders`.
    pub(crate) fn add(&mut self, scope: PolicyScope, workspace: Option<&str>, owner: &str, variant: Variant) {
        let workspace = workspace.map(str::to_owned);
        let set = match scope {
            PolicyScope::Global => &mut self.everywhere,
            PolicyScope::Workspace | PolicyScope::Product => self.workspaces.entry(workspace).or_default(),
            PolicyScope::Api | PolicyScope::Operation => {
                let api = owner.strip_prefix("apis/").unwrap_or(owner);
                let api = api.split('/').next().unwrap_or(api).to_owned();
                self.apis.entry((workspace, api)).or_default()
            }
        };
        set.insert(variant);
    }

    fn of(&self, name: &ApiName) -> Vec<Variant> {
        let all = self.everywhere.iter();
        let workspace = self.workspaces.get(&name.0).into_iter().flatten();
        let own = self.apis.get(name).into_iter().flatten();
        all.chain(workspace).chain(own).copied().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The validators of APIs.
#[derive(Debug, Default)]
pub struct Validators {
    apis: HashMap<ApiName, Api>,
}

impl Validators {
    /// What a definition says of the messages of an operation; `None` without a definition, or where no policy asks.
    pub fn operation(
        &self,
        workspace: Option<&str>,
        api: &str,
        operation: &resources::Operation,
    ) -> Option<Arc<Operation>> {
        if self.apis.is_empty() {
            return None;
        }
        let api = self.apis.get(&(workspace.map(str::to_owned), api.to_owned()))?;
        let described = operation.described.as_ref()?;
        api.operation(&described.path, &described.method).cloned()
    }

    pub(crate) fn compile(catalog: &Catalog, wanted: &Wanted, findings: &mut Findings) -> Self {
        let mut validators = Self::default();
        for (workspace, resources) in catalog.scopes() {
            for (name, api) in &resources.apis {
                let key = (workspace.map(str::to_owned), name.clone());
                let variants = wanted.of(&key);
                if variants.is_empty() {
                    continue;
                }
                if let Some(compiled) =
                    api.definition.as_deref().and_then(|file| compile(file, name, &variants, findings))
                {
                    validators.apis.insert(key, compiled);
                }
            }
        }
        validators
    }
}

fn compile(file: &Path, name: &str, variants: &[Variant], findings: &mut Findings) -> Option<Api> {
    let resource = format!("apis/{name}");
    let is_openapi = |extension: &str| matches!(extension, "json" | "yaml" | "yml");
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !is_openapi(&extension.to_ascii_lowercase()) {
        return None;
    }
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("the definition cannot be read: {error}");
            findings
                .push(Diagnostic::error("unreadable-file", Location::file(file), message).resource(resource));
            return None;
        }
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    // Whatever is wrong with the document itself has been told when its operations were read.
    let (format, document) = definition::document(folder, file, &text).ok()?;
    let dialect = match format {
        Format::OpenApi20 => Dialect::Swagger2,
        Format::OpenApi30 => Dialect::OpenApi30,
        _ => Dialect::OpenApi31,
    };
    let api = Api::compile(&document, dialect, variants);
    for report in api.reports().iter().take(MAX_TOLD) {
        let message =
            format!("messages cannot be validated against `{}`: {}", report.pointer, report.message);
        findings.push(
            Diagnostic::error("broken-schema", Location::file(file), message)
                .severity(Severity::Medium)
                .resource(resource.as_str())
                .fix("mend the schema; until then `validate-…` policies answer for it as for a schema that is missing"),
        );
    }
    Some(api)
}
