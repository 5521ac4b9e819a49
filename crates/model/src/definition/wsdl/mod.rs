//! WSDL 1.1: services that are spoken to in SOAP 1.1 and 1.2, read into operations and the schemas of their messages.
//!
//! Source: <https://www.w3.org/TR/2001/NOTE-wsdl-20010315> with the rules of the WS-I Basic Profile 1.1 for what it leaves
//! open. Bindings of other protocols are left alone.

mod files;
mod operations;
mod outline;
mod schemas;
mod write;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use roxmltree::Document;

use super::names::Names;
use super::{Definition, Format};
use crate::resources::{DescribedAt, Operation, QName, SoapBinding};
use crate::{Diagnostic, Diagnostics, Located, Location};

pub use self::operations::{Contents, WsdlOperation};
pub(crate) use self::write::single_file;

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const SOAP_11: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
const SOAP_12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";
const XSD: &str = "http://www.w3.org/2001/XMLSchema";

/// What must be escaped in the literal of a template's query.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'&').add(b'+').add(b'#').add(b'{').add(b'}');

/// A service as its definition describes it.
#[derive(Clone, Debug)]
pub struct Wsdl {
    /// The name of the service.
    pub name: Option<String>,
    /// What it is for.
    pub documentation: Option<String>,
    /// The namespace of the definition.
    pub namespace: String,
    /// Where it answers.
    pub addresses: Vec<Located<String>>,
    /// The schemas of all messages, by the name that they refer to one another by: `/schemas/<name>`.
    pub schemas: Vec<(String, String)>,
    /// Its operations.
    pub operations: Vec<WsdlOperation>,
    /// Whether the definition consists of more than one file.
    pub is_split: bool,
}

/// Which of the services and endpoints of a definition are meant.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// The name of the service; without it all of them.
    pub service: Option<String>,
    /// The name of the endpoint (the port) of the service; without it all that speak SOAP.
    pub endpoint: Option<String>,
}

/// Reads a definition whose imports may lead to files anywhere below `folder`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn describe(
    folder: &Path,
    file: &Path,
    text: &str,
    selector: &Selector,
) -> Result<(Wsdl, Diagnostics), Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file: Arc<Path> = Arc::from(file);
    let mut diagnostics = Diagnostics::new();
    let wsdl = load(folder, &file, text, selector, &mut diagnostics);
    match wsdl {
        Some(wsdl) if !diagnostics.has_errors() => Ok((wsdl, diagnostics)),
        _ => Err(diagnostics),
    }
}

/// Reads a definition into operations; gives as much as could be read.
pub(super) fn read(
    document: &Document<'_>,
    file: &Arc<Path>,
    folder: &Path,
    text: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Definition> {
    let root = document.root_element();
    if root.tag_name().name() != "definitions" || root.tag_name().namespace() != Some(WSDL) {
        diagnostics.push(refuse(document, file));
        return None;
    }
    let wsdl = load(folder, file, text, &Selector::default(), diagnostics)?;
    Some(Definition {
        format: Format::Wsdl,
        operations: operations(&wsdl),
        title: wsdl.name,
        description: wsdl.documentation,
        version: None,
        servers: wsdl.addresses,
        has_external_references: wsdl.is_split,
    })
}

fn load(
    folder: &Path,
    file: &Arc<Path>,
    text: &str,
    selector: &Selector,
    diagnostics: &mut Diagnostics,
) -> Option<Wsdl> {
    let files = files::load(folder, file, text, diagnostics)?;
    let documents = files.parse();
    let outline = outline::read(&documents, diagnostics);
    let mut schemas = schemas::collect(&documents);
    let services = outline.select(selector, file, diagnostics)?;
    let operations = operations::join(&outline, &services, &mut schemas, diagnostics);
    if operations.is_empty() && !diagnostics.has_errors() {
        let message = "the definition binds no operation to SOAP over HTTP";
        diagnostics.push(Diagnostic::error("no-operations", Location::file(Arc::clone(file)), message).fix(
            "a `<binding>` with `<soap:binding transport=\"http://schemas.xmlsoap.org/soap/http\">` does",
        ));
    }
    Some(Wsdl {
        name: services.first().map(|service| service.name.clone()).filter(|name| !name.is_empty()),
        documentation: services.first().and_then(|service| service.documentation.clone()),
        namespace: outline.namespace.clone(),
        addresses: services
            .iter()
            .flat_map(|service| &service.ports)
            .filter_map(|port| port.address.clone())
            .collect(),
        schemas: schemas.texts(),
        operations,
        is_split: files.count() > 1,
    })
}

/// The operations as Azure API Management publishes them: `POST /?soapAction=…`.
fn operations(wsdl: &Wsdl) -> Vec<Operation> {
    let mut actions: HashMap<&str, usize> = HashMap::new();
    for operation in &wsdl.operations {
        *actions.entry(&operation.action).or_default() += 1;
    }
    let mut names = Names::default();
    wsdl.operations
        .iter()
        .map(|operation| {
            let name = names.assign(Some(&operation.name), "POST", "/");
            let tells = !operation.action.is_empty() && actions.get(operation.action.as_str()) == Some(&1);
            // Where the action does not tell the operations apart, the body does.
            let key = if tells { operation.action.as_str() } else { name.as_str() };
            let url_template = format!("/?soapAction={}", utf8_percent_encode(key, ESCAPED));
            Operation {
                method: "POST".to_owned(),
                display_name: operation.name.chars().take(300).collect(),
                description: operation.documentation.clone(),
                parameters: Vec::new(),
                responses: Vec::new(),
                policy: None,
                described: Some(DescribedAt {
                    path: operation.name.clone(),
                    method: operation.action.clone(),
                }),
                soap: Some(SoapBinding {
                    action: operation.action.clone(),
                    key: key.to_owned(),
                    elements: operation.request.elements().to_vec(),
                }),
                location: operation.location.clone(),
                name,
                url_template,
            }
        })
        .collect()
}

/// Why an XML document that is neither WADL nor WSDL 1.1 cannot be read.
fn refuse(document: &Document<'_>, file: &Arc<Path>) -> Diagnostic {
    let root = document.root_element();
    let at = document.text_pos_at(root.range().start);
    let location = Location::new(Arc::clone(file), at.row, at.col);
    match root.tag_name().name() {
        "description" => {
            Diagnostic::error("unsupported-version", location, "this is WSDL 2.0; WSDL 1.1 is read")
                .fix("ask the service for its WSDL 1.1, mostly at its address with `?wsdl`")
        }
        "definitions" => {
            let message = "`<definitions>` is not in the namespace of WSDL 1.1";
            Diagnostic::error("unknown-definition", location, message)
                .fix(format!("declare `xmlns=\"{WSDL}\"`"))
        }
        other => {
            Diagnostic::error("unknown-definition", location, format!("`<{other}>` begins no API definition"))
                .fix("WADL begins with `<application>`, WSDL with `<definitions>`")
        }
    }
}

/// The qualified name that a text means where a node stands.
fn qualified(node: roxmltree::Node<'_, '_>, text: &str) -> Option<QName> {
    let text = text.trim();
    let (namespace, name) = match text.split_once(':') {
        Some((prefix, name)) => (node.lookup_namespace_uri(Some(prefix))?, name),
        None => (node.lookup_namespace_uri(None).unwrap_or_default(), text),
    };
    (!name.is_empty()).then(|| QName { namespace: namespace.to_owned(), name: name.to_owned() })
}

/// A text as the value of an attribute in double quotation marks.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
