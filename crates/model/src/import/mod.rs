//! Writes the `APIOps` files of an API from its definition.

mod bundle;
mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use url::Url;

pub(crate) use self::bundle::bundle;
use self::files::File;
use crate::definition::wsdl::{self, Selector};
use crate::definition::{self, Definition, Format};
use crate::{Diagnostic, Diagnostics, Location, Severity};

/// How large a definition may be, in bytes.
const MAX_BYTES: u64 = 32 << 20;
/// Longest display name, name and path of an API, as API Management has them.
const MAX_DISPLAY_NAME: usize = 300;
const MAX_NAME: usize = 80;
const MAX_PATH: usize = 400;

/// The language of a definition that is imported.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `OpenAPI`.
    OpenApi,
    /// WSDL 1.1, and which service of it.
    Wsdl(Selector),
    /// The schema definition language of GraphQL.
    GraphQl,
}

/// What an import may be told beside the definition.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The URL path below the host; default: the API's name.
    pub path: Option<String>,
    /// Where requests go; default: the first https server of the definition, else its first http server.
    pub service_url: Option<Url>,
    /// The folder that references of the definition may not lead out of; default: the one above the definition's own.
    pub references_within: Option<PathBuf>,
    /// Whether an API of that name may be overwritten.
    pub force: bool,
}

/// What an import did.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The files of the API that were written, or were there with the same content.
    pub files: Vec<PathBuf>,
    /// How many operations the definition has.
    pub operations: usize,
    /// What is probably not meant, though the API was written.
    pub findings: Diagnostics,
}

/// Writes `apis/<name>/` below `into` from the definition in `file`: the API's information, and the definition
/// as it stands. A definition in several files becomes one file, because a folder of artifacts holds one.
///
/// Nothing is written when the definition has errors, or when another API of that name is there and `force` is not set.
pub fn api(
    kind: &Kind,
    file: &Path,
    name: &str,
    into: &Path,
    options: &Options,
) -> Result<Imported, Diagnostics> {
    let mut findings = Diagnostics::new();
    if let Err(problem) = check_name(name) {
        findings.error("invalid-name", Location::file(into), problem);
    }
    let path = options.path.as_deref().unwrap_or(name).trim_matches('/').to_owned();
    if path.chars().count() > MAX_PATH
        || path.contains(['?', '#', '{', '}', '*', '\\'])
        || path.contains("//")
    {
        let message = format!("`{path}` cannot be the path of an API");
        let error = Diagnostic::error("invalid-path", Location::file(into), message);
        findings.push(
            error.fix(format!("segments of letters, digits and dashes, {MAX_PATH} characters at the most")),
        );
    }
    let text = match read(file) {
        Ok(text) => text,
        Err(error) => {
            findings.push(error);
            return Err(findings);
        }
    };
    let folder = options.references_within.clone().unwrap_or_else(|| folder_above(file));
    let (definition, found) = kind.read(&folder, file, &text);
    findings.extend(found);
    let Some((definition, rewritten)) = definition else { return Err(findings) };
    if !kind.fits(definition.format) {
        let message = format!("this is {}, not {}", definition.format.as_str(), kind.name());
        findings.error("unknown-definition", Location::file(file), message);
    }
    if findings.has_errors() {
        return Err(findings);
    }
    let service_url = service_url(file, &definition, options, &mut findings);
    let information = information(name, &path, kind, &definition, service_url);
    let specification = match specification(file, rewritten.unwrap_or(text), &folder, &definition) {
        Ok(specification) => specification,
        Err(error) => {
            findings.push(*error);
            return Err(findings);
        }
    };
    let api = into.join("apis").join(name);
    let files =
        vec![File::new(api.join("apiInformation.json"), pretty(&information)), specification.below(&api)];
    if let Err(errors) = files::write(&api, &files, options.force) {
        findings.extend(errors);
        return Err(findings);
    }
    Ok(Imported {
        files: files.into_iter().map(|file| file.path).collect(),
        operations: definition.operations.len(),
        findings,
    })
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::OpenApi => "OpenAPI",
            Self::Wsdl(_) => "WSDL",
            Self::GraphQl => "a GraphQL schema",
        }
    }

    /// The `type` of an API of this kind.
    fn api_type(&self) -> &'static str {
        match self {
            Self::OpenApi => "http",
            Self::Wsdl(_) => "soap",
            Self::GraphQl => "graphql",
        }
    }

    fn fits(&self, format: Format) -> bool {
        match self {
            Self::OpenApi => format.is_openapi(),
            Self::Wsdl(_) => format == Format::Wsdl,
            Self::GraphQl => format == Format::GraphQl,
        }
    }

    /// Reads a definition, and writes it anew where the file itself cannot be the API's definition: where it is a part
    /// of one, or holds more than is meant.
    fn read(
        &self,
        folder: &Path,
        file: &Path,
        text: &str,
    ) -> (Option<(Definition, Option<String>)>, Diagnostics) {
        let (definition, mut findings) = match self {
            // A schema of GraphQL needs no special extension to be one.
            Self::GraphQl => definition::read_graphql(file, text),
            Self::OpenApi | Self::Wsdl(_) => definition::read_within(folder, file, text),
        };
        let Some(definition) = definition else { return (None, findings) };
        let Self::Wsdl(selector) = self else { return (Some((definition, None)), findings) };
        let is_whole =
            !definition.has_external_references && selector.service.is_none() && selector.endpoint.is_none();
        if is_whole || definition.format != Format::Wsdl || findings.has_errors() {
            return (Some((definition, None)), findings);
        }
        match wsdl::describe(folder, file, text, selector) {
            Ok((described, _)) => {
                let text = wsdl::single_file(&described);
                let (definition, found) = definition::read_within(folder, file, &text);
                // It has been told at its places in the files.
                if found.has_errors() {
                    findings.extend(found);
                }
                (definition.map(|definition| (definition, Some(text))), findings)
            }
            Err(errors) => {
                findings.extend(errors);
                (None, findings)
            }
        }
    }
}

