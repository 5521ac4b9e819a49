//! The store in an `SQLite` file.

mod open;
mod schema;
mod secrets;
mod subscriptions;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gatehouse_model::resources::SubscriptionState;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use secrecy::SecretString;

use crate::{
    KeyHash, KeyKind, MasterKey, Revision, Sealer, Store, StoreError, SubscriptionId, SubscriptionRecord,
};

/// A database in one file (with its `-wal` and `-shm` beside it while it is open), in write-ahead mode with
/// `synchronous=FULL`: what was acknowledged is on the disk. Several processes may have it open at once.
pub struct Sqlite {
    connection: Mutex<Connection>,
    path: PathBuf,
    sealer: Sealer,
}

impl Sqlite {
    /// Opens the database; makes the file (mode 0600), its folder (mode 0700) and its tables when they do not
    /// exist, and brings the tables of an earlier release up to date.
    ///
    /// A file of another program, of a later release, of another master key or with damage is refused and
    /// left as it is.
    pub fn open(path: &Path, master: &MasterKey) -> Result<Self, StoreError> {
        let connection = open::open(path, master)?;
        Ok(Self {
            connection: Mutex::new(connection),
            path: path.to_owned(),
            sealer: master.sealer().clone(),
        })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StoreError> {
        read(&self.connection.lock()).map_err(|failure| failure.at(&self.path))
    }

    /// Runs one transaction, with the revision raised in it.
    fn write<T>(&self, write: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, StoreError> {
        let mut connection = self.connection.lock();
        let run = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = write(&transaction)?;
            transaction.execute("UPDATE instance SET revision = revision + 1", ())?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|failure: Failure| failure.at(&self.path))
    }
}

impl Store for Sqlite {
    fn schema_version(&self) -> Result<u32, StoreError> {
        self.read(|connection| Ok(schema::version(connection)?))
    }

    fn revision(&self) -> Result<Revision, StoreError> {
        self.read(|connection| {
            let revision: i64 = connection
                .prepare_cached("SELECT revision FROM instance")?
                .query_row((), |row| row.get(0))?;
            Ok(Revision(revision.cast_unsigned()))
        })
    }

    fn create_subscriptions(&self, records: &[SubscriptionRecord]) -> Result<(), StoreError> {
        self.write(|transaction| {
            records.iter().try_for_each(|record| subscriptions::create(transaction, record))
        })
    }

    fn subscriptions(&self) -> Result<Vec<SubscriptionRecord>, StoreError> {
        self.read(subscriptions::all)
    }

    fn subscription(&self, id: &SubscriptionId) -> Result<Option<SubscriptionRecord>, StoreError> {
        self.read(|connection| subscriptions::one(connection, id))
    }

    fn set_subscription_state(
        &self,
        id: &SubscriptionId,
        state: SubscriptionState,
    ) -> Result<(), StoreError> {
        self.write(|transaction| subscriptions::set_state(transaction, id, state))
    }

    fn replace_key(&self, id: &SubscriptionId, kind: KeyKind, key: &KeyHash) -> Result<(), StoreError> {
        self.write(|transaction| subscriptions::replace_key(transaction, id, kind, key))
    }

    fn delete_subscription(&self, id: &SubscriptionId) -> Result<(), StoreError> {
        self.write(|transaction| subscriptions::delete(transaction, id))
    }

    fn put_secret(
        &self,
        workspace: Option<&str>,
        name: &str,
        value: &SecretString,
    ) -> Result<(), StoreError> {
        let sealed = self
            .sealer
            .seal(workspace, name, value)
            .map_err(|error| StoreError::Secret { name: name.to_owned(), error })?;
        self.write(|transaction| secrets::put(transaction, workspace, name, &sealed))
    }

    fn secret(&self, workspace: Option<&str>, name: &str) -> Result<Option<SecretString>, StoreError> {
        let Some(sealed) = self.read(|connection| secrets::get(connection, workspace, name))? else {
            return Ok(None);
        };
        self.sealer
            .open(workspace, name, &sealed)
            .map(Some)
            .map_err(|error| StoreError::Secret { name: name.to_owned(), error })
    }

    fn secret_names(&self) -> Result<Vec<(Option<String>, String)>, StoreError> {
        self.read(secrets::names)
    }

    fn delete_secret(&self, workspace: Option<&str>, name: &str) -> Result<bool, StoreError> {
        self.write(|transaction| secrets::delete(transaction, workspace, name))
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What goes wrong inside one call, before the file's name is added.
enum Failure {
    Engine(rusqlite::Error),
    Store(StoreError),
    Unreadable { what: String, found: String },
}

impl Failure {
    fn at(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Engine(error) => engine_error(path, &error),
            Self::Store(error) => error,
            Self::Unreadable { what, found } => StoreError::Unreadable { path, what, found },
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn engine_error(path: PathBuf, error: &rusqlite::Error) -> StoreError {
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Busy { path, waited_seconds: BUSY_TIMEOUT.as_secs() }
        }
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt { path, detail },
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path, detail },
        _ => StoreError::Engine { path, detail },
    }
}

#[cfg(test)]
mod tests;
