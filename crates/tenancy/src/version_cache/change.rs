//! Publication of a change: Redis receives the change before it is acknowledged.
//!
//! PostgreSQL is written first. Then [`Change`] sends the new version to Redis, and [`Change::finish`] returns when the
//! change takes effect. Redis is tried for 3 s, over a new connection after each failure, without the pause that other
//! calls make after a failure. If it stays unavailable, the publication is queued in the catalog
//! ([`crate::version_cache::queue`]), and the caller learns the latest time at which the change takes effect.
//!
//! Under a crash: a process that dies between PostgreSQL and Redis has acknowledged nothing. The old version is
//! compared with PostgreSQL within one minute.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use platform::redis::RedisError;
use uuid::Uuid;

use crate::{
    context::Context,
    error::Result,
    lease::Wait,
    log,
    version_cache::{
        Cause, Entry, Observation,
        entry::{TRUSTED_SECONDS, invalidate},
        queue,
        snapshot::Cached,
    },
};

/// The time for which Redis is tried, for all publications of one change together.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// When a change takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Effect {
    /// On the next request, on every instance.
    Now,
    /// As soon as Redis receives it, and at this time at the latest.
    By(DateTime<Utc>),
}

/// The result of a change, with the time at which it takes effect.
#[must_use]
pub struct Changed<T> {
    /// The result.
    pub value: T,
    /// When the change takes effect.
    pub effect: Effect,
}

impl<T> Changed<T> {
    /// Converts the result and keeps the effect.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Changed<U> {
        Changed { value: map(self.value), effect: self.effect }
    }
}

/// A change of data that admits requests.
///
/// It begins before the statement that makes the change, and is finished before the change is acknowledged.
#[must_use]
pub(crate) struct Change<'a> {
    context: &'a Context,
    observation: Observation,
    wait: Wait<'a>,
    gives_up_at: Cell<Option<u64>>,
    unpublished: RefCell<Vec<queue::Publication>>,
}

impl<'a> Change<'a> {
    /// Begins a change. It calls no store.
    pub(crate) fn begin(context: &'a Context) -> Self {
        Self {
            context,
            observation: Observation::now(context),
            wait: Wait::new(context),
            gives_up_at: Cell::default(),
            unpublished: RefCell::default(),
        }
    }

    /// Publishes the current state of a tenant or of an API key.
    pub(crate) async fn current(&self, record: &impl Cached) -> Result<()> {
        for entry in record.entries(self.context)? {
            self.publish(record.tenant(), &entry).await;
        }
        Ok(())
    }

    /// Publishes the tombstone of a tenant.
    pub(crate) async fn tenant_tombstone(&self, tenant: Uuid) {
        self.publish(tenant, &Entry::tenant_tombstone(tenant)).await;
    }

    /// Publishes the current version of a user.
    pub(crate) async fn user(&self, tenant: Uuid, user: Uuid, version: i64) {
        self.publish(tenant, &Entry::user(tenant, user, version)).await;
    }

    /// Publishes the tombstone of a user.
    pub(crate) async fn user_tombstone(&self, tenant: Uuid, user: Uuid) {
        self.publish(tenant, &Entry::user_tombstone(tenant, user)).await;
    }

    /// Publishes the tombstone of a session.
    pub(crate) async fn session_tombstone(&self, tenant: Uuid, session: Uuid) {
        self.publish(tenant, &Entry::session_tombstone(tenant, session)).await;
    }

    /// Publishes the tombstone of one secret of an API key.
    pub(crate) async fn api_key_tombstone(&self, tenant: Uuid, hash: &[u8]) {
        self.publish(tenant, &Entry::api_key_tombstone(tenant, hash)).await;
    }

    /// Finishes the change: queues the publications that failed, waits for the leases that depend on an earlier version,
    /// and returns when the change takes effect.
    pub(crate) async fn finish(self) -> Effect {
        let unpublished = self.unpublished.into_inner();
        if unpublished.is_empty() {
            self.wait.finish().await;
            return Effect::Now;
        }
        self.wait.add_unknown();
        let context = self.context;
        let queued = async { queue::add(&*context.catalog().await?, &unpublished).await };
        if let Err(error) = queued.await {
            log::warning(
                context,
                "PostgreSQL unavailable; publication not queued, relying on cache expiry",
                &error,
            );
        }
        self.wait.finish().await;
        let now = context.platform.clock.now();
        Effect::By(now + TimeDelta::seconds(TRUSTED_SECONDS))
    }

    /// Publishes an entry. On failure, keeps the publication for the queue.
    async fn publish(&self, tenant: Uuid, entry: &Entry) {
        // Nothing changed, so there is nothing to publish, and no lease to wait for.
        if self.context.is_dry_run() {
            return;
        }
        if let Err(error) = self.try_to_publish(tenant, entry).await {
            let error = error.into();
            log::warning(self.context, "Redis unavailable; queueing a publication", &error);
            let publication =
                queue::Publication { tenant, key: entry.key.clone(), version: entry.version };
            self.unpublished.borrow_mut().push(publication);
        }
    }

    async fn try_to_publish(&self, tenant: Uuid, entry: &Entry) -> Result<(), RedisError> {
        self.may_try()?;
        match entry.store(self.context, self.observation, Cause::Change).await {
            Ok(outstanding) => {
                self.wait.add(tenant, self.observation.process(), outstanding);
                return Ok(());
            }
            Err(error) if !error.is_temporary() => return Err(error),
            Err(_) => {}
        }
        // The observed process has ended or is unavailable. The current one receives only a lower bound of the valid
        // versions.
        if self.observation.process().is_some() {
            self.wait.add_unknown();
        }
        loop {
            match invalidate(self.context, &entry.key, entry.version).await {
                Ok((outstanding, process)) => {
                    self.wait.add(tenant, process, outstanding);
                    return Ok(());
                }
                Err(error) if !error.is_temporary() => return Err(error),
                Err(_) => self.may_try()?,
            }
            self.context.platform.executor.sleep(PAUSE).await;
        }
    }

    /// Returns whether the change may still try Redis.
    fn may_try(&self) -> Result<(), RedisError> {
        let now = self.context.platform.clock.monotonic_micros();
        let patience = u64::try_from(PATIENCE.as_micros()).unwrap_or(u64::MAX);
        let gives_up_at = self.gives_up_at.get().unwrap_or_else(|| now.saturating_add(patience));
        self.gives_up_at.set(Some(gives_up_at));
        if now < gives_up_at {
            return Ok(());
        }
        Err(RedisError::Unavailable("no publication in time".to_owned()))
    }
}
