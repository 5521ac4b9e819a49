//! The report for people.

use std::fmt::Write as _;

use super::{Report, Row, Subject, short, with_interval};

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    for condition in &report.conditions {
        let _ = writeln!(out, "{condition}");
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out.push('\n');
    let mut table = vec![header(report)];
    table.extend(report.rows.iter().map(|row| cells(report, row)));
    out.push_str(&aligned(&table));
    for row in report.rows.iter().filter(|row| row.failure.is_some()) {
        let _ =
            writeln!(out, "\n{} was not measured: {}", row.name, row.failure.as_deref().unwrap_or_default());
    }
    if report.is_ablation {
        let _ = writeln!(
            out,
            "\nEach row tells what a request costs with it less what it costs without it, and in brackets where that lies \
             with a probability of {}. The first row is everything as configured.",
            report.interval()
        );
    } else {
        let _ =
            writeln!(out, "\nIn brackets: where the value lies with a probability of {}.", report.interval());
    }
    out
}

fn header(report: &Report) -> Vec<String> {
    let names = ["", "CPU µs", "requests/s", "p50 µs", "p90 µs", "p99 µs", "allocations", "memory"];
    let mut header: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    if report.is_ablation {
        header.push("place".to_owned());
    }
    header
}

fn cells(report: &Report, row: &Row) -> Vec<String> {
    let figures = match row.subject {
        Subject::Whole | Subject::Route => row.figures,
        Subject::Policy { .. } | Subject::Part => row.cost,
    };
    let mut cells = vec![row.name.clone()];
    match figures {
        None => cells.extend(std::iter::repeat_n("—".to_owned(), 7)),
        Some(figures) => cells.extend([
            with_interval(figures.cpu_us),
            with_interval(Some(figures.requests_per_second)),
            with_interval(Some(figures.p50_us)),
            with_interval(Some(figures.p90_us)),
            with_interval(Some(figures.p99_us)),
            with_interval(figures.allocations),
            figures.memory_bytes.map_or_else(
                || "—".to_owned(),
                |memory| format!("{} MiB", short(memory.value / f64::from(1 << 20))),
            ),
        ]),
    }
    if report.is_ablation {
        cells.push(row.place().unwrap_or_default());
    }
    cells
}

/// Columns of one width: names to the left, figures to the right.
fn aligned(table: &[Vec<String>]) -> String {
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        table.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in table {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let is_text = column == 0 || column >= 8;
            let _ = if is_text { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
