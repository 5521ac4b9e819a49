//! Inputs that are broken at random, the same ones each time: everything ends in a verdict or an error, with and without the engine's
//! shortcuts alike.

use std::fmt::Write as _;
use std::sync::Arc;

use gatehouse_waf::{Connection, Limits, Options, RuleSet, RuleSource, Transaction, builtin};

/// Numbers that look random and never change (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn mutate(&mut self, input: &[u8]) -> Vec<u8> {
        let mut output = input.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(output.len() + 1);
            match self.below(5) {
                0 => output.insert(at, self.next() as u8),
                1 if at < output.len() => {
                    output.remove(at);
                }
                2 => output.truncate(at.max(output.len() / 2)),
                3 => {
                    let piece = PIECES[self.below(PIECES.len())];
                    output.splice(at..at, piece.iter().copied());
                }
                _ if at < output.len() => output[at] ^= 1 << self.below(8),
                _ => {}
            }
        }
        output
    }
}

const PIECES: &[&[u8]] = &[
    b"%00",
    b"\0",
    b"\xff\xfe",
    b"' or 1=1--",
    b"<script>",
    b"../",
    b"\r\n",
    b"--X\r\n",
    b"--X--",
    b"{\"a\":",
    b"]}",
    b"\\u0000",
    b"&#x3c;",
    b"%u003c",
    b"<a b='c'>",
    b"</a>",
    b"<![CDATA[",
    b"&amp;",
    b"+",
    b"=",
    b"&",
    b"\x1f\x8b\x08",
];

fn rules(unoptimised: bool) -> Arc<RuleSet> {
    let options = Options { unoptimised, ..Options::default() };
    let rules = RuleSet::load(&[builtin::protocol(), builtin::baseline()], &options);
    Arc::new(rules.unwrap_or_else(|errors| panic!("{errors}")))
}

fn run(rules: &Arc<RuleSet>, target: &[u8], field: &[u8], media_type: &[u8], body: &[u8]) -> (Vec<u64>, i64) {
    let mut transaction = Transaction::new(rules, Limits::default(), None, &Connection::default());
    transaction.request_line(b"POST", target, b"HTTP/1.1");
    transaction.request_header(b"host", b"localhost");
    transaction.request_header(b"user-agent", field);
    transaction.request_header(b"cookie", field);
    transaction.request_header(b"content-type", media_type);
    transaction.end_of_request_header();
    transaction.request_body(body);
    transaction.end_of_request_body();
    transaction.response_line(200, b"HTTP/1.1");
    transaction.response_header(b"content-type", b"application/json");
    transaction.end_of_response_header();
    transaction.response_body(body);
    transaction.end_of_response_body();
    transaction.end();
    let ids = transaction.matches().iter().map(|found| found.id).collect();
    (ids, transaction.score("blocking_inbound_anomaly_score"))
}

#[test]
fn broken_requests_end_in_the_same_verdict_with_and_without_shortcuts() {
    let (fast, slow) = (rules(false), rules(true));
    let bodies: [(&[u8], &[u8]); 5] = [
        (b"application/json", br#"{"a":[1,{"b":"x\u0041"}],"c":null,"d":-1.5e3}"#),
        (b"application/xml", b"<?xml version=\"1.0\"?><a x=\"1\"><b>text</b><![CDATA[y]]></a>"),
        (b"application/x-www-form-urlencoded", b"a=1&b=%41+c&c"),
        (
            b"multipart/form-data; boundary=X",
            b"--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--X--\r\n",
        ),
        (b"text/plain", b"plain"),
    ];
    let mut numbers = Numbers(1);
    for round in 0..1500 {
        let (media_type, body) = bodies[round % bodies.len()];
        let media_type = if round % 7 == 0 { numbers.mutate(media_type) } else { media_type.to_vec() };
        let (target, field) =
            (numbers.mutate(b"/a/b.php?q=1&r=%2e%2e"), numbers.mutate(b"name=value; other=1"));
        let body = numbers.mutate(body);
        assert_eq!(
            run(&fast, &target, &field, &media_type, &body),
            run(&slow, &target, &field, &media_type, &body),
            "round {round}: {} {}",
            String::from_utf8_lossy(&target),
            String::from_utf8_lossy(&body)
        );
    }
}

/// Long lists are looked at block by block: an attack in any place of them is found as without.
#[test]
fn an_attack_among_many_values_is_found_wherever_it_stands() {
    let (fast, slow) = (rules(false), rules(true));
    let attacks: [&[u8]; 6] = [
        b"' or '1'='1",
        b"<script>alert(1)</script>",
        b"../../../etc/passwd",
        b";cat /etc/passwd|sh",
        b"%2527 union select 1,2",
        b"${jndi:ldap://x/a}",
    ];
    let mut numbers = Numbers(3);
    let mut found = 0;
    for round in 0..60 {
        let count = 20 + numbers.below(120);
        let place = numbers.below(count);
        let mut fields = Vec::new();
        for at in 0..count {
            let attack = attacks[round % attacks.len()];
            let value = if at == place { numbers.mutate(attack) } else { format!("word {at}").into_bytes() };
            let mut field = format!("f{at}=");
            for byte in value {
                let _ = write!(field, "%{byte:02x}");
            }
            fields.push(field);
        }
        let body = fields.join("&");
        let target = format!("/a?{body}");
        let form = b"application/x-www-form-urlencoded";
        let ids = run(&fast, b"/a", b"", form, body.as_bytes());
        assert_eq!(ids, run(&slow, b"/a", b"", form, body.as_bytes()), "round {round}: {body}");
        let in_query = run(&fast, target.as_bytes(), b"", b"text/plain", b"");
        assert_eq!(in_query, run(&slow, target.as_bytes(), b"", b"text/plain", b""), "round {round}: {body}");
        found += usize::from(ids.1 > 0);
    }
    assert!(found > 30, "{found} of 60 attacks are found");
}

#[test]
fn broken_rules_end_in_rules_or_errors() {
    let text = "SecDefaultAction \"phase:2,log,pass\"\nSecRule ARGS|!ARGS:a|&TX:/^x/|XML:/* \"@rx (?i)a[^b]{2,3}\\x41\" \\\n    \"id:1,phase:2,t:none,t:lowercase,setvar:'tx.a=+%{tx.b}',ctl:ruleRemoveTargetById=1;ARGS:x,skipAfter:E\"\nSecMarker E\nSecRuleUpdateTargetById 1 \"!ARGS:b\"\nSecRequestBodyLimit 10\n";
    let mut numbers = Numbers(2);
    for _ in 0..1500 {
        let mutated = String::from_utf8_lossy(&numbers.mutate(text.as_bytes())).into_owned();
        let source = RuleSource::Text { name: "rules".to_owned(), text: mutated, folder: ".".into() };
        if let Err(errors) = RuleSet::load(&[source], &Options::default()) {
            assert!(!errors.0.is_empty());
        }
    }
}
