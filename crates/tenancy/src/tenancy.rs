//! The handle to the whole service: the platform, the settings, and the keys derived from them.

use std::{rc::Rc, time::Duration};

use uuid::Uuid;

use crate::{
    absent::Absent,
    admission::{LastTime, queue, renewal::Renewals},
    api_key::ApiKeyRecord,
    background::Background,
    bucket::Buckets,
    credential::Passwords,
    crypto::MasterKey,
    earlier_processes::Collected,
    error::{Error, Result},
    kept::Kept,
    limiter::Limiter,
    log,
    metrics::{Counters, MeteredRedis, MeteredSql},
    operator_key,
    platform::{
        Platform,
        sql::{Connection, STATEMENT_DEADLINE},
    },
    quota::{checkpoint::Checkpoints, seen::SeenUsage},
    remembered::Remembered,
    resolve::ForeignHosts,
    settings::Settings,
    tenant::{Tenant, TenantRecord, TenantView},
    token::AccessTokens,
};

/// Seconds for which an unknown API key is cached as unknown. A new key is random, so no caller can have sent it before
/// it was created.
const ABSENT_KEY_SECONDS: u64 = 60;
/// The number of tenants that an instance provisions concurrently.
const PROVISIONINGS_AT_ONCE: u32 = 4;
/// The maximum size in bytes of a tenant's JSON that an instance caches. The operator's data about a tenant may be far
/// longer.
const MOST_SHOWN: usize = 2 * 1024;
/// The number of export pages that an instance writes concurrently.
const EXPORTS_AT_ONCE: u32 = 2;

/// The state that every call of the service uses. An instance has one for its whole life.
pub struct Tenancy {
    /// The interface to the host.
    pub platform: Platform,
    /// The operator's settings.
    pub settings: Settings,
    /// The key that seals the other keys.
    pub master_key: MasterKey,
    /// Signs and verifies access tokens.
    pub access_tokens: AccessTokens,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// The tenants that this instance has cached, by their ids.
    pub(crate) tenants: Remembered<Uuid, TenantRecord>,
    /// The API keys that this instance has cached, by their hashes.
    pub(crate) api_keys: Remembered<[u8; 32], ApiKeyRecord>,
    /// Tenants as JSON for responses, by their ids and versions.
    shown: Remembered<(Uuid, i64), Vec<u8>>,
    /// The tenants whose custom domains the foreign hosts are.
    pub(crate) foreign_hosts: ForeignHosts,
    pub(crate) provisioning: Limiter,
    pub(crate) exports: Limiter,
    /// The metrics that this instance has counted.
    pub counters: Rc<Counters>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) renewals: Renewals,
    pub(crate) queue_looks: queue::Looks,
    pub(crate) last_redis_time: LastTime,
    pub(crate) collected: Collected,
    pub(crate) seen_usage: SeenUsage,
    pub(crate) background: Background,
    pub(crate) buckets: Buckets,
    /// Hashes of API keys and operator keys that do not exist.
    pub(crate) absent_keys: Absent<[u8; 32]>,
    pub(crate) operator_keys: operator_key::Seen,
    pub(crate) kept: Kept,
    pub(crate) log: log::Buffer,
}

impl Tenancy {
    /// Creates the service on a platform with these settings. Connections open on first use.
    pub fn new(platform: Platform, settings: Settings) -> Result<Self> {
        let counters = Rc::<Counters>::default();
        let (clock, redis, sql) = (&platform.clock, &platform.redis, &platform.sql);
        let redis = MeteredRedis::new(Rc::clone(redis), Rc::clone(clock), Rc::clone(&counters));
        let sql = MeteredSql::new(Rc::clone(sql), Rc::clone(clock), Rc::clone(&counters));
        let platform = Platform { redis: Rc::new(redis), sql: Rc::new(sql), ..platform };
        Ok(Self {
            master_key: MasterKey::derive(
                &settings.master_encryption_key,
                &settings.master_decryption_keys,
            )?,
            access_tokens: AccessTokens::new(&settings),
            passwords: Passwords::default(),
            tenants: Remembered::default(),
            api_keys: Remembered::default(),
            shown: Remembered::default(),
            foreign_hosts: ForeignHosts::default(),
            provisioning: Limiter::new("provisionings", PROVISIONINGS_AT_ONCE),
            exports: Limiter::new("exports", EXPORTS_AT_ONCE),
            counters,
            checkpoints: Checkpoints::default(),
            renewals: Renewals::default(),
            queue_looks: queue::Looks::default(),
            last_redis_time: LastTime::default(),
            collected: Collected::default(),
            seen_usage: SeenUsage::default(),
            background: Background::default(),
            buckets: Buckets::default(),
            absent_keys: Absent::for_seconds(ABSENT_KEY_SECONDS),
            operator_keys: operator_key::Seen::default(),
            kept: Kept::default(),
            log: log::Buffer::default(),
            platform,
            settings,
        })
    }

    /// Returns a tenant as JSON for a response. Each version of a tenant is serialised once.
    pub fn show(&self, tenant: &Tenant) -> Result<Rc<Vec<u8>>> {
        let key = (tenant.id, tenant.version);
        if let Some(shown) = self.shown.get(&key) {
            return Ok(shown);
        }
        let view = TenantView::from(tenant.record());
        let shown = Rc::new(serde_json::to_vec(&view).map_err(Error::internal)?);
        if shown.len() <= MOST_SHOWN {
            self.shown.put(key, Rc::clone(&shown));
        }
        Ok(shown)
    }

    /// Returns a connection to the catalog.
    pub async fn catalog(&self) -> Result<Box<dyn Connection>> {
        self.catalog_within(STATEMENT_DEADLINE).await
    }

    /// Returns a connection to the catalog whose statements may take up to `deadline`.
    pub async fn catalog_within(&self, deadline: Duration) -> Result<Box<dyn Connection>> {
        let address = self.settings.master_database_url.to_text();
        Ok(self.platform.sql.connect(address.expose(), deadline).await?)
    }
}
