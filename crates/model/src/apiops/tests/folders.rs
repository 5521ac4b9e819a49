//! What may stand where.

use super::{Artifacts, DEFINITION, POLICY, api};

const NAMED_VALUE: &str = r#"{"properties": {"displayName": "one", "value": "1"}}"#;

#[test]
fn the_three_spellings_are_read_and_may_be_mixed() {
    let catalog = Artifacts::new(&[
        ("named values/one/namedValueInformation.json", NAMED_VALUE),
        ("namedValues/two/namedValueInformation.json", &NAMED_VALUE.replace("one", "two")),
        ("named_values/three/named_value_information.json", &NAMED_VALUE.replace("one", "three")),
        ("policy_fragments/f/policy.xml", "<fragment />"),
        ("policy fragments/g/policy.xml", "<fragment />"),
        ("policy fragments/g/policyFragmentInformation.json", r#"{"properties": {"description": "G"}}"#),
        ("apis/a/api_information.json", &api("")),
        ("apis/a/openapispec.yaml", DEFINITION),
        (
            "versionSets/v/versionSetInformation.json",
            r#"{"properties": {"displayName": "V", "versioningScheme": "Segment"}}"#,
        ),
        ("README.md", "# for people"),
        ("apis/a/wiki.md", "# for people"),
        ("LICENSE", ""),
        (".gitignore", ""),
        (".github/workflows/publish.yaml", ""),
        ("configuration.prod.yaml", "{"),
    ])
    .catalog();
    let service = &catalog.service;
    assert_eq!(service.named_values.keys().collect::<Vec<_>>(), ["one", "three", "two"]);
    assert_eq!(service.fragments["g"].description.as_deref(), Some("G"));
    assert_eq!(service.fragments["f"].description, None);
    assert_eq!(service.apis["a"].operations.len(), 2);
    assert_eq!(service.version_sets.len(), 1);
}

#[test]
fn a_pipe_is_refused_before_it_is_waited_for() {
    let artifacts = Artifacts::new(&[("apis/a/policy.xml", POLICY)]);
    let pipe = artifacts.path("apis/a/apiInformation.json");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let errors = artifacts.errors();
    assert!(errors.contains("apis/a/apiInformation.json: error: this is no regular file"), "{errors}");
}

#[test]
fn what_does_not_belong_is_refused_with_a_suggestion() {
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/polcy.xml", POLICY),
        ("apis/a/specification.txt", ""),
        ("apis/a/operation/get-a/policy.xml", POLICY),
        ("apis/loose.json", "{}"),
        ("produts/p/productInformation.json", "{}"),
        ("backends/b/policy.xml", POLICY),
    ]);
    assert_eq!(
        artifacts.errors(),
        "apis/a/operation: error: unknown folder `operation` (did you mean `operations`?)
apis/a/polcy.xml: error: unknown file `polcy.xml` (did you mean `policy.xml`?)
apis/a/specification.txt: error: unknown file `specification.txt` (did you mean `specification.yaml`?)
apis/loose.json: error: an API is a folder, and this is a file (put the files of each API into a folder of its name)
backends/b: error: backends/b has no `backendInformation.json`
backends/b/policy.xml: error: unknown file `policy.xml` (here belong backendInformation.json)
produts: error: unknown folder `produts` (did you mean `products`?)"
    );
}

#[test]
fn a_folder_of_artifacts_further_down_is_suggested() {
    let artifacts = Artifacts::new(&[("apimartifacts/apis/a/apiInformation.json", &api(""))]);
    assert_eq!(
        artifacts.errors(),
        "apimartifacts: error: unknown folder `apimartifacts` (did you mean `apimartifacts` as the folder of artifacts?)"
    );
}

#[test]
fn a_missing_folder_is_told_where_it_is_named() {
    let artifacts = Artifacts::new(&[]).layer("missing", &[]);
    let (_, diagnostics) = artifacts.read();
    let message = diagnostics.to_string();
    assert!(message.starts_with("gatehouse.yaml:2:12: error: the artifacts folder `"), "{message}");
    assert!(message.contains("missing` cannot be read"), "{message}");
}

#[test]
fn later_folders_win_file_by_file() {
    let catalog = Artifacts::new(&[
        ("policy.xml", "<policies>1</policies>"),
        ("named values/one/namedValueInformation.json", NAMED_VALUE),
        ("named values/two/namedValueInformation.json", &NAMED_VALUE.replace("one", "two")),
        ("apis/a/apiInformation.json", &api("\"description\": \"lower\"")),
        ("apis/a/specification.yaml", DEFINITION),
        ("apis/a/policy.xml", POLICY),
    ])
    .layer(
        "b",
        &[
            (
                "namedValues/one/namedValueInformation.json",
                &NAMED_VALUE.replace("\"1\"", "\"2\", \"tags\": [\"b\"]"),
            ),
            ("apis/a/policy.xml", "<policies>2</policies>"),
            (
                "apis/a/specification.json",
                r#"{"openapi": "3.0.1", "info": {"title": "A", "version": "1"},
                "paths": {"/only": {"get": {"operationId": "only", "responses": {}}}}}"#,
            ),
        ],
    )
    .catalog();
    let service = &catalog.service;
    assert_eq!(service.named_values["one"].tags, ["b"]);
    assert_eq!(service.named_values["two"].tags, [""; 0]);
    assert_eq!(service.apis["a"].description.as_deref(), Some("lower"));
    assert_eq!(&*service.apis["a"].policy.as_ref().unwrap().text, "<policies>2</policies>");
    assert_eq!(service.apis["a"].operations.keys().collect::<Vec<_>>(), ["only"]);
    assert_eq!(&*service.policy.as_ref().unwrap().text, "<policies>1</policies>");
}

