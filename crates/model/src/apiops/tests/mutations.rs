//! Every value of every document replaced by values of other types: nothing panics, and what is wrong is told in the
//! file where it stands.

use serde_json::{Value, json};

use super::Artifacts;
use crate::Severity;

fn documents() -> Vec<(&'static str, Value)> {
    vec![
        (
            "apis/a/apiInformation.json",
            json!({"properties": {"displayName": "A", "path": "a", "apiRevision": "1", "type": "http", "isCurrent": true,
                "apiVersion": "v1", "apiVersionSetId": "/apiVersionSets/v", "protocols": ["https"],
                "serviceUrl": "https://a.example", "subscriptionRequired": true,
                "subscriptionKeyParameterNames": {"header": "k", "query": "q"}}}),
        ),
        (
            "apis/a/operations/o/operationInformation.json",
            json!({"properties": {"displayName": "O", "method": "GET", "urlTemplate": "/{id}",
                "templateParameters": [{"name": "id", "required": true}],
                "request": {"queryParameters": [{"name": "q"}]},
                "responses": [{"statusCode": 200, "representations": [
                    {"contentType": "text/plain", "examples": {"default": {"value": "x"}}}]}]}}),
        ),
        (
            "version sets/v/versionSetInformation.json",
            json!({"properties": {"displayName": "V",
            "versioningScheme": "Header", "versionHeaderName": "h"}}),
        ),
        (
            "products/p/productInformation.json",
            json!({"properties": {"displayName": "P", "description": "D", "terms": "T", "state": "published",
                "subscriptionRequired": true, "approvalRequired": false, "subscriptionsLimit": 2}}),
        ),
        ("products/p/apis.json", json!([{"name": "a"}])),
        (
            "products/p/groups/developers/productGroupInformation.json",
            json!({"properties": {"groupId": "/groups/developers"}}),
        ),
        (
            "backends/b/backendInformation.json",
            json!({"properties": {"url": "https://b.example", "protocol": "http", "type": "Single",
                "credentials": {"header": {"h": ["v"]}, "query": {"q": ["v"]},
                    "authorization": {"scheme": "Basic", "parameter": "p"}},
                "tls": {"validateCertificateChain": true},
                "circuitBreaker": {"rules": [{"name": "r", "tripDuration": "PT1S", "failureCondition":
                    {"count": 1, "interval": "PT1S", "statusCodeRanges": [{"min": 500, "max": 599}], "errorReasons": ["e"]}}]}}}),
        ),
        (
            "backends/q/backendInformation.json",
            json!({"properties": {"type": "Pool",
            "pool": {"services": [{"id": "/backends/b", "weight": 1, "priority": 1}]}}}),
        ),
        (
            "named values/n/namedValueInformation.json",
            json!({"properties": {"displayName": "n", "secret": true,
            "tags": ["t"], "keyVault": {"secretIdentifier": "https://v.example/s", "identityClientId": "i"}}}),
        ),
        (
            "loggers/l/loggerInformation.json",
            json!({"properties": {"loggerType": "azureEventHub",
            "isBuffered": true, "credentials": {"name": "n"}}}),
        ),
        (
            "diagnostics/d/diagnosticInformation.json",
            json!({"properties": {"loggerId": "/loggers/l",
            "verbosity": "error", "logClientIp": true, "sampling": {"samplingType": "fixed", "percentage": 5.5},
            "frontend": {"request": {"headers": []}}}}),
        ),
        (
            "subscriptions/s/subscriptionInformation.json",
            json!({"properties": {"displayName": "S",
            "scope": "/products/p", "state": "active", "ownerId": "/users/1", "allowTracing": false}}),
        ),
        (
            "groups/g/groupInformation.json",
            json!({"properties": {"displayName": "G", "type": "external", "externalId": "x"}}),
        ),
        ("tags/t/tagInformation.json", json!({"properties": {"displayName": "T"}})),
    ]
}

/// The pointers of all values of a document.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                pointers(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                pointers(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_value_of_another_type_panics_or_is_blamed_on_another_file() {
    let documents = documents();
    let texts: Vec<_> = documents.iter().map(|(path, value)| (*path, value.to_string())).collect();
    let files: Vec<_> = texts.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let artifacts = Artifacts::new(&files);
    artifacts.catalog();
    let replacements = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5),
        json!(""),
        json!("\u{0}{{"),
        json!([]),
        json!([null]),
        json!({}),
    ];
    let mut refused = 0;
    for (path, document) in &documents {
        let mut all = Vec::new();
        pointers(document, "", &mut all);
        for pointer in all {
            for replacement in &replacements {
                let mut changed = document.clone();
                *changed.pointer_mut(&pointer).unwrap() = replacement.clone();
                artifacts.write("a", path, changed.to_string().as_bytes());
                let (_, diagnostics) = artifacts.read();
                let mut errors =
                    diagnostics.iter().filter(|found| found.severity == Severity::Error).peekable();
                refused += usize::from(errors.peek().is_some());
                for error in errors {
                    let file = error.location.as_ref().unwrap().file.display().to_string();
                    assert!(file.ends_with(path), "{pointer} = {replacement} in {path}: {error}");
                }
            }
        }
        artifacts.write("a", path, document.to_string().as_bytes());
    }
    assert!(refused > 500, "{refused}");
}
