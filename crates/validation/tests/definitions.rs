//! Definitions as people publish them: all of them compile, fast and small, and say where they cannot be validated.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Instant;

use gatehouse_model::definition::{self, Format};
use gatehouse_validation::openapi::Api;
use gatehouse_validation::{Dialect, Direction, Variant};

fn corpus() -> Option<Vec<PathBuf>> {
    let Some(corpora) = std::env::var_os("GATEHOUSE_CORPORA").map(PathBuf::from) else {
        println!("ignored: GATEHOUSE_CORPORA is not set");
        return None;
    };
    let folder = corpora.join("openapi");
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let rows = index.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        let (kind, file) = (columns.next()?, columns.nth(1)?);
        (kind.starts_with("openapi") || kind.starts_with("swagger")).then(|| folder.join(file))
    });
    Some(rows.collect())
}

fn dialect(format: Format) -> Dialect {
    match format {
        Format::OpenApi20 => Dialect::Swagger2,
        Format::OpenApi30 => Dialect::OpenApi30,
        _ => Dialect::OpenApi31,
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("0");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[test]
fn published_definitions_compile() {
    let Some(files) = corpus() else { return };
    assert!(files.len() > 30);
    let variants = [Variant::plain(Direction::Request), Variant::plain(Direction::Response)];
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let (format, document) = definition::document(file.ancestors().nth(2).unwrap(), &file, &text)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let before = resident_kib();
        let started = Instant::now();
        let api = Api::compile(&document, dialect(format), &variants);
        let (took, grown) = (started.elapsed(), resident_kib().saturating_sub(before));
        println!(
            "{name}: {} operations, {} reports, {took:?}, {} MiB",
            api.operations().count(),
            api.reports().len(),
            grown / 1024
        );
        for report in api.reports().iter().take(10) {
            println!("    {}: {}", report.pointer, report.message);
        }
        assert!(grown < 100 << 10, "{name} takes {grown} KiB");
        // What does not refer to broken schemas must be usable.
        let allowed = if name.contains("openai-openapi") { 20 } else { 5 };
        assert!(api.reports().len() <= allowed, "{name}: {} reports", api.reports().len());
    }
}
