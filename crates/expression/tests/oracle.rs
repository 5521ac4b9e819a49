//! What expressions evaluate to, against outcomes of a real C# compiler and .NET with Newtonsoft.Json.
//!
//! `fixture.json` is the one state of an exchange in which all of them are evaluated; the rows of `expected/*.jsonl` hold
//! expression, the variables it finds, and value and type or exception. `GATEHOUSE_EXPECTED` names further files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exchange;

use std::path::{Path, PathBuf};

use exchange::Exchange;
use gatehouse_expression::compile;
use serde_json::Value as Json;

/// What differs, or nothing.
fn check(fixture: &Json, row: &Json) -> Option<String> {
    let outcome = &row["outcome"];
    if outcome.get("skip").is_some() {
        return None;
    }
    let code = row.get("code").or_else(|| row.get("expression")).and_then(Json::as_str).unwrap_or_default();
    let source = if row["kind"] == "single" { format!("@({code})") } else { format!("@{{{code}}}") };
    let expression = match compile(&source) {
        Ok(expression) => expression,
        Err(faults) => return Some(format!("does not compile: {}", faults[0])),
    };
    let mut exchange = Exchange::new(fixture, row);
    let found = expression.evaluate(&mut exchange);
    let shown = match &found {
        Ok(value) => format!("{:?} : {}", value.to_text(), value.type_name()),
        Err(exception) => exception.to_string(),
    };
    if let Some(thrown) = outcome.get("throws").and_then(Json::as_str) {
        return match found {
            Err(exception) if same_exception(&exception.type_name, thrown) => None,
            _ => Some(format!("{shown}\n   expected {thrown}: {}", outcome["message"])),
        };
    }
    let Ok(value) = found else {
        return Some(format!("{shown}\n   expected {}", outcome["value"]));
    };
    if outcome.get("opaque").is_some() {
        return None;
    }
    match outcome["value"].as_str() {
        None if value.is_null() => None,
        Some(text) if !value.is_null() && *value.to_text() == text.replace("\r\n", "\n") => {
            let (ours, theirs) = (value.type_name(), outcome["type"].as_str().unwrap_or_default());
            let plain = theirs.starts_with("System.") && !theirs.contains('<') && ours != theirs;
            plain.then(|| format!("type {ours}\n   expected {theirs}"))
        }
        _ => Some(format!("{shown}\n   expected {} : {}", outcome["value"], outcome["type"])),
    }
}

/// Exceptions that .NET derives from a more general one count as that.
fn same_exception(ours: &str, theirs: &str) -> bool {
    ours == theirs || theirs.rsplit('.').next() == ours.rsplit('.').next()
}

fn compare(files: &[PathBuf], floor: f64) {
    let fixture: Json = serde_json::from_str(include_str!("fixture.json")).unwrap();
    let (mut total, mut right, mut shown) = (0_u32, 0_u32, Vec::new());
    for file in files {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let row: Json = serde_json::from_str(line).unwrap();
            if row["outcome"].get("skip").is_some() {
                continue;
            }
            total += 1;
            match check(&fixture, &row) {
                None => right += 1,
                Some(difference) => shown.push(format!(
                    "{}\n   {difference}",
                    row["code"].as_str().or(row["expression"].as_str()).unwrap_or_default()
                )),
            }
        }
    }
    for difference in shown.iter().take(400) {
        println!("---\n{difference}");
    }
    println!("{right} of {total} as expected");
    assert!(total > 0, "no rows");
    let share = f64::from(right) / f64::from(total);
    assert!(share >= floor, "only {:.2} % are as expected", share * 100.0);
}

#[test]
fn expressions_evaluate_as_dotnet_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    compare(&files, 1.0);
}

#[test]
fn further_expectations_are_met() {
    match std::env::var_os("GATEHOUSE_EXPECTED") {
        Some(file) => compare(&[PathBuf::from(file)], 0.99),
        None => println!("ignored: GATEHOUSE_EXPECTED is not set"),
    }
}
