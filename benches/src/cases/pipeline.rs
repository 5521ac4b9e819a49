//! A whole request without sockets: head, route, key, policies, answer, measures and access log.

use std::hint::black_box;

use crate::Case;
use crate::landing_zone::Gateway;

const RATE_LIMIT: &str = "<rate-limit calls=\"4000000000\" renewal-period=\"300\" />";
const HEADERS: &str = "<set-header name=\"x-a\"><value>1</value></set-header>\
    <set-header name=\"x-b\" exists-action=\"append\"><value>2</value></set-header>\
    <set-query-parameter name=\"q\"><value>3</value></set-query-parameter>\
    <set-variable name=\"v\" value=\"4\" /><rewrite-uri template=\"/items/{line}\" />";

pub(crate) fn cases() -> Vec<Case> {
    let variants: [(&str, &str, bool); 4] = [
        ("plain", "", false),
        ("key", "", true),
        ("key-and-rate-limit", RATE_LIMIT, true),
        ("five-policies", HEADERS, false),
    ];
    variants
        .into_iter()
        .map(|(name, policies, key)| Case::new(format!("pipeline/{name}"), move || prepare(policies, key)))
        .collect()
}

fn prepare(policies: &str, key: bool) -> crate::Run {
    let gateway = Gateway::new(policies, key);
    gateway.check();
    Box::new(move || {
        black_box(gateway.request());
    })
}