#[test]
fn one_folder_says_each_thing_once() {
    let artifacts = Artifacts::new(&[
        ("named values/one/namedValueInformation.json", NAMED_VALUE),
        ("namedValues/one/namedValueInformation.json", NAMED_VALUE),
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/specification.json", "{}"),
        ("apis/a/specification.yaml", DEFINITION),
        ("tags/one/tagInformation.json", r#"{"properties": {"displayName": "1"}}"#),
        ("tags/One/tagInformation.json", r#"{"properties": {"displayName": "1"}}"#),
    ]);
    let errors = artifacts.errors();
    assert!(errors.contains("apis/a/specification.yaml: error: a second definition of one resource; the first is `apis/a/specification.json` (keep one of them)"), "{errors}");
    assert!(errors.contains("namedValues/one/namedValueInformation.json: error: a second information file of one resource; the first is `named values/one/namedValueInformation.json` (keep one of them)"), "{errors}");
    assert!(
        errors.contains("tags/one: error: `one` and `tags/One` are one name: names differ by more than case"),
        "{errors}"
    );
}

#[test]
fn files_are_utf8_with_or_without_a_mark() {
    let artifacts = Artifacts::new(&[("apis/a/apiInformation.json", &format!("\u{feff}{}", api("")))])
        .bytes("policy.xml", b"\xef\xbb\xbf<policies />")
        .bytes("apis/a/policy.xml", b"<policies>\n  caf\xe9</policies>");
    assert_eq!(artifacts.errors(), "apis/a/policy.xml:2:6: error: the file is not UTF-8 (save it as UTF-8)");
    let (catalog, _) = artifacts.read();
    assert_eq!(&*catalog.service.policy.unwrap().text, "<policies />");
    let wide = Artifacts::new(&[]).bytes("policy.xml", b"\xff\xfe<\0");
    assert_eq!(wide.errors(), "policy.xml:1:1: error: the file is UTF-16 (save it as UTF-8)");
}

#[test]
fn kinds_that_nothing_uses_are_counted_and_checked_for_syntax() {
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/specification.yaml", DEFINITION),
        ("apis/a/releases/r1/apiReleaseInformation.json", "{}"),
        ("apis/a/releases/r2/releaseInformation.json", "{}"),
        ("apis/a/schemas/s/schemaInformation.json", "{\n  \"x\": }"),
        ("gateways/g/gatewayInformation.json", "{}"),
        ("gateways/g/apis/a/gatewayApiInformation.json", "{}"),
        ("policyRestrictions/r/policyRestrictionInformation.json", "{}"),
    ]);
    let errors = artifacts.errors();
    assert!(errors.starts_with("apis/a/schemas/s/schemaInformation.json:2:8: error: "), "{errors}");
    assert!(
        errors.ends_with(
            "policyRestrictions/r: error: a policy restriction restricts what policies may do, and is not yet \
             available (remove it only if you can do without the restriction)"
        ),
        "{errors}"
    );
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert_eq!(
        artifacts.notes(),
        "apis/a/releases/r1: low: 2 resources of the kind release are kept out: nothing in this gateway uses them yet
apis/a/schemas/s: low: a schema is kept out: nothing in this gateway uses it yet
gateways/g: low: a self-hosted gateway is kept out: nothing in this gateway uses it yet"
    );
}

#[test]
fn names_that_no_resource_may_have_are_refused() {
    let artifacts =
        Artifacts::new(&[("tags/a+b/tagInformation.json", r#"{"properties": {"displayName": "1"}}"#)]);
    assert_eq!(
        artifacts.errors(),
        "tags/a+b: error: `a+b` cannot be the name of a tag (names have at most 256 characters and none of `*#&+:<>?{}%\\`)"
    );
}

#[test]
fn workspaces_are_scopes_of_their_own() {
    let catalog = Artifacts::new(&[
        ("loggers/l/loggerInformation.json", r#"{"properties": {"loggerType": "azureMonitor"}}"#),
        ("workspaces/w/policy.xml", POLICY),
        ("workspaces/w/apis/a/apiInformation.json", &api("")),
        ("workspaces/w/apis/a/specification.yaml", DEFINITION),
        (
            "workspaces/w/apis/a/diagnostics/d/diagnosticInformation.json",
            r#"{"properties": {"loggerId": "/loggers/l"}}"#,
        ),
        ("workspaces/w/named values/one/namedValueInformation.json", NAMED_VALUE),
    ])
    .catalog();
    let workspace = &catalog.workspaces["w"];
    assert!(workspace.policy.is_some());
    assert_eq!(workspace.apis["a"].operations.len(), 2);
    assert_eq!(workspace.apis["a"].diagnostics["d"].logger.value, "l");
    assert_eq!(workspace.named_values.len(), 1);
    assert!(workspace.groups.is_empty());
    assert!(catalog.service.apis.is_empty());
    let stranger = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("workspaces/w/products/p/productInformation.json", r#"{"properties": {"displayName": "P"}}"#),
        ("workspaces/w/products/p/apis.json", r#"[{"name": "a"}]"#),
    ]);
    assert_eq!(
        stranger.errors(),
        "workspaces/w/products/p/apis.json:1:11: error: workspaces/w/products/p refers to the API `a`, which does not \
         exist (add `apis/a`)"
    );
}
