//! Bodies as senders make them: coded, too large, or without a word on what they are.

use std::io::Write as _;
use std::sync::Arc;

use gatehouse_waf::{
    Connection, Limits, Options, RefusalKind, RuleSet, RuleSource, Transaction, Verdict, builtin,
};

fn rules(text: &str) -> Arc<RuleSet> {
    let own = RuleSource::Text { name: "test".to_owned(), text: text.to_owned(), folder: ".".into() };
    let rules = RuleSet::load(&[builtin::protocol(), own], &Options::default());
    Arc::new(rules.unwrap_or_else(|errors| panic!("{errors}")))
}

fn post(rules: &Arc<RuleSet>, headers: &[(&str, &str)], body: &[u8]) -> Verdict {
    let mut transaction = Transaction::new(rules, Limits::default(), None, &Connection::default());
    transaction.request_line(b"POST", b"/", b"HTTP/1.1");
    for (name, value) in headers {
        transaction.request_header(name.as_bytes(), value.as_bytes());
    }
    transaction.end_of_request_header();
    transaction.request_body(body);
    transaction.end_of_request_body()
}

fn rule_of(verdict: &Verdict) -> Option<u64> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Refuse(refusal) => Some(refusal.rule),
    }
}

#[test]
fn coded_answers_are_looked_into() {
    let rules = rules(
        "SecResponseBodyAccess On\nSecResponseBodyMimeType text/plain\nSecRule RESPONSE_BODY \"@contains secret\" \"id:1,phase:4,deny\"\n",
    );
    let answer = |coding: &str, body: &[u8]| {
        let mut transaction = Transaction::new(&rules, Limits::default(), None, &Connection::default());
        transaction.request_line(b"GET", b"/", b"HTTP/1.1");
        transaction.end_of_request_header();
        transaction.end_of_request_body();
        transaction.response_line(200, b"HTTP/1.1");
        transaction.response_header(b"content-type", b"text/plain");
        transaction.response_header(b"content-encoding", coding.as_bytes());
        transaction.end_of_response_header();
        if transaction.wants_response_body() {
            transaction.response_body(body);
        }
        rule_of(&transaction.end_of_response_body())
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(b"a secret in it").unwrap();
    assert_eq!(answer("gzip", &gzip.finish().unwrap()), Some(1));
    assert_eq!(answer("br", b"\x0b\x02\x80secrt\x03"), None);
    assert_eq!(answer("br", b"\x8b\x02\x80secret\x03"), Some(1));
    assert_eq!(answer("zstd", b"secret"), None, "what cannot be read is not looked at");
}

#[test]
fn what_stands_beside_files_has_a_limit_of_its_own() {
    let rules = rules("SecRequestBodyNoFilesLimit 200\nSecAction \"id:1,phase:1,pass,nolog\"\n");
    let multipart = |file: usize, field: usize| {
        let body = format!(
            "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{}\r\n--X\r\nContent-Disposition: form-data; name=\"b\"; filename=\"f\"\r\n\r\n{}\r\n--X--\r\n",
            "a".repeat(field),
            "b".repeat(file)
        );
        post(&rules, &[("content-type", "multipart/form-data; boundary=X")], body.as_bytes())
    };
    assert_eq!(multipart(10_000, 10), Verdict::Pass);
    let Verdict::Refuse(refusal) = multipart(10, 1000) else { panic!("it passed") };
    assert_eq!((refusal.status, refusal.kind), (413, RefusalKind::BodyTooLarge));
    let json = format!("{{\"a\":\"{}\"}}", "a".repeat(300));
    assert!(matches!(
        post(&rules, &[("content-type", "application/json")], json.as_bytes()),
        Verdict::Refuse(_)
    ));
}

#[test]
fn bodies_that_do_not_say_what_they_are_are_looked_at() {
    let rules = rules(
        "SecRule ARGS:json.a \"@streq bad\" \"id:1,phase:2,deny\"\nSecRule REQUEST_BODY \"@contains evil\" \"id:2,phase:2,deny\"\n",
    );
    assert_eq!(rule_of(&post(&rules, &[], br#" {"a":"b\u0061d"}"#)), Some(1));
    assert_eq!(rule_of(&post(&rules, &[], b"evil")), Some(2));
    // What is no JSON after all need not be.
    assert_eq!(post(&rules, &[], b"{not json"), Verdict::Pass);
    assert_eq!(post(&rules, &[], b"[1,2"), Verdict::Pass);
}
