//! A landing zone in a temporary folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Authority;

/// An API of the artifacts folder.
pub struct Api {
    name: String,
    properties: serde_json::Value,
    operations: Vec<(String, String, String)>,
    policy: Option<String>,
    operation_policies: Vec<(String, String)>,
}

impl Api {
    /// An API with this name and path that needs no key.
    pub fn new(name: &str, backend: &str) -> Self {
        let properties = json!({
            "displayName": name, "path": name, "protocols": ["https"], "serviceUrl": backend,
            "subscriptionRequired": false, "apiRevision": "1", "isCurrent": true,
        });
        Self {
            name: name.to_owned(),
            properties,
            operations: Vec::new(),
            policy: None,
            operation_policies: Vec::new(),
        }
    }

    /// Sets a property of `apiInformation.json`.
    pub fn set(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.properties[key] = value.into();
        self
    }

    /// Adds an operation.
    pub fn operation(mut self, id: &str, method: &str, template: &str) -> Self {
        self.operations.push((id.to_owned(), method.to_lowercase(), template.to_owned()));
        self
    }

    /// Sets the inbound policies of the API, behind those of wider scopes.
    pub fn inbound(self, policies: &str) -> Self {
        self.policy(&format!(
            "<policies><inbound><base />{policies}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
        ))
    }

    /// Sets the policy document of the API.
    pub fn policy(mut self, document: &str) -> Self {
        self.policy = Some(document.to_owned());
        self
    }

    /// Sets the policy document of an operation.
    pub fn operation_policy(mut self, operation: &str, document: &str) -> Self {
        self.operation_policies.push((operation.to_owned(), document.to_owned()));
        self
    }

    fn definition(&self) -> serde_json::Value {
        let mut paths = serde_json::Map::new();
        for (id, method, template) in &self.operations {
            let parameters: Vec<_> = template
                .split('{')
                .skip(1)
                .filter_map(|part| part.split('}').next())
                .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
                .collect();
            let item = paths.entry(template.clone()).or_insert_with(|| json!({}));
            item[method] = json!({
                "operationId": id, "parameters": parameters, "responses": { "200": { "description": "ok" } },
            });
        }
        json!({ "openapi": "3.0.3", "info": { "title": self.name, "version": "1" }, "paths": paths })
    }
}

/// A folder with `gatehouse.yaml`, certificates and artifacts.
pub struct Landing {
    pub folder: tempfile::TempDir,
    pub authority: Authority,
    pub port: u16,
    pub internal_port: u16,
    expose: String,
    extra: String,
    listener_extra: String,
    certificates: String,
    tls_extra: String,
}

impl Landing {
    /// A landing zone with an external and an internal listener on free ports; every API is exposed.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("test authority");
        std::fs::create_dir_all(folder.path().join("certs")).unwrap();
        std::fs::write(folder.path().join("certs/ca.pem"), authority.pem()).unwrap();
        let server = authority.server(&["localhost", "api.example", "127.0.0.1"]);
        server.write(&folder.path().join("certs/server.pem"), &folder.path().join("certs/server.key"));
        std::fs::create_dir_all(folder.path().join("artifacts")).unwrap();
        Self {
            folder,
            authority,
            port: free_port(),
            internal_port: free_port(),
            expose: "all".to_owned(),
            extra: String::new(),
            listener_extra: String::new(),
            certificates: String::new(),
            tls_extra: String::new(),
        }
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// What the external zone exposes, as YAML.
    pub fn expose(mut self, yaml: &str) -> Self {
        self.expose = yaml.to_owned();
        self
    }

    /// Adds top-level YAML to `gatehouse.yaml`.
    pub fn with(mut self, yaml: &str) -> Self {
        self.extra.push_str(yaml);
        self.extra.push('\n');
        self
    }

    /// Adds YAML to the external listener; lines are indented by the caller by four spaces.
    pub fn listener(mut self, yaml: &str) -> Self {
        self.listener_extra.push_str(yaml);
        self.listener_extra.push('\n');
        self
    }

    /// Adds an entry to the certificates of the external listener.
    pub fn certificate(mut self, yaml: &str) -> Self {
        let _ = writeln!(self.certificates, "        - {yaml}");
        self
    }

