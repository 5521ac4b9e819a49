//! Findings as text, JSON, SARIF and JUnit.

use std::fmt::Write as _;

use clap::ValueEnum;
use gatehouse_model::{Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FindingsFormat {
    /// For people: one line a finding, as compilers print them.
    #[default]
    Text,
    /// For machines.
    Json,
    /// For code scanning (SARIF 2.1.0).
    Sarif,
    /// For test reports.
    Junit,
}

/// Findings in the wanted format, with a line break at the end.
pub(crate) fn render(findings: &Diagnostics, format: FindingsFormat) -> String {
    match format {
        FindingsFormat::Text => text(findings),
        FindingsFormat::Json => format!("{:#}\n", as_json(findings)),
        FindingsFormat::Sarif => format!("{:#}\n", as_sarif(findings)),
        FindingsFormat::Junit => junit(findings),
    }
}

fn text(findings: &Diagnostics) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let others = findings.len() - errors;
    let mut out = findings.to_string();
    let verdict = match (errors, others) {
        (0, 0) => "no findings".to_owned(),
        (0, others) => format!("no errors, {}", counted(others, "other finding")),
        (errors, 0) => counted(errors, "error"),
        (errors, others) => format!("{}, {}", counted(errors, "error"), counted(others, "other finding")),
    };
    let _ = writeln!(out, "{verdict}");
    out
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn as_json(findings: &Diagnostics) -> Value {
    let rows: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let location = finding.location.as_ref();
            json!({
                "id": finding.id,
                "severity": finding.severity.as_str(),
                "message": finding.message,
                "file": location.map(|location| location.file.display().to_string()),
                "line": location.map(|location| location.line),
                "column": location.map(|location| location.column),
                "resource": finding.resource,
                "controls": [],
                "fix": finding.fix,
            })
        })
        .collect();
    json!({ "findings": rows, "score": null })
}

fn as_sarif(findings: &Diagnostics) -> Value {
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let level = match finding.severity {
                Severity::Error | Severity::Critical | Severity::High => "error",
                Severity::Medium | Severity::Low => "warning",
                Severity::Info => "note",
            };
            let locations: Vec<Value> = finding
                .location
                .iter()
                .map(|location| {
                    json!({ "physicalLocation": {
                        "artifactLocation": { "uri": location.file.display().to_string() },
                        "region": { "startLine": location.line.max(1), "startColumn": location.column.max(1) },
                    } })
                })
                .collect();
            json!({ "ruleId": finding.id, "level": level, "message": { "text": sentence(finding) }, "locations": locations })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "gatehouse", "version": env!("CARGO_PKG_VERSION") } },
            "results": results,
        }],
    })
}

fn junit(findings: &Diagnostics) -> String {
    let failures = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuite name=\"gatehouse check\" tests=\"{}\" failures=\"{failures}\">",
        findings.len().max(1)
    );
    if findings.is_empty() {
        out.push_str("  <testcase name=\"no findings\"/>\n");
    }
    for finding in findings {
        let place = finding.location.as_ref().map(ToString::to_string).unwrap_or_default();
        let _ = write!(out, "  <testcase name=\"{}\" classname=\"{}\"", xml(finding.id), xml(&place));
        let element = if finding.severity == Severity::Error { "failure" } else { "system-out" };
        let _ = writeln!(out, "><{element}>{}</{element}></testcase>", xml(&finding.to_string()));
    }
    out.push_str("</testsuite>\n");
    out
}

fn sentence(finding: &Diagnostic) -> String {
    match &finding.fix {
        Some(fix) => format!("{} ({fix})", finding.message),
        None => finding.message.clone(),
    }
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gatehouse_model::Location;

    use super::*;

    fn findings() -> Diagnostics {
        let mut findings = Diagnostics::new();
        findings.push(
            Diagnostic::error("unknown-key", Location::new(Path::new("g.yaml"), 2, 3), "unknown key `<x>`")
                .fix("did you mean `y`?"),
        );
        findings
    }

    #[test]
    fn every_format_names_the_place() {
        assert_eq!(
            render(&findings(), FindingsFormat::Text),
            "g.yaml:2:3: error: unknown key `<x>` (did you mean `y`?)\n1 error\n"
        );
        let json = as_json(&findings());
        assert_eq!(json["findings"][0]["line"], 2);
        assert_eq!(json["findings"][0]["severity"], "error");
        let sarif = as_sarif(&findings());
        let region = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
        assert_eq!(region["startColumn"], 3);
        let junit = render(&findings(), FindingsFormat::Junit);
        assert!(
            junit.contains("failures=\"1\"") && junit.contains("&lt;x&gt;") && junit.contains("g.yaml:2:3")
        );
    }
}
