//! `OpenAPI` documents into operations.

mod document;
mod operation;
mod parameters;
mod paths;
mod reference;
mod request_bodies;
mod requests;
mod responses;
mod servers;
mod styles;
mod walk;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub(crate) use self::document::{At, Documents};
pub(super) use self::paths::is_token;
pub(crate) use self::reference::{Reference, References};
pub use self::requests::{ExampleBody, ExampleRequest};
pub(crate) use self::walk::{Role, is_example_reference};
use super::names::Names;
use super::sample::Sampler;
use super::{Definition, Format, probably_unmeant};
use crate::resources::Operation;
use crate::tree::{Key, Node};
use crate::{Diagnostic, Diagnostics, Location, Severity};

/// Reads the document that `root` is the top of. `folder` bounds where references may lead.
pub(super) fn read(
    root: Node,
    format: Format,
    file: &Arc<Path>,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) -> Option<Definition> {
    let documents = Documents::load(root, file, folder, diagnostics);
    let root = documents.root()?;
    let references = References::resolve(&documents, diagnostics);
    let info = info(root, diagnostics);
    let mut reader = Reader::new(format, root, &references, diagnostics);
    let servers = reader.servers(root);
    reader.paths(&servers);
    if reader.sampler.has_left_out() {
        reader.diagnostics.push(
            Diagnostic::error(
                "samples-left-out",
                root.location(),
                "the definition is too large for a sample of every response; `mock-response` answers some without a body",
            )
            .severity(Severity::Info)
            .fix("give the responses that are mocked an example"),
        );
    }
    Some(Definition {
        format,
        operations: reader.operations,
        title: info.as_ref().and_then(|info| info.text("title")),
        description: info.as_ref().and_then(|info| info.text("description")),
        version: info.as_ref().and_then(|info| info.text("version")),
        servers,
        has_external_references: documents.has_external_references(),
    })
}

/// A request for every operation of the document that `root` is the top of.
pub(super) fn example_requests(
    root: Node,
    format: Format,
    file: &Arc<Path>,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) -> Vec<ExampleRequest> {
    let documents = Documents::load(root, file, folder, diagnostics);
    let Some(root) = documents.root() else { return Vec::new() };
    let references = References::resolve(&documents, diagnostics);
    let mut reader = Reader::new(format, root, &references, diagnostics);
    reader.requests = Some(Vec::new());
    let servers = reader.servers(root);
    reader.paths(&servers);
    reader.requests.unwrap_or_default()
}

fn info<'a>(root: At<'a>, diagnostics: &mut Diagnostics) -> Option<At<'a>> {
    let Some(info) = root.get("info") else {
        diagnostics.push(
            probably_unmeant("missing-key", root.location(), "the definition has no `info`")
                .fix("add `info` with `title` and `version`"),
        );
        return None;
    };
    if info.node.as_mapping().is_none() {
        diagnostics.push(wrong_type(info, "`info`", "a mapping"));
    } else if info.get("title").is_none() {
        diagnostics.push(
            probably_unmeant("missing-key", info.location(), "`info` has no `title`")
                .fix("add the API's name for people"),
        );
    }
    Some(info)
}

/// What reading operations needs and leaves behind.
struct Reader<'a, 'd> {
    format: Format,
    root: At<'a>,
    references: &'d References<'a>,
    sampler: Sampler<'a, 'd>,
    names: Names,
    /// Method and shape of every template, with the place of the operation that has it.
    templates: HashMap<(String, String), Location>,
    /// Operation ids as written.
    ids: HashMap<String, Location>,
    operations: Vec<Operation>,
    /// Requests of the operations, where they are wanted.
    requests: Option<Vec<ExampleRequest>>,
    diagnostics: &'d mut Diagnostics,
}

impl<'a, 'd> Reader<'a, 'd> {
    fn new(
        format: Format,
        root: At<'a>,
        references: &'d References<'a>,
        diagnostics: &'d mut Diagnostics,
    ) -> Self {
        Self {
            format,
            root,
            references,
            sampler: Sampler::new(references, format),
            names: Names::default(),
            templates: HashMap::new(),
            ids: HashMap::new(),
            operations: Vec::new(),
            requests: None,
            diagnostics,
        }
    }

    /// The node itself, or what its `$ref` leads to. A reference that leads nowhere has been reported.
    fn resolved(&self, at: At<'a>) -> Option<At<'a>> {
        self.references.follow(at)
    }

    /// The entries below a key, which must hold a mapping if it is there.
    fn mapping(&mut self, owner: At<'a>, key: &str) -> impl Iterator<Item = (&'a Key, At<'a>)> + use<'a> {
        let value = owner.get(key).filter(|value| !value.node.is_null());
        if let Some(other) = value.filter(|value| value.node.as_mapping().is_none()) {
            self.report(wrong_type(other, &format!("`{key}`"), "a mapping"));
        }
        value.into_iter().flat_map(At::entries)
    }

    /// The items below a key, which must hold a list if it is there.
    fn list(&mut self, owner: At<'a>, key: &str) -> impl Iterator<Item = At<'a>> + use<'a> {
        let value = owner.get(key).filter(|value| !value.node.is_null());
        if let Some(other) = value.filter(|value| value.node.as_sequence().is_none()) {
            self.report(wrong_type(other, &format!("`{key}`"), "a list"));
        }
        value.into_iter().flat_map(At::items)
    }

    /// Adds a finding about something that may be read more than once, because several operations use it: it is told
    /// once.
    fn report(&mut self, finding: Diagnostic) {
        if !self.diagnostics.iter().any(|known| *known == finding) {
            self.diagnostics.push(finding);
        }
    }
}

fn wrong_type(at: At<'_>, what: &str, wanted: &str) -> Diagnostic {
    Diagnostic::error(
        "wrong-type",
        at.location(),
        format!("{what} must be {wanted}, this is {}", at.node.kind()),
    )
}
