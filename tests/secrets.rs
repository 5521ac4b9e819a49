//! Vaults and managed identities, against peers whose wire the clients of Microsoft and `HashiCorp` understand.

use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Api, Backend, Client, Gateway, Landing, Load, peers};

/// What must never be seen outside.
const CANARY: &str = "canary-6f1d0b";

/// The peers of `vault_server.py`.
struct Vault {
    client: Client,
    port: u16,
    metadata: u16,
    child: Child,
}

impl Vault {
    fn start(landing: &Landing) -> Option<Self> {
        let python = peers::python()?;
        landing.server_certificate("vault", &["localhost"]);
        let mut child = peers::python_peer(&python, "vault_server.py")
            .arg(landing.path("certs/vault.pem"))
            .arg(landing.path("certs/vault.key"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = peers::first_line(&mut child);
        let (port, metadata) = line.split_once(' ').unwrap();
        let (port, metadata) = (port.parse().unwrap(), metadata.parse().unwrap());
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let client = Client::new(address, "localhost", &landing.authority.pem());
        Some(Self { client, port, metadata, child })
    }

    async fn set(&self, state: Value) {
        let client = self.client.clone().header("content-type", "application/json");
        assert_eq!(client.send("POST", "/control", state.to_string()).await.status, 200);
    }

    async fn counts(&self) -> Value {
        self.client.get("/control").await.json()
    }

    /// Starts a gateway that knows the metadata service.
    async fn gateway(&self, landing: Landing) -> Gateway {
        let metadata = format!("http://127.0.0.1:{}", self.metadata);
        Gateway::start_with(landing, &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &metadata)]).await
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key_vault(port: u16) -> String {
    format!(
        "backend_tls: {{ trust: [certs/ca.pem] }}
vaults:
  - {{ match: https://contoso.vault.azure.net, kind: azure-key-vault, endpoint: \"https://localhost:{port}\", refresh: 1s }}
identity:
  system: {{ kind: azure-imds }}"
    )
}

fn named_value(landing: &Landing, name: &str, identifier: &str) {
    let properties =
        json!({ "displayName": name, "secret": true, "keyVault": { "secretIdentifier": identifier } });
    landing.file(
        &format!("artifacts/namedValues/{name}/namedValueInformation.json"),
        &json!({ "properties": properties }).to_string(),
    );
}

/// An API that shows the named value to its backend, and one that needs none.
fn with_apis(landing: Landing, backend: &Backend) -> Landing {
    let policy = "<set-header name=\"X-Secret\"><value>{{db}}</value></set-header>";
    landing
        .api(Api::new("a", &backend.url()).operation("get", "GET", "/x").inbound(policy))
        .api(Api::new("b", &backend.url()).operation("get", "GET", "/x"))
}

const IDENTIFIER: &str = "https://contoso.vault.azure.net/secrets/db";

fn last_secret(backend: &Backend) -> Option<String> {
    let seen = backend.seen();
    let value = seen.iter().rev().find_map(|request| request.headers.get("x-secret"))?;
    Some(value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_peers_are_understood_by_official_clients() {
    let landing = Landing::new();
    let Some(vault) = Vault::start(&landing) else { return };
    let arguments = [vault.port.to_string(), vault.metadata.to_string()];
    let authority = landing.path("certs/ca.pem");
    let arguments = [arguments[0].as_str(), &arguments[1], authority.to_str().unwrap()];
    let said = peers::run(&peers::python().unwrap(), "vault_clients.py", &arguments).await;
    assert_eq!(said.trim(), "understood");
}

#[tokio::test]
async fn a_rotated_secret_is_in_use_soon_and_no_request_fails() {
    let backend = Backend::echo();
    let landing = Landing::new();
    let Some(vault) = Vault::start(&landing) else { return };
    let landing = with_apis(landing.with(&key_vault(vault.port)), &backend);
    named_value(&landing, "db", IDENTIFIER);
    let gateway = vault.gateway(landing).await;
    assert_eq!(gateway.client().get("/a/x").await.status, 200);
    assert_eq!(last_secret(&backend).as_deref(), Some("first"));
    let load = Load::start(&gateway.client(), "/a/x", 2);
    load.answer(20).await;
    vault.set(json!({ "value": "second" })).await;
    let begun = Instant::now();
    while last_secret(&backend).as_deref() != Some("second") {
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}\n{}", last_secret(&backend), gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    load.answer(20).await;
    let report = load.stop().await;
    assert_eq!(report.failed, 0, "{:?}", report.first_failure);
    // What was learnt before the reload serves the next fetch.
    let fetched = vault.counts().await["secrets"].as_u64().unwrap();
    while vault.counts().await["secrets"].as_u64().unwrap() < fetched + 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let counts = vault.counts().await;
    assert_eq!(
        (&counts["refused"], &counts["tokens"]),
        (&json!(1), &json!(1)),
        "one challenge, one token, over reloads too"
    );

    // The vault is away: what is known goes on.
    vault.set(json!({ "status": 503, "retry_after": 1 })).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(gateway.client().get("/a/x").await.status, 200);
    assert_eq!(last_secret(&backend).as_deref(), Some("second"));
}

#[tokio::test]
async fn without_its_vault_an_instance_serves_all_but_what_needs_it() {
    let backend = Backend::echo();
    let landing = Landing::new();
    let Some(vault) = Vault::start(&landing) else { return };
    vault.set(json!({ "status": 503, "value": CANARY })).await;
    let landing = with_apis(landing.with(&key_vault(vault.port)), &backend);
    named_value(&landing, "db", IDENTIFIER);
    let gateway = vault.gateway(landing).await;
    let refused = gateway.client().get("/a/x").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, Some("10")));
    assert_eq!(refused.json()["message"], "Service unavailable");
    assert_eq!(gateway.client().get("/b/x").await.status, 200);
    assert!(backend.seen().iter().all(|request| !request.headers.contains_key("x-secret")));
    assert!(gateway.log().contains("uses the named value `db`"), "{}", gateway.log());
    vault.set(json!({ "status": 200 })).await;
    let begun = Instant::now();
    while gateway.client().get("/a/x").await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(last_secret(&backend).as_deref(), Some(CANARY));
    // Nothing of it is seen anywhere.
    gateway.access_log(3).await;
    let metrics = gateway.internal_client().get("/metrics").await.text();
    let access = std::fs::read_to_string(gateway.landing.path("access.log")).unwrap();
    for (place, text) in [("log", gateway.log()), ("access log", access), ("metrics", metrics)] {
        assert!(!text.contains(CANARY), "the secret stands in the {place}");
        assert!(!text.contains("eyJ"), "a token stands in the {place}");
    }
}

#[tokio::test]
async fn hashicorps_vault_gives_fields_to_a_role() {
    let backend = Backend::echo();
    let landing = Landing::new();
    let Some(vault) = Vault::start(&landing) else { return };
    let yaml = format!(
        "backend_tls: {{ trust: [certs/ca.pem] }}
vaults:
  - {{ match: \"https://localhost:{}\", kind: hashicorp-vault, login: {{ role: role, secret_id: secret }} }}",
        vault.port
    );
    let landing = with_apis(landing.with(&yaml), &backend);
    named_value(&landing, "db", &format!("https://localhost:{}/secret/data/app#password", vault.port));
    let gateway = vault.gateway(landing).await;
    assert_eq!(gateway.client().get("/a/x").await.status, 200);
    assert_eq!(last_secret(&backend).as_deref(), Some("first"));
    assert_eq!(vault.counts().await["logins"], 1);
}

#[tokio::test]
async fn hashicorps_vault_knows_the_instance_by_its_certificate_or_by_its_own_token() {
    let backend = Backend::echo();
    for (login, identity) in [
        ("certificate: certs/me.pem, key: certs/me.key, role: apis", "{}"),
        ("role: apis", "{ system: { kind: issuer, issuer: \"https://gw.contoso.example\" } }"),
    ] {
        let landing = Landing::new();
        let Some(vault) = Vault::start(&landing) else { return };
        landing
            .authority
            .client("gateway")
            .write(&landing.path("certs/me.pem"), &landing.path("certs/me.key"));
        let yaml = format!(
            "backend_tls: {{ trust: [certs/ca.pem] }}
identity: {identity}
vaults:
  - {{ match: \"https://localhost:{}\", kind: hashicorp-vault, login: {{ {login} }} }}",
            vault.port
        );
        let landing = with_apis(landing.with(&yaml), &backend);
        named_value(&landing, "db", &format!("https://localhost:{}/secret/data/app#password", vault.port));
        let gateway = vault.gateway(landing).await;
        assert_eq!(gateway.client().get("/a/x").await.status, 200, "{login}\n{}", gateway.log());
        assert_eq!(last_secret(&backend).as_deref(), Some("first"));
        assert_eq!(vault.counts().await["logins"], 1);
    }
}

#[tokio::test]
async fn a_backend_whose_credential_waits_for_a_vault_is_503_and_others_serve() {
    let backend = Backend::echo();
    let landing = Landing::new();
    let Some(vault) = Vault::start(&landing) else { return };
    vault.set(json!({ "status": 503 })).await;
    let landing = landing
        .with(&key_vault(vault.port))
        .api(
            Api::new("a", &backend.url())
                .operation("get", "GET", "/x")
                .inbound("<set-backend-service backend-id=\"main\" />"),
        )
        .api(Api::new("b", &backend.url()).operation("get", "GET", "/x"));
    named_value(&landing, "db", IDENTIFIER);
    let credentials = json!({ "header": { "x-secret": ["{{db}}"] } });
    let entity = json!({ "url": backend.url(), "protocol": "http", "credentials": credentials });
    landing.file(
        "artifacts/backends/main/backendInformation.json",
        &json!({ "properties": entity }).to_string(),
    );
    let gateway = vault.gateway(landing).await;
    let refused = gateway.client().get("/a/x").await;
    assert_eq!(refused.status, 503, "{}", gateway.log());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(gateway.client().get("/b/x").await.status, 200);
    vault.set(json!({ "status": 200 })).await;
    let begun = Instant::now();
    while gateway.client().get("/a/x").await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(last_secret(&backend).as_deref(), Some("first"));
}

#[tokio::test]
async fn the_backend_gets_a_token_of_the_instances_identity() {
    let backend = Backend::echo();
    let landing = Landing::new();
    let Some(vault) = Vault::start(&landing) else { return };
    let policy = "<authentication-managed-identity resource=\"https://storage.azure.com\" />";
    let landing = landing
        .with("identity: { system: { kind: azure-imds } }")
        .api(Api::new("a", &backend.url()).operation("get", "GET", "/x").inbound(policy));
    let gateway = vault.gateway(landing).await;
    for _ in 0..3 {
        let answer = gateway.client().header("authorization", "Bearer of-the-client").get("/a/x").await;
        assert!(answer.json()["headers"]["authorization"].as_str().unwrap().starts_with("Bearer eyJ"));
    }
    assert_eq!(vault.counts().await["tokens"], 1);
}

/// moto, behind a check of signatures; it ends with the test.
struct Aws {
    client: Client,
    port: u16,
    child: Child,
}

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

impl Aws {
    fn start(landing: &Landing) -> Option<Self> {
        let python = peers::python()?;
        landing.server_certificate("aws", &["localhost"]);
        let mut child = peers::python_peer(&python, "aws.py")
            .arg(landing.path("certs/aws.pem"))
            .arg(landing.path("certs/aws.key"))
            .args([ACCESS_KEY, SECRET_KEY])
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

    async fn counts(&self) -> Value {
        self.client.get("/control").await.json()
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn aws_gives_a_field_to_a_request_that_is_signed_as_botocore_signs_it() {
    let backend = Backend::echo();
    let landing = Landing::new();
    let Some(aws) = Aws::start(&landing) else { return };
    let yaml = format!(
        "backend_tls: {{ trust: [certs/ca.pem] }}
vaults:
  - {{ match: \"https://secretsmanager.eu-west-1.amazonaws.com\", kind: aws-secrets-manager, endpoint: \"https://localhost:{}\", refresh: 1s }}",
        aws.port
    );
    let landing = with_apis(landing.with(&yaml), &backend);
    named_value(&landing, "db", "https://secretsmanager.eu-west-1.amazonaws.com/prod/db#password");
    let environment = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_REGION", "eu-west-1"),
    ];
    let gateway = Gateway::start_with(landing, &environment).await;
    assert_eq!(gateway.client().get("/a/x").await.status, 200, "{}", gateway.log());
    assert_eq!(last_secret(&backend).as_deref(), Some("first"));
    let counts = aws.counts().await;
    assert!(counts["right"].as_u64().unwrap() >= 1 && counts["wrong"] == 0, "{counts}");
    let client = aws.client.clone().header("content-type", "application/json");
    assert_eq!(
        client.send("POST", "/control", json!({ "password": "second" }).to_string()).await.status,
        200
    );
    let begun = Instant::now();
    while last_secret(&backend).as_deref() != Some("second") {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", gateway.log());
        gateway.client().get("/a/x").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!gateway.log().contains(SECRET_KEY));
}

#[tokio::test]
async fn aws_gives_a_role_to_the_instances_own_token() {
    let backend = Backend::echo();
    let landing = Landing::new();
    let Some(aws) = Aws::start(&landing) else { return };
    let yaml = format!(
        "backend_tls: {{ trust: [certs/ca.pem] }}
identity: {{ system: {{ kind: issuer, issuer: \"https://gw.contoso.example\" }} }}
vaults:
  - match: \"https://secretsmanager.eu-west-1.amazonaws.com\"
    kind: aws-secrets-manager
    endpoint: \"https://localhost:{0}\"
    login: {{ role: \"arn:aws:iam::123456789012:role/gateway\", token_endpoint: \"https://localhost:{0}/\" }}",
        aws.port
    );
    let landing = with_apis(landing.with(&yaml), &backend);
    named_value(&landing, "db", "https://secretsmanager.eu-west-1.amazonaws.com/prod/db#password");
    let gateway = Gateway::start_with(landing, &[("AWS_REGION", "eu-west-1")]).await;
    assert_eq!(gateway.client().get("/a/x").await.status, 200, "{}", gateway.log());
    assert_eq!(last_secret(&backend).as_deref(), Some("first"));
    let counts = aws.counts().await;
    assert_eq!(counts["roles"], 1);
    assert!(counts["token"].as_str().unwrap().starts_with("eyJ"), "{counts}");
}
