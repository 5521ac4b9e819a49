use std::sync::Arc;

use http::header::{AUTHORIZATION, CACHE_CONTROL, RANGE, SET_COOKIE, VARY};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};

use crate::testing::*;
use crate::{Body, Exchange, Plan, Query, Response, SubscriptionFacts};

const LOOKUP: &str = "vary-by-developer=\"false\" vary-by-developer-groups=\"false\"";

fn plan_with(lookup: &str, children: &str, store: &str) -> Arc<Plan> {
    plan(&format!(
        "<policies><inbound><cache-lookup {lookup}>{children}</cache-lookup>\
         <set-variable name=\"missed\" value=\"yes\" /></inbound>\
         <backend><forward-request /></backend>\
         <outbound><cache-store {store} /><set-header name=\"x-out\"><value>1</value></set-header></outbound></policies>"
    ))
}

fn usual() -> Arc<Plan> {
    plan_with(LOOKUP, "", "duration=\"60\"")
}

/// Sends a request; says how many times the backend has been called by then.
fn send(world: &TestWorld, plan: &Plan, prepare: impl FnOnce(&mut Exchange)) -> (usize, Exchange) {
    let mut exchange = exchange();
    prepare(&mut exchange);
    world.run(plan, &mut exchange);
    (world.forwarded.borrow().len(), exchange)
}

fn field(name: HeaderName, value: &'static str) -> impl Fn(&mut Exchange) {
    move |exchange| drop(exchange.request.headers.insert(name.clone(), HeaderValue::from_static(value)))
}

