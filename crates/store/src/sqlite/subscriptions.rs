//! Rows of subscriptions and their keys.

use gatehouse_model::resources::{Scope, SubscriptionState};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, Transaction, params};

use super::Failure;
use crate::{KeyHash, KeyKind, Origin, StoreError, SubscriptionId, SubscriptionRecord};

pub(super) fn create(transaction: &Transaction<'_>, record: &SubscriptionRecord) -> Result<(), Failure> {
    let id = &record.id;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO subscriptions (workspace, name, display_name, scope, owner, state, allow_tracing,
                                    created, started, expires, origin)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (workspace, name) DO NOTHING",
    )?;
    let inserted = statement.execute(params![
        id.workspace.as_deref().unwrap_or_default(),
        id.name,
        record.display_name,
        record.scope.to_string(),
        record.owner,
        record.state.as_str(),
        record.allow_tracing,
        record.created,
        record.started,
        record.expires,
        record.origin.as_str(),
    ])?;
    if inserted == 0 {
        return Err(StoreError::SubscriptionExists(id.clone()).into());
    }
    let row = transaction.last_insert_rowid();
    insert_key(transaction, row, id, KeyKind::Primary, &record.primary)?;
    insert_key(transaction, row, id, KeyKind::Secondary, &record.secondary)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<SubscriptionRecord>, Failure> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} ORDER BY s.workspace, s.name"))?;
    let mut rows = statement.query(())?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(read(row)?);
    }
    Ok(records)
}

pub(super) fn one(
    connection: &Connection,
    id: &SubscriptionId,
) -> Result<Option<SubscriptionRecord>, Failure> {
    let mut statement =
        connection.prepare_cached(&format!("{SELECT} WHERE s.workspace = ?1 AND s.name = ?2"))?;
    let mut rows = statement.query((id.workspace.as_deref().unwrap_or_default(), &id.name))?;
    rows.next()?.map(read).transpose()
}

pub(super) fn set_state(
    transaction: &Transaction<'_>,
    id: &SubscriptionId,
    state: SubscriptionState,
) -> Result<(), Failure> {
    let row = row_of(transaction, id)?;
    transaction.execute("UPDATE subscriptions SET state = ?1 WHERE id = ?2", (state.as_str(), row))?;
    Ok(())
}

pub(super) fn replace_key(
    transaction: &Transaction<'_>,
    id: &SubscriptionId,
    kind: KeyKind,
    key: &KeyHash,
) -> Result<(), Failure> {
    let row = row_of(transaction, id)?;
    transaction.execute(
        "DELETE FROM subscription_keys WHERE subscription = ?1 AND kind = ?2",
        (row, kind.as_str()),
    )?;
    insert_key(transaction, row, id, kind, key)
}

pub(super) fn delete(transaction: &Transaction<'_>, id: &SubscriptionId) -> Result<(), Failure> {
    let row = row_of(transaction, id)?;
    transaction.execute("DELETE FROM subscriptions WHERE id = ?1", [row])?;
    Ok(())
}

const SELECT: &str = "
    SELECT s.workspace, s.name, s.display_name, s.scope, s.owner, s.state, s.allow_tracing,
           s.created, s.started, s.expires, s.origin, one.hash, two.hash
    FROM subscriptions s
    JOIN subscription_keys one ON one.subscription = s.id AND one.kind = 'primary'
    JOIN subscription_keys two ON two.subscription = s.id AND two.kind = 'secondary'";

fn row_of(connection: &Connection, id: &SubscriptionId) -> Result<i64, Failure> {
    connection
        .query_row(
            "SELECT id FROM subscriptions WHERE workspace = ?1 AND name = ?2",
            (id.workspace.as_deref().unwrap_or_default(), &id.name),
            |row| row.get(0),
        )
        .optional()?
        .ok_or_else(|| StoreError::NoSubscription(id.clone()).into())
}

fn insert_key(
    transaction: &Transaction<'_>,
    row: i64,
    id: &SubscriptionId,
    kind: KeyKind,
    key: &KeyHash,
) -> Result<(), Failure> {
    let inserted = transaction
        .prepare_cached("INSERT INTO subscription_keys (hash, subscription, kind) VALUES (?1, ?2, ?3)")?
        .execute((key.as_bytes(), row, kind.as_str()));
    match inserted {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Err(StoreError::KeyInUse { id: id.clone(), kind }.into())
        }
        inserted => inserted.map(drop).map_err(Failure::from),
    }
}

fn read(row: &Row<'_>) -> Result<SubscriptionRecord, Failure> {
    let workspace: String = row.get(0)?;
    let id = SubscriptionId { workspace: (!workspace.is_empty()).then_some(workspace), name: row.get(1)? };
    let text = |column: usize, what: &str, id: &SubscriptionId| {
        let found: String = row.get(column)?;
        Ok::<_, Failure>((format!("the {what} of subscription '{id}'"), found))
    };
    let (what, found) = text(3, "scope", &id)?;
    let scope = Scope::parse(&found).ok_or(Failure::Unreadable { what, found })?;
    let (what, found) = text(5, "state", &id)?;
    let state = SubscriptionState::parse(&found).ok_or(Failure::Unreadable { what, found })?;
    let (what, found) = text(10, "origin", &id)?;
    let origin = Origin::parse(&found).ok_or(Failure::Unreadable { what, found })?;
    Ok(SubscriptionRecord {
        id,
        display_name: row.get(2)?,
        scope,
        owner: row.get(4)?,
        state,
        allow_tracing: row.get(6)?,
        created: row.get(7)?,
        started: row.get(8)?,
        expires: row.get(9)?,
        origin,
        primary: KeyHash::from_bytes(row.get(11)?),
        secondary: KeyHash::from_bytes(row.get(12)?),
    })
}
