//! Where tokens of connections outlive the process: the store, on a thread of its own, so that no request waits on the way
//! of another for the disk.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use gatehouse_identity::authorization::{KeeperError, TokenKeeper};
use gatehouse_store::{Sealer, Store};
use secrecy::SecretString;
use tokio::sync::oneshot;

/// How many may wait for the disk.
const QUEUE: usize = 1024;
/// What links through a browser are sealed for: no secret of the store has this name.
const LINK: &str = "authorization/link";

enum Job {
    Load(String, oneshot::Sender<Result<Option<SecretString>, KeeperError>>),
    Save(String, SecretString, oneshot::Sender<Result<(), KeeperError>>),
}

/// Tokens in the store.
pub(crate) struct StoredTokens {
    jobs: SyncSender<Job>,
    sealer: Sealer,
}

impl StoredTokens {
    /// Starts the thread; it ends when this is dropped.
    pub(crate) fn start(store: Arc<dyn Store>, sealer: Sealer) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(QUEUE);
        std::thread::Builder::new().name("tokens".to_owned()).spawn(move || {
            for job in waiting {
                // Who has asked may be gone.
                match job {
                    Job::Load(name, answer) => {
                        let _ = answer.send(store.secret(None, &name).map_err(|error| told(&error)));
                    }
                    Job::Save(name, text, answer) => {
                        let _ =
                            answer.send(store.put_secret(None, &name, &text).map_err(|error| told(&error)));
                    }
                }
            }
        })?;
        Ok(Self { jobs, sealer })
    }

    fn ask<T: Send + 'static>(
        &self,
        job: Job,
        answer: oneshot::Receiver<Result<T, KeeperError>>,
    ) -> BoxFuture<'static, Result<T, KeeperError>> {
        if self.jobs.try_send(job).is_err() {
            return std::future::ready(Err(KeeperError("too much waits for it".to_owned()))).boxed();
        }
        async move { answer.await.unwrap_or_else(|_| Err(KeeperError("it has gone".to_owned()))) }.boxed()
    }
}

fn told(error: &gatehouse_store::StoreError) -> KeeperError {
    KeeperError(error.to_string())
}

impl TokenKeeper for StoredTokens {
    fn load(&self, name: String) -> BoxFuture<'static, Result<Option<SecretString>, KeeperError>> {
        let (answer, outcome) = oneshot::channel();
        self.ask(Job::Load(name, answer), outcome)
    }

    fn save(&self, name: String, text: SecretString) -> BoxFuture<'static, Result<(), KeeperError>> {
        let (answer, outcome) = oneshot::channel();
        self.ask(Job::Save(name, text, answer), outcome)
    }

    fn seal(&self, text: &SecretString) -> Option<Vec<u8>> {
        self.sealer.seal(None, LINK, text).ok()
    }

    fn open(&self, sealed: &[u8]) -> Option<SecretString> {
        self.sealer.open(None, LINK, sealed).ok()
    }
}
