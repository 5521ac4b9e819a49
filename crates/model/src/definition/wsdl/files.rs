//! The files of a definition: itself, what it imports, and the schemas that those import and include.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use roxmltree::{Document, Node};

use super::{WSDL, XSD};
use crate::{Diagnostic, Diagnostics, Location, Severity};

/// How many files one definition may have.
const MAX_FILES: usize = 256;
/// How large each may be, in bytes.
const MAX_BYTES: u64 = 32 << 20;

/// Files that have been read.
pub(super) struct Files {
    files: Vec<File>,
}

struct File {
    path: Arc<Path>,
    text: String,
    /// The numbers of the files that locations in this one lead to.
    links: HashMap<String, usize>,
}

/// A file as a tree.
pub(super) struct Parsed<'f> {
    pub(super) path: &'f Arc<Path>,
    pub(super) text: &'f str,
    pub(super) document: Document<'f>,
    pub(super) links: &'f HashMap<String, usize>,
}

impl Files {
    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    /// All files as trees; they have been parsed before.
    pub(super) fn parse(&self) -> Vec<Parsed<'_>> {
        self.files
            .iter()
            .filter_map(|file| {
                let document = Document::parse(&file.text).ok()?;
                Some(Parsed { path: &file.path, text: &file.text, document, links: &file.links })
            })
            .collect()
    }
}

impl Parsed<'_> {
    pub(super) fn location(&self, node: Node<'_, '_>) -> Location {
        let at = self.document.text_pos_at(node.range().start);
        Location::new(Arc::clone(self.path), at.row, at.col)
    }
}

/// Reads a definition and everything that it leads to below `folder`; nothing is fetched from elsewhere.
pub(super) fn load(
    folder: &Path,
    file: &Arc<Path>,
    text: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Files> {
    let mut numbers: HashMap<PathBuf, usize> = HashMap::new();
    if let Ok(real) = fs::canonicalize(file) {
        numbers.insert(real, 0);
    }
    let mut files = vec![File { path: Arc::clone(file), text: text.to_owned(), links: HashMap::new() }];
    let mut at = 0;
    let mut is_good = true;
    while let Some(current) = files.get(at) {
        let path = Arc::clone(&current.path);
        let mut links = HashMap::new();
        let mut found = Vec::new();
        match Document::parse(&current.text) {
            Ok(document) => {
                for reference in references(&document) {
                    let place = document.text_pos_at(reference.at);
                    let location = Location::new(Arc::clone(&path), place.row, place.col);
                    found.push((reference.target.to_owned(), reference.is_schema, location));
                }
            }
            Err(error) => {
                let place = error.pos();
                let location = Location::new(Arc::clone(&path), place.row, place.col);
                diagnostics.error("syntax", location, format!("this is not well-formed XML: {error}"));
                is_good = false;
            }
        }
        for (target, is_schema, location) in found {
            match follow(folder, &path, &target, is_schema) {
                Ok(Some(real)) => {
                    let number = match numbers.get(&real) {
                        Some(number) => *number,
                        None if files.len() >= MAX_FILES => {
                            let message = format!("the definition has more than {MAX_FILES} files");
                            diagnostics.error("too-large", location, message);
                            return None;
                        }
                        None => match read(&real) {
                            Ok(text) => {
                                let shown = shown(&path, &target, &real);
                                files.push(File { path: shown, text, links: HashMap::new() });
                                numbers.insert(real, files.len() - 1);
                                files.len() - 1
                            }
                            Err(why) => {
                                let message = format!("`{target}` cannot be read: {why}");
                                diagnostics.error("unreadable-file", location, message);
                                is_good = false;
                                continue;
                            }
                        },
                    };
                    links.insert(target, number);
                }
                Ok(None) => {
                    let message = format!("`{target}` lies on another machine and is not fetched");
                    let finding = Diagnostic::error("external-reference", location, message)
                        .severity(Severity::Low)
                        .fix("save it beside the definition, and name that file, if messages need its types");
                    diagnostics.push(finding);
                }
                Err(diagnostic) => {
                    let mut diagnostic = *diagnostic;
                    diagnostic.location = Some(location);
                    diagnostics.push(diagnostic);
                    is_good = false;
                }
            }
        }
        if let Some(current) = files.get_mut(at) {
            current.links = links;
        }
        at += 1;
    }
    is_good.then_some(Files { files })
}

struct Reference<'d> {
    target: &'d str,
    is_schema: bool,
    at: usize,
}

fn references<'d>(document: &'d Document<'_>) -> impl Iterator<Item = Reference<'d>> {
    document.descendants().filter_map(|node| {
        let tag = node.tag_name();
        let (attribute, is_schema) = match (tag.namespace(), tag.name()) {
            (Some(WSDL), "import") => ("location", false),
            (Some(XSD), "import" | "include" | "redefine") => ("schemaLocation", true),
            _ => return None,
        };
        Some(Reference { target: node.attribute(attribute)?, is_schema, at: node.range().start })
    })
}

/// The file that a location leads to; `None` where a schema lies on another machine.
fn follow(
    folder: &Path,
    from: &Path,
    target: &str,
    is_schema: bool,
) -> Result<Option<PathBuf>, Box<Diagnostic>> {
    let fail = |id, message: String| Box::new(Diagnostic::error(id, Location::file(from), message));
    let is_url = target.contains("://") || target.starts_with("urn:");
    if is_url && is_schema {
        return Ok(None);
    }
    if is_url {
        let message = format!("`{target}` lies on another machine and is not fetched");
        let fix = "save it beside the definition, and name that file";
        return Err(Box::new(fail("external-reference", message).fix(fix)));
    }
    let decoded = percent_encoding::percent_decode_str(target).decode_utf8_lossy().replace('\\', "/");
    let beside = from.parent().unwrap_or(Path::new(".")).join(decoded.as_str());
    let real = fs::canonicalize(&beside)
        .map_err(|error| fail("missing-reference", format!("there is no file `{target}`: {error}")))?;
    let within = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let inside = fs::canonicalize(within).is_ok_and(|folder| real.starts_with(folder));
    if !inside {
        let message = format!("`{target}` lies outside of `{}`", folder.display());
        return Err(Box::new(
            fail("outside-reference", message).fix("allow a wider folder with `--references-within`"),
        ));
    }
    Ok(Some(real))
}

fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("it has {size} bytes, {MAX_BYTES} are read"));
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// The path of a file for messages.
fn shown(from: &Path, target: &str, real: &Path) -> Arc<Path> {
    let beside = from.parent().unwrap_or(Path::new("")).join(target);
    Arc::from(if beside.exists() { beside } else { real.to_path_buf() })
}
