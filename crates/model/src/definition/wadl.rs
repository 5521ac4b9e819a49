//! WADL (W3C submission of 2009) into operations.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use roxmltree::{Document, Node};

use super::names::Names;
use super::openapi::is_token;
use super::template::Template;
use super::{Definition, Format};
use crate::resources::{Operation, Parameter, Representation, ResponseDescription, ResponseStatus};
use crate::{Diagnostic, Diagnostics, Located, Location};

/// How deep resources may nest, and how many there may be with those that types of resources bring.
const MAX_DEPTH: usize = 32;
const MAX_RESOURCES: usize = 10_000;

pub(super) fn read(document: &Document<'_>, file: &Arc<Path>, diagnostics: &mut Diagnostics) -> Definition {
    let root = document.root_element();
    let mut ids = HashMap::new();
    for node in root.descendants() {
        if let Some(id) = node.attribute("id") {
            ids.entry(id).or_insert(node);
        }
    }
    let mut reader = Reader {
        document,
        file,
        ids,
        names: Names::default(),
        templates: HashMap::new(),
        operations: Vec::new(),
        resources: 0,
        diagnostics,
    };
    let mut servers = Vec::new();
    let mut has_resources = false;
    for resources in children(root, "resources") {
        has_resources = true;
        if let Some(base) = resources.attribute("base") {
            servers.push(Located::new(base.to_owned(), reader.location(resources)));
        }
        for resource in children(resources, "resource") {
            reader.resource(resource, "", &[], 0);
        }
    }
    if !has_resources {
        let location = reader.location(root);
        reader.diagnostics.error("missing-key", location, "the application has no `<resources>`");
    }
    let doc = children(root, "doc").next();
    Definition {
        format: Format::Wadl,
        title: doc.and_then(|doc| doc.attribute("title")).map(str::to_owned),
        description: doc.and_then(|doc| text(doc)),
        version: None,
        operations: reader.operations,
        servers,
        has_external_references: false,
    }
}

struct Reader<'a, 'd> {
    document: &'a Document<'a>,
    file: &'a Arc<Path>,
    ids: HashMap<&'a str, Node<'a, 'a>>,
    names: Names,
    templates: HashMap<(String, String), Location>,
    operations: Vec<Operation>,
    /// How many resources have been read.
    resources: usize,
    diagnostics: &'d mut Diagnostics,
}

