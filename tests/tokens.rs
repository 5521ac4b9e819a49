//! Access tokens of a real `OpenID` provider, and certificates of real clients.

use std::process::Command;

use crate::support::{Answer, Api, Backend, Gateway, Landing, OpenIdProvider, eventually, peers};

fn landing() -> Landing {
    Landing::new().with("backend_tls: { trust: [certs/ca.pem] }")
}

fn api(backend: &Backend, policy: &str) -> Api {
    Api::new("a", &backend.url()).operation("get", "GET", "/x").inbound(policy)
}

fn policy(children: &str) -> String {
    format!(
        "<validate-jwt header-name=\"Authorization\" require-scheme=\"Bearer\" output-token-variable-name=\"jwt\">{children}<audiences><audience>https://api.contoso.example</audience></audiences><required-claims><claim name=\"scope\" separator=\" \"><value>orders.read</value></claim></required-claims></validate-jwt><set-header name=\"X-Subject\"><value>@(((Jwt)context.Variables[\"jwt\"]).Subject)</value></set-header>"
    )
}

async fn ask(gateway: &Gateway, token: &str) -> Answer {
    gateway.client().header("authorization", &format!("Bearer {token}")).get("/a/x").await
}

#[tokio::test]
async fn tokens_of_every_algorithm_are_let_in_with_one_fetch_of_the_keys() {
    let backend = Backend::echo();
    let landing = landing();
    let Some(provider) = OpenIdProvider::start(&landing) else { return };
    let gateway = Gateway::start(landing.api(api(&backend, &policy(&provider.config())))).await;
    for kind in ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] {
        let token = provider.token(kind).await;
        for _ in 0..2 {
            let answer = ask(&gateway, &token).await;
            assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
            assert_eq!(answer.json()["headers"]["x-subject"], "app");
        }
        let (head, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{head}.{first}{}", &signature[1..]);
        let refused = ask(&gateway, &forged).await;
        assert_eq!(refused.status, 401, "{kind}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    }
    assert_eq!(provider.fetches().await, (1, 1));
    assert_eq!(gateway.client().get("/a/x").await.status, 401);
    assert_eq!(backend.seen().len(), 10, "nothing that was refused came through");
    let lines = gateway.access_log(16).await;
    assert!(lines.iter().any(|line| line["error"]["reason"] == "TokenSignatureInvalid"), "{lines:?}");
    assert!(lines.iter().any(|line| line["error"]["reason"] == "TokenNotPresent"), "{lines:?}");
    let log = std::fs::read_to_string(gateway.landing.path("access.log")).unwrap();
    assert!(!log.contains("eyJ"), "no token stands in the log");
}

#[tokio::test]
async fn a_new_key_is_found_and_a_flood_of_unknown_ones_changes_nothing() {
    let backend = Backend::echo();
    let landing = landing();
    let Some(provider) = OpenIdProvider::start(&landing) else { return };
    let gateway = Gateway::start(landing.api(api(&backend, &policy(&provider.config())))).await;
    let old = provider.token("ES256").await;
    assert_eq!(ask(&gateway, &old).await.status, 200);
    provider.client.clone().send("POST", "/rotate", "").await;
    let new = provider.token("ES256").await;
    assert_eq!(ask(&gateway, &new).await.status, 200);
    assert_eq!(provider.fetches().await, (2, 2));
    // The key that has gone takes the tokens along that it had verified.
    assert_eq!(ask(&gateway, &old).await.status, 401);
    provider.client.clone().send("POST", "/rotate", "").await;
    let unknown = provider.token("RS256").await;
    for _ in 0..30 {
        assert_eq!(ask(&gateway, &unknown).await.status, 401);
    }
    assert_eq!(provider.fetches().await, (2, 2), "one fetch for unknown keys in five minutes");
    assert_eq!(ask(&gateway, &new).await.status, 200);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_401_and_comes_back() {
    let backend = Backend::echo();
    let port = crate::support::landing::free_port();
    let policy = policy(&format!(
        "<openid-config url=\"https://localhost:{port}/.well-known/openid-configuration\" />"
    ));
    let gateway = Gateway::start(landing().api(api(&backend, &policy))).await;
    let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AAAA";
    let answer = ask(&gateway, token).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["message"], "The keys of the issuer could not be retrieved. Access denied.");
}

#[tokio::test]
async fn opaque_tokens_are_introspected() {
    let backend = Backend::echo();
    let landing = landing();
    let Some(provider) = OpenIdProvider::start(&landing) else { return };
    let policy = format!(
        "<validate-jwt header-name=\"Authorization\"><introspection url=\"https://localhost:{}/token/introspection\" client-id=\"app\" client-secret=\"{{{{secret}}}}\" /></validate-jwt>",
        provider.port
    );
    let landing = landing.api(api(&backend, &policy));
    landing.file(
        "artifacts/namedValues/secret/namedValueInformation.json",
        r#"{"properties":{"displayName":"secret","secret":true,"value":"app-secret"}}"#,
    );
    let gateway = Gateway::start(landing).await;
    let token = provider.token("opaque").await;
    let answer = ask(&gateway, &token).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(ask(&gateway, "nonsense").await.status, 401);
}

#[tokio::test]
async fn a_bound_token_needs_its_proof_once() {
    let backend = Backend::echo();
    let landing = landing();
    let Some(provider) = OpenIdProvider::start(&landing) else { return };
    let policy = format!(
        "<validate-jwt header-name=\"Authorization\" token-type=\"at+jwt\">{}<dpop nonce=\"true\" /></validate-jwt>",
        provider.config()
    );
    let gateway = Gateway::start(landing.api(api(&backend, &policy))).await;
    let url = format!("https://localhost:{}/a/x", gateway.landing.port);
    let proofs = |nonce: Option<String>| {
        let mut client = peers::node("oidc_client.mjs").unwrap();
        client.args([&provider.port.to_string(), "GET", &url, &url, "https://localhost/other"]);
        if let Some(nonce) = nonce {
            client.env("NONCE", nonce);
        }
        async move {
            let output = peers::output(client).await;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let lines = String::from_utf8(output.stdout).unwrap();
            lines
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
                .collect::<Vec<_>>()
        }
    };
    let send = async |proof: &serde_json::Value| {
        let client = gateway.client().header("authorization", proof["authorization"].as_str().unwrap());
        client.header("dpop", proof["dpop"].as_str().unwrap()).get("/a/x").await
    };
    let without_nonce = proofs(None).await;
    let refused = send(&without_nonce[0]).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").unwrap().starts_with("DPoP error=\"use_dpop_nonce\""));
    let nonce = refused.header("dpop-nonce").unwrap().to_owned();
    let good = proofs(Some(nonce.clone())).await;
    let answer = send(&good[0]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(send(&good[0]).await.status, 401, "a proof is used once");
    assert_eq!(send(&good[1]).await.status, 200);
    assert_eq!(send(&good[2]).await.status, 401, "it is for another URL");
    let stolen = proofs(Some(nonce)).await;
    let mixed = serde_json::json!({ "authorization": good[0]["authorization"], "dpop": stolen[0]["dpop"] });
    assert_eq!(send(&mixed).await.status, 401, "it is made with another key");
    let bearer = good[0]["authorization"].as_str().unwrap().replace("DPoP ", "Bearer ");
    assert_eq!(gateway.client().header("authorization", &bearer).get("/a/x").await.status, 401);
}

#[tokio::test]
async fn policies_judge_the_certificates_of_real_clients() {
    let backend = Backend::echo();
    let policy = "<validate-client-certificate><identities><identity common-name=\"ana\" issuer-subject=\"CN=test authority\" /></identities></validate-client-certificate>";
    let landing = Landing::new()
        .tls("      client_certificates: { mode: optional, trust: [certs/ca.pem] }")
        .api(api(&backend, policy));
    for name in ["ana", "eve"] {
        let identity = landing.authority.client(name);
        identity
            .write(&landing.path(&format!("certs/{name}.pem")), &landing.path(&format!("certs/{name}.key")));
    }
    let gateway = Gateway::start(landing).await;
    let curl = |certificate: Option<&str>| {
        let mut curl = Command::new("curl");
        let url = format!("https://localhost:{}/a/x", gateway.landing.port);
        curl.args(["-s", "-o", "-", "-w", " %{http_code}", "--cacert"])
            .arg(gateway.landing.path("certs/ca.pem"));
        if let Some(name) = certificate {
            curl.arg("--cert").arg(gateway.landing.path(&format!("certs/{name}.pem")));
            curl.arg("--key").arg(gateway.landing.path(&format!("certs/{name}.key")));
        }
        curl.arg(url);
        async move { String::from_utf8(peers::output(curl).await.stdout).unwrap() }
    };
    assert!(curl(Some("ana")).await.ends_with(" 200"));
    assert!(curl(Some("eve")).await.contains("Client certificate is not allowed. Access denied.\"} 403"));
    assert!(curl(None).await.contains("Client certificate was not presented. Access denied.\"} 403"));
    eventually("one request came through", || backend.seen().len() == 1).await;
}
