use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;

use super::*;
use crate::http_client::{HttpClient, HttpError, HttpRequest, HttpResponse};

type Answer = Result<HttpResponse, HttpError>;

/// A provider that answers as it is told, at once or when it is told to.
#[derive(Default)]
struct Provider {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<String>>,
    held: Mutex<Vec<oneshot::Sender<Answer>>>,
    holds: Mutex<bool>,
}

impl Provider {
    fn will(&self, status: u16, body: &str) {
        self.answers.lock().push_back(Ok(answer(status, body)));
    }
}

fn answer(status: u16, body: &str) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec().into() }
}

impl HttpClient for Provider {
    fn send(&self, request: HttpRequest) -> BoxFuture<'static, Answer> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let proof = request.headers.iter().find(|(name, _)| *name == "authorization");
        let proof = proof.map(|(_, value)| format!(" {}", value.as_str())).unwrap_or_default();
        self.asked.lock().push(format!("{}{proof} {body}", request.url));
        if *self.holds.lock() {
            let (sender, receiver) = oneshot::channel();
            self.held.lock().push(sender);
            return async move { receiver.await.unwrap() }.boxed();
        }
        let next = self.answers.lock().pop_front();
        std::future::ready(next.unwrap_or_else(|| Err(HttpError("nobody answers".into())))).boxed()
    }
}

/// A store that hides nothing.
#[derive(Default)]
struct Keeper(Mutex<HashMap<String, String>>);

impl TokenKeeper for Keeper {
    fn load(&self, name: String) -> BoxFuture<'static, Result<Option<SecretString>, KeeperError>> {
        let found = self.0.lock().get(&name).map(|text| SecretString::from(text.as_str()));
        std::future::ready(Ok(found)).boxed()
    }

    fn save(&self, name: String, text: SecretString) -> BoxFuture<'static, Result<(), KeeperError>> {
        self.0.lock().insert(name, text.expose_secret().to_owned());
        std::future::ready(Ok(())).boxed()
    }

    fn seal(&self, text: &SecretString) -> Option<Vec<u8>> {
        Some(text.expose_secret().bytes().map(|byte| byte ^ 0x55).collect())
    }

    fn open(&self, sealed: &[u8]) -> Option<SecretString> {
        let text: Vec<u8> = sealed.iter().map(|byte| byte ^ 0x55).collect();
        String::from_utf8(text).ok().map(SecretString::from)
    }
}

const OBJECT: &str = "0b3c1c52-6e7b-4a9d-9a55-5d7d0f4f0e11";

fn settings(grant: Grant) -> ConnectionSettings {
    ConnectionSettings {
        provider: "github".into(),
        connection: "main".into(),
        grant,
        authorization_url: Some("https://as.example/authorize?a=1".parse().unwrap()),
        token_url: "https://as.example/token".parse().unwrap(),
        refresh_url: None,
        redirect_url: Some("https://gw.example/back".parse().unwrap()),
        client_id: "app".into(),
        client_secret: Some(zeroize::Zeroizing::new("s&cret".into())),
        scopes: "read write".into(),
        resource: None,
        parameters: &[],
        access: vec![AccessPolicy { tenant: "t".into(), object: OBJECT.into(), applications: Vec::new() }],
    }
}

struct World {
    provider: Arc<Provider>,
    keeper: Arc<Keeper>,
    manager: Authorizations,
}

impl World {
    fn new(settings: ConnectionSettings) -> Self {
        Self::over(settings, Arc::default(), Arc::default(), None)
    }

    fn over(
        settings: ConnectionSettings,
        provider: Arc<Provider>,
        keeper: Arc<Keeper>,
        previous: Option<&Authorizations>,
    ) -> Self {
        let instance = (None, Some(OBJECT.to_owned()));
        let client: Arc<dyn HttpClient> = Arc::<Provider>::clone(&provider);
        let kept: Arc<dyn TokenKeeper> = Arc::<Keeper>::clone(&keeper);
        let manager = Authorizations::new(vec![settings], instance, client, kept, previous);
        Self { provider, keeper, manager }
    }

