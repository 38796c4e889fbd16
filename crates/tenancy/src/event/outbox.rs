//! The outboxes: the table `audit_outbox` in the catalog and in each tenant's database.

use platform::sql::{Connection, SqlError, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{error::Result, event::Entry};

/// The maximum number of entries that one flush moves.
const MOST: i64 = 100;
/// The size of the largest entry that is read, in bytes. An event has a few hundred bytes.
const LARGEST: i32 = 256 * 1024;

/// Returns the CTE `recorded`, which adds an entry to the outbox if the earlier CTE `changed` has a row. Its parameters
/// are those of [`bindings`].
pub(crate) fn recorded_if(changed: &str) -> String {
    format!(
        "recorded AS (
            INSERT INTO audit_outbox (id, tenant_id, entry)
            SELECT :entry_id::uuid, :entry_tenant::uuid, :entry::jsonb FROM {changed} LIMIT 1
        )"
    )
}

/// Returns the parameters of a [`Statement`] that adds an entry to the outbox: `:entry_id`, `:entry_tenant` and
/// `:entry`.
///
/// [`Statement`]: platform::sql::Statement
pub(crate) fn bindings(entry: &Entry) -> [(&'static str, Value); 3] {
    let [id, tenant, json] = parameters(entry);
    [("entry_id", id), ("entry_tenant", tenant), ("entry", json)]
}

fn parameters(entry: &Entry) -> [Value; 3] {
    [entry.id.into(), entry.tenant.into(), entry.json.clone().into()]
}

/// Adds an entry to the outbox in a separate statement.
pub(crate) async fn insert(connection: &dyn Connection, entry: &Entry) -> Result<()> {
    let statement = "INSERT INTO audit_outbox (id, tenant_id, entry) VALUES ($1, $2, $3)";
    connection.execute(statement, &parameters(entry)).await?;
    Ok(())
}

/// A row of an outbox.
pub(crate) struct Waiting {
    pub(crate) id: Uuid,
    /// The chain that the row names.
    pub(crate) tenant: Option<Uuid>,
    /// The entry; `None` for a row that is larger than any event.
    pub(crate) entry: Option<Json>,
    /// When it was written; `None` in a database that `tenantctl migrate` has not updated yet.
    pub(crate) written_at: Option<String>,
}

/// The rows of an outbox to list.
pub(crate) enum Rows {
    /// The rows that name this chain.
    Of(Option<Uuid>),
    /// All rows.
    All,
}

/// Returns the oldest rows of an outbox.
pub(crate) async fn list(connection: &dyn Connection, rows: Rows) -> Result<Vec<Waiting>> {
    let (is_all, chain) = match rows {
        Rows::Of(chain) => (false, chain),
        Rows::All => (true, None),
    };
    // `to_jsonb` reads a column that a database may not have yet.
    let statement = "
        SELECT id, tenant_id, CASE WHEN octet_length(entry::text) <= $1 THEN entry END AS entry,
               to_jsonb(audit_outbox) ->> 'written_at' AS written_at
        FROM audit_outbox WHERE $2 OR tenant_id IS NOT DISTINCT FROM $3 ORDER BY id LIMIT $4";
    let parameters = [LARGEST.into(), is_all.into(), chain.into(), MOST.into()];
    let rows = connection.query(statement, &parameters).await?;
    let waiting = rows.iter().map(|row| {
        Ok(Waiting {
            id: row.get("id")?,
            tenant: row.get("tenant_id")?,
            // A value that no Rust type can hold is not an event.
            entry: row.get("entry").unwrap_or_default(),
            written_at: row.get("written_at")?,
        })
    });
    Ok(waiting.collect::<Result<_, SqlError>>()?)
}

/// Deletes entries from the outbox of a tenant's database, and returns the number of deleted entries.
pub(crate) async fn delete(connection: &dyn Connection, ids: &[Uuid]) -> Result<u64> {
    let statement = "DELETE FROM audit_outbox WHERE id = ANY($1::text[]::uuid[])";
    Ok(connection.execute(statement, &[texts(ids).into()]).await?)
}

/// Returns the chains that have entries in the catalog's outbox.
pub(crate) async fn chains(catalog: &dyn Connection) -> Result<Vec<Option<Uuid>>> {
    let rows = catalog.query("SELECT DISTINCT tenant_id FROM audit_outbox", &[]).await?;
    Ok(rows.iter().map(|row| row.get("tenant_id")).collect::<Result<_, SqlError>>()?)
}

/// Returns the number of entries in this outbox.
pub(crate) async fn count(connection: &dyn Connection) -> Result<i64> {
    let row = connection.query_first("SELECT count(*) AS n FROM audit_outbox", &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("n"))?)
}

pub(crate) fn texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}
