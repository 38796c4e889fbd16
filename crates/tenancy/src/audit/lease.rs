//! Limits each tenant to one verification and one export at a time, and each user to one export of personal data, over
//! all instances.
//!
//! A lease in Redis represents the activity. It expires when its holder stops, or when the reader of an export requests
//! no page for 30 s. Another export may then take the lease, and the first one fails.

use std::{rc::Rc, sync::LazyLock, time::Duration};

use platform::redis::{Argument, Reply, Script};
use uuid::Uuid;

use crate::{
    context::Context,
    error::{Error, Result},
    log, redis_key,
};

/// Takes, renews or releases a lease.
///
/// KEYS: the lease. ARGV: its holder, and its duration in milliseconds (0 releases it). Returns whether the holder has
/// it.
static LEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local holder = redis.call('GET', KEYS[1])
         if holder and holder ~= ARGV[1] then return 0 end
         if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
         return 1",
    )
});

const MILLIS: i64 = 30_000;
/// The time for which a request waits for a lease, and the interval at which it retries.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(200);

/// A lease, which is released when this is dropped.
pub struct Lease {
    context: Rc<Context>,
    key: String,
    holder: String,
}

impl Lease {
    /// Takes the lease of a chain for an activity.
    ///
    /// # Errors
    /// [`Error::RateLimited`] while the tenant has such an activity running.
    pub async fn take(context: &Rc<Context>, chain: Option<Uuid>, activity: &str) -> Result<Self> {
        let key = redis_key::audit_lease(chain, activity);
        let holder = base16ct::lower::encode_string(&context.platform.random.bytes::<16>());
        let lease = Self { context: Rc::clone(context), key, holder };
        let mut waited = Duration::ZERO;
        while !lease.run(MILLIS).await {
            if waited >= PATIENCE {
                return Err(Error::RateLimited { retry_after: 5 });
            }
            context.platform.executor.sleep(LOOK).await;
            waited += LOOK;
        }
        Ok(lease)
    }

    /// Renews the lease.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if another holder has it.
    pub(crate) async fn renew(&self) -> Result<()> {
        if self.run(MILLIS).await {
            Ok(())
        } else {
            Err(Error::unavailable("the reader was too slow, and another request holds the lease"))
        }
    }

    /// Succeeds without Redis: only the limits of each instance apply then.
    async fn run(&self, millis: i64) -> bool {
        let arguments = [Argument::from(&self.holder), Argument::Int(millis)];
        let redis = &*self.context.platform.redis;
        match LEASE.run_with_retry(redis, &[&self.key], &arguments).await {
            Ok(replies) => replies.first().and_then(Reply::as_int) != Some(0),
            Err(error) => {
                let effect = "Redis unavailable; reading an audit trail without a lease";
                log::warning(&self.context, effect, &error.into());
                true
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let context = Rc::clone(&self.context);
        let (key, holder) = (std::mem::take(&mut self.key), std::mem::take(&mut self.holder));
        let executor = Rc::clone(&context.platform.executor);
        executor.spawn(Box::pin(async move {
            let arguments = [Argument::from(&holder), Argument::Int(0)];
            // After a failure, the lease expires.
            let _ = LEASE.run(&*context.platform.redis, &[&key], &arguments).await;
        }));
    }
}
