//! The operations of an API: those of its definition, with the folders below `operations/`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::fields::Fields;
use super::layout::{self, Role};
use super::resource::Resource;
use crate::definition::{Definition, Format};
use crate::resources::{
    Api, ApiKind, Example, Operation, Parameter, Representation, ResponseDescription, ResponseStatus,
};
use crate::{Diagnostic, Located, Severity, did_you_mean};

/// Gives an API its operations and their policies.
pub(super) fn attach(
    resource: &Resource<'_>,
    api: &mut Api,
    definition: Option<Definition>,
    file: Option<&Arc<Path>>,
) {
    let unreadable = file.is_some() && definition.is_none();
    if let (Some(definition), Some(file)) = (&definition, file) {
        check_format(resource, api.kind, definition.format, file);
    }
    let mut operations = Operations { definition, own: implicit(api.kind, resource) };
    let mut used: BTreeMap<String, Arc<Path>> = BTreeMap::new();
    for folder in resource.children(&layout::OPERATIONS) {
        let name = operations.name(&folder.entry.name);
        let described =
            folder.entry.file(Role::Information).is_some() || folder.overlay.properties().next().is_some();
        let name = match (name, described) {
            (Some(name), false) => name,
            (name, true) => {
                let base = name.as_deref().and_then(|name| operations.take(name));
                let Some(operation) = folder.read(|fields| contract(&folder, fields, base.as_ref())) else {
                    continue;
                };
                let name = operation.name.clone();
                operations.own.insert(name.clone(), operation);
                name
            }
            (None, false) if unreadable => continue,
            (None, false) => {
                unknown(resource, &folder, &operations, file);
                continue;
            }
        };
        if let Some(first) = used.get(&name) {
            folder.error(
                "duplicate-name",
                folder.entry.location(),
                format!(
                    "`{}` and `{}` are both folders of the operation `{name}`",
                    folder.entry.name,
                    first.display()
                ),
            );
            continue;
        }
        used.insert(name.clone(), Arc::clone(&folder.entry.folder));
        let policy = folder.policy();
        if let Some(mut operation) = operations.take(&name) {
            operation.policy = policy;
            operations.own.insert(name, operation);
        }
    }
    api.operations = operations.into_map();
    if api.operations.is_empty() && !unreadable {
        resource.context.push(
            Diagnostic::error(
                "no-operations",
                resource.location(),
                format!("{} has no operations: every request gets 404", resource.id),
            )
            .severity(Severity::Low)
            .resource(resource.id.as_str())
            .fix("add a specification file"),
        );
    }
}

/// The operations of the definition, and those that artifacts add or change.
struct Operations {
    definition: Option<Definition>,
    own: BTreeMap<String, Operation>,
}

impl Operations {
    /// The name of the operation that a folder names.
    fn name(&self, folder: &str) -> Option<String> {
        let own = self.own.keys().find(|name| name.eq_ignore_ascii_case(folder)).cloned();
        own.or_else(|| Some(self.definition.as_ref()?.operation(folder)?.name.clone()))
    }

    /// An operation of that exact name, to be changed and put into `own`.
    fn take(&mut self, name: &str) -> Option<Operation> {
        if let Some(operation) = self.own.remove(name) {
            return Some(operation);
        }
        self.definition.as_ref()?.operations.iter().find(|operation| operation.name == name).cloned()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let defined = self.definition.iter().flat_map(|definition| &definition.operations);
        defined.map(|operation| operation.name.as_str()).chain(self.own.keys().map(String::as_str))
    }

    fn into_map(self) -> BTreeMap<String, Operation> {
        let mut operations = self.own;
        for operation in self.definition.into_iter().flat_map(|definition| definition.operations) {
            operations.entry(operation.name.clone()).or_insert(operation);
        }
        operations
    }
}

/// The operations that API Management adds to an API by its kind.
fn implicit(kind: ApiKind, resource: &Resource<'_>) -> BTreeMap<String, Operation> {
    let mut operations = BTreeMap::new();
    if kind == ApiKind::WebSocket {
        let operation = Operation {
            name: "onHandshake".to_owned(),
            method: "GET".to_owned(),
            display_name: "onHandshake".to_owned(),
            description: None,
            url_template: "/".to_owned(),
            parameters: Vec::new(),
            responses: Vec::new(),
            policy: None,
            described: None,
            soap: None,
            location: resource.location(),
        };
        operations.insert(operation.name.clone(), operation);
    }
    operations
}

fn check_format(resource: &Resource<'_>, kind: ApiKind, format: Format, file: &Arc<Path>) {
    let kinds = [(ApiKind::GraphQl, Format::GraphQl, "graphql"), (ApiKind::Soap, Format::Wsdl, "soap")];
    let mismatch = kinds.iter().find(|(of_api, of_file, _)| (kind == *of_api) != (format == *of_file));
    if let Some((of_api, of_file, name)) = mismatch {
        let message = if kind == *of_api {
            format!("the API is of type `{name}`, and this is {}", format.as_str())
        } else {
            format!("this is {}, and the API is not of type `{name}`", of_file.as_str())
        };
        resource.error_with_fix(
            "definition-mismatch",
            crate::Location::file(Arc::clone(file)),
            message,
            format!("change the `type` in {}, or the definition", resource.location()),
        );
    }
}

fn unknown(
    resource: &Resource<'_>,
    folder: &Resource<'_>,
    operations: &Operations,
    file: Option<&Arc<Path>>,
) {
    let name = &folder.entry.name;
    let place = folder
        .entry
        .file(Role::Policy)
        .map_or_else(|| folder.entry.location(), |policy| crate::Location::file(Arc::clone(policy)));
    let fix = match did_you_mean(name, operations.names()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "rename the folder to an operation id of the definition, or remove it".to_owned(),
    };
    let message = match file {
        Some(file) => {
            format!(
                "{} has a folder for the operation `{name}`, which `{}` does not define",
                resource.id,
                file.display()
            )
        }
        None => format!(
            "{} has a folder for the operation `{name}`, and no definition that defines it",
            resource.id
        ),
    };
    folder.error_with_fix("missing-reference", place, message, fix);
}

