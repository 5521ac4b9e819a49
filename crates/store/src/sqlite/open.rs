//! Opening: what must hold before the first statement may change the file.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use subtle::ConstantTimeEq as _;

use super::{BUSY_TIMEOUT, Failure, schema};
use crate::{MasterKey, StoreError};

pub(super) fn open(path: &Path, master: &MasterKey) -> Result<Connection, StoreError> {
    make_file(path).map_err(|error| StoreError::Io { path: path.to_owned(), error })?;
    let open = || {
        // A read-only look first: opening for writing may already change a file that must be refused.
        let mut reader = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        // One state of the file: another process may be making its tables between two statements.
        let state = reader.transaction()?;
        if inspect(&state, path, master)? > 0 {
            check_pages(&state, path)?;
        }
        drop(state);
        drop(reader);
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare(&mut connection, path, master)?;
        Ok(connection)
    };
    open().map_err(|failure: Failure| failure.at(path))
}

/// Makes the folder, and the file with its mode before the engine would make it with another.
fn make_file(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, Failure> {
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // The file may come from a backup that somebody else touched: nothing in it is trusted to run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Refuses what is not this release's and this master key's own; returns the version of the tables.
fn inspect(connection: &Connection, path: &Path, master: &MasterKey) -> Result<u32, Failure> {
    let found = schema::version(connection)?;
    let application: u32 =
        connection.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0))?.cast_unsigned();
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    let foreign = |detail: String| StoreError::Foreign { path: path.to_owned(), detail };

    if application == 0 && found == 0 && tables == 0 {
        return Ok(0);
    }
    if application != schema::APPLICATION_ID {
        return Err(foreign(format!(
            "its application id is {application:#010x} instead of {:#010x}",
            schema::APPLICATION_ID
        ))
        .into());
    }
    if found > schema::VERSION {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found, known: schema::VERSION }.into());
    }
    let check: Vec<u8> = connection.query_row("SELECT key_check FROM instance", (), |row| row.get(0))?;
    if !bool::from(check.ct_eq(master.check_value())) {
        return Err(StoreError::WrongMasterKey { path: path.to_owned() }.into());
    }
    Ok(found)
}

/// Looks for damage in every page.
fn check_pages(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let report: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
    if report != "ok" {
        return Err(StoreError::Corrupt { path: path.to_owned(), detail: report }.into());
    }
    Ok(())
}

fn prepare(connection: &mut Connection, path: &Path, master: &MasterKey) -> Result<(), Failure> {
    write_ahead(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been here since the first look.
    let version = inspect(&transaction, path, master)?;
    if version < schema::VERSION {
        schema::migrate(&transaction, version)?;
        transaction.execute(
            "INSERT INTO instance (id, revision, key_check) VALUES (1, 0, ?1) ON CONFLICT DO NOTHING",
            [master.check_value()],
        )?;
        transaction.commit()?;
    }
    Ok(())
}

/// Switches to write-ahead mode. The engine does not wait for a lock here by itself.
fn write_ahead(connection: &Connection) -> Result<(), Failure> {
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
    let mut tries = BUSY_TIMEOUT.as_millis() / PAUSE.as_millis();
    loop {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(Failure::Unreadable { what: "the journal mode".to_owned(), found: mode });
            }
            Err(error) if tries > 0 && error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                tries -= 1;
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
