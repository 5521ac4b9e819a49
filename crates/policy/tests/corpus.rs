//! Policy documents that people have written: all sound ones are read, broken ones are refused with their place.

#![allow(clippy::expect_used)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gatehouse_model::resources::{Catalog, Fragment, PolicySource, Product};
use gatehouse_model::{Diagnostic, Location, Severity};
use gatehouse_policy::document::{self, Element, Node, Text, TextKind};
use gatehouse_policy::{Certificates, CompileInput, Policies};

fn corpora() -> Option<PathBuf> {
    let found = std::env::var_os("GATEHOUSE_CORPORA").map(PathBuf::from);
    if found.is_none() {
        eprintln!("ignored: GATEHOUSE_CORPORA is not set");
    }
    found
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "xml" || extension == "cshtml") {
            found.push(path);
        }
    }
}

/// Flags of the files that have some, by path below the folder.
fn flags(folder: &Path) -> HashMap<PathBuf, Vec<String>> {
    let table = std::fs::read_to_string(folder.join("FLAGS.tsv")).expect("FLAGS.tsv");
    let rows = table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    rows.map(|(path, flags)| (folder.join(path), flags.split(',').map(str::to_owned).collect())).collect()
}

/// Puts a word in the place of every `${…}` of Terraform.
fn rendered(bytes: Vec<u8>) -> Vec<u8> {
    let mut text = String::from_utf8(bytes).expect("UTF-8");
    while let Some(start) = text.find("${") {
        let end = text[start..].find('}').map_or(text.len(), |end| start + end + 1);
        text.replace_range(start..end, "rendered");
    }
    text.into_bytes()
}

fn expressions(element: &Element, found: &mut Vec<Text>) {
    found.extend(element.attributes.iter().map(|attribute| attribute.value.clone()));
    for node in &element.children {
        match node {
            Node::Element(child) => expressions(child, found),
            Node::Text(text) => found.push(text.clone()),
        }
    }
    found.retain(|text| text.kind() == TextKind::Expression);
}

#[test]
fn every_sound_document_is_read_and_every_broken_one_refused() {
    let Some(corpora) = corpora() else { return };
    let folder = corpora.join("policies");
    let flags = flags(&folder);
    let mut paths = Vec::new();
    documents(&folder, &mut paths);
    documents(&corpora.join("apiops"), &mut paths);
    assert!(paths.len() > 250, "only {} documents in {}", paths.len(), folder.display());
    let mut wrong = Vec::new();
    for path in &paths {
        let is = |flag: &str| flags.get(path).is_some_and(|flags| flags.iter().any(|known| known == flag));
        let mut bytes = std::fs::read(path).expect("a readable file");
        if is("tf") {
            bytes = rendered(bytes);
        }
        let read = document::read_bytes(&bytes, &path.as_path().into());
        match (read, is("malformed")) {
            (Ok(root), false) if !matches!(root.name.as_str(), "policies" | "fragment") => {
                wrong.push(format!("{}: the root is {}", path.display(), root.name));
            }
            (Ok(_), false) => {}
            (Err(error), false) => wrong.push(error.to_string()),
            // Some are broken only as C#: then an expression of theirs does not compile.
            (Ok(root), true) => {
                let mut found = Vec::new();
                expressions(&root, &mut found);
                if found.iter().all(|text| gatehouse_expression::compile(text.text.trim()).is_ok()) {
                    wrong.push(format!("{}: broken, but nothing is found wrong", path.display()));
                }
            }
            (Err(error), true) => {
                if error.location.is_none_or(|location| location.line == 0) {
                    wrong.push(format!("{}: refused without a place", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), paths.len(), wrong.join("\n"));
}

/// A service whose product has this policy, or which has this fragment.
fn catalog(path: &Path, text: &str) -> Catalog {
    let policy = PolicySource { text: text.trim_start_matches('\u{FEFF}').into(), file: path.into() };
    let location = Location::file(path);
    let mut catalog = Catalog::default();
    let is_fragment = document::read(&policy).is_ok_and(|root| root.name == "fragment");
    if is_fragment {
        let fragment = Fragment { name: "f".into(), description: None, policy, location };
        catalog.service.fragments.insert("f".into(), fragment);
        return catalog;
    }
    let product = Product {
        name: "p".into(),
        display_name: "p".into(),
        description: None,
        terms: None,
        published: true,
        subscription_required: true,
        approval_required: false,
        subscriptions_limit: None,
        apis: Vec::new(),
        groups: Vec::new(),
        tags: Vec::new(),
        policy: Some(policy),
        location,
    };
    catalog.service.products.insert("p".into(), product);
    catalog
}

/// Whether a document waits for a program to put values into `{…}`.
fn is_template(text: &str) -> bool {
    text.split("=\"{").skip(1).any(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-');
        end.is_some_and(|end| end > 0 && rest[end..].starts_with("}\""))
    })
}

/// What a document may lack here: the resources around it, and policies that are not there yet. Beyond that, no more
/// than one in twenty may be refused: a few are templates of other languages, or test data with a backend called twice.
#[test]
fn documents_in_use_compile_but_for_what_is_not_there() {
    let Some(corpora) = corpora() else { return };
    let folder = corpora.join("policies");
    let flags = flags(&folder);
    let mut paths = Vec::new();
    documents(&folder, &mut paths);
    documents(&corpora.join("apiops"), &mut paths);
    let lacking = ["missing-reference", "unknown-named-value", "policy-not-available"];
    let mut wrong = Vec::new();
    let mut refused = 0;
    for path in &paths {
        if flags.get(path).is_some_and(|flags| flags.iter().any(|flag| flag == "malformed")) {
            continue;
        }
        let text = std::fs::read_to_string(path).expect("a readable file");
        if is_template(&text) {
            continue;
        }
        let catalog = catalog(path, &text);
        let named_values = gatehouse_vault::resolve(&catalog, &[]);
        let (_, diagnostics) = Policies::compile(&CompileInput {
            catalog: &catalog,
            named_values: &named_values,
            certificates: &Certificates::default(),
        });
        let is_refused =
            |found: &&Diagnostic| found.severity == Severity::Error && !lacking.contains(&found.id);
        for found in diagnostics.iter().filter(is_refused) {
            wrong.push(format!("{}: {found}", found.id));
        }
        refused += usize::from(diagnostics.iter().any(|found| is_refused(&found)));
    }
    println!("{refused} of {} documents are refused:\n{}", paths.len(), wrong.join("\n"));
    assert!(refused * 20 <= paths.len(), "{refused} of {} documents:\n{}", paths.len(), wrong.join("\n"));
}
