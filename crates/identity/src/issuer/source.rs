//! When an issuer's keys are fetched, and which are in force meanwhile.
//!
//! Nothing here sends anything: who looks keys up is handed a [`Refresh`] where one is due, does it, and hands the
//! outcome back. There is never more than one for a source.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use url::Url;

use crate::jose::KeySet;

/// How long keys are used before they are fetched anew, in seconds.
const FRESH: u64 = 3600;
/// By how much the time of a refresh varies from source to source.
const JITTER: u64 = 360;
/// How long keys are used while fetching them fails, in seconds since they came.
const KEPT: u64 = 24 * 3600;
/// The least time between two fetches for keys that are not known, and the most between attempts that fail.
const PAUSE: u64 = 300;
/// The time after a first failure; it doubles up to [`PAUSE`].
const FIRST_PAUSE: u64 = 5;

/// The keys of an issuer, as they were fetched together with its name.
#[derive(Debug)]
pub struct IssuerKeys {
    /// What `iss` of tokens must be that these keys verify.
    pub issuer: Box<str>,
    /// The keys.
    pub keys: KeySet,
}

/// What is behind a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A metadata document, which names the issuer and where its keys are.
    Metadata,
    /// A key set; the issuer is named beside it.
    KeySet {
        /// `iss` of its tokens.
        issuer: Box<str>,
    },
}

/// Where the keys of an issuer come from.
#[derive(Debug)]
pub struct IssuerSource {
    url: Url,
    kind: SourceKind,
    state: Mutex<State>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<(Arc<IssuerKeys>, u64)>,
    is_under_way: bool,
    /// When the next attempt may be made after one has failed.
    paused_until: u64,
    failures: u32,
    last_error: Option<Arc<str>>,
    /// When keys were last fetched because one was not known.
    asked_for_unknown: Option<u64>,
}

/// What a source has.
#[derive(Debug)]
pub struct Lookup {
    /// The keys in force.
    pub keys: Option<Arc<IssuerKeys>>,
    /// A fetch that is due; the caller begins it.
    pub refresh: Option<Refresh>,
    /// Whether one is under way, by the caller or another.
    pub is_under_way: bool,
}

/// The duty to fetch the keys of a source. Dropped without an outcome it counts as failed.
#[derive(Debug)]
pub struct Refresh {
    source: Arc<IssuerSource>,
    now: u64,
    is_done: bool,
}

impl IssuerSource {
    /// A source that has fetched nothing yet.
    pub fn new(url: Url, kind: SourceKind) -> Self {
        Self { url, kind, state: Mutex::default(), settled: Notify::new() }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What is there.
    pub fn kind(&self) -> &SourceKind {
        &self.kind
    }

    /// The keys in force at `now`, in seconds on a clock that never goes back.
    pub fn look_up(self: &Arc<Self>, now: u64) -> Lookup {
        let mut state = self.state.lock();
        let keys = state.keys.as_ref().filter(|(_, since)| now.saturating_sub(*since) < KEPT);
        let is_fresh = keys.is_some_and(|(_, since)| now.saturating_sub(*since) < self.fresh_for());
        let keys = keys.map(|(keys, _)| Arc::clone(keys));
        let is_due = !is_fresh && !state.is_under_way && now >= state.paused_until;
        let refresh = is_due.then(|| self.begin(&mut state, now));
        Lookup { keys, refresh, is_under_way: state.is_under_way }
    }

    /// The keys in force, without a fetch that may be due.
    pub fn peek(&self, now: u64) -> Option<Arc<IssuerKeys>> {
        let state = self.state.lock();
        state
            .keys
            .as_ref()
            .filter(|(_, since)| now.saturating_sub(*since) < KEPT)
            .map(|(keys, _)| Arc::clone(keys))
    }

    /// Asks for keys because one was not known: granted once in five minutes.
    pub fn look_up_unknown(self: &Arc<Self>, now: u64) -> Lookup {
        let mut state = self.state.lock();
        let has_rested = state.asked_for_unknown.is_none_or(|last| now.saturating_sub(last) >= PAUSE);
        let is_due = has_rested && !state.is_under_way && now >= state.paused_until;
        let refresh = is_due.then(|| {
            state.asked_for_unknown = Some(now);
            self.begin(&mut state, now)
        });
        let keys = state.keys.as_ref().map(|(keys, _)| Arc::clone(keys));
        Lookup { keys, refresh, is_under_way: state.is_under_way }
    }

    /// Whether keys are the ones in force.
    pub fn is_current(&self, keys: &Arc<IssuerKeys>) -> bool {
        self.state.lock().keys.as_ref().is_some_and(|(current, _)| Arc::ptr_eq(current, keys))
    }

    /// Why the last attempt failed, if it did.
    pub fn last_error(&self) -> Option<Arc<str>> {
        self.state.lock().last_error.clone()
    }

    /// Waits until no fetch is under way.
    pub async fn settled(&self) {
        loop {
            let notified = self.settled.notified();
            if !self.state.lock().is_under_way {
                return;
            }
            notified.await;
        }
    }

    fn begin(self: &Arc<Self>, state: &mut State, now: u64) -> Refresh {
        state.is_under_way = true;
        Refresh { source: Arc::clone(self), now, is_done: false }
    }

    /// Sources that were first asked together are not refreshed together.
    fn fresh_for(&self) -> u64 {
        let spread = self.url.as_str().bytes().fold(0, |sum: u64, byte| sum * 31 % JITTER + u64::from(byte));
        FRESH - spread % JITTER
    }
}

impl Refresh {
    /// The source.
    pub fn source(&self) -> &Arc<IssuerSource> {
        &self.source
    }

