//! What is found at load, and what outlives a reload.

use std::path::PathBuf;

use gatehouse_model::configuration::ClientIdentity;
use rcgen::date_time_ymd;
use tempfile::TempDir;

use super::*;
use crate::upstream::BreakerState;

fn trusting(authority: &Authority) -> BackendConnection {
    BackendConnection {
        trust: vec![Trust::File(here(authority.file.clone()))],
        ..BackendConnection::default()
    }
}

fn findings(backends: &[Backend], connection: &BackendConnection) -> String {
    load(backends, connection, None).expect_err("something is wrong with it").to_string()
}

#[test]
fn a_wrong_file_is_named_with_its_place() {
    let authority = Authority::new();
    let folder = TempDir::new().unwrap();
    let garbage = folder.path().join("garbage.pem");
    std::fs::write(&garbage, "not a certificate").unwrap();
    let with_trust = |path: PathBuf| BackendConnection {
        trust: vec![Trust::File(here(path))],
        ..BackendConnection::default()
    };
    let missing = findings(&[], &with_trust(folder.path().join("gone.pem")));
    assert!(missing.starts_with("gatehouse.yaml:7:3: error: cannot read "), "{missing}");
    assert!(findings(&[], &with_trust(garbage.clone())).contains("holds no certificate"));

    let (one, other) = (authority.issue("one.example"), authority.issue("other.example"));
    let with_identity = |certificate: &Path, key: &Path| BackendConnection {
        client_certificate: Some(ClientIdentity {
            certificate: here(certificate.to_owned()),
            key: here(key.to_owned()),
        }),
        ..trusting(&authority)
    };
    let mismatch = findings(&[], &with_identity(&one.certificate_file, &other.key_file));
    assert!(mismatch.contains("the private key does not belong to the client certificate"), "{mismatch}");
    assert!(findings(&[], &with_identity(&one.certificate_file, &garbage)).contains("holds no private key"));
    let expired = authority.issue_with("expired.example", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    assert!(
        findings(&[], &with_identity(&expired.certificate_file, &expired.key_file)).contains("has expired")
    );
    assert!(load(&[], &with_identity(&one.certificate_file, &one.key_file), None).is_ok());
}

#[test]
fn a_finding_about_shared_settings_is_told_once() {
    let nobody = BackendConnection { trust: Vec::new(), ..BackendConnection::default() };
    let text = findings(&[single("a", "http://a.example"), single("b", "http://b.example")], &nobody);
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_trust_list_without_certificates_is_refused() {
    let nobody = BackendConnection { trust: Vec::new(), ..BackendConnection::default() };
    assert!(findings(&[], &nobody).contains("no authority vouches for backends"));
}

#[test]
fn entities_are_checked_and_all_findings_are_told_at_once() {
    let authority = Authority::new();
    let mut breaker = single("breaker", "http://a.example");
    breaker.circuit_breaker = vec![CircuitBreakerRule { error_reasons: vec!["Timeot".to_owned()], ..rule() }];
    let mut credentials = single("credentials", "http://a.example");
    credentials.credentials.headers =
        vec![("bad name".to_owned(), Vec::new()), ("Connection".to_owned(), Vec::new())];
    let backends = [
        single("ftp", "ftp://a.example/"),
        single("query", "https://a.example/?a=b"),
        single("user", "https://me:pw@a.example/"),
        breaker,
        credentials,
        pool("outer", &[("query", 1, 1), ("ftpp", 1, 1)]),
    ];
    let text = findings(&backends, &trusting(&authority));
    for expected in [
        "`ftp` is not a scheme that backends speak",
        "backend `query`: the URL has a query",
        "backend `user`: the URL holds a user name",
        "unknown error reason `Timeot` (did you mean `Timeout`?)",
        "`bad name`, which is not a field name",
        "may not set the header field `Connection`",
        "names the backend `ftpp`, which does not exist (did you mean `ftp`?)",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing from\n{text}");
    }
    assert!(!text.contains("pw"), "{text}");
}

#[test]
fn connections_of_unknown_backends_are_refused() {
    let authority = Authority::new();
    let connections = BTreeMap::from([("order".to_owned(), trusting(&authority))]);
    let backends = [single("orders", "http://a.example")];
    let error = load_with(&backends, &trusting(&authority), &connections, None).unwrap_err().to_string();
    assert!(error.contains("`backends` names `order`"), "{error}");
    assert!(error.contains("did you mean `orders`?"), "{error}");
}

#[test]
fn connections_and_breakers_outlive_a_reload_that_does_not_concern_them() {
    run(async {
        let failing = peers::canned("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await;
        let entity = Backend { circuit_breaker: vec![rule()], ..single("orders", &http_url(failing)) };
        let mut core = Core::with(std::slice::from_ref(&entity), |_| {});
        let config = core.authority.issue("localhost").server(&["http/1.1"]);
        let address = peers::secure(config, 1, |_| async { peers::text("ok") }).await;
        let url = format!("https://localhost:{}", address.port());
        core.get(&url, "/").await.unwrap();
        for _ in 0..3 {
            core.get("entity:orders", "/").await.unwrap();
        }
        let opened = core.counts.opened.get();
        let settings = trusting(&core.authority);
        core.backends = load(std::slice::from_ref(&entity), &settings, Some(&core.backends)).unwrap();
        core.get(&url, "/").await.unwrap();
        assert_eq!(core.counts.opened.get(), opened, "the connection is still used");
        let states: Vec<_> = core.backends.breakers(core.clock.monotonic_micros()).collect();
        assert_eq!(states, [("orders", BreakerState::Open)]);

        let other_rule = CircuitBreakerRule { count: Some(9), ..rule() };
        let changed = Backend { circuit_breaker: vec![other_rule], ..entity };
        let settings = BackendConnection { idle_connections: 5, ..settings };
        core.backends = load(&[changed], &settings, Some(&core.backends)).unwrap();
        core.get(&url, "/").await.unwrap();
        assert_eq!(core.counts.opened.get(), opened + 1, "other settings, another connection");
        let states: Vec<_> = core.backends.breakers(core.clock.monotonic_micros()).collect();
        assert_eq!(states, [("orders", BreakerState::Closed)]);
    });
}
