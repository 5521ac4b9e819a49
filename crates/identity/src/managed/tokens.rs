//! Access tokens of managed identities, kept until they are about to expire.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::kind::{Federation, IdentityKind, SpiffeSource, TokenFailure, read_answer};
use super::workload_api::fetch_certificate;
use crate::http_client::{HttpClient, HttpRequest};

/// The most tokens that are kept: one for each identity and resource.
const MAX_TOKENS: usize = 256;
/// The longest name of a resource.
const MAX_RESOURCE: usize = 1024;
/// How often a request that may succeed later is made in all.
const ATTEMPTS: u64 = 3;
/// A token is fetched anew when so much of its life is left, at most, in seconds.
const AHEAD: u64 = 300;

/// An access token. It does not show itself.
#[derive(Clone)]
pub struct AccessToken(Arc<Zeroizing<String>>);

impl AccessToken {
    pub(crate) fn new(token: &str) -> Self {
        Self(Arc::new(Zeroizing::new(token.to_owned())))
    }

    /// The token.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken")
    }
}

/// The identities of one configuration.
pub struct ManagedIdentities {
    system: Option<IdentityKind>,
    /// By client id.
    users: Vec<(String, IdentityKind)>,
    client: Arc<dyn HttpClient>,
    slots: Mutex<HashMap<(Option<String>, String), Arc<Slot>>>,
}

/// One token, fetched by one at a time.
#[derive(Default)]
struct Slot {
    token: tokio::sync::Mutex<Option<Kept>>,
}

struct Kept {
    token: AccessToken,
    /// Seconds since 1970.
    refresh_at: u64,
    expires_at: u64,
}

impl ManagedIdentities {
    /// Identities that ask over a client.
    pub fn new(
        system: Option<IdentityKind>,
        users: Vec<(String, IdentityKind)>,
        client: Arc<dyn HttpClient>,
    ) -> Self {
        Self { system, users, client, slots: Mutex::default() }
    }

    /// Takes over the tokens of a configuration before this one, of the identities that are the same in both: a reload
    /// asks nobody for what is still good.
    #[must_use]
    pub fn keeping(self, previous: &Self) -> Self {
        let mut slots = previous.slots.lock().clone();
        slots.retain(|(client_id, _), _| {
            let known = self.identity(client_id.as_deref()).ok();
            known.is_some() && known == previous.identity(client_id.as_deref()).ok()
        });
        *self.slots.lock() = slots;
        self
    }

