//! APIs, their versions and revisions.

use super::{Artifacts, DEFINITION, api};
use crate::resources::{ApiKind, Protocol};

fn one(properties: &str) -> Artifacts {
    Artifacts::new(&[
        ("apis/a/apiInformation.json", &api(properties)),
        ("apis/a/specification.yaml", DEFINITION),
    ])
}

/// The place of a property written by [`api`] begins in this column of line 1.
const AT: usize = 50;

#[test]
fn everything_that_a_gateway_needs_is_read() {
    let artifacts = one(
        r#""description": "D", "apiRevision": "4", "isCurrent": true, "isOnline": false, "protocols": ["http", "HTTPS"],
        "serviceUrl": "https://{#HOST#}/v1", "subscriptionRequired": false, "authenticationSettings": {},
        "subscriptionKeyParameterNames": {"header": "X-Key", "query": "key"}, "contact": {}, "Type": "http""#,
    );
    let catalog = artifacts.catalog();
    let api = &catalog.service.apis["a"];
    assert_eq!((api.name.as_str(), api.root.as_str(), api.revision.as_str()), ("a", "a", "4"));
    assert!(api.is_current && !api.is_online && !api.subscription_required);
    assert_eq!(api.protocols, [Protocol::Http, Protocol::Https]);
    assert_eq!(api.service_url.as_ref().unwrap().value.as_str(), "https://host.example/v1");
    assert_eq!((api.key_names.header.as_str(), api.key_names.query.as_str()), ("X-Key", "key"));
    assert!(api.definition.as_ref().unwrap().ends_with("apis/a/specification.yaml"));
}

#[test]
fn defaults_are_those_of_api_management() {
    let catalog = one("").catalog();
    let api = &catalog.service.apis["a"];
    assert!(api.is_current && api.is_online && api.subscription_required);
    assert_eq!(api.revision, "1");
    assert_eq!(api.protocols, [Protocol::Https]);
    assert_eq!(api.key_names.header, "Ocp-Apim-Subscription-Key");
    assert_eq!(api.key_names.query, "subscription-key");
    assert_eq!(api.kind, ApiKind::Http);
    assert!(api.service_url.is_none() && api.version.is_none() && api.policy.is_none());
}

