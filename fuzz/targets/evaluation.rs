//! The evaluator: whatever compiles ends with a value or an exception, within its limits.

#![no_main]

#[path = "../../crates/expression/tests/exchange/mod.rs"]
mod exchange;

use std::sync::LazyLock;
use std::time::Duration;

use exchange::Exchange;
use gatehouse_expression::{Limits, compile};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

static FIXTURE: LazyLock<Json> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../crates/expression/tests/fixture.json")).expect("the fixture is JSON")
});

fuzz_target!(|text: &str| {
    let limits = Limits { time: Duration::from_millis(200), bytes: 8 << 20, ..Limits::default() };
    for source in [format!("@({text})"), format!("@{{{text}}}")] {
        if let Ok(expression) = compile(&source) {
            let mut exchange = Exchange::new(&FIXTURE, &Json::Null).limited(limits);
            if let Ok(value) = expression.evaluate(&mut exchange) {
                let _ = value.to_text();
            }
        }
    }
});
