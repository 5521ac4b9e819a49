//! Bad input: each gets a named error with its place, loses nothing, and is told together with all others.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use crate::support::{Api, Gateway, Landing, gatehouse};

fn landing() -> Landing {
    let api = Api::new("a", "https://backend.example").operation("get", "GET", "/x");
    let landing = Landing::new().api(api);
    landing.write_configuration();
    landing
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}

/// The findings of `check` that keep the configuration from serving.
fn errors(folder: &Path) -> Vec<serde_json::Value> {
    let output = gatehouse(folder, &["check", "--format", "json"]);
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    let errors: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .cloned()
        .collect();
    assert_eq!(output.status.code(), Some(i32::from(!errors.is_empty())), "{report:#}");
    errors
}

/// Breaks a landing zone and expects exactly one error, from `check` and from `serve`, in this file with these words.
#[track_caller]
fn expect(name: &str, break_it: impl FnOnce(&Landing), file: &str, has_line: bool, words: &[&str]) {
    let landing = landing();
    break_it(&landing);
    let folder = landing.folder.path();
    let before = files(folder);
    let found = errors(folder);
    assert_eq!(found.len(), 1, "{name}: {found:#?}");
    let error = &found[0];
    let at = error["file"].as_str().unwrap_or_default();
    assert!(at.ends_with(file), "{name}: {error:#}");
    assert!(
        !has_line || error["line"].as_u64() > Some(0) && error["column"].as_u64() > Some(0),
        "{name}: {error:#}"
    );
    assert!(error["id"].as_str().is_some_and(|id| !id.is_empty()), "{name}: {error:#}");
    let said = format!("{} {}", error["message"], error["fix"]);
    for word in words {
        assert!(said.contains(word), "{name}: `{word}` is not in {said}");
    }
    assert_eq!(files(folder), before, "{name}: check changes no file and makes none");

    let served = gatehouse(folder, &["serve"]);
    assert_eq!(served.status.code(), Some(1), "{name}: {}", text(&served));
    let said = String::from_utf8_lossy(&served.stderr).into_owned();
    let place = if has_line { format!("{at}:{}:{}", error["line"], error["column"]) } else { at.to_owned() };
    assert!(said.contains(&place), "{name}: {place} is not in {said}");
    assert!(said.contains(error["message"].as_str().unwrap()), "{name}: {said}");
    let after = files(folder);
    for (path, bytes) in before {
        assert_eq!(after.get(&path), Some(&bytes), "{name}: {} is as it was", path.display());
    }
}

fn edit(landing: &Landing, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(landing.path(file)).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    std::fs::write(landing.path(file), text.replacen(from, to, 1)).unwrap();
}

#[test]
fn broken_yaml_and_unknown_keys() {
    let yaml = "gatehouse.yaml";
    expect("broken YAML", |l| edit(l, yaml, "zones:", "zones: ]"), yaml, true, &[]);
    expect("a tab", |l| edit(l, yaml, "    zone: external", "\tzone: external"), yaml, true, &[]);
    expect(
        "an unknown key",
        |l| edit(l, yaml, "telemetry:", "telemetri:"),
        yaml,
        true,
        &["telemetri", "did you mean `telemetry`"],
    );
    expect(
        "an unknown inner key",
        |l| edit(l, yaml, "metrics: true", "metric: true"),
        yaml,
        true,
        &["did you mean `metrics`"],
    );
    expect(
        "a duplicate key",
        |l| edit(l, yaml, "artifacts: artifacts", "artifacts: artifacts\nartifacts: other"),
        yaml,
        true,
        &["artifacts"],
    );
    expect(
        "a wrong type",
        |l| edit(l, yaml, "metrics: true", "metrics: sometimes"),
        yaml,
        true,
        &["metrics"],
    );
    expect(
        "a wrong word",
        |l| edit(l, yaml, "zone: external", "zone: extern"),
        yaml,
        true,
        &["did you mean `external`"],
    );
    expect(
        "an unset variable",
        |l| edit(l, yaml, "region: lab", "region: '${GATEHOUSE_TEST_UNSET}'"),
        yaml,
        true,
        &["GATEHOUSE_TEST_UNSET"],
    );
    expect("an API that is not there", |l| edit(l, yaml, "expose: all", "expose: [b]"), yaml, true, &["`b`"]);
}