    /// An access token for a resource, of the system's identity or of the one with that client id. `now` is in seconds
    /// since 1970.
    pub async fn token(
        &self,
        client_id: Option<&str>,
        resource: &str,
        now: u64,
    ) -> Result<AccessToken, TokenFailure> {
        if resource.is_empty() || resource.len() > MAX_RESOURCE {
            return Err(TokenFailure::lasting("the resource of a token must have 1 to 1024 bytes"));
        }
        let (kind, user) = self.identity(client_id)?;
        let slot = self.slot(client_id, resource)?;
        let mut kept = slot.token.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.refresh_at) {
            return Ok(kept.token.clone());
        }
        match self.fetch(kind, user, resource, now).await {
            Ok((token, life)) => {
                let token = AccessToken(Arc::new(token));
                let ahead = AHEAD.min(life / 5);
                *kept = Some(Kept {
                    token: token.clone(),
                    refresh_at: now + life - ahead,
                    expires_at: now + life - life.min(5) / 5,
                });
                Ok(token)
            }
            // The old one serves while it is good, and is not asked to be renewed by every request.
            Err(failure) => match kept.as_mut().filter(|kept| now < kept.expires_at) {
                Some(kept) => {
                    kept.refresh_at = (now + failure.retry_after.unwrap_or(30).max(5)).min(kept.expires_at);
                    Ok(kept.token.clone())
                }
                None => Err(failure),
            },
        }
    }

    /// A token of an identity's own for an audience: what vaults and clouds exchange (workload identity federation).
    ///
    /// # Errors
    /// Why there is none; not every identity has such tokens.
    pub async fn assertion(
        &self,
        client_id: Option<&str>,
        audience: &str,
        now: u64,
    ) -> Result<Zeroizing<String>, TokenFailure> {
        let (kind, _) = self.identity(client_id)?;
        Ok(kind.assertion(audience, &*self.client, now).await?.0)
    }

    /// The certificate of an identity with its key, as PEM (X.509-SVID).
    ///
    /// # Errors
    /// Why there is none; identities of SPIFFE with a socket have one.
    pub async fn certificate(&self, client_id: Option<&str>) -> Result<Zeroizing<String>, TokenFailure> {
        match self.identity(client_id)?.0 {
            IdentityKind::Spiffe { source: SpiffeSource::Socket(socket), .. } => {
                fetch_certificate(socket, &*self.client).await
            }
            kind => {
                let message =
                    format!("an identity of the kind `{kind:?}` without a Workload API has no certificate");
                Err(TokenFailure::lasting(message))
            }
        }
    }

    fn identity<'s>(
        &'s self,
        client_id: Option<&'s str>,
    ) -> Result<(&'s IdentityKind, Option<&'s str>), TokenFailure> {
        let Some(id) = client_id else {
            let none =
                || TokenFailure::lasting("there is no managed identity: name one under `identity.system`");
            return self.system.as_ref().map(|kind| (kind, None)).ok_or_else(none);
        };
        if let Some((_, kind)) = self.users.iter().find(|(known, _)| known.eq_ignore_ascii_case(id)) {
            return Ok((kind, None));
        }
        // On Azure the endpoint itself knows the identities that are assigned to the machine.
        match &self.system {
            Some(kind @ (IdentityKind::AzureImds { .. } | IdentityKind::AppService { .. })) => {
                Ok((kind, Some(id)))
            }
            _ => Err(TokenFailure::lasting(
                "there is no managed identity of that client id: name it under `identity.user`",
            )),
        }
    }

    fn slot(&self, client_id: Option<&str>, resource: &str) -> Result<Arc<Slot>, TokenFailure> {
        let mut slots = self.slots.lock();
        let key = (client_id.map(str::to_owned), resource.to_owned());
        if let Some(slot) = slots.get(&key) {
            return Ok(Arc::clone(slot));
        }
        if slots.len() >= MAX_TOKENS {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
            if slots.len() >= MAX_TOKENS {
                return Err(TokenFailure::passing("too many tokens of managed identities are asked for"));
            }
        }
        let slot = Arc::<Slot>::default();
        slots.insert(key, Arc::clone(&slot));
        Ok(slot)
    }

    async fn request(
        &self,
        kind: &IdentityKind,
        user: Option<&str>,
        resource: &str,
        now: u64,
    ) -> Result<HttpRequest, TokenFailure> {
        let Some(federation) = kind.federation() else { return kind.request(resource, user) };
        let (assertion, _) = kind.assertion(Federation::AUDIENCE, &*self.client, now).await?;
        federation.exchange(&format!("{resource}/.default"), &assertion)
    }

    async fn fetch(
        &self,
        kind: &IdentityKind,
        user: Option<&str>,
        resource: &str,
        now: u64,
    ) -> Result<(Zeroizing<String>, u64), TokenFailure> {
        if kind.is_own() && kind.federation().is_none() {
            return kind.assertion(resource, &*self.client, now).await;
        }
        let mut last = TokenFailure::passing("nothing was tried");
        for _ in 0..ATTEMPTS {
            let outcome = match self.client.send(self.request(kind, user, resource, now).await?).await {
                Ok(answer) => read_answer(&answer, now),
                Err(error) => Err(TokenFailure::passing(error.to_string())),
            };
            match outcome {
                // A service that asks for a pause gets it from whoever asks next.
                Err(failure) if failure.retry_after.is_some_and(|seconds| seconds <= 1) => last = failure,
                outcome => return outcome,
            }
        }
        Err(last)
    }
}

