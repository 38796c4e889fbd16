//! Turns of the single-threaded event loop that all requests of an instance share.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::LocalBoxFuture;

/// The event loop.
#[async_trait(?Send)]
pub trait Executor {
    /// Lets the other requests of this instance run, then goes on.
    async fn yield_now(&self);

    /// Waits for `duration`.
    async fn sleep(&self, duration: Duration);

    /// Runs `task` beside the request, also after its response has been sent. Nothing waits for it
    /// and it may be lost with the instance: it must not be what correctness depends on.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
}
