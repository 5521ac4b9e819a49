//! One operation of a path.

use super::document::At;
use super::paths::Path;
use super::{Reader, wrong_type};
use crate::definition::{Format, probably_unmeant};
use crate::resources::{DescribedAt, Operation};
use crate::tree::Key;
use crate::{Diagnostic, Location};

/// How long a name for people may be, in characters.
const MAX_DISPLAY_NAME: usize = 300;

impl<'a> Reader<'a, '_> {
    pub(super) fn operation(&mut self, path: &Path<'a, '_>, method: &str, key: &'a Key, operation: At<'a>) {
        let written = method.to_ascii_uppercase();
        let method = written.clone();
        let location = operation.key_location(key);
        let label = format!("{method} {}", path.template.text);
        if operation.node.as_mapping().is_none() {
            self.diagnostics.push(wrong_type(operation, &format!("`{label}`"), "a mapping"));
            return;
        }
        let mut template = path.template.clone();
        let parameters = self.parameters(path, operation, &label, &location, &mut template);
        if !self.is_first(&method, &template.shape(), path, &label, &location) {
            return;
        }
        if operation.get("servers").is_some() && self.format != Format::OpenApi20 {
            let own = self.servers(operation);
            self.compare_servers(&format!("`{label}`"), operation, &own, path.servers);
        }
        let id = self.operation_id(operation);
        let name = self.names.assign(id, &method, &template.text);
        let display_name = operation.text("summary").or_else(|| id.map(str::to_owned)).unwrap_or(label);
        let responses = self.responses(operation);
        if self.requests.is_some() {
            let request = self.example_request(path, operation, &name, &method);
            self.requests.get_or_insert_default().push(request);
        }
        self.operations.push(Operation {
            name,
            method,
            display_name: truncated(display_name),
            description: operation.text("description"),
            url_template: template.text,
            parameters,
            responses,
            policy: None,
            described: Some(DescribedAt { path: path.key.to_owned(), method: written }),
            soap: None,
            location,
        });
    }

    /// Whether no operation before has the same method and template; reports it if one has.
    fn is_first(
        &mut self,
        method: &str,
        shape: &str,
        path: &Path<'a, '_>,
        label: &str,
        location: &Location,
    ) -> bool {
        let key = (method.to_owned(), shape.to_owned());
        let Some(first) = self.templates.get(&key) else {
            self.templates.insert(key, location.clone());
            return true;
        };
        if let Some(fragment) = &path.template.fragment {
            self.diagnostics.push(probably_unmeant(
                "fragment-in-path",
                location.clone(),
                format!(
                    "`#{fragment}` never reaches a server: `{label}` answers these requests, and this operation is \
                     left out"
                ),
            ));
        } else {
            self.diagnostics.push(
                Diagnostic::error(
                    "duplicate-operation",
                    location.clone(),
                    format!("`{label}` matches the same requests as the operation at {first}"),
                )
                .fix("keep one of them; names of parameters do not tell templates apart"),
            );
        }
        false
    }

    fn operation_id(&mut self, operation: At<'a>) -> Option<&'a str> {
        let at = operation.get("operationId").filter(|id| !id.node.is_null())?;
        let Some(id) = at.node.as_str() else {
            self.diagnostics
                .push(wrong_type(at, "`operationId`", "a string").fix("put it between quotation marks"));
            return None;
        };
        if id.is_empty() {
            return None;
        }
        if let Some(first) = self.ids.get(id) {
            self.diagnostics.push(
                probably_unmeant(
                    "duplicate-operation-id",
                    at.location(),
                    format!("`{id}` is also the operationId at {first}; this operation gets a number after its name"),
                )
                .fix("give every operation its own operationId"),
            );
        } else {
            self.ids.insert(id.to_owned(), at.location());
        }
        Some(id)
    }
}

fn truncated(text: String) -> String {
    match text.char_indices().nth(MAX_DISPLAY_NAME) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}
