//! What an exclusion would cost: attacks of the suite, sent where the exclusion holds, that nothing would find any more.

use std::sync::Arc;

use super::run::run;
use super::suite::Test;
use crate::compile::RuleSet;
use crate::seclang::Engine;
use crate::transaction::{Connection, Limits, Transaction, Verdict};
use crate::transformations::url_encode;

/// Where an exclusion holds.
#[derive(Clone, Debug)]
pub struct Place {
    /// The method of the operation.
    pub method: String,
    /// A path of the operation.
    pub path: String,
    /// The variable, such as `ARGS`.
    pub variable: String,
    /// The name of its entry.
    pub name: String,
}

/// What an exclusion would cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// How many attacks could be tried: those that the rule finds in this place now.
    pub tried: usize,
    /// Rule and number of the tests whose attacks would no longer be refused.
    pub lost: Vec<(u64, u64)>,
}

/// An attack of a test on a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    test: (u64, u64),
    variable: String,
    value: Vec<u8>,
}

/// The attacks of the tests that a rule finds, by the variables that it finds them in.
pub fn attacks(rules: &Arc<RuleSet>, tests: &[Test], rule: u64) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for test in tests {
        for stage in test.stages.iter().filter(|stage| stage.expected.ids.contains(&rule)) {
            let transaction = run(rules, &stage.request, None);
            for found in transaction.matches().iter().filter(|found| found.id == rule) {
                let Some((variable, name)) = found.variable.split_once(':') else { continue };
                for value in transaction.values_of(variable, name.as_bytes()) {
                    let attack =
                        Attack { test: (test.rule, test.number), variable: variable.to_owned(), value };
                    if !attacks.contains(&attack) {
                        attacks.push(attack);
                    }
                }
            }
        }
    }
    attacks
}

/// Sends the attacks to a place, with the rules as they are and as they would be.
pub fn losses(
    before: &Arc<RuleSet>,
    after: &Arc<RuleSet>,
    attacks: &[Attack],
    rule: u64,
    place: &Place,
) -> Losses {
    let mut losses = Losses::default();
    for attack in attacks.iter().filter(|attack| attack.variable == place.variable) {
        let (_, found) = send(before, place, &attack.value);
        if !found.contains(&rule) {
            continue;
        }
        losses.tried += 1;
        let (refused, _) = send(after, place, &attack.value);
        if !refused && !losses.lost.contains(&attack.test) {
            losses.lost.push(attack.test);
        }
    }
    losses
}

/// Sends a value to a place. Answers whether it is refused, and the rules that match.
fn send(rules: &Arc<RuleSet>, place: &Place, value: &[u8]) -> (bool, Vec<u64>) {
    let mut transaction = Transaction::new(rules, Limits::default(), None, &Connection::default());
    transaction.set_engine(Engine::On);
    let mut pair = Vec::new();
    url_encode::apply(place.name.as_bytes(), &mut pair);
    pair.push(b'=');
    url_encode::apply(value, &mut pair);
    let is_argument = place.variable == "ARGS";
    let in_query = is_argument && matches!(place.method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS");
    let target = if in_query {
        [place.path.as_bytes(), b"?", &pair].concat()
    } else {
        place.path.clone().into_bytes()
    };
    transaction.request_line(place.method.as_bytes(), &target, b"HTTP/1.1");
    transaction.request_header(b"host", b"localhost");
    transaction.request_header(b"user-agent", b"gatehouse");
    transaction.request_header(b"accept", b"*/*");
    match place.variable.as_str() {
        "REQUEST_HEADERS" => transaction.request_header(place.name.as_bytes(), value),
        "REQUEST_COOKIES" => {
            transaction.request_header(b"cookie", &[place.name.as_bytes(), b"=", value].concat());
        }
        _ => {}
    }
    let body = if is_argument && !in_query { &pair[..] } else { &[] };
    if !body.is_empty() {
        transaction.request_header(b"content-type", b"application/x-www-form-urlencoded");
        transaction.request_header(b"content-length", body.len().to_string().as_bytes());
    }
    let mut verdict = transaction.end_of_request_header();
    if verdict == Verdict::Pass {
        transaction.request_body(body);
        verdict = transaction.end_of_request_body();
    }
    let ids = transaction.matches().iter().map(|found| found.id).collect();
    (verdict != Verdict::Pass, ids)
}
