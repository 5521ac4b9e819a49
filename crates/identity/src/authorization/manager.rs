//! All connections of a configuration.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::answer::Granted;
use super::connection::Connection;
use super::consent::{CallbackError, Consent};
use super::settings::{AccessPolicy, ConnectionSettings};
use super::{AuthorizationFailure, KeeperError, TokenKeeper};
use crate::http_client::{HttpClient, HttpError, HttpRequest, HttpResponse};
use crate::{Novelty, ReplayCache};

/// The most links that are remembered as used.
const LINKS: usize = 1024;

/// Keeps no tokens.
pub struct ForgottenTokens;

impl TokenKeeper for ForgottenTokens {
    fn load(&self, _: String) -> BoxFuture<'static, Result<Option<SecretString>, KeeperError>> {
        std::future::ready(Ok(None)).boxed()
    }

    fn save(&self, _: String, _: SecretString) -> BoxFuture<'static, Result<(), KeeperError>> {
        std::future::ready(Ok(())).boxed()
    }

    fn seal(&self, _: &SecretString) -> Option<Vec<u8>> {
        None
    }

    fn open(&self, _: &[u8]) -> Option<SecretString> {
        None
    }
}

/// Asks nobody.
struct Nobody;

impl HttpClient for Nobody {
    fn send(&self, _: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>> {
        std::future::ready(Err(HttpError("there is nobody to ask".to_owned()))).boxed()
    }
}

/// Who wants to use a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'c> {
    /// This instance's own identity.
    Instance,
    /// Somebody whose token was verified.
    Principal {
        /// The tenant that has vouched for the token.
        tenant: &'c str,
        /// `oid`.
        object: &'c str,
        /// `azp` or `appid`.
        application: Option<&'c str>,
    },
}

/// All connections of a configuration.
pub struct Authorizations {
    /// By provider and connection, in lower case.
    connections: HashMap<(String, String), Arc<Connection>>,
    /// Those whose settings are not complete yet, with what they wait for.
    waiting: HashMap<(String, String), String>,
    /// The tenant and the object of this instance's identity.
    instance: (Option<String>, Option<String>),
    client: Arc<dyn HttpClient>,
    keeper: Arc<dyn TokenKeeper>,
    links: Arc<ReplayCache>,
}

impl Authorizations {
    /// Connections that ask over a client and keep their tokens with a keeper. `instance` is the tenant and the object of
    /// this instance's own identity. What `previous` knows is taken over.
    pub fn new(
        settings: Vec<ConnectionSettings>,
        instance: (Option<String>, Option<String>),
        client: Arc<dyn HttpClient>,
        keeper: Arc<dyn TokenKeeper>,
        previous: Option<&Self>,
    ) -> Self {
        let connections = settings.into_iter().map(|settings| {
            let key = (settings.provider.to_lowercase(), settings.connection.to_lowercase());
            let before = previous.and_then(|previous| previous.connections.get(&key));
            // The same one goes on, with what it has under way: a refresh token can be used once.
            if let Some(same) = before.filter(|before| before.settings == settings) {
                return (key, Arc::clone(same));
            }
            let taken_over = before.and_then(|before| Connection::taken_over(before, settings.clone()));
            (key, Arc::new(taken_over.unwrap_or_else(|| Connection::new(settings))))
        });
        let links =
            previous.map_or_else(|| Arc::new(ReplayCache::new(LINKS)), |known| Arc::clone(&known.links));
        let waiting = HashMap::new();
        Self { connections: connections.collect(), waiting, instance, client, keeper, links }
    }

    /// Connections that keep their tokens for as long as the process lasts.
    pub fn over_nothing(
        settings: Vec<ConnectionSettings>,
        instance: (Option<String>, Option<String>),
        client: Arc<dyn HttpClient>,
    ) -> Self {
        Self::new(settings, instance, client, Arc::new(ForgottenTokens), None)
    }

    /// No connections, and nobody to ask.
    pub fn empty() -> Self {
        Self::none(Arc::new(Nobody))
    }

    /// No connections at all.
    pub fn none(client: Arc<dyn HttpClient>) -> Self {
        Self::over_nothing(Vec::new(), (None, None), client)
    }

    /// Knows of connections, each by provider and name, that wait for something.
    pub fn waiting_for(mut self, waiting: Vec<(String, String, String)>) -> Self {
        let entries = waiting.into_iter();
        self.waiting = entries
            .map(|(provider, connection, why)| ((provider.to_lowercase(), connection.to_lowercase()), why))
            .collect();
        self
    }

