//! The single-threaded event loop that all requests of an instance share.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::LocalBoxFuture;

/// The event loop.
#[async_trait(?Send)]
pub trait Executor {
    /// Lets the other requests of this instance run.
    async fn yield_now(&self);

    /// Waits for `duration`.
    async fn sleep(&self, duration: Duration);

    /// Runs `task` concurrently with the request, even after its response has been sent. Nothing awaits the task, and
    /// it may be lost with the instance, so correctness must not depend on it.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
}
