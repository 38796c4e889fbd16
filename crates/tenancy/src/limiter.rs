//! Bounds on what an instance does at one time.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    platform::Executor,
};

/// How long a request waits for a place before it is sent away.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks. Requests of an instance cannot wake one another, so it has to look.
const LOOK: Duration = Duration::from_millis(10);

/// Lets so many in at a time; the others wait a little, or are sent away to come again.
pub(crate) struct Limiter {
    what: &'static str,
    most: u32,
    inside: Rc<Cell<u32>>,
}

/// A place inside, given back when it is dropped.
pub(crate) struct Slot(Rc<Cell<u32>>);

impl Limiter {
    /// A limiter of `most` at a time.
    pub(crate) fn new(what: &'static str, most: u32) -> Self {
        Self { what, most, inside: Rc::default() }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none gets free in time.
    pub(crate) async fn enter(&self, executor: &dyn Executor) -> Result<Slot> {
        let mut waited = Duration::ZERO;
        while self.inside.get() >= self.most {
            if waited >= PATIENCE {
                return Err(Error::unavailable(format!("{} {} run already", self.most, self.what)));
            }
            executor.sleep(LOOK).await;
            waited += LOOK;
        }
        self.inside.set(self.inside.get() + 1);
        Ok(Slot(Rc::clone(&self.inside)))
    }
}

/// Lets so many of each tenant in at a time.
pub(crate) struct Shares {
    what: &'static str,
    most: u32,
    inside: Rc<RefCell<HashMap<Uuid, u32>>>,
}

/// A place of a tenant, given back when it is dropped.
pub(crate) struct Share {
    inside: Rc<RefCell<HashMap<Uuid, u32>>>,
    tenant: Uuid,
}

impl Shares {
    /// Shares of `most` places for each tenant.
    pub(crate) fn new(what: &'static str, most: u32) -> Self {
        Self { what, most, inside: Rc::default() }
    }

    /// Takes a place of a tenant.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none gets free in time.
    pub(crate) async fn enter(&self, executor: &dyn Executor, tenant: Uuid) -> Result<Share> {
        let mut waited = Duration::ZERO;
        let is_full = || self.inside.borrow().get(&tenant).is_some_and(|count| *count >= self.most);
        while is_full() {
            if waited >= PATIENCE {
                let Self { what, most, .. } = self;
                return Err(Error::unavailable(format!("{most} {what} of the tenant run already")));
            }
            executor.sleep(LOOK).await;
            waited += LOOK;
        }
        *self.inside.borrow_mut().entry(tenant).or_default() += 1;
        Ok(Share { inside: Rc::clone(&self.inside), tenant })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut inside = self.inside.borrow_mut();
        let Some(count) = inside.get_mut(&self.tenant) else { return };
        *count -= 1;
        if *count == 0 {
            inside.remove(&self.tenant);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::{executor::block_on, future::LocalBoxFuture};

    use super::*;

    /// Runs something instead of each sleep, with the number of sleeps before it.
    struct OnSleep<F: Fn(u32)>(Cell<u32>, F);

    #[async_trait(?Send)]
    impl<F: Fn(u32)> Executor for OnSleep<F> {
        async fn yield_now(&self) {}

        async fn sleep(&self, _: Duration) {
            self.1(self.0.get());
            self.0.set(self.0.get() + 1);
        }

        fn spawn(&self, _: LocalBoxFuture<'static, ()>) {}
    }

    // S36
    #[test]
    fn who_finds_no_place_in_time_is_sent_away() {
        let limiter = Limiter::new("tests", 1);
        let executor = OnSleep(Cell::new(0), |_| {});
        let slot = block_on(limiter.enter(&executor)).unwrap();
        assert!(matches!(block_on(limiter.enter(&executor)), Err(Error::Unavailable { .. })));
        assert_eq!(executor.0.get(), 500);
        drop(slot);
        assert!(block_on(limiter.enter(&executor)).is_ok());
    }

    // S36
    #[test]
    fn who_waits_gets_the_place_that_is_given_back() {
        let limiter = Limiter::new("tests", 1);
        let idle = OnSleep(Cell::new(0), |_| {});
        let slot = Cell::new(block_on(limiter.enter(&idle)).ok());
        let executor = OnSleep(Cell::new(0), |sleeps| {
            if sleeps == 2 {
                slot.take();
            }
        });
        assert!(block_on(limiter.enter(&executor)).is_ok());
        assert_eq!(executor.0.get(), 3);
    }

    // S21, S36
    #[test]
    fn share_of_one_tenant_leaves_places_to_others() {
        let shares = Shares::new("tests", 2);
        let executor = OnSleep(Cell::new(0), |_| {});
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = block_on(shares.enter(&executor, one)).unwrap();
        let _second = block_on(shares.enter(&executor, one)).unwrap();
        assert!(matches!(block_on(shares.enter(&executor, one)), Err(Error::Unavailable { .. })));
        let sleeps = executor.0.get();
        let other = block_on(shares.enter(&executor, other)).unwrap();
        assert_eq!(executor.0.get(), sleeps);
        drop(first);
        assert!(block_on(shares.enter(&executor, one)).is_ok());
        drop(other);
        assert_eq!(shares.inside.borrow().len(), 1);
    }
}
