//! The revoker: the instance that makes the change. It may crash, and then the change is repeated.

use super::{
    flaw::Flaw,
    redis::{Number, Process, Publication, Redis},
    serving::{Known, is_serving, learn},
};
use crate::time::{Timer, USABLE, VALIDITY};

/// The progress of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// Nothing is written, or the revoker crashed after a part of the change.
    Idle,
    /// PostgreSQL is written, and the publication is on its way. The process was observed before that.
    Publishing { observed: Option<Process> },
    /// The reply is on its way.
    Published { observed: Option<Process>, process: Process, reply: Publication },
    /// The change is acknowledged when the timer has ended.
    Waiting { process: Process, granted: Number, timer: Timer },
    /// The change is acknowledged.
    Acknowledged { has_waited: bool },
}

/// The revoker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revoker {
    pub known: Option<Known>,
    pub progress: Progress,
    pub has_crashed: bool,
}

impl Revoker {
    /// Moves the clock forward by one tick.
    pub fn tick(&mut self) {
        if let Some(known) = &mut self.known {
            known.timer.tick();
        }
        if let Progress::Waiting { timer, .. } = &mut self.progress {
            timer.tick();
        }
    }

    /// Receives the reply to the publication: acknowledges the change or starts to wait.
    pub fn receive(
        &mut self,
        observed: Option<Process>,
        process: Process,
        reply: Publication,
        redis: &mut Redis,
        flaw: Option<Flaw>,
    ) {
        learn(&mut self.known, process, flaw);
        let is_certain = observed.is_none_or(|observed| observed == process)
            && is_serving(self.known, redis, process, flaw);
        let waits = match flaw {
            Some(Flaw::ChangeDoesNotWait) => false,
            Some(Flaw::RepeatedChangeDoesNotWait) if !reply.is_change => false,
            _ => reply.has_leases || !is_certain,
        };
        let ticks = if flaw == Some(Flaw::ChangeWaitsForUsablePart) { USABLE } else { VALIDITY };
        self.progress = if waits {
            Progress::Waiting { process, granted: reply.granted, timer: Timer::start(ticks) }
        } else {
            Progress::Acknowledged { has_waited: false }
        };
    }
}
