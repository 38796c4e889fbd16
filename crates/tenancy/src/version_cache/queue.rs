//! Publications that could not reach Redis. The catalog keeps them until Redis receives them.
//!
//! One instance at a time works off the queue beside its requests, and so does `tenantctl repair`. A repeated
//! publication has no effect, so several processes may work off the queue at once.

use std::time::Duration;

use platform::sql::{Connection, SqlError};
use uuid::Uuid;

use crate::{
    claim::{NextAttempt, claim},
    context::Context,
    error::Result,
    lease::Wait,
    log, redis_key,
    version_cache::entry::invalidate,
};

/// The interval at which the instances check the queue. If each one checked it, a busy host with many instances would
/// keep dozens of connections to the catalog open.
const INTERVAL: Duration = Duration::from_secs(2);
/// The maximum number of publications in one page.
const AT_ONCE: i64 = 500;

/// A version below which a cache entry is invalid.
pub(crate) struct Publication {
    pub(crate) tenant: Uuid,
    /// The key of the cache entry.
    pub(crate) key: String,
    pub(crate) version: i64,
}

/// The time of an instance's next check of the queue.
#[derive(Default)]
struct NextCheck(NextAttempt);

/// Adds publications to the queue. Of two publications with the same key, the one with the higher version stays.
pub(crate) async fn add(catalog: &dyn Connection, publications: &[Publication]) -> Result<()> {
    let statement = "
        INSERT INTO pending_publications AS p (tenant_id, cache_key, version)
        SELECT tenant, key, max(version)
        FROM unnest($1::text[]::uuid[], $2::text[], $3::text[]::bigint[]) AS n (tenant, key, version)
        GROUP BY tenant, key ORDER BY key
        ON CONFLICT (cache_key) DO UPDATE
        SET version = excluded.version, recorded_at = now() WHERE p.version < excluded.version";
    let texts = |of: fn(&Publication) -> String| publications.iter().map(of).collect::<Vec<_>>();
    let parameters = [
        texts(|publication| publication.tenant.to_string()).into(),
        texts(|publication| publication.key.clone()).into(),
        texts(|publication| publication.version.to_string()).into(),
    ];
    catalog.execute(statement, &parameters).await?;
    Ok(())
}

/// Returns the number of queued publications.
pub async fn count(catalog: &dyn Connection) -> Result<i64> {
    let row = catalog.query_first("SELECT count(*) AS n FROM pending_publications", &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("n"))?)
}

/// Sends the queued publications to Redis and returns their number.
///
/// # Errors
/// [`crate::Error::Unavailable`] while a store is unavailable. The remaining publications stay queued.
pub async fn work_off(context: &Context) -> Result<u64> {
    let catalog = context.catalog().await?;
    let mut told = 0;
    loop {
        let page = find(&*catalog).await?;
        if page.is_empty() {
            return Ok(told);
        }
        let wait = Wait::new(context);
        for Publication { tenant, key, version } in &page {
            let (outstanding, process) = invalidate(context, key, *version).await?;
            wait.add(*tenant, process, outstanding);
        }
        wait.finish().await;
        remove(&*catalog, &page).await?;
        told += u64::try_from(page.len()).unwrap_or(u64::MAX);
    }
}

/// Works off the queue, unless an instance checked it less than [`INTERVAL`] ago. An instance calls this beside its
/// requests. Does nothing while Redis is unavailable, because it could publish nothing.
pub(crate) async fn work_off_if_due(context: &Context) {
    if !context.state::<NextCheck>().0.is_due(context, INTERVAL)
        || !claim(context, redis_key::QUEUE_CHECKED, INTERVAL).await.unwrap_or(false)
    {
        return;
    }
    if let Err(error) = work_off(context).await {
        log::warning(
            context,
            "working off the publication queue failed; publications stay queued",
            &error,
        );
    }
}

async fn find(catalog: &dyn Connection) -> Result<Vec<Publication>> {
    let statement = "SELECT tenant_id, cache_key, version FROM pending_publications
                     ORDER BY recorded_at LIMIT $1";
    let rows = catalog.query(statement, &[AT_ONCE.into()]).await?;
    let publications = rows.iter().map(|row| {
        Ok(Publication {
            tenant: row.get("tenant_id")?,
            key: row.get("cache_key")?,
            version: row.get("version")?,
        })
    });
    Ok(publications.collect::<Result<_, SqlError>>()?)
}

/// Removes publications, unless a newer one has replaced them.
async fn remove(catalog: &dyn Connection, told: &[Publication]) -> Result<()> {
    let statement = "
        DELETE FROM pending_publications WHERE cache_key IN (
            SELECT p.cache_key FROM pending_publications p
            JOIN unnest($1::text[], $2::text[]::bigint[]) AS t (key, version)
                ON p.cache_key = t.key AND p.version <= t.version
            -- In the order in which others add them, so that two never wait for one another.
            ORDER BY p.cache_key FOR UPDATE OF p
        )";
    let keys: Vec<_> = told.iter().map(|publication| publication.key.clone()).collect();
    let versions: Vec<_> = told.iter().map(|publication| publication.version.to_string()).collect();
    catalog.execute(statement, &[keys.into(), versions.into()]).await?;
    Ok(())
}
