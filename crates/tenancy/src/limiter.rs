//! Limits on the work that an instance does concurrently.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use platform::Executor;
use uuid::Uuid;

use crate::error::{Error, Result};

/// How long a request waits for a slot before it is refused.
const PATIENCE: Duration = Duration::from_secs(5);
/// The polling interval. Polling is necessary because requests of an instance cannot wake one another.
const LOOK: Duration = Duration::from_millis(10);

/// Admits up to `most` requests at a time. The others wait briefly and are then asked to retry.
pub(crate) struct Limiter {
    what: &'static str,
    most: u32,
    inside: Rc<Cell<u32>>,
}

/// A slot that is released on drop.
pub(crate) struct Slot(Rc<Cell<u32>>);

impl Limiter {
    /// Creates a limiter with `most` slots.
    pub(crate) fn new(what: &'static str, most: u32) -> Self {
        Self { what, most, inside: Rc::default() }
    }

    /// Acquires a slot.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no slot is released in time.
    pub(crate) async fn enter(&self, executor: &dyn Executor) -> Result<Slot> {
        let mut waited = Duration::ZERO;
        while self.inside.get() >= self.most {
            if waited >= PATIENCE {
                return Err(Error::unavailable(format!(
                    "{} {} are already running",
                    self.most, self.what
                )));
            }
            executor.sleep(LOOK).await;
            waited += LOOK;
        }
        self.inside.set(self.inside.get() + 1);
        Ok(Slot(Rc::clone(&self.inside)))
    }
}

/// Admits up to `most` requests of each tenant at a time.
pub(crate) struct Shares {
    what: &'static str,
    most: u32,
    inside: Rc<RefCell<HashMap<Uuid, u32>>>,
}

/// A slot of a tenant that is released on drop.
pub(crate) struct Share {
    inside: Rc<RefCell<HashMap<Uuid, u32>>>,
    tenant: Uuid,
}

impl Shares {
    /// Creates a limiter with `most` slots for each tenant.
    pub(crate) fn new(what: &'static str, most: u32) -> Self {
        Self { what, most, inside: Rc::default() }
    }

    /// Acquires a slot of a tenant.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no slot is released in time.
    pub(crate) async fn enter(&self, executor: &dyn Executor, tenant: Uuid) -> Result<Share> {
        let mut waited = Duration::ZERO;
        let is_full = || self.inside.borrow().get(&tenant).is_some_and(|count| *count >= self.most);
        while is_full() {
            if waited >= PATIENCE {
                let Self { what, most, .. } = self;
                return Err(Error::unavailable(format!(
                    "{most} {what} of the tenant are already running"
                )));
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

    /// Runs a function instead of each sleep. The argument is the number of earlier sleeps.
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
    fn request_without_slot_is_refused_in_time() {
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
    fn waiting_request_gets_the_released_slot() {
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
    fn full_tenant_leaves_slots_to_others() {
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
