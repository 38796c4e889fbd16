//! The platform of a native program: `tenantctl` and the tests.

mod host;
mod redis;
mod rolled_back;
mod sql;
mod tls;

use std::{path::PathBuf, rc::Rc};

use async_trait::async_trait;

pub use host::{NativeClock, NativeExecutor, NativeRandom};
pub use redis::NativeRedis;
pub use rolled_back::RolledBackSql;
pub use sql::NativeSql;
pub use tls::{TlsError, check_postgres, check_redis};

use super::{KeyValue, KeyValueError, NoHttp, Platform};

/// Files with the root certificates to trust instead of those of the system.
#[derive(Debug, Clone, Default)]
pub struct RootFiles {
    /// For PostgreSQL, unless a URL has `sslrootcert`.
    pub postgres: Option<PathBuf>,
    /// For Redis.
    pub redis: Option<PathBuf>,
}

impl Platform {
    /// Returns the platform of a native program on a single-threaded tokio runtime. `redis_address` is a `redis://` or
    /// `rediss://` URL. Connections open on first use.
    pub fn native(redis_address: String) -> Self {
        Self::native_trusting(redis_address, RootFiles::default())
    }

    /// Returns the same platform as [`native`](Self::native), which trusts these certificates.
    pub fn native_trusting(redis_address: String, roots: RootFiles) -> Self {
        Self {
            sql: Rc::new(NativeSql::new(roots.postgres)),
            redis: Rc::new(NativeRedis::new(redis_address, roots.redis)),
            key_value: Rc::new(NoKeyValue),
            clock: Rc::new(NativeClock),
            random: Rc::new(NativeRandom),
            executor: Rc::new(NativeExecutor),
            http: Rc::new(NoHttp),
        }
    }
}

/// A key-value store that is always unavailable, because only the Spin host provides key-value stores.
struct NoKeyValue;

impl NoKeyValue {
    fn away(store: &str) -> KeyValueError {
        KeyValueError(format!("the store {store} can only be reached on Spin"))
    }
}

#[async_trait(?Send)]
impl KeyValue for NoKeyValue {
    async fn get(&self, store: &str, _: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        Err(Self::away(store))
    }

    async fn set(&self, store: &str, _: &str, _: &[u8]) -> Result<(), KeyValueError> {
        Err(Self::away(store))
    }

    async fn delete(&self, store: &str, _: &str) -> Result<(), KeyValueError> {
        Err(Self::away(store))
    }
}
