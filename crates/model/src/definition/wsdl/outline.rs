//! Messages, port types, bindings and services.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use roxmltree::Node;

use super::files::Parsed;
use super::{SOAP_11, SOAP_12, Selector, WSDL, qualified};
use crate::resources::QName;
use crate::{Diagnostic, Diagnostics, Located, Location, did_you_mean};

/// What a definition and those that it imports say.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) namespace: String,
    pub(super) messages: HashMap<QName, Vec<Part>>,
    pub(super) port_types: HashMap<QName, Vec<Abstract>>,
    pub(super) bindings: HashMap<QName, Binding>,
    services: Vec<Service>,
}

/// A part of a message: an element, or a value of a type.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) element: Option<QName>,
    pub(super) kind: Option<QName>,
}

/// An operation of a port type.
#[derive(Clone, Debug)]
pub(super) struct Abstract {
    pub(super) name: String,
    pub(super) documentation: Option<String>,
    pub(super) input: Option<QName>,
    pub(super) output: Option<QName>,
}

/// A binding to SOAP over HTTP.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) port_type: QName,
    pub(super) operations: Vec<Bound>,
    pub(super) location: Location,
}

/// An operation of a binding.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) name: String,
    pub(super) action: String,
    pub(super) is_rpc: bool,
    pub(super) input: Use,
    pub(super) output: Use,
    pub(super) location: Location,
}

/// How a message is written into the body.
#[derive(Clone, Debug, Default)]
pub(super) struct Use {
    pub(super) namespace: Option<String>,
    pub(super) is_encoded: bool,
    /// The names of the parts in the body; `None` for all.
    pub(super) parts: Option<Vec<String>>,
    /// The parts that stand in headers.
    pub(super) headers: Vec<(QName, String)>,
    /// Whether parts are attachments.
    pub(super) has_attachments: bool,
}

/// A service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) documentation: Option<String>,
    pub(super) ports: Vec<Port>,
}

/// An endpoint of a service.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) binding: QName,
    pub(super) address: Option<Located<String>>,
}

