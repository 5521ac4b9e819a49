mod formats;
mod mutations;
mod operations;
mod references;
mod requests;
mod responses;

use std::path::Path;

use super::*;

const FILE: &str = "apis/pets/specification.yaml";

fn read_text(file: &str, text: &str) -> (Option<Definition>, Diagnostics) {
    read(Path::new(file), text)
}

/// Reads what must be right.
fn good(text: &str) -> Definition {
    let (definition, diagnostics) = read_text(FILE, text);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    definition.unwrap()
}

/// The findings, one a line, without the file's name.
fn findings(file: &str, text: &str) -> Vec<String> {
    let (_, diagnostics) = read_text(file, text);
    diagnostics.iter().map(|one| one.to_string().replace(&format!("{file}:"), "")).collect()
}

/// A document with these paths.
fn with_paths(paths: &str) -> String {
    format!("openapi: 3.0.3\ninfo: {{ title: Pets, version: '1' }}\npaths:\n{paths}")
}

fn operations(definition: &Definition) -> Vec<(&str, &str, &str)> {
    definition
        .operations
        .iter()
        .map(|one| (one.name.as_str(), one.method.as_str(), one.url_template.as_str()))
        .collect()
}
