//! Rows of sealed secrets.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::Failure;

pub(super) fn put(
    transaction: &Transaction<'_>,
    workspace: Option<&str>,
    name: &str,
    sealed: &[u8],
) -> Result<(), Failure> {
    transaction.execute(
        "INSERT INTO secrets (workspace, name, sealed) VALUES (?1, ?2, ?3)
         ON CONFLICT (workspace, name) DO UPDATE SET sealed = excluded.sealed",
        (workspace.unwrap_or_default(), name, sealed),
    )?;
    Ok(())
}

pub(super) fn get(
    connection: &Connection,
    workspace: Option<&str>,
    name: &str,
) -> Result<Option<Vec<u8>>, Failure> {
    let sealed = connection
        .query_row(
            "SELECT sealed FROM secrets WHERE workspace = ?1 AND name = ?2",
            (workspace.unwrap_or_default(), name),
            |row| row.get(0),
        )
        .optional()?;
    Ok(sealed)
}

pub(super) fn names(connection: &Connection) -> Result<Vec<(Option<String>, String)>, Failure> {
    let mut statement = connection.prepare("SELECT workspace, name FROM secrets ORDER BY workspace, name")?;
    let names = statement
        .query_map((), |row| {
            let workspace: String = row.get(0)?;
            Ok(((!workspace.is_empty()).then_some(workspace), row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(names)
}

pub(super) fn delete(
    transaction: &Transaction<'_>,
    workspace: Option<&str>,
    name: &str,
) -> Result<bool, Failure> {
    let deleted = transaction.execute(
        "DELETE FROM secrets WHERE workspace = ?1 AND name = ?2",
        (workspace.unwrap_or_default(), name),
    )?;
    Ok(deleted > 0)
}