    /// Adds YAML to the TLS block of the external listener; lines are indented by the caller by six spaces.
    pub fn tls(mut self, yaml: &str) -> Self {
        self.tls_extra.push_str(yaml);
        self.tls_extra.push('\n');
        self
    }

    /// Makes a server certificate `certs/NAME.pem` with its key `certs/NAME.key`.
    pub fn server_certificate(&self, name: &str, hosts: &[&str]) {
        let identity = self.authority.server(hosts);
        identity.write(&self.path(&format!("certs/{name}.pem")), &self.path(&format!("certs/{name}.key")));
    }

    /// Adds an API.
    pub fn api(self, api: Api) -> Self {
        let folder = format!("artifacts/apis/{}", api.name);
        self.file(
            &format!("{folder}/apiInformation.json"),
            &json!({ "properties": api.properties }).to_string(),
        );
        if !api.operations.is_empty() {
            self.file(&format!("{folder}/specification.json"), &api.definition().to_string());
        }
        if let Some(policy) = &api.policy {
            self.file(&format!("{folder}/policy.xml"), policy);
        }
        for (operation, policy) in &api.operation_policies {
            self.file(&format!("{folder}/operations/{operation}/policy.xml"), policy);
        }
        self
    }

    /// Adds a product with its APIs; `properties` are laid over the defaults.
    pub fn product(
        self,
        name: &str,
        apis: &[&str],
        properties: serde_json::Value,
        policy: Option<&str>,
    ) -> Self {
        let mut all = json!({ "displayName": name, "state": "published", "subscriptionRequired": true });
        for (key, value) in properties.as_object().into_iter().flatten() {
            all[key] = value.clone();
        }
        let folder = format!("artifacts/products/{name}");
        self.file(&format!("{folder}/productInformation.json"), &json!({ "properties": all }).to_string());
        for api in apis {
            self.file(&format!("{folder}/apis/{api}/productApiInformation.json"), "{}");
        }
        if let Some(policy) = policy {
            self.file(&format!("{folder}/policy.xml"), policy);
        }
        self
    }

    /// Adds a subscription; its keys are `NAME-primary` and `NAME-secondary`, given by the keys file.
    pub fn subscription(self, name: &str, scope: &str) -> Self {
        let properties =
            json!({ "displayName": name, "scope": scope, "state": "active", "allowTracing": false });
        self.file(
            &format!("artifacts/subscriptions/{name}/subscriptionInformation.json"),
            &json!({ "properties": properties }).to_string(),
        );
        let path = self.path("keys.yaml");
        let mut keys = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = writeln!(keys, "{name}: {{ primary: {name}-primary, secondary: {name}-secondary }}");
        std::fs::write(path, keys).unwrap();
        self
    }

    /// Writes a file below the folder.
    pub fn file(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes `gatehouse.yaml`.
    pub fn write_configuration(&self) -> PathBuf {
        let Self { port, internal_port, expose, extra, listener_extra, certificates, tls_extra, .. } = self;
        let text = format!(
            "service: {{ name: test, region: lab }}
artifacts: artifacts
listeners:
  - name: public
    zone: external
    address: 127.0.0.1:{port}
    serves: [gateway]
{listener_extra}    tls:
      certificates:
        - {{ certificate: certs/server.pem, key: certs/server.key }}
{certificates}{tls_extra}  - name: internal
    zone: internal
    address: 127.0.0.1:{internal_port}
    serves: [gateway, metrics]
    tls:
      certificates:
        - {{ certificate: certs/server.pem, key: certs/server.key }}
zones:
  external: {{ expose: {expose} }}
telemetry: {{ access_log: access.log, metrics: true }}
{extra}"
        );
        let path = self.path("gatehouse.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// A port that nobody listens on, below those that the system gives to connections and to listeners without a port of their
/// own: one of them could take it before the gateway does.
pub fn free_port() -> u16 {
    use std::hash::BuildHasher as _;
    loop {
        let chance = std::hash::RandomState::new().hash_one(0);
        let port = 10_000 + (chance % 22_000) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Copies a folder.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
