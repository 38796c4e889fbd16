//! How long is measured.

use std::time::Duration;

/// How long is measured, and how many tenants there are.
pub(crate) struct Effort {
    /// How often what is compared takes turns.
    pub(crate) rounds: usize,
    /// How long a load is kept up.
    pub(crate) load: Duration,
    /// How long a load is kept up before it counts.
    pub(crate) warm_up: Duration,
    /// How long requests are paced.
    pub(crate) pace: Duration,
    /// How many sign-ins follow one another.
    pub(crate) logins: usize,
    /// How many MiB a file has.
    pub(crate) file_mebibytes: usize,
    /// How many tenants there are in the end; half of them are timed.
    pub(crate) tenants: usize,
    /// How many of them take turns.
    pub(crate) turns: &'static [usize],
}

impl Effort {
    /// What the table is measured with.
    pub(crate) fn full() -> Self {
        Self {
            // Many and short: a machine that others have, too, is not as fast in this second as in
            // the next ones, and what is compared should not be far apart.
            rounds: 11,
            load: Duration::from_secs(2),
            warm_up: Duration::from_secs(2),
            pace: Duration::from_secs(10),
            logins: 15,
            file_mebibytes: 64,
            tenants: 1_000,
            turns: &[16, 64, 256, 1_000],
        }
    }

    /// What shows that all of it works.
    pub(crate) fn quick() -> Self {
        Self {
            rounds: 2,
            load: Duration::from_secs(1),
            warm_up: Duration::from_secs(1),
            pace: Duration::from_secs(2),
            logins: 3,
            file_mebibytes: 8,
            tenants: 50,
            turns: &[16, 50],
        }
    }
}
