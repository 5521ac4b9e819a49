//! The files of a definition: the one that was asked for, and those that its references lead to.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::super::format;
use super::reference::Reference;
use super::walk::walk_references;
use crate::tree::{Key, Node};
use crate::{Diagnostic, Diagnostics, Location};

/// How many files a definition may consist of.
const MAX_FILES: usize = 256;
/// How large each of them, and all together, may be, in bytes.
const MAX_FILE_BYTES: u64 = 32 << 20;
const MAX_TOTAL_BYTES: u64 = 64 << 20;

/// One file of a definition.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its position among the files: 0 is the definition itself.
    pub(crate) index: usize,
    /// Its path as messages name it.
    pub(crate) file: Arc<Path>,
    /// Its content.
    pub(crate) root: Node,
    /// Its references, in the order of the file.
    references: Vec<Found>,
}

/// A `$ref` and where its text stands.
#[derive(Debug)]
struct Found {
    text: String,
    line: u32,
    column: u32,
}

impl Document {
    fn new(index: usize, file: Arc<Path>, root: Node) -> Self {
        let mut references = Vec::new();
        walk_references(&root, index == 0, &mut |text, node| {
            references.push(Found { text: text.to_owned(), line: node.line, column: node.column });
        });
        Self { index, file, root, references }
    }

    /// Every reference with its place.
    pub(super) fn references(&self) -> impl Iterator<Item = (&str, Location)> {
        self.references.iter().map(|found| {
            (found.text.as_str(), Location::new(Arc::clone(&self.file), found.line, found.column))
        })
    }
}

/// A node and the file that it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    /// The file.
    pub(crate) document: &'a Document,
    /// The node.
    pub(crate) node: &'a Node,
}

impl<'a> At<'a> {
    /// Another node of the same file.
    pub(crate) fn same_file(self, node: &'a Node) -> Self {
        Self { document: self.document, node }
    }

    /// The value of a key.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        self.node.get(key).map(|node| self.same_file(node))
    }

    /// The text of a key that holds a scalar that is not empty.
    pub(crate) fn text(self, key: &str) -> Option<String> {
        self.node.get(key)?.scalar_text().filter(|text| !text.is_empty()).map(std::borrow::Cow::into_owned)
    }

    /// Whether a key holds `true`.
    pub(crate) fn flag(self, key: &str) -> bool {
        self.node.get(key).and_then(Node::as_bool).unwrap_or(false)
    }

    /// The entries of a mapping; none of any other node.
    pub(crate) fn entries(self) -> impl Iterator<Item = (&'a Key, Self)> {
        let entries = self.node.as_mapping().unwrap_or_default();
        entries.iter().map(move |(key, node)| (key, self.same_file(node)))
    }

    /// The items of a list; none of any other node.
    pub(crate) fn items(self) -> impl Iterator<Item = Self> {
        self.node.as_sequence().unwrap_or_default().iter().map(move |node| self.same_file(node))
    }

    /// Its place.
    pub(crate) fn location(self) -> Location {
        self.node.location(&self.document.file)
    }

    /// The place of a key of the same file.
    pub(crate) fn key_location(self, key: &Key) -> Location {
        key.location(&self.document.file)
    }
}

/// All files of a definition.
#[derive(Debug)]
pub(crate) struct Documents {
    documents: Vec<Document>,
    by_path: HashMap<PathBuf, usize>,
}

