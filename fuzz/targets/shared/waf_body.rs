//! Bodies of one media type: each ends in a verdict, the same with and without the engine's shortcuts, and the same however it is cut.

use std::sync::{Arc, LazyLock};

use gatehouse_waf::{Connection, Limits, Options, RuleSet, Transaction, builtin};

fn rules(unoptimised: bool) -> Arc<RuleSet> {
    let options = Options { unoptimised, ..Options::default() };
    Arc::new(RuleSet::load(&[builtin::protocol(), builtin::baseline()], &options).expect("the own rules compile"))
}

static FAST: LazyLock<Arc<RuleSet>> = LazyLock::new(|| rules(false));
static SLOW: LazyLock<Arc<RuleSet>> = LazyLock::new(|| rules(true));

fn run<'b>(rules: &Arc<RuleSet>, media_type: &[u8], parts: impl Iterator<Item = &'b [u8]>) -> Vec<u64> {
    let mut transaction = Transaction::new(rules, Limits::default(), None, &Connection::default());
    transaction.request_line(b"POST", b"/", b"HTTP/1.1");
    transaction.request_header(b"host", b"localhost");
    if !media_type.is_empty() {
        transaction.request_header(b"content-type", media_type);
    }
    transaction.end_of_request_header();
    for part in parts {
        transaction.request_body(part);
    }
    transaction.end_of_request_body();
    transaction.end();
    transaction.matches().iter().map(|found| found.id).collect()
}

/// Runs a body in one piece and in pieces of seven bytes.
pub fn body(media_type: &[u8], body: &[u8]) {
    let whole = run(&FAST, media_type, std::iter::once(body));
    assert_eq!(whole, run(&SLOW, media_type, std::iter::once(body)));
    assert_eq!(whole, run(&FAST, media_type, body.chunks(7)));
}
