//! The tables, and how each version of them comes from the one before.

use rusqlite::{Connection, Transaction};

/// Marks the file as a database of Gatehouse (`GATE`; <https://sqlite.org/pragma.html#pragma_application_id>).
pub(super) const APPLICATION_ID: u32 = 0x4741_5445;

/// Each entry brings the tables from the version of its index to the next. Entries are only ever appended:
/// a released one is never changed.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE instance (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL,
        key_check BLOB NOT NULL CHECK (length(key_check) = 32)
    ) STRICT;

    -- The service's own resources have the workspace ''.
    CREATE TABLE subscriptions (
        id INTEGER PRIMARY KEY,
        workspace TEXT NOT NULL,
        name TEXT NOT NULL CHECK (name <> ''),
        display_name TEXT NOT NULL,
        scope TEXT NOT NULL,
        owner TEXT,
        state TEXT NOT NULL,
        allow_tracing INTEGER NOT NULL CHECK (allow_tracing IN (0, 1)),
        created INTEGER NOT NULL,
        started INTEGER,
        expires INTEGER,
        origin TEXT NOT NULL,
        UNIQUE (workspace, name)
    ) STRICT;

    -- One table for both kinds of key, so that no key opens two subscriptions.
    CREATE TABLE subscription_keys (
        hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
        subscription INTEGER NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
        kind TEXT NOT NULL CHECK (kind IN ('primary', 'secondary')),
        UNIQUE (subscription, kind)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE secrets (
        workspace TEXT NOT NULL,
        name TEXT NOT NULL CHECK (name <> ''),
        sealed BLOB NOT NULL,
        PRIMARY KEY (workspace, name)
    ) STRICT, WITHOUT ROWID;
"];

/// The version that this release writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The version of the tables in a database; 0: none.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the tables from `version` up to date.
pub(super) fn migrate(transaction: &Transaction<'_>, version: u32) -> rusqlite::Result<()> {
    for migration in MIGRATIONS.iter().skip(version as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)
}
