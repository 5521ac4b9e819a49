//! The report for machines: an array with an object a row.

use serde_json::{Map, Value, json};

use super::{Figures, Report, Row, Subject};
use crate::verbs::bench::statistics::Estimate;

pub(super) fn render(report: &Report) -> String {
    let rows: Vec<Value> = report.rows.iter().map(|row| object(report, row)).collect();
    format!("{:#}\n", Value::Array(rows))
}

fn object(report: &Report, row: &Row) -> Value {
    let (kind, policy) = match &row.subject {
        Subject::Whole => ("everything", None),
        Subject::Route => ("route", None),
        Subject::Part => ("part", None),
        Subject::Policy { scope, section, file, line, column } => {
            let place = json!({
                "scope": scope, "section": section, "file": file, "line": line, "column": column,
            });
            ("policy", Some(place))
        }
    };
    let statuses: Map<String, Value> =
        row.statuses.iter().map(|(status, count)| (status.to_string(), json!(count))).collect();
    let mut object = json!({
        "row": row.name,
        "kind": kind,
        "place": policy,
        "requests": row.requests,
        "unsent": row.unsent,
        "statuses": statuses,
        "rounds": row.samples.iter().flatten().count(),
        "interval_coverage": report.coverage,
        "failure": row.failure,
        "cost": row.cost.as_ref().map(estimates),
    });
    if let Value::Object(object) = &mut object {
        for (name, estimate) in figures(row.figures.as_ref()) {
            object.insert(name.to_owned(), json!(estimate.map(|one| one.value)));
        }
        object.insert("intervals".to_owned(), json!(row.figures.as_ref().map(intervals)));
    }
    object
}

fn figures(figures: Option<&Figures>) -> [(&'static str, Option<Estimate>); 8] {
    [
        ("requests_per_second", figures.map(|all| all.requests_per_second)),
        ("p50_us", figures.map(|all| all.p50_us)),
        ("p90_us", figures.map(|all| all.p90_us)),
        ("p99_us", figures.map(|all| all.p99_us)),
        ("cpu_us", figures.and_then(|all| all.cpu_us)),
        ("allocations", figures.and_then(|all| all.allocations)),
        ("allocated_bytes", figures.and_then(|all| all.allocated_bytes)),
        ("memory_bytes", figures.and_then(|all| all.memory_bytes)),
    ]
}

fn estimates(all: &Figures) -> Value {
    figures(Some(all))
        .into_iter()
        .map(|(name, one)| (name.to_owned(), json!(one)))
        .collect::<Map<_, _>>()
        .into()
}

fn intervals(all: &Figures) -> Value {
    let pairs = figures(Some(all)).into_iter();
    pairs
        .map(|(name, one)| (name.to_owned(), json!(one.map(|one| [one.low, one.high]))))
        .collect::<Map<_, _>>()
        .into()
}
