//! What an import writes is what the reader of artifacts reads: every definition of the corpus becomes an API.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::fs;
use std::path::PathBuf;

use gatehouse_model::{Located, Location, apiops, import};

#[test]
fn imported_apis_load_together() {
    let Some(root) = std::env::var_os("GATEHOUSE_CORPORA") else {
        eprintln!("ignored: GATEHOUSE_CORPORA is not set");
        return;
    };
    let folder = PathBuf::from(root).join("openapi");
    let into = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    let index = fs::read_to_string(folder.join("index.tsv")).unwrap();
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        if !columns[0].starts_with("openapi") && columns[0] != "swagger2" {
            continue;
        }
        let name = format!("api-{}", expected.len());
        let imported = import::api(
            &import::Kind::OpenApi,
            &folder.join(columns[2]),
            &name,
            into.path(),
            &import::Options::default(),
        )
        .unwrap_or_else(|errors| panic!("{}:\n{errors}", columns[2]));
        expected.push((name, imported.operations));
    }
    let artifacts = Located::new(into.path().to_path_buf(), Location::file(into.path()));
    let (catalog, diagnostics) = apiops::read(&[artifacts], None, &|_| None);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    let mut found: Vec<_> =
        catalog.service.apis.iter().map(|(name, api)| (name.clone(), api.operations.len())).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(expected.len() > 40);
    for api in catalog.service.apis.values() {
        assert!(api.subscription_required && api.path == api.name);
    }
}
