//! The override file.

use secrecy::ExposeSecret;

use super::{Artifacts, DEFINITION, POLICY, api};
use crate::resources::{BackendTarget, NamedValueSource};

fn artifacts() -> Artifacts {
    Artifacts::new(&[
        ("policy.xml", POLICY),
        (
            "named values/n/namedValueInformation.json",
            r#"{"properties": {"displayName": "n", "value": "dev", "tags": ["a", "b"]}}"#,
        ),
        (
            "named values/s/namedValueInformation.json",
            r#"{"properties": {"displayName": "s", "secret": true}}"#,
        ),
        (
            "backends/b/backendInformation.json",
            r#"{"properties": {"url": "https://dev.example", "resourceId": "x", "tls": {"validateCertificateChain": false, "validateCertificateName": false}}}"#,
        ),
        ("loggers/l/loggerInformation.json", r#"{"properties": {"loggerType": "azureMonitor"}}"#),
        ("loggers/m/loggerInformation.json", r#"{"properties": {"loggerType": "azureMonitor"}}"#),
        ("apis/a/apiInformation.json", &api(r#""apiRevision": "1", "serviceUrl": "https://dev.example""#)),
        ("apis/a/specification.yaml", DEFINITION),
        ("apis/a/policy.xml", POLICY),
        ("apis/a/operations/get-a/policy.xml", POLICY),
        ("apis/a/diagnostics/d/diagnosticInformation.json", r#"{"properties": {"loggerId": "/loggers/l"}}"#),
        (
            "apis/a;rev=2/apiInformation.json",
            &api(r#""apiRevision": "2", "serviceUrl": "https://dev2.example""#),
        ),
        ("apis/a;rev=2/specification.yaml", DEFINITION),
        ("products/p/productInformation.json", r#"{"properties": {"displayName": "P"}}"#),
        ("products/p/policy.xml", POLICY),
        (
            "workspaces/w/named values/n/namedValueInformation.json",
            r#"{"properties": {"displayName": "n", "value": "dev"}}"#,
        ),
        ("gateways/g/gatewayInformation.json", "{}"),
    ])
}

fn value(source: &NamedValueSource) -> &str {
    match source {
        NamedValueSource::Value(value) => value.expose_secret(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn overrides_merge_over_the_artifacts() {
    let catalog = artifacts()
        .overrides(
            r#"apimServiceName: apim-prod
namedValues:
  - name: n
    properties: { displayName: n, value: "https://${HOST}/", tags: [prod] }
  - name: s
    properties: { value: "{#SECRET#}" }
BACKENDS:
  - name: B
    properties:
      url: https://prod.example/api
      resourceid: y
      tls: { validateCertificateName: true }
apis:
  - name: a
    properties: { serviceUrl: https://prod.example, displayName: Prod, subscriptionRequired: "false" }
    diagnostics:
      - name: d
        properties: { loggerId: /loggers/m, verbosity: Error }
  - name: a;rev=2
    properties: { serviceUrl: https://prod2.example }
products:
  - name: p
    properties: { state: published }
workspaces:
  - name: w
    namedValues:
      - name: n
        properties: { value: prod }
gateways:
  - name: g
    properties: { locationData: { name: here } }
"#,
        )
        .catalog();
    let service = &catalog.service;
    assert_eq!(value(&service.named_values["n"].source), "https://host.example/");
    assert_eq!(service.named_values["n"].tags, ["prod"]);
    assert_eq!(value(&service.named_values["s"].source), "s3cret");
    let backend = &service.backends["b"];
    assert!(
        matches!(&backend.target, BackendTarget::Single(url) if url.as_str() == "https://prod.example/api")
    );
    assert!(!backend.tls.validate_certificate_chain && backend.tls.validate_certificate_name);
    let api = &service.apis["a"];
    assert_eq!(api.service_url.as_ref().unwrap().value.as_str(), "https://prod.example/");
    assert_eq!(
        (api.display_name.as_str(), api.path.as_str(), api.subscription_required),
        ("Prod", "a", false)
    );
    assert_eq!(api.diagnostics["d"].logger.value, "m");
    assert_eq!(api.diagnostics["d"].verbosity, "error");
    let revision = &service.apis["a;rev=2"];
    assert_eq!(revision.service_url.as_ref().unwrap().value.as_str(), "https://prod2.example/");
    assert!(service.products["p"].published);
    assert_eq!(value(&catalog.workspaces["w"].named_values["n"].source), "prod");
}

#[test]
fn a_value_and_a_vault_take_each_others_place() {
    let to_vault = artifacts()
        .overrides(
            "namedValues:\n- name: n\n  properties: {keyVault: {secretIdentifier: https://v.example/s}}\n",
        )
        .catalog();
    assert!(matches!(to_vault.service.named_values["n"].source, NamedValueSource::KeyVault { .. }));
}

#[test]
fn policies_are_overridden_at_every_scope() {
    let artifacts = artifacts().overrides(
        r#"policies:
  - name: policy
    properties:
      format: rawxml
      value: <policies>service</policies>
products:
  - name: p
    policies: [{ name: policy, properties: { value: "<policies>product</policies>" } }]
apis:
  - name: a
    policies:
      - name: policy
        properties:
          format: rawxml
          value: |
            <policies>
              <inbound>api</inbound>
            </policies>
    operations:
      - name: get-a
        policies: [{ name: policy, properties: { format: xml, value: <policies>operation</policies> } }]
        properties: { displayName: Overridden }
"#,
    );
    let service = artifacts.catalog().service;
    let text = |policy: &Option<crate::resources::PolicySource>| policy.as_ref().unwrap().text.to_string();
    let place = |policy: &Option<crate::resources::PolicySource>, word: &str| {
        let text = text(policy);
        let before = &text[..text.find(word).unwrap()];
        (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap().chars().count() + 1)
    };
    assert_eq!(place(&service.policy, "<policies>"), (5, 14));
    assert_eq!(place(&service.products["p"].policy, "<policies>"), (8, 54));
    assert_eq!(place(&service.apis["a"].policy, "<inbound>").0, 17);
    assert_eq!(place(&service.apis["a"].operations["get-a"].policy, "<policies>"), (21, 70));
    assert_eq!(service.apis["a"].operations["get-a"].display_name, "Overridden");
    assert!(service.policy.as_ref().unwrap().file.ends_with("o.yaml"));
    assert_eq!(text(&service.products["p"].policy).trim(), "<policies>product</policies>");
}

#[test]
fn what_matches_nothing_is_refused_with_a_suggestion() {
    let artifacts = artifacts().overrides(
        r"namedValue:
  - name: n
apis:
  - name: aa
    properties: {}
  - name: a
    serviceUrl: https://x.example
    properties: { serviceUri: https://x.example }
    operations:
      - name: get-b
        policies: [{ name: policy, properties: { value: x } }]
    policies:
      - name: inbound
      - name: policy
        properties: { format: rawxml-link, valeu: x }
loggers: { l: {} }
backends:
  - properties: { url: https://x }
  - name: b
  - name: b
environment: { namePrefix: dev- }
policyRestrictions: []
products:
  - name: p
    properties: { displayName: '${NOTHING}' }
workspaces:
  - name: w
    policies: [{ name: policy, properties: { value: x } }]
",
    );
    assert_eq!(
        artifacts.errors(),
        "o.yaml:1:1: error: unknown key `namedValue` in the override file (did you mean `namedValues`?)
o.yaml:4:11: error: this overrides the API `aa`, which has no folder (did you mean `a`?)
o.yaml:7:5: error: unknown key `serviceUrl` in the override file (put the properties of the resource under `properties`)
o.yaml:8:19: error: unknown property `serviceUri` (did you mean `serviceUrl`?)
o.yaml:10:15: error: this overrides the operation `get-b`, which has no folder (did you mean `get-a`?)
o.yaml:13:15: error: there is no policy `inbound` (every resource has one policy, named `policy`)
o.yaml:15:31: error: the format of a policy must be `rawxml` or `xml` (write the document itself into `value`)
o.yaml:15:44: error: unknown property `valeu` (a policy has `format` and `value`)
o.yaml:16:10: error: `loggers` must be a list of `- name: …`, not a mapping
o.yaml:18:5: error: an entry of `backends` has no `name`
o.yaml:20:11: error: `b` is overridden twice, first in line 19
o.yaml:21:1: error: `environment` (prefixes for several environments in one service) is not available
o.yaml:22:1: error: `policyRestrictions` is not yet available
o.yaml:25:33: error: the environment variable `NOTHING` is not set
o.yaml:28:53: error: this overrides the policy of `workspaces/w`, which has none (add a policy.xml there)"
    );
}

#[test]
fn faults_of_overridden_values_are_told_in_the_override_file() {
    let artifacts = artifacts().overrides(
        "apis:\n  - name: a\n    properties: { serviceUrl: nowhere, apiRevision: '7' }\nbackends:\n  - name: b\n    properties: { url: '{#NOTHING#}' }\n",
    );
    let errors = artifacts.errors();
    assert_eq!(
        errors.lines().next().unwrap(),
        "o.yaml:3:31: error: `serviceUrl` is not a URL: relative URL without a base (write scheme, host and path, such as https://api.example/v1)"
    );
    assert!(errors.contains("o.yaml:6:24: error: the placeholder `{#NOTHING#}` has no value"), "{errors}");
    assert!(
        artifacts
            .notes()
            .contains("o.yaml:3:40: low: `apiRevision` cannot be overridden; it has no effect, as in APIOps"),
        "{}",
        artifacts.notes()
    );
}

#[test]
fn an_unreadable_override_file_is_told_where_it_is_named() {
    let mut artifacts = artifacts();
    artifacts.overrides = Some(artifacts.folder.path().join("none.yaml"));
    let errors = artifacts.errors();
    assert!(errors.starts_with("gatehouse.yaml:2:12: error: the override file"), "{errors}");
    let broken = self::artifacts().overrides("apis:\n  - name: [\n");
    assert!(broken.errors().starts_with("o.yaml:"), "{}", broken.errors());
}
