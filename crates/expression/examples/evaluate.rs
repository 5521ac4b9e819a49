//! Evaluates expressions in the state of an exchange: `evaluate FIXTURE < ROWS > OUTCOMES`, one JSON object a line.
//!
//! Rows are those of `tests/expected`; outcomes hold `value` and `type`, `throws`, or `refused` where the expression does
//! not compile. The differential fuzzer compares them with those of .NET.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../tests/exchange/mod.rs"]
mod exchange;

use std::io::{BufRead as _, Write as _};

use exchange::Exchange;
use gatehouse_expression::compile;
use serde_json::{Value as Json, json};

fn outcome(fixture: &Json, row: &Json) -> Json {
    let code = row.get("code").or_else(|| row.get("expression")).and_then(Json::as_str).unwrap_or_default();
    let source = if row["kind"] == "single" { format!("@({code})") } else { format!("@{{{code}}}") };
    let expression = match compile(&source) {
        Ok(expression) => expression,
        Err(faults) => return json!({ "refused": faults[0].to_string() }),
    };
    match expression.evaluate(&mut Exchange::new(fixture, row)) {
        Ok(value) if value.is_null() => json!({ "value": null, "type": "null" }),
        Ok(value) => json!({ "value": *value.to_text(), "type": value.type_name() }),
        Err(exception) => {
            json!({ "throws": exception.type_name, "message": exception.message, "limit": exception.is_limit })
        }
    }
}

fn main() {
    let fixture = std::env::args().nth(1).expect("usage: evaluate FIXTURE < ROWS");
    let fixture: Json = serde_json::from_str(&std::fs::read_to_string(fixture).unwrap()).unwrap();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let row: Json = serde_json::from_str(&line.unwrap()).unwrap();
        writeln!(out, "{}", outcome(&fixture, &row)).unwrap();
    }
}
