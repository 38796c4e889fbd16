//! The end of the freshness of all entries.

use crate::{context::Context, error::Result};
use platform::redis::{Argument, Scan};

/// Makes every entry stale, so that the next request that needs it compares it with PostgreSQL.
///
/// A process that dies after it changed PostgreSQL and before it published the change leaves no trace of the change
/// outside of the changed rows. `tenantctl repair` therefore calls this.
///
/// # Errors
/// [`crate::Error::Unavailable`] while Redis is unavailable. A part of the entries may be stale then.
pub async fn expire_all(context: &Context) -> Result<()> {
    let redis = &*context.platform.redis;
    let mut keys = Scan::new("????????????????:t:{*}:*".to_owned());
    while let Some(names) = keys.next_page(redis).await? {
        for name in names.iter().filter(|name| is_entry(name)) {
            redis.execute("HDEL", &[Argument::Bytes(name), "checked".into()]).await?;
        }
    }
    Ok(())
}

/// Returns whether a name is that of an entry of this cache.
fn is_entry(name: &[u8]) -> bool {
    let Some(end) = name.iter().position(|byte| *byte == b'}') else { return false };
    let kind = &name[end + 1..];
    kind == b":tenant"
        || [&b":user:"[..], b":session:", b":api_key:"].iter().any(|start| kind.starts_with(start))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::is_entry;
    use crate::version_cache::{api_key_key, session_key, tenant_key, user_key};

    #[test]
    fn only_entries_are_expired() {
        let [tenant, other] = [1, 2].map(Uuid::from_u128);
        for key in [
            tenant_key(tenant),
            user_key(tenant, other),
            session_key(tenant, other),
            api_key_key(tenant, &[3; 32]),
        ] {
            assert!(is_entry(format!("0123456789abcdef:{key}").as_bytes()), "{key}");
        }
        for kind in [":calls:minute", ":usage:api_calls:20000", ":cache:tenant", ":tenants", ""] {
            assert!(
                !is_entry(format!("0123456789abcdef:t:{{{tenant}}}{kind}").as_bytes()),
                "{kind}"
            );
        }
        assert!(!is_entry(b"0123456789abcdef:platform:collected"));
    }
}
