//! Whether a folder holds artifacts.

use std::fs;
use std::path::Path;

use super::layout::{self, Kind, Role};

/// Whether a folder is an `APIOps` folder: below the folder of a collection (`apis`, `named values` …) it has a resource
/// with an information file, a policy or a definition.
pub fn is_artifacts(folder: &Path) -> bool {
    folders(folder).any(|(name, collection)| {
        let Some(kind) = layout::SERVICE.child(&name) else { return false };
        folders(&collection).any(|(_, resource)| is_resource(&resource, kind))
    })
}

fn is_resource(folder: &Path, kind: &'static Kind) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let role = layout::role(kind, &entry.file_name().to_string_lossy());
        matches!(role, Some(Role::Information | Role::Policy | Role::Definition))
    })
}

fn folders(folder: &Path) -> impl Iterator<Item = (String, std::path::PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_with_a_resource_makes_a_folder_of_artifacts() {
        let folder = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        };
        assert!(!is_artifacts(folder.path()));
        make("samples/orders/policy.xml");
        make("apis/orders.xml");
        make("apis/orders/notes.txt");
        assert!(!is_artifacts(folder.path()));
        make("named values/limit/namedValueInformation.json");
        assert!(is_artifacts(folder.path()));
    }
}
