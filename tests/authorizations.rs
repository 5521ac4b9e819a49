//! Connections to a provider of tokens (npm oidc-provider): the client's own tokens, and those of people who consent.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Api, Backend, Gateway, Landing, OpenIdProvider, gatehouse, peers};

const OBJECT: &str = "4f9d0f6a-8f43-4d53-9a0e-2f6b7d3c5e11";

fn identity() -> String {
    format!(
        "backend_tls: {{ trust: [certs/ca.pem] }}\nidentity: {{ system: {{ kind: azure-imds, object_id: {OBJECT} }} }}"
    )
}

fn provider_files(landing: &Landing, provider: &OpenIdProvider, grant: &str, parameters: serde_json::Value) {
    let mut parameters = parameters;
    parameters["tokenUrl"] = json!(format!("https://localhost:{}/token", provider.port));
    let oauth2 = json!({
        "redirectUrl": "https://gw.contoso.example/authorizations/back",
        "grantTypes": { grant: parameters },
    });
    let information = json!({ "displayName": "Orders", "identityProvider": "oauth2", "oauth2": oauth2 });
    let folder = "artifacts/authorizationProviders/orders";
    let write = |path: &str, properties: serde_json::Value| {
        landing.file(&format!("{folder}/{path}"), &json!({ "properties": properties }).to_string());
    };
    write("authorizationProviderInformation.json", information);
    write("authorizations/main/authorizationInformation.json", json!({ "authorizationType": "OAuth2" }));
    write(
        "authorizations/main/accessPolicies/gateway/accessPolicyInformation.json",
        json!({ "tenantId": "contoso.example", "objectId": OBJECT }),
    );
}

const POLICY: &str = "<get-authorization-context provider-id=\"orders\" authorization-id=\"main\" context-variable-name=\"auth-context\" identity-type=\"managed\" /><set-header name=\"Authorization\" exists-action=\"override\"><value>@(\"Bearer \" + ((Authorization)context.Variables.GetValueOrDefault(\"auth-context\"))?.AccessToken)</value></set-header>";

fn api(backend: &Backend) -> Api {
    Api::new("a", &backend.url()).operation("get", "GET", "/x").inbound(POLICY)
}

fn run(gateway: &Gateway, arguments: &[&str]) -> String {
    let output = gatehouse(&gateway.landing.path(""), arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

async fn token_of(gateway: &Gateway) -> String {
    let answer = gateway.client().get("/a/x").await;
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.log());
    answer.json()["headers"]["authorization"].as_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test]
async fn the_clients_own_token_is_kept_encrypted_and_asked_for_once() {
    let backend = Backend::echo();
    let landing = Landing::new().with(&identity());
    let Some(provider) = OpenIdProvider::start(&landing) else { return };
    let parameters = json!({
        "clientId": "app", "clientSecret": "app-secret", "scopes": "orders.read", "resourceUri": "urn:api:RS256",
    });
    provider_files(&landing, &provider, "clientCredentials", parameters);
    let mut gateway = Gateway::start(landing.api(api(&backend))).await;
    let all = futures_util::future::join_all((0..8).map(|_| token_of(&gateway))).await;
    let token = all[0].clone();
    assert!(token.starts_with("eyJ") && all.iter().all(|one| *one == token), "{all:?}");
    assert_eq!(provider.counts().await["tokens"], 1);
    for file in ["data/gatehouse.db", "data/gatehouse.db-wal"] {
        let bytes = std::fs::read(gateway.landing.path(file)).unwrap_or_default();
        let holds = bytes.windows(32).any(|window| window == &token.as_bytes()[..32]);
        assert!(!holds, "the token stands in {file}");
    }
    gateway.signal("TERM");
    gateway.wait(Duration::from_secs(30)).await;
    gateway.start_again().await;
    assert_eq!(token_of(&gateway).await, token, "it outlives the process");
    assert_eq!(provider.counts().await["tokens"], 1);
    let log = gateway.log();
    assert!(!log.contains("eyJ") && !log.contains("app-secret"), "{log}");
}

#[tokio::test]
async fn somebody_consents_once_and_tokens_are_renewed_from_there() {
    let backend = Backend::echo();
    let landing = Landing::new().with(&identity());
    let Some(provider) = OpenIdProvider::start(&landing) else { return };
    let parameters = json!({
        "clientId": "portal", "clientSecret": "portal-secret", "scopes": "openid",
        "authorizationUrl": format!("https://localhost:{}/auth", provider.port),
    });
    provider_files(&landing, &provider, "authorizationCode", parameters);
    let gateway = Gateway::start(landing.api(api(&backend))).await;
    assert_eq!(gateway.client().get("/a/x").await.status, 500, "nobody has consented");
    assert!(gateway.access_log(1).await[0]["error"]["reason"] == "AuthorizationNotConnected");

    let output = run(&gateway, &["authorization", "login", "orders/main", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&output).unwrap();
    let link = said["loginLink"].as_str().unwrap().to_owned();
    let mut browser = peers::node("oidc_browser.mjs").unwrap();
    browser.arg(&link);
    let output = peers::output(browser).await;
    let back = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let path =
        back.trim().strip_prefix("https://gw.contoso.example").unwrap_or_else(|| panic!("{back}{errors}"));

    let bare = path.split('?').next().unwrap();
    let outside = gateway.client().get(&format!("{bare}?state=abc&code=def")).await;
    assert_eq!(outside.status, 404, "the external zone knows nothing of it");
    let answer = gateway.internal_client().get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("orders/main is connected"), "{}", answer.text());
    assert_eq!(gateway.internal_client().get(path).await.status, 400, "a link can be used once");
    let begun = Instant::now();
    while gateway.client().get("/a/x").await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let first = token_of(&gateway).await;
    while token_of(&gateway).await == first {
        assert!(begun.elapsed() < Duration::from_secs(60), "the token is not renewed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let list = run(&gateway, &["authorization", "list"]);
    assert_eq!(list.trim(), "orders/main  AuthorizationCode  connected");
    for text in [gateway.log(), std::fs::read_to_string(gateway.landing.path("access.log")).unwrap()] {
        assert!(!text.contains(&first) && !text.contains("code="), "{text}");
    }
}
