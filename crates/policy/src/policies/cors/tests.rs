use std::sync::Arc;

use super::*;
use crate::testing::*;
use crate::{Plan, PlanKey};

fn cors(attributes: &str, origins: &[&str], rest: &str) -> String {
    let origins =
        origins.iter().map(|origin| format!("<origin>{origin}</origin>")).collect::<Vec<_>>().concat();
    format!("<cors {attributes}><allowed-origins>{origins}</allowed-origins>{rest}</cors>")
}

fn from_origin(policies: &str, method: Method, origin: &'static str) -> Exchange {
    run_with(&document("inbound", policies), |exchange| {
        exchange.request.method = method;
        exchange.request.headers.insert(ORIGIN, HeaderValue::from_static(origin));
    })
}

fn preflight(policies: &str, fields: &[(HeaderName, &'static str)]) -> Option<Response> {
    let world = TestWorld::new();
    let mut exchange = exchange();
    exchange.request.method = Method::OPTIONS;
    for (name, value) in fields {
        exchange.request.headers.insert(name, HeaderValue::from_static(value));
    }
    crate::preflight(&plan(&document("inbound", policies)), &mut exchange, &world.world())
}

fn preflight_from(policies: &str, origin: &'static str, method: &'static str) -> Option<Response> {
    preflight(policies, &[(ORIGIN, origin), (ACCESS_CONTROL_REQUEST_METHOD, method)])
}

#[test]
fn an_allowed_origin_may_read_the_answer() {
    let expose = "<expose-headers><header>x-a</header><header>x-b</header></expose-headers>";
    let policy = cors("allow-credentials=\"true\"", &["https://a.example:443/", "http://b.example"], expose);
    let headers = from_origin(&policy, Method::GET, "https://a.example").response.unwrap().headers;
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    assert_eq!(headers[ACCESS_CONTROL_EXPOSE_HEADERS], "x-a,x-b");
    assert_eq!(headers[VARY], "Origin");
    let headers = from_origin(&cors("", &["*"], ""), Method::GET, "null").response.unwrap().headers;
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS) && !headers.contains_key(VARY));
}

/// Caches must not give this answer to the origins that are allowed.
fn assert_only_varies(exchange: &Exchange) {
    let headers = &exchange.response.as_ref().unwrap().headers;
    assert_eq!(headers.len(), 1, "{headers:?}");
    assert_eq!(headers.get(VARY).unwrap(), "Origin");
}

#[test]
fn what_depends_on_the_origin_says_so_to_caches_once() {
    let policy = cors("", &["https://a.example"], "");
    assert_only_varies(&run(&document("inbound", &policy)));
    let twice = document("inbound", &policy).replace(
        "</inbound>",
        "</inbound><outbound><set-header name=\"Vary\"><value>Accept, origin</value></set-header></outbound>",
    );
    let answer = run(&twice).response.unwrap();
    assert_eq!(answer.headers.get_all(VARY).iter().count(), 1);
    assert!(!run(&document("inbound", &cors("", &["*"], ""))).response.unwrap().headers.contains_key(VARY));
    let refused = preflight_from(&policy, "https://b.example", "GET").unwrap();
    assert_eq!(refused.headers.get(VARY).unwrap(), "Origin");
}

#[test]
fn a_failed_request_may_be_read_too() {
    let policy =
        cors("", &["*"], "") + "<ip-filter action=\"forbid\"><address>192.0.2.1</address></ip-filter>";
    let exchange = from_origin(&policy, Method::GET, "https://a.example");
    assert_eq!(exchange.answered(), 403);
    assert_eq!(exchange.response.unwrap().headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
}

#[test]
fn a_simple_request_of_another_origin_ends_here_by_default() {
    for other in
        ["https://b.example", "http://a.example", "https://a.example:8443", "null", "https://a.example.evil"]
    {
        let exchange = from_origin(&cors("", &["https://a.example"], ""), Method::HEAD, other);
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (200, ""), "{other}");
        assert_only_varies(&exchange);
    }
    let going_on = cors("terminate-unmatched-request=\"false\"", &["https://a.example"], "");
    let exchange = from_origin(&going_on, Method::GET, "https://b.example");
    assert_eq!(exchange.answer_text(), "backend");
    assert_only_varies(&exchange);
    let exchange = from_origin(&cors("", &["https://a.example"], ""), Method::POST, "https://b.example");
    assert_eq!(exchange.answer_text(), "backend");
    assert_eq!(run(&document("inbound", &cors("", &["https://a.example"], ""))).answer_text(), "backend");
}

/// The plan of an API that has a policy after the service's.
fn two(first: &str, second: &str) -> Arc<Plan> {
    let mut catalog = catalog(&document("inbound", first));
    let second = document("inbound", &format!("<base />{second}"));
    catalog.service.apis.insert("api".into(), api("api", Some(&second)));
    policies(&catalog).plan(&PlanKey { workspace: None, api: "api", operation: None, product: None })
}

