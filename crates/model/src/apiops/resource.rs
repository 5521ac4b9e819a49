//! One resource while it is read: its folder, what overrides say of it, and the scope that it stands in.

use std::path::Path;
use std::sync::Arc;

use super::context::Context;
use super::document::{MAX_POLICY, read_json, read_text};
use super::fields::Fields;
use super::folder::Entry;
use super::layered::Layered;
use super::layout::{Kind, Role};
use super::overrides::Overlay;
use super::reference::Scopes;
use crate::resources::PolicySource;
use crate::tree::{Node, NodeValue};
use crate::{Diagnostic, Located, Location};

/// What `apiops-cli` writes in place of secrets.
pub(super) const REDACTED: &str = "*** REDACTED ***";

/// The parts of a resource document around its properties, of no use to a gateway.
const ENVELOPE: [&str; 6] = ["$schema", "etag", "id", "location", "name", "type"];

/// A resource that is being read.
#[derive(Clone)]
pub(super) struct Resource<'a> {
    /// Where findings go.
    pub(super) context: &'a Context<'a>,
    /// Its folder.
    pub(super) entry: &'a Entry,
    /// Its name in findings, such as `apis/orders`.
    pub(super) id: String,
    /// What overrides say of it.
    pub(super) overlay: Overlay<'a>,
    /// Where the names that it refers to are looked up.
    pub(super) scopes: Scopes<'a>,
}

impl<'a> Resource<'a> {
    /// A resource below this one.
    pub(super) fn child(&self, entry: &'a Entry) -> Self {
        let id = match self.id.as_str() {
            "" => format!("{}/{}", entry.kind.collection, entry.name),
            parent => format!("{parent}/{}/{}", entry.kind.collection, entry.name),
        };
        Self { id, entry, overlay: self.overlay.child(entry.kind, &entry.name), ..self.clone() }
    }

    /// The resources of a kind below this one.
    pub(super) fn children(&self, kind: &'static Kind) -> impl Iterator<Item = Self> + '_ {
        self.entry.children(kind).map(|entry| self.child(entry))
    }

    /// Hands the properties to a reader, and refuses those that it does not take.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Fields<'_>) -> Option<T>) -> Option<T> {
        let empty = Node::new(NodeValue::Mapping(Vec::new()), 0, 0);
        let Some(file) = self.entry.file(Role::Information) else {
            if self.entry.kind.needs_information {
                let name = self.entry.kind.information.first().copied().unwrap_or_default();
                self.context.push(
                    Diagnostic::error(
                        "missing-file",
                        self.entry.location(),
                        format!("{} has no `{name}`", self.id),
                    )
                    .resource(self.id.as_str()),
                );
                return None;
            }
            return self.read_properties(&self.entry.folder, &empty, read);
        };
        let document = match read_json(file) {
            Ok(document) => document,
            Err(diagnostic) => {
                self.context.push(diagnostic.resource(self.id.as_str()));
                return None;
            }
        };
        let envelope = Fields::new(self.context, &self.id, "", Layered::new(file, &document))?;
        envelope.ignore(&ENVELOPE);
        envelope.ignore(&["properties"]);
        envelope.finish(self.context);
        match document.get("properties") {
            Some(properties) => self.read_properties(file, properties, read),
            None if self.entry.kind.needs_information && !self.entry.kind.is_link => {
                envelope.missing(self.context, "properties");
                None
            }
            None => self.read_properties(file, &empty, read),
        }
    }

    fn read_properties<T>(
        &self,
        file: &Arc<Path>,
        properties: &Node,
        read: impl FnOnce(&Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut values = Layered::new(file, properties);
        for (file, node) in self.overlay.properties() {
            values.push(file, node);
        }
        let fields = Fields::new(self.context, &self.id, "", values)?;
        let result = read(&fields);
        fields.finish(self.context);
        result
    }

    /// The policy document.
    pub(super) fn policy(&self) -> Option<PolicySource> {
        let file = self.entry.file(Role::Policy)?;
        let (text, file) = match self.overlay.policy(self.context) {
            Some(policy) => policy,
            None => match read_text(file, MAX_POLICY) {
                Ok(text) => (text, Arc::clone(file)),
                Err(diagnostic) => {
                    self.context.push(diagnostic.resource(self.id.as_str()));
                    return None;
                }
            },
        };
        if let Some(at) = text.find(REDACTED) {
            let before = text.get(..at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            self.error_with_fix(
                "redacted-secret",
                Location::new(Arc::clone(&file), line as u32, column as u32),
                "the extractor took a secret out of this policy",
                "put a named value in its place",
            );
        }
        Some(PolicySource { text: Arc::from(text), file })
    }

    /// Where the resource stands.
    pub(super) fn location(&self) -> Location {
        self.entry.information_location()
    }

    /// Adds an error about this resource.
    pub(super) fn error(&self, id: &'static str, location: Location, message: impl Into<String>) {
        self.context.push(Diagnostic::error(id, location, message).resource(self.id.as_str()));
    }

    /// Adds an error about this resource that says what would be right.
    pub(super) fn error_with_fix(
        &self,
        id: &'static str,
        location: Location,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.context.push(Diagnostic::error(id, location, message).resource(self.id.as_str()).fix(fix));
    }

    /// The name of the resource that an id names, or an error that names both ends.
    pub(super) fn resolve(&self, kind: &Kind, id: &Located<String>) -> Option<Located<String>> {
        self.scopes.resolve(self.context, &self.id, kind, id)
    }
}
