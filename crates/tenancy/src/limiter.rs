//! Bounds on what an instance does at one time.

use std::{cell::Cell, rc::Rc, time::Duration};

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
}
