//! API definitions as people publish them: imported and served together.

use std::path::Path;

use crate::support::{Backend, Gateway, Landing, gatehouse, peers};

/// The OpenAPI definitions of the corpora with the operations that each has.
fn openapi(corpora: &Path) -> Vec<(String, usize)> {
    let index = std::fs::read_to_string(corpora.join("openapi/index.tsv")).unwrap();
    let rows = index.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        let (kind, count, file) = (columns.next()?, columns.next()?, columns.next()?);
        let known = kind.starts_with("openapi") || kind.starts_with("swagger");
        known.then(|| (file.to_owned(), count.parse().unwrap()))
    });
    rows.collect()
}

#[tokio::test]
async fn published_definitions_are_imported_and_served() {
    let Some(corpora) = peers::corpora() else { return };
    let backend = Backend::echo();
    let landing = Landing::new().subscription("all", "/apis");
    let definitions = openapi(&corpora);
    assert!(definitions.len() > 30, "{}", definitions.len());
    for (number, (file, count)) in definitions.iter().enumerate() {
        let path = corpora.join("openapi").join(file);
        let arguments = [
            "import",
            "openapi",
            path.to_str().unwrap(),
            "--name",
            &format!("api{number}"),
            "--into",
            "artifacts",
            "--backend",
            &backend.url(),
        ];
        let output = gatehouse(landing.folder.path(), &arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{file}: {err}");
        // Paths that differ behind `#` only are one and the same to a server; each that is left out is told.
        let left_out = err.matches("never reaches a server").count();
        assert!(out.ends_with(&format!("{} operations\n", count - left_out)), "{file}: {out}{err}");
    }
    landing.file(
        "artifacts/policy.xml",
        "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>",
    );
    // An imported API asks for a key, as those of API Management do. A start refuses whatever `check` calls an error.
    let gateway = Gateway::start(landing).await;
    let client = gateway.client().header("ocp-apim-subscription-key", "all-primary");
    let github = definitions.iter().position(|(file, _)| file.contains("api.github.com")).unwrap();
    let seen = client.get(&format!("/api{github}/repos/a/b/issues/7")).await;
    assert_eq!(seen.json()["uri"], "/repos/a/b/issues/7");
    assert_eq!(client.get(&format!("/api{github}/no/such/path/here")).await.status, 404);
    let operations: Vec<_> = gateway
        .access_log(2)
        .await
        .iter()
        .filter_map(|record| record["operation"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(operations, ["issues-get"], "named as API Management names the operation `issues/get`");
}

#[test]
fn definitions_that_cannot_be_imported_say_why_and_leave_nothing_behind() {
    let landing = Landing::new();
    let import = |text: &str| {
        landing.file("d.yaml", text);
        let output = gatehouse(
            landing.folder.path(),
            &["import", "openapi", "d.yaml", "--name", "d", "--into", "artifacts"],
        );
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(!landing.path("artifacts/apis").exists(), "{text}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let dangling = import(
        "openapi: 3.0.3\ninfo: { title: T, version: '1' }\npaths:\n  /x:\n    get:\n      responses:\n        '200': { $ref: '#/components/responses/Absent' }\n",
    );
    assert!(
        dangling.contains("d.yaml:7:") && dangling.contains("#/components/responses/Absent"),
        "{dangling}"
    );
    let version = import("openapi: 4.0.0\ninfo: { title: T, version: '1' }\npaths: {}\n");
    assert!(version.contains("d.yaml:1:") && version.contains("4.0.0"), "{version}");
    let broken = import("openapi: 3.0.3\npaths: [\n");
    assert!(broken.contains("d.yaml:"), "{broken}");
    let outside = import(
        "openapi: 3.0.3\ninfo: { title: T, version: '1' }\npaths:\n  /x: { $ref: '../../../../../../etc/hostname' }\n",
    );
    assert!(outside.contains("d.yaml:4:"), "{outside}");
    let remote = import(
        "openapi: 3.0.3\ninfo: { title: T, version: '1' }\npaths:\n  /x: { $ref: 'https://evil.example/x.yaml' }\n",
    );
    assert!(remote.contains("d.yaml:4:"), "{remote}");
}
