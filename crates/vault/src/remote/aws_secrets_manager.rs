//! AWS Secrets Manager: `GetSecretValue`, signed with Signature Version 4.
//!
//! A secret identifier is the region's endpoint with the secret's name as its path; the fragment names a field of a secret
//! that is a JSON object: `https://secretsmanager.eu-west-1.amazonaws.com/prod/db#password`. Credentials come from where
//! Amazon's SDKs look: the environment, a web identity's token file, the container's endpoint.

use std::env;
use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use gatehouse_identity::http_client::{HttpClient, HttpRequest, HttpResponse};
use gatehouse_identity::jose::{Json, parse_json};
use gatehouse_model::configuration::VaultLogin;
use parking_lot::Mutex;
use secrecy::SecretString;
use url::Url;
use zeroize::Zeroizing;

use super::VaultError;
use super::hashicorp::own_token;
use super::login::Login;
use super::moment::{Moment, seconds_of};

/// The audience of tokens that the security token service takes.
const AUDIENCE: &str = "sts.amazonaws.com";
const SERVICE: &str = "secretsmanager";
const TARGET: &str = "secretsmanager.GetSecretValue";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// Where a container asks for its credentials by a path.
const CONTAINER: &str = "http://169.254.170.2";

/// The credentials of the last time.
#[derive(Default)]
pub(super) struct AwsSecretsManager {
    session: Mutex<Option<Keys>>,
}

impl std::fmt::Debug for AwsSecretsManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwsSecretsManager")
    }
}

/// Credentials that sign requests.
#[derive(Clone)]
struct Keys {
    id: String,
    secret: Zeroizing<String>,
    session: Option<Zeroizing<String>>,
    /// Seconds since 1970.
    until: u64,
}

impl AwsSecretsManager {
    /// The value of a secret, or of a field of it.
    pub(super) async fn fetch(
        &self,
        endpoint: &Url,
        path: &str,
        field: Option<&str>,
        login: &Login<'_>,
        client: &dyn HttpClient,
        now: u64,
    ) -> Result<SecretString, VaultError> {
        let name = percent_encoding::percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
        if name.is_empty() || name.len() > 2048 {
            return Err(VaultError::lasting("the identifier names no secret: its path is the secret's name"));
        }
        let region = region(endpoint)?;
        let keys = self.keys(login, client, &region, now).await?;
        let body = serde_json::json!({ "SecretId": name }).to_string();
        let request = signed(endpoint, &region, &body, &keys, now);
        let answer = client.send(request).await.map_err(|error| VaultError::passing(error.to_string()))?;
        let json = parse_json(&answer.body).ok();
        if answer.status != 200 {
            return Err(self.refused(&answer, json.as_ref()));
        }
        let text = json.as_ref().and_then(|json| json.get("SecretString")).and_then(Json::as_str);
        let text = text.ok_or_else(|| VaultError::lasting("the secret has no text"))?;
        match field {
            None => Ok(SecretString::from(text)),
            Some(field) => {
                let fields = parse_json(text.as_bytes()).ok();
                let value = fields.as_ref().and_then(|fields| fields.get(field)).and_then(Json::as_str);
                let missing =
                    || VaultError::lasting(format!("the secret has no text in its field `{field}`"));
                value.map(SecretString::from).ok_or_else(missing)
            }
        }
    }

    fn refused(&self, answer: &HttpResponse, json: Option<&Json>) -> VaultError {
        let kind = json.and_then(|json| json.get("__type")).and_then(Json::as_str).unwrap_or_default();
        let kind = kind.rsplit('#').next().unwrap_or_default();
        if matches!(kind, "ExpiredTokenException" | "UnrecognizedClientException") {
            *self.session.lock() = None;
        }
        let error = VaultError::of_answer(answer, Some(kind));
        let is_passing = error.is_passing
            || matches!(kind, "ThrottlingException" | "ExpiredTokenException" | "InternalServiceError");
        VaultError { is_passing, ..error }
    }

