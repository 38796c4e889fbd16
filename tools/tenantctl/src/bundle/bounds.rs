//! The bounds of an export. A lock or a statement of a tenant must not delay the backups of the others.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use tokio::time::timeout;

use crate::postgres::Limits;

/// The longest time of one statement.
const STATEMENT: Duration = Duration::from_hours(1);
/// The longest wait for a lock of a command for one tenant.
const LOCK: Duration = Duration::from_mins(1);

/// The bounds of the work on one tenant.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    time: Option<(Instant, Duration)>,
    lock: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { time: None, lock: LOCK }
    }
}

impl Bounds {
    /// Begins the work on a tenant that may take this time, and wait this long for each lock.
    pub fn begin(time: Duration, lock: Duration) -> Self {
        Self { time: Some((Instant::now(), time)), lock }
    }

    /// Returns the longest wait for a lock.
    pub fn lock(&self) -> Duration {
        self.lock
    }

    /// Returns the limits of the next session.
    ///
    /// # Errors
    /// No time is left.
    pub fn limits(&self) -> Result<Limits> {
        let statement = self.left()?.map_or(STATEMENT, |left| left.min(STATEMENT));
        Ok(Limits { statement, lock: self.lock })
    }

    /// Returns the time that is left; `None` without a limit.
    ///
    /// # Errors
    /// None is left.
    pub fn left(&self) -> Result<Option<Duration>> {
        let Some((begin, time)) = self.time else { return Ok(None) };
        match time.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) {
            Some(left) => Ok(Some(left)),
            None => Err(self.exceeded()),
        }
    }

    /// Returns the error of work that took too long.
    pub fn exceeded(&self) -> anyhow::Error {
        let seconds = self.time.map_or(0, |(_, time)| time.as_secs());
        anyhow!(
            "the backup took longer than {seconds} s; a lock in the tenant's database may block it, or raise --tenant-timeout"
        )
    }

    /// Runs work, and cancels it when no time is left.
    ///
    /// # Errors
    /// No time is left.
    pub async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        match self.left()? {
            None => Ok(work.await),
            Some(left) => timeout(left, work).await.map_err(|_| self.exceeded()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_bounded_only_if_it_was_set() {
        let unbounded = Bounds::default();
        assert_eq!(unbounded.left().unwrap(), None);
        assert_eq!((unbounded.limits().unwrap().statement, unbounded.lock()), (STATEMENT, LOCK));
        let bounded = Bounds::begin(Duration::from_secs(90), Duration::from_secs(2));
        assert!(bounded.limits().unwrap().statement <= Duration::from_secs(90));
        assert_eq!(bounded.lock(), Duration::from_secs(2));
        let over = Bounds::begin(Duration::ZERO, Duration::ZERO);
        assert!(over.left().unwrap_err().to_string().contains("longer than 0 s"));
    }
}
