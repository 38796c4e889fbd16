//! The end of the freshness of all entries.

use platform::redis::{Argument, Scan};

use crate::{
    context::Context,
    error::Result,
    lease::{self, Wait},
    redis_key,
};

/// Makes every entry stale and ends every lease, so that the next request that needs an entry compares it with
/// PostgreSQL.
///
/// A process that dies after it changed PostgreSQL and before it published the change leaves no trace of the change
/// outside of the changed rows. `tenantctl repair` therefore calls this.
///
/// # Errors
/// [`crate::Error::Unavailable`] while Redis is unavailable. A part of the entries may be stale then.
pub async fn expire_all(context: &Context) -> Result<()> {
    let redis = &*context.platform.redis;
    let mut keys = Scan::new(redis_key::OF_ANY_TENANT.to_owned());
    while let Some(names) = keys.next_page(redis).await? {
        for name in names.iter().filter(|name| redis_key::is_entry(name)) {
            redis.execute("HDEL", &[Argument::Bytes(name), "checked".into()]).await?;
        }
    }
    // Not before all entries are stale: a caller that is checked in between would stay usable under the new token.
    let mut leases = Scan::new(redis_key::LEASES_OF_ANY_TENANT.to_owned());
    while let Some(names) = leases.next_page(redis).await? {
        for name in &names {
            lease::change(context, name).await?;
        }
    }
    let wait = Wait::new(context);
    wait.add_unknown();
    wait.finish().await;
    Ok(())
}
