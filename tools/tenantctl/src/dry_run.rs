//! Dry runs: the use cases of the core in transactions that are rolled back, with the same checks as the change.
//!
//! The core skips everything outside of the catalog and the tenant's database in a dry run. As a second line of defence,
//! this platform cannot reach Redis and starts no work.

use std::{rc::Rc, time::Duration};

use async_trait::async_trait;
use futures::future::LocalBoxFuture;
use platform::{
    Executor, Platform, Redis,
    native::{NativeExecutor, NativeSql, RolledBackSql},
    redis::{Command, ProcessId, RedisError, Reply},
};

/// Returns the platform of a dry run on the connections of `sql`.
pub fn platform(platform: Platform, sql: NativeSql) -> Platform {
    Platform {
        sql: Rc::new(RolledBackSql::new(sql)),
        redis: Rc::new(NoRedis),
        executor: Rc::new(NoTasks),
        ..platform
    }
}

struct NoRedis;

#[async_trait(?Send)]
impl Redis for NoRedis {
    async fn run(&self, _: Command<'_>) -> Result<Vec<Reply>, RedisError> {
        Err(RedisError::Refused("a dry run does not use Redis".to_owned()))
    }

    fn process(&self) -> Option<ProcessId> {
        None
    }
}

/// An executor that drops the work after a change.
struct NoTasks;

#[async_trait(?Send)]
impl Executor for NoTasks {
    async fn yield_now(&self) {
        NativeExecutor.yield_now().await;
    }

    async fn sleep(&self, duration: Duration) {
        NativeExecutor.sleep(duration).await;
    }

    fn spawn(&self, _: LocalBoxFuture<'static, ()>) {}
}
