//! One connection: its token, got by one at a time, renewed ahead of its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};

use super::answer::{Granted, Refused};
use super::settings::{ClientProof, ConnectionSettings, Grant};
use super::{AuthorizationFailure, TokenKeeper};
use crate::http_client::{HttpClient, HttpRequest};
use crate::managed::AccessToken;

type Outcome = Result<Arc<Granted>, AuthorizationFailure>;

/// How long a failure is told again before the provider is asked again, in seconds: at least, and at most.
const PAUSES: (u64, u64) = (5, 300);
/// The same where nobody has consented: who has just done so is not kept waiting.
const LOOK_AGAIN: u64 = 2;

/// A connection with what is known of it.
pub(super) struct Connection {
    pub(super) settings: ConnectionSettings,
    fingerprint: String,
    state: Mutex<State>,
    /// Whether this provider has refused the client's secret in the body, and wants it in the head.
    wants_basic: AtomicBool,
}

#[derive(Default)]
struct State {
    granted: Option<Arc<Granted>>,
    /// Why there is nothing, and until when that is not tried again.
    failed: Option<(AuthorizationFailure, u64)>,
    /// What is under way. It goes on where somebody who waits for it is gone: a refresh token may be used up already.
    flight: Option<Shared<BoxFuture<'static, Outcome>>>,
}

impl Connection {
    pub(super) fn new(settings: ConnectionSettings) -> Self {
        let fingerprint = settings.fingerprint();
        Self { settings, fingerprint, state: Mutex::default(), wants_basic: AtomicBool::new(false) }
    }

    /// The same connection under settings that may differ in the client's secret and in who may use it.
    pub(super) fn taken_over(previous: &Self, settings: ConnectionSettings) -> Option<Self> {
        let next = Self::new(settings);
        if next.fingerprint != previous.fingerprint {
            return None;
        }
        next.state.lock().granted.clone_from(&previous.state.lock().granted);
        Some(next)
    }

    /// A token that can be used now; waits only where there is none.
    pub(super) async fn token(
        self: &Arc<Self>,
        client: &Arc<dyn HttpClient>,
        keeper: &Arc<dyn TokenKeeper>,
        now: u64,
    ) -> Outcome {
        let (good, flight) = {
            let mut state = self.state.lock();
            let good = state.granted.clone().filter(|granted| granted.is_good(now));
            if let Some(granted) = good.as_ref().filter(|good| !good.is_due(self.settings.grant, now)) {
                return Ok(Arc::clone(granted));
            }
            if let Some((failure, _)) = state.failed.as_ref().filter(|(_, until)| now < *until) {
                return good.ok_or_else(|| failure.clone());
            }
            let flight = state.flight.get_or_insert_with(|| {
                let (connection, client, keeper) = (Arc::clone(self), Arc::clone(client), Arc::clone(keeper));
                async move { connection.acquire(&*client, &*keeper, now).await }.boxed().shared()
            });
            (good, flight.clone())
        };
        match good {
            // The renewal goes on beside the requests, and each that comes by gives it a push.
            Some(granted) => Ok(flight.now_or_never().and_then(Result::ok).unwrap_or(granted)),
            None => flight.await,
        }
    }

    /// Takes what a consent has granted.
    pub(super) async fn connect(
        &self,
        code: &str,
        verifier: &str,
        client: &dyn HttpClient,
        keeper: &dyn TokenKeeper,
        now: u64,
    ) -> Result<(), String> {
        let granted =
            self.exchange(client, None, now, |proof| self.settings.code(code, verifier, proof)).await;
        let granted = granted.map_err(|refused| refused.why)?;
        self.keep(&granted, keeper).await?;
        let mut state = self.state.lock();
        state.granted = Some(Arc::new(granted));
        state.failed = None;
        Ok(())
    }

