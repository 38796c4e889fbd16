//! Checks that a full Redis does not evict counters.

use anyhow::{Result, bail};
use platform::redis::Reply;
use tenancy::Context;

use super::Finding;

/// Checks `maxmemory` and `maxmemory-policy`. An evicted sign-in counter disables login throttling, and an evicted call
/// counter disables a quota. Counters have a time to live, so the `volatile` policies evict them too.
pub(super) async fn check(context: &Context) -> Result<Finding> {
    let replies = context.platform.redis.execute("INFO", &["memory".into()]).await?;
    let info = replies.first().and_then(Reply::as_bytes).unwrap_or_default();
    let info = String::from_utf8_lossy(info);
    let value = |name: &str| info.lines().find_map(|line| line.trim().strip_prefix(name));
    let (Some(policy), Some(limit)) = (value("maxmemory_policy:"), value("maxmemory:")) else {
        return Ok(Finding::Doubtful("INFO memory has no maxmemory_policy".to_owned()));
    };
    if policy != "noeviction" {
        bail!(
            "maxmemory-policy is {policy}: a full Redis evicts the counters of login throttling and of quotas. Set \
             it to noeviction"
        );
    }
    Ok(if limit == "0" {
        Finding::Doubtful(
            "maxmemory is not set: set it below the memory of the machine, with maxmemory-policy noeviction"
                .to_owned(),
        )
    } else {
        Finding::Good(format!("at most {limit} bytes, noeviction"))
    })
}
