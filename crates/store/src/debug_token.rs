//! Debug tokens: whoever holds one may ask for the decision trace of requests to one API, for an hour at most.
//!
//! A token says what it is for and ends with a MAC under a key of the master key: `aid=orders&exp=1767225600&id=…&sig=…`.
//! Nothing of it is kept; every process with the master key can make and check them.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// Makes and checks debug tokens; made by [`MasterKey::debug_tokens`](crate::MasterKey::debug_tokens).
#[derive(Clone)]
pub struct DebugTokens(hmac::Key);

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugToken {
    /// The API, as [`api_matches`](Self::api_matches) compares it.
    pub api: String,
    /// From when on it is good for nothing, in seconds since 1970.
    pub expires: i64,
}

/// Why a token is good for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DebugTokenError {
    /// It was good once.
    Expired(DebugToken),
    /// It was not made here.
    Invalid,
}

impl DebugTokens {
    /// The longest that a token is good for.
    pub const LONGEST: Duration = Duration::from_secs(3600);

    /// The longest text that is looked at, in bytes.
    const MAX_LENGTH: usize = 1024;

    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// A token for the API of that resource name (`workspace/name` in a workspace), good for `lifetime` but never longer
    /// than [`LONGEST`](Self::LONGEST). `now` is in seconds since 1970. `None` where there is no randomness.
    pub fn issue(&self, api: &str, lifetime: Duration, now: i64) -> Option<(String, DebugToken)> {
        let mut id = [0_u8; 8];
        aws_lc_rs::rand::fill(&mut id).ok()?;
        let expires = now.saturating_add(lifetime.min(Self::LONGEST).as_secs() as i64);
        let said = format!("aid={api}&exp={expires}&id={}", URL_SAFE_NO_PAD.encode(id));
        let mac = hmac::sign(&self.0, said.as_bytes());
        let text = format!("{said}&sig={}", URL_SAFE_NO_PAD.encode(mac.as_ref()));
        Some((text, DebugToken { api: api.to_owned(), expires }))
    }

    /// What a token says, if it was made here and is still good.
    pub fn check(&self, token: &[u8], now: i64) -> Result<DebugToken, DebugTokenError> {
        let token = self.read(token).ok_or(DebugTokenError::Invalid)?;
        if now >= token.expires {
            return Err(DebugTokenError::Expired(token));
        }
        // A clock that was set back must not make it good for longer.
        if token.expires - now > Self::LONGEST.as_secs() as i64 {
            return Err(DebugTokenError::Invalid);
        }
        Ok(token)
    }

    /// The MAC is compared in constant time, before anything of the token is believed.
    fn read(&self, token: &[u8]) -> Option<DebugToken> {
        if token.len() > Self::MAX_LENGTH {
            return None;
        }
        let text = std::str::from_utf8(token).ok()?;
        let (said, signature) = text.rsplit_once("&sig=")?;
        let signature = Zeroizing::new(URL_SAFE_NO_PAD.decode(signature).ok()?);
        hmac::verify(&self.0, said.as_bytes(), &signature).ok()?;
        let mut parts = said.split('&');
        let api = parts.next()?.strip_prefix("aid=")?.to_owned();
        let expires = parts.next()?.strip_prefix("exp=")?.parse().ok()?;
        Some(DebugToken { api, expires })
    }
}

impl DebugToken {
    /// Whether it is for an API: by its name, or for every revision of it by the name without one.
    pub fn api_matches(&self, workspace: Option<&str>, name: &str) -> bool {
        let root = name.split(';').next().unwrap_or(name);
        let is = |name: &str| match workspace {
            None => self.api == name,
            Some(workspace) => self.api.split_once('/') == Some((workspace, name)),
        };
        is(name) || is(root)
    }
}

impl fmt::Debug for DebugTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DebugTokens")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn tokens() -> DebugTokens {
        DebugTokens::new(&[3; 32])
    }

    #[test]
    fn a_token_is_good_for_its_time() {
        let (text, token) = tokens().issue("orders", HOUR * 5, 1000).unwrap();
        assert_eq!(token, DebugToken { api: "orders".into(), expires: 4600 });
        assert_eq!(tokens().check(text.as_bytes(), 1000), Ok(token.clone()));
        assert_eq!(tokens().check(text.as_bytes(), 4599), Ok(token.clone()));
        assert_eq!(tokens().check(text.as_bytes(), 4600), Err(DebugTokenError::Expired(token)));
        assert_eq!(tokens().check(text.as_bytes(), 500), Err(DebugTokenError::Invalid));
    }

    #[test]
    fn what_was_changed_or_made_elsewhere_is_invalid() {
        let (text, _) = tokens().issue("orders", HOUR, 1000).unwrap();
        let others = DebugTokens::new(&[4; 32]);
        let changed = [
            text.replace("orders", "stock1"),
            text.replace("exp=4600", "exp=9999"),
            text.replace("&sig=", "&sig=A"),
            text.split("&sig=").next().unwrap().to_owned(),
            format!("{text}&sig="),
            "x".repeat(5000),
            String::new(),
        ];
        for text in changed {
            assert_eq!(tokens().check(text.as_bytes(), 1000), Err(DebugTokenError::Invalid), "{text}");
        }
        assert_eq!(others.check(text.as_bytes(), 1000), Err(DebugTokenError::Invalid));
        assert_eq!(tokens().check(b"\xff", 1000), Err(DebugTokenError::Invalid));
    }

    #[test]
    fn a_token_is_for_one_api_and_its_revisions() {
        let token = |api: &str| DebugToken { api: api.into(), expires: 0 };
        assert!(token("orders").api_matches(None, "orders"));
        assert!(token("orders").api_matches(None, "orders;rev=2"));
        assert!(token("orders;rev=2").api_matches(None, "orders;rev=2"));
        assert!(!token("orders;rev=2").api_matches(None, "orders"));
        assert!(!token("orders").api_matches(Some("team"), "orders"));
        assert!(token("team/orders").api_matches(Some("team"), "orders"));
        assert!(!token("team/orders").api_matches(None, "orders"));
    }
}