    /// Gets a token, from the store or from the provider, and notes how that went.
    async fn acquire(&self, client: &dyn HttpClient, keeper: &dyn TokenKeeper, now: u64) -> Outcome {
        let outcome = self.fetch(client, keeper, now).await;
        let mut state = self.state.lock();
        state.flight = None;
        match outcome {
            Ok(granted) => {
                let granted = Arc::new(granted);
                state.granted = Some(Arc::clone(&granted));
                state.failed = None;
                Ok(granted)
            }
            Err((failure, pause)) => {
                if matches!(failure, AuthorizationFailure::NotConnected(_)) {
                    state.granted = state.granted.take().filter(|granted| granted.is_good(now));
                }
                state.failed = Some((failure.clone(), now + pause));
                Err(failure)
            }
        }
    }

    async fn fetch(
        &self,
        client: &dyn HttpClient,
        keeper: &dyn TokenKeeper,
        now: u64,
    ) -> Result<Granted, (AuthorizationFailure, u64)> {
        let connection = self.settings.name();
        let unavailable = |why: String, pause: u64| {
            let pause = pause.clamp(PAUSES.0, PAUSES.1);
            (AuthorizationFailure::Unavailable { connection: connection.clone(), why }, pause)
        };
        let kept =
            keeper.load(self.settings.kept_as()).await.map_err(|error| unavailable(error.to_string(), 0))?;
        let kept = kept.and_then(|text| Granted::of_text(text.expose_secret(), &self.fingerprint));
        let kept = match kept {
            // Another instance over the same store, or this one before it was started anew, was there first.
            Some(kept) if kept.is_good(now) && !kept.is_due(self.settings.grant, now) => return Ok(kept),
            kept => kept,
        };
        let refresh_token = kept.as_ref().and_then(|kept| kept.refresh_token.clone());
        let granted = match (self.settings.grant, &refresh_token) {
            (Grant::ClientCredentials, _) => {
                self.exchange(client, None, now, |proof| self.settings.own_token(proof)).await
            }
            (Grant::AuthorizationCode, Some(token)) => {
                let renewal = |proof| self.settings.renewal(token.expose(), proof);
                self.exchange(client, refresh_token.as_ref(), now, renewal).await
            }
            (Grant::AuthorizationCode, None) => {
                return Err((AuthorizationFailure::NotConnected(connection), LOOK_AGAIN));
            }
        };
        match granted {
            Ok(granted) => {
                self.keep(&granted, keeper).await.map_err(|why| unavailable(why, 0))?;
                Ok(granted)
            }
            Err(refused) if refresh_token.is_some() && refused.code == "invalid_grant" => {
                Err((AuthorizationFailure::NotConnected(connection), LOOK_AGAIN))
            }
            Err(refused) => Err(unavailable(refused.why, refused.retry_after.unwrap_or(0))),
        }
    }

    async fn keep(&self, granted: &Granted, keeper: &dyn TokenKeeper) -> Result<(), String> {
        let text = SecretString::from(granted.to_text(&self.fingerprint).as_str());
        keeper.save(self.settings.kept_as(), text).await.map_err(|error| error.to_string())
    }

    /// Asks the token endpoint, with the client's secret where the provider wants it.
    async fn exchange(
        &self,
        client: &dyn HttpClient,
        old_refresh_token: Option<&AccessToken>,
        now: u64,
        request: impl Fn(ClientProof) -> HttpRequest,
    ) -> Result<Granted, Refused> {
        let basic = self.wants_basic.load(Ordering::Relaxed);
        let (first, other) = if basic {
            (ClientProof::Basic, ClientProof::Body)
        } else {
            (ClientProof::Body, ClientProof::Basic)
        };
        let outcome = ask(client, request(first), old_refresh_token, now).await;
        match outcome {
            Err(refused) if refused.is_about_client && self.settings.client_secret.is_some() => {
                let again = ask(client, request(other), old_refresh_token, now).await;
                if again.is_ok() {
                    self.wants_basic.store(!basic, Ordering::Relaxed);
                }
                again
            }
            outcome => outcome,
        }
    }
}

async fn ask(
    client: &dyn HttpClient,
    request: HttpRequest,
    old_refresh_token: Option<&AccessToken>,
    now: u64,
) -> Result<Granted, Refused> {
    match client.send(request).await {
        Ok(answer) => Granted::read(&answer, old_refresh_token, now),
        Err(error) => Err(Refused::because(error.to_string())),
    }
}
