//! Backends.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::Artifacts;
use crate::resources::{BackendTarget, StatusRange};

fn one(properties: &str) -> Artifacts {
    Artifacts::new(&[(
        "backends/b/backendInformation.json",
        &format!("{{\"properties\": {{{properties}}}}}"),
    )])
}

#[test]
fn a_backend_is_read_whole() {
    let artifacts = Artifacts::new(&[
        (
            "backends/b/backendInformation.json",
            r#"{"properties": {"url": "https://b.example/x", "protocol": "http", "title": "B", "type": "Single",
            "credentials": {"header": {"X-Key": ["{{key}}", "2"]}, "query": {"code": ["c"]},
                "authorization": {"scheme": "Bearer", "parameter": "t"}},
            "tls": {"validateCertificateChain": false},
            "circuitBreaker": {"rules": [{"name": "r", "tripDuration": "PT1M", "acceptRetryAfter": true,
                "failureCondition": {"count": 3, "interval": "PT10S", "statusCodeRanges": [{"min": 500, "max": 599}],
                "errorReasons": ["Server errors"]}}]}}}"#,
        ),
        (
            "named values/k/namedValueInformation.json",
            r#"{"properties": {"displayName": "key", "secret": true}}"#,
        ),
    ]);
    let catalog = artifacts.catalog();
    let backend = &catalog.service.backends["b"];
    assert!(matches!(&backend.target, BackendTarget::Single(url) if url.as_str() == "https://b.example/x"));
    let (name, values) = &backend.credentials.headers[0];
    assert_eq!(name, "X-Key");
    assert_eq!(values.iter().map(|value| value.value.expose_secret()).collect::<Vec<_>>(), ["{{key}}", "2"]);
    let (scheme, parameter) = backend.credentials.authorization.as_ref().unwrap();
    assert_eq!((scheme.as_str(), parameter.value.expose_secret()), ("Bearer", "t"));
    assert!(!backend.tls.validate_certificate_chain && backend.tls.validate_certificate_name);
    let rule = &backend.circuit_breaker[0];
    assert_eq!((rule.count, rule.percentage), (Some(3), None));
    assert_eq!((rule.interval, rule.trip_duration), (Duration::from_secs(10), Duration::from_secs(60)));
    assert_eq!(rule.status_codes, [StatusRange { min: 500, max: 599 }]);
    assert!(rule.accept_retry_after);
}

