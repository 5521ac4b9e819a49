//! Results as text, JSON and JUnit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::case::CaseOutcome;
use super::{Results, TestFormat};

/// The results in the wanted format, with a line break at the end. Writing to a string cannot fail.
pub(super) fn render(results: &Results, format: TestFormat) -> String {
    match format {
        TestFormat::Text => text(results),
        TestFormat::Json => format!("{:#}\n", as_json(results)),
        TestFormat::Junit => junit(results),
    }
}

fn text(results: &Results) -> String {
    let mut out = String::new();
    for case in results.cases.iter().filter(|case| !case.failures.is_empty()) {
        let _ = writeln!(out, "{}: failed: {}", case.location, case.name);
        for failure in &case.failures {
            let _ = writeln!(out, "    {}", failure.replace('\n', "\n    "));
        }
        if let Some(trace) = &case.trace {
            let _ = writeln!(out, "\n{trace}");
        }
    }
    let failed = failed(&results.cases);
    let passed = results.cases.len() - failed;
    let unreached: Vec<_> = results.reached.unreached().collect();
    if !unreached.is_empty() {
        out.push_str(if out.is_empty() { "" } else { "\n" });
        out.push_str("no case reaches:\n");
        for place in &unreached {
            let _ = writeln!(out, "    {}: {}", place.location, place.name);
        }
        out.push('\n');
    }
    let total = results.reached.total();
    let _ = writeln!(
        out,
        "{passed} passed, {failed} failed, in {:.1} ms; {} of {total} policies and branches reached",
        results.micros as f64 / 1000.0,
        total - unreached.len()
    );
    out
}

fn as_json(results: &Results) -> Value {
    let cases: Vec<Value> = results
        .cases
        .iter()
        .map(|case| {
            json!({
                "name": case.name,
                "file": case.location.file.display().to_string(),
                "line": case.location.line,
                "passed": case.failures.is_empty(),
                "failures": case.failures,
                "duration_us": case.micros,
            })
        })
        .collect();
    let unreached: Vec<Value> = results
        .reached
        .unreached()
        .map(|place| {
            json!({
                "file": place.location.file.display().to_string(),
                "line": place.location.line,
                "column": place.location.column,
                "policy": &*place.name,
            })
        })
        .collect();
    let failed = failed(&results.cases);
    let total = results.reached.total();
    json!({
        "passed": results.cases.len() - failed,
        "failed": failed,
        "duration_us": results.micros,
        "cases": cases,
        "coverage": { "total": total, "reached": total - unreached.len() },
        "unreached": unreached,
    })
}

fn junit(results: &Results) -> String {
    let mut files: BTreeMap<String, Vec<&CaseOutcome>> = BTreeMap::new();
    for case in &results.cases {
        files.entry(case.location.file.display().to_string()).or_default().push(case);
    }
    let seconds = |micros: u64| format!("{:.6}", micros as f64 / 1e6);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites tests=\"{}\" failures=\"{}\" time=\"{}\">",
        results.cases.len(),
        failed(&results.cases),
        seconds(results.micros)
    );
    for (file, cases) in &files {
        let failures = cases.iter().filter(|case| !case.failures.is_empty()).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">",
            xml(file),
            cases.len()
        );
        for case in cases {
            let _ = write!(
                out,
                "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\" time=\"{}\"",
                xml(&case.name),
                xml(file),
                xml(file),
                case.location.line,
                seconds(case.micros)
            );
            if case.failures.is_empty() {
                out.push_str("/>\n");
            } else {
                let first = case.failures.first().map(String::as_str).unwrap_or_default();
                let _ = writeln!(
                    out,
                    "><failure message=\"{}\">{}</failure></testcase>",
                    xml(first),
                    xml(&case.failures.join("\n"))
                );
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn failed(cases: &[CaseOutcome]) -> usize {
    cases.iter().filter(|case| !case.failures.is_empty()).count()
}

/// Text in XML 1.0, which has no place for control characters.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push('\t'),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
