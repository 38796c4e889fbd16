//! Durations on the monotonic clock of one process.

/// The validity of a lease (T), for which all others wait, in ticks.
pub const VALIDITY: u8 = 3;
/// The part of the validity in which the holder uses the lease (0.8 T), in ticks. Meanwhile, one clock may gain a tick
/// on another one.
pub const USABLE: u8 = 2;

/// The ticks that are left of a duration. The state of a model has no absolute time, so it stays finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(u8);

impl Timer {
    /// Starts a timer.
    pub fn start(ticks: u8) -> Self {
        Self(ticks)
    }

    /// Moves the clock of the owner forward by one tick.
    pub fn tick(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }

    /// Returns whether the duration is over.
    pub fn has_ended(self) -> bool {
        self.0 == 0
    }

    /// Returns the ticks that are left.
    pub fn left(self) -> u8 {
        self.0
    }
}
