//! The duration and size of the measurements.

use std::time::Duration;

/// The duration of the measurements, and the number of tenants.
pub(crate) struct Effort {
    /// The number of interleaved rounds.
    pub(crate) rounds: usize,
    /// The duration of a load.
    pub(crate) load: Duration,
    /// The duration of the load before a measurement.
    pub(crate) warm_up: Duration,
    /// The duration of the load right before each round of hosts that take turns: a host drops instances that are idle
    /// for a second, and new ones connect to Redis and fill their caches first.
    pub(crate) refill: Duration,
    /// The duration of paced requests.
    pub(crate) pace: Duration,
    /// The number of consecutive sign-ins.
    pub(crate) logins: usize,
    /// The number of access tokens of a tenant in rotation.
    pub(crate) tokens: usize,
    /// The size of a file in MiB.
    pub(crate) file_mebibytes: usize,
    /// The final number of tenants. The creation of half of them is timed.
    pub(crate) tenants: usize,
    /// The numbers of tenants in rotation.
    pub(crate) turns: &'static [usize],
}

impl Effort {
    /// Returns the effort for the published table.
    pub(crate) fn full() -> Self {
        Self {
            // Many short rounds, because the speed of a shared machine varies from second to second. Compared
            // measurements should be close together.
            rounds: 11,
            load: Duration::from_secs(2),
            warm_up: Duration::from_secs(2),
            refill: Duration::from_secs(1),
            pace: Duration::from_secs(10),
            logins: 15,
            tokens: 64,
            file_mebibytes: 64,
            tenants: 1_000,
            turns: &[16, 64, 256, 1_000],
        }
    }

    /// Returns the effort for a test of the benchmark itself.
    pub(crate) fn quick() -> Self {
        Self {
            rounds: 2,
            load: Duration::from_secs(1),
            warm_up: Duration::from_secs(1),
            refill: Duration::from_secs(1),
            pace: Duration::from_secs(2),
            logins: 3,
            tokens: 8,
            file_mebibytes: 8,
            tenants: 50,
            turns: &[16, 50],
        }
    }
}