    async fn keys(
        &self,
        login: &Login<'_>,
        client: &dyn HttpClient,
        region: &str,
        now: u64,
    ) -> Result<Keys, VaultError> {
        if let Some(VaultLogin::Identity { role: Some(role), audience, exchange, .. }) = login.settings {
            if let Some(keys) = self.session.lock().as_ref().filter(|keys| now < keys.until) {
                return Ok(keys.clone());
            }
            let audience = audience.as_deref().unwrap_or(AUDIENCE);
            let token = own_token(login.identities, login.identity, audience, now).await?;
            let keys = exchanged(client, region, role, exchange.as_ref(), &token, now).await?;
            *self.session.lock() = Some(keys.clone());
            return Ok(keys);
        }
        let variable = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
        if let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            let session = variable("AWS_SESSION_TOKEN").map(Zeroizing::new);
            return Ok(Keys { id, secret: Zeroizing::new(secret), session, until: u64::MAX });
        }
        if let Some(keys) = self.session.lock().as_ref().filter(|keys| now < keys.until) {
            return Ok(keys.clone());
        }
        let keys = if let (Some(role), Some(file)) =
            (variable("AWS_ROLE_ARN"), variable("AWS_WEB_IDENTITY_TOKEN_FILE"))
        {
            by_web_identity(client, region, &role, &file, now).await?
        } else if let Some(url) = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").or_else(|| {
            variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{CONTAINER}{path}"))
        }) {
            by_container(client, &url, now).await?
        } else {
            return Err(VaultError::lasting(
                "there are no credentials for AWS: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE",
            ));
        };
        *self.session.lock() = Some(keys.clone());
        Ok(keys)
    }
}

/// The region of an endpoint, from its name or from the environment.
fn region(endpoint: &Url) -> Result<String, VaultError> {
    let host = endpoint.host_str().unwrap_or_default();
    let mut labels = host.split('.');
    if let (Some(SERVICE), Some(region), Some("amazonaws")) = (labels.next(), labels.next(), labels.next()) {
        return Ok(region.to_owned());
    }
    let variable = env::var("AWS_REGION").or_else(|_| env::var("AWS_DEFAULT_REGION"));
    variable.map_err(|_| VaultError::lasting("the region is in no endpoint: set AWS_REGION"))
}

/// A request with its signature (AWS General Reference, Signature Version 4).
fn signed(endpoint: &Url, region: &str, body: &str, keys: &Keys, now: u64) -> HttpRequest {
    let moment = Moment::of(now);
    let (date, time) = (moment.date(), moment.basic());
    let host = match endpoint.port() {
        Some(port) => format!("{}:{port}", endpoint.host_str().unwrap_or_default()),
        None => endpoint.host_str().unwrap_or_default().to_owned(),
    };
    let mut fields =
        vec![("content-type", CONTENT_TYPE.to_owned()), ("host", host), ("x-amz-date", time.clone())];
    if let Some(session) = &keys.session {
        fields.push(("x-amz-security-token", session.to_string()));
    }
    fields.push(("x-amz-target", TARGET.to_owned()));
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut canonical = String::from("POST\n/\n\n");
    for (name, value) in &fields {
        // Writing to a string cannot fail.
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let _ =
        write!(canonical, "\n{names}\n{}", hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref()));
    let scope = format!("{date}/{region}/{SERVICE}/aws4_request");
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
    let sign = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    };
    let mut key = Zeroizing::new(format!("AWS4{}", keys.secret.as_str()).into_bytes());
    for part in [date.as_str(), region, SERVICE, "aws4_request"] {
        key = Zeroizing::new(sign(&key, part));
    }
    let signature = hex(&sign(&key, &to_sign));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    let mut url = endpoint.clone();
    url.set_path("/");
    let mut request = HttpRequest::get(url);
    request.method = "POST";
    request.body = Zeroizing::new(body.as_bytes().to_vec());
    for (name, value) in fields.into_iter().filter(|(name, _)| *name != "host") {
        request = request.header(name, value);
    }
    request.header("authorization", authorization)
}

/// Exchanges the token of a file.
async fn by_web_identity(
    client: &dyn HttpClient,
    region: &str,
    role: &str,
    file: &str,
    now: u64,
) -> Result<Keys, VaultError> {
    let token = std::fs::read_to_string(file).map(Zeroizing::new);
    let token = token
        .map_err(|error| VaultError::passing(format!("the token file {file} cannot be read: {error}")))?;
    exchanged(client, region, role, None, token.trim(), now).await
}

