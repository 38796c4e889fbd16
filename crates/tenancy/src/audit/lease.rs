//! One verification and one export of a tenant at the same time, over all instances.
//!
//! The place is a lease in Redis. It expires when its holder stops, or when the reader of an export takes no page
//! for half a minute: then another export may take the place, and the first one breaks off.

use std::{rc::Rc, sync::LazyLock, time::Duration};

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    hex, log,
    platform::redis::{Argument, Reply, Script},
    tenancy::Tenancy,
};

/// Takes, renews or gives back a lease: KEYS the lease; ARGV its holder, and its milliseconds (0 gives it back). Returns
/// whether the holder has it.
static LEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local holder = redis.call('GET', KEYS[1])
         if holder and holder ~= ARGV[1] then return 0 end
         if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
         return 1",
    )
});

const MILLIS: i64 = 30_000;
/// How long a request waits for a place, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(200);

/// A place, which is given back when this is dropped.
pub struct Lease {
    tenancy: Rc<Tenancy>,
    key: String,
    holder: String,
}

impl Lease {
    /// Takes the place of a chain for an activity.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when the tenant has one under way.
    pub async fn take(
        tenancy: &Rc<Tenancy>,
        chain: Option<Uuid>,
        activity: &'static str,
    ) -> Result<Self> {
        let key = match chain {
            Some(tenant) => format!("t:{{{tenant}}}:audit_lease:{activity}"),
            None => format!("platform:audit_lease:{activity}"),
        };
        let holder = hex::encode(&tenancy.platform.random.bytes::<16>());
        let lease = Self { tenancy: Rc::clone(tenancy), key, holder };
        let mut waited = Duration::ZERO;
        while !lease.run(MILLIS).await {
            if waited >= PATIENCE {
                return Err(Error::RateLimited { retry_after: 5 });
            }
            tenancy.platform.executor.sleep(LOOK).await;
            waited += LOOK;
        }
        Ok(lease)
    }

    /// Renews the lease.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when another has it.
    pub(super) async fn renew(&self) -> Result<()> {
        if self.run(MILLIS).await {
            Ok(())
        } else {
            Err(Error::unavailable("the reader was too slow, and another has the place now"))
        }
    }

    /// Without Redis there are no leases: the bounds of each instance remain.
    async fn run(&self, millis: i64) -> bool {
        let arguments = [Argument::from(&self.holder), Argument::Int(millis)];
        let redis = &*self.tenancy.platform.redis;
        match LEASE.run_with_retry(redis, &[&self.key], &arguments).await {
            Ok(replies) => replies.first().and_then(Reply::as_int) != Some(0),
            Err(error) => {
                let effect = "Redis unavailable; audit trails are read without a lease";
                log::warning(&self.tenancy, effect, &error.into());
                true
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let tenancy = Rc::clone(&self.tenancy);
        let (key, holder) = (std::mem::take(&mut self.key), std::mem::take(&mut self.holder));
        let executor = Rc::clone(&tenancy.platform.executor);
        executor.spawn(Box::pin(async move {
            let arguments = [Argument::from(&holder), Argument::Int(0)];
            // On a failure the lease expires.
            let _ = LEASE.run(&*tenancy.platform.redis, &[&key], &arguments).await;
        }));
    }
}