#[test]
fn the_first_policy_that_allows_the_origin_applies() {
    let plan = two(&cors("", &["https://a.example"], ""), &cors("", &["https://b.example"], ""));
    let world = TestWorld::new();
    let mut exchange = exchange();
    exchange.request.headers.insert(ORIGIN, HeaderValue::from_static("https://a.example"));
    world.run(&plan, &mut exchange);
    assert_eq!(exchange.answer_text(), "backend");
    let headers = &exchange.response.as_ref().unwrap().headers;
    let origins: Vec<_> = headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter().collect();
    assert_eq!(origins, ["https://a.example"]);
}

#[test]
fn a_preflight_goes_on_to_other_policies_only_where_the_first_lets_it() {
    let world = TestWorld::new();
    let allowed = |attributes: &str, origin: &'static str| {
        let mut exchange = exchange();
        exchange.request.method = Method::OPTIONS;
        exchange.request.headers.insert(ORIGIN, HeaderValue::from_static(origin));
        exchange.request.headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("GET"));
        let second = cors("terminate-unmatched-request=\"false\"", &["https://b.example"], "");
        let plan = two(&cors(attributes, &["https://a.example"], ""), &second);
        let response = crate::preflight(&plan, &mut exchange, &world.world()).unwrap();
        assert_eq!((response.status, response.body.is_empty()), (StatusCode::OK, true));
        response.headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).cloned()
    };
    let going_on = "terminate-unmatched-request=\"false\"";
    assert_eq!(allowed("", "https://a.example").unwrap(), "https://a.example");
    assert_eq!(allowed("", "https://b.example"), None);
    assert_eq!(allowed(going_on, "https://b.example").unwrap(), "https://b.example");
    assert_eq!(allowed(going_on, "https://c.example"), None);
}

#[test]
fn a_preflight_is_answered_with_what_the_policy_allows() {
    let lists = "<allowed-methods preflight-result-max-age=\"300\"><method>PUT</method><method>PATCH</method></allowed-methods>\
                 <allowed-headers><header>X-A</header><header>content-type</header></allowed-headers>";
    let policy = cors("allow-credentials=\"true\"", &["http://localhost:8080/"], lists);
    let ask = |origin, method, headers| {
        let fields = [
            (ORIGIN, origin),
            (ACCESS_CONTROL_REQUEST_METHOD, method),
            (ACCESS_CONTROL_REQUEST_HEADERS, headers),
        ];
        let response = preflight(&policy, &fields).unwrap();
        assert_eq!(response.status, 200);
        response.headers
    };
    let headers = ask("http://localhost:8080", "PATCH", "content-type, x-a");
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:8080");
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_METHODS], "PUT,PATCH");
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_HEADERS], "content-type,x-a");
    assert_eq!(headers[ACCESS_CONTROL_MAX_AGE], "300");
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    assert_eq!(ask("http://localhost:8081", "PATCH", "x-a").len(), 1);
    assert_eq!(ask("http://localhost:8080", "DELETE", "x-a").len(), 1);
    assert_eq!(ask("http://localhost:8080", "PATCH", "x-a,x-b").len(), 1);
}

#[test]
fn the_defaults_of_a_preflight() {
    let policy = cors("", &["*"], "");
    assert_eq!(
        preflight_from(&policy, "https://a.example", "POST").unwrap().headers[ACCESS_CONTROL_ALLOW_METHODS],
        "GET,POST"
    );
    assert!(preflight_from(&policy, "https://a.example", "PUT").unwrap().headers.is_empty());
    let all = cors(
        "",
        &["*"],
        "<allowed-methods><method>*</method></allowed-methods><allowed-headers><header>*</header></allowed-headers>",
    );
    let headers = preflight_from(&all, "https://a.example", "PURGE").unwrap().headers;
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_METHODS], "PURGE");
    assert!(!headers.contains_key(ACCESS_CONTROL_MAX_AGE));
    assert!(preflight_from("<set-method>GET</set-method>", "https://a.example", "GET").is_none());
}

#[test]
fn bad_values_are_told_where_they_stand() {
    for (policy, wanted) in [
        ("<cors />".to_owned(), "1:58: error: `cors` names no origin"),
        (cors("", &[], ""), "1:65: error: `allowed-origins` holds no `origin`"),
        (cors("", &["*", "a.example"], ""), "1:108: error: `a.example` is no origin"),
        (cors("", &["https://*.a.example"], ""), "1:90: error: `https://*.a.example` is no origin"),
        (cors("", &["https://a.example/path"], ""), "is no origin"),
        (
            cors("allow-credentials=\"true\"", &[" * "], ""),
            "1:115: error: `cors` allows credentials to every origin",
        ),
        (cors("", &["*"], "<allowed-methods />"), "`allowed-methods` holds no `method`"),
        (
            cors("", &["*"], "<allowed-headers><header>a</header></allowed-headers><allowed-headers />"),
            "holds a second `allowed-headers`",
        ),
        (
            cors(
                "",
                &["*"],
                "<allowed-methods preflight-result-max-age=\"-1\"><method>*</method></allowed-methods>",
            ),
            "`preflight-result-max-age` must be a whole number",
        ),
        (cors("", &["*"], "").repeat(2), "`cors` may stand once in a section"),
    ] {
        let told = findings_in("inbound", &policy);
        assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
    }
}
