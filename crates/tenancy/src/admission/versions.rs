//! The versions of a tenant and a user in Redis.

use std::{rc::Rc, sync::LazyLock};

use uuid::Uuid;

use crate::{
    crypto::{Purpose, Sealed},
    error::Error,
    log,
    platform::redis::{Argument, RedisError, Reply, Script},
    tenancy::Tenancy,
    tenant::TenantRecord,
};

/// Seconds for which a version counts after it was compared with PostgreSQL.
const FRESH: i64 = 60;
/// Seconds for which it counts where PostgreSQL is away.
const REMEMBERED: i64 = 600;

static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("read_versions.lua")));
static PUBLISH: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("publish_version.lua")));

/// Where the versions of a tenant and one of its users are kept.
pub(super) struct Versions {
    tenant: Uuid,
    tenant_key: String,
    user_key: String,
}

/// What Redis knows.
#[derive(Default)]
pub(super) struct Known {
    tenant_version: Option<i64>,
    tenant_age: Option<i64>,
    /// The snapshot, where it is another than the instance has.
    tenant_snapshot: Option<Rc<TenantRecord>>,
    user_version: Option<i64>,
    user_age: Option<i64>,
}

impl Versions {
    pub(super) fn of(tenant: Uuid, user: Uuid) -> Self {
        // The braces make the tenant one hash slot of a cluster.
        Self {
            tenant,
            tenant_key: format!("t:{{{tenant}}}:tenant"),
            user_key: format!("t:{{{tenant}}}:user:{user}"),
        }
    }

    /// Reads both versions, and the tenant's snapshot where its version is not `known_version`.
    pub(super) async fn read(
        &self,
        tenancy: &Tenancy,
        known_version: Option<i64>,
    ) -> Result<Known, RedisError> {
        let redis = &*tenancy.platform.redis;
        let keys = [self.tenant_key.as_str(), self.user_key.as_str()];
        let arguments = [Argument::Int(known_version.unwrap_or(0))];
        let replies = match READ.run(redis, &keys, &arguments).await {
            // A kept connection that broke is replaced on the second try; reading twice is safe.
            Err(RedisError::Unavailable(_)) => READ.run(redis, &keys, &arguments).await?,
            answer => answer?,
        };
        let int = |index: usize| replies.get(index).and_then(Reply::as_int);
        Ok(Known {
            tenant_version: int(0),
            tenant_age: int(1),
            tenant_snapshot: replies
                .get(2)
                .and_then(Reply::as_bytes)
                .and_then(|sealed| self.open_snapshot(tenancy, sealed)),
            user_version: int(3),
            user_age: int(4),
        })
    }

    /// A snapshot that does not open, or is of another version of this program, is as good as none.
    fn open_snapshot(&self, tenancy: &Tenancy, sealed: &[u8]) -> Option<Rc<TenantRecord>> {
        let sealed = Sealed(sealed.to_vec());
        let json = tenancy.master_key.open(Purpose::Snapshot, self.tenant, &sealed).ok()?;
        serde_json::from_slice(&json).ok().map(Rc::new)
    }

    /// Notes what PostgreSQL says of the tenant now. The snapshot is sealed: whoever can write to
    /// Redis cannot send a tenant's sign-ins to another database.
    pub(super) async fn publish_tenant(&self, tenancy: &Tenancy, record: &TenantRecord) {
        let sealed = serde_json::to_vec(record).map_err(Error::internal).and_then(|json| {
            let random = &*tenancy.platform.random;
            tenancy.master_key.seal(Purpose::Snapshot, record.id, &json, random)
        });
        match sealed {
            Ok(Sealed(snapshot)) => {
                self.publish(tenancy, &self.tenant_key, record.version, &snapshot).await;
            }
            Err(error) => log::warning(tenancy, "a snapshot was not noted in Redis", &error),
        }
    }

    /// Notes what PostgreSQL says of the user now.
    pub(super) async fn publish_user(&self, tenancy: &Tenancy, version: i64) {
        self.publish(tenancy, &self.user_key, version, &[]).await;
    }

    /// Forgets a tenant that is no more.
    pub(super) async fn forget_tenant(&self, tenancy: &Tenancy) {
        self.forget(tenancy, &self.tenant_key).await;
    }

    /// Forgets a user who is no more.
    pub(super) async fn forget_user(&self, tenancy: &Tenancy) {
        self.forget(tenancy, &self.user_key).await;
    }

    async fn forget(&self, tenancy: &Tenancy, key: &str) {
        if let Err(error) = tenancy.platform.redis.execute("DEL", &[key.into()]).await {
            log::warning(tenancy, "a version was not forgotten in Redis", &error.into());
        }
    }

    /// Without Redis the next request asks PostgreSQL again, so a failure is only noted.
    async fn publish(&self, tenancy: &Tenancy, key: &str, version: i64, snapshot: &[u8]) {
        let arguments =
            [Argument::Int(version), Argument::Int(REMEMBERED), Argument::Bytes(snapshot)];
        if let Err(error) = PUBLISH.run(&*tenancy.platform.redis, &[key], &arguments).await {
            log::warning(tenancy, "a version was not noted in Redis", &error.into());
        }
    }
}

impl Known {
    /// The tenant as of the version that Redis knows: from Redis, or the instance's own.
    pub(super) fn tenant_record(&self, own: Option<Rc<TenantRecord>>) -> Option<Rc<TenantRecord>> {
        [self.tenant_snapshot.clone(), own]
            .into_iter()
            .flatten()
            .find(|record| Some(record.version) == self.tenant_version)
    }

    pub(super) fn tenant_is_fresh(&self) -> bool {
        self.tenant_age.is_some_and(|age| age < FRESH)
    }

    pub(super) fn user_version(&self) -> Option<i64> {
        self.user_version
    }

    /// Whether the user's version need not be compared again, for a token that has `claimed`.
    pub(super) fn user_is_fresh(&self, claimed: i64) -> bool {
        self.user_version.is_some_and(|version| version >= claimed)
            && self.user_age.is_some_and(|age| age < FRESH)
    }
}
