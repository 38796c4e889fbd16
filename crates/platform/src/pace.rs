//! Time limits for clients that send a body or read a response.
//!
//! Each wait has a time limit, and an instance limits its number of concurrent waits. An instance serves few requests
//! at once, and stalled clients must not occupy all of its slots.

use std::time::Duration;

/// The time limit for a body that is read whole.
const WHOLE: Duration = Duration::from_secs(10);
/// The time in which a transfer must make [`LEAST`] bytes of progress.
const WINDOW: Duration = Duration::from_secs(30);
/// The minimum number of bytes in a window: 1 KiB/s.
const LEAST: usize = 30 * 1024;
/// The number of stalled waits that an instance allows at once. It serves 16 requests at once.
const MOST_STALLED: usize = 8;

/// The time that a client has left. Only the time during which the service waits for the client is subtracted.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    left: Duration,
    /// The number of bytes in this window, or `None` if the whole body must arrive in the time that is left.
    progress: Option<usize>,
}

impl Pace {
    /// Returns the time limit for a body that is read whole: 10 s.
    pub fn whole() -> Self {
        Self { left: WHOLE, progress: None }
    }

    /// Returns the time limit for a transfer of any length: at least 1 KiB/s, measured over 30 s.
    pub fn transfer() -> Self {
        Self { left: WINDOW, progress: Some(0) }
    }

    /// Returns the maximum wait for the next piece.
    pub fn patience(&self) -> Duration {
        self.left
    }

    /// Returns the time after which a wait for the next piece is stalled.
    pub fn stalls_after(&self) -> Duration {
        Duration::from_secs(if self.progress.is_none() { 1 } else { 5 })
    }

    /// Records a piece of `bytes` that arrived after a wait.
    pub fn record(&mut self, waited: Duration, bytes: usize) {
        self.left = self.left.saturating_sub(waited);
        if let Some(progress) = &mut self.progress {
            *progress += bytes;
            if *progress >= LEAST {
                *self = Self::transfer();
            }
        }
    }
}

/// Returns the stalled waits of an instance that exceed the limit, the longest first. Each wait comes with the time at
/// which it stalled.
pub fn excess<T>(mut stalled: Vec<(u64, T)>) -> Vec<T> {
    let excess = stalled.len().saturating_sub(MOST_STALLED);
    stalled.sort_by_key(|(since, _)| *since);
    stalled.into_iter().take(excess).map(|(_, wait)| wait).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns the number of seconds after which a client that sends `bytes` per second is too slow.
    fn seconds(mut pace: Pace, bytes: usize) -> Option<u64> {
        (1..=1_000).find(|_| {
            pace.record(SECOND, bytes);
            pace.patience().is_zero()
        })
    }

    #[test]
    fn whole_body_has_one_deadline() {
        for bytes in [0, 1, 1_000_000] {
            assert_eq!(seconds(Pace::whole(), bytes), Some(10), "{bytes}");
        }
    }

    #[test]
    fn transfer_needs_a_minimum_rate() {
        assert_eq!(seconds(Pace::transfer(), 0), Some(30));
        assert_eq!(seconds(Pace::transfer(), 1_000), Some(30));
        for bytes in [1_100, 2_048, 1 << 20] {
            assert_eq!(seconds(Pace::transfer(), bytes), None, "{bytes}");
        }
    }

    #[test]
    fn fast_start_earns_no_credit() {
        let mut pace = Pace::transfer();
        pace.record(SECOND, 1 << 30);
        assert_eq!(seconds(pace, 1), Some(30));
    }

    #[test]
    fn longest_stalls_above_the_bound_end() {
        let stalled = |count: u64| (0..count).map(|since| (count - since, since)).collect();
        assert_eq!(excess(stalled(8)), [] as [u64; 0]);
        assert_eq!(excess(stalled(11)), [10, 9, 8]);
    }
}
