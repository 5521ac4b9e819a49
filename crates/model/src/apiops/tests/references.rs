//! References between resources.

use super::{Artifacts, DEFINITION, api};
use crate::resources::Scope;

const PRODUCT: &str = r#"{"properties": {"displayName": "P", "state": "published"}}"#;

#[test]
fn links_are_read_from_folders_and_lists() {
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/tags.json", r#"[{"name": "t"}]"#),
        ("apis/b/apiInformation.json", &api("").replace("\"a\"", "\"b\"")),
        ("apis/b/tags/T/tagInformation.json", r#"{"properties": {"displayName": "t"}}"#),
        ("products/p/productInformation.json", PRODUCT),
        ("products/p/apis.json", r#"[{"name": "a"}, {"name": "A"}]"#),
        ("products/p/apis/b/productApiInformation.json", "{}"),
        (
            "products/p/groups/0-1/productGroupInformation.json",
            r#"{"name": "0-1", "properties": {"groupId": "/groups/staff"}}"#,
        ),
        ("products/p/groups.json", r#"[{"name": "Developers"}]"#),
        ("groups/staff/groupInformation.json", r#"{"properties": {"displayName": "Staff"}}"#),
        ("tags/t/tagInformation.json", r#"{"properties": {"displayName": "T"}}"#),
        ("tags/t/products/p/tagProductInformation.json", "{}"),
        ("tags/u/tagInformation.json", r#"{"properties": {"displayName": "U"}}"#),
        ("tags/u/apis/a/tagApiInformation.json", "{}"),
    ]);
    let service = artifacts.catalog().service;
    let product = &service.products["p"];
    assert_eq!(product.apis.iter().map(|api| api.value.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        product.groups.iter().map(|group| group.value.as_str()).collect::<Vec<_>>(),
        ["developers", "staff"]
    );
    assert_eq!(product.tags, ["t"]);
    assert_eq!(service.apis["a"].tags, ["t", "u"]);
    assert_eq!(service.apis["b"].tags, ["t"]);
    assert_eq!(service.groups.len(), 4);
}

#[test]
fn whatever_is_missing_is_told_with_both_ends() {
    let artifacts = Artifacts::new(&[
        ("apis/orders/apiInformation.json", &api("")),
        (
            "apis/orders/diagnostics/d/diagnosticInformation.json",
            r#"{"properties": {"loggerId": "/loggers/l"}}"#,
        ),
        ("apis/orders/tags.json", r#"[{"name": "nothing"}]"#),
        ("products/p/productInformation.json", PRODUCT),
        ("products/p/apis.json", "[\n  {\"name\": \"order\"}]"),
        ("products/p/groups/people/productGroupInformation.json", "{}"),
        (
            "subscriptions/s/subscriptionInformation.json",
            r#"{"properties": {"state": "active", "scope": "/products/q"}}"#,
        ),
        (
            "subscriptions/t/subscriptionInformation.json",
            r#"{"properties": {"state": "active", "scope": "/apis/x"}}"#,
        ),
        (
            "subscriptions/u/subscriptionInformation.json",
            r#"{"properties": {"state": "active", "scope": "/users/1"}}"#,
        ),
        ("tags/t/tagInformation.json", r#"{"properties": {"displayName": "T"}}"#),
        ("tags/t/apis/none/tagApiInformation.json", "{}"),
        (
            "loggers/l2/loggerInformation.json",
            r#"{"properties": {"loggerType": "azureMonitor", "credentials": {"k": "{{absent}}"}}}"#,
        ),
    ]);
    assert_eq!(
        artifacts.errors(),
        "apis/orders/diagnostics/d/diagnosticInformation.json:1:29: error: apis/orders/diagnostics/d refers to the logger `l`, which does not exist (did you mean `l2`?)
apis/orders/tags.json:1:11: error: apis/orders refers to the tag `nothing`, which does not exist (add `tags/nothing`)
loggers/l2/loggerInformation.json:1:68: error: loggers/l2 refers to the named value `absent`, which does not exist (add a named value with the display name `absent`)
products/p/apis.json:2:12: error: products/p refers to the API `order`, which does not exist (did you mean `orders`?)
products/p/groups/people/productGroupInformation.json: error: products/p refers to the group `people`, which does not exist (add `groups/people`)
subscriptions/s/subscriptionInformation.json:1:45: error: subscriptions/s refers to the product `q`, which does not exist (did you mean `p`?)
subscriptions/t/subscriptionInformation.json:1:45: error: subscriptions/t refers to the API `x`, which does not exist (add `apis/x`)
subscriptions/u/subscriptionInformation.json:1:45: error: `/users/1` is not the scope of a subscription (use /products/NAME, /apis/NAME or /apis)
tags/t/apis/none/tagApiInformation.json: error: tags/t refers to the API `none`, which does not exist (add `apis/none`)"
    );
}

#[test]
fn lists_hold_names() {
    let artifacts = Artifacts::new(&[
        ("products/p/productInformation.json", PRODUCT),
        ("products/p/apis.json", r#"{"name": "a"}"#),
        ("products/p/groups.json", r#"[{"id": "a"}]"#),
    ]);
    assert_eq!(
        artifacts.errors(),
        "products/p/apis.json:1:1: error: `apis.json` must be a list of names (write `[{ \"name\": \"…\" }]`)
products/p/groups.json:1:2: error: `groups.json` must be a list of names (write `[{ \"name\": \"…\" }]`)"
    );
}

#[test]
fn an_api_is_in_one_open_product() {
    let open = r#"{"properties": {"displayName": "P", "subscriptionRequired": false}}"#;
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("products/p/productInformation.json", open),
        ("products/p/apis.json", r#"[{"name": "a"}]"#),
        ("products/q/productInformation.json", open),
        ("products/q/apis.json", r#"[{"name": "a"}]"#),
        ("products/r/productInformation.json", PRODUCT),
        ("products/r/apis.json", r#"[{"name": "a"}]"#),
    ]);
    assert_eq!(
        artifacts.errors(),
        "products/q/apis.json:1:11: error: the API `a` is in two open products, `q` and `p` (products/p/apis.json:1:11) \
         (take it out of one of them, or let one of them need subscriptions)"
    );
}

#[test]
fn subscriptions_are_read_without_keys() {
    let full = "/subscriptions/0/resourceGroups/g/providers/Microsoft.ApiManagement/service/s";
    let artifacts = Artifacts::new(&[
        ("apis/a/apiInformation.json", &api("")),
        ("apis/a/specification.yaml", DEFINITION),
        (
            "subscriptions/s/subscriptionInformation.json",
            &format!(
                r#"{{"properties": {{"displayName": "S", "scope": "{full}/apis/A", "state": "Active", "ownerId": "{full}/users/7"}}}}"#
            ),
        ),
        (
            "subscriptions/t/subscriptionInformation.json",
            &format!(r#"{{"properties": {{"scope": "{full}/apis"}}}}"#),
        ),
    ]);
    let service = artifacts.catalog().service;
    assert_eq!(service.subscriptions["s"].scope, Scope::Api("a".into()));
    assert_eq!(service.subscriptions["s"].owner.as_deref(), Some("7"));
    assert_eq!(service.subscriptions["t"].scope, Scope::AllApis);
    assert_eq!(
        artifacts.notes(),
        "subscriptions/t/subscriptionInformation.json:1:16: low: without `state` a subscription waits for approval (`submitted`), and its keys open nothing"
    );
    let keyed = Artifacts::new(&[(
        "subscriptions/s/subscriptionInformation.json",
        r#"{"properties": {"scope": "/apis", "state": "active", "primaryKey": "k"}}"#,
    )]);
    assert_eq!(
        keyed.errors(),
        "subscriptions/s/subscriptionInformation.json:1:68: error: keys of subscriptions never stand in artifacts (take it out; keys come from the store or from `--keys FILE`)"
    );
}
