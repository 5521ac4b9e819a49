//! The validators of definitions that policies ask for: compiled once an API, after all documents are read.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use gatehouse_model::definition::wsdl::{self, Contents, Selector};
use gatehouse_model::definition::{self, Format};
use gatehouse_model::resources::{self, ApiKind, Catalog};
use gatehouse_model::{Diagnostic, Location, Severity};
use gatehouse_validation::graphql::Schema;
use gatehouse_validation::openapi::{Api, Operation};
use gatehouse_validation::xml::{ElementName, SoapOperation, SoapService};
use gatehouse_validation::{Dialect, Variant};
use serde_json::Value;

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
    services: HashMap<ApiName, Service>,
    schemas: HashMap<ApiName, Arc<Schema>>,
}

/// The operations of a SOAP service by name and action.
type Service = HashMap<(String, String), Arc<SoapOperation>>;

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

    /// What a WSDL definition says of the messages of an operation; `None` without one, or where no policy asks.
    pub fn soap(
        &self,
        workspace: Option<&str>,
        api: &str,
        operation: &resources::Operation,
    ) -> Option<Arc<SoapOperation>> {
        if self.services.is_empty() {
            return None;
        }
        let service = self.services.get(&(workspace.map(str::to_owned), api.to_owned()))?;
        let described = operation.described.as_ref()?;
        service.get(&(described.path.clone(), described.method.clone())).cloned()
    }

    /// The schema of a GraphQL API; `None` without one, or where no policy asks.
    pub fn graphql(&self, workspace: Option<&str>, api: &str) -> Option<Arc<Schema>> {
        if self.schemas.is_empty() {
            return None;
        }
        self.schemas.get(&(workspace.map(str::to_owned), api.to_owned())).cloned()
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
                if api.kind == ApiKind::GraphQl {
                    let file = api.definition.as_deref();
                    if let Some(schema) = file.and_then(|file| graphql(file, name, findings)) {
                        validators.schemas.insert(key, Arc::new(schema));
                    }
                    continue;
                }
                if api.kind == ApiKind::Soap {
                    let file = api.definition.as_deref();
                    if let Some(service) = file.and_then(|file| service(file, name, findings)) {
                        validators.services.insert(key, service);
                    }
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

/// Compiles the schema of a GraphQL API.
fn graphql(file: &Path, name: &str, findings: &mut Findings) -> Option<Schema> {
    // That it cannot be read has been told when its operations were.
    let text = fs::read_to_string(file).ok()?;
    let mut report = |severity: Severity, message: String| {
        let found = Diagnostic::error("broken-schema", Location::file(file), message);
        findings.push(found.severity(severity).resource(format!("apis/{name}")).fix("mend the schema"));
    };
    match Schema::compile(text.strip_prefix('\u{feff}').unwrap_or(&text)) {
        Ok(schema) => {
            for found in schema.findings() {
                report(Severity::Low, found.clone());
            }
            Some(schema)
        }
        Err(why) => {
            report(Severity::Medium, format!("requests cannot be validated: {why}"));
            None
        }
    }
}

/// Compiles the messages of a SOAP service.
fn service(file: &Path, name: &str, findings: &mut Findings) -> Option<Service> {
    // Whatever is wrong with the document itself has been told when its operations were read.
    let text = fs::read_to_string(file).ok()?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let (described, _) = wsdl::describe(folder, file, &text, &Selector::default()).ok()?;
    let mut report = |message: String| {
        findings.push(
            Diagnostic::error("broken-schema", Location::file(file), message)
                .severity(Severity::Medium)
                .resource(format!("apis/{name}"))
                .fix("mend the schema; until then `validate-content` answers for it as for a schema that is missing"),
        );
    };
    let service = match SoapService::compile(&described.schemas) {
        Ok(service) => Arc::new(service),
        Err(why) => {
            report(format!("messages cannot be validated: {why}"));
            return None;
        }
    };
    for (schema, why) in service.broken().iter().take(MAX_TOLD) {
        report(format!("messages cannot be validated against the schema `{schema}`: {why}"));
    }
    let unusable: HashSet<&str> = service.broken().iter().map(|(schema, _)| schema.as_str()).collect();
    let broken: Vec<&str> = described
        .schemas
        .iter()
        .filter(|(schema, _)| unusable.contains(schema.as_str()))
        .map(|(_, text)| text.as_str())
        .collect();
    let elements = |contents: &Contents| match contents {
        Contents::Unknown(why) => Err(why.clone()),
        Contents::Elements(elements) => {
            let is_broken = |element: &resources::QName| {
                broken.iter().any(|text| text.contains(&format!("\"{}\"", element.namespace)))
            };
            match elements.iter().find(|element| is_broken(element)) {
                Some(element) => Err(format!("the schema of `{element}` cannot be used")),
                None => Ok(elements
                    .iter()
                    .map(|element| ElementName {
                        namespace: element.namespace.clone(),
                        name: element.name.clone(),
                    })
                    .collect()),
            }
        }
    };
    let operations = described.operations.iter().map(|operation| {
        let response = operation.response.as_ref();
        let compiled = SoapOperation {
            service: Arc::clone(&service),
            request: elements(&operation.request),
            response: response.map_or_else(|| Ok(Vec::new()), elements),
        };
        ((operation.name.clone(), operation.action.clone()), Arc::new(compiled))
    });
    Some(operations.collect())
}

/// The document of an `OpenAPI` definition, with its dialect; `None` for definitions of other kinds, and for documents that are
/// broken: that was told when their operations were read.
///
/// # Errors
/// The file cannot be read.
pub fn openapi_document(file: &Path) -> io::Result<Option<(Dialect, Value)>> {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !matches!(extension.to_ascii_lowercase().as_str(), "json" | "yaml" | "yml") {
        return Ok(None);
    }
    let text = fs::read_to_string(file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let Ok((format, document)) = definition::document(folder, file, &text) else { return Ok(None) };
    let dialect = match format {
        Format::OpenApi20 => Dialect::Swagger2,
        Format::OpenApi30 => Dialect::OpenApi30,
        _ => Dialect::OpenApi31,
    };
    Ok(Some((dialect, document)))
}

fn compile(file: &Path, name: &str, variants: &[Variant], findings: &mut Findings) -> Option<Api> {
    let resource = format!("apis/{name}");
    let (dialect, document) = match openapi_document(file) {
        Ok(found) => found?,
        Err(error) => {
            let message = format!("the definition cannot be read: {error}");
            findings
                .push(Diagnostic::error("unreadable-file", Location::file(file), message).resource(resource));
            return None;
        }
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
