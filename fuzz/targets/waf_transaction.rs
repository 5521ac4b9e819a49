//! Whole transactions: any head and body ends in a verdict, the same with and without the engine's shortcuts.

#![no_main]

use std::sync::{Arc, LazyLock};

use gatehouse_waf::{Connection, Limits, Options, RuleSet, Transaction, builtin};
use libfuzzer_sys::fuzz_target;

fn rules(unoptimised: bool) -> Arc<RuleSet> {
    let options = Options { unoptimised, ..Options::default() };
    Arc::new(RuleSet::load(&[builtin::protocol(), builtin::baseline()], &options).expect("the own rules compile"))
}

static FAST: LazyLock<Arc<RuleSet>> = LazyLock::new(|| rules(false));
static SLOW: LazyLock<Arc<RuleSet>> = LazyLock::new(|| rules(true));

fn run(rules: &Arc<RuleSet>, input: &(&str, &[u8], &[u8], u8)) -> Vec<u64> {
    let (target, field, body, kind) = input;
    let mut transaction = Transaction::new(rules, Limits::default(), None, &Connection::default());
    transaction.request_line(b"POST", target.as_bytes(), b"HTTP/1.1");
    transaction.request_header(b"host", b"localhost");
    transaction.request_header(b"user-agent", field);
    transaction.request_header(b"cookie", field);
    let media_type: &[u8] = match kind % 5 {
        0 => b"application/json",
        1 => b"application/xml",
        2 => b"application/x-www-form-urlencoded",
        3 => b"multipart/form-data; boundary=X",
        _ => b"text/plain",
    };
    transaction.request_header(b"content-type", media_type);
    if kind & 0x80 != 0 {
        transaction.request_header(b"content-encoding", b"gzip");
    }
    transaction.end_of_request_header();
    transaction.request_body(body);
    transaction.end_of_request_body();
    transaction.end();
    transaction.matches().iter().map(|found| found.id).collect()
}

fuzz_target!(|input: (&str, &[u8], &[u8], u8)| {
    assert_eq!(run(&FAST, &input), run(&SLOW, &input));
});
