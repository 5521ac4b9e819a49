//! Consent: the way of somebody's browser to the provider and back (RFC 6749, section 4.1, with RFC 7636).
//!
//! What the way back needs travels in `state`, encrypted: nothing is kept in the meantime, and nobody can make one.

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use super::TokenKeeper;
use super::settings::{ConnectionSettings, Grant};
use crate::jose::{decode_base64url, encode_base64url};

/// How long a link can be used, in seconds.
const LIFE: u64 = 600;
/// The longest query of a callback.
const MAX_QUERY: usize = 8 * 1024;

/// A consent that has come back.
pub struct Consent {
    /// The provider's resource name.
    pub provider: String,
    /// The connection's resource name.
    pub connection: String,
    pub(super) code: Zeroizing<String>,
    pub(super) verifier: Zeroizing<String>,
    /// Names the link, which can be used once.
    pub(super) link: [u8; 32],
    /// When the link is over, in seconds since 1970.
    pub(super) until: u64,
}

/// Why a callback connects nothing. The text can be shown to whoever came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The link is not one of this instance, is too old, or was used before.
    #[error("This link is not valid, or not any more. Make a new one with `gatehouse authorization login`.")]
    BadLink,
    /// The provider gives no code.
    #[error("The provider has not given its consent: {0}.")]
    Denied(String),
    /// The provider gives no token for the code.
    #[error("The provider gives no token: {0}.")]
    NoToken(String),
}

/// The link by which somebody consents to a connection; it can be used once within ten minutes.
///
/// # Errors
/// What the connection lacks.
pub fn login_link(
    settings: &ConnectionSettings,
    keeper: &dyn TokenKeeper,
    now: u64,
) -> Result<Url, &'static str> {
    if settings.grant != Grant::AuthorizationCode {
        return Err("its provider gives tokens to the client itself: nobody has to consent");
    }
    let redirect = settings.redirect_url.as_ref().ok_or("its provider has no `oauth2.redirectUrl`")?;
    let mut url = settings.authorization_url.clone().ok_or("its provider has no `authorizationUrl`")?;
    let mut random = [0; 32];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| "the operating system has no randomness")?;
    let verifier = Zeroizing::new(encode_base64url(random));
    let challenge = encode_base64url(digest(&SHA256, verifier.as_bytes()));
    let state = json!({
        "provider": settings.provider,
        "connection": settings.connection,
        "verifier": &*verifier,
        "until": now + LIFE,
    });
    let state = keeper.seal(&SecretString::from(state.to_string()));
    let state = encode_base64url(state.ok_or("the link cannot be encrypted")?);
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if !settings.scopes.is_empty() {
            query.append_pair("scope", &settings.scopes);
        }
        if let Some(resource) = &settings.resource {
            query.append_pair("resource", resource);
        }
        for (name, value) in settings.parameters {
            query.append_pair(name, value);
        }
    }
    Ok(url)
}

impl Consent {
    /// Reads the query of a callback.
    pub(super) fn read(query: &str, keeper: &dyn TokenKeeper, now: u64) -> Result<Self, CallbackError> {
        if query.len() > MAX_QUERY {
            return Err(CallbackError::BadLink);
        }
        let value = |name: &str| {
            let mut values = url::form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
            let first = values.next()?.1;
            // Of two values nobody can say which one counts.
            values.next().is_none().then(|| Zeroizing::new(first.into_owned()))
        };
        let state = value("state").ok_or(CallbackError::BadLink)?;
        let sealed = decode_base64url(&state).ok_or(CallbackError::BadLink)?;
        let opened = keeper.open(&sealed).ok_or(CallbackError::BadLink)?;
        let json: Value = serde_json::from_str(opened.expose_secret()).map_err(|_| CallbackError::BadLink)?;
        let text = |name: &str| json.get(name).and_then(Value::as_str).ok_or(CallbackError::BadLink);
        let until = json.get("until").and_then(Value::as_u64).ok_or(CallbackError::BadLink)?;
        if until <= now {
            return Err(CallbackError::BadLink);
        }
        if let Some(error) = value("error") {
            let shown = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            return Err(CallbackError::Denied(error.chars().filter(shown).take(64).collect()));
        }
        let mut link = [0; 32];
        link.copy_from_slice(digest(&SHA256, state.as_bytes()).as_ref());
        Ok(Self {
            provider: text("provider")?.to_owned(),
            connection: text("connection")?.to_owned(),
            code: value("code").ok_or(CallbackError::BadLink)?,
            verifier: Zeroizing::new(text("verifier")?.to_owned()),
            link,
            until,
        })
    }
}