impl Documents {
    /// Reads every file that references lead to from `root`, which stands in `file`, as long as they lie within
    /// `folder`.
    pub(crate) fn load(root: Node, file: &Arc<Path>, folder: &Path, diagnostics: &mut Diagnostics) -> Self {
        let mut documents = Self { documents: Vec::new(), by_path: HashMap::new() };
        documents.by_path.insert(real_path(file), 0);
        documents.documents.push(Document::new(0, Arc::clone(file), root));
        let mut total = 0;
        let mut next = 0;
        while let Some(document) = documents.documents.get(next) {
            next += 1;
            for (path, location) in external(document) {
                let real = real_path(&path);
                if documents.by_path.contains_key(&real) {
                    continue;
                }
                if documents.documents.len() >= MAX_FILES {
                    diagnostics.error(
                        "too-many-files",
                        location,
                        format!("the definition consists of more than {MAX_FILES} files"),
                    );
                    return documents;
                }
                match read_file(&path, &real, folder, &mut total, location, diagnostics) {
                    Ok(root) => {
                        let index = documents.documents.len();
                        documents.by_path.insert(real, index);
                        documents.documents.push(Document::new(index, Arc::from(path.as_path()), root));
                    }
                    Err(error) => diagnostics.push(*error),
                }
            }
        }
        documents
    }

    /// The top of the definition itself.
    pub(crate) fn root(&self) -> Option<At<'_>> {
        self.documents.first().map(|document| At { document, node: &document.root })
    }

    /// The files, the definition itself first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter()
    }

    /// Whether there is more than the definition itself.
    pub(crate) fn has_external_references(&self) -> bool {
        self.documents.len() > 1
    }

    /// The file that a reference in `from` names, if it could be read.
    pub(super) fn named(&self, from: &Document, path: &str) -> Option<&Document> {
        if path.is_empty() {
            return self.documents.get(from.index);
        }
        let index = self.by_path.get(&real_path(&beside(&from.file, path)))?;
        self.documents.get(*index)
    }
}

/// The other files that a document names, each once, with the first place that names it.
fn external(document: &Document) -> Vec<(PathBuf, Location)> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for (text, location) in document.references() {
        if let Ok(Reference { path, .. }) = Reference::parse(text)
            && !path.is_empty()
            && seen.insert(path.clone())
        {
            found.push((beside(&document.file, &path), location));
        }
    }
    found
}

fn read_file(
    path: &Path,
    real: &Path,
    folder: &Path,
    total: &mut u64,
    location: Location,
    findings: &mut Diagnostics,
) -> Result<Node, Box<Diagnostic>> {
    let shown = path.display();
    let fail = |id, message: String, location| Box::new(Diagnostic::error(id, location, message));
    let extension =
        path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
    if !matches!(extension.as_str(), "json" | "yaml" | "yml") {
        return Err(fail("forbidden-reference", format!("`{shown}` is neither .json nor .yaml"), location));
    }
    // Links are resolved before the comparison, so that none leads out. What does not exist must not be told apart
    // from what lies outside.
    let bound = fs::canonicalize(folder).unwrap_or_else(|_| lexical(folder));
    if !real.starts_with(&bound) {
        let message = format!("`{shown}` lies outside the folder `{}`", folder.display());
        return Err(Box::new(
            Diagnostic::error("forbidden-reference", location, message)
                .fix("put the files of a definition into one folder"),
        ));
    }
    let size = match fs::metadata(real) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(fail("unreadable-reference", format!("`{shown}` is no file"), location)),
        Err(error) => {
            return Err(fail("unreadable-reference", format!("cannot read `{shown}`: {error}"), location));
        }
    };
    *total += size;
    if size > MAX_FILE_BYTES || *total > MAX_TOTAL_BYTES {
        let message = format!(
            "`{shown}` makes the definition too large: a file may have {MAX_FILE_BYTES} bytes, \
             all files together {MAX_TOTAL_BYTES}"
        );
        return Err(fail("too-large", message, location));
    }
    let text = fs::read_to_string(real)
        .map_err(|error| fail("unreadable-reference", format!("cannot read `{shown}`: {error}"), location))?;
    format::tree(&Arc::from(path), text.strip_prefix('\u{feff}').unwrap_or(&text), findings)
}

/// A path relative to the file that names it.
fn beside(file: &Path, path: &str) -> PathBuf {
    lexical(&file.parent().unwrap_or(Path::new("")).join(path))
}

/// The path without links where it exists, else without `.` and `..`, from the root.
fn real_path(path: &Path) -> PathBuf {
    fs::canonicalize(path)
        .unwrap_or_else(|_| lexical(&std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())))
}

fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
