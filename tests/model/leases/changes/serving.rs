//! The time for which a Redis process is known to serve.

use super::{
    flaw::Flaw,
    redis::{Process, Redis},
};
use crate::time::{Timer, USABLE, VALIDITY};

/// The Redis process of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Known {
    pub process: Process,
    /// Runs until the leases of earlier processes have ended.
    pub timer: Timer,
}

/// Records the process of a reply.
pub fn learn(known: &mut Option<Known>, process: Process, flaw: Option<Flaw>) {
    if known.is_none_or(|known| known.process < process) {
        *known = Some(Known { process, timer: start(flaw) });
    }
}

/// Returns whether no earlier process has a valid lease. It may ask Redis.
pub fn is_serving(
    known: Option<Known>,
    redis: &mut Redis,
    process: Process,
    flaw: Option<Flaw>,
) -> bool {
    let is_known = known.is_some_and(|known| known.process == process && known.timer.has_ended());
    is_known || redis.process == process && redis.serving.get_or_insert(start(flaw)).has_ended()
}

fn start(flaw: Option<Flaw>) -> Timer {
    Timer::start(match flaw {
        Some(Flaw::NewProcessIsTrusted) => 0,
        Some(Flaw::ProcessIsTrustedAfterUsablePart) => USABLE,
        _ => VALIDITY,
    })
}
