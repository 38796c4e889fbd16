//! Limits on how many connections are open at once.

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

/// Leave for one connection, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    _own: Option<OwnedSemaphorePermit>,
    _total: Option<OwnedSemaphorePermit>,
}

impl Limit {
    /// At most `max` at once, or any number.
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

    /// Waits, without an end, until a connection may be opened.
    pub async fn acquire(&self) -> Permit {
        // In this order, one of the total is never held while waiting for the
        // narrower limit.
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
    async fn a_permit_is_waited_for() {
        let permits = Permits::new(Limit::new(Some(1)), Limit::default());
        let first = permits.acquire().await;
        assert!(permits.acquire().now_or_never().is_none());
        drop(first);
        assert!(permits.acquire().now_or_never().is_some());
    }

    #[tokio::test]
    async fn kinds_share_the_total() {
        let total = Limit::new(Some(1));
        let redis = Permits::new(Limit::default(), total.clone());
        let postgres = Permits::new(Limit::new(Some(5)), total);
        let _first = redis.acquire().await;
        assert!(postgres.acquire().now_or_never().is_none());
    }

    #[tokio::test]
    async fn no_limit_is_no_wait() {
        let permits = Permits::new(Limit::default(), Limit::default());
        let held: Vec<_> = (0..100).filter_map(|_| permits.acquire().now_or_never()).collect();
        assert_eq!(held.len(), 100);
    }
}
