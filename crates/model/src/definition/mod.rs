//! API definitions: `OpenAPI` 2.0, 3.0, 3.1 and 3.2, GraphQL schemas, WADL and WSDL, read into operations.
//!
//! Operations get the names and templates that Azure API Management gives them on import (its documentation, "API
//! import restrictions and known issues"); `docs/reference/definitions.md` lists where this reader knows more.

mod format;
mod graphql;
mod names;
mod openapi;
mod sample;
mod template;
mod wadl;
pub mod wsdl;

use std::path::Path;
use std::sync::Arc;

pub use self::format::Format;
pub(crate) use self::format::tree;
pub(crate) use self::openapi::{At, Documents, Reference, References, Role, is_example_reference};
pub use self::openapi::{ExampleBody, ExampleRequest};
use crate::resources::Operation;
use crate::{Diagnostic, Diagnostics, Located, Location};

/// What a definition file says of an API.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The language that the file is written in.
    pub format: Format,
    /// The operations in the order of the file, each with its own name and its own method and template.
    pub operations: Vec<Operation>,
    /// The API's name for people.
    pub title: Option<String>,
    /// What the API is for.
    pub description: Option<String>,
    /// The version that the document gives itself; it says nothing of version sets.
    pub version: Option<String>,
    /// The URLs that the file says the API answers at, with variables replaced by their defaults. A URL may be
    /// relative. In an extract these are the URLs of the gateway that published the API.
    pub servers: Vec<Located<String>>,
    /// Whether references lead to other files than the definition itself.
    pub has_external_references: bool,
}

impl Definition {
    /// The operation that an artifact names, such as the folder of its policy. Names of Azure resources do not
    /// distinguish case; a folder may also bear the operation id as written in the definition.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        let exact = |operation: &&Operation| operation.name == name;
        let same_letters = |operation: &&Operation| operation.name.eq_ignore_ascii_case(name);
        if let Some(found) =
            self.operations.iter().find(exact).or_else(|| self.operations.iter().find(same_letters))
        {
            return Some(found);
        }
        let normalized = names::normalize(name);
        let mut matching =
            self.operations.iter().filter(|operation| names::normalize(&operation.name) == normalized);
        match (matching.next(), matching.next()) {
            (Some(only), None) if !normalized.is_empty() => Some(only),
            _ => None,
        }
    }

    /// The URL that requests go to unless a policy says otherwise: the first https server, else the first http server.
    pub fn service_url(&self) -> Option<&Located<String>> {
        let with_scheme = |scheme: &str| {
            self.servers.iter().find(|server| {
                server.value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            })
        };
        with_scheme("https://").or_else(|| with_scheme("http://"))
    }
}

/// Reads a definition. References may lead to files in the definition's own folder and below it.
///
/// A definition with errors is returned as far as it could be read, so that whoever asked can go on and tell more
/// errors at once.
pub fn read(file: &Path, text: &str) -> (Option<Definition>, Diagnostics) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    read_within(folder, file, text)
}

/// Reads a schema of GraphQL, whatever its file is called.
pub fn read_graphql(file: &Path, text: &str) -> (Option<Definition>, Diagnostics) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut diagnostics = Diagnostics::new();
    let definition = graphql::read(&Arc::from(file), text, &mut diagnostics);
    (definition, diagnostics)
}

/// Reads a definition whose references may lead to files anywhere below `folder`, and nowhere else.
pub fn read_within(folder: &Path, file: &Path, text: &str) -> (Option<Definition>, Diagnostics) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file: Arc<Path> = Arc::from(file);
    let mut diagnostics = Diagnostics::new();
    let definition = match format::detect(&file, text, &mut diagnostics) {
        Ok(format::Source::Tree(root, format)) => {
            openapi::read(root, format, &file, folder, &mut diagnostics)
        }
        Ok(format::Source::GraphQl) => graphql::read(&file, text, &mut diagnostics),
        Ok(format::Source::Xml) => match roxmltree::Document::parse(text) {
            Ok(document) if document.root_element().tag_name().name() == "application" => {
                Some(wadl::read(&document, &file, &mut diagnostics))
            }
            Ok(document) => wsdl::read(&document, &file, folder, text, &mut diagnostics),
            Err(error) => {
                let at = error.pos();
                diagnostics.error(
                    "syntax",
                    Location::new(file, at.row, at.col),
                    format!("this is not well-formed XML: {error}"),
                );
                None
            }
        },
        Err(error) => {
            diagnostics.push(*error);
            None
        }
    };
    (definition, diagnostics)
}

/// A request for every operation of an `OpenAPI` definition, made from its examples and schemas. What is wrong with the
/// definition is for [`read`] to tell.
pub fn example_requests(file: &Path, text: &str) -> Vec<ExampleRequest> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file: Arc<Path> = Arc::from(file);
    let mut diagnostics = Diagnostics::new();
    match format::detect(&file, text, &mut diagnostics) {
        Ok(format::Source::Tree(root, format)) => {
            openapi::example_requests(root, format, &file, folder, &mut diagnostics)
        }
        _ => Vec::new(),
    }
}

/// The content of an `OpenAPI` definition as one JSON document: what it refers to in other files below `folder` has
/// become a part of it.
pub fn document(folder: &Path, file: &Path, text: &str) -> Result<(Format, serde_json::Value), Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file: Arc<Path> = Arc::from(file);
    let mut diagnostics = Diagnostics::new();
    let read = match format::detect(&file, text, &mut diagnostics) {
        Ok(format::Source::Tree(root, format)) => {
            let documents = Documents::load(root.clone(), &file, folder, &mut diagnostics);
            if diagnostics.has_errors() {
                return Err(diagnostics);
            }
            let has_files = documents.has_external_references();
            if has_files {
                crate::import::bundle(&file, text, folder, format).map(|bundled| (format, bundled))
            } else {
                Ok((format, root.to_json()))
            }
        }
        Ok(_) => Err(Box::new(Diagnostic::error(
            "unknown-definition",
            Location::file(Arc::clone(&file)),
            "this is no OpenAPI definition",
        ))),
        Err(error) => Err(error),
    };
    read.map_err(|error| {
        diagnostics.push(*error);
        diagnostics
    })
}

/// A finding that does not keep the configuration from serving: something that is probably not meant.
fn probably_unmeant(id: &'static str, location: Location, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(id, location, message).severity(crate::Severity::Low)
}

#[cfg(test)]
mod tests;
