//! The JSON Schema Test Suite, through the reader and the validators that bodies go through. `./test` fetches it.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use gatehouse_validation::json::Document;
use gatehouse_validation::{Draft, SchemaResource};
use serde_json::Value;

/// Cases that are known to fail, with the reason.
const KNOWN: &[(&str, &str, &str)] = &[(
    "vocabulary.json",
    "no validation: invalid number, but it still validates",
    "the draft is given from outside, so the vocabularies of the schema's own meta-schema do not count",
)];

fn suite() -> Option<PathBuf> {
    let suite = std::env::var_os("GATEHOUSE_JSON_SCHEMA_SUITE").map(PathBuf::from);
    if suite.is_none() {
        println!("ignored: GATEHOUSE_JSON_SCHEMA_SUITE is not set; ./test sets it");
    }
    suite
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn json(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// The schemas that others refer to, by their URI.
fn remotes(folder: &Path, uri: &str, all: &mut HashMap<String, Value>) {
    for file in files(folder) {
        let uri = format!("{uri}/{}", file.file_name().unwrap().to_string_lossy());
        if uri.ends_with("/draft-next") || uri.ends_with("/draft3") {
            continue;
        }
        if file.is_dir() {
            remotes(&file, &uri, all);
        } else {
            all.insert(uri, json(&file));
        }
    }
}

#[test]
fn every_required_case_is_judged_as_the_suite_says() {
    let Some(suite) = suite() else { return };
    let mut others = HashMap::new();
    remotes(&suite.join("remotes"), "http://localhost:1234", &mut others);
    let drafts = [
        ("draft4", Draft::Draft4),
        ("draft6", Draft::Draft6),
        ("draft7", Draft::Draft7),
        ("draft2019-09", Draft::Draft201909),
        ("draft2020-12", Draft::Draft202012),
    ];
    let none = HashMap::new();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, draft) in drafts {
        // A schema of another draft that does not name its draft would be read as one of this draft.
        let others: HashMap<String, Value> = others
            .iter()
            .filter(|(uri, schema)| {
                let of_other =
                    drafts.iter().any(|(other, _)| *other != name && uri.contains(&format!("/{other}/")));
                // Before 2019-09 `$defs` is no keyword, and nothing in it has a name.
                let is_older = matches!(name, "draft4" | "draft6" | "draft7");
                let has = |key: &str| schema.get(key).is_some();
                if of_other { !is_older && has("$schema") } else { !is_older || !has("$defs") }
            })
            .map(|(uri, schema)| (uri.clone(), schema.clone()))
            .collect();
        let folder = suite.join("tests").join(name);
        let mut all = files(&folder);
        all.extend(files(&folder.join("optional/format")));
        for file in all.iter().filter(|file| file.is_file()) {
            let short = file.file_name().unwrap().to_string_lossy().into_owned();
            for group in json(file).as_array().unwrap() {
                let schema = &group["schema"];
                let compiled = SchemaResource::compile(schema, draft, &none)
                    .or_else(|_| SchemaResource::compile(schema, draft, &others));
                let compiled =
                    compiled.unwrap_or_else(|error| panic!("{short}: {}: {error}", group["description"]));
                for case in group["tests"].as_array().unwrap() {
                    let description = case["description"].as_str().unwrap();
                    // Formats are asserted here, in every draft: the suite's own folder of formats judges them.
                    if description.ends_with("is only an annotation by default") {
                        continue;
                    }
                    let text = case["data"].to_string();
                    let document = Document::parse(text.as_bytes()).unwrap();
                    let (judged, count) = (compiled.is_valid(&document), counts.entry(name).or_default());
                    count.1 += 1;
                    assert_eq!(judged, compiled.violations(&document, 10).is_empty(), "{short} {text}");
                    if case["valid"] == judged {
                        count.0 += 1;
                    } else if !KNOWN.iter().any(|(file, known, _)| *file == short && *known == description) {
                        wrong.push(format!("{name}/{short}: {} / {description}", group["description"]));
                    }
                }
            }
        }
    }
    println!("{counts:?}");
    assert!(counts.values().all(|(_, all)| *all > 500), "{counts:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