/// Exchanges the token of a web identity (STS, `AssumeRoleWithWebIdentity`).
async fn exchanged(
    client: &dyn HttpClient,
    region: &str,
    role: &str,
    endpoint: Option<&Url>,
    token: &str,
    now: u64,
) -> Result<Keys, VaultError> {
    let url = match endpoint {
        Some(url) => url.clone(),
        None => {
            let host = env::var("AWS_ENDPOINT_URL_STS");
            let host = host.unwrap_or_else(|_| format!("https://sts.{region}.amazonaws.com/"));
            Url::parse(&host).map_err(|_| VaultError::lasting("the address of STS is no URL"))?
        }
    };
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role),
        ("RoleSessionName", "gatehouse"),
        ("WebIdentityToken", token),
    ];
    let answer = client.send(HttpRequest::form(url, &fields)).await;
    let answer = answer.map_err(|error| VaultError::passing(error.to_string()))?;
    if answer.status != 200 {
        let error = VaultError::of_answer(&answer, None);
        return Err(VaultError { message: format!("the role was not given: {}", error.message), ..error });
    }
    let json = parse_json(&answer.body).ok();
    let markup = std::str::from_utf8(&answer.body).unwrap_or_default();
    let path = ["AssumeRoleWithWebIdentityResponse", "AssumeRoleWithWebIdentityResult", "Credentials"];
    let credentials = json.as_ref().and_then(|json| path.iter().try_fold(json, |json, name| json.get(name)));
    let text = |name: &str| match credentials {
        Some(known) => known.get(name)?.as_str().map(str::to_owned),
        // Without regard to what is asked for, some give XML.
        None => element(markup, name).map(str::to_owned),
    };
    let until = match credentials {
        Some(known) => known.get("Expiration").and_then(Json::as_f64),
        None => element(markup, "Expiration").and_then(seconds_of).map(|until| until as f64),
    };
    let unusable = || VaultError::passing("the answer about the role holds no credentials");
    Ok(Keys {
        id: text("AccessKeyId").ok_or_else(unusable)?,
        secret: Zeroizing::new(text("SecretAccessKey").ok_or_else(unusable)?),
        session: text("SessionToken").map(Zeroizing::new),
        until: until.map_or(now + 600, |until| until as u64).saturating_sub(300),
    })
}

/// The text of an element that holds no others, and nothing that is escaped.
fn element<'t>(markup: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = markup.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    (!text.contains(['<', '&'])).then_some(text)
}

/// Asks the endpoint of the container.
async fn by_container(client: &dyn HttpClient, url: &str, now: u64) -> Result<Keys, VaultError> {
    let url =
        Url::parse(url).map_err(|_| VaultError::lasting("AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL"))?;
    let mut request = HttpRequest::get(url);
    if let Ok(token) = env::var("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
        request = request.header("authorization", token);
    }
    let answer = client.send(request).await.map_err(|error| VaultError::passing(error.to_string()))?;
    let json = parse_json(&answer.body).ok().filter(|_| answer.status == 200);
    let json = json.ok_or_else(|| VaultError::of_answer(&answer, None))?;
    let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let unusable = || VaultError::passing("the container's answer holds no credentials");
    Ok(Keys {
        id: text("AccessKeyId").ok_or_else(unusable)?,
        secret: Zeroizing::new(text("SecretAccessKey").ok_or_else(unusable)?),
        session: text("Token").map(Zeroizing::new),
        until: text("Expiration").and_then(|text| seconds_of(&text)).unwrap_or(now + 600).saturating_sub(300),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_signed_as_botocore_signs_them() {
        let keys = Keys {
            id: "AKIDEXAMPLE".into(),
            secret: Zeroizing::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()),
            session: Some(Zeroizing::new("session".into())),
            until: u64::MAX,
        };
        let endpoint = "https://secretsmanager.eu-west-1.amazonaws.com".parse().unwrap();
        let request = signed(&endpoint, "eu-west-1", r#"{"SecretId":"prod/db"}"#, &keys, 1_700_000_000);
        let field = |name| request.headers.iter().find(|(known, _)| *known == name).unwrap().1.as_str();
        assert_eq!(field("x-amz-date"), "20231114T221320Z");
        assert_eq!(
            field("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/eu-west-1/secretsmanager/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=dd0b61c4828a1a75669c78f9c8c22d94644b17eb032b0e8bffa9111d1ec22eba"
        );
        assert!(!request.headers.iter().any(|(name, _)| *name == "host"), "the client writes it");
    }
}
