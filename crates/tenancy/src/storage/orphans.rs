//! Orphaned chunks of tenants that `tenantctl repair` has hard-deleted.
//!
//! Only the service has access to the key-value store. So the command records the files in the catalog before it drops
//! the database that names them. The service removes their chunks beside a later upload or hard delete. Until then they
//! are unreadable, because the tenant's data key is destroyed with the tenant.

use std::rc::Rc;

use platform::sql::Connection;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Batch, CLAIM, Remains, repo};
use crate::{
    context::Context,
    error::Result,
    later,
    tenant::{TenantDb, TenantRecord},
};

/// The maximum number of files that one run removes.
const AT_ONCE: usize = 50;

/// Records every file of a tenant whose database is about to be dropped.
pub(crate) async fn record_all(context: &Context, tenant: &TenantRecord) -> Result<()> {
    record_uploads(context, tenant).await?;
    let database = TenantDb::connect_to(context, tenant).await?;
    let catalog = context.catalog().await?;
    let mut after = Uuid::nil();
    loop {
        let page = repo::list_remains(&database, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.file;
        record(&*catalog, tenant.id, &page, 0).await?;
    }
}

/// Abandons the uploads of a tenant that is hard-deleted, and records them. An upload in progress may write a chunk
/// after the chunks of all files were removed.
pub(crate) async fn record_uploads(context: &Context, tenant: &TenantRecord) -> Result<()> {
    let database = TenantDb::connect_to(context, tenant).await?;
    let catalog = context.catalog().await?;
    let uploads = repo::list_uploads(&database).await?;
    record(&*catalog, tenant.id, &uploads, CLAIM.stale_minutes).await?;
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

/// Returns the number of recorded files.
pub async fn count(catalog: &dyn Connection) -> Result<i64> {
    let row = catalog.query_first("SELECT count(*) AS n FROM orphaned_files", &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("n"))?)
}

/// Removes the chunks of recorded files, after the response is sent.
pub(crate) fn remove_later(context: &Rc<Context>) {
    let failure = "removing orphaned files failed; it is retried later";
    later::run(context, failure, async |context| remove(context).await);
}

async fn remove(context: &Context) -> Result<()> {
    let catalog = context.catalog().await?;
    for _ in 0..AT_ONCE {
        // A claim ends five minutes after its last progress, so a file is claimed when its turn has come.
        let Some((tenant, remains)) = claim(&*catalog).await? else { break };
        remove_one(context, tenant, remains).await?;
    }
    Ok(())
}

/// Removes the chunks of recorded files, until none are left or `is_over`. Returns the number of files, and whether
/// none are left.
pub(crate) async fn maintain(context: &Context, is_over: impl Fn() -> bool) -> Result<(u64, bool)> {
    let mut removed = 0;
    loop {
        let catalog = context.catalog().await?;
        let Some((tenant, remains)) = claim(&*catalog).await? else {
            return Ok((removed, true));
        };
        remove_one(context, tenant, remains).await?;
        removed += 1;
        if is_over() {
            return Ok((removed, false));
        }
    }
}

/// Claims a recorded file. No other instance claims it for five minutes after the last progress.
async fn claim(catalog: &dyn Connection) -> Result<Option<(Uuid, Remains)>> {
    let statement = "
        UPDATE orphaned_files SET claimed_at = now()
        WHERE (tenant_id, file_id) IN (
            SELECT tenant_id, file_id FROM orphaned_files
            WHERE remove_after <= now() AND claimed_at < now() - interval '5 minutes'
            ORDER BY remove_after LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING tenant_id, file_id, chunk_count";
    let Some(row) = catalog.query_first(statement, &[]).await? else { return Ok(None) };
    let chunks = row.get::<i64>("chunk_count")?.max(0).unsigned_abs();
    Ok(Some((row.get("tenant_id")?, Remains { file: row.get("file_id")?, chunks })))
}

async fn remove_one(context: &Context, tenant: Uuid, remains: Remains) -> Result<()> {
    let mut left = remains.chunks;
    let key = [tenant.into(), remains.file.into()];
    while left > 0 {
        let batch = Batch::last(left);
        batch.remove(context, tenant, remains.file).await?;
        left = batch.first;
        let progress = "UPDATE orphaned_files SET chunk_count = $3, claimed_at = now()
                        WHERE tenant_id = $1 AND file_id = $2";
        let [tenant, file] = key.clone();
        let count = i64::try_from(left).unwrap_or(i64::MAX);
        context.catalog().await?.execute(progress, &[tenant, file, count.into()]).await?;
    }
    let forget = "DELETE FROM orphaned_files WHERE tenant_id = $1 AND file_id = $2";
    context.catalog().await?.execute(forget, &key).await?;
    Ok(())
}