#[test]
fn certificates_that_cannot_serve() {
    let yaml = "gatehouse.yaml";
    let external = "certificate: certs/server.pem, key: certs/server.key";
    let with = |certificate: &str, key: &str| format!("certificate: certs/{certificate}, key: certs/{key}");
    expect(
        "a missing certificate",
        |l| edit(l, yaml, external, &with("absent.pem", "server.key")),
        yaml,
        true,
        &["absent.pem"],
    );
    expect(
        "a missing key",
        |l| edit(l, yaml, external, &with("server.pem", "absent.key")),
        yaml,
        true,
        &["absent.key"],
    );
    expect(
        "a key that does not match",
        |l| {
            l.server_certificate("other", &["localhost"]);
            edit(l, yaml, external, &with("server.pem", "other.key"));
        },
        yaml,
        true,
        &["other.key", "does not belong to the certificate"],
    );
    expect(
        "an expired certificate",
        |l| {
            let expired = l.authority.sign(
                &["localhost"],
                rcgen::ExtendedKeyUsagePurpose::ServerAuth,
                "old",
                |parameters| {
                    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
                    parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
                },
            );
            expired.write(&l.path("certs/old.pem"), &l.path("certs/old.key"));
            edit(l, yaml, external, &with("old.pem", "old.key"));
        },
        yaml,
        true,
        &["old.pem", "expired"],
    );
    expect(
        "no PEM",
        |l| {
            l.file("certs/text.pem", "hello");
            edit(l, yaml, external, &with("text.pem", "server.key"));
        },
        yaml,
        true,
        &["text.pem"],
    );
    expect(
        "a trust that is no certificate",
        |l| {
            l.file("certs/clients.pem", "hello");
            let tls = "tls:\n      client_certificates: { mode: required, trust: [certs/clients.pem] }";
            edit(l, yaml, "tls:", tls);
        },
        yaml,
        true,
        &["clients.pem"],
    );
}

#[test]
fn artifacts_that_cannot_be_published() {
    let yaml = "gatehouse.yaml";
    expect(
        "no artifacts",
        |l| edit(l, yaml, "artifacts: artifacts", "artifacts: absent"),
        yaml,
        true,
        &["absent"],
    );
    expect(
        "a file for a folder",
        |l| edit(l, yaml, "artifacts: artifacts", "artifacts: keys.txt"),
        yaml,
        true,
        &["keys.txt"],
    );
    let (information, definition) =
        ("artifacts/apis/a/apiInformation.json", "artifacts/apis/a/specification.json");
    expect("broken JSON", |l| edit(l, information, "{", "{,"), information, true, &[]);
    expect(
        "not UTF-8",
        |l| std::fs::write(l.path(information), b"{\"properties\":\xff}").unwrap(),
        information,
        false,
        &["UTF-8"],
    );
    expect(
        "a dangling reference",
        |l| {
            edit(
                l,
                definition,
                "\"200\":{",
                "\"200\":{\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Absent\"}}},",
            );
        },
        definition,
        true,
        &["#/components/schemas/Absent"],
    );
    let policy = "artifacts/apis/a/policy.xml";
    expect(
        "broken XML",
        |l| {
            l.file(policy, "<policies>\n  <inbound>\n    <base />\n  </inbond>\n</policies>");
        },
        policy,
        true,
        &["inbound"],
    );
    expect(
        "an unknown policy",
        |l| {
            l.file(policy, "<policies><inbound><base /><set-heder name=\"X\" /></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>");
        },
        policy,
        true,
        &["set-heder", "did you mean `set-header`"],
    );
    let second = "artifacts/apis/b/apiInformation.json";
    expect(
        "a duplicate path",
        |l| {
            l.file(
                second,
                &std::fs::read_to_string(l.path(information))
                    .unwrap()
                    .replace("\"displayName\":\"a\"", "\"displayName\":\"b\""),
            );
            l.file(
                "artifacts/apis/b/specification.json",
                &std::fs::read_to_string(l.path(definition)).unwrap(),
            );
        },
        "artifacts/apis/b/apiInformation.json",
        true,
        &["apis/a", "`/a`"],
    );
    let product = "artifacts/products/p/productInformation.json";
    expect(
        "a product of an absent API",
        |l| {
            l.file(product, "{\"properties\":{\"displayName\":\"p\",\"state\":\"published\"}}");
            l.file("artifacts/products/p/apis/absent/productApiInformation.json", "{}");
        },
        "productApiInformation.json",
        false,
        &["`absent`", "products/p"],
    );
    let subscription = "artifacts/subscriptions/s/subscriptionInformation.json";
    expect(
        "a subscription to nothing",
        |l| {
            l.file(subscription, "{\"properties\":{\"displayName\":\"s\",\"scope\":\"/products/absent\",\"state\":\"active\"}}");
        },
        subscription,
        true,
        &["absent"],
    );
}

