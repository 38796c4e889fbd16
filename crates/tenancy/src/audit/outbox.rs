//! The outboxes: `audit_outbox` in the catalog and in each tenant's database.

use serde_json::Value as Json;
use uuid::Uuid;

use super::Entry;
use crate::{
    error::Result,
    platform::sql::{Connection, SqlError, Value},
};

/// The most entries that one turn moves.
const MOST: i64 = 100;

/// A part of a statement that puts an entry into the outbox if `changed`, an earlier part, has a
/// row. It takes three parameters, from the number `first` on: those of [`parameters`].
pub(crate) fn noted(changed: &str, first: usize) -> String {
    format!(
        "noted AS (
            INSERT INTO audit_outbox (id, tenant_id, entry)
            SELECT ${}::uuid, ${}::uuid, ${}::jsonb FROM {changed} LIMIT 1
        )",
        first,
        first + 1,
        first + 2
    )
}

/// The parameters of [`noted`].
pub(crate) fn parameters(entry: &Entry) -> [Value; 3] {
    [entry.id.into(), entry.tenant.into(), entry.json.clone().into()]
}

/// Puts an entry into the outbox by itself.
pub(super) async fn insert(connection: &dyn Connection, entry: &Entry) -> Result<()> {
    let statement = "INSERT INTO audit_outbox (id, tenant_id, entry) VALUES ($1, $2, $3)";
    connection.execute(statement, &parameters(entry)).await?;
    Ok(())
}

/// The oldest entries of a chain in this outbox.
pub(super) async fn list(
    connection: &dyn Connection,
    tenant: Option<Uuid>,
) -> Result<Vec<(Uuid, Json)>> {
    let statement = "SELECT id, entry FROM audit_outbox WHERE tenant_id IS NOT DISTINCT FROM $1
                     ORDER BY id LIMIT $2";
    let rows = connection.query(statement, &[tenant.into(), MOST.into()]).await?;
    let entries = rows.iter().map(|row| Ok((row.get("id")?, row.get("entry")?)));
    Ok(entries.collect::<Result<_, SqlError>>()?)
}

/// Takes entries out of the outbox of a tenant's database.
pub(super) async fn delete(connection: &dyn Connection, ids: &[Uuid]) -> Result<()> {
    let statement = "DELETE FROM audit_outbox WHERE id = ANY($1::text[]::uuid[])";
    connection.execute(statement, &[texts(ids).into()]).await?;
    Ok(())
}

/// The chains that have something in the catalog's outbox.
pub(super) async fn chains(catalog: &dyn Connection) -> Result<Vec<Option<Uuid>>> {
    let rows = catalog.query("SELECT DISTINCT tenant_id FROM audit_outbox", &[]).await?;
    Ok(rows.iter().map(|row| row.get("tenant_id")).collect::<Result<_, SqlError>>()?)
}

/// Returns how many entries wait in this outbox.
pub(super) async fn count(connection: &dyn Connection) -> Result<i64> {
    let row = connection.query_first("SELECT count(*) AS n FROM audit_outbox", &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("n"))?)
}

pub(super) fn texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}
