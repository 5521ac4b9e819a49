//! The folders of artifacts, walked and laid over each other: a file of a later folder takes the place of the same
//! file of an earlier one, and everything that no later folder names stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::context::Context;
use super::layout::{self, Kind, Role, Standing};
use crate::{Diagnostic, Located, Location, did_you_mean};

/// How deep the folders of a kind that is kept out may nest.
const MAX_DEPTH: usize = 8;

/// A resource as a folder with files, and the resources below it.
#[derive(Debug)]
pub(super) struct Entry {
    /// The resource name.
    pub(super) name: String,
    /// The folder; of several layers the last that has it.
    pub(super) folder: Arc<Path>,
    /// Its kind.
    pub(super) kind: &'static Kind,
    files: BTreeMap<Role, (usize, Arc<Path>)>,
    children: BTreeMap<&'static str, BTreeMap<String, Entry>>,
    /// JSON files of a kind that is kept out: only their syntax is checked.
    pub(super) unread: Vec<Arc<Path>>,
}

impl Entry {
    fn new(name: &str, folder: &Path, kind: &'static Kind) -> Self {
        Self {
            name: name.to_owned(),
            folder: Arc::from(folder),
            kind,
            files: BTreeMap::new(),
            children: BTreeMap::new(),
            unread: Vec::new(),
        }
    }

    /// The file with a role.
    pub(super) fn file(&self, role: Role) -> Option<&Arc<Path>> {
        self.files.get(&role).map(|(_, path)| path)
    }

    /// The folder as a place.
    pub(super) fn location(&self) -> Location {
        Location::file(Arc::clone(&self.folder))
    }

    /// The information file as a place, else the folder.
    pub(super) fn information_location(&self) -> Location {
        self.file(Role::Information).map_or_else(|| self.location(), |file| Location::file(Arc::clone(file)))
    }

    /// The resources of a kind below this one.
    pub(super) fn children(&self, kind: &Kind) -> impl Iterator<Item = &Entry> {
        self.children.get(kind.collection).into_iter().flat_map(BTreeMap::values)
    }

    /// A resource of a kind below this one: by its exact name, else without regard to case.
    pub(super) fn child(&self, kind: &Kind, name: &str) -> Option<&Entry> {
        let children = self.children.get(kind.collection)?;
        children.get(name).or_else(|| children.values().find(|entry| entry.name.eq_ignore_ascii_case(name)))
    }

    /// Every collection below this one with its resources.
    pub(super) fn collections(&self) -> impl Iterator<Item = (&'static Kind, &BTreeMap<String, Entry>)> {
        self.kind.children.iter().filter_map(|kind| Some((*kind, self.children.get(kind.collection)?)))
    }
}

/// Reads all folders, earlier ones first.
pub(super) fn scan(context: &Context<'_>, folders: &[Located<PathBuf>]) -> Entry {
    let root = folders.last().map_or_else(PathBuf::new, |folder| folder.value.clone());
    let mut service = Entry::new("", &root, &layout::SERVICE);
    for (layer, folder) in folders.iter().enumerate() {
        match fs::metadata(&folder.value) {
            Ok(metadata) if metadata.is_dir() => {
                Scanner { context, layer, root: &folder.value }.resource(&folder.value, &mut service);
            }
            Ok(_) => context.error(
                "unreadable-artifacts",
                folder.location.clone(),
                format!("`{}` is a file; artifacts are a folder", folder.value.display()),
            ),
            Err(error) => context.error(
                "unreadable-artifacts",
                folder.location.clone(),
                format!("the artifacts folder `{}` cannot be read: {error}", folder.value.display()),
            ),
        }
    }
    service
}

struct Scanner<'s> {
    context: &'s Context<'s>,
    layer: usize,
    root: &'s Path,
}