#[test]
fn each_fault_of_a_backend_is_told_at_its_place() {
    for (properties, column, message) in [
        (r#""title": """#, 16, "backends/b has no `url`"),
        (
            r#""url": "https://x/?a=b""#,
            24,
            "`url` has a query or a fragment (take it out; parameters belong to operations, policies or credentials)",
        ),
        (
            r#""url": "https://{{host}}/""#,
            24,
            "`url` cannot hold named values (write the address, override it for each environment, or use `set-backend-service`)",
        ),
        (
            r#""url": "https://x", "protocol": "https""#,
            49,
            "`protocol` has the unknown value `https` (did you mean `http`?)",
        ),
        (r#""url": "https://x", "proxy": {"url": "x"}"#, 46, "`proxy` is not yet available"),
        (
            r#""url": "https://x", "credentials": {"certificateIds": ["x", "/certificates/y"]}"#,
            77,
            "a backend can be shown one client certificate",
        ),
        (
            r#""url": "https://x", "credentials": {"header": {"a b": ["x"]}}"#,
            72,
            "`a b` cannot be the name of a header (use letters, digits and any of !#$%&'*+-.^_`|~)",
        ),
        (
            r#""url": "https://x", "credentials": {"header": {"a": ["{{nothing}}"]}}"#,
            70,
            "backends/b refers to the named value `nothing`, which does not exist (add a named value with the display name `nothing`)",
        ),
        (
            r#""url": "https://x", "credentials": {"managedIdentity": {"resource": "x"}}"#,
            72,
            "`credentials.managedIdentity` is not yet available",
        ),
        (r#""type": "Pool""#, 16, "backends/b has no `pool`"),
        (r#""pool": {"services": []}"#, 38, "a pool needs members in `pool.services`"),
        (
            r#""pool": {"services": [{"id": "/backends/c"}]}"#,
            46,
            "backends/b refers to the backend `c`, which does not exist (did you mean `b`?)",
        ),
        (
            r#""pool": {"services": [{"id": "/loggers/c"}]}"#,
            46,
            "backends/b refers to `/loggers/c`, which is not the id of a backend (write `/backends/NAME`)",
        ),
        (
            r#""type": "Single", "url": "https://x", "pool": {}"#,
            63,
            "a backend of type `Single` has no `pool` (write `\"type\": \"Pool\"`)",
        ),
        (
            r#""url": "https://x", "tls": {"validateCertificate": true}"#,
            45,
            "unknown property `tls.validateCertificate` (did you mean `validateCertificateName`?)",
        ),
    ] {
        let errors = one(properties).errors();
        let expected = format!("backends/b/backendInformation.json:1:{column}: error: {message}");
        assert_eq!(errors.lines().next().unwrap_or_default(), expected, "{properties}\n{errors}");
    }
}

#[test]
fn each_fault_of_a_circuit_breaker_is_told() {
    let sound = r#""count": 3, "interval": "PT10S", "statusCodeRanges": [{"min": 500, "max": 599}]"#;
    for (condition, trip, message) in [
        (sound, "10", "`10` is not a duration (write an ISO 8601 duration such as `PT10S` or `P1D`)"),
        (
            sound,
            "PT0S",
            "`tripDuration` must be longer than nothing (write an ISO 8601 duration such as `PT10S` or `P1D`)",
        ),
        (
            r#""interval": "PT1S", "errorReasons": ["x"]"#,
            "PT1S",
            "a failure condition has a `count` or a `percentage` (add one of them)",
        ),
        (
            r#""count": 1, "percentage": 5, "interval": "PT1S", "errorReasons": ["x"]"#,
            "PT1S",
            "a failure condition has a `count` or a `percentage` (take one of them out)",
        ),
        (
            r#""percentage": 101, "interval": "PT1S", "errorReasons": ["x"]"#,
            "PT1S",
            "`circuitBreaker.rules[0].failureCondition.percentage` must be a whole number from 1 to 100, not `101`",
        ),
        (
            r#""count": 0, "interval": "PT1S", "errorReasons": ["x"]"#,
            "PT1S",
            "`circuitBreaker.rules[0].failureCondition.count` must be a whole number from 1 to 10000, not `0`",
        ),
        (
            r#""count": 1, "interval": "PT1S""#,
            "PT1S",
            "a failure condition says which answers are failures (add `statusCodeRanges` or `errorReasons`)",
        ),
        (
            r#""count": 1, "interval": "PT1S", "statusCodeRanges": [{"min": 100, "max": 599}]"#,
            "PT1S",
            "`circuitBreaker.rules[0].failureCondition.statusCodeRanges[0].min` must be a whole number from 200 to 599, not `100`",
        ),
        (
            r#""count": 1, "interval": "PT1S", "statusCodeRanges": [{"min": 500, "max": 400}]"#,
            "PT1S",
            "the range ends at 400, before it begins at 500",
        ),
    ] {
        let artifacts = one(&format!(
            r#""url": "https://x", "circuitBreaker": {{"rules": [{{"name": "r", "tripDuration": "{trip}",
            "failureCondition": {{{condition}}}}}]}}"#
        ));
        let errors = artifacts.errors();
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.ends_with(&format!(": error: {message}")), "{errors}\n{message}");
    }
}

#[test]
fn pools_have_single_members() {
    let pool = r#"{"properties": {"type": "Pool", "pool": {"services": [{"id": "/backends/MEMBER", "priority": 2}]}}}"#;
    let artifacts = Artifacts::new(&[
        ("backends/b/backendInformation.json", r#"{"properties": {"url": "https://b.example"}}"#),
        ("backends/p/backendInformation.json", &pool.replace("MEMBER", "B")),
        ("backends/q/backendInformation.json", &pool.replace("MEMBER", "p")),
    ]);
    assert_eq!(
        artifacts.errors(),
        "backends/q/backendInformation.json:1:62: error: the pool `q` has the member `p`, which is a pool itself (name its members here)"
    );
    let (catalog, _) = artifacts.read();
    let BackendTarget::Pool(members) = &catalog.service.backends["p"].target else { panic!("no pool") };
    assert_eq!((members[0].backend.value.as_str(), members[0].priority, members[0].weight), ("b", 2, 1));
}
