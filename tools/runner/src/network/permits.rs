//! Limits on the number of open connections.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A limit for one kind of connection, and one for all kinds together.
#[derive(Clone, Debug)]
pub struct Permits {
    own: Limit,
    total: Limit,
}

/// A number of permits, or no limit.
#[derive(Clone, Debug, Default)]
pub struct Limit(Option<Arc<Semaphore>>);

/// A permit for one connection, which is released when it is dropped.
#[derive(Debug)]
pub struct Permit {
    _own: Option<OwnedSemaphorePermit>,
    _total: Option<OwnedSemaphorePermit>,
}

impl Limit {
    /// Allows at most `max` permits at the same time, or any number.
    pub fn new(max: Option<usize>) -> Self {
        Self(max.map(|max| Arc::new(Semaphore::new(max))))
    }

    async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        match &self.0 {
            // The semaphore is never closed.
            Some(semaphore) => semaphore.clone().acquire_owned().await.ok(),
            None => None,
        }
    }
}

impl Permits {
    /// Limits one kind of connection to `own` and all kinds to `total`.
    pub fn new(own: Limit, total: Limit) -> Self {
        Self { own, total }
    }

    /// Waits until a connection may be opened, without a timeout.
    pub async fn acquire(&self) -> Permit {
        // In this order no permit of the total is held while waiting for the narrower limit.
        let own = self.own.acquire().await;
        let total = self.total.acquire().await;
        Permit { _own: own, _total: total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn call_waits_for_permit() {
        let permits = Permits::new(Limit::new(Some(1)), Limit::default());
        let first = permits.acquire().await;
        assert!(permits.acquire().now_or_never().is_none());
        drop(first);
        assert!(permits.acquire().now_or_never().is_some());
    }

    #[tokio::test]
    async fn kinds_share_total() {
        let total = Limit::new(Some(1));
        let redis = Permits::new(Limit::default(), total.clone());
        let postgres = Permits::new(Limit::new(Some(5)), total);
        let _first = redis.acquire().await;
        assert!(postgres.acquire().now_or_never().is_none());
    }

    #[tokio::test]
    async fn unlimited_permits_never_wait() {
        let permits = Permits::new(Limit::default(), Limit::default());
        let held: Vec<_> = (0..100).filter_map(|_| permits.acquire().now_or_never()).collect();
        assert_eq!(held.len(), 100);
    }
}
