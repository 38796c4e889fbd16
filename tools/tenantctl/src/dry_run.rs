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
use tenancy::{Context, Error};

/// The transactions of a dry run.
pub struct Transactions(pub Rc<RolledBackSql>);

/// Rolls back the changes of a dry run, so that it holds no locks while it prints or works on the next item. Does nothing
/// outside of a dry run.
pub async fn roll_back(context: &Context) -> Result<(), Error> {
    if context.is_dry_run() {
        let none = || Transactions(Rc::new(RolledBackSql::new(NativeSql::default())));
        context.state_from(none).0.roll_back().await?;
    }
    Ok(())
}

/// Returns the platform of a dry run on the transactions of `sql`.
pub fn platform(platform: Platform, sql: Rc<RolledBackSql>) -> Platform {
    Platform { sql, redis: Rc::new(NoRedis), executor: Rc::new(NoTasks), ..platform }
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
