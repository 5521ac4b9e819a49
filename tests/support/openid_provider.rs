//! An `OpenID` provider that nobody here wrote.

use std::net::SocketAddr;
use std::process::{Child, Stdio};

use super::{Client, Landing, peers};

/// npm oidc-provider over TLS; it ends with the test.
pub struct OpenIdProvider {
    pub client: Client,
    pub port: u16,
    child: Child,
}

impl OpenIdProvider {
    /// `None`, and a line that says so, where `./test` has not installed it.
    pub fn start(landing: &Landing) -> Option<Self> {
        landing.server_certificate("provider", &["localhost"]);
        let mut child = peers::node("oidc_provider.mjs")?
            .arg(landing.path("certs/provider.pem"))
            .arg(landing.path("certs/provider.key"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = peers::first_line(&mut child).parse().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let client = Client::new(address, "localhost", &landing.authority.pem());
        Some(Self { client, port, child })
    }

    /// A token of the client `app` for the resource of a kind.
    pub async fn token(&self, kind: &str) -> String {
        let answer = self
            .client
            .clone()
            .header("authorization", "Basic YXBwOmFwcC1zZWNyZXQ=")
            .header("content-type", "application/x-www-form-urlencoded")
            .send(
                "POST",
                "/token",
                format!("grant_type=client_credentials&scope=orders.read&resource=urn:api:{kind}"),
            )
            .await;
        answer.json()["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("{kind}: {}", answer.text()))
            .to_owned()
    }

    /// How often metadata, keys and tokens were asked for.
    pub async fn counts(&self) -> serde_json::Value {
        self.client.get("/count").await.json()
    }

    /// How often metadata and keys were fetched.
    pub async fn fetches(&self) -> (u64, u64) {
        let counts = self.counts().await;
        (counts["metadata"].as_u64().unwrap(), counts["keys"].as_u64().unwrap())
    }

    /// What `validate-jwt` needs to know of it.
    pub fn config(&self) -> String {
        format!("<openid-config url=\"https://localhost:{}/.well-known/openid-configuration\" />", self.port)
    }
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
