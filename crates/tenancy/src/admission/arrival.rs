//! The time of a request.

use chrono::{DateTime, Utc};

use crate::context::Context;

/// The time at which a request arrived, on two clocks. A lease covers a request that arrived while it was valid.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The time of day.
    pub at: DateTime<Utc>,
    /// Microseconds of the monotonic clock.
    pub micros: u64,
}

impl Arrival {
    /// Returns the current time, for a check that begins only now.
    pub fn now(context: &Context) -> Self {
        let (at, micros) = context.platform.clock.moment();
        Self { at, micros }
    }
}
