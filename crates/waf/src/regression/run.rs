//! Runs a stage without a socket.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::message::Message;
use super::suite::{Expectation, Stage};
use crate::compile::RuleSet;
use crate::definition::Definition;
use crate::operators::Linear;
use crate::seclang::Engine;
use crate::transaction::{Connection, Limits, Match, Transaction};

/// What a stage has come to.
#[derive(Clone, Debug)]
pub struct Case {
    /// Whether everything that was expected has come true.
    pub passed: bool,
    /// The rules that matched and reported it, in order, each once.
    pub ids: Vec<u64>,
    /// The first thing that was not as expected.
    pub reason: String,
}

/// Runs a stage against rules, in detection, with a backend that answers as the suite wants.
pub fn run_case(rules: &Arc<RuleSet>, stage: &Stage) -> Case {
    run_declared_case(rules, stage, None)
}

/// The same where the definition of an API says something of the arguments.
pub fn run_declared_case(
    rules: &Arc<RuleSet>,
    stage: &Stage,
    definition: Option<&Arc<dyn Definition>>,
) -> Case {
    let transaction = run(rules, &stage.request, definition);
    let lines = log_lines(transaction.matches());
    judge(&stage.expected, transaction.matches(), &lines)
}

/// Runs a request through all phases.
pub(super) fn run(
    rules: &Arc<RuleSet>,
    request: &Message,
    definition: Option<&Arc<dyn Definition>>,
) -> Transaction {
    let connection = Connection {
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        server_name: "localhost",
        request_id: "0123456789abcdef0123456789abcdef",
        ..Connection::default()
    };
    // Without the engine's shortcuts there is more work to do; that must not decide.
    let work = if rules.unoptimised { u64::MAX } else { Limits::default().work };
    let limits = Limits { work, ..Limits::default() };
    let mut transaction = Transaction::new(rules, limits, None, &connection);
    if transaction.engine() == Engine::On {
        transaction.set_engine(Engine::DetectionOnly);
    }
    transaction.request_line(&request.method, &request.target, &request.version);
    for (name, value) in &request.headers {
        transaction.request_header(name, value);
    }
    if let Some(definition) = definition {
        transaction.declare(Arc::clone(definition), false);
    }
    transaction.end_of_request_header();
    // Bytes that no field frames are no body (RFC 9112 section 6.3).
    let framed =
        [&b"content-length"[..], b"transfer-encoding"].iter().any(|name| request.header(name).is_some());
    if framed && !request.body.is_empty() {
        transaction.request_body(&request.body);
    }
    transaction.end_of_request_body();
    let answer = answer(request);
    transaction.response_line(answer.status, b"HTTP/1.1");
    for (name, value) in &answer.headers {
        transaction.response_header(name, value);
    }
    transaction.end_of_response_header();
    if transaction.wants_response_body() {
        transaction.response_body(&answer.body);
    }
    transaction.end_of_response_body();
    transaction.end();
    transaction
}

struct Answer {
    status: u16,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

/// The answer of the suite's backend: nothing, or what the body of a request to `/reflect` says.
fn answer(request: &Message) -> Answer {
    let mut answer = Answer { status: 200, headers: Vec::new(), body: Vec::new() };
    let reflects = request.method == b"POST" && request.target.starts_with(b"/reflect");
    if let Some(wanted) =
        reflects.then(|| serde_json::from_slice::<serde_json::Value>(&request.body).ok()).flatten()
    {
        answer.status = wanted["status"].as_u64().map_or(200, |status| status as u16);
        for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            answer.headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        answer.body = match (wanted["body"].as_str(), wanted["encodedBody"].as_str()) {
            (Some(body), _) => body.as_bytes().to_vec(),
            (None, Some(encoded)) => {
                use base64::Engine as _;
                base64::engine::general_purpose::STANDARD.decode(encoded).unwrap_or_default()
            }
            _ => Vec::new(),
        };
    }
    if !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"content-type")) {
        answer.headers.push((b"Content-Type".to_vec(), b"text/plain; charset=utf-8".to_vec()));
    }
    answer
}

fn judge(expected: &Expectation, matches: &[Match], lines: &str) -> Case {
    let mut ids: Vec<u64> = Vec::new();
    for found in matches {
        if !ids.contains(&found.id) {
            ids.push(found.id);
        }
    }
    let mut reason = String::new();
    if let Some(missing) = expected.ids.iter().find(|id| !ids.contains(id)) {
        reason = format!("rule {missing} did not match");
    } else if let Some(found) = expected.no_ids.iter().find(|id| ids.contains(id)) {
        reason = format!("rule {found} matched");
    }
    let found =
        |pattern: &String| Linear::new(pattern).is_ok_and(|pattern| pattern.is_match(lines.as_bytes()));
    if let Some(pattern) = expected.log.iter().find(|pattern| !found(pattern)) {
        reason = format!("the log does not have {pattern}");
    } else if let Some(pattern) = expected.no_log.iter().find(|pattern| found(pattern)) {
        reason = format!("the log has {pattern}");
    }
    Case { passed: reason.is_empty(), ids, reason }
}

/// The matches as lines of the form that the tools of the suite read.
pub fn log_lines(matches: &[Match]) -> String {
    let mut lines = String::new();
    for found in matches {
        use std::fmt::Write as _;
        // Writing to a string cannot fail.
        let _ = write!(
            lines,
            "Warning. Match at {}. [file \"{}\"] [line \"{}\"] [id \"{}\"] [msg \"{}\"] [data \"{}\"]",
            found.variable, found.place.file, found.place.line, found.id, found.message, found.data
        );
        if let Some(severity) = found.severity {
            let _ = write!(lines, " [severity \"{severity}\"]");
        }
        for tag in &found.tags {
            let _ = write!(lines, " [tag \"{tag}\"]");
        }
        lines.push('\n');
    }
    lines
}
