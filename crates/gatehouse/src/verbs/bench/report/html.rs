//! The report as a page that is whole in itself: no script, no font, no image from elsewhere.

use std::fmt::Write as _;

use super::plot::{bars, curves, escaped, rounds};
use super::{Estimate, Figures, Report, Row, Sample, Subject, short};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --line: #d8dee4; --back: #fff; --bar: #3b7dd8; --head: #f3f5f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4ae; --line: #3a424b; --back: #15181c; --bar: #5d9bf0; --head: #1e2329; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 2rem auto; max-width: 1080px; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.note { border-left: 3px solid var(--bar); padding-left: .8rem; color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: right; white-space: nowrap; }
th { background: var(--head); } th:first-child, td:first-child { text-align: left; white-space: normal; }
td small { color: var(--soft); display: block; }
td.unsure { color: var(--soft); }
svg { width: 100%; height: auto; margin-top: 1rem; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg .t { font-weight: 600; font-size: 15px; } svg .l { text-anchor: end; } svg .c { text-anchor: middle; } svg .v, svg .k, svg .b { fill: var(--soft); }
svg .bar { fill: var(--bar); opacity: .75; } svg .range { stroke: var(--ink); stroke-width: 1.5; fill: none; }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); } svg .dot { fill: var(--bar); opacity: .6; }
svg .curve { fill: none; stroke-width: 2; }
";

pub(super) fn render(report: &Report) -> String {
    let title = if report.is_ablation { "What each policy costs" } else { "Load test" };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    page.push_str("<p>");
    page.push_str(&report.conditions.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br>\n"));
    page.push_str("</p>\n");
    for note in &report.notes {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", escaped(note));
    }
    table(report, &mut page);
    plots(report, &mut page);
    page.push_str("</body>\n</html>\n");
    page
}

fn table(report: &Report, page: &mut String) {
    page.push_str("<div class=\"wide\"><table>\n<tr><th>");
    page.push_str(if report.is_ablation { "cost of" } else { "route" });
    page.push_str("</th><th>CPU, µs</th><th>requests/s</th><th>p50, µs</th><th>p90, µs</th><th>p99, µs</th><th>allocations</th><th>memory, MiB</th></tr>\n");
    for row in &report.rows {
        let is_cost = matches!(row.subject, Subject::Policy { .. } | Subject::Part);
        let figures = if is_cost { row.cost } else { row.figures };
        let place =
            row.place().map(|place| format!("<small>{}</small>", escaped(&place))).unwrap_or_default();
        let _ = write!(page, "<tr><td>{}{place}</td>", escaped(&row.name));
        match figures {
            Some(figures) => cells(&figures, is_cost, page),
            None => {
                let why = row.failure.as_deref().unwrap_or("not measured");
                let _ = write!(page, "<td colspan=\"7\">{}</td>", escaped(why));
            }
        }
        page.push_str("</tr>\n");
    }
    let _ = writeln!(
        page,
        "</table></div>\n<p>Below each value: where it lies with a probability of {}.{}</p>",
        report.interval(),
        if report.is_ablation {
            " A cost is what a request takes with the policy less what it takes without it, round by round; grey ones cannot be told from nothing. The first row is everything as configured."
        } else {
            ""
        }
    );
}

fn cells(figures: &Figures, is_cost: bool, page: &mut String) {
    let mebibytes = |one: Estimate| {
        let unit = f64::from(1 << 20);
        Estimate { value: one.value / unit, low: one.low / unit, high: one.high / unit }
    };
    let all = [
        figures.cpu_us,
        Some(figures.requests_per_second),
        Some(figures.p50_us),
        Some(figures.p90_us),
        Some(figures.p99_us),
        figures.allocations,
        figures.memory_bytes.map(mebibytes),
    ];
    for one in all {
        let Some(one) = one else {
            page.push_str("<td>—</td>");
            continue;
        };
        let class = if is_cost && !one.is_told_from_zero() { " class=\"unsure\"" } else { "" };
        let _ = write!(
            page,
            "<td{class}>{}<small>{}..{}</small></td>",
            short(one.value),
            short(one.low),
            short(one.high)
        );
    }
}

fn plots(report: &Report, page: &mut String) {
    let cost = |pick: fn(&Figures) -> Option<Estimate>| -> Vec<(String, f64, f64, f64)> {
        let rows = report.rows.iter();
        rows.filter_map(|row| {
            let figures = if report.is_ablation { row.cost.as_ref() } else { row.figures.as_ref() }?;
            let one = pick(figures)?;
            Some((label(row), one.value, one.low, one.high))
        })
        .collect()
    };
    let what = if report.is_ablation { "Cost" } else { "Use" };
    let cpu = cost(|figures| figures.cpu_us);
    if !cpu.is_empty() {
        page.push_str(&bars(&format!("{what} of CPU a request, with its interval"), "µs", &cpu));
    }
    let allocations = cost(|figures| figures.allocations);
    if !allocations.is_empty() {
        page.push_str(&bars(&format!("{what} of allocations a request"), "", &allocations));
    }
    let measured = report.rows.iter().filter(|row| !row.percentiles.is_empty());
    let shown: Vec<(String, &Row)> = measured.take(12).map(|row| (label(row), row)).collect();
    if !shown.is_empty() {
        let title = if report.is_ablation {
            "Times of answers, without what the row names"
        } else {
            "Times of answers"
        };
        page.push_str(&curves(title, &shown));
    }
    let of_rounds = |pick: fn(&Sample) -> Option<f64>| -> Vec<(String, Vec<f64>)> {
        let rows = report.rows.iter();
        rows.map(|row| (label(row), row.samples.iter().flatten().filter_map(pick).collect()))
            .filter(|(_, values): &(String, Vec<f64>)| !values.is_empty())
            .collect()
    };
    let cpu = of_rounds(|sample| sample.cpu_us);
    if cpu.is_empty() {
        let rates = of_rounds(|sample| Some(sample.requests_per_second));
        page.push_str(&rounds("Requests a second, round by round", "", &rates));
    } else {
        page.push_str(&rounds("CPU of a request, round by round, without what the row names", "µs", &cpu));
    }
}

/// The name of a row, with the line where several policies have the same.
fn label(row: &Row) -> String {
    match &row.subject {
        Subject::Policy { scope, line, .. } => {
            let whose = scope.rsplit('/').next().unwrap_or(scope);
            format!("{} ({whose}:{line})", row.name)
        }
        _ => row.name.clone(),
    }
}
