//! Definitions that others wrote: every one of the corpus is read, and has the operations that its index says.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use gatehouse_model::definition::{self, Definition};
use gatehouse_model::import;

/// A row of the corpus's index.
struct Row {
    kind: String,
    operations: usize,
    file: String,
}

/// The definitions, or `None` where the corpora are not there.
fn corpus() -> Option<(PathBuf, Vec<Row>)> {
    let Some(root) = std::env::var_os("GATEHOUSE_CORPORA") else {
        eprintln!("ignored: GATEHOUSE_CORPORA is not set");
        return None;
    };
    let folder = PathBuf::from(root).join("openapi");
    let index = fs::read_to_string(folder.join("index.tsv")).unwrap();
    let rows = index
        .lines()
        .skip(1)
        .map(|line| {
            let mut columns = line.split('\t');
            let mut next = || columns.next().unwrap().to_owned();
            Row { kind: next(), operations: next().parse().unwrap(), file: next() }
        })
        .collect();
    Some((folder, rows))
}

fn is_openapi(row: &Row) -> bool {
    row.kind.starts_with("openapi") || row.kind == "swagger2"
}

/// The folder that holds all files of a definition: the corpus's own subfolder where there is one.
fn bound(folder: &Path, file: &str) -> PathBuf {
    match file.split_once('/') {
        Some((first, _)) => folder.join(first),
        None => folder.to_path_buf(),
    }
}

fn read(folder: &Path, file: &str) -> (Definition, String) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    let (definition, diagnostics) = definition::read_within(&bound(folder, file), &path, &text);
    assert!(!diagnostics.has_errors(), "{file}:\n{diagnostics}");
    (definition.unwrap(), diagnostics.to_string())
}

#[test]
fn every_openapi_document_has_the_operations_of_the_index() {
    let Some((folder, rows)) = corpus() else { return };
    let mut report = String::new();
    let mut wrong = Vec::new();
    for row in rows.iter().filter(|row| is_openapi(row)) {
        let start = Instant::now();
        let (definition, findings) = read(&folder, &row.file);
        let elapsed = start.elapsed();
        // An operation whose path differs from another's in its fragment alone can never be asked for.
        let fragments = findings.matches("never reaches a server").count();
        let found = definition.operations.len() + fragments;
        let samples = definition
            .operations
            .iter()
            .flat_map(|operation| &operation.responses)
            .flat_map(|response| &response.representations)
            .filter(|representation| representation.sample.is_some())
            .count();
        writeln!(
            report,
            "{:>4} of {:>4} operations, {samples:>5} samples, {elapsed:>10.1?}  {}",
            definition.operations.len(),
            row.operations,
            row.file
        )
        .unwrap();
        for finding in findings.lines().take(4) {
            writeln!(report, "      {finding}").unwrap();
        }
        if found != row.operations {
            wrong.push(format!("{}: {found} operations, {} expected", row.file, row.operations));
        }
    }
    println!("{report}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_and_templates_are_unique_and_usable() {
    let Some((folder, rows)) = corpus() else { return };
    for row in rows.iter().filter(|row| is_openapi(row)) {
        let (definition, _) = read(&folder, &row.file);
        let mut names: Vec<String> = Vec::new();
        for operation in &definition.operations {
            let name = &operation.name;
            assert!((1..=80).contains(&name.len()), "{}: {name}", row.file);
            assert!(name.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one)), "{name}");
            assert!(operation.url_template.starts_with('/'), "{}", operation.url_template);
            assert!(!operation.url_template.contains('#'), "{}", operation.url_template);
            assert!(operation.location.line > 0 && operation.location.column > 0);
            assert_eq!(definition.operation(&name.to_uppercase()).unwrap().name, *name);
            names.push(name.to_lowercase());
        }
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{}: names are given twice", row.file);
    }
}

#[test]
fn every_openapi_document_can_be_imported_and_read_back() {
    let Some((folder, rows)) = corpus() else { return };
    let into = tempfile::tempdir().unwrap();
    for (number, row) in rows.iter().filter(|row| is_openapi(row)).enumerate() {
        let name = format!("api-{number}");
        let imported = import::api(
            &import::Kind::OpenApi,
            &folder.join(&row.file),
            &name,
            into.path(),
            &import::Options::default(),
        );
        let imported = imported.unwrap_or_else(|errors| panic!("{}:\n{errors}", row.file));
        let specification = &imported.files[1];
        let text = fs::read_to_string(specification).unwrap();
        let (definition, diagnostics) = definition::read(specification, &text);
        assert!(!diagnostics.has_errors(), "{}:\n{diagnostics}", row.file);
        let (original, _) = read(&folder, &row.file);
        let templates = |definition: &Definition| -> Vec<(String, String)> {
            definition.operations.iter().map(|one| (one.name.clone(), one.url_template.clone())).collect()
        };
        assert_eq!(templates(&definition.unwrap()), templates(&original), "{}", row.file);
    }
}

#[test]
fn graphql_and_wsdl_are_told_apart() {
    let Some((folder, rows)) = corpus() else { return };
    for row in &rows {
        let path = folder.join(&row.file);
        let (definition, diagnostics) = match row.kind.as_str() {
            "graphql" | "wsdl" => definition::read(&path, &fs::read_to_string(&path).unwrap()),
            _ => continue,
        };
        if row.kind == "graphql" {
            assert!(diagnostics.is_empty(), "{}: {diagnostics}", row.file);
            assert_eq!(definition.unwrap().operations.len(), 2);
        } else {
            // Files that some of them import are not there.
            let known = ["missing-reference", "external-reference", "broken-schema", "duplicate-name"];
            assert!(diagnostics.iter().all(|one| known.contains(&one.id)), "{}: {diagnostics}", row.file);
            let is_whole = !diagnostics.has_errors();
            assert_eq!(
                definition.is_some_and(|found| !found.operations.is_empty()),
                is_whole,
                "{}",
                row.file
            );
        }
    }
}

#[test]
fn operations_of_extracts_bear_the_names_of_their_policy_folders() {
    let Some(root) = std::env::var_os("GATEHOUSE_CORPORA") else {
        eprintln!("ignored: GATEHOUSE_CORPORA is not set");
        return;
    };
    let mut policies = 0;
    for extract in ["apiops-demo", "azure-apiops-sample"] {
        let apis = PathBuf::from(&root).join("apiops").join(extract).join("apis");
        for api in fs::read_dir(apis).unwrap().map(|entry| entry.unwrap().path()) {
            let specification = ["yaml", "json", "graphql", "wadl"]
                .map(|extension| api.join(format!("specification.{extension}")))
                .into_iter()
                .find(|path| path.exists());
            let Some(specification) = specification else { continue };
            let text = fs::read_to_string(&specification).unwrap();
            let (definition, diagnostics) = definition::read(&specification, &text);
            assert!(!diagnostics.has_errors(), "{diagnostics}");
            let definition = definition.unwrap();
            assert!(!definition.operations.is_empty(), "{}", specification.display());
            let Ok(folders) = fs::read_dir(api.join("operations")) else { continue };
            for folder in folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
                assert_eq!(definition.operation(&folder).unwrap().name, folder);
                policies += 1;
            }
        }
    }
    assert!(policies > 10, "{policies}");
}
