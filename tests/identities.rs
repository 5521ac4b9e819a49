//! Who the instance is towards others: an issuer of its own, and a workload of SPIFFE.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::{Api, Backend, Gateway, Landing, peers};

const POLICY: &str = "<authentication-managed-identity resource=\"https://vault.contoso.example\" />";

fn api(backend: &Backend) -> Api {
    Api::new("a", &backend.url()).operation("get", "GET", "/x").inbound(POLICY)
}

async fn token_of(gateway: &Gateway) -> String {
    let answer = gateway.client().get("/a/x").await;
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.log());
    answer.json()["headers"]["authorization"].as_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test]
async fn the_instance_is_an_issuer_that_others_can_trust() {
    let backend = Backend::echo();
    let landing = Landing::new()
        .with("identity: { system: { kind: issuer, issuer: \"https://gw.contoso.example\", subject: gw } }")
        .api(api(&backend));
    let mut gateway = Gateway::start(landing).await;
    let metadata = gateway.internal_client().get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["issuer"], "https://gw.contoso.example");
    assert_eq!(metadata["jwks_uri"], "https://gw.contoso.example/.well-known/jwks.json");
    let keys = gateway.internal_client().get("/.well-known/jwks.json").await.json();
    assert_eq!(keys["keys"][0]["kty"], "RSA");
    assert!(keys["keys"][0].get("d").is_none());
    assert_eq!(gateway.client().get("/.well-known/jwks.json").await.status, 404, "the internal zone alone");
    let token = token_of(&gateway).await;
    // Somebody who trusts the keys verifies the token: here another API, which is given the key.
    let (n, e) = (keys["keys"][0]["n"].as_str().unwrap(), keys["keys"][0]["e"].as_str().unwrap());
    let policy = format!(
        "<validate-jwt header-name=\"Authorization\"><issuer-signing-keys><key n=\"{n}\" e=\"{e}\" /></issuer-signing-keys><audiences><audience>https://vault.contoso.example</audience></audiences><issuers><issuer>https://gw.contoso.example</issuer></issuers><required-claims><claim name=\"sub\"><value>gw</value></claim></required-claims></validate-jwt>"
    );
    let other =
        Landing::new().api(Api::new("a", &backend.url()).operation("get", "GET", "/x").inbound(&policy));
    let other = Gateway::start(other).await;
    let answer = other.client().header("authorization", &format!("Bearer {token}")).get("/a/x").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // The keys outlive the process.
    gateway.signal("TERM");
    gateway.wait(Duration::from_secs(30)).await;
    gateway.start_again().await;
    assert_eq!(gateway.internal_client().get("/.well-known/jwks.json").await.json(), keys);
    assert_ne!(token_of(&gateway).await, token);
}

/// The Workload API; it ends with the test.
struct Agent(Child);

impl Agent {
    fn start(landing: &Landing) -> Option<Self> {
        let python = peers::python()?;
        let identity = landing.authority.client("gateway");
        identity.write(&landing.path("certs/svid.pem"), &landing.path("certs/svid.key"));
        let mut child = peers::python_peer(&python, "workload_api.py")
            .arg(landing.path("agent.sock"))
            .arg(landing.path("certs/svid.pem"))
            .arg(landing.path("certs/svid.key"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(peers::first_line(&mut child), "ready");
        Some(Self(child))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_workload_of_spiffe_has_a_token_for_each_audience() {
    use base64::Engine as _;
    let backend = Backend::echo();
    let landing =
        Landing::new().with("identity: { system: { kind: spiffe, socket: agent.sock } }").api(api(&backend));
    let Some(_agent) = Agent::start(&landing) else { return };
    let gateway = Gateway::start(landing).await;
    let token = token_of(&gateway).await;
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["aud"][0], "https://vault.contoso.example");
    assert_eq!(token_of(&gateway).await, token, "it is kept");
}
