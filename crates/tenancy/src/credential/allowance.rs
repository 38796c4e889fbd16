//! A tenant's share of password hashing.
//!
//! A hash takes a third of a second of a core. So each one needs an [`Allowance`]: the sign-ins of a tenant, successful
//! ones included, and those of an account come out of buckets, and an instance computes a few hashes of a tenant at the
//! same time. The rest of the instance's places is left to other tenants.

use uuid::Uuid;

use crate::{
    bucket::{self, Bucket, Rate},
    error::Result,
    hex,
    tenancy::Tenancy,
    tenant::Tenant,
};

/// The fewest and the most hashes of a tenant in a minute. Between them it is half of the calls of its plan.
const LEAST_PER_MINUTE: i64 = 30;
const MOST_PER_MINUTE: i64 = 600;
/// The hashes of an account.
const ACCOUNT: Rate = Rate { burst: 60, per_minute: 30 };

/// The right to compute hashes.
pub struct Allowance {
    /// `None` is the platform's operator.
    pub(super) tenant: Option<Uuid>,
}

impl Allowance {
    /// The allowance of the platform's operator. It has no limit.
    pub(crate) fn of_platform() -> Self {
        Self { tenant: None }
    }
}

/// Takes a hash from the share of a tenant and, if `account` is there, of an account.
///
/// # Errors
/// [`crate::Error::RateLimited`] when the share is used up.
pub(crate) async fn take(
    tenancy: &Tenancy,
    tenant: &Tenant,
    account: Option<&str>,
) -> Result<Allowance> {
    take_of(tenancy, tenant.id, tenant.limits.requests_per_minute, account).await
}

/// Takes a hash for a sign-in. A sign-in at an unknown tenant has a share of its own, under the id that stands for the
/// tenant in login throttling, so that its response is the same.
///
/// # Errors
/// [`crate::Error::RateLimited`] when the share is used up.
pub(crate) async fn take_for_sign_in(
    tenancy: &Tenancy,
    tenant: Option<&Tenant>,
    subject: Uuid,
    account: &str,
) -> Result<Allowance> {
    let requests = tenant.map_or(i64::MAX, |tenant| tenant.limits.requests_per_minute);
    take_of(tenancy, subject, requests, Some(account)).await
}

async fn take_of(
    tenancy: &Tenancy,
    tenant: Uuid,
    requests_per_minute: i64,
    account: Option<&str>,
) -> Result<Allowance> {
    let mut buckets = vec![Bucket::of_tenant(tenant, "hashes", rate(requests_per_minute))];
    if let Some(account) = account {
        let parts: [&[u8]; 3] = [b"hashes", tenant.as_bytes(), account.as_bytes()];
        let subject = hex::encode(&tenancy.master_key.guessing_subject(&parts)?);
        buckets.push(Bucket::of_tenant(tenant, &format!("hashes:{subject}"), ACCOUNT));
    }
    bucket::take(tenancy, &buckets).await?;
    Ok(Allowance { tenant: Some(tenant) })
}

fn rate(requests_per_minute: i64) -> Rate {
    let per_minute = (requests_per_minute / 2).clamp(LEAST_PER_MINUTE, MOST_PER_MINUTE);
    // Within the bounds above.
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