impl Scanner<'_> {
    /// Reads the folder of one resource.
    fn resource(&self, folder: &Path, entry: &mut Entry) {
        for (name, path, is_folder) in self.list(folder) {
            if name.starts_with('.') {
                continue;
            }
            if is_folder {
                match entry.kind.child(&name) {
                    Some(kind) => {
                        self.collection(&path, kind, entry.children.entry(kind.collection).or_default());
                    }
                    None => self.unknown_folder(entry.kind, &name, &path),
                }
            } else if let Some(role) = layout::role(entry.kind, &name) {
                self.file(role, path, entry);
            } else if !layout::is_documentation(&name) {
                self.unknown_file(entry.kind, &name, &path);
            }
        }
    }

    /// Reads the folder that holds the resources of one kind.
    fn collection(&self, folder: &Path, kind: &'static Kind, entries: &mut BTreeMap<String, Entry>) {
        for (name, path, is_folder) in self.list(folder) {
            if name.starts_with('.') {
                continue;
            }
            if !is_folder {
                if !layout::is_documentation(&name) {
                    self.context.push(
                        Diagnostic::error(
                            "unknown-file",
                            Location::file(path),
                            format!("{} is a folder, and this is a file", kind.one()),
                        )
                        .fix(format!("put the files of each {} into a folder of its name", kind.singular)),
                    );
                }
                continue;
            }
            self.check_name(kind, &name, &path, entries);
            let entry = entries.entry(name.clone()).or_insert_with(|| Entry::new(&name, &path, kind));
            entry.folder = Arc::from(path.as_path());
            if kind.standing == Standing::Read {
                self.resource(&path, entry);
            } else {
                self.unread(&path, entry, MAX_DEPTH);
            }
        }
    }

    fn file(&self, role: Role, path: PathBuf, entry: &mut Entry) {
        let path: Arc<Path> = Arc::from(path);
        if let Some((layer, first)) = entry.files.get(&role)
            && *layer == self.layer
        {
            self.context.push(
                Diagnostic::error(
                    "duplicate-file",
                    Location::file(Arc::clone(&path)),
                    format!("a second {} of one resource; the first is `{}`", role.title(), first.display()),
                )
                .fix("keep one of them"),
            );
            return;
        }
        entry.files.insert(role, (self.layer, path));
    }

    fn unread(&self, folder: &Path, entry: &mut Entry, depth: usize) {
        for (name, path, is_folder) in self.list(folder) {
            if is_folder && depth > 0 {
                self.unread(&path, entry, depth - 1);
            } else if name.to_lowercase().ends_with(".json") {
                entry.unread.push(Arc::from(path));
            }
        }
    }

    /// The pattern of resource names in Azure Resource Manager: no `*#&+:<>?`, and two names never differ by case alone.
    fn check_name(&self, kind: &Kind, name: &str, path: &Path, entries: &BTreeMap<String, Entry>) {
        if name.len() > 256 || name.contains(['*', '#', '&', '+', ':', '<', '>', '?', '{', '}', '%', '\\']) {
            self.context.push(
                Diagnostic::error(
                    "bad-name",
                    Location::file(path),
                    format!("`{name}` cannot be the name of {}", kind.one()),
                )
                .fix("names have at most 256 characters and none of `*#&+:<>?{}%\\`"),
            );
        }
        let other =
            entries.values().find(|entry| entry.name != name && entry.name.eq_ignore_ascii_case(name));
        if let Some(other) = other {
            self.context.error(
                "duplicate-name",
                Location::file(path),
                format!(
                    "`{name}` and `{}` are one name: names differ by more than case",
                    other.folder.display()
                ),
            );
        }
    }

    fn unknown_file(&self, kind: &Kind, name: &str, path: &Path) {
        let (files, _) = layout::names(kind);
        let known = files.iter().map(String::as_str);
        let fix = did_you_mean(name, known).map_or_else(
            || match files.as_slice() {
                [] => "no file belongs here".to_owned(),
                files => format!("here belong {}", files.join(", ")),
            },
            |known| format!("did you mean `{known}`?"),
        );
        self.context.push(
            Diagnostic::error("unknown-file", Location::file(path), format!("unknown file `{name}`"))
                .fix(fix),
        );
    }

    fn unknown_folder(&self, kind: &Kind, name: &str, path: &Path) {
        let (_, folders) = layout::names(kind);
        let fix = match did_you_mean(name, folders.iter().map(String::as_str)) {
            Some(known) => Some(format!("did you mean `{known}`?")),
            None if folder_holds_artifacts(path) => {
                Some(format!("did you mean `{}` as the folder of artifacts?", self.root.join(name).display()))
            }
            None if folders.is_empty() => Some("no folder belongs here".to_owned()),
            None => Some(format!("here belong {}", folders.join(", "))),
        };
        let mut diagnostic =
            Diagnostic::error("unknown-folder", Location::file(path), format!("unknown folder `{name}`"));
        diagnostic.fix = fix;
        self.context.push(diagnostic);
    }

    /// What a folder holds, by name.
    fn list(&self, folder: &Path) -> Vec<(String, PathBuf, bool)> {
        let mut entries = Vec::new();
        let read = |entries: &mut Vec<_>| -> io::Result<()> {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let path = entry.path();
                let Ok(name) = entry.file_name().into_string() else {
                    self.context.error("bad-name", Location::file(path), "the name is not UTF-8");
                    continue;
                };
                let kind = entry.file_type()?;
                let is_folder = if kind.is_symlink() { fs::metadata(&path)?.is_dir() } else { kind.is_dir() };
                entries.push((name, path, is_folder));
            }
            Ok(())
        };
        if let Err(error) = read(&mut entries) {
            self.context.error(
                "unreadable-artifacts",
                Location::file(folder),
                format!("the folder cannot be read: {error}"),
            );
        }
        entries.sort_unstable();
        entries
    }
}

fn folder_holds_artifacts(path: &Path) -> bool {
    let Ok(entries) = fs::read_dir(path) else { return false };
    entries.flatten().any(|entry| {
        entry
            .file_name()
            .to_str()
            .is_some_and(|name| layout::SERVICE.child(name).is_some() || name == "policy.xml")
    })
}