#[test]
fn a_port_that_is_taken() {
    let landing = landing();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", landing.port)).unwrap();
    let served = gatehouse(landing.folder.path(), &["serve"]);
    let said = text(&served);
    assert_eq!(served.status.code(), Some(1), "{said}");
    assert!(
        said.contains("gatehouse.yaml:6:14: error: ") && said.contains(&landing.port.to_string()),
        "{said}"
    );
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let mut gateway = Gateway::start(landing()).await;
    gateway.signal("TERM");
    gateway.wait(std::time::Duration::from_secs(5)).await;
    let landing = &gateway.landing;
    let database = landing.path("data/gatehouse.db");
    // SQLite keeps the version that an application gives in bytes 60 to 63 of the file.
    let mut bytes = std::fs::read(&database).unwrap();
    assert!(bytes.starts_with(b"SQLite format 3\0"), "the store is a SQLite database");
    bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
    std::fs::write(&database, &bytes).unwrap();
    let _ = std::fs::remove_file(landing.path("data/gatehouse.db-wal"));
    for verb in [&["serve"][..], &["check"], &["subscription", "list"]] {
        let output = gatehouse(landing.folder.path(), verb);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {said}");
        assert!(said.contains("gatehouse.db") && said.contains("version 999"), "{verb:?}: {said}");
        assert_eq!(std::fs::read(&database).unwrap(), bytes, "{verb:?}: nothing was written");
    }
}

#[tokio::test]
async fn a_master_key_that_is_lost_or_another_is_told_and_nothing_is_made_anew() {
    let mut gateway = Gateway::start(landing()).await;
    gateway.signal("TERM");
    gateway.wait(std::time::Duration::from_secs(5)).await;
    let landing = &gateway.landing;
    let key = landing.path("data/master.key");
    let before = std::fs::read(&key).unwrap();
    let database = std::fs::read(landing.path("data/gatehouse.db")).unwrap();
    for replacement in [None, Some("short".as_bytes().to_vec())] {
        match &replacement {
            None => std::fs::remove_file(&key).unwrap(),
            Some(bytes) => std::fs::write(&key, bytes).unwrap(),
        }
        for verb in [&["serve"][..], &["subscription", "list"]] {
            let output = gatehouse(landing.folder.path(), verb);
            assert_eq!(output.status.code(), Some(1), "{verb:?} {replacement:?}: {}", text(&output));
            assert!(text(&output).contains("master.key"), "{}", text(&output));
            assert_eq!(std::fs::read(&key).ok(), replacement);
        }
    }
    assert_eq!(std::fs::read(landing.path("data/gatehouse.db")).unwrap(), database);
    std::fs::write(&key, before).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let output = gatehouse(landing.folder.path(), &["subscription", "list"]);
    assert!(
        !output.status.success() && text(&output).contains("644"),
        "others may read it: {}",
        text(&output)
    );
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let output = gatehouse(landing.folder.path(), &["subscription", "list"]);
    assert!(output.status.success(), "{}", text(&output));
}

