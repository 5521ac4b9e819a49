//! The credential manager: connections to OAuth 2.0 providers whose tokens are fetched, kept and renewed here, and handed
//! to those that the connection's access policies name (`get-authorization-context`).

mod answer;
mod connection;
mod consent;
mod manager;
mod settings;

pub use self::answer::Granted;
pub use self::consent::{CallbackError, Consent, login_link};
pub use self::manager::{Authorizations, Caller, ForgottenTokens};
pub use self::settings::{AccessPolicy, ConnectionSettings, Grant};

use futures_util::future::BoxFuture;
use secrecy::SecretString;

/// Where tokens of connections outlive the process.
pub trait TokenKeeper: Send + Sync {
    /// What was kept last under a name.
    fn load(&self, name: String) -> BoxFuture<'static, Result<Option<SecretString>, KeeperError>>;
    /// Keeps a text, encrypted; it is durable once this has ended.
    fn save(&self, name: String, text: SecretString) -> BoxFuture<'static, Result<(), KeeperError>>;
    /// Encrypts a text for the way through somebody's browser.
    fn seal(&self, text: &SecretString) -> Option<Vec<u8>>;
    /// Decrypts what [`TokenKeeper::seal`] has made; `None` for anything else.
    fn open(&self, sealed: &[u8]) -> Option<SecretString>;
}

/// The store of tokens has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of tokens has failed: {0}")]
pub struct KeeperError(pub String);

/// Why there is no authorization. The text holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationFailure {
    /// No access policy of the connection names the caller.
    #[error("the access policies of `{connection}` do not name {caller}")]
    AccessDenied {
        /// Provider and connection.
        connection: String,
        /// Who asked.
        caller: String,
    },
    /// Nobody has consented yet, or the consent was taken back.
    #[error(
        "nobody has consented to `{0}` yet, or the consent has ended: run `gatehouse authorization login {0}`"
    )]
    NotConnected(String),
    /// The provider gives no token.
    #[error("the provider of `{connection}` gives no token: {why}")]
    Unavailable {
        /// Provider and connection.
        connection: String,
        /// What went wrong.
        why: String,
    },
    /// There is no such connection.
    #[error("there is no authorization `{0}`")]
    Unknown(String),
}

impl AuthorizationFailure {
    /// The reason for `context.LastError`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AccessDenied { .. } => "AuthorizationAccessDenied",
            Self::NotConnected(_) => "AuthorizationNotConnected",
            Self::Unavailable { .. } => "AuthorizationTokenUnavailable",
            Self::Unknown(_) => "AuthorizationNotFound",
        }
    }
}

#[cfg(test)]
mod tests;