/// An operation as Azure Resource Manager writes it. What it leaves out comes from the definition.
fn contract(resource: &Resource<'_>, fields: &Fields<'_>, base: Option<&Operation>) -> Option<Operation> {
    let context = resource.context;
    fields.ignore(&["policies"]);
    let display_name = fields.bounded(context, "displayName", 300).map(|text| text.value);
    let description = fields.text(context, "description").filter(|text| !text.is_empty());
    let method = fields.string(context, "method");
    let template = fields.string(context, "urlTemplate");
    let path_parameters = fields.objects(context, "templateParameters");
    let request = fields.object(context, "request");
    let responses: Vec<_> = fields
        .objects(context, "responses")
        .iter()
        .filter_map(|response| response_description(resource, response))
        .collect();
    let method = match (method, base) {
        (Some(method), _) => {
            let upper = method.value.to_ascii_uppercase();
            if upper != "*" && !super::check::is_token(&upper) {
                resource.error(
                    "bad-name",
                    method.location,
                    format!("`{}` is not an HTTP method", method.value),
                );
            }
            Some(upper)
        }
        (None, Some(base)) => Some(base.method.clone()),
        (None, None) => {
            fields.missing(context, "method");
            None
        }
    };
    let url_template = match (template, base) {
        (Some(template), _) => {
            check_template(resource, &template);
            Some(template.value)
        }
        (None, Some(base)) => Some(base.url_template.clone()),
        (None, None) => {
            fields.missing(context, "urlTemplate");
            None
        }
    };
    let mut parameters: Vec<_> =
        path_parameters.iter().filter_map(|fields| parameter(resource, fields, false)).collect();
    if let Some(request) = request {
        request.ignore(&["description", "headers", "representations"]);
        parameters.extend(
            request
                .objects(context, "queryParameters")
                .iter()
                .filter_map(|fields| parameter(resource, fields, true)),
        );
        request.finish(context);
    }
    let name = base.map_or_else(|| resource.entry.name.clone(), |base| base.name.clone());
    let base_parameters = base.map(|base| base.parameters.clone()).unwrap_or_default();
    let base_responses = base.map(|base| base.responses.clone()).unwrap_or_default();
    Some(Operation {
        display_name: display_name
            .or_else(|| base.map(|base| base.display_name.clone()))
            .unwrap_or_else(|| name.clone()),
        name,
        method: method?,
        description: description.or_else(|| base?.description.clone()),
        url_template: url_template?,
        parameters: if parameters.is_empty() { base_parameters } else { parameters },
        responses: if responses.is_empty() { base_responses } else { responses },
        policy: None,
        described: base.and_then(|base| base.described.clone()),
        soap: base.and_then(|base| base.soap.clone()),
        location: resource.location(),
    })
}

fn parameter(resource: &Resource<'_>, fields: &Fields<'_>, in_query: bool) -> Option<Parameter> {
    let context = resource.context;
    fields.ignore(&["defaultValue", "description", "examples", "schemaId", "type", "typeName", "values"]);
    let name = fields.required(context, "name");
    let required = fields.boolean(context, "required").unwrap_or(!in_query);
    fields.finish(context);
    Some(Parameter { name: name?.value, in_query, required })
}

fn response_description(resource: &Resource<'_>, fields: &Fields<'_>) -> Option<ResponseDescription> {
    let context = resource.context;
    fields.ignore(&["description", "headers"]);
    let status = fields.integer(context, "statusCode", 100..=599);
    let representations = fields.objects(context, "representations");
    fields.finish(context);
    let representations = representations
        .iter()
        .filter_map(|representation| {
            representation.ignore(&["formParameters", "schemaId", "typeName", "sample"]);
            let content_type = representation.required(context, "contentType");
            let examples =
                representation.object(context, "examples").map(|examples| examples.to_json(context));
            representation.finish(context);
            let examples = match examples {
                Some(serde_json::Value::Object(examples)) => examples
                    .into_iter()
                    .map(|(name, example)| Example {
                        name,
                        value: example.get("value").cloned().unwrap_or(serde_json::Value::Null),
                    })
                    .collect(),
                _ => Vec::new(),
            };
            Some(Representation { content_type: content_type?.value, examples, sample: None })
        })
        .collect();
    Some(ResponseDescription { status: ResponseStatus::Code(status? as u16), representations })
}

/// A template begins with a slash, is at most 1000 characters long, and its braces enclose names.
fn check_template(resource: &Resource<'_>, template: &Located<String>) {
    let text = template.value.as_str();
    let braces_fit = {
        let mut rest = text;
        loop {
            match (rest.find('{'), rest.find('}')) {
                (None, None) => break true,
                (Some(open), Some(close)) if open < close => {
                    let name = rest.get(open + 1..close).unwrap_or_default();
                    if name.trim_start_matches('*').is_empty() || name.contains(['{', '/', '?']) {
                        break false;
                    }
                    rest = rest.get(close + 1..).unwrap_or_default();
                }
                _ => break false,
            }
        }
    };
    let message = if !text.starts_with('/') {
        "a template begins with `/`"
    } else if text.chars().count() > 1000 {
        "a template has at most 1000 characters"
    } else if !braces_fit {
        "the braces of the template do not enclose names"
    } else {
        return;
    };
    resource.error_with_fix(
        "bad-template",
        template.location.clone(),
        message,
        "write a template such as `/orders/{id}`",
    );
}
