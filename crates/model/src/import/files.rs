//! Puts the files of an API into place, all or none as far as a file system allows it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Diagnostic, Diagnostics, Location};

/// A file that is to be there.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) content: String,
}

impl File {
    pub(super) fn new(path: impl Into<PathBuf>, content: String) -> Self {
        Self { path: path.into(), content }
    }

    /// The same file in a folder.
    pub(super) fn below(self, folder: &Path) -> Self {
        Self { path: folder.join(self.path), content: self.content }
    }

    fn is_there(&self) -> bool {
        fs::read(&self.path).is_ok_and(|there| there == self.content.as_bytes())
    }
}

/// Writes the files into the API's folder. What else stands there, such as policies, stays; only a definition under
/// another name goes, since an API has one.
pub(super) fn write(api: &Path, files: &[File], force: bool) -> Result<(), Diagnostics> {
    let mut errors = Diagnostics::new();
    let stale = other_definitions(api, files);
    if !force {
        let differing =
            files.iter().filter(|file| file.path.exists() && !file.is_there()).map(|file| &file.path);
        for path in differing.chain(&stale) {
            errors.push(
                Diagnostic::error(
                    "exists",
                    Location::file(path.as_path()),
                    "an API of this name is there, and this file of it is different",
                )
                .fix("choose another name, or force the import to overwrite it"),
            );
        }
        if !errors.is_empty() {
            return Err(errors);
        }
    }
    let mut fail = |path: &Path, error: &std::io::Error| {
        errors.error("unwritable-file", Location::file(path), format!("cannot write it: {error}"));
    };
    if let Err(error) = fs::create_dir_all(api) {
        fail(api, &error);
        return Err(errors);
    }
    // All are written beside their places before the first takes its place.
    let mut written = Vec::with_capacity(files.len());
    for file in files.iter().filter(|file| !file.is_there()) {
        let beside = beside(&file.path);
        written.push((beside.clone(), &file.path));
        if let Err(error) = fs::write(&beside, &file.content) {
            fail(&file.path, &error);
            break;
        }
    }
    if errors.is_empty() {
        for (beside, path) in &written {
            if let Err(error) = fs::rename(beside, path) {
                errors.error(
                    "unwritable-file",
                    Location::file(path.as_path()),
                    format!("cannot write it: {error}"),
                );
                break;
            }
        }
    }
    if errors.is_empty() {
        for path in &stale {
            if let Err(error) = fs::remove_file(path) {
                errors.error(
                    "unwritable-file",
                    Location::file(path.as_path()),
                    format!("cannot remove it: {error}"),
                );
            }
        }
        if errors.is_empty() {
            return Ok(());
        }
    }
    for (beside, _) in written {
        // Only what could not take its place is still there.
        let _ = fs::remove_file(beside);
    }
    Err(errors)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

/// Definitions in the folder that the new one replaces.
fn other_definitions(api: &Path, files: &[File]) -> Vec<PathBuf> {
    ["json", "yaml", "yml", "graphql", "wsdl", "wadl"]
        .iter()
        .map(|extension| api.join(format!("specification.{extension}")))
        .filter(|path| path.is_file() && files.iter().all(|file| file.path != *path))
        .collect()
}
