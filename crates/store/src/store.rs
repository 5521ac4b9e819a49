//! The trait that every database implements.

use std::path::PathBuf;

use gatehouse_model::resources::SubscriptionState;
use secrecy::SecretString;

use crate::{KeyHash, KeyKind, SealError, SubscriptionId, SubscriptionRecord};

/// What must outlive the process.
///
/// A method that returns `Ok` has made its change durable: it is there after a crash of the process or of the
/// machine. A method that returns an error has changed nothing. All methods block on the database; call them
/// from a blocking thread, never on the way of a request.
pub trait Store: Send + Sync {
    /// The version of the schema in the database.
    fn schema_version(&self) -> Result<u32, StoreError>;

    /// A number that grows with every committed change, by this process or another; cheap enough to ask for
    /// every second.
    fn revision(&self) -> Result<Revision, StoreError>;

    /// Adds subscriptions with the hashes of both their keys: all of them, or none.
    ///
    /// Fails with [`StoreError::SubscriptionExists`] or [`StoreError::KeyInUse`].
    fn create_subscriptions(&self, records: &[SubscriptionRecord]) -> Result<(), StoreError>;

    /// Adds one subscription.
    fn create_subscription(&self, record: &SubscriptionRecord) -> Result<(), StoreError> {
        self.create_subscriptions(std::slice::from_ref(record))
    }

    /// Every subscription, ordered by workspace (the service's own first) and name.
    fn subscriptions(&self) -> Result<Vec<SubscriptionRecord>, StoreError>;

    /// One subscription.
    fn subscription(&self, id: &SubscriptionId) -> Result<Option<SubscriptionRecord>, StoreError>;

    /// Sets a subscription's state. Fails with [`StoreError::NoSubscription`].
    fn set_subscription_state(&self, id: &SubscriptionId, state: SubscriptionState)
    -> Result<(), StoreError>;

    /// Puts another key in the place of the primary or the secondary one, which opens nothing from then on.
    /// Fails with [`StoreError::NoSubscription`] or [`StoreError::KeyInUse`].
    fn replace_key(&self, id: &SubscriptionId, kind: KeyKind, key: &KeyHash) -> Result<(), StoreError>;

    /// Removes a subscription and its keys. Fails with [`StoreError::NoSubscription`].
    fn delete_subscription(&self, id: &SubscriptionId) -> Result<(), StoreError>;

    /// Keeps the value of a secret named value, encrypted, in the place of an earlier one.
    /// `workspace` is `None` for a named value of the service.
    fn put_secret(&self, workspace: Option<&str>, name: &str, value: &SecretString)
    -> Result<(), StoreError>;

    /// The value of a secret named value.
    fn secret(&self, workspace: Option<&str>, name: &str) -> Result<Option<SecretString>, StoreError>;

    /// Workspace and name of every secret, in order; never a value.
    fn secret_names(&self) -> Result<Vec<(Option<String>, String)>, StoreError>;

    /// Forgets a secret; `false` when there was none.
    fn delete_secret(&self, workspace: Option<&str>, name: &str) -> Result<bool, StoreError>;
}

/// A number that grows with every committed change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the database for longer than the store waits.
    #[error("database {}: another process kept it locked for {waited_seconds} s", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long the store waited.
        waited_seconds: u64,
    },
    /// The file is damaged.
    #[error("database {} is damaged: {detail}; restore it from a backup", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the database engine found.
        detail: String,
    },
    /// The database engine failed: disk full, no permission, read-only file system.
    #[error("database {}: {detail}", path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// The engine's message.
        detail: String,
    },
    /// The file is no database, or that of another program.
    #[error("{} is not a database of Gatehouse: {detail}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What gives it away.
        detail: String,
    },
    /// The file or its folder cannot be made or opened.
    #[error("database {}: {error}", path.display())]
    Io {
        /// The file or the folder.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The key is in use already, by this subscription or another.
    #[error("the {kind} key of subscription '{id}' is in use already; take another")]
    KeyInUse {
        /// The subscription that was to get the key.
        id: SubscriptionId,
        /// Which of its keys.
        kind: KeyKind,
    },
    /// A later release made the database.
    #[error(
        "database {} has schema version {found}, this release knows versions up to {known}; \
         run the release that made it, or a later one",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The database's version.
        found: u32,
        /// The highest version that this release knows.
        known: u32,
    },
    /// No such subscription.
    #[error("there is no subscription '{0}'")]
    NoSubscription(SubscriptionId),
    /// A row holds what this release never writes.
    #[error("database {}: {what} holds '{found}', which this release does not know", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Which field of which row.
        what: String,
        /// What stands there.
        found: String,
    },
    /// A secret cannot be encrypted or decrypted.
    #[error("secret '{name}': {error}")]
    Secret {
        /// The secret's name.
        name: String,
        /// Why.
        error: SealError,
    },
    /// A subscription of that name exists.
    #[error("there is a subscription '{0}' already")]
    SubscriptionExists(SubscriptionId),
    /// The database was made with another master key.
    #[error(
        "database {} was made with another master key: its subscription keys and secrets cannot be read \
         with this one; give the file named by `store.key` that was in use when the database was made",
        path.display()
    )]
    WrongMasterKey {
        /// The file.
        path: PathBuf,
    },
}
