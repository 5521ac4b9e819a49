//! Every rule of the reader, on folders made for it.

mod apis;
mod backends;
mod folders;
mod mutations;
mod operations;
mod overrides;
mod references;
mod resources;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::resources::Catalog;
use crate::{Diagnostics, Located, Location, Severity};

/// A folder of artifacts, written for one test.
pub(super) struct Artifacts {
    folder: TempDir,
    layers: Vec<PathBuf>,
    overrides: Option<PathBuf>,
}

impl Artifacts {
    /// A folder with these files.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut artifacts = Self { folder, layers: Vec::new(), overrides: None };
        artifacts.layers.push(artifacts.folder.path().join("a"));
        fs::create_dir(artifacts.folder.path().join("a")).unwrap();
        for (path, text) in files {
            artifacts.write("a", path, text.as_bytes());
        }
        artifacts
    }

    /// A further folder, laid over those before.
    pub(super) fn layer(mut self, name: &str, files: &[(&str, &str)]) -> Self {
        self.layers.push(self.folder.path().join(name));
        for (path, text) in files {
            self.write(name, path, text.as_bytes());
        }
        self
    }

    /// A file whose content is no text.
    pub(super) fn bytes(self, path: &str, content: &[u8]) -> Self {
        self.write("a", path, content);
        self
    }

    /// An override file.
    pub(super) fn overrides(mut self, text: &str) -> Self {
        self.overrides = Some(self.folder.path().join("o.yaml"));
        fs::write(self.folder.path().join("o.yaml"), text).unwrap();
        self
    }

    /// Where a file of the folder stands.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("a").join(path)
    }

    fn write(&self, layer: &str, path: &str, content: &[u8]) {
        let path = self.folder.path().join(layer).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Reads the folder.
    pub(super) fn read(&self) -> (Catalog, Diagnostics) {
        let place = Location::new(PathBuf::from("gatehouse.yaml"), 2, 12);
        let located = |path: &PathBuf| Located::new(path.clone(), place.clone());
        let layers: Vec<_> = self.layers.iter().map(located).collect();
        let environment = |name: &str| match name {
            "HOST" => Some("host.example".to_owned()),
            "SECRET" => Some("s3cret".to_owned()),
            _ => None,
        };
        super::read(&layers, self.overrides.as_ref().map(located).as_ref(), &environment)
    }

    /// What the folder says, which must have no errors.
    pub(super) fn catalog(&self) -> Catalog {
        let (catalog, diagnostics) = self.read();
        assert!(!diagnostics.has_errors(), "{diagnostics}");
        catalog
    }

    /// All errors, one a line, with paths as the test wrote them.
    pub(super) fn errors(&self) -> String {
        self.findings(|severity| severity == Severity::Error)
    }

    /// All findings that are no errors.
    pub(super) fn notes(&self) -> String {
        self.findings(|severity| severity != Severity::Error)
    }

    fn findings(&self, which: impl Fn(Severity) -> bool) -> String {
        let (_, diagnostics) = self.read();
        let lines: Vec<_> =
            diagnostics.iter().filter(|found| which(found.severity)).map(ToString::to_string).collect();
        let prefix = format!("{}/", self.folder.path().display());
        lines.join("\n").replace(&format!("{prefix}a/"), "").replace(&prefix, "")
    }
}

/// An API with these properties beside the necessary ones.
pub(super) fn api(properties: &str) -> String {
    let separator = if properties.is_empty() { "" } else { ", " };
    format!("{{\"properties\": {{\"displayName\": \"A\", \"path\": \"a\"{separator}{properties}}}}}")
}

/// A definition with the operations `get-a` and `get-b`.
pub(super) const DEFINITION: &str = "openapi: 3.0.1
info: {title: A, version: '1'}
paths:
  /a:
    get: {operationId: get-a, responses: {'200': {description: A}}}
  /b:
    get: {operationId: get-b, responses: {'200': {description: B}}}
";

/// A policy document.
pub(super) const POLICY: &str = "<policies><inbound><base /></inbound></policies>";
