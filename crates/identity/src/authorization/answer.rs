//! What a provider has granted, on the wire and in the store.

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::settings::Grant;
use crate::http_client::HttpResponse;
use crate::jose::{Json, parse_json};
use crate::managed::AccessToken;

/// A token lasts so long where the provider does not say, in seconds.
const UNTOLD: u64 = 3600;
/// The longest life that is believed.
const LONGEST: f64 = 30.0 * 86_400.0;
/// A token is renewed when so much of its life is left, at most, in seconds.
const AHEAD: u64 = 300;

/// What a provider has granted. It does not show its tokens.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The access token.
    pub access_token: AccessToken,
    /// The members of the provider's answer but its access and refresh tokens: a JSON object.
    pub claims: Zeroizing<String>,
    pub(super) refresh_token: Option<AccessToken>,
    /// When it is renewed, in seconds since 1970.
    pub(super) refresh_at: u64,
    /// When it is over.
    pub(super) expires_at: u64,
}

/// Why an answer grants nothing.
pub(super) struct Refused {
    /// What to tell; it holds nothing that was sent.
    pub(super) why: String,
    /// The code of RFC 6749, section 5.2.
    pub(super) code: String,
    /// Whether it is the client's proof that is refused.
    pub(super) is_about_client: bool,
    pub(super) retry_after: Option<u64>,
}

impl Refused {
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), code: String::new(), is_about_client: false, retry_after: None }
    }
}

impl Granted {
    /// Reads an answer of a token endpoint. A provider that sends no new refresh token leaves the old one in force.
    pub(super) fn read(
        answer: &HttpResponse,
        old_refresh_token: Option<&AccessToken>,
        now: u64,
    ) -> Result<Self, Refused> {
        let json = parse_json(&answer.body).ok();
        let member = |name: &str| json.as_ref().and_then(|json| json.get(name));
        // GitHub tells errors with status 200.
        if answer.status != 200 || member("error").is_some() {
            let code = member("error").and_then(Json::as_str).unwrap_or_default();
            let code: String = code
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
                .take(64)
                .collect();
            return Err(Refused {
                why: format!("status {} {code}", answer.status).trim_end().to_owned(),
                is_about_client: answer.status == 401
                    || matches!(&*code, "invalid_client" | "incorrect_client_credentials"),
                code,
                retry_after: answer.retry_after(),
            });
        }
        let token = |name: &str| member(name).and_then(Json::as_str).filter(|token| is_token(token));
        let Some(access_token) = token("access_token") else {
            return Err(Refused::because("its answer holds no access token"));
        };
        let kind = member("token_type").and_then(Json::as_str).unwrap_or("bearer");
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(Refused::because("its token is no bearer token"));
        }
        let life = match member("expires_in") {
            None | Some(Json::Null) => UNTOLD as f64,
            Some(Json::String(text)) => text.trim().parse().unwrap_or(f64::NAN),
            Some(other) => other.as_f64().unwrap_or(f64::NAN),
        };
        if life.is_nan() || life < 1.0 {
            return Err(Refused::because("its token has expired before it came"));
        }
        let life = life.min(LONGEST) as u64;
        let refresh_token =
            token("refresh_token").map(AccessToken::new).or_else(|| old_refresh_token.cloned());
        Ok(Self {
            access_token: AccessToken::new(access_token),
            claims: claims(&answer.body),
            refresh_token,
            refresh_at: now + life - AHEAD.min(life / 5),
            expires_at: now + life,
        })
    }

    /// As the store keeps it.
    pub(super) fn to_text(&self, fingerprint: &str) -> Zeroizing<String> {
        let json = json!({
            "fingerprint": fingerprint,
            "access_token": self.access_token.expose(),
            "refresh_token": self.refresh_token.as_ref().map(AccessToken::expose),
            "claims": &*self.claims,
            "refresh_at": self.refresh_at,
            "expires_at": self.expires_at,
        });
        Zeroizing::new(json.to_string())
    }

    /// What the store has kept for these settings.
    pub(super) fn of_text(text: &str, fingerprint: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        if text("fingerprint")? != fingerprint {
            return None;
        }
        Some(Self {
            access_token: AccessToken::new(text("access_token")?),
            claims: Zeroizing::new(text("claims")?.to_owned()),
            refresh_token: text("refresh_token").map(AccessToken::new),
            refresh_at: json.get("refresh_at")?.as_u64()?,
            expires_at: json.get("expires_at")?.as_u64()?,
        })
    }

    /// Whether it can be used.
    pub(super) fn is_good(&self, now: u64) -> bool {
        now < self.expires_at
    }

    /// Whether it should be renewed now.
    pub(super) fn is_due(&self, grant: Grant, now: u64) -> bool {
        let can_be_renewed = grant == Grant::ClientCredentials || self.refresh_token.is_some();
        now >= self.refresh_at && (can_be_renewed || !self.is_good(now))
    }
}

/// Printable characters of one header field.
fn is_token(token: &str) -> bool {
    !token.is_empty() && token.len() <= 16 * 1024 && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The members of an answer without the tokens that are used here.
fn claims(body: &[u8]) -> Zeroizing<String> {
    let mut members: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    members.remove("access_token");
    members.remove("refresh_token");
    Zeroizing::new(Value::Object(members).to_string())
}
