//! A tenant's share of password hashing.
//!
//! A hash takes a third of a second of CPU time, so each one needs an [`Allowance`]. Buckets limit the sign-ins of each
//! tenant and each account, including successful ones. In addition, an instance computes only a few hashes of a tenant
//! concurrently and leaves its remaining slots to other tenants.

use platform::redis::Argument;
use uuid::Uuid;

use crate::{
    bucket::{self, Bucket, Rate},
    context::Context,
    error::Result,
    log, redis_key,
    tenant::Tenant,
};

/// The minimum and maximum number of hashes per tenant and minute. Within this range, the limit is half of the plan's
/// requests per minute.
const LEAST_PER_MINUTE: i64 = 30;
const MOST_PER_MINUTE: i64 = 600;
/// The rate of hashes per account.
const ACCOUNT: Rate = Rate { burst: 60, per_minute: 30 };

/// The right to compute hashes.
pub struct Allowance {
    /// `None` for the platform's operator.
    pub(super) tenant: Option<Uuid>,
}

impl Allowance {
    /// Returns the allowance of the platform's operator, which is unlimited.
    pub(crate) fn of_platform() -> Self {
        Self { tenant: None }
    }
}

/// Takes a hash from the share of a tenant and, if `account` is given, from the share of an account.
///
/// # Errors
/// [`crate::Error::RateLimited`] if the share is exhausted.
pub(crate) async fn take(
    context: &Context,
    tenant: &Tenant,
    account: Option<&str>,
) -> Result<Allowance> {
    take_of(context, tenant.id, tenant.limits.requests_per_minute, account).await
}

/// Takes a hash for a sign-in. Sign-ins at an unknown tenant have a share under the id that represents the tenant in
/// login throttling, so that the response is the same.
///
/// # Errors
/// [`crate::Error::RateLimited`] if the share is exhausted.
pub(crate) async fn take_for_sign_in(
    context: &Context,
    tenant: Option<&Tenant>,
    subject: Uuid,
    account: &str,
) -> Result<Allowance> {
    let requests = tenant.map_or(i64::MAX, |tenant| tenant.limits.requests_per_minute);
    take_of(context, subject, requests, Some(account)).await
}

async fn take_of(
    context: &Context,
    tenant: Uuid,
    requests_per_minute: i64,
    account: Option<&str>,
) -> Result<Allowance> {
    let mut buckets = vec![Bucket::of_tenant(tenant, "hashes", rate(requests_per_minute))];
    if let Some(account) = account {
        let name = account_bucket(context, tenant, account)?;
        buckets.push(Bucket::of_tenant(tenant, &name, ACCOUNT));
    }
    bucket::take(context, &buckets).await?;
    Ok(Allowance { tenant: Some(tenant) })
}

/// Forgets the share of an account. It is full again after two minutes in any case.
pub(crate) async fn forget(context: &Context, tenant: Uuid, account: &str) -> Result<()> {
    if context.is_dry_run() {
        return Ok(());
    }
    let key = redis_key::bucket(Some(tenant), &account_bucket(context, tenant, account)?);
    if let Err(error) = context.platform.redis.execute("UNLINK", &[Argument::Key(&key)]).await {
        let effect = "Redis unavailable; the share of an erased user expires within minutes";
        log::warning(context, effect, &error.into());
    }
    Ok(())
}

fn account_bucket(context: &Context, tenant: Uuid, account: &str) -> Result<String> {
    let parts: [&[u8]; 3] = [b"hashes", tenant.as_bytes(), account.as_bytes()];
    let subject = context.master_key.throttling_subject(&parts)?;
    Ok(format!("hashes:{}", base16ct::lower::encode_string(&subject)))
}

fn rate(requests_per_minute: i64) -> Rate {
    let per_minute = (requests_per_minute / 2).clamp(LEAST_PER_MINUTE, MOST_PER_MINUTE);
    // The value is within the range above.
    Rate::per_minute(u32::try_from(per_minute).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_grows_with_the_plan_within_bounds() {
        for (requests, hashes) in [(1, 30), (60, 30), (600, 300), (6_000, 600), (i64::MAX, 600)] {
            assert_eq!(rate(requests), Rate::per_minute(hashes), "{requests}");
        }
    }
}
