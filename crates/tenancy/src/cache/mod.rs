//! The cache: a part of Redis for each tenant, with limits on its bytes and entries.
//!
//! The keys of a tenant's entries and indexes come only from a resolved [`Tenant`]. Values are sealed with the tenant's
//! data key and bound to their names. If Redis is unavailable, calls fail, because a cache must not lose entries
//! silently.

use std::sync::LazyLock;

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use hkdf::Hkdf;
use percent_encoding::percent_decode_str;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    context::Context,
    crypto::DataKeys,
    error::{Error, Result},
    redis_key,
    tenant::Tenant,
};
use platform::redis::{Argument, Reply, Script};

/// The maximum number of bytes of a value.
pub const MOST_VALUE_BYTES: usize = 1024 * 1024;
/// The maximum number of entries of a tenant.
pub const MOST_ENTRIES: i64 = 100_000;
/// The maximum number of bytes of a key.
const LONGEST_KEY: usize = 512;
/// The default number of seconds for which an entry is kept.
pub const DEFAULT_TTL: u32 = 3_600;
/// The maximum number of seconds for which an entry is kept.
pub const LONGEST_TTL: u32 = 30 * 24 * 60 * 60;
/// The number of entries that one step of clearing removes.
const CLEARED_AT_ONCE: i64 = 1_000;
const NONCE: usize = 12;

static PUT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("put.lua")));
static DELETE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("delete.lua")));
static CLEAR: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("clear.lua")));

/// The name of an entry: 1 to 512 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey(String);

impl CacheKey {
    /// Parses the path of a request, which is decoded once.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] for `key`.
    pub fn from_encoded(encoded: &str) -> Result<Self> {
        let invalid = |message: &str| Error::invalid_field("key", message);
        let key =
            percent_decode_str(encoded).decode_utf8().map_err(|_| invalid("must be UTF-8"))?;
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(invalid("must have 1 to 512 bytes"));
        }
        if key.chars().any(char::is_control) {
            return Err(invalid("must have no control characters"));
        }
        Ok(Self(key.into_owned()))
    }
}

/// Returns the memory that Redis needs for an entry, in bytes: the value, the name in the key and in two indexes, the
/// overhead of each of them, and a quarter more because the allocator rounds up.
fn memory(value: usize, name: usize) -> i64 {
    const OVERHEAD: usize = 512;
    let bytes = value.saturating_add(name.saturating_mul(3)).saturating_add(OVERHEAD);
    i64::try_from(bytes.saturating_add(bytes / 4)).unwrap_or(i64::MAX)
}

/// A value with its content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The content type that the writer of the entry stated.
    pub content_type: String,
    /// The bytes of the value.
    pub value: Vec<u8>,
}

/// The cache of one tenant.
pub struct Cache<'a> {
    context: &'a Context,
    tenant: &'a Tenant,
    keys: DataKeys,
}

impl<'a> Cache<'a> {
    /// Returns the cache of a tenant.
    pub fn of(context: &'a Context, tenant: &'a Tenant) -> Result<Self> {
        Ok(Self { context, tenant, keys: tenant.data_keys(context)? })
    }

    /// Returns an entry and the seconds for which it is still kept; `None` if there is none.
    pub async fn get(&self, key: &CacheKey) -> Result<Option<(Entry, u32)>> {
        let name = self.entry(key);
        let redis = &*self.context.platform.redis;
        let replies = redis.execute("GET", &[Argument::Key(&name)]).await?;
        let Some(sealed) = replies.first().and_then(Reply::as_bytes) else { return Ok(None) };
        // Ignores an entry that cannot be unsealed: its key is gone, or it was not written by this service.
        let Some(entry) = self.open(key, sealed) else { return Ok(None) };
        let replies = redis.execute("TTL", &[Argument::Key(&name)]).await?;
        let seconds = replies.first().and_then(Reply::as_int).unwrap_or(0);
        Ok(Some((entry, u32::try_from(seconds).unwrap_or(0))))
    }

    /// Stores an entry for `seconds` and replaces an existing one. Returns whether it is new.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] for `value` if this entry needs more than the limit of the tenant's cache.
    pub async fn put(&self, key: &CacheKey, entry: &Entry, seconds: u32) -> Result<bool> {
        let sealed = self.seal(key, entry)?;
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

    fn cipher(&self, number: u32) -> Result<Aes256Gcm> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.keys.get(number)?)
            .expand(b"tenancy/v1/cache", &mut *key)
            .map_err(Error::internal)?;
        Aes256Gcm::new_from_slice(&*key).map_err(Error::internal)
    }

    fn associated_data(&self, key: &CacheKey) -> Vec<u8> {
        format!("tenancy/v1/cache/{}/{}", self.tenant.id, key.0).into_bytes()
    }

    /// Returns the number of the data key (4 bytes), the nonce, and the ciphertext. The plaintext is the length of the
    /// type (2 bytes), the type and the value.
    fn seal(&self, key: &CacheKey, entry: &Entry) -> Result<Vec<u8>> {
        let length = u16::try_from(entry.content_type.len()).map_err(Error::internal)?;
        let mut plain = Vec::with_capacity(2 + entry.content_type.len() + entry.value.len());
        plain.extend_from_slice(&length.to_be_bytes());
        plain.extend_from_slice(entry.content_type.as_bytes());
        plain.extend_from_slice(&entry.value);
        let nonce = self.context.platform.random.bytes::<NONCE>();
        let aad = self.associated_data(key);
        let number = self.keys.newest();
        let ciphertext = self
            .cipher(number)?
            .encrypt(&nonce.into(), Payload { msg: &plain, aad: &aad })
            .map_err(|_| Error::internal("a value is too long to be sealed"))?;
        let mut sealed = number.to_be_bytes().to_vec();
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    fn open(&self, key: &CacheKey, sealed: &[u8]) -> Option<Entry> {
        let (number, rest) = sealed.split_at_checked(4)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE)?;
        let cipher = self.cipher(u32::from_be_bytes(number.try_into().ok()?)).ok()?;
        let nonce: [u8; NONCE] = nonce.try_into().ok()?;
        let aad = self.associated_data(key);
        let plain = cipher.decrypt(&nonce.into(), Payload { msg: ciphertext, aad: &aad }).ok()?;
        let (length, rest) = plain.split_at_checked(2)?;
        let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
        let (content_type, value) = rest.split_at_checked(length)?;
        let content_type = String::from_utf8(content_type.to_vec()).ok()?;
        Some(Entry { content_type, value: value.to_vec() })
    }
}
