//! The report as a table for a document.

use std::fmt::Write as _;

use super::{Report, Subject, short, with_interval};

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    for condition in &report.conditions {
        let _ = writeln!(out, "{condition}  ");
    }
    out.push('\n');
    for note in &report.notes {
        let _ = writeln!(out, "> {note}\n");
    }
    let first = if report.is_ablation { "what it costs" } else { "route" };
    let _ = writeln!(
        out,
        "| {first} | CPU, µs | requests/s | p50, µs | p90, µs | p99, µs | allocations | memory, MiB |{}",
        if report.is_ablation { " place |" } else { "" }
    );
    let _ =
        writeln!(out, "|---|---|---|---|---|---|---|---|{}", if report.is_ablation { "---|" } else { "" });
    for row in &report.rows {
        let figures = match row.subject {
            Subject::Whole | Subject::Route => row.figures,
            Subject::Policy { .. } | Subject::Part => row.cost,
        };
        let _ = write!(out, "| {} |", cell(&row.name));
        match figures {
            Some(all) => {
                let memory = all.memory_bytes.map(|memory| short(memory.value / f64::from(1 << 20)));
                let cells = [
                    with_interval(all.cpu_us),
                    with_interval(Some(all.requests_per_second)),
                    with_interval(Some(all.p50_us)),
                    with_interval(Some(all.p90_us)),
                    with_interval(Some(all.p99_us)),
                    with_interval(all.allocations),
                    memory.unwrap_or_else(|| "—".to_owned()),
                ];
                let _ = write!(out, " {} |", cells.join(" | "));
            }
            None => {
                let why = row.failure.as_deref().and_then(|why| why.lines().next()).unwrap_or("not measured");
                let _ = write!(out, " {} | | | | | | |", cell(why));
            }
        }
        if report.is_ablation {
            let place = row.place().map(|place| format!("`{place}`")).unwrap_or_default();
            let _ = write!(out, " {} |", cell(&place));
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "\nIn brackets: where the value lies with a probability of {}.{}",
        report.interval(),
        if report.is_ablation { " The first row is everything as configured." } else { "" }
    );
    out
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
