//! The operations of services: what is bound, with the elements of its messages.

use super::outline::{Abstract, Bound, Outline, Part, Service, Use};
use super::schemas::Schemas;
use crate::resources::QName;
use crate::{Diagnostic, Diagnostics, Location, Severity};

/// An operation that is spoken to in SOAP.
#[derive(Clone, Debug)]
pub struct WsdlOperation {
    /// Its name.
    pub name: String,
    /// What it does.
    pub documentation: Option<String>,
    /// Its action; may be empty.
    pub action: String,
    /// What requests hold.
    pub request: Contents,
    /// What answers hold; `None` where there is no answer.
    pub response: Option<Contents>,
    /// Where it is bound.
    pub location: Location,
}

/// What the body of an envelope holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// These elements.
    Elements(Vec<QName>),
    /// Something that cannot be judged, and why.
    Unknown(String),
}

impl Contents {
    /// The elements, where they are known.
    pub fn elements(&self) -> &[QName] {
        match self {
            Self::Elements(elements) => elements,
            Self::Unknown(_) => &[],
        }
    }
}

/// Joins bindings with what they bind. Ports with the same operations count once: an endpoint speaks SOAP 1.1 and 1.2.
pub(super) fn join(
    outline: &Outline,
    services: &[Service],
    schemas: &mut Schemas,
    diagnostics: &mut Diagnostics,
) -> Vec<WsdlOperation> {
    let mut joined: Vec<WsdlOperation> = Vec::new();
    for port in services.iter().flat_map(|service| &service.ports) {
        let Some(binding) = outline.bindings.get(&port.binding) else { continue };
        let Some(port_type) = outline.port_types.get(&binding.port_type) else {
            let message = format!(
                "`{}` binds a port type that is not defined: `{}`",
                port.binding.name, binding.port_type
            );
            diagnostics.error("missing-reference", binding.location.clone(), message);
            continue;
        };
        for bound in &binding.operations {
            let Some(described) = port_type.iter().find(|operation| operation.name == bound.name) else {
                let message = format!(
                    "`{}` binds the operation `{}`, which the port type `{}` does not have",
                    port.binding.name, bound.name, binding.port_type.name
                );
                diagnostics.error("missing-reference", bound.location.clone(), message);
                continue;
            };
            let operation = operation(outline, bound, described, schemas, diagnostics);
            let is_known = joined.iter().any(|known| {
                known.name == operation.name
                    && known.action == operation.action
                    && known.request == operation.request
            });
            if !is_known {
                joined.push(operation);
            }
        }
    }
    joined
}

fn operation(
    outline: &Outline,
    bound: &Bound,
    described: &Abstract,
    schemas: &mut Schemas,
    diagnostics: &mut Diagnostics,
) -> WsdlOperation {
    let mut contents = |message: &Option<QName>, written: &Use, wrapper: String| match message {
        None => Ok(Vec::new()),
        Some(message) => contents(outline, bound, message, written, wrapper, schemas),
    };
    let request = contents(&described.input, &bound.input, bound.name.clone());
    let response = described
        .output
        .as_ref()
        .map(|_| contents(&described.output, &bound.output, format!("{}Response", bound.name)));
    let mut last = String::new();
    let mut told = |contents: Result<Vec<QName>, String>| match contents {
        Ok(elements) => Contents::Elements(elements),
        Err(why) if why == last => Contents::Unknown(why),
        Err(why) => {
            last.clone_from(&why);
            let message = format!("messages of the operation `{}` cannot be validated: {why}", bound.name);
            let finding = Diagnostic::error("broken-schema", bound.location.clone(), message)
                .severity(Severity::Low)
                .fix("mend the definition; until then `validate-content` answers as for a schema that is missing");
            diagnostics.push(finding);
            Contents::Unknown(why)
        }
    };
    WsdlOperation {
        name: bound.name.clone(),
        documentation: described.documentation.clone(),
        action: bound.action.clone(),
        request: told(request),
        response: response.map(told),
        location: bound.location.clone(),
    }
}

fn contents(
    outline: &Outline,
    bound: &Bound,
    message: &QName,
    written: &Use,
    wrapper: String,
    schemas: &mut Schemas,
) -> Result<Vec<QName>, String> {
    if written.has_attachments {
        return Err("it has attachments".to_owned());
    }
    if written.is_encoded {
        return Err("it is encoded (`use=\"encoded\"`), not literal".to_owned());
    }
    let parts =
        outline.messages.get(message).ok_or_else(|| format!("there is no message `{}`", message.name))?;
    let in_header =
        |part: &Part| written.headers.iter().any(|(owner, name)| owner == message && *name == part.name);
    let in_body: Vec<&Part> = match &written.parts {
        Some(names) => names
            .iter()
            .map(|name| {
                parts
                    .iter()
                    .find(|part| part.name == *name)
                    .ok_or_else(|| format!("the message `{}` has no part `{name}`", message.name))
            })
            .collect::<Result<_, _>>()?,
        None => parts.iter().filter(|part| !in_header(part)).collect(),
    };
    if bound.is_rpc {
        let namespace = written.namespace.clone().unwrap_or_else(|| outline.namespace.clone());
        let element = QName { namespace, name: wrapper };
        let mut typed = Vec::with_capacity(in_body.len());
        for part in in_body {
            let Some(kind) = &part.kind else {
                return Err(format!("the part `{}` of an rpc message has no type", part.name));
            };
            if !schemas.has_type(kind) {
                return Err(format!("there is no type `{kind}`"));
            }
            typed.push((part.name.clone(), kind.clone()));
        }
        schemas.wrap(&element, typed)?;
        return Ok(vec![element]);
    }
    in_body
        .into_iter()
        .map(|part| {
            let Some(element) = &part.element else {
                return Err(format!("the part `{}` of a document names no element", part.name));
            };
            if schemas.has_element(element) {
                Ok(element.clone())
            } else {
                Err(format!("there is no element `{element}`"))
            }
        })
        .collect()
}
