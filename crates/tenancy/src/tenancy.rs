//! The service as one handle: the outside, the settings, and the keys that follow from them.

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

/// How long an unknown API key stays unknown: a new key is random, so nobody can have shown it before.
const ABSENT_KEY_SECONDS: u64 = 60;
/// Tenants that an instance makes at a time.
const PROVISIONINGS_AT_ONCE: u32 = 4;
/// The longest JSON of a tenant that an instance remembers, in bytes: what the operator keeps with one may
/// be far longer.
const MOST_SHOWN: usize = 2 * 1024;
/// Pages of exports that an instance writes at a time.
const EXPORTS_AT_ONCE: u32 = 2;

/// What every call of the service works with. An instance has one, for as long as it lives.
pub struct Tenancy {
    /// The outside.
    pub platform: Platform,
    /// What the operator chose.
    pub settings: Settings,
    /// What the keys are sealed with.
    pub master_key: MasterKey,
    /// Signs and verifies access tokens.
    pub access_tokens: AccessTokens,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// What this instance knows of tenants, by their ids.
    pub(crate) tenants: Remembered<Uuid, TenantRecord>,
    /// What this instance knows of API keys, by their hashes.
    pub(crate) api_keys: Remembered<[u8; 32], ApiKeyRecord>,
    /// Tenants as answers show them, by their ids and versions.
    shown: Remembered<(Uuid, i64), Vec<u8>>,
    /// Whose custom domain a foreign host is.
    pub(crate) foreign_hosts: ForeignHosts,
    pub(crate) provisioning: Limiter,
    pub(crate) exports: Limiter,
    /// What this instance has counted, for metrics.
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
    /// The service on a platform, with these settings. Nothing is connected before it is used.
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

    /// A tenant as answers show it: JSON, which is put together once for each version of the tenant.
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

    /// A connection to the catalog.
    pub async fn catalog(&self) -> Result<Box<dyn Connection>> {
        self.catalog_within(STATEMENT_DEADLINE).await
    }

    /// A connection to the catalog whose statements may take up to `deadline`.
    pub async fn catalog_within(&self, deadline: Duration) -> Result<Box<dyn Connection>> {
        let address = self.settings.master_database_url.to_text();
        Ok(self.platform.sql.connect(address.expose(), deadline).await?)
    }
}