    /// What a connection's provider has granted, for a caller that its access policies name. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Why there is nothing.
    pub async fn granted(
        &self,
        provider: &str,
        connection: &str,
        caller: Caller<'_>,
        now: u64,
    ) -> Result<Arc<Granted>, AuthorizationFailure> {
        let connection = self.find(provider, connection)?;
        self.check(&connection.settings, caller)?;
        connection.token(&self.client, &self.keeper, now).await
    }

    /// The access policies of a connection.
    ///
    /// # Errors
    /// There is no such connection.
    pub fn access(&self, provider: &str, connection: &str) -> Result<&[AccessPolicy], AuthorizationFailure> {
        Ok(&self.find(provider, connection)?.settings.access)
    }

    /// Whether providers send people back to this path.
    pub fn is_callback(&self, path: &str) -> bool {
        let redirects = |known: &Arc<Connection>| {
            known.settings.redirect_url.as_ref().is_some_and(|redirect| redirect.path() == path)
        };
        self.connections.values().any(redirects)
    }

    /// Takes a consent that has come back, and gives the name of the connection that works from then on.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn connect(&self, query: &str, now: u64) -> Result<String, CallbackError> {
        let consent = Consent::read(query, &*self.keeper, now)?;
        if self.links.note(consent.link, now, consent.until) != Novelty::New {
            return Err(CallbackError::BadLink);
        }
        let connection =
            self.find(&consent.provider, &consent.connection).map_err(|_| CallbackError::BadLink)?;
        let (code, verifier) = (&consent.code, &consent.verifier);
        let connected = connection.connect(code, verifier, &*self.client, &*self.keeper, now).await;
        connected.map_err(CallbackError::NoToken)?;
        Ok(connection.settings.name())
    }

    fn find(&self, provider: &str, connection: &str) -> Result<&Arc<Connection>, AuthorizationFailure> {
        let key = (provider.to_lowercase(), connection.to_lowercase());
        self.connections.get(&key).ok_or_else(|| {
            let connection = format!("{provider}/{connection}");
            match self.waiting.get(&key) {
                Some(why) => AuthorizationFailure::Unavailable { connection, why: why.clone() },
                None => AuthorizationFailure::Unknown(connection),
            }
        })
    }

    fn check(&self, settings: &ConnectionSettings, caller: Caller<'_>) -> Result<(), AuthorizationFailure> {
        let is_named = match (caller, &self.instance) {
            (Caller::Instance, (tenant, Some(object))) => settings.access.iter().any(|policy| {
                policy.object.eq_ignore_ascii_case(object)
                    && tenant.as_ref().is_none_or(|tenant| policy.is_of_tenant(tenant))
            }),
            (Caller::Instance, (_, None)) => false,
            (Caller::Principal { tenant, object, application }, _) => settings.access.iter().any(|policy| {
                let is_of = |known: &String| application.is_some_and(|one| known.eq_ignore_ascii_case(one));
                policy.object.eq_ignore_ascii_case(object)
                    && policy.is_of_tenant(tenant)
                    && (policy.applications.is_empty() || policy.applications.iter().any(is_of))
            }),
        };
        if is_named {
            return Ok(());
        }
        let caller = match (caller, &self.instance.1) {
            (Caller::Instance, Some(object)) => format!("this instance (object `{object}`)"),
            (Caller::Instance, None) => {
                "this instance, which has no object: give it one as `identity.system.object_id`".to_owned()
            }
            (Caller::Principal { .. }, _) => "the one who asks".to_owned(),
        };
        Err(AuthorizationFailure::AccessDenied { connection: settings.name(), caller })
    }
}

impl AccessPolicy {
    /// The tenant's id: the last segment where it is written as a URL.
    pub fn tenant_id(&self) -> &str {
        let tenant = self.tenant.trim_end_matches('/');
        tenant.trim_end_matches("/v2.0").rsplit('/').next().unwrap_or_default()
    }

    fn is_of_tenant(&self, tenant: &str) -> bool {
        self.tenant_id().eq_ignore_ascii_case(tenant)
    }
}

impl std::fmt::Debug for Authorizations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorizations").field("connections", &self.connections.len()).finish_non_exhaustive()
    }
}