/// Five errors of five kinds in five files.
fn broken() -> Landing {
    let landing = landing();
    edit(&landing, "gatehouse.yaml", "certs/server.key", "certs/absent.key");
    edit(
        &landing,
        "artifacts/apis/a/specification.json",
        "\"200\":{",
        "\"200\":{\"$ref\":\"#/components/responses/Absent\",",
    );
    landing.file("artifacts/apis/a/policy.xml", "<policies>\n<inbound>\n<base />\n<absent-policy />\n</inbound>\n<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>");
    landing.file("artifacts/policy.xml", "<policies>\n<inbound>\n</policies>");
    landing.file("artifacts/named values/n/namedValueInformation.json", "{\"properties\":{}}");
    landing
}

#[test]
fn check_tells_all_errors_of_all_files_at_once() {
    let landing = broken();
    let output = gatehouse(landing.folder.path(), &["check"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    for place in [
        "gatehouse.yaml:10:",
        "artifacts/apis/a/specification.json:1:",
        "artifacts/apis/a/policy.xml:4:1: error: ",
        "artifacts/policy.xml:",
        "artifacts/named values/n/namedValueInformation.json:",
    ] {
        assert!(said.contains(place), "{place} is not in\n{said}");
    }
}

#[test]
fn check_prints_for_machines() {
    let landing = broken();
    let run = |format: &str| {
        let output = gatehouse(landing.folder.path(), &["check", "--format", format]);
        assert_eq!(output.status.code(), Some(1), "{format}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let names = ["id", "severity", "message", "file", "line", "column", "resource", "controls", "fix"];
    assert_eq!(findings[0].as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), names);
    assert!(json.as_object().unwrap().contains_key("score"));
    let count = findings.len();

    let sarif: serde_json::Value = serde_json::from_str(&run("sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), count);
    for result in results {
        assert!(
            ["error", "warning", "note", "none"].contains(&result["level"].as_str().unwrap()),
            "{result:#}"
        );
        assert!(result["ruleId"].is_string() && result["message"]["text"].is_string(), "{result:#}");
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert!(region.is_null() || region["startLine"].as_u64() > Some(0), "{result:#}");
    }

    let junit = run("junit");
    assert!(junit.starts_with("<?xml"), "{junit}");
    assert_eq!(junit.matches("<testcase ").count(), count, "{junit}");
    assert!(junit.matches("<failure").count() >= 5, "{junit}");

    let good = self::landing();
    for format in ["text", "json", "sarif", "junit"] {
        let output = gatehouse(good.folder.path(), &["check", "--format", format]);
        assert_eq!(output.status.code(), Some(0), "{format}: {}", text(&output));
        // `expose: all` is a finding of medium severity.
        let strict = gatehouse(good.folder.path(), &["check", "--format", format, "--fail-on", "medium"]);
        assert_eq!(strict.status.code(), Some(1), "{format}: {}", text(&strict));
    }
    let strict = gatehouse(good.folder.path(), &["check", "--fail-on", "critical"]);
    assert_eq!(strict.status.code(), Some(0), "{}", text(&strict));
}

#[test]
fn keys_of_later_versions_are_refused_as_not_yet_available() {
    let yaml = "gatehouse.yaml";
    for key in ["management: {}", "portal: {}"] {
        let add =
            |l: &Landing| l.file(yaml, &format!("{}{key}\n", std::fs::read_to_string(l.path(yaml)).unwrap()));
        expect(key, add, yaml, true, &["not yet available"]);
    }
    for (from, to) in [
        ("serves: [gateway]", "serves: [gateway, portal]"),
        ("serves: [gateway, metrics]", "serves: [gateway, metrics, management]"),
        ("metrics: true", "metrics: true, otlp: 'https://collector.example'"),
        ("zones:", "store: { counters: 'redis://localhost' }\nzones:"),
        ("zones:", "store: { database: 'postgres://localhost/x' }\nzones:"),
    ] {
        expect(to, |l| edit(l, yaml, from, to), yaml, true, &["not yet available"]);
    }
    let outside = |l: &Landing| edit(l, yaml, "serves: [gateway]", "serves: [gateway, management]");
    let landing = landing();
    outside(&landing);
    let said = format!("{:#?}", errors(landing.folder.path()));
    assert!(said.contains("an external zone refuses `management`"), "{said}");
}

#[test]
fn secrets_that_are_wrong_are_not_repeated() {
    let landing = landing();
    landing.file("keys.yaml", "s: { primary: 'canary with spaces' }\n");
    landing.file(
        "artifacts/subscriptions/s/subscriptionInformation.json",
        "{\"properties\":{\"displayName\":\"s\",\"scope\":\"/apis/a\",\"state\":\"active\"}}",
    );
    let output = gatehouse(landing.folder.path(), &["serve", "--keys", "keys.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("keys.yaml:1:"), "{}", text(&output));
    assert!(!text(&output).contains("canary"), "{}", text(&output));
}

/// A policy document of the service with these policies in inbound.
fn inbound(policies: &str) -> String {
    format!(
        "<policies>\n<inbound>\n{policies}\n</inbound>\n<backend><forward-request /></backend>\n</policies>"
    )
}

#[test]
fn policy_documents_that_cannot_run() {
    let policy = "artifacts/policy.xml";
    let cors = "<cors><allowed-origins><origin>https://a.example</origin></allowed-origins></cors>";
    let deep =
        format!("{}{}", "<choose><when condition=\"true\">".repeat(5000), "</when></choose>".repeat(5000));
    let fragments = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    for (name, document, words) in [
        ("two cors", inbound(&format!("{cors}\n{cors}")), &["`cors` may stand once in a section"] as &[&str]),
        (
            "a policy in the wrong section",
            inbound("<cache-store duration=\"1\" />"),
            &["`cache-store` cannot stand in the section `inbound`", "outbound"],
        ),
        ("policies within each other", inbound(&deep), &["nested deeper than 100"]),
        ("elements within each other", inbound(&fragments), &["nested deeper than 100"]),
        (
            "a bracket that is missing",
            inbound("<set-variable name=\"a\" value=\"@(context.Request.Method\" />"),
            &["the expression is broken"],
        ),
        (
            "a bracket too many",
            inbound("<set-variable name=\"a\" value=\"@(1))\" />"),
            &["its quote does not follow"],
        ),
        (
            "a text that does not end",
            inbound("<set-body>@{ return \"a; }</set-body>"),
            &["the expression is broken"],
        ),
        (
            "brackets within each other",
            inbound(&format!(
                "<set-variable name=\"a\" value=\"@{}1{}\" />",
                "(".repeat(10_000),
                ")".repeat(10_000)
            )),
            &["nested"],
        ),
        (
            "a template that does not end",
            inbound("<set-body template=\"liquid\">{% if body.a %}</set-body>"),
            &["`{% if %}` does not end"],
        ),
        (
            "a filter that there is not",
            inbound("<set-body template=\"liquid\">{{ body.a | upcase }}</set-body>"),
            &["did you mean `Upcase`?"],
        ),
    ] {
        expect(name, |landing| landing.file(policy, &document), policy, true, words);
    }
    expect(
        "not UTF-8",
        |l| std::fs::write(l.path(policy), b"<policies>\n<inbound>\n\xff</inbound></policies>").unwrap(),
        policy,
        true,
        &["UTF-8"],
    );
    expect(
        "a fragment that includes itself",
        |landing| {
            let fragment = "<fragment>\n<include-fragment fragment-id=\"loop\" />\n</fragment>";
            landing.file("artifacts/policy fragments/loop/policy.xml", fragment);
            landing.file(policy, &inbound("<include-fragment fragment-id=\"loop\" />"));
        },
        "artifacts/policy fragments/loop/policy.xml",
        true,
        &["the fragment `loop` includes itself"],
    );
}