impl fmt::Debug for ManagedIdentities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentities").field("system", &self.system).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::http_client::{HttpError, HttpRequest, HttpResponse};

    /// Answers as it is told, and remembers what it was asked.
    #[derive(Default)]
    struct Peer {
        answers: Mutex<VecDeque<Result<(u16, &'static str), HttpError>>>,
        asked: Mutex<Vec<String>>,
    }

    impl HttpClient for Peer {
        fn send(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>> {
            let headers: Vec<String> =
                request.headers.iter().map(|(name, value)| format!("{name}: {}", value.as_str())).collect();
            let body = String::from_utf8_lossy(&request.body).into_owned();
            self.asked.lock().push(format!(
                "{} {} {} {body}",
                request.method,
                request.url,
                headers.join("; ")
            ));
            let answer = self.answers.lock().pop_front().expect("an answer");
            let answer = answer.map(|(status, body)| HttpResponse {
                status,
                headers: vec![("retry-after".into(), "7".into())],
                body: Zeroizing::new(body.as_bytes().to_vec()),
            });
            std::future::ready(answer).boxed()
        }
    }

    fn imds() -> IdentityKind {
        IdentityKind::AzureImds { endpoint: "http://169.254.169.254".parse().unwrap(), client_id: None }
    }

    fn identities(kind: IdentityKind) -> (Arc<Peer>, ManagedIdentities) {
        let peer = Arc::new(Peer::default());
        let client: Arc<dyn HttpClient> = Arc::<Peer>::clone(&peer);
        (peer, ManagedIdentities::new(Some(kind), Vec::new(), client))
    }

    fn ask(identities: &ManagedIdentities, client: Option<&str>, now: u64) -> Result<String, TokenFailure> {
        let token = identities.token(client, "https://vault.azure.net", now);
        token.now_or_never().expect("nothing waits").map(|token| token.expose().to_owned())
    }

    #[test]
    fn a_token_is_kept_until_it_is_about_to_expire() {
        let (peer, identities) = identities(imds());
        peer.answers
            .lock()
            .push_back(Ok((200, r#"{"access_token":"a","expires_in":"3600","expires_on":"1"}"#)));
        for now in [0, 3299] {
            assert_eq!(ask(&identities, None, now).unwrap(), "a");
        }
        assert_eq!(
            *peer.asked.lock(),
            [
                "GET http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net metadata: true "
            ]
        );
        peer.answers.lock().extend([Ok((503, "")), Ok((200, r#"{"access_token":"b","expires_in":3600}"#))]);
        assert_eq!(
            ask(&identities, None, 3300).unwrap(),
            "a",
            "the old one serves while a new one is not to be had"
        );
        assert_eq!(ask(&identities, None, 3306).unwrap(), "a", "the pause that was asked for");
        assert_eq!(ask(&identities, None, 3307).unwrap(), "b");
    }

    #[test]
    fn failures_that_pass_are_tried_again_and_others_are_not() {
        let (peer, identities) = identities(imds());
        peer.answers.lock().extend([Err(HttpError("refused".into())), Ok((200, r#"{"access_token":"a"}"#))]);
        assert_eq!(ask(&identities, None, 0).unwrap(), "a");
        let (peer, identities) = self::identities(imds());
        peer.answers
            .lock()
            .push_back(Ok((400, r#"{"error":"invalid_resource","error_description":"secret"}"#)));
        let failure = ask(&identities, None, 0).unwrap_err();
        assert_eq!(failure.message, "the identity's tokens are refused: status 400 invalid_resource");
        assert_eq!(failure.retry_after, None);
        for garbage in [
            "",
            "{}",
            "[]",
            r#"{"access_token":5}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"a","expires_in":0}"#,
        ] {
            let (peer, identities) = self::identities(imds());
            peer.answers.lock().extend((0..3).map(|_| Ok((200, garbage))));
            assert!(ask(&identities, None, 0).is_err(), "{garbage}");
        }
    }

    #[test]
    fn user_identities_are_told_apart() {
        let (peer, mut identities) = identities(imds());
        identities.users.push((
            "c-1".into(),
            IdentityKind::ClientCredentials {
                endpoint: "https://login.example/token".parse().unwrap(),
                client_id: "c-1".into(),
                secret: Zeroizing::new("hush".into()),
            },
        ));
        peer.answers.lock().extend([
            Ok((200, r#"{"access_token":"one","expires_in":3600}"#)),
            Ok((200, r#"{"access_token":"two","expires_in":3600}"#)),
        ]);
        assert_eq!(ask(&identities, Some("C-1"), 0).unwrap(), "one");
        assert_eq!(ask(&identities, Some("c-2"), 0).unwrap(), "two");
        let asked = peer.asked.lock();
        assert_eq!(
            asked[0],
            "POST https://login.example/token content-type: application/x-www-form-urlencoded client_id=c-1&grant_type=client_credentials&scope=https%3A%2F%2Fvault.azure.net%2F.default&client_secret=hush"
        );
        assert!(asked[1].contains("&client_id=c-2 "), "{}", asked[1]);
        assert!(!format!("{identities:?}").contains("hush"));
    }

    #[test]
    fn the_token_of_a_workload_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "assertion-1\n").unwrap();
        let (peer, identities) = identities(IdentityKind::AzureWorkload {
            authority: "https://login.example/".parse().unwrap(),
            tenant: "t".into(),
            client_id: "c".into(),
            file: file.clone(),
        });
        let answer = || Ok((200, r#"{"access_token":"a","expires_in":10}"#));
        peer.answers.lock().extend([answer(), answer()]);
        ask(&identities, None, 0).unwrap();
        std::fs::write(&file, "assertion-2").unwrap();
        ask(&identities, None, 20).unwrap();
        let asked = peer.asked.lock();
        assert!(
            asked[0].starts_with("POST https://login.example/t/oauth2/v2.0/token ")
                && asked[0].ends_with("client_assertion=assertion-1"),
            "{}",
            asked[0]
        );
        assert!(asked[1].ends_with("client_assertion=assertion-2"));
        drop(asked);
        std::fs::remove_file(&file).unwrap();
        let failure = ask(&identities, None, 40).unwrap_err();
        assert!(failure.message.contains("token cannot be read"), "{failure}");
    }

    #[test]
    fn a_reload_keeps_the_tokens_of_identities_that_have_not_changed() {
        let (first_peer, first) = identities(imds());
        first_peer.answers.lock().push_back(Ok((200, r#"{"access_token":"a","expires_in":3600}"#)));
        assert_eq!(ask(&first, None, 0).unwrap(), "a");
        let (second_peer, second) = identities(imds());
        assert_eq!(ask(&second.keeping(&first), None, 1).unwrap(), "a");
        assert!(second_peer.asked.lock().is_empty());
        let other = IdentityKind::AzureImds {
            endpoint: "http://169.254.169.254".parse().unwrap(),
            client_id: Some("c".into()),
        };
        let (third_peer, third) = identities(other);
        third_peer.answers.lock().push_back(Ok((200, r#"{"access_token":"b","expires_in":3600}"#)));
        assert_eq!(ask(&third.keeping(&first), None, 1).unwrap(), "b");
    }

    #[test]
    fn without_identity_there_is_no_token() {
        let peer: Arc<dyn HttpClient> = Arc::new(Peer::default());
        let identities = ManagedIdentities::new(None, Vec::new(), peer);
        assert!(ask(&identities, None, 0).unwrap_err().message.contains("`identity.system`"));
        assert!(ask(&identities, Some("c"), 0).unwrap_err().message.contains("`identity.user`"));
    }
}
