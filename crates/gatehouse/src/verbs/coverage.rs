//! `gatehouse coverage`: what of a folder of policies runs here.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use gatehouse_model::resources::Catalog;
use gatehouse_model::{Diagnostic, Diagnostics, Located, Location, apiops};
use gatehouse_policy::document::MAX_DOCUMENT_BYTES;
use gatehouse_policy::{Certificates, CompileInput, Coverage};
use gatehouse_vault::{Environment, resolve};
use serde_json::{Value, json};

use crate::cli::{Format, Outcome};

/// The deepest folder that is looked into.
const MAX_DEPTH: usize = 64;

/// Extensions of policy documents: those of APIOps, and those of Microsoft's policy toolkit.
const EXTENSIONS: [&str; 2] = ["xml", "cshtml"];

/// The arguments of `coverage`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// An APIOps folder, or any folder of policy documents
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Prints what runs and what does not.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut coverage = Coverage::default();
    match fs::metadata(&arguments.folder) {
        Ok(metadata) if metadata.is_dir() => folder(&arguments.folder, 0, &mut coverage),
        Ok(_) => coverage.add(document(&arguments.folder)),
        Err(error) => {
            eprintln!("error: {}: {error}", arguments.folder.display());
            return Outcome::WrongUsage;
        }
    }
    if coverage.documents == 0 && coverage.findings.is_empty() {
        eprintln!("error: {}: there is no policy document in the folder", arguments.folder.display());
        return Outcome::WrongUsage;
    }
    coverage.sort();
    print!("{}", if arguments.format == Format::Json { as_json(&coverage) } else { text(&coverage) });
    if coverage.findings.is_empty() { Outcome::Good } else { Outcome::Bad }
}

/// Artifacts are surveyed as a whole, wherever they stand; every other document by itself.
fn folder(path: &Path, depth: usize, coverage: &mut Coverage) {
    if apiops::is_artifacts(path) {
        return artifacts(path, coverage);
    }
    let mut entries: Vec<_> = match fs::read_dir(path) {
        Ok(entries) => entries.flatten().collect(),
        Err(error) => return unreadable(path, &error.to_string(), coverage),
    };
    if depth > MAX_DEPTH {
        return unreadable(path, &format!("folders nest deeper than {MAX_DEPTH}"), coverage);
    }
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        // A link to a folder may lead in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if is_folder && !is_hidden {
            folder(&path, depth + 1, coverage);
        } else if path.is_file() && is_document(&path) {
            coverage.add(document(&path));
        }
    }
}

fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn document(path: &Path) -> Coverage {
    let mut bytes = Vec::new();
    let read = fs::File::open(path)
        .and_then(|file| file.take(MAX_DOCUMENT_BYTES as u64 + 4).read_to_end(&mut bytes));
    match read {
        Ok(_) => Coverage::of_document(&bytes, path),
        Err(error) => {
            let mut coverage = Coverage { documents: 1, ..Coverage::default() };
            unreadable(path, &error.to_string(), &mut coverage);
            coverage
        }
    }
}

fn artifacts(path: &Path, coverage: &mut Coverage) {
    let location = Location::file(path);
    let environment = |name: &str| std::env::var(name).ok();
    let (catalog, diagnostics): (Catalog, _) =
        apiops::read(&[Located::new(path.to_owned(), location)], None, &environment);
    let named_values = resolve(&catalog, &[&Environment::of_process()]);
    let certificates = Certificates::default();
    let input = CompileInput { catalog: &catalog, named_values: &named_values, certificates: &certificates };
    coverage.add(Coverage::of_catalog(&input));
    coverage.add_diagnostics(diagnostics);
}

fn unreadable(path: &Path, why: &str, coverage: &mut Coverage) {
    let mut diagnostics = Diagnostics::new();
    diagnostics.push(Diagnostic::error("unreadable", Location::file(path), format!("cannot be read: {why}")));
    coverage.add_diagnostics(diagnostics);
}

fn as_json(coverage: &Coverage) -> String {
    let policies: serde_json::Map<String, Value> = coverage
        .policies
        .iter()
        .map(|(name, policy)| (name.clone(), json!({ "uses": policy.uses, "supported": policy.supported })))
        .collect();
    let findings: Vec<Value> = coverage
        .findings
        .iter()
        .map(|finding| {
            json!({
                "file": finding.location.file.display().to_string(),
                "line": finding.location.line,
                "column": finding.location.column,
                "kind": finding.kind.as_str(),
                "message": finding.message,
            })
        })
        .collect();
    let report = json!({
        "documents": coverage.documents,
        "expressions": { "total": coverage.expressions, "bound": coverage.bound },
        "policies": policies,
        "findings": findings,
    });
    format!("{report:#}\n")
}

fn text(coverage: &Coverage) -> String {
    let mut out = String::new();
    for finding in &coverage.findings {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}: {}: {}", finding.location, finding.kind.as_str(), finding.message);
    }
    if !coverage.findings.is_empty() {
        out.push('\n');
    }
    let width = coverage.policies.keys().map(String::len).max().unwrap_or_default();
    for (name, policy) in &coverage.policies {
        let verdict = if policy.supported { "runs" } else { "does not run" };
        let _ = writeln!(out, "{name:width$}  {:>6}  {verdict}", policy.uses);
    }
    let files: std::collections::BTreeSet<_> =
        coverage.findings.iter().map(|finding| &finding.location.file).collect();
    let _ = writeln!(
        out,
        "\ndocuments    {}\nexpressions  {} of {} bind\nfindings     {} in {} files",
        coverage.documents,
        coverage.bound,
        coverage.expressions,
        coverage.findings.len(),
        files.len()
    );
    out
}
