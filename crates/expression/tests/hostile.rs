//! Broken and recombined expressions, evaluated: each ends with a value or an exception, within its limits.

#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;
mod fuzzing;

use std::path::Path;
use std::time::{Duration, Instant};

use exchange::Exchange;
use gatehouse_expression::{Limits, compile};
use serde_json::Value as Json;

const PIECES: [&str; 20] = [
    "-1",
    "int.MaxValue",
    "1000000",
    "null",
    "(string)null",
    "\"\"",
    "\"é😀\"",
    "'x'",
    "0",
    "true",
    "new int[0]",
    "new JObject()",
    "[0]",
    "?.",
    ".ToString()",
    ".Next",
    " + ",
    "new string('x', 100000)",
    "double.NaN",
    "[1]",
];

/// The expressions of the expectations: kind and text.
fn seeds() -> Vec<(bool, Vec<char>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let row: Json = serde_json::from_str(line).unwrap();
            found.push((row["kind"] == "single", row["code"].as_str().unwrap_or_default().chars().collect()));
        }
    }
    found
}

#[test]
fn no_expression_makes_the_evaluator_panic_or_run_on() {
    let fixture: Json = serde_json::from_str(include_str!("fixture.json")).unwrap();
    let seeds = seeds();
    assert!(seeds.len() > 1_500, "{} seeds", seeds.len());
    let pieces: Vec<Vec<char>> = PIECES.iter().map(|piece| piece.chars().collect()).collect();
    let limits = Limits { time: Duration::from_millis(200), bytes: 8 << 20, ..Limits::default() };
    let (mut values, mut exceptions) = (0, 0);
    fuzzing::run(6_000, |_, numbers, about| {
        let (single, seed) = &seeds[numbers.below(seeds.len())];
        let code: String = numbers.mutated(seed, &pieces).into_iter().collect();
        *about = if *single { format!("@({code})") } else { format!("@{{{code}}}") };
        let Ok(expression) = compile(about) else { return };
        let mut exchange = Exchange::new(&fixture, &Json::Null).limited(limits);
        let started = Instant::now();
        match expression.evaluate(&mut exchange) {
            Ok(value) => {
                values += 1;
                let _ = value.to_text();
            }
            Err(exception) => {
                exceptions += 1;
                assert!(!exception.type_name.is_empty());
            }
        }
        // Generous: tests run unoptimised and share the machine.
        assert!(started.elapsed() < Duration::from_secs(20), "it took {:?}", started.elapsed());
    });
    assert!(values > 100 && exceptions > 50, "{values} values, {exceptions} exceptions");
}