    fn token(&self, now: u64) -> Result<String, AuthorizationFailure> {
        let granted = self.manager.granted("GitHub", "MAIN", Caller::Instance, now);
        let granted = granted.now_or_never().expect("nothing waits");
        granted.map(|granted| granted.access_token.expose().to_owned())
    }

    /// Somebody consents: the query of the callback.
    fn consents(&self, settings: &ConnectionSettings, now: u64) -> String {
        let link = login_link(settings, &*self.keeper, now).unwrap();
        let state = link.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        format!("code=the-code&state={state}")
    }
}

#[test]
fn a_client_gets_its_own_token_and_keeps_it() {
    let world = World::new(settings(Grant::ClientCredentials));
    world.provider.will(200, r#"{"access_token":"one","expires_in":3600,"scope":"read","n":7}"#);
    assert_eq!(world.token(0).unwrap(), "one");
    assert_eq!(world.token(3299).unwrap(), "one");
    let asked = world.provider.asked.lock().clone();
    assert_eq!(
        asked,
        [
            "https://as.example/token grant_type=client_credentials&scope=read+write&client_id=app&client_secret=s%26cret"
        ]
    );
    // Ahead of its end it is renewed; where that fails the old one goes on.
    assert_eq!(world.token(3300).unwrap(), "one");
    world.provider.will(200, r#"{"access_token":"two","expires_in":"60"}"#);
    assert_eq!(world.token(3306).unwrap(), "two");
    // The life of the second is over, and nobody answers.
    assert!(matches!(world.token(3366), Err(AuthorizationFailure::Unavailable { .. })));
    let before = world.provider.asked.lock().len();
    assert!(world.token(3367).is_err());
    assert_eq!(world.provider.asked.lock().len(), before, "a failure is told again for a while");
}

#[test]
fn tokens_outlive_the_process_and_belong_to_their_client() {
    let world = World::new(settings(Grant::ClientCredentials));
    world.provider.will(200, r#"{"access_token":"one","expires_in":3600,"id_token":"x"}"#);
    world.token(0).unwrap();
    let kept = world.keeper.0.lock()["authorization/github/main"].clone();
    assert!(kept.contains("one"));
    let again =
        World::over(settings(Grant::ClientCredentials), Arc::default(), Arc::clone(&world.keeper), None);
    let granted =
        again.manager.granted("github", "main", Caller::Instance, 10).now_or_never().unwrap().unwrap();
    assert_eq!(granted.access_token.expose(), "one");
    let claims: serde_json::Value = serde_json::from_str(&granted.claims).unwrap();
    assert_eq!(claims, serde_json::json!({ "expires_in": 3600, "id_token": "x" }));
    let mut other = settings(Grant::ClientCredentials);
    other.scopes = "admin".into();
    let other = World::over(other, Arc::default(), Arc::clone(&world.keeper), Some(&again.manager));
    assert!(other.token(10).is_err(), "a token for other scopes is another token");
    let mut rotated = settings(Grant::ClientCredentials);
    rotated.client_secret = Some(zeroize::Zeroizing::new("new".into()));
    let rotated = World::over(rotated, Arc::default(), Arc::default(), Some(&again.manager));
    assert_eq!(rotated.token(10).unwrap(), "one", "a reload takes it over");
}

#[test]
fn a_secret_that_the_body_may_not_hold_goes_into_the_head() {
    let world = World::new(settings(Grant::ClientCredentials));
    world.provider.will(401, r#"{"error":"invalid_client"}"#);
    world.provider.will(200, r#"{"access_token":"one","expires_in":60}"#);
    assert_eq!(world.token(0).unwrap(), "one");
    world.provider.will(200, r#"{"access_token":"two","expires_in":60}"#);
    assert_eq!(world.token(60).unwrap(), "two");
    let asked = world.provider.asked.lock();
    assert_eq!(asked.len(), 3);
    // app:s%26cret
    assert!(
        asked[1].contains("Basic YXBwOnMlMjZjcmV0 ") && !asked[1].contains("client_secret"),
        "{}",
        asked[1]
    );
    assert!(asked[2].contains("Basic "), "the way that works is remembered");
}

#[test]
fn only_those_whom_an_access_policy_names_get_a_token() {
    let mut one = settings(Grant::ClientCredentials);
    one.access[0].applications = vec!["app-1".into()];
    one.access[0].tenant = "https://login.example/TENANT/v2.0".into();
    let world = World::new(one);
    let ask = |tenant, object, application| {
        let caller = Caller::Principal { tenant, object, application };
        let outcome = world.manager.granted("github", "main", caller, 0).now_or_never().unwrap();
        !matches!(outcome, Err(AuthorizationFailure::AccessDenied { .. }))
    };
    assert!(ask("tenant", OBJECT, Some("APP-1")));
    assert!(!ask("tenant", OBJECT, None));
    assert!(!ask("tenant", OBJECT, Some("app-2")));
    assert!(!ask("tenant", "other", Some("app-1")));
    assert!(!ask("other", OBJECT, Some("app-1")));
    let mut nobody = settings(Grant::ClientCredentials);
    nobody.access.clear();
    assert!(matches!(World::new(nobody).token(0), Err(AuthorizationFailure::AccessDenied { .. })));
    let world = World::new(settings(Grant::ClientCredentials));
    let unknown = world.manager.granted("github", "other", Caller::Instance, 0).now_or_never().unwrap();
    assert_eq!(unknown.unwrap_err(), AuthorizationFailure::Unknown("github/other".into()));
}

#[test]
fn a_consent_connects_once_and_refresh_tokens_go_on_from_there() {
    let connection = settings(Grant::AuthorizationCode);
    let world = World::new(connection.clone());
    assert!(matches!(world.token(0), Err(AuthorizationFailure::NotConnected(_))));
    let link = login_link(&connection, &*world.keeper, 0).unwrap();
    let query: HashMap<String, String> = link.query_pairs().into_owned().collect();
    assert_eq!((&*query["a"], &*query["client_id"], &*query["scope"]), ("1", "app", "read write"));
    assert_eq!(
        (&*query["redirect_uri"], &*query["code_challenge_method"]),
        ("https://gw.example/back", "S256")
    );
    let callback = world.consents(&connection, 0);
    world.provider.will(200, r#"{"access_token":"one","refresh_token":"r1","expires_in":600}"#);
    let connected = world.manager.connect(&callback, 5).now_or_never().unwrap();
    assert_eq!(connected.unwrap(), "github/main");
    assert_eq!(world.token(6).unwrap(), "one");
    let again = world.manager.connect(&callback, 6).now_or_never().unwrap();
    assert_eq!(again, Err(CallbackError::BadLink), "a link is used once");
    {
        let asked = world.provider.asked.lock();
        assert!(
            asked[0].contains("grant_type=authorization_code&code=the-code&redirect_uri=https"),
            "{}",
            asked[0]
        );
        assert!(asked[0].contains("&code_verifier="), "{}", asked[0]);
    }
    // Ahead of its end; the refresh token is another one then.
    world.provider.will(200, r#"{"access_token":"two","refresh_token":"r2","expires_in":600}"#);
    assert_eq!(world.token(490).unwrap(), "two");
    world.provider.will(200, r#"{"access_token":"three","expires_in":600}"#);
    assert_eq!(world.token(1100).unwrap(), "three");
    {
        let asked = world.provider.asked.lock();
        assert!(asked[1].contains("grant_type=refresh_token&refresh_token=r1"), "{}", asked[1]);
        assert!(asked[2].contains("refresh_token=r2"), "{}", asked[2]);
    }
    assert!(
        world.keeper.0.lock()["authorization/github/main"].contains("\"r2\""),
        "none came, so the old one stays"
    );
    // The consent was taken back.
    world.provider.will(400, r#"{"error":"invalid_grant"}"#);
    assert_eq!(world.token(2000), Err(AuthorizationFailure::NotConnected("github/main".into())));
}

#[test]
fn callbacks_that_are_not_of_this_instance_connect_nothing() {
    let connection = settings(Grant::AuthorizationCode);
    let world = World::new(connection.clone());
    let good = world.consents(&connection, 0);
    let state = good.split_once("&state=").unwrap().1;
    let connect = |query: &str, now| world.manager.connect(query, now).now_or_never().unwrap().unwrap_err();
    for query in [
        "code=a&state=AAAA".to_owned(),
        "code=a".to_owned(),
        format!("state={state}"),
        format!("code=a&code=b&state={state}"),
        format!("code=a&state={state}&state={state}"),
        format!("code={}&state={state}", "x".repeat(9000)),
    ] {
        assert_eq!(connect(&query, 1), CallbackError::BadLink, "{query}");
    }
    assert_eq!(connect(&good, 600), CallbackError::BadLink, "after ten minutes");
    let denied = format!("error=access_denied%3Cscript%3E&state={state}");
    assert_eq!(connect(&denied, 1), CallbackError::Denied("access_deniedscript".into()));
    world.provider.will(400, r#"{"error":"invalid_grant","error_description":"the-code is over"}"#);
    world.provider.will(400, r#"{"error":"invalid_grant"}"#);
    assert_eq!(connect(&good, 1), CallbackError::NoToken("status 400 invalid_grant".into()));
    assert!(login_link(&settings(Grant::ClientCredentials), &*world.keeper, 0).is_err());
}

#[test]
fn many_that_ask_at_once_ask_the_provider_once_and_nobody_has_to_stay() {
    let world = World::new(settings(Grant::ClientCredentials));
    *world.provider.holds.lock() = true;
    let ask = || Box::pin(world.manager.granted("github", "main", Caller::Instance, 0));
    let mut first = ask();
    let mut second = ask();
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(world.provider.asked.lock().len(), 1);
    // Who has begun it is gone, and what comes is not lost.
    drop(first);
    let held = world.provider.held.lock().pop().unwrap();
    assert!(held.send(Ok(answer(200, r#"{"access_token":"one","expires_in":3600}"#))).is_ok());
    assert_eq!(second.now_or_never().unwrap().unwrap().access_token.expose(), "one");
    // A renewal keeps nobody waiting.
    assert_eq!(world.token(3400).unwrap(), "one");
    assert_eq!(world.token(3400).unwrap(), "one");
    assert_eq!(world.provider.asked.lock().len(), 2);
    let held = world.provider.held.lock().pop().unwrap();
    assert!(held.send(Ok(answer(200, r#"{"access_token":"two","expires_in":3600}"#))).is_ok());
    assert_eq!(world.token(3401).unwrap(), "two");
}

#[test]
fn answers_that_grant_nothing_are_told_without_what_they_hold() {
    for (status, body, told) in [
        (200, "{}", "its answer holds no access token"),
        (200, "no json", "its answer holds no access token"),
        (200, r#"{"access_token":"a b"}"#, "its answer holds no access token"),
        (200, r#"{"access_token":"a","access_token":"b"}"#, "its answer holds no access token"),
        (200, r#"{"access_token":"a","token_type":"mac"}"#, "its token is no bearer token"),
        (200, r#"{"access_token":"a","expires_in":0}"#, "its token has expired before it came"),
        (200, r#"{"error":"bad_verification_code"}"#, "status 200 bad_verification_code"),
        (500, "canary", "status 500"),
        (400, r#"{"error":"canary <b>"}"#, "status 400 canaryb"),
    ] {
        let world = World::new(settings(Grant::ClientCredentials));
        world.provider.will(status, body);
        let failure = world.token(0).unwrap_err().to_string();
        assert_eq!(failure, format!("the provider of `github/main` gives no token: {told}"), "{body}");
    }
}
