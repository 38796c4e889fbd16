//! Chunks of files whose tenant was destroyed by `tenantctl repair`.
//!
//! Only the service reaches the key-value store. So the command records the files in the catalog before it drops the
//! database that names them, and the service removes their chunks beside a later upload or hard delete. Nobody can
//! read them meanwhile: the tenant's data key is destroyed with the tenant.

use std::rc::Rc;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Remains, STALE_MINUTES, remove_chunks, repo};
use crate::{
    error::Result,
    log,
    platform::sql::Connection,
    tenancy::Tenancy,
    tenant::{TenantDb, TenantRecord},
};

/// The most files that one turn removes.
const AT_ONCE: i64 = 50;

/// Records every file of a tenant whose database is about to be dropped.
pub(crate) async fn record_all(tenancy: &Tenancy, tenant: &TenantRecord) -> Result<()> {
    record_uploads(tenancy, tenant).await?;
    let database = TenantDb::connect_to(tenancy, tenant).await?;
    let catalog = tenancy.catalog().await?;
    let mut after = Uuid::nil();
    loop {
        let page = repo::list_remains(&database, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.file;
        record(&*catalog, tenant.id, &page, 0).await?;
    }
}

/// Gives up the uploads of a tenant that is destroyed, and records them: one that is under way may write a chunk after
/// the chunks of all files were removed.
pub(crate) async fn record_uploads(tenancy: &Tenancy, tenant: &TenantRecord) -> Result<()> {
    let database = TenantDb::connect_to(tenancy, tenant).await?;
    let catalog = tenancy.catalog().await?;
    let uploads = repo::list_uploads(&database).await?;
    record(&*catalog, tenant.id, &uploads, STALE_MINUTES).await?;
    repo::abandon_all(&database).await
}

async fn record(
    catalog: &dyn Connection,
    tenant: Uuid,
    page: &[Remains],
    minutes: i64,
) -> Result<()> {
    let statement = "
        INSERT INTO orphaned_files (tenant_id, file_id, chunk_count, remove_after)
        SELECT $1, f.file, f.chunks, now() + make_interval(mins => $3::bigint::int)
        FROM jsonb_to_recordset($2) AS f (file uuid, chunks bigint)
        ON CONFLICT (tenant_id, file_id) DO UPDATE
        SET chunk_count = greatest(orphaned_files.chunk_count, excluded.chunk_count)";
    let files = page
        .iter()
        .map(|remains| json!({ "file": remains.file, "chunks": remains.chunks }))
        .collect();
    let parameters = [tenant.into(), Json::Array(files).into(), minutes.into()];
    catalog.execute(statement, &parameters).await?;
    Ok(())
}

/// Returns how many files wait.
pub async fn count(catalog: &dyn Connection) -> Result<i64> {
    let row = catalog.query_first("SELECT count(*) AS n FROM orphaned_files", &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("n"))?)
}

/// Removes the chunks of files that wait, after the response was sent.
pub(crate) fn remove_later(tenancy: &Rc<Tenancy>) {
    let tenancy = Rc::clone(tenancy);
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        if let Err(error) = remove(&tenancy).await {
            log::warning(&tenancy, "orphaned files wait to be removed", &error);
        }
    }));
}

async fn remove(tenancy: &Tenancy) -> Result<()> {
    let catalog = tenancy.catalog().await?;
    let statement = "SELECT tenant_id, file_id, chunk_count FROM orphaned_files
                     WHERE remove_after <= now() ORDER BY remove_after LIMIT $1";
    for row in catalog.query(statement, &[AT_ONCE.into()]).await? {
        let (tenant, file): (Uuid, Uuid) = (row.get("tenant_id")?, row.get("file_id")?);
        let chunks = row.get::<i64>("chunk_count").map(|count| count.max(0).unsigned_abs());
        remove_chunks(tenancy, tenant, Remains { file, chunks: chunks? }).await?;
        let forget = "DELETE FROM orphaned_files WHERE tenant_id = $1 AND file_id = $2";
        catalog.execute(forget, &[tenant.into(), file.into()]).await?;
    }
    Ok(())
}
