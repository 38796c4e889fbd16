//! Token buckets: rate limits for operations that no quota of a plan limits.
//!
//! A bucket holds a number of units and is refilled at a steady rate. It is in Redis, so all instances share it. After
//! a refusal, an instance does not ask again before a unit is free, so a refused caller costs no store call. Without
//! Redis, each instance keeps its own buckets.

use std::{cell::RefCell, collections::HashMap, sync::LazyLock};

use platform::redis::{Argument, Reply, Script};

use crate::{
    context::Context,
    error::{Error, Result},
    log, redis_key,
};

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));

/// The maximum number of buckets in the memory of an instance.
const MOST: usize = 8192;

/// The capacity and the refill rate of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number of units that a full bucket holds.
    pub(crate) burst: u32,
    /// The number of units that are refilled per minute.
    pub(crate) per_minute: u32,
}

impl Rate {
    /// Returns the rate of a bucket that holds the units of one minute.
    pub const fn per_minute(per_minute: u32) -> Self {
        Self { burst: per_minute, per_minute }
    }

    fn interval(self) -> u64 {
        60_000_000 / u64::from(self.per_minute.max(1))
    }
}

/// A bucket, with its key in Redis.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub(crate) key: String,
    pub(crate) rate: Rate,
}

impl Bucket {
    /// Returns a bucket of a tenant. One call can take from several buckets of the same tenant.
    pub fn of_tenant(tenant: uuid::Uuid, name: &str, rate: Rate) -> Self {
        Self { key: redis_key::bucket(Some(tenant), name), rate }
    }

    /// Returns a bucket of the platform.
    pub fn of_platform(name: &str, rate: Rate) -> Self {
        Self { key: redis_key::bucket(None, name), rate }
    }
}

/// The buckets in the memory of an instance.
#[derive(Default)]
pub(crate) struct Buckets {
    /// When each bucket of this instance is full again, in microseconds of its monotonic clock.
    own: RefCell<HashMap<String, u64>>,
    /// Until when Redis has refused each bucket.
    refused: RefCell<HashMap<String, u64>>,
}

impl Buckets {
    /// Takes a unit from a bucket of this instance only. Returns the microseconds to wait; 0 if a unit was taken.
    fn take(&self, key: &str, rate: Rate, now: u64) -> u64 {
        let mut own = self.own.borrow_mut();
        let full = own.get(key).copied().unwrap_or(0).max(now);
        let allowance = u64::from(rate.burst.saturating_sub(1)).saturating_mul(rate.interval());
        let wait = (full - now).saturating_sub(allowance);
        if wait == 0 {
            forget(&mut own, now);
            own.insert(key.to_owned(), full.saturating_add(rate.interval()));
        }
        wait
    }

    /// Returns the microseconds until Redis may be asked for a bucket again; 0 if it may be asked now.
    fn wait(&self, key: &str, now: u64) -> u64 {
        self.refused.borrow().get(key).map_or(0, |until| until.saturating_sub(now))
    }

    fn refuse(&self, key: &str, until: u64, now: u64) {
        let mut refused = self.refused.borrow_mut();
        forget(&mut refused, now);
        refused.insert(key.to_owned(), until);
    }
}

/// Removes entries if there is no room left.
fn forget(times: &mut HashMap<String, u64>, now: u64) {
    if times.len() >= MOST {
        times.retain(|_, until| *until > now);
    }
    if times.len() >= MOST {
        times.clear();
    }
}

/// Takes a unit from each bucket, or from none. All of them must belong to the same tenant or to the platform.
///
/// # Errors
/// [`Error::RateLimited`] if one of them is empty.
pub async fn take(context: &Context, buckets: &[Bucket]) -> Result<()> {
    let now = context.platform.clock.monotonic_micros();
    let waits = buckets.iter().map(|bucket| context.state::<Buckets>().wait(&bucket.key, now));
    refuse_for(waits.max().unwrap_or(0))?;
    let keys: Vec<_> = buckets.iter().map(|bucket| bucket.key.as_str()).collect();
    let arguments: Vec<_> = buckets
        .iter()
        .flat_map(|bucket| [bucket.rate.burst, bucket.rate.per_minute])
        .map(|number| Argument::Int(number.max(1).into()))
        .collect();
    match TAKE.run_with_retry(&*context.platform.redis, &keys, &arguments).await {
        Ok(replies) => {
            let millis = replies.first().and_then(Reply::as_int).unwrap_or(0);
            let wait = u64::try_from(millis).unwrap_or(0).saturating_mul(1_000);
            if wait > 0 {
                for bucket in buckets {
                    // With several buckets, the reply does not identify the empty one.
                    if buckets.len() == 1 {
                        context.state::<Buckets>().refuse(
                            &bucket.key,
                            now.saturating_add(wait),
                            now,
                        );
                    }
                }
            }
            refuse_for(wait)
        }
        Err(error) => {
            log::warning(
                context,
                "Redis unavailable; each instance enforces rate limits separately",
                &error.into(),
            );
            buckets.iter().try_for_each(|bucket| take_own(context, bucket))
        }
    }
}

/// Takes a unit from a bucket of this instance only. It calls no store.
///
/// # Errors
/// [`Error::RateLimited`] if it is empty.
pub fn take_own(context: &Context, bucket: &Bucket) -> Result<()> {
    let now = context.platform.clock.monotonic_micros();
    refuse_for(context.state::<Buckets>().take(&bucket.key, bucket.rate, now))
}

/// Returns an error if Redis has refused a bucket and no unit is free yet. It calls no store.
///
/// # Errors
/// [`Error::RateLimited`].
pub fn check(context: &Context, bucket: &Bucket) -> Result<()> {
    refuse_for(
        context.state::<Buckets>().wait(&bucket.key, context.platform.clock.monotonic_micros()),
    )
}

fn refuse_for(micros: u64) -> Result<()> {
    if micros == 0 {
        return Ok(());
    }
    let retry_after = u32::try_from(micros.div_ceil(1_000_000)).unwrap_or(u32::MAX);
    Err(Error::RateLimited { retry_after })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, per_minute: 60 };

    #[test]
    fn bucket_grants_its_burst_then_its_rate() {
        let buckets = Buckets::default();
        let begin = 1_000_000_000;
        for _ in 0..3 {
            assert_eq!(buckets.take("a", RATE, begin), 0);
        }
        assert_eq!(buckets.take("a", RATE, begin), 1_000_000);
        assert_eq!(buckets.take("a", RATE, begin + 999_999), 1);
        assert_eq!(buckets.take("a", RATE, begin + 1_000_000), 0);
        assert_ne!(buckets.take("a", RATE, begin + 1_000_000), 0);
        assert_eq!(buckets.take("b", RATE, begin), 0);
    }

    #[test]
    fn number_of_buckets_is_bounded() {
        let buckets = Buckets::default();
        for number in 0..=2 * MOST as u64 {
            assert_eq!(buckets.take(&number.to_string(), RATE, number), 0);
        }
        assert!(buckets.own.borrow().len() <= MOST);
    }
}
