//! Every expression of the policy documents under `GATEHOUSE_CORPORA` must compile, but for those that are marked broken.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use gatehouse_expression::{compile, lexer};

/// The share of expressions that must compile.
const FLOOR: f64 = 0.99;

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|e| e == "xml" || e == "cshtml") {
            found.push(path);
        }
    }
}

fn decode(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// Named values and Terraform's placeholders stand for text of some kind.
fn substitute(text: &str, with: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let name = rest[at + 2..].find("}}").map(|end| &rest[at + 2..at + 2 + end]);
        match name.filter(|n| !n.is_empty() && n.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))) {
            Some(name) => {
                out.push_str(&rest[..at]);
                out.push_str(with);
                rest = &rest[at + name.len() + 4..];
            }
            None => {
                out.push_str(&rest[..at + 2]);
                rest = &rest[at + 2..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The expressions of a document, with the line each begins in.
fn expressions(text: &str) -> Vec<(usize, Result<String, String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].find(['@', '<']).map(|n| at + n) {
        if text[next..].starts_with("<!--") {
            at = text[next..].find("-->").map_or(text.len(), |n| next + n + 3);
            continue;
        }
        let opens = text[next..].starts_with("@(") || text[next..].starts_with("@{");
        let before = text[..next].trim_end();
        let starts = before.ends_with('"') && before.trim_end_matches('"').trim_end().ends_with('=')
            || before.ends_with('\'') && before.trim_end_matches('\'').trim_end().ends_with('=')
            || before.ends_with('>') && !before.ends_with("=>")
            || before.ends_with("<![CDATA[");
        if !opens || !starts {
            at = next + 1;
            continue;
        }
        let line = text[..next].lines().count();
        match lexer::scan_end_of_markup(text, next) {
            Ok(end) => {
                found.push((line, Ok(decode(&text[next..end]))));
                at = end;
            }
            Err(error) => {
                found.push((line, Err(error.to_string())));
                at = next + 2;
            }
        }
    }
    found
}

#[test]
fn expressions_of_real_policies_compile() {
    let Some(corpora) = std::env::var_os("GATEHOUSE_CORPORA") else {
        println!("ignored: GATEHOUSE_CORPORA is not set");
        return;
    };
    let root = Path::new(&corpora).join("policies");
    let flags: HashMap<String, String> = std::fs::read_to_string(root.join("FLAGS.tsv"))
        .unwrap()
        .lines()
        .filter_map(|l| l.split_once('\t').map(|(p, f)| (p.to_owned(), f.to_owned())))
        .collect();
    let mut files = Vec::new();
    documents(&root, &mut files);
    let (mut total, mut compiled) = (0, 0);
    let mut faults: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in &files {
        let name = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let flag = flags.get(&name).map_or("", String::as_str);
        if flag.contains("neg") || flag.contains("malformed") {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        for (line, source) in expressions(&text) {
            total += 1;
            let outcome = source.map_err(|e| ("scan".to_owned(), e)).and_then(|source| {
                // A named value may stand in a string, as a name or as a number.
                compile(&substitute(&source, "named_value"))
                    .or_else(|first| compile(&substitute(&source, "7")).map_err(|_| first))
                    .map(drop)
                    .map_err(|d| (source.clone(), d[0].to_string()))
            });
            match outcome {
                Ok(()) => compiled += 1,
                Err((source, fault)) => {
                    let key = fault.split_once(": ").map_or(fault.as_str(), |(_, m)| m).to_owned();
                    faults.entry(key).or_default().push(format!("{name}:{line}: {fault}\n{source}"));
                }
            }
        }
    }
    let share = f64::from(compiled) / f64::from(total.max(1));
    println!("{compiled} of {total} expressions compile ({:.2} %)", share * 100.0);
    for (fault, places) in &faults {
        println!("{} x {fault}", places.len());
        if std::env::var_os("VERBOSE").is_some() {
            for place in places {
                println!("    {place}");
            }
        }
    }
    assert!(total > 500, "only {total} expressions were found");
    assert!(share >= FLOOR, "only {:.2} % of the expressions compile", share * 100.0);
}
