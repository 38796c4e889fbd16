//! The end of the freshness of all entries.

use platform::redis::{Argument, Scan};

use crate::{
    context::Context,
    error::Result,
    lease::{self, Wait},
    redis_key,
};

/// Makes every entry stale and ends every lease, so that the next request that needs it compares it with PostgreSQL.
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
        for name in &names {
            let name_of = Argument::Bytes(name);
            if redis_key::is_entry(name) {
                redis.execute("HDEL", &[name_of, "checked".into()]).await?;
            } else if redis_key::is_leases(name) {
                let token = Argument::Int(lease::change_token(context));
                redis.execute("HSET", &[name_of, "change".into(), token]).await?;
            }
        }
    }
    let wait = Wait::new(context);
    wait.add_unknown();
    wait.finish().await;
    Ok(())
}
