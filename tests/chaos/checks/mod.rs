//! The checks at the end of a run, when every store and host is up and every actor has finished.

mod counters;
mod events;
mod facts;
mod orphans;
mod repair;

use std::{collections::BTreeMap, path::Path, thread::sleep, time::Duration};

use crate::{context::Context, random::Random, stores::Stores};

/// The time within which instances must finish the work after their responses.
const QUIET: Duration = Duration::from_secs(2);

/// The end of a run.
pub struct End<'a> {
    pub context: &'a Context,
    pub stores: &'a Stores,
    pub settings: &'a BTreeMap<&'static str, String>,
    /// The key-value file in which all hosts store files.
    pub files: &'a Path,
}

impl End<'_> {
    /// Runs every check.
    pub fn check(&self, random: &mut Random) {
        sleep(QUIET);
        repair::check(self);
        facts::ended_rights_are_refused(self);
        facts::facts_exist(self, random);
        counters::usage_is_exact(self, random);
        counters::calls_are_within_limits(self);
        sleep(QUIET);
        // The requests of the checks have recorded new events.
        repair::finish(self);
        events::trail_has_every_event(self);
        orphans::nothing_is_left(self);
    }
}
