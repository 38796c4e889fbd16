//! The buckets of the routes that are exempt from plan quotas: logout, revocation, deletions and password changes.
//!
//! A tenant that has exhausted its quota can still end sessions and revoke keys. These buckets allow ten times the
//! per-minute limit of the tenant and of the API key, and at least 120 requests per minute.

use tenancy::{
    Result,
    bucket::{self, Bucket, Rate},
};

use super::{Member, Principal};

const LEAST: i64 = 120;
const FACTOR: i64 = 10;

/// Takes one request from the buckets of the tenant and of the caller.
///
/// # Errors
/// [`tenancy::Error::RateLimited`].
pub(super) async fn admit(member: &Member) -> Result<()> {
    let tenant = member.tenant();
    let mut buckets =
        vec![Bucket::of_tenant(tenant.id, "unmetered", rate(tenant.limits.requests_per_minute))];
    if let Principal::ApiKey(key) = member.principal()
        && let Some(limit) = key.max_requests_per_minute
    {
        buckets.push(Bucket::of_tenant(tenant.id, &format!("unmetered:{}", key.id), rate(limit)));
    }
    bucket::take(member.context(), &buckets).await
}

fn rate(requests_per_minute: i64) -> Rate {
    let per_minute = requests_per_minute.saturating_mul(FACTOR).max(LEAST);
    Rate::per_minute(u32::try_from(per_minute).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_is_generous_and_bounded() {
        for (limit, units) in [(1, 120), (60, 600), (6_000, 60_000), (i64::MAX, u32::MAX)] {
            assert_eq!(rate(limit), Rate::per_minute(units), "{limit}");
        }
    }
}
