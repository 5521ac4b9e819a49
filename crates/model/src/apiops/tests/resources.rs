//! Named values, products, groups, loggers and diagnostics.

use secrecy::ExposeSecret;

use super::Artifacts;
use crate::resources::{NamedValue, NamedValueSource};

fn named_value(properties: &str) -> Artifacts {
    Artifacts::new(&[(
        "named values/n/namedValueInformation.json",
        &format!("{{\"properties\": {{{properties}}}}}"),
    )])
}

fn source(properties: &str) -> NamedValue {
    named_value(properties).catalog().service.named_values["n"].clone()
}

#[test]
fn a_named_value_comes_from_one_place() {
    let plain = source(r#""displayName": "n", "value": "{#SECRET#}!", "tags": ["x"], "secret": false"#);
    assert!(matches!(&plain.source, NamedValueSource::Value(value) if value.expose_secret() == "s3cret!"));
    assert!(!plain.secret);
    assert_eq!(plain.tags, ["x"]);
    let missing = source(r#""displayName": "n", "secret": true"#);
    assert!(missing.secret && matches!(missing.source, NamedValueSource::External));
    let redacted = source(r#""displayName": "n", "secret": true, "value": "*** REDACTED ***""#);
    assert!(matches!(redacted.source, NamedValueSource::External));
    let vault = source(
        r#""displayName": "n", "keyVault": {"secretIdentifier": "https://v.example/secrets/s", "identityClientId": "i", "lastStatus": {}}"#,
    );
    assert!(vault.secret, "what a vault holds is secret");
    let empty = source(r#""displayName": "n", "secret": true, "keyVault": {}"#);
    assert!(matches!(empty.source, NamedValueSource::External));
    assert!(
        matches!(&vault.source, NamedValueSource::KeyVault { secret_identifier, identity_client_id: Some(id) }
        if secret_identifier == "https://v.example/secrets/s" && id == "i")
    );
}

#[test]
fn each_fault_of_a_named_value_is_told() {
    let long = format!(r#""displayName": "n", "value": "{}""#, "x".repeat(4097));
    for (properties, column, message) in [
        (
            r#""displayName": "n""#,
            16,
            "namedValues/n has no `value` (give it one here or in the override file, or mark it `\"secret\": true`)",
        ),
        (r#""value": "n""#, 16, "namedValues/n has no `displayName`"),
        (
            r#""displayName": "n x", "value": "1""#,
            32,
            "`n x` cannot be the display name of a named value (use at most 256 of A-Z, a-z, 0-9, `-`, `.` and `_`)",
        ),
        (r#""displayName": "n", "value": " ""#, 46, "the value of a named value must not be empty"),
        (&long, 46, "the value has 4097 characters, at most 4096 are allowed"),
        (r#""displayName": "n", "value": 7"#, 46, "`value` must be a string, not a number"),
        (
            r#""displayName": "n", "value": "1", "keyVault": {"secretIdentifier": "https://x/y"}"#,
            46,
            "a named value has a `value` or a `keyVault`, not both (take one of them out)",
        ),
        (
            r#""displayName": "n", "keyVault": {"secretIdentifier": "x"}"#,
            70,
            "`x` is not an https URL of a secret",
        ),
    ] {
        let errors = named_value(properties).errors();
        assert_eq!(
            errors,
            format!("named values/n/namedValueInformation.json:1:{column}: error: {message}"),
            "{properties}"
        );
    }
}

#[test]
fn display_names_are_there_once() {
    let file = r#"{"properties": {"displayName": "same", "value": "1"}}"#;
    let artifacts = Artifacts::new(&[
        ("named values/a/namedValueInformation.json", file),
        ("named values/b/namedValueInformation.json", file),
    ]);
    assert_eq!(
        artifacts.errors(),
        "named values/b/namedValueInformation.json:1:32: error: the named value `same` exists twice, first at named values/a/namedValueInformation.json:1:32"
    );
}

#[test]
fn values_are_never_shown() {
    let (catalog, _) = named_value(r#""displayName": "n", "value": "hush""#).read();
    assert!(!format!("{catalog:?}").contains("hush"));
}

#[test]
fn each_fault_of_a_product_is_told() {
    for (properties, column, message) in [
        (r#""state": "published""#, 16, "products/p has no `displayName`"),
        (
            r#""displayName": "P", "state": "public""#,
            46,
            "`state` has the unknown value `public` (one of `published`, `notPublished`)",
        ),
        (
            r#""displayName": "P", "subscriptionsLimit": 0"#,
            59,
            "`subscriptionsLimit` must be a whole number from 1 to 1000000, not `0`",
        ),
        (
            r#""displayName": "P", "subscriptionRequired": false, "approvalRequired": true"#,
            88,
            "`approvalRequired` needs `subscriptionRequired`: an open product has no subscriptions to approve (take one of them back)",
        ),
        (
            r#""displayName": "P", "authenticationType": ["SubscriptionKey", "ApplicationBasedAccess"]"#,
            79,
            "`authenticationType` `ApplicationBasedAccess` is not yet available",
        ),
    ] {
        let artifacts = Artifacts::new(&[(
            "products/p/productInformation.json",
            &format!("{{\"properties\": {{{properties}}}}}"),
        )]);
        assert_eq!(
            artifacts.errors(),
            format!("products/p/productInformation.json:1:{column}: error: {message}")
        );
    }
}

#[test]
fn a_product_is_unpublished_and_protected_unless_it_says_otherwise() {
    let catalog =
        Artifacts::new(&[("products/p/productInformation.json", r#"{"properties": {"displayName": "P"}}"#)])
            .catalog();
    let product = &catalog.service.products["p"];
    assert!(!product.published && product.subscription_required && !product.approval_required);
}

#[test]
fn groups_and_loggers_are_read() {
    let artifacts = Artifacts::new(&[
        (
            "groups/g/groupInformation.json",
            r#"{"properties": {"displayName": "G", "type": "external", "externalId": "aad://t/groups/1"}}"#,
        ),
        (
            "groups/guests/groupInformation.json",
            r#"{"properties": {"displayName": "Visitors", "type": "system"}}"#,
        ),
        (
            "loggers/l/loggerInformation.json",
            r#"{"properties": {"loggerType": "AzureEventHub", "isBuffered": false, "credentials": {"name": "hub"}}}"#,
        ),
        (
            "diagnostics/d/diagnosticInformation.json",
            r#"{"properties": {"loggerId": "/loggers/L", "verbosity": "Error", "alwaysLog": "allErrors",
            "sampling": {"samplingType": "fixed", "percentage": 12.5}, "frontend": {"request": {"headers": ["x"]}}}}"#,
        ),
    ]);
    let service = artifacts.catalog().service;
    assert_eq!(
        (service.groups["g"].kind.as_str(), service.groups["g"].external_id.as_deref()),
        ("external", Some("aad://t/groups/1"))
    );
    assert_eq!(service.groups["guests"].display_name, "Visitors");
    assert_eq!(service.loggers["l"].kind, "azureEventHub");
    assert_eq!(service.loggers["l"].credentials["name"].expose_secret(), "hub");
    let diagnostic = &service.diagnostics["d"];
    assert_eq!(
        (diagnostic.logger.value.as_str(), diagnostic.verbosity.as_str(), diagnostic.sampling),
        ("l", "error", 12.5)
    );
    assert_eq!(
        diagnostic.settings,
        serde_json::json!({"alwaysLog": "allErrors", "frontend": {"request": {"headers": ["x"]}}})
    );

    let wrong = Artifacts::new(&[
        ("groups/g/groupInformation.json", r#"{"properties": {"displayName": "G", "type": "external"}}"#),
        ("loggers/l/loggerInformation.json", r#"{"properties": {"credentials": {"name": 1}}}"#),
        (
            "diagnostics/d/diagnosticInformation.json",
            r#"{"properties": {"loggerId": "/loggers/l", "sampling": {"percentage": 101}}}"#,
        ),
    ]);
    assert_eq!(
        wrong.errors(),
        "diagnostics/d/diagnosticInformation.json:1:70: error: `sampling.percentage` must be a number from 0 to 100, not `101`
groups/g/groupInformation.json:1:16: error: groups/g has no `externalId`
loggers/l/loggerInformation.json:1:16: error: loggers/l has no `loggerType`
loggers/l/loggerInformation.json:1:41: error: `credentials.name` must be a string, not a number"
    );
}

#[test]
fn a_fragment_has_a_policy() {
    let artifacts = Artifacts::new(&[
        ("policy fragments/f/policyFragmentInformation.json", r#"{"properties": {}}"#),
        ("policy fragments/g/policyFragmentInformation.json", r#"{"properties": {"value": "<fragment />"}}"#),
        ("policy fragments/g/policy.xml", "<fragment />"),
    ]);
    assert_eq!(
        artifacts.errors(),
        "policy fragments/f: error: policyFragments/f has no `policy.xml`
policy fragments/g/policyFragmentInformation.json:1:26: error: the document of a fragment stands in its `policy.xml` \
         (move it there)"
    );
}
