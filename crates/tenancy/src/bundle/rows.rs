//! The rows of the catalog in a bundle, as JSON.
//!
//! Values that are sealed with the master key are left out: the bundle has the data keys, and the password of the
//! database role is new after an import. Idempotency keys, reports of usage and database credentials live for a day at
//! most and belong to one installation, so they are left out, too.

use platform::sql::{Connection, identifier};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{
    context::Context,
    error::{Error, Result},
};

/// The tables before the database in a bundle, with the selection of a tenant's rows.
pub const TABLES: &[(&str, &str)] = &[
    ("plans", "name = (SELECT plan FROM tenants WHERE id = $1)"),
    ("tenants", "id = $1"),
    ("tenant_domains", "tenant_id = $1"),
    ("tenant_api_keys", "tenant_id = $1"),
    ("api_key_usage", "api_key_id IN (SELECT id FROM tenant_api_keys WHERE tenant_id = $1)"),
    ("tenant_usage", "tenant_id = $1"),
    ("app_migration_states", "tenant_id = $1"),
    ("tenant_audit_anchors", "chain = $1"),
    ("audit_anchored_heads", "chain = $1"),
];
/// The table with the trail, which follows the files in a bundle.
pub const TRAIL: &str = "tenant_audit_logs";
/// The number of rows of the trail in one piece.
const PAGE: i64 = 500;
/// The columns that are sealed or belong to one installation.
const LEFT_OUT: [&str; 10] = [
    "database_host",
    "database_port",
    "database_name",
    "database_options",
    "database_role",
    "database_password",
    "next_database_password",
    "data_key",
    "request_hash",
    "seal",
];

/// Begins a transaction that sees one moment of the catalog.
pub async fn begin_snapshot(context: &Context) -> Result<Box<dyn Connection>> {
    let catalog = context.catalog_within(platform::sql::SCHEMA_DEADLINE).await?;
    catalog.execute("SET idle_session_timeout = 0", &[]).await?;
    catalog.execute("SET idle_in_transaction_session_timeout = 0", &[]).await?;
    catalog.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &[]).await?;
    Ok(catalog)
}

/// Checks that a connection still is in the transaction of [`begin_snapshot`]. A connection that broke is opened again
/// without the transaction.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn check_snapshot(catalog: &dyn Connection) -> Result<()> {
    let statement = "SELECT current_setting('transaction_isolation') AS level";
    let row = catalog.query_first(statement, &[]).await?;
    let level: String = row.map_or(Ok(String::new()), |row| row.get("level"))?;
    if level == "repeatable read" {
        return Ok(());
    }
    Err(Error::unavailable("the connection to the catalog broke during the export; repeat it"))
}

/// Returns the rows of a tenant in one of [`TABLES`].
pub async fn read(catalog: &dyn Connection, table: &str, tenant: Uuid) -> Result<Vec<Json>> {
    let selection = TABLES.iter().find(|known| known.0 == table).map(|known| known.1);
    let selection = selection.ok_or_else(|| Error::internal("a bundle has no such table"))?;
    let statement =
        format!("SELECT to_jsonb(r) AS row FROM {table} r WHERE {selection} ORDER BY 1");
    let rows = catalog.query(&statement, &[tenant.into()]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let mut row: Json = row.get("row")?;
        if let Some(members) = row.as_object_mut() {
            members.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
        }
        found.push(row);
    }
    Ok(found)
}

/// Returns the next rows of a tenant's trail, and the last place among them.
pub async fn read_trail(
    catalog: &dyn Connection,
    tenant: Uuid,
    after: i64,
) -> Result<Option<(Vec<Json>, i64)>> {
    let statement = "SELECT sequence, to_jsonb(r) AS row FROM tenant_audit_logs r
                     WHERE tenant_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
    let rows = catalog.query(statement, &[tenant.into(), after.into(), PAGE.into()]).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let last = last.get("sequence")?;
    let rows = rows.iter().map(|row| Ok(row.get("row")?)).collect::<Result<_>>()?;
    Ok(Some((rows, last)))
}

/// Inserts rows of a bundle. Rows that exist are kept. Returns the number of inserted rows.
///
/// # Errors
/// [`Error::Internal`] for a table that is not part of a bundle, or a row that the table refuses.
pub async fn insert(catalog: &dyn Connection, table: &str, rows: &[Json]) -> Result<u64> {
    if table != "audit_imported_links" && TABLES.iter().all(|known| known.0 != table) {
        return Err(Error::internal(format!("a bundle has no table {table}")));
    }
    let Some(columns) = rows.first().and_then(Json::as_object).map(columns) else { return Ok(0) };
    let statement = format!(
        "INSERT INTO {table} ({columns})
         SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, $1) ON CONFLICT DO NOTHING"
    );
    Ok(catalog.execute(&statement, &[Json::Array(rows.to_vec()).into()]).await?)
}

/// Returns the names of the columns of a row, quoted.
pub(super) fn columns(row: &Map<String, Json>) -> String {
    row.keys().map(|name| identifier(name)).collect::<Vec<_>>().join(", ")
}
