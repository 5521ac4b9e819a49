use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::verbs::bench::generator::Tally;

fn sample(cpu: f64, allocations: f64) -> Sample {
    Sample {
        requests_per_second: 1_000_000.0 / cpu,
        p50_us: cpu * 2.0,
        p90_us: cpu * 3.0,
        p99_us: cpu * 5.0,
        cpu_us: Some(cpu),
        allocations: Some(allocations),
        allocated_bytes: Some(allocations * 64.0),
        memory_bytes: Some(30_000_000.0),
    }
}

fn row(name: &str, subject: Subject, cpu: [f64; 6], failure: Option<&str>) -> Row {
    let mut tally = Tally::new().unwrap();
    let samples: Vec<Option<Sample>> =
        cpu.iter().map(|cpu| failure.is_none().then(|| sample(*cpu, *cpu))).collect();
    if failure.is_none() {
        for micros in 1..2000 {
            tally.times.record(Duration::from_micros(micros).as_nanos() as u64).unwrap();
        }
    }
    Row::new(name.to_owned(), subject, Measured { samples, tally, failure: failure.map(str::to_owned) })
}

fn policy(line: u32) -> Subject {
    let (scope, section, file) = ("apis/a".to_owned(), "inbound".to_owned(), "a<b>.xml".to_owned());
    Subject::Policy { scope, section, file, line, column: 5 }
}

fn report() -> Report {
    let rows = vec![
        row("everything", Subject::Whole, [50.0, 51.0, 52.0, 50.0, 49.0, 70.0], None),
        row("cheap", policy(3), [49.0, 51.0, 51.0, 49.0, 49.0, 69.0], None),
        row("dear | x", policy(9), [20.0, 21.0, 22.0, 20.0, 19.0, 40.0], None),
        row("broken", policy(12), [0.0; 6], Some("the answers are not as expected\n  a: 1 × 500")),
    ];
    Report::new(rows, true, vec!["how & where".to_owned()], vec!["a note".to_owned()])
}

#[test]
fn costs_are_taken_within_rounds_and_the_dearest_comes_first() {
    let report = report();
    let names: Vec<&str> = report.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["everything", "dear | x", "cheap", "broken"]);
    let dear = report.rows[1].cost.unwrap();
    let cpu = dear.cpu_us.unwrap();
    // The disturbed round disturbs both alike: the interval has no width.
    assert_eq!((cpu.value, cpu.low, cpu.high), (30.0, 30.0, 30.0));
    assert!(dear.requests_per_second.value > 0.0, "what costs takes requests away");
    assert!(!report.rows[2].cost.unwrap().cpu_us.unwrap().is_told_from_zero());
    assert!(report.coverage > 0.95);
}

#[test]
fn json_is_an_object_a_row() {
    let json: Value = serde_json::from_str(&report().render(Format::Json)).unwrap();
    let rows = json.as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!((&rows[0]["kind"], &rows[0]["cost"]), (&"everything".into(), &Value::Null));
    let dear = &rows[1];
    assert_eq!(dear["place"]["line"], 9);
    assert_eq!(dear["cost"]["cpu_us"]["value"], 30.0);
    assert!((dear["cpu_us"].as_f64().unwrap() - 20.75).abs() < 0.5, "{dear:#}");
    assert_eq!(dear["intervals"]["cpu_us"].as_array().unwrap().len(), 2);
    assert_eq!(rows[3]["cpu_us"], Value::Null);
    assert!(rows[3]["failure"].as_str().unwrap().contains("500"));
}

#[test]
fn text_and_markdown_name_every_row_and_every_place() {
    let text = report().render(Format::Text);
    for part in [
        "how & where",
        "note: a note",
        "30.0 (30.0..30.0)",
        "a<b>.xml:9",
        "broken was not measured: the answers",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let markdown = report().render(Format::Markdown);
    assert!(markdown.contains("| dear \\| x | 30.0 (30.0..30.0) |"), "{markdown}");
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let counts: Vec<usize> = markdown.lines().filter(|line| line.starts_with('|')).map(columns).collect();
    assert!(counts.iter().all(|count| *count == counts[0]), "{markdown}");
}

#[test]
fn the_page_is_whole_in_itself_and_well_formed() {
    let page = report().render(Format::Html);
    assert_eq!(page.matches("<svg ").count(), 4);
    for from_elsewhere in ["<script", "<link", "src=", "url(", "@import", "href="] {
        assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
    }
    assert!(page.contains("a&lt;b&gt;.xml:9") && !page.contains("a<b>"), "text is escaped");
    assert!(!page.contains("NaN") && !page.contains("inf"));
    // The body is XML but for the void elements of the head.
    let body = page.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0.replace("<br>", "<br/>");
    let svgs = body.matches("</svg>").count();
    assert_eq!(svgs, 4);
    assert_eq!(body.matches("<tr>").count(), body.matches("</tr>").count());
}

#[test]
fn a_report_without_rounds_has_no_figures_and_is_printed() {
    let rows = vec![row("x", Subject::Whole, [0.0; 6], Some("nothing"))];
    let report = Report::new(rows, false, Vec::new(), Vec::new());
    for format in [Format::Text, Format::Json, Format::Markdown, Format::Html] {
        assert!(report.render(format).contains('x'));
    }
}