    /// Hands in what was fetched, or why nothing was. Those who wait go on.
    pub fn finish(mut self, outcome: Result<IssuerKeys, String>) {
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Result<IssuerKeys, String>) {
        if std::mem::replace(&mut self.is_done, true) {
            return;
        }
        let mut state = self.source.state.lock();
        state.is_under_way = false;
        match outcome {
            Ok(keys) => {
                state.keys = Some((Arc::new(keys), self.now));
                state.failures = 0;
                state.paused_until = 0;
                state.last_error = None;
            }
            Err(error) => {
                let pause = FIRST_PAUSE << state.failures.min(6);
                state.failures += 1;
                state.paused_until = self.now + pause.min(PAUSE);
                state.last_error = Some(error.into());
            }
        }
        drop(state);
        self.source.settled.notify_waiters();
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        self.settle(Err("the fetch was given up".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Arc<IssuerSource> {
        let url = "https://a.example/.well-known/openid-configuration".parse().unwrap();
        Arc::new(IssuerSource::new(url, SourceKind::Metadata))
    }

    fn keys() -> Result<IssuerKeys, String> {
        Ok(IssuerKeys { issuer: "https://a.example".into(), keys: KeySet::default() })
    }

    #[test]
    fn one_fetches_and_the_others_see_that_it_does() {
        let source = source();
        let first = source.look_up(0);
        assert!(first.keys.is_none() && first.is_under_way);
        let second = source.look_up(0);
        assert!(second.refresh.is_none() && second.is_under_way);
        first.refresh.unwrap().finish(keys());
        let third = source.look_up(1);
        assert!(third.keys.is_some() && third.refresh.is_none() && !third.is_under_way);
    }

    #[test]
    fn keys_are_fetched_anew_after_an_hour_and_kept_while_that_fails() {
        let source = source();
        source.look_up(0).refresh.unwrap().finish(keys());
        assert!(source.look_up(FRESH - JITTER - 1).refresh.is_none());
        let due = source.look_up(FRESH);
        assert!(due.keys.is_some());
        due.refresh.unwrap().finish(Err("down".into()));
        assert_eq!(source.last_error().as_deref(), Some("down"));
        let paused = source.look_up(FRESH + FIRST_PAUSE - 1);
        assert!(paused.keys.is_some() && paused.refresh.is_none());
        let again = source.look_up(FRESH + FIRST_PAUSE);
        drop(again.refresh.unwrap());
        assert!(source.look_up(FRESH + FIRST_PAUSE + 9).refresh.is_none(), "the pause doubles");
        assert!(source.look_up(KEPT - 1).keys.is_some());
        assert!(source.look_up(KEPT).keys.is_none());
    }

    #[test]
    fn pauses_end_at_five_minutes() {
        let source = source();
        let mut now = 0;
        let mut attempts = 0;
        while now < 24 * 3600 {
            if let Some(refresh) = source.look_up(now).refresh {
                attempts += 1;
                refresh.finish(Err("down".into()));
            }
            now += 1;
        }
        assert!((24 * 12..24 * 12 + 12).contains(&attempts), "{attempts}");
    }

    #[test]
    fn unknown_keys_are_asked_for_once_in_five_minutes() {
        let source = source();
        source.look_up(0).refresh.unwrap().finish(keys());
        let mut granted = 0;
        for now in 1..=3000 {
            if let Some(refresh) = source.look_up_unknown(now).refresh {
                granted += 1;
                refresh.finish(keys());
            }
        }
        assert_eq!(granted, 10);
    }

    #[test]
    fn new_keys_take_the_place_of_old_ones() {
        let source = source();
        source.look_up(0).refresh.unwrap().finish(keys());
        let old = source.look_up(1).keys.unwrap();
        assert!(source.is_current(&old));
        source.look_up_unknown(2).refresh.unwrap().finish(keys());
        assert!(!source.is_current(&old));
    }
}
