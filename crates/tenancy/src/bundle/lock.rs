//! The lock on a tenant whose rows are filled from a bundle. A session of the catalog holds it, so it ends with the
//! process.

use std::time::Duration;

use platform::sql::{Connection, SCHEMA_DEADLINE};
use uuid::Uuid;

use crate::{context::Context, error::Result};

/// The number of attempts after the first one. The server needs a moment to notice the end of a killed command.
const ATTEMPTS: u32 = 15;
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// The lock on one tenant. It ends when it is dropped.
pub struct ImportLock {
    _session: Box<dyn Connection>,
}

/// Returns the lock, or `None` if another command works on the same tenant and does not end within three seconds.
pub async fn try_lock(context: &Context, tenant: Uuid) -> Result<Option<ImportLock>> {
    let session = context.catalog_within(SCHEMA_DEADLINE).await?;
    // The account closes idle sessions, and this one is idle while the command works.
    session.execute("SET idle_session_timeout = 0", &[]).await?;
    let statement = "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS is_locked";
    let name = format!("tenancy: import of {tenant}");
    for attempt in 0..=ATTEMPTS {
        if attempt > 0 {
            context.platform.executor.sleep(PAUSE).await;
        }
        let row = session.query_first(statement, &[name.as_str().into()]).await?;
        if row.map_or(Ok(false), |row| row.get("is_locked"))? {
            return Ok(Some(ImportLock { _session: session }));
        }
    }
    Ok(None)
}
