//! Paths and their items.

use super::document::At;
use super::{Reader, wrong_type};
use crate::definition::template::Template;
use crate::definition::{Format, probably_unmeant};
use crate::tree::Key;
use crate::{Diagnostic, Located, did_you_mean};

/// What a path gives to its operations.
pub(super) struct Path<'a, 't> {
    /// The path as the definition writes it.
    pub(super) key: &'a str,
    pub(super) template: &'t Template,
    /// Its parameters, as written.
    pub(super) parameters: Vec<At<'a>>,
    /// The servers that stand above it.
    pub(super) servers: &'t [Located<String>],
}

impl<'a> Reader<'a, '_> {
    /// Reads every operation of `paths` and `x-ms-paths`.
    pub(super) fn paths(&mut self, servers: &[Located<String>]) {
        let mut items = Vec::new();
        match self.root.get("paths") {
            Some(paths) if paths.node.as_mapping().is_some() => items.extend(paths.entries()),
            Some(other) => self.diagnostics.push(wrong_type(other, "`paths`", "a mapping")),
            // Since 3.1 a document may consist of webhooks or components alone.
            None if matches!(self.format, Format::OpenApi31 | Format::OpenApi32)
                && (self.root.get("webhooks").is_some() || self.root.get("components").is_some()) => {}
            None => {
                let known = self.root.entries().map(|(key, _)| key.text.as_str());
                let mut error =
                    Diagnostic::error("missing-key", self.root.location(), "the definition has no `paths`");
                if let Some(meant) = did_you_mean("paths", known) {
                    error = error.fix(format!("is `{meant}` meant to be `paths`?"));
                }
                self.diagnostics.push(error);
            }
        }
        items.extend(self.mapping(self.root, "x-ms-paths"));
        let mut templates = Vec::with_capacity(items.len());
        for (key, item) in items {
            if key.text.starts_with("x-") {
                continue;
            }
            match Template::parse(&key.text) {
                Ok(template) => templates.push((key, item, template)),
                Err(problem) => {
                    let mut error = Diagnostic::error("invalid-path", item.key_location(key), problem);
                    if !key.text.starts_with('/') {
                        error = error.fix(format!("write `/{}`", key.text));
                    }
                    self.diagnostics.push(error);
                }
            }
        }
        // A fragment never reaches a server: what has one comes after what has none, and gives way to it.
        templates.sort_by_key(|(.., template)| template.fragment.is_some());
        for (key, item, template) in &templates {
            self.path(key, *item, template, servers);
        }
    }

    fn path(&mut self, path: &'a Key, item: At<'a>, template: &Template, servers: &[Located<String>]) {
        // The place of an item may be taken by a reference, beside which more operations may stand.
        let mut parts = vec![item];
        if item.node.get("$ref").is_some() {
            match self.resolved(item) {
                Some(target) => parts.insert(0, target),
                None => return,
            }
        }
        let mut parameters = Vec::new();
        let mut inherited = servers.to_vec();
        for part in &parts {
            if part.node.as_mapping().is_none() {
                self.diagnostics.push(wrong_type(*part, &format!("the path `{}`", path.text), "a mapping"));
                return;
            }
            parameters.extend(self.list(*part, "parameters"));
            if self.format != Format::OpenApi20 && part.get("servers").is_some() {
                let own = self.servers(*part);
                self.compare_servers(&format!("the path `{}`", path.text), *part, &own, servers);
                inherited = own;
            }
        }
        let path = Path { key: &path.text, template, parameters, servers: &inherited };
        for part in parts {
            for (key, value) in part.entries() {
                self.member(&path, key, value);
            }
        }
    }

    /// One key of a path item.
    fn member(&mut self, path: &Path<'a, '_>, key: &'a Key, value: At<'a>) {
        let methods = methods(self.format);
        match key.text.as_str() {
            method if methods.contains(&method) => self.operation(path, method, key, value),
            "parameters" | "$ref" => {}
            "summary" | "description" | "servers" if self.format != Format::OpenApi20 => {}
            "additionalOperations" if self.format == Format::OpenApi32 => {
                if value.node.as_mapping().is_none() {
                    self.report(wrong_type(value, "`additionalOperations`", "a mapping"));
                }
                for (method, operation) in value.entries() {
                    if is_token(&method.text) {
                        self.operation(path, &method.text, method, operation);
                    } else {
                        let message = format!("`{}` cannot be a method", method.text);
                        self.diagnostics.error("unknown-method", value.key_location(method), message);
                    }
                }
            }
            extension if extension.starts_with("x-") => {}
            other => {
                let known =
                    methods.iter().copied().chain(["parameters", "summary", "description", "servers"]);
                let message = format!("`{other}` is neither a method nor another key of a path");
                let mut error = Diagnostic::error("unknown-method", value.key_location(key), message);
                if let Some(meant) = did_you_mean(other, known) {
                    error = error.fix(format!("did you mean `{meant}`?"));
                }
                self.diagnostics.push(error);
            }
        }
    }

    /// API Management knows one backend an API: servers further down do not take effect, which matters where they
    /// differ.
    pub(super) fn compare_servers(
        &mut self,
        what: &str,
        owner: At<'a>,
        own: &[Located<String>],
        above: &[Located<String>],
    ) {
        let differs = own.first().is_some_and(|first| above.iter().all(|server| server.value != first.value));
        if let (true, Some(first), Some(at)) = (differs, own.first(), owner.get("servers")) {
            self.diagnostics.push(
                probably_unmeant(
                    "ignored-server",
                    at.location(),
                    format!(
                        "{what} has a server of its own, `{}`, that requests are not sent to",
                        first.value
                    ),
                )
                .fix("send them there with `set-backend-service` in a policy"),
            );
        }
    }
}

fn methods(format: Format) -> &'static [&'static str] {
    const ALL: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];
    match format {
        Format::OpenApi20 => &ALL[..7],
        Format::OpenApi32 => &ALL,
        _ => &ALL[..8],
    }
}

/// Whether a text is a token of HTTP (RFC 9110, section 5.6.2), as every method is.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
