//! The lock on a tenant whose rows are filled from a bundle. A session of the catalog holds it, so it ends with the
//! process.

use platform::sql::{Connection, SCHEMA_DEADLINE};
use uuid::Uuid;

use crate::{context::Context, error::Result};

/// The lock on one tenant. It ends when it is dropped.
pub struct ImportLock {
    _session: Box<dyn Connection>,
}

/// Returns the lock, or `None` if another command works on the same tenant.
pub async fn try_lock(context: &Context, tenant: Uuid) -> Result<Option<ImportLock>> {
    let session = context.catalog_within(SCHEMA_DEADLINE).await?;
    // The account closes idle sessions, and this one is idle while the command works.
    session.execute("SET idle_session_timeout = 0", &[]).await?;
    let statement = "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS is_locked";
    let name = format!("tenancy: import of {tenant}");
    let row = session.query_first(statement, &[name.into()]).await?;
    let is_locked = row.map_or(Ok(false), |row| row.get("is_locked"))?;
    Ok(is_locked.then_some(ImportLock { _session: session }))
}
