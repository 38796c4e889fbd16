//! The cache: a part of Redis for each tenant, with limits on its bytes and entries.
//!
//! The keys of a tenant's entries and indexes come only from a resolved [`Tenant`]. Values are sealed with the tenant's
//! data key and bound to their names. If Redis is unavailable, calls fail, because a cache must not lose entries
//! silently.

mod cipher;
mod entry;

use std::sync::LazyLock;

pub use entry::{CacheKey, Entry};

use self::cipher::EntryCipher;
use crate::{
    context::Context,
    error::{Error, Result},
    redis_key,
    tenant::Tenant,
};
use platform::redis::{Argument, Reply, Script};

/// The maximum number of bytes of a value.
pub const MOST_VALUE_BYTES: usize = 1024 * 1024;
/// The maximum number of entries of a tenant.
pub const MOST_ENTRIES: i64 = 100_000;
/// The default number of seconds for which an entry is kept.
pub const DEFAULT_TTL: u32 = 3_600;
/// The maximum number of seconds for which an entry is kept.
pub const LONGEST_TTL: u32 = 30 * 24 * 60 * 60;
/// The number of entries that one step of clearing removes.
const CLEARED_AT_ONCE: i64 = 1_000;

static PUT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("put.lua")));
static DELETE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("delete.lua")));
static CLEAR: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("clear.lua")));

/// Returns the memory that Redis needs for an entry, in bytes: the value, the name in the key and in two indexes, the
/// overhead of each of them, and a quarter more because the allocator rounds up.
fn memory(value: usize, name: usize) -> i64 {
    const OVERHEAD: usize = 512;
    let bytes = value.saturating_add(name.saturating_mul(3)).saturating_add(OVERHEAD);
    i64::try_from(bytes.saturating_add(bytes / 4)).unwrap_or(i64::MAX)
}

/// The cache of one tenant.
pub struct Cache<'a> {
    context: &'a Context,
    tenant: &'a Tenant,
    cipher: EntryCipher,
}

impl<'a> Cache<'a> {
    /// Returns the cache of a tenant.
    pub fn of(context: &'a Context, tenant: &'a Tenant) -> Result<Self> {
        let cipher = EntryCipher::new(tenant.data_keys(context)?, tenant.id);
        Ok(Self { context, tenant, cipher })
    }

    /// Returns an entry and the seconds for which it is still kept; `None` if there is none.
    pub async fn get(&self, key: &CacheKey) -> Result<Option<(Entry, u32)>> {
        let name = self.entry(key);
        let redis = &*self.context.platform.redis;
        let replies = redis.execute("GET", &[Argument::Key(&name)]).await?;
        let Some(sealed) = replies.first().and_then(Reply::as_bytes) else { return Ok(None) };
        // Ignores an entry that cannot be unsealed: its key is gone, or it was not written by this service.
        let Some(entry) = self.cipher.open(key, sealed) else { return Ok(None) };
        let replies = redis.execute("TTL", &[Argument::Key(&name)]).await?;
        let seconds = replies.first().and_then(Reply::as_int).unwrap_or(0);
        Ok(Some((entry, u32::try_from(seconds).unwrap_or(0))))
    }

    /// Stores an entry for `seconds` and replaces an existing one. Returns whether it is new.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] for `value` if this entry needs more than the limit of the tenant's cache.
    pub async fn put(&self, key: &CacheKey, entry: &Entry, seconds: u32) -> Result<bool> {
        let sealed = self.cipher.seal(key, entry, &*self.context.platform.random)?;
        let size = memory(sealed.len(), key.0.len());
        let limit = self.tenant.limits.cache;
        if size > limit {
            let message = format!("needs {size} bytes of the cache, whose limit is {limit} bytes");
            return Err(Error::invalid_field("value", message));
        }
        let arguments = [
            Argument::from(&key.0),
            Argument::Bytes(&sealed),
            Argument::Int(size),
            Argument::Int(seconds.into()),
            Argument::Int(self.tenant.limits.cache),
            Argument::Int(MOST_ENTRIES),
        ];
        let replies = self.run(&PUT, &self.entry(key), &arguments).await?;
        Ok(replies.first().and_then(Reply::as_int) == Some(1))
    }

    /// Deletes an entry. Returns whether it existed.
    pub async fn delete(&self, key: &CacheKey) -> Result<bool> {
        let replies = self.run(&DELETE, &self.entry(key), &[Argument::from(&key.0)]).await?;
        Ok(replies.first().and_then(Reply::as_int) == Some(1))
    }

    /// Deletes every entry of this tenant and returns their number.
    pub async fn clear(&self) -> Result<i64> {
        let mut cleared = 0;
        let prefix = redis_key::cache_entry(self.tenant.id, "");
        loop {
            let at_once = [Argument::Int(CLEARED_AT_ONCE)];
            let replies = self.run(&CLEAR, &prefix, &at_once).await?;
            match replies.first().and_then(Reply::as_int) {
                Some(taken @ 1..) => cleared += taken,
                _ => return Ok(cleared),
            }
        }
    }

    async fn run(
        &self,
        script: &Script,
        first: &str,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<Reply>> {
        let [ends, sizes, bytes] = redis_key::cache_indexes(self.tenant.id);
        let keys = [first, &ends, &sizes, &bytes];
        Ok(script.run(&*self.context.platform.redis, &keys, arguments).await?)
    }

    fn entry(&self, key: &CacheKey) -> String {
        redis_key::cache_entry(self.tenant.id, &key.0)
    }
}
