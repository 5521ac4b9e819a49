use std::sync::Arc;

use gatehouse_identity::authorization::{AccessPolicy, Authorizations, ConnectionSettings, Grant};
use gatehouse_identity::http_client::HttpClient;
use gatehouse_model::resources::{
    Authorization, AuthorizationGrant, AuthorizationProvider, IdentityProvider,
};
use gatehouse_model::{Diagnostics, Location};

use crate::Exchange;
use crate::testing::*;

const POLICY: &str = "<get-authorization-context provider-id=\"github\" authorization-id=\"main\" context-variable-name=\"auth\"";
/// What Microsoft's page does with it.
const SHOW: &str = "<set-header name=\"authorization\"><value>@(\"Bearer \" + ((Authorization)context.Variables.GetValueOrDefault(\"auth\"))?.AccessToken)</value></set-header><set-header name=\"x-scope\"><value>@((string)((Authorization)context.Variables[\"auth\"])?.Claims[\"scope\"])</value></set-header>";

fn with_provider(policies: &str) -> gatehouse_model::resources::Catalog {
    let mut catalog = catalog(&document("inbound", policies));
    let location = || Location::file(std::path::Path::new("authorizationProviders"));
    let authorization = Authorization {
        name: "main".into(),
        parameters: Default::default(),
        access_policies: Vec::new(),
        location: location(),
    };
    let provider = AuthorizationProvider {
        name: "github".into(),
        display_name: None,
        identity_provider: IdentityProvider::OAuth2,
        redirect_url: None,
        grant: AuthorizationGrant::ClientCredentials,
        parameters: Default::default(),
        authorizations: [("main".to_owned(), authorization)].into(),
        location: location(),
    };
    catalog.service.authorization_providers.insert("github".into(), provider);
    catalog
}

fn ran(policies: &str, object: &str, answers: &[(u16, &str)]) -> (TestWorld, Exchange) {
    let mut world = TestWorld::new();
    let client: Arc<dyn HttpClient> = Arc::<CredentialPeer>::clone(&world.credentials);
    let settings = ConnectionSettings {
        provider: "github".into(),
        connection: "main".into(),
        grant: Grant::ClientCredentials,
        authorization_url: None,
        token_url: "https://as.example/token".parse().unwrap(),
        refresh_url: None,
        redirect_url: None,
        client_id: "app".into(),
        client_secret: None,
        scopes: String::new(),
        resource: None,
        parameters: &[],
        access: vec![AccessPolicy { tenant: "t".into(), object: "me".into(), applications: Vec::new() }],
    };
    let instance = (None, Some(object.to_owned()));
    world.authorizations = Authorizations::over_nothing(vec![settings], instance, client);
    for (status, body) in answers {
        world.credentials.answers.lock().push_back((*status, (*body).to_owned()));
    }
    let plan = policies_of(&with_provider(policies));
    let mut exchange = exchange();
    world.run(&plan, &mut exchange);
    (world, exchange)
}

fn policies_of(catalog: &gatehouse_model::resources::Catalog) -> Arc<crate::Plan> {
    policies(catalog).global()
}

const GOOD: (u16, &str) = (200, r#"{"access_token":"tok","expires_in":3600,"scope":"repo"}"#);

#[test]
fn the_variable_holds_the_token_and_the_answers_members() {
    let (world, exchange) = ran(&format!("{POLICY} />{POLICY} />{SHOW}"), "me", &[GOOD]);
    assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
    assert_eq!(exchange.request.headers["authorization"], "Bearer tok");
    assert_eq!(exchange.request.headers["x-scope"], "repo");
    assert_eq!(*world.credentials.asked.lock(), ["POST https://as.example/token"]);
}

#[test]
fn without_access_the_request_fails_unless_that_is_ignored() {
    let (world, exchange) = ran(&format!("{POLICY} />"), "another", &[GOOD]);
    assert_eq!(exchange.answered(), 500);
    let error = exchange.last_error.unwrap();
    assert_eq!((&*error.source, &*error.reason), ("get-authorization-context", "AuthorizationAccessDenied"));
    assert!(world.credentials.asked.lock().is_empty());
    let (_, exchange) = ran(&format!("{POLICY} ignore-error=\"true\" />"), "another", &[GOOD]);
    assert_eq!(exchange.answered(), 200);
    assert!(exchange.variables.get("auth").unwrap().is_null());
}

#[test]
fn a_provider_that_gives_nothing_is_500_and_the_client_learns_no_more() {
    let (_, exchange) = ran(&format!("{POLICY} />"), "me", &[(400, r#"{"error":"invalid_scope"}"#)]);
    assert_eq!(exchange.answered(), 500);
    assert!(!exchange.answer_text().contains("invalid_scope"));
    assert_eq!(&*exchange.last_error.unwrap().reason, "AuthorizationTokenUnavailable");
}

#[test]
fn an_identity_whose_tenant_no_access_policy_names_is_asked_of_nobody() {
    // {"alg":"RS256"} {"tid":"elsewhere","oid":"me"}
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJ0aWQiOiJlbHNld2hlcmUiLCJvaWQiOiJtZSJ9.AAAA";
    for identity in [token, "nonsense", ""] {
        let policy = format!("{POLICY} identity-type=\"jwt\" identity=\"{identity}\" />");
        let (world, exchange) = ran(&policy, "me", &[GOOD]);
        assert_eq!(exchange.answered(), 500, "{identity}");
        assert_eq!(&*exchange.last_error.unwrap().reason, "AuthorizationAccessDenied");
        assert!(world.sent.borrow().is_empty() && world.credentials.asked.lock().is_empty());
    }
}

#[test]
fn what_is_written_out_must_exist() {
    let errors = |policies: &str| {
        let (_, found): (_, Diagnostics) = compile(&with_provider(policies));
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let wrong = POLICY.replace("\"github\"", "\"gitlab\"");
    assert!(
        errors(&format!("{wrong} />"))
            .contains("names the authorization provider `gitlab`, which does not exist")
    );
    let wrong = POLICY.replace("\"main\"", "\"mian\"");
    let told = errors(&format!("{wrong} />"));
    assert!(
        told.contains("names the authorization of the provider `github` `mian`")
            && told.contains("did you mean `main`?"),
        "{told}"
    );
    assert!(errors(&format!("{POLICY} identity-type=\"jwt\" />")).contains("needs the token in `identity`"));
    assert_eq!(errors(&format!("{POLICY} identity-type=\"managed\" />")), "");
}
