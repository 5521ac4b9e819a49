//! The `store` block.

use std::path::PathBuf;

use crate::Located;

/// What outlives the process, and where counters live.
#[derive(Clone, Debug)]
pub struct Store {
    /// The database.
    pub database: Database,
    /// Rate limits, quotas and caches.
    pub counters: Counters,
    /// The key that secrets at rest are encrypted and subscription keys are hashed with.
    pub key: MasterKey,
}

/// The database.
#[derive(Clone, Debug)]
pub enum Database {
    /// An `SQLite` file.
    Sqlite(Located<PathBuf>),
}

/// Where counters live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// In this process.
    Memory,
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum MasterKey {
    /// A file with 32 bytes or their base64; made with mode 0600 when it does not exist.
    File(Located<PathBuf>),
}
