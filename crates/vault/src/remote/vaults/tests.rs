use std::sync::Arc;

use futures_util::future::BoxFuture;
use gatehouse_identity::http_client::{HttpClient, HttpError, HttpRequest, HttpResponse};
use gatehouse_identity::managed::{IdentityKind, ManagedIdentities};
use gatehouse_model::configuration::{Vault, VaultKind, VaultLogin};
use gatehouse_model::{Located, Location};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::*;

type Answer = (u16, Vec<(&'static str, String)>, String);

/// Answers by the request's method, URL and fields, and remembers what it was asked.
struct Peer<F> {
    answer: F,
    asked: Mutex<Vec<String>>,
}

impl<F: Fn(&str) -> Option<Answer> + Send + Sync> HttpClient for Peer<F> {
    fn send(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>> {
        let fields: Vec<String> =
            request.headers.iter().map(|(name, value)| format!("{name}={}", value.as_str())).collect();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let asked = format!("{} {} {} {body}", request.method, request.url, fields.join(","));
        let answer = (self.answer)(&asked);
        self.asked.lock().push(asked);
        let answer = answer.ok_or_else(|| HttpError("no connection".into()));
        Box::pin(std::future::ready(answer.map(|(status, fields, body)| HttpResponse {
            status,
            headers: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: Zeroizing::new(body.into_bytes()),
        })))
    }
}

fn vault(kind: VaultKind, matches: &str, login: Option<VaultLogin>) -> Vault {
    let matches: Url = matches.parse().unwrap();
    Vault {
        endpoint: matches.clone(),
        matches,
        kind,
        identity: None,
        refresh: Duration::from_secs(300),
        keep: Duration::from_secs(3600),
        login,
        folder: None,
        namespace: Some("team".to_owned()).filter(|_| kind == VaultKind::HashicorpVault),
        location: Location::file(std::path::Path::new("gatehouse.yaml")),
    }
}

type SharedPeer<F> = Arc<Peer<F>>;

fn vaults<F>(vault: Vault, answer: F) -> (SharedPeer<F>, Vaults)
where
    F: Fn(&str) -> Option<Answer> + Send + Sync + 'static,
{
    let peer = Arc::new(Peer { answer, asked: Mutex::default() });
    let client: Arc<dyn HttpClient> = Arc::<Peer<F>>::clone(&peer);
    let imds = IdentityKind::AzureImds { endpoint: "http://imds.example".parse().unwrap(), client_id: None };
    let identities = Arc::new(ManagedIdentities::new(Some(imds), Vec::new(), Arc::clone(&client)));
    (peer, Vaults::new(&[vault], client, identities, None))
}

fn ask(vaults: &Vaults, identifier: &str) -> Result<String, VaultError> {
    vaults.prepare([(identifier, None)].into_iter());
    vaults.secret(identifier, None).map(|value| value.expose_secret().to_owned())
}

const CONTOSO: &str = "https://contoso.vault.azure.net";
const SECRET: &str = "https://contoso.vault.azure.net/secrets/db-password";

fn challenge(resource: &str) -> Answer {
    let text = format!("Bearer authorization=\"https://login.example/t\", resource=\"{resource}\"");
    (401, vec![("www-authenticate", text)], String::new())
}

fn token() -> Answer {
    (200, vec![], r#"{"access_token":"tok","expires_in":"3600"}"#.into())
}

#[test]
fn a_key_vault_gives_its_secret_to_the_identity_that_it_asks_for() {
    let value = Arc::new(Mutex::new(Some("one")));
    let told = Arc::clone(&value);
    let (peer, vaults) = vaults(vault(VaultKind::AzureKeyVault, CONTOSO, None), move |asked| {
        if asked.contains("imds.example") {
            return Some(token());
        }
        if !asked.contains("authorization=Bearer tok") {
            return Some(challenge("https://vault.azure.net"));
        }
        let value = (*told.lock())?;
        Some((200, vec![], format!(r#"{{"value":"{value}","id":"x","attributes":{{"enabled":true}}}}"#)))
    });
    assert_eq!(ask(&vaults, SECRET).unwrap(), "one");
    let asked = std::mem::take(&mut *peer.asked.lock());
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked[0].starts_with("GET https://contoso.vault.azure.net/secrets/db-password?api-version=7.4  ")
    );
    assert!(asked[1].contains("resource=https%3A%2F%2Fvault.azure.net"));
    assert_eq!(ask(&vaults, SECRET).unwrap(), "one");
    assert!(peer.asked.lock().is_empty(), "it is kept");
    assert_eq!(vaults.changes(), 0);

    *value.lock() = Some("two");
    vaults.refresh_all();
    vaults.renew_due();
    assert_eq!((vaults.changes(), ask(&vaults, SECRET).unwrap().as_str()), (1, "two"));
    *value.lock() = None;
    vaults.refresh_all();
    vaults.renew_due();
    assert_eq!((vaults.changes(), ask(&vaults, SECRET).unwrap().as_str()), (1, "two"), "the vault is away");
    assert!(!format!("{vaults:?}").contains("two"));
}

#[test]
fn garbage_of_a_vault_is_no_value_and_is_told_without_what_it_holds() {
    for (status, body, told, is_passing) in [
        (200, "<html>canary</html>", "", true),
        (200, "{}", "", true),
        (200, r#"{"value":5}"#, "", true),
        (200, r#"{"value":"a","value":"canary"}"#, "", true),
        (
            403,
            r#"{"error":{"code":"Forbidden","message":"canary"}}"#,
            "refuses this instance's identity",
            false,
        ),
        (404, r#"{"error":{"code":"SecretNotFound","message":"canary"}}"#, "no such secret", false),
        (429, "canary", "asked too often", true),
        (503, "canary", "sealed or not available", true),
        (302, "canary", "cannot be used", false),
    ] {
        let (_, vaults) = vaults(vault(VaultKind::AzureKeyVault, CONTOSO, None), move |asked| {
            if asked.contains("imds.example") {
                return Some(token());
            }
            if !asked.contains("authorization=Bearer tok") {
                return Some(challenge("https://vault.azure.net"));
            }
            Some((status, vec![], body.to_owned()))
        });
        let error = ask(&vaults, SECRET).unwrap_err();
        assert!(
            error.message.contains(told) && !error.message.contains("canary"),
            "{status} {body}: {error}"
        );
        assert_eq!(error.is_passing, is_passing, "{status} {body}: {error}");
    }
}

#[test]
fn no_token_goes_to_a_vault_that_asks_for_one_of_another_host() {
    for resource in
        ["https://management.azure.com", "http://vault.azure.net", "https://ault.azure.net", "vault", ""]
    {
        let (peer, vaults) = vaults(vault(VaultKind::AzureKeyVault, CONTOSO, None), move |asked| {
            Some(if asked.contains("imds.example") { token() } else { challenge(resource) })
        });
        assert!(ask(&vaults, SECRET).is_err(), "{resource}");
        assert!(!peer.asked.lock().iter().any(|asked| asked.contains("imds.example")), "{resource}");
    }
}

#[test]
fn a_vault_is_left_alone_for_as_long_as_it_says() {
    for (status, wanted) in [
        (429, "asked too often"),
        (503, "sealed or not available"),
        (403, "refuses this instance's identity: status 403 SecretDisabled"),
        (404, "has no such secret"),
        (200, "holds no value"),
    ] {
        let (peer, vaults) = vaults(vault(VaultKind::AzureKeyVault, CONTOSO, None), move |asked| {
            Some(if asked.contains("imds.example") {
                token()
            } else if asked.contains("authorization=Bearer tok") {
                let body = r#"{"error":{"code":"Forbidden","message":"secret","innererror":{"code":"SecretDisabled"}}}"#;
                let body = if status == 403 { body } else { "<garbage" };
                (status, vec![("retry-after", "60".to_owned())], body.to_owned())
            } else {
                challenge("https://vault.azure.net")
            })
        });
        let error = ask(&vaults, SECRET).unwrap_err();
        assert!(error.message.contains(wanted), "{status}: {error}");
        let asked = peer.asked.lock().len();
        assert!(ask(&vaults, SECRET).is_err());
        vaults.renew_due();
        assert_eq!(peer.asked.lock().len(), asked, "{status}: nothing was asked again");
    }
}

#[test]
fn identifiers_are_answered_by_the_vault_that_they_lie_under() {
    let (_, vaults) = vaults(vault(VaultKind::AzureKeyVault, CONTOSO, None), |_| None);
    for (identifier, wanted) in [
        ("https://other.vault.azure.net/secrets/a", "no vault answers it"),
        ("https://contoso.vault.azure.net.evil.example/secrets/a", "no vault answers it"),
        ("nonsense", "no vault answers it"),
        ("https://contoso.vault.azure.net/secrets/a/b/c", "the identifier is not"),
        ("https://contoso.vault.azure.net/secrets/a%2F..%2Fkeys", "the identifier is not"),
        ("https://contoso.vault.azure.net/keys/a", "the identifier is not"),
        (SECRET, "no connection"),
    ] {
        let error = ask(&vaults, identifier).unwrap_err();
        assert!(error.message.contains(wanted), "{identifier}: {error}");
        assert_eq!(error.is_passing, wanted == "no connection");
    }
}

#[test]
fn a_role_logs_in_once_and_again_when_its_token_ends() {
    let logins = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&logins);
    let login = VaultLogin::AppRole { role: "r".into(), secret: SecretString::from("s") };
    let (peer, vaults) =
        vaults(vault(VaultKind::HashicorpVault, "https://vault.example/base", Some(login)), move |asked| {
            if asked.contains("/v1/auth/approle/login") {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let body = format!(
                    r#"{{"auth":{{"client_token":"t{number}","lease_duration":3600,"renewable":true}}}}"#
                );
                return Some((200, vec![], body));
            }
            // The first token ends after the first secret.
            if asked.contains("x-vault-token=t1") && asked.contains("second") {
                return Some((403, vec![], r#"{"errors":["permission denied"]}"#.into()));
            }
            let body = if asked.contains("/data/") {
                r#"{"data":{"data":{"value":"v2","password":"p"},"metadata":{"version":3}}}"#
            } else {
                r#"{"data":{"value":"v1"}}"#
            };
            Some((200, vec![], body.into()))
        });
    assert_eq!(ask(&vaults, "https://vault.example/base/secret/data/first#password").unwrap(), "p");
    assert_eq!(ask(&vaults, "https://vault.example/base/secret/data/first").unwrap(), "v2");
    assert_eq!(ask(&vaults, "https://vault.example/base/kv/old").unwrap(), "v1");
    assert_eq!(logins.load(Ordering::Relaxed), 1);
    assert_eq!(ask(&vaults, "https://vault.example/base/kv/second").unwrap(), "v1");
    assert_eq!(logins.load(Ordering::Relaxed), 2);
    let error = ask(&vaults, "https://vault.example/base/kv/old#gone").unwrap_err();
    assert_eq!(error.message, "the secret has no text in its field `gone`");
    let asked = peer.asked.lock();
    assert_eq!(
        asked[0],
        r#"POST https://vault.example/base/v1/auth/approle/login content-type=application/json,x-vault-request=true,x-vault-namespace=team {"role_id":"r","secret_id":"s"}"#
    );
    assert_eq!(
        asked[1],
        "GET https://vault.example/base/v1/secret/data/first x-vault-request=true,x-vault-namespace=team,x-vault-token=t1 "
    );
}

#[test]
fn token_files_are_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "one\n").unwrap();
    let place = Location::file(std::path::Path::new("gatehouse.yaml"));
    let login = VaultLogin::TokenFile(Located::new(file.clone(), place));
    let (peer, vaults) =
        vaults(vault(VaultKind::HashicorpVault, "https://vault.example", Some(login)), |_| {
            Some((200, vec![], r#"{"data":{"value":"v"}}"#.into()))
        });
    ask(&vaults, "https://vault.example/kv/a").unwrap();
    std::fs::write(&file, "two").unwrap();
    ask(&vaults, "https://vault.example/kv/b").unwrap();
    let asked = peer.asked.lock();
    assert!(asked[0].contains("x-vault-token=one ") && asked[1].contains("x-vault-token=two "), "{asked:?}");
}