fn read(file: &Path) -> Result<String, Diagnostic> {
    let fail = |id, message: String| Diagnostic::error(id, Location::file(file), message);
    let metadata =
        fs::metadata(file).map_err(|error| fail("unreadable-file", format!("cannot read it: {error}")))?;
    if metadata.len() > MAX_BYTES {
        return Err(fail(
            "too-large",
            format!("the file has {} bytes, {MAX_BYTES} are read", metadata.len()),
        ));
    }
    let bytes =
        fs::read(file).map_err(|error| fail("unreadable-file", format!("cannot read it: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        fail("not-utf8", format!("byte {at} is not UTF-8")).fix("save the file as UTF-8")
    })
}

/// Files of one definition often lie in folders side by side.
fn folder_above(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs::canonicalize(folder) {
        Ok(folder) => folder.parent().unwrap_or(&folder).to_path_buf(),
        Err(_) => folder.to_path_buf(),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(format!("the name of an API has 1 to {MAX_NAME} characters"));
    }
    if name.starts_with('.') || name.ends_with('.') || !name.chars().all(is_plain) {
        return Err(format!("`{name}` cannot name an API: letters, digits, `-`, `_` and `.` within can"));
    }
    Ok(())
}

fn service_url(
    file: &Path,
    definition: &Definition,
    options: &Options,
    findings: &mut Diagnostics,
) -> Option<String> {
    if let Some(url) = &options.service_url {
        return Some(url.to_string());
    }
    let Some(server) = definition.service_url() else {
        let location = match definition.servers.first() {
            Some(server) => server.location.clone(),
            None => Location::file(file),
        };
        findings.push(
            Diagnostic::error(
                "no-service-url",
                location,
                "the definition does not say where the API runs: it has no server with an absolute URL",
            )
            .severity(Severity::Low)
            .fix("set `serviceUrl` in apiInformation.json, or a backend in a policy"),
        );
        return None;
    };
    match Url::parse(&server.value) {
        Ok(url) if url.has_host() && url.query().is_none() && url.fragment().is_none() => {
            Some(server.value.clone())
        }
        Ok(_) | Err(_) => {
            findings.push(
                Diagnostic::error(
                    "no-service-url",
                    server.location.clone(),
                    format!("`{}` is no URL that requests can be sent below", server.value),
                )
                .severity(Severity::Low)
                .fix("set `serviceUrl` in apiInformation.json, or a backend in a policy"),
            );
            None
        }
    }
}

fn information(
    name: &str,
    path: &str,
    kind: &Kind,
    definition: &Definition,
    service_url: Option<String>,
) -> Value {
    let title = definition.title.as_deref().map(str::trim).filter(|title| !title.is_empty()).unwrap_or(name);
    let mut properties = Map::new();
    properties.insert("path".to_owned(), json!(path));
    properties
        .insert("displayName".to_owned(), json!(title.chars().take(MAX_DISPLAY_NAME).collect::<String>()));
    if let Some(description) = &definition.description {
        properties.insert("description".to_owned(), json!(description));
    }
    properties.insert("apiRevision".to_owned(), json!("1"));
    properties.insert("isCurrent".to_owned(), json!(true));
    properties.insert("type".to_owned(), json!(kind.api_type()));
    properties.insert("protocols".to_owned(), json!(["https"]));
    if let Some(url) = service_url {
        properties.insert("serviceUrl".to_owned(), json!(url));
    }
    properties.insert("subscriptionRequired".to_owned(), json!(true));
    json!({ "properties": properties })
}

/// The definition as the folder of artifacts holds it.
fn specification(
    file: &Path,
    text: String,
    folder: &Path,
    definition: &Definition,
) -> Result<File, Box<Diagnostic>> {
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    match definition.format {
        Format::Wsdl => return Ok(File::new("specification.wsdl", text)),
        Format::GraphQl => return Ok(File::new("specification.graphql", text)),
        _ => {}
    }
    if definition.has_external_references {
        let file: Arc<Path> = Arc::from(file);
        let bundled = bundle(&file, &text, folder, definition.format)?;
        return Ok(File::new("specification.json", pretty(&bundled)));
    }
    Ok(File::new(if is_json { "specification.json" } else { "specification.yaml" }, text))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests;