#[test]
fn each_fault_of_an_api_is_told_at_its_place() {
    for (properties, column, message) in [
        (r#""pth": "x""#, 0, "unknown property `pth` (did you mean `path`?)"),
        (r#""frobnicate": 1"#, 0, "unknown property `frobnicate`"),
        (r#""isOnline": "maybe""#, 12, "`isOnline` must be `true` or `false`, not `maybe`"),
        (r#""protocols": "https""#, 13, "`protocols` must be a list, not `https`"),
        (r#""protocols": ["ftp"]"#, 14, "`ftp` is not a protocol of this type of API (use http or https)"),
        (
            r#""type": "rest""#,
            8,
            "`type` has the unknown value `rest` (one of `http`, `soap`, `graphql`, `websocket`, `grpc`, `odata`, `mcp`, `a2a`)",
        ),
        (r#""type": "mcp""#, 8, "APIs of this type are not yet available"),
        (r#""mcpTools": [1]"#, 12, "`mcpTools` is not yet available"),
        (
            r#""serviceUrl": "backend/v1""#,
            14,
            "`serviceUrl` is not a URL: relative URL without a base (write scheme, host and path, such as https://api.example/v1)",
        ),
        (r#""serviceUrl": "ftp://x/""#, 14, "`serviceUrl` has the scheme `ftp` (use http, https)"),
        (
            r#""serviceUrl": "https://x/?a=b""#,
            14,
            "`serviceUrl` has a query or a fragment (take it out; parameters belong to operations, policies or credentials)",
        ),
        (
            r#""serviceUrl": "https://u:p@x/""#,
            14,
            "`serviceUrl` holds a user or a password (take them out; use a backend with credentials)",
        ),
        (
            r#""serviceUrl": "https://{#NOWHERE#}/""#,
            14,
            "the placeholder `{#NOWHERE#}` has no value (set the environment variable `NOWHERE`)",
        ),
        (r#""apiRevision": "1b""#, 15, "`1b` is not a revision number (write digits alone)"),
        (
            r#""isCurrent": false"#,
            13,
            "`a` is the folder of the current revision, and the file says that it is not (name the folder `API;rev=N`, or take `isCurrent` out)",
        ),
        (
            r#""apiVersion": "v1""#,
            14,
            "apis/a has the version `v1` and no version set (name the set in `apiVersionSetId`)",
        ),
        (
            r#""apiVersionSetId": "/apiVersionSets/none""#,
            19,
            "apis/a refers to the version set `none`, which does not exist (add `apiVersionSets/none`)",
        ),
        (
            r#""subscriptionKeyParameterNames": {"header": "a b"}"#,
            44,
            "`a b` cannot be the name of a header (use letters, digits and any of !#$%&'*+-.^_`|~)",
        ),
        (
            r#""subscriptionKeyParameterNames": {"query": "a&b"}"#,
            43,
            "`a&b` cannot be the name of a query parameter (use letters, digits and any of -._~!$'()*,;:@/)",
        ),
        (
            r#""subscriptionKeyParameterNames": {"headers": "a"}"#,
            34,
            "unknown property `subscriptionKeyParameterNames.headers` (did you mean `header`?)",
        ),
        (r#""PATH": "x""#, 0, "`PATH` is set twice; names count without regard to case"),
    ] {
        let expected = format!("apis/a/apiInformation.json:1:{}: error: {message}", AT + column);
        let errors = one(properties).errors();
        assert_eq!(errors.lines().next().unwrap_or_default(), expected, "{properties}");
    }
}

#[test]
fn paths_are_trimmed_and_checked() {
    let file = |path: &str| format!(r#"{{"properties": {{"displayName": "A", "path": "{path}"}}}}"#);
    let read = |path: &str| {
        Artifacts::new(&[
            ("apis/a/apiInformation.json", &file(path)),
            ("apis/a/specification.yaml", DEFINITION),
        ])
    };
    assert_eq!(read("/a/b/").catalog().service.apis["a"].path, "a/b");
    assert_eq!(read("").catalog().service.apis["a"].path, "");
    for (path, message) in [
        ("a b", "`path` has the character ` `"),
        ("a;rev=2", "`path` has the character `;`"),
        ("{a}", "`path` has the character `{`"),
        ("a//b", "`path` has an empty or a dot segment: `a//b`"),
        ("a/../b", "`path` has an empty or a dot segment: `a/../b`"),
    ] {
        let errors = read(path).errors();
        assert!(
            errors.starts_with(&format!("apis/a/apiInformation.json:1:45: error: {message}")),
            "{errors}"
        );
    }
    let long = "a".repeat(401);
    assert!(read(&long).errors().contains("`path` has 401 characters, at most 400 are allowed"));
    let missing =
        Artifacts::new(&[("apis/a/apiInformation.json", r#"{"properties": {"displayName": "A"}}"#)]);
    assert_eq!(missing.errors(), "apis/a/apiInformation.json:1:16: error: apis/a has no `path`");
}

#[test]
fn broken_json_is_told_and_does_not_hide_the_rest() {
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", "{\n  \"properties\": {,}\n}"),
        ("apis/b/apiInformation.json", "[]"),
        ("apis/c/apiInformation.json", r#"{"property": {}}"#),
        ("products/p/productInformation.json", r#"{"properties": {"displayName": "P"}}"#),
        ("products/p/apis.json", r#"[{"name": "a"}]"#),
    ]);
    let errors = artifacts.errors();
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 4, "{errors}");
    assert!(lines[0].starts_with("apis/a/apiInformation.json:2:18: error: "), "{errors}");
    assert_eq!(lines[1], "apis/b/apiInformation.json:1:1: error: the document must be an object, not a list");
    assert_eq!(lines[2], "apis/c/apiInformation.json:1:1: error: apis/c has no `properties`");
    assert_eq!(
        lines[3],
        "apis/c/apiInformation.json:1:2: error: unknown property `property` (did you mean `properties`?)"
    );
}

#[test]
fn revisions_stand_beside_the_current_one() {
    let second = r#"{"properties": {"displayName": "Other", "path": "other", "apiRevision": "2", "serviceUrl": "https://two.example"}}"#;
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("\"apiRevision\": \"1\"")),
        ("apis/a/specification.yaml", DEFINITION),
        ("apis/a;rev=2/apiInformation.json", second),
        ("apis/a;rev=2/specification.yaml", DEFINITION),
    ]);
    let catalog = artifacts.catalog();
    let revision = &catalog.service.apis["a;rev=2"];
    assert!(!revision.is_current);
    assert_eq!((revision.root.as_str(), revision.revision.as_str()), ("a", "2"));
    assert_eq!(
        (revision.path.as_str(), revision.display_name.as_str()),
        ("a", "A"),
        "shared with the current one"
    );
    assert_eq!(revision.service_url.as_ref().unwrap().value.as_str(), "https://two.example/");
    assert_eq!(
        artifacts.notes(),
        "apis/a;rev=2/apiInformation.json: low: apis/a;rev=2 differs from the current revision in `path`; the current \
         revision's counts for both"
    );
}

#[test]
fn a_copy_of_the_current_revision_is_left_out() {
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("\"apiRevision\": \"2\"")),
        ("apis/a/specification.yaml", DEFINITION),
        ("apis/a;rev=2/apiInformation.json", &api("\"apiRevision\": \"2\"")),
        ("apis/a;rev=2/specification.yaml", "broken: ["),
    ]);
    assert_eq!(artifacts.catalog().service.apis.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(
        artifacts.notes(),
        "apis/a;rev=2/apiInformation.json:1:65: low: revision 2 is the current one of `a` \
         (apis/a/apiInformation.json:1:65); this folder is left out (remove it, or raise `apiRevision` of the current \
         revision)"
    );
}

#[test]
fn revisions_that_contradict_themselves_are_refused() {
    let artifacts = Artifacts::new(&[
        ("apis/a;rev=2/apiInformation.json", &api("\"apiRevision\": \"3\"")),
        ("apis/b;rev=x/apiInformation.json", &api("")),
        ("apis/c;version=1/apiInformation.json", &api("")),
    ]);
    assert_eq!(
        artifacts.errors(),
        "apis/a;rev=2/apiInformation.json:1:65: error: the file says revision 3, its folder `a;rev=2` says revision 2 \
         (make them agree)
apis/b;rev=x: error: `b;rev=x` does not end in a revision number (name the folder `API;rev=N`)
apis/c;version=1: error: `c;version=1` cannot be the name of an API (only `;rev=N` may follow the name)"
    );
    let two = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a;rev=2/apiInformation.json", &api("\"isCurrent\": true")),
    ]);
    assert_eq!(
        two.errors(),
        "apis/a;rev=2/apiInformation.json:1:63: error: apis/a;rev=2 says that it is current, and so is the folder `a` \
         with revision 1 (the folder without `;rev=` is current: take `isCurrent` out, or exchange the folders)"
    );
    let orphan = Artifacts::new(&[("apis/a;rev=2/apiInformation.json", &api(""))]);
    assert_eq!(
        orphan.errors(),
        "apis/a;rev=2: error: apis/a;rev=2 is a revision of `a`, which has no current revision (add the folder `a`)"
    );
}

fn version_set(scheme: &str) -> String {
    format!("{{\"properties\": {{\"displayName\": \"V\", {scheme}}}}}")
}

#[test]
fn versions_of_a_set_share_a_path() {
    let versioned = |version: &str| {
        api(&format!("\"apiVersion\": \"{version}\", \"apiVersionSetId\": \"/apiVersionSets/s\""))
    };
    for scheme in [
        r#""versioningScheme": "Segment""#,
        r#""versioningScheme": "Header", "versionHeaderName": "Api-Version""#,
        r#""versioningScheme": "Query", "versionQueryName": "v""#,
    ] {
        let files = [
            ("version sets/s/versionSetInformation.json", version_set(scheme)),
            ("apis/original/apiInformation.json", api("\"apiVersionSetId\": \"/apiVersionSets/s\"")),
            ("apis/one/apiInformation.json", versioned("v1")),
            ("apis/two/apiInformation.json", versioned("v2")),
        ];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let catalog = Artifacts::new(&files).catalog();
        assert_eq!(catalog.service.apis["one"].path, "a");
        assert_eq!(catalog.service.apis["one"].version.as_deref(), Some("v1"));
        assert_eq!(catalog.service.apis["one"].version_set.as_ref().unwrap().value, "s");

        let clash =
            Artifacts::new(&files).layer("b", &[("apis/three/apiInformation.json", &versioned("v1"))]);
        let errors = clash.errors();
        assert!(
            errors.starts_with("b/apis/three/apiInformation.json:1:45: error: apis/three answers at `/a"),
            "{errors}"
        );
        assert!(errors.contains("and so does apis/one (apis/one/apiInformation.json:1:45)"), "{errors}");
    }
}

#[test]
fn a_path_belongs_to_one_api() {
    let at = |path: &str| format!(r#"{{"properties": {{"displayName": "A", "path": "{path}"}}}}"#);
    let artifacts = Artifacts::new(&[
        ("version sets/s/versionSetInformation.json", &version_set(r#""versioningScheme": "Segment""#)),
        ("apis/a/apiInformation.json", &at("x/v1")),
        ("apis/b/apiInformation.json", &at("/X/V1/")),
        (
            "apis/c/apiInformation.json",
            &api(r#""path2": 0"#).replace(
                "\"a\", \"path2\": 0",
                r#""x", "apiVersion": "v1", "apiVersionSetId": "/apiVersionSets/s""#,
            ),
        ),
        ("workspaces/w/apis/d/apiInformation.json", &at("x/v1")),
    ]);
    assert_eq!(
        artifacts.errors(),
        "apis/b/apiInformation.json:1:45: error: apis/b answers at `/x/v1`, and so does apis/a (apis/a/apiInformation.json:1:45) (give one of them another path or version)
apis/c/apiInformation.json:1:45: error: apis/c answers at `/x/v1`, and so does apis/a (apis/a/apiInformation.json:1:45) (give one of them another path or version)
workspaces/w/apis/d/apiInformation.json:1:45: error: workspaces/w/apis/d answers at `/x/v1`, and so does apis/a (apis/a/apiInformation.json:1:45) (give one of them another path or version)"
    );
}

#[test]
fn two_version_sets_do_not_share_a_path() {
    let versioned = |version: &str, set: &str| {
        api(&format!("\"apiVersion\": \"{version}\", \"apiVersionSetId\": \"/apiVersionSets/{set}\""))
    };
    let header = version_set(r#""versioningScheme": "Header", "versionHeaderName": "Api-Version""#);
    let query = version_set(r#""versioningScheme": "Query", "versionQueryName": "v""#);
    let artifacts = Artifacts::new(&[
        ("version sets/h/versionSetInformation.json", &header),
        ("version sets/q/versionSetInformation.json", &query),
        ("apis/one/apiInformation.json", &versioned("v1", "h")),
        ("apis/two/apiInformation.json", &versioned("v2", "q")),
    ]);
    assert_eq!(
        artifacts.errors(),
        "apis/two/apiInformation.json:1:45: error: apis/two and apis/one (apis/one/apiInformation.json:1:45) answer at \
         `/a` and belong to different version sets (versions at one path belong to one version set)"
    );
}

#[test]
fn version_sets_name_where_the_version_stands() {
    for (scheme, message) in [
        (r#""versioningScheme": "Header""#, "1:16: error: apiVersionSets/s has no `versionHeaderName`"),
        (r#""versioningScheme": "Query""#, "1:16: error: apiVersionSets/s has no `versionQueryName`"),
        (
            r#""versioningScheme": "Path""#,
            "1:57: error: `versioningScheme` has the unknown value `Path` (one of `Segment`, `Query`, `Header`)",
        ),
        (r#""description": """#, "1:16: error: apiVersionSets/s has no `versioningScheme`"),
    ] {
        let artifacts =
            Artifacts::new(&[("version sets/s/versionSetInformation.json", &version_set(scheme))]);
        assert_eq!(artifacts.errors(), format!("version sets/s/versionSetInformation.json:{message}"));
    }
}

#[test]
fn a_segment_version_is_one_segment() {
    let artifacts = Artifacts::new(&[
        ("version sets/s/versionSetInformation.json", &version_set(r#""versioningScheme": "Segment""#)),
        (
            "apis/a/apiInformation.json",
            &api("\"apiVersion\": \"v1/x\", \"apiVersionSetId\": \"/apiVersionSets/s\""),
        ),
    ]);
    assert_eq!(
        artifacts.errors(),
        "apis/a/apiInformation.json:1:64: error: the version `v1/x` cannot be a path segment (use letters, digits and any of -._~!$&'()+,=:@)"
    );
}