/// Reads all files of a definition.
pub(super) fn read(files: &[Parsed<'_>], diagnostics: &mut Diagnostics) -> Outline {
    let mut outline = Outline::default();
    for (number, file) in files.iter().enumerate() {
        let root = file.document.root_element();
        if root.tag_name().namespace() != Some(WSDL) {
            continue;
        }
        let namespace = root.attribute("targetNamespace").unwrap_or_default();
        if number == 0 {
            namespace.clone_into(&mut outline.namespace);
        }
        let mut reader = Reader { file, namespace, outline: &mut outline, diagnostics };
        for node in root.children().filter(Node::is_element) {
            if node.tag_name().namespace() == Some(WSDL) {
                reader.top(node);
            }
        }
    }
    outline
}

impl Outline {
    /// The services that a selector names, with the ports that speak SOAP. Without services, every binding is one.
    pub(super) fn select(
        &self,
        selector: &Selector,
        file: &Arc<Path>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<Service>> {
        let location = || Location::file(Arc::clone(file));
        let mut services = self.services.clone();
        if services.is_empty() {
            let mut names: Vec<_> = self.bindings.keys().cloned().collect();
            names.sort();
            let port = |binding: QName| Port { name: binding.name.clone(), binding, address: None };
            let ports = names.into_iter().map(port).collect();
            services = vec![Service { name: String::new(), documentation: None, ports }];
        }
        if let Some(wanted) = &selector.service {
            let known: Vec<String> = services.iter().map(|service| service.name.clone()).collect();
            services.retain(|service| service.name == *wanted);
            if services.is_empty() {
                diagnostics.push(unknown("service", wanted, &known, location()));
                return None;
            }
        }
        for service in &mut services {
            service.ports.retain(|port| self.bindings.contains_key(&port.binding));
        }
        if let Some(wanted) = &selector.endpoint {
            let ports = services.iter().flat_map(|service| &service.ports);
            let known: Vec<String> = ports.map(|port| port.name.clone()).collect();
            if !known.contains(wanted) {
                diagnostics.push(unknown("endpoint", wanted, &known, location()));
                return None;
            }
            for service in &mut services {
                service.ports.retain(|port| port.name == *wanted);
            }
        }
        services.retain(|service| !service.ports.is_empty());
        Some(services)
    }
}

fn unknown(what: &str, wanted: &str, known: &[String], location: Location) -> Diagnostic {
    let message = format!("the definition has no {what} `{wanted}` that speaks SOAP");
    let fix = match did_you_mean(wanted, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("it has {}", known.join(", ")),
    };
    Diagnostic::error("missing-reference", location, message).fix(fix)
}

struct Reader<'r, 'd> {
    file: &'r Parsed<'d>,
    namespace: &'r str,
    outline: &'r mut Outline,
    diagnostics: &'r mut Diagnostics,
}

impl Reader<'_, '_> {
    fn top(&mut self, node: Node<'_, '_>) {
        let name = node.attribute("name").unwrap_or_default().trim();
        let own = QName { namespace: self.namespace.to_owned(), name: name.to_owned() };
        match node.tag_name().name() {
            "message" => {
                let parts = children(node, "part").map(|part| self.part(part)).collect();
                self.outline.messages.insert(own, parts);
            }
            "portType" => {
                let operations =
                    children(node, "operation").map(|operation| self.operation(operation)).collect();
                self.outline.port_types.insert(own, operations);
            }
            "binding" => {
                if let Some(binding) = self.binding(node) {
                    self.outline.bindings.insert(own, binding);
                }
            }
            "service" => {
                let ports = children(node, "port").filter_map(|port| self.port(port)).collect();
                let documentation = documentation(node);
                self.outline.services.push(Service { name: own.name, documentation, ports });
            }
            _ => {}
        }
    }

    /// The qualified name in an attribute; one whose prefix is not declared is an error.
    fn name(&mut self, node: Node<'_, '_>, attribute: &str) -> Option<QName> {
        let text = node.attribute(attribute)?;
        let name = qualified(node, text);
        if name.is_none() {
            let message = format!("the prefix of `{text}` is not declared");
            self.diagnostics.error("missing-reference", self.file.location(node), message);
        }
        name
    }

    fn part(&mut self, node: Node<'_, '_>) -> Part {
        let element = self.name(node, "element");
        let kind = self.name(node, "type");
        Part { name: node.attribute("name").unwrap_or_default().to_owned(), element, kind }
    }

    fn operation(&mut self, node: Node<'_, '_>) -> Abstract {
        let mut message =
            |name: &str| children(node, name).next().and_then(|child| self.name(child, "message"));
        let (input, output) = (message("input"), message("output"));
        let name = node.attribute("name").unwrap_or_default().to_owned();
        Abstract { name, documentation: documentation(node), input, output }
    }

    /// A binding, if it is one to SOAP over HTTP.
    fn binding(&mut self, node: Node<'_, '_>) -> Option<Binding> {
        let soap = node.children().find(|child| {
            child.tag_name().name() == "binding"
                && matches!(child.tag_name().namespace(), Some(SOAP_11 | SOAP_12))
        })?;
        let is_http = soap.attribute("transport").is_none_or(|transport| {
            matches!(
                transport,
                "http://schemas.xmlsoap.org/soap/http" | "http://www.w3.org/2003/05/soap/bindings/HTTP/"
            )
        });
        if !is_http {
            return None;
        }
        let is_rpc = soap.attribute("style") == Some("rpc");
        let port_type = self.name(node, "type")?;
        let operations = children(node, "operation").map(|operation| self.bound(operation, is_rpc)).collect();
        Some(Binding { port_type, operations, location: self.file.location(node) })
    }

    fn bound(&mut self, node: Node<'_, '_>, is_rpc: bool) -> Bound {
        let soap = of_soap(node, "operation");
        let style = soap.and_then(|soap| soap.attribute("style"));
        let action = soap.and_then(|soap| soap.attribute("soapAction")).unwrap_or_default();
        let mut written =
            |name: &str| children(node, name).next().map(|child| self.written(child)).unwrap_or_default();
        Bound {
            name: node.attribute("name").unwrap_or_default().to_owned(),
            action: action.to_owned(),
            is_rpc: style.map_or(is_rpc, |style| style == "rpc"),
            input: written("input"),
            output: written("output"),
            location: self.file.location(node),
        }
    }

    fn written(&mut self, node: Node<'_, '_>) -> Use {
        let has_attachments = node.children().any(|child| child.tag_name().name() == "multipartRelated");
        let Some(body) = of_soap(node, "body") else { return Use { has_attachments, ..Use::default() } };
        let headers: Vec<_> = node
            .children()
            .filter(|child| {
                child.tag_name().name() == "header"
                    && matches!(child.tag_name().namespace(), Some(SOAP_11 | SOAP_12))
            })
            .collect();
        let headers = headers
            .into_iter()
            .filter_map(|header| Some((self.name(header, "message")?, header.attribute("part")?.to_owned())))
            .collect();
        Use {
            namespace: body.attribute("namespace").map(str::to_owned),
            is_encoded: body.attribute("use") == Some("encoded"),
            parts: body
                .attribute("parts")
                .map(|parts| parts.split_ascii_whitespace().map(str::to_owned).collect()),
            headers,
            has_attachments,
        }
    }

    fn port(&mut self, node: Node<'_, '_>) -> Option<Port> {
        let address = of_soap(node, "address").and_then(|address| {
            let url = address.attribute("location")?.trim();
            Some(Located::new(url.to_owned(), self.file.location(address)))
        });
        let name = node.attribute("name").unwrap_or_default().to_owned();
        Some(Port { name, binding: self.name(node, "binding")?, address })
    }
}

fn children<'n, 'd>(node: Node<'n, 'd>, name: &'n str) -> impl Iterator<Item = Node<'n, 'd>> {
    node.children().filter(move |child| child.has_tag_name((WSDL, name)))
}

fn of_soap<'n, 'd>(node: Node<'n, 'd>, name: &str) -> Option<Node<'n, 'd>> {
    node.children().find(|child| {
        child.tag_name().name() == name && matches!(child.tag_name().namespace(), Some(SOAP_11 | SOAP_12))
    })
}

fn documentation(node: Node<'_, '_>) -> Option<String> {
    let text: String = children(node, "documentation")
        .next()?
        .descendants()
        .filter(Node::is_text)
        .filter_map(|text| text.text())
        .collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}