/// What the backend answers once.
fn answers(world: &TestWorld, status: u16, fields: &[(HeaderName, &'static str)], body: &'static str) {
    let mut response = Response::new(StatusCode::from_u16(status).unwrap());
    for (name, value) in fields {
        response.headers.append(name, HeaderValue::from_static(value));
    }
    response.body = Body::Full(body.into());
    *world.answer.borrow_mut() = Some(Ok(response));
}

/// Whether the second of two requests is answered from the cache.
fn is_kept(plan: &Plan, world: &TestWorld, prepare: impl Fn(&mut Exchange)) -> bool {
    let (first, _) = send(world, plan, &prepare);
    let (second, _) = send(world, plan, &prepare);
    first == second
}

#[test]
fn the_second_request_is_answered_without_the_backend_and_outbound_runs() {
    let (world, plan) = (TestWorld::new(), usual());
    answers(&world, 200, &[(VARY, "x-other")], "first");
    let (calls, exchange) = send(&world, &plan, |_| {});
    assert_eq!((calls, exchange.answer_text().as_str()), (1, "first"));
    let (calls, exchange) = send(&world, &plan, |_| {});
    assert_eq!((calls, exchange.answer_text().as_str()), (1, "first"));
    assert!(exchange.variables.get("missed").is_none());
    let response = exchange.response.unwrap();
    assert_eq!(
        (&response.headers["x-out"], &response.headers[VARY]),
        (&HeaderValue::from_static("1"), &HeaderValue::from_static("x-other"))
    );
    world.now_millis.set(world.now_millis.get() + 59_999);
    assert_eq!(send(&world, &plan, |_| {}).0, 1);
    world.now_millis.set(world.now_millis.get() + 1);
    assert_eq!(send(&world, &plan, |_| {}).0, 2);
}

#[test]
fn paths_queries_and_other_policies_have_places_of_their_own() {
    let (world, plan) = (TestWorld::new(), usual());
    let query =
        |query: &'static str| move |exchange: &mut Exchange| exchange.request.url.query = Query::new(query);
    assert_eq!(send(&world, &plan, |_| {}).0, 1);
    assert_eq!(send(&world, &plan, query("a=2")).0, 2);
    assert_eq!(send(&world, &plan, |exchange| exchange.request.original_url.path = "/other".into()).0, 3);
    let plan =
        plan_with(LOOKUP, "<vary-by-query-parameter>a; c</vary-by-query-parameter>", "duration=\"60\"");
    assert_eq!(send(&world, &plan, query("a=1&b=1")).0, 4);
    assert_eq!(send(&world, &plan, query("b=2&a=1")).0, 4);
    assert_eq!(send(&world, &plan, query("a=1&c=1")).0, 5);
}

#[test]
fn header_fields_and_developers_are_told_apart_where_the_policy_says_so() {
    let (world, plan) =
        (TestWorld::new(), plan_with(LOOKUP, "<vary-by-header>Accept</vary-by-header>", "duration=\"60\""));
    let accept = |value| field(http::header::ACCEPT, value);
    assert_eq!(send(&world, &plan, accept("a")).0, 1);
    assert_eq!(send(&world, &plan, accept("b")).0, 2);
    assert_eq!(send(&world, &plan, accept("a")).0, 2);

    let by = |owner: Option<&'static str>| {
        move |exchange: &mut Exchange| {
            let owner = owner.map(Into::into);
            exchange.route.subscription = Some(Arc::new(SubscriptionFacts {
                id: "one".into(),
                name: "one".into(),
                owner,
                created: 0,
                start: None,
                end: None,
                key: None,
            }));
        }
    };
    for lookup in [
        "vary-by-developer=\"true\" vary-by-developer-groups=\"false\"",
        "vary-by-developer=\"false\" vary-by-developer-groups=\"true\"",
    ] {
        let (world, plan) = (TestWorld::new(), plan_with(lookup, "", "duration=\"60\""));
        let calls: Vec<usize> = [by(Some("ann")), by(Some("bob")), by(None), by(Some("ann"))]
            .map(|by| send(&world, &plan, by).0)
            .to_vec();
        assert_eq!(calls, [1, 2, 3, 3]);
    }
}

#[test]
fn only_whole_answers_to_get_are_looked_up() {
    let plan = usual();
    assert!(is_kept(&plan, &TestWorld::new(), |_| {}));
    assert!(!is_kept(&plan, &TestWorld::new(), |exchange| exchange.request.method = Method::POST));
    assert!(!is_kept(&plan, &TestWorld::new(), |exchange| exchange.request.method = Method::HEAD));
    assert!(!is_kept(&plan, &TestWorld::new(), field(RANGE, "bytes=0-1")));
}

#[test]
fn requests_with_credentials_are_not_looked_up_unless_the_policy_says_so() {
    let bearer = || field(AUTHORIZATION, "Bearer x");
    assert!(!is_kept(&usual(), &TestWorld::new(), bearer()));
    let allowing = plan_with(
        &format!("{LOOKUP} allow-private-response-caching=\"true\""),
        "<vary-by-header>Authorization</vary-by-header>",
        "duration=\"60\"",
    );
    let world = TestWorld::new();
    assert!(is_kept(&allowing, &world, bearer()));
    assert_eq!(send(&world, &allowing, field(AUTHORIZATION, "Bearer y")).0, 2);
}

#[test]
fn what_is_kept_depends_on_status_condition_and_fields() {
    let kept = |store: &str, status: u16, fields: &[(HeaderName, &'static str)]| {
        let (world, plan) = (TestWorld::new(), plan_with(LOOKUP, "", store));
        answers(&world, status, fields, "x");
        is_kept(&plan, &world, |_| {})
    };
    assert!(kept("duration=\"60\"", 200, &[]));
    assert!(!kept("duration=\"60\"", 404, &[]));
    assert!(kept("duration=\"60\" cache-response=\"true\"", 404, &[]));
    assert!(!kept("duration=\"60\" cache-response=\"false\"", 200, &[]));
    assert!(!kept("duration=\"60\" cache-response=\"true\"", 206, &[]));
    assert!(!kept("duration=\"0\"", 200, &[]));
    assert!(!kept("duration=\"60\"", 200, &[(SET_COOKIE, "a=b")]));
    assert!(!kept("duration=\"60\"", 200, &[(VARY, "accept, *")]));
}

#[test]
fn what_the_backend_varies_by_is_respected() {
    let (world, plan) = (TestWorld::new(), usual());
    let language = |value| field(http::header::ACCEPT_LANGUAGE, value);
    answers(&world, 200, &[(VARY, "Accept-Language")], "Hallo");
    send(&world, &plan, language("de"));
    answers(&world, 200, &[(VARY, "Accept-Language")], "Hello");
    assert_eq!(send(&world, &plan, language("en")).1.answer_text(), "Hello");
    let (calls, exchange) = send(&world, &plan, language("de"));
    assert_eq!((calls, exchange.answer_text().as_str()), (2, "Hallo"));
}

#[test]
fn downstream_caches_are_told_what_they_may_do() {
    for (attributes, first, later) in [
        ("", "no-store", "no-store"),
        (
            "downstream-caching-type=\"private\"",
            "private, max-age=60, must-revalidate",
            "private, max-age=50, must-revalidate",
        ),
        (
            "downstream-caching-type=\"public\" must-revalidate=\"false\"",
            "public, max-age=60",
            "public, max-age=50",
        ),
    ] {
        let (world, plan) =
            (TestWorld::new(), plan_with(&format!("{LOOKUP} {attributes}"), "", "duration=\"60\""));
        answers(&world, 200, &[(CACHE_CONTROL, "max-age=5"), (http::header::EXPIRES, "0")], "x");
        let (_, exchange) = send(&world, &plan, |_| {});
        assert_eq!(exchange.response.unwrap().headers[CACHE_CONTROL], first);
        world.now_millis.set(world.now_millis.get() + 10_000);
        let (_, exchange) = send(&world, &plan, |_| {});
        let headers = exchange.response.unwrap().headers;
        assert_eq!(headers[CACHE_CONTROL], later);
        assert!(!headers.contains_key(http::header::EXPIRES));
    }
}

#[test]
fn a_body_that_streams_is_kept_once_it_has_passed() {
    let (world, plan) = (TestWorld::new(), usual());
    let streamed = || {
        let mut response = Response::new(StatusCode::OK);
        response.body = Body::stream(Full::new(bytes::Bytes::from("flow")).map_err(|never| match never {}));
        *world.answer.borrow_mut() = Some(Ok(response));
    };
    streamed();
    let (calls, mut exchange) = send(&world, &plan, |_| {});
    assert_eq!(calls, 1);
    streamed();
    assert_eq!(send(&world, &plan, |_| {}).0, 2);
    let body = &mut exchange.response.as_mut().unwrap().body;
    let passed = futures_util::FutureExt::now_or_never(body.buffer(10)).unwrap().unwrap();
    assert_eq!(passed, "flow");
    let (calls, exchange) = send(&world, &plan, |_| {});
    assert_eq!((calls, exchange.answer_text().as_str()), (2, "flow"));
}

#[test]
fn what_cannot_be_is_told_at_load() {
    let told = |attributes: &str, children: &str| {
        findings_in("inbound", &format!("<cache-lookup {attributes}>{children}</cache-lookup>"))
    };
    let one = told("vary-by-developer=\"false\"", "");
    assert!(one[0].contains("`cache-lookup` has no attribute `vary-by-developer-groups`"), "{one:?}");
    let one = told(&format!("{LOOKUP} caching-type=\"external\""), "");
    assert!(one[0].starts_with("policy.xml:1:145: ") && one[0].contains("none is configured"), "{one:?}");
    let one = told(&format!("{LOOKUP} caching-type=\"none\""), "");
    assert!(one[0].contains("`internal`, `prefer-external`, `external`, not `none`"), "{one:?}");
    let one = told(LOOKUP, "<vary-by-header> </vary-by-header>");
    assert!(one[0].contains("`vary-by-header` names nothing"), "{one:?}");
    let one = told(LOOKUP, "<vary-by-cookie>a</vary-by-cookie>");
    assert!(one[0].contains("`vary-by-cookie` cannot stand in `cache-lookup`"), "{one:?}");
    let one = told(&format!("{LOOKUP} allow-private-response-caching=\"true\""), "");
    assert!(one[0].contains("gives answers to requests with credentials to others"), "{one:?}");
    let one = findings_in("outbound", "<cache-store duration=\"-1\" />");
    assert!(one[0].contains("`duration` must be a whole number from 0"), "{one:?}");
    let one = findings_in("inbound", "<cache-store duration=\"1\" />");
    assert!(one[0].contains("`cache-store` cannot stand in the section `inbound`"), "{one:?}");
}