impl<'a> Reader<'a, '_> {
    fn resource(&mut self, resource: Node<'a, 'a>, above: &str, inherited: &[Parameter], depth: usize) {
        self.resources += 1;
        if depth > MAX_DEPTH || self.resources > MAX_RESOURCES {
            let message =
                format!("resources nest more than {MAX_DEPTH} deep, or are more than {MAX_RESOURCES}");
            if self.resources <= MAX_RESOURCES {
                self.resources = MAX_RESOURCES;
                self.diagnostics.error("too-large", self.location(resource), message);
            }
            return;
        }
        let own = resource.attribute("path").unwrap_or("").trim_start_matches('/');
        let path =
            if own.is_empty() { above.to_owned() } else { format!("{}/{own}", above.trim_end_matches('/')) };
        let mut parameters = inherited.to_vec();
        let mut parts = vec![resource];
        // `type` lists types of resources, whose methods and parameters this resource has too.
        for reference in resource.attribute("type").unwrap_or("").split_ascii_whitespace() {
            parts.extend(self.referenced(resource, reference, "resource_type"));
        }
        for part in &parts {
            parameters.extend(children(*part, "param").filter_map(|param| self.parameter(param)));
        }
        for part in &parts {
            for method in children(*part, "method") {
                self.method(method, &path, &parameters);
            }
        }
        for part in &parts {
            for child in children(*part, "resource") {
                self.resource(child, &path, &parameters, depth + 1);
            }
        }
    }

    fn method(&mut self, place: Node<'a, 'a>, path: &str, shared: &[Parameter]) {
        let definition = match place.attribute("href") {
            Some(reference) => match self.referenced(place, reference, "method") {
                Some(method) => method,
                None => return,
            },
            None => place,
        };
        let location = self.location(place);
        let Some(method) = definition.attribute("name").filter(|name| is_token(name)) else {
            let error =
                Diagnostic::error("missing-key", self.location(definition), "the method has no `name`");
            self.diagnostics.push(error.fix("name an HTTP method: `name=\"GET\"`"));
            return;
        };
        let method = method.to_ascii_uppercase();
        let path = if path.is_empty() { "/" } else { path };
        let mut template = match Template::parse(path) {
            Ok(template) => template,
            Err(problem) => {
                self.diagnostics.error("invalid-path", location, problem);
                return;
            }
        };
        let mut declared = shared.to_vec();
        if let Some(request) = children(definition, "request").next() {
            declared.extend(children(request, "param").filter_map(|param| self.parameter(param)));
        }
        // A template variable that no `<param>` describes is a string.
        let mut parameters: Vec<Parameter> = template
            .parameters
            .iter()
            .map(|name| Parameter { name: name.clone(), in_query: false, required: true })
            .collect();
        for parameter in declared.into_iter().filter(|parameter| parameter.in_query) {
            if parameters.iter().any(|known| known.name == parameter.name) {
                continue;
            }
            if parameter.required {
                template.require(&parameter.name);
            }
            parameters.push(parameter);
        }
        let key = (method.clone(), template.shape());
        if let Some(first) = self.templates.get(&key) {
            let message =
                format!("`{method} {}` matches the same requests as the method at {first}", template.text);
            self.diagnostics.error("duplicate-operation", location, message);
            return;
        }
        self.templates.insert(key, location.clone());
        let id = definition.attribute("id").filter(|id| !id.is_empty());
        let doc = children(definition, "doc").next();
        let title = doc.and_then(|doc| doc.attribute("title")).or(id).map(str::to_owned);
        let responses = self.responses(definition);
        self.operations.push(Operation {
            name: self.names.assign(id, &method, &template.text),
            display_name: title.unwrap_or_else(|| format!("{method} {}", template.text)),
            description: doc.and_then(text),
            method,
            url_template: template.text,
            parameters,
            responses,
            policy: None,
            described: None,
            soap: None,
            location,
        });
    }

    fn parameter(&mut self, place: Node<'a, 'a>) -> Option<Parameter> {
        let param = match place.attribute("href") {
            Some(reference) => self.referenced(place, reference, "param")?,
            None => place,
        };
        let Some(name) = param.attribute("name").filter(|name| !name.is_empty()) else {
            self.diagnostics.error("missing-key", self.location(param), "the parameter has no `name`");
            return None;
        };
        let style = param.attribute("style").unwrap_or("");
        match style {
            "query" | "template" => Some(Parameter {
                name: name.to_owned(),
                in_query: style == "query",
                required: style == "template" || matches!(param.attribute("required"), Some("true" | "1")),
            }),
            "header" | "matrix" | "plain" => None,
            other => {
                let error = Diagnostic::error(
                    "unknown-parameter-place",
                    self.location(param),
                    format!("a parameter cannot have the style `{other}`"),
                );
                self.diagnostics.push(error.fix("one of template, query, header, matrix, plain"));
                None
            }
        }
    }

    fn responses(&mut self, method: Node<'a, 'a>) -> Vec<ResponseDescription> {
        let mut all = Vec::new();
        for response in children(method, "response") {
            let mut representations = Vec::new();
            for place in children(response, "representation") {
                let representation = match place.attribute("href") {
                    Some(reference) => match self.referenced(place, reference, "representation") {
                        Some(representation) => representation,
                        None => continue,
                    },
                    None => place,
                };
                if let Some(content_type) = representation.attribute("mediaType") {
                    representations.push(Representation {
                        content_type: content_type.to_owned(),
                        examples: Vec::new(),
                        sample: None,
                    });
                }
            }
            // Without a status the response is that of success.
            for status in response.attribute("status").unwrap_or("200").split_ascii_whitespace() {
                if let Ok(code @ 100..=999) = status.parse::<u16>() {
                    let representations = representations.clone();
                    all.push(ResponseDescription { status: ResponseStatus::Code(code), representations });
                } else {
                    let message = format!("`{status}` is no status code");
                    self.diagnostics.error("invalid-status", self.location(response), message);
                }
            }
        }
        all
    }

    /// The element that a reference names, which must be of that kind and in this file.
    fn referenced(&mut self, place: Node<'a, 'a>, reference: &str, kind: &str) -> Option<Node<'a, 'a>> {
        let location = self.location(place);
        let Some(id) = reference.strip_prefix('#') else {
            let message = format!("`{reference}` leads to another document; only this one is read");
            let error = Diagnostic::error("forbidden-reference", location, message);
            self.diagnostics.push(error.fix("copy what it names into this document"));
            return None;
        };
        match self.ids.get(id) {
            Some(node) if node.tag_name().name() == kind => Some(*node),
            Some(node) => {
                let message =
                    format!("`{reference}` names a `<{}>`, a `<{kind}>` is needed", node.tag_name().name());
                self.diagnostics.error("dangling-reference", location, message);
                None
            }
            None => {
                let message = format!("`{reference}` leads nowhere: no element has this id");
                let mut error = Diagnostic::error("dangling-reference", location, message);
                if let Some(meant) = crate::did_you_mean(id, self.ids.keys().copied()) {
                    error = error.fix(format!("did you mean `#{meant}`?"));
                }
                self.diagnostics.push(error);
                None
            }
        }
    }

    fn location(&self, node: Node<'_, '_>) -> Location {
        let at = self.document.text_pos_at(node.range().start);
        Location::new(Arc::clone(self.file), at.row, at.col)
    }
}

fn children<'a>(node: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

fn text(node: Node<'_, '_>) -> Option<String> {
    node.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}
