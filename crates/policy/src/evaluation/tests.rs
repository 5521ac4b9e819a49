use gatehouse_model::resources::{ApiKind, KeyParameterNames};
use http::{HeaderValue, StatusCode};

use super::*;
use crate::testing::{TestWorld, exchange};
use crate::{ApiFacts, LastError, SubscriptionFacts};

fn values(context: &Evaluation<'_>, of: Side, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    context.header(of, name, &mut |value| found.push(value.to_owned()));
    found
}

#[test]
fn headers_are_found_in_any_case_and_named_once() {
    let world = TestWorld::new();
    let mut exchange = exchange();
    for value in ["1", "2"] {
        exchange.request.headers.append("x-a", HeaderValue::from_static(value));
    }
    let world = world.world();
    let context = Evaluation::new(&mut exchange, &world);
    assert_eq!(values(&context, Side::Request, "X-A"), ["1", "2"]);
    assert!(values(&context, Side::Request, "not a name").is_empty());
    assert!(values(&context, Side::Response, "x-a").is_empty());
    let mut names = Vec::new();
    context.header_names(Side::Request, &mut |name| names.push(name.to_owned()));
    assert_eq!(names, ["x-a"]);
}

#[test]
fn addresses_are_told_in_parts() {
    let world = TestWorld::new();
    let mut exchange = exchange();
    exchange.request.url.path = "/rewritten".into();
    exchange.request.url.query = crate::Query::default();
    let world = world.world();
    let context = Evaluation::new(&mut exchange, &world);
    let original = context.url(UrlOf::Original);
    assert_eq!((&*original.scheme, &*original.host, original.port), ("https", "api.example", 443));
    assert_eq!((&*original.path, &*original.query), ("/things", "?a=1"));
    let current = context.url(UrlOf::Current);
    assert_eq!((&*current.path, &*current.query), ("/rewritten", ""));
}

#[test]
fn a_body_is_read_once_unless_it_is_preserved() {
    let world = TestWorld::new();
    let mut exchange = exchange();
    exchange.request.body = Body::Full("x".into());
    let world = world.world();
    let mut context = Evaluation::new(&mut exchange, &world);
    assert!(context.has_body(Side::Request));
    assert_eq!(context.body(Side::Request, true), Ok("x".into()));
    assert_eq!(context.body(Side::Request, false), Ok("x".into()));
    assert_eq!(context.body(Side::Request, true), Err(BodyError::Consumed));
    assert!(context.has_body(Side::Request));
    assert_eq!(context.body(Side::Response, true), Err(BodyError::Missing));
    assert!(!context.has_body(Side::Response));
}

#[test]
fn an_expression_is_held_to_the_limits_of_the_world() {
    let world = TestWorld::new();
    let mut exchange = exchange();
    let limits = expression::Limits { steps: 1_000, ..expression::Limits::default() };
    let world = World { expression_limits: limits, ..world.world() };
    let endless = expression::compile("@{ int n = 0; while (true) { n++; } }").unwrap();
    let exception = endless.evaluate(&mut Evaluation::new(&mut exchange, &world)).unwrap_err();
    assert!(exception.is_limit, "{exception}");
}

#[test]
fn times_are_those_of_the_world() {
    let world = TestWorld::new();
    let mut exchange = exchange();
    exchange.started_micros = 1_700_000_000_000 * 1000 - 2_000_000;
    let world = world.world();
    let mut context = Evaluation::new(&mut exchange, &world);
    assert_eq!(context.elapsed(), Duration::from_secs(2));
    assert_eq!(context.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    assert_eq!(context.timestamp(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_699_999_998));
    let mut buffer = [0; 16];
    context.random(&mut buffer);
    assert_ne!(buffer, [0; 16]);
}

#[test]
fn what_was_matched_is_told_by_its_documented_names() {
    let world = TestWorld::new();
    let mut exchange = exchange();
    exchange.route.api = Some(Arc::new(ApiFacts {
        id: "orders".into(),
        name: "Orders".into(),
        path: "shop/orders".into(),
        revision: "2".into(),
        is_current_revision: true,
        version: None,
        workspace: Some("team".into()),
        service_url: Some(Arc::new("https://b.example/v1".parse().unwrap())),
        kind: ApiKind::Http,
        key_names: KeyParameterNames::default(),
    }));
    exchange.route.subscription = Some(Arc::new(SubscriptionFacts {
        id: "s1".into(),
        name: "S".into(),
        owner: Some("ada".into()),
        created: 60,
        start: None,
        end: Some(120),
        key: None,
    }));
    exchange.backend = BackendChoice::Entity(BackendChoice::entity_name(Some("team"), "blue"));
    exchange.response = Some(Response::new(StatusCode::NOT_FOUND));
    exchange.last_error = Some(LastError { source: "choose".into(), ..LastError::default() });
    let world = world.world();
    let context = Evaluation::new(&mut exchange, &world);
    let api = context.api().unwrap();
    assert_eq!((&*api.id, &*api.version, &*api.revision), ("orders", "", "2"));
    assert_eq!(api.service_url.as_ref().unwrap().port, 443);
    assert_eq!(&*context.workspace().unwrap().id, "team");
    let subscription = context.subscription().unwrap();
    assert_eq!((&*subscription.id, &*subscription.key), ("s1", ""));
    assert_eq!(subscription.end, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(120)));
    assert_eq!(&*context.user().unwrap().id, "ada");
    assert_eq!(&*context.backend().unwrap().id, "blue");
    assert_eq!(context.status(), Some((404, "Not Found".into())));
    assert_eq!(&*context.last_error().unwrap().source, "choose");
    assert_eq!(&*context.deployment().service_name, "contoso");
    assert!(context.operation().is_none() && context.product().is_none());
}
