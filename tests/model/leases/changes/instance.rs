//! An instance: admits requests with a lease or with a call, and refuses a credential after a wait.

use super::{
    flaw::Flaw,
    redis::{Admission, Number, Process, Token, Version},
    serving::Known,
};
use crate::time::{Timer, USABLE, VALIDITY};

/// A lease on the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    pub process: Process,
    pub number: Number,
    pub token: Token,
    pub timer: Timer,
}

/// The version of the credential that an earlier call read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cached {
    pub version: Version,
    /// The token of that call.
    pub token: Token,
}

/// A lease whose end the instance may report when the timer has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ending {
    pub process: Process,
    pub number: Number,
    pub timer: Timer,
}

/// A request that needs Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// Whether the request began after the change was acknowledged, or after an instance refused the credential.
    pub began: Began,
    /// The use of the lease that the reply may grant. It starts before the call is sent.
    pub usable: Timer,
    pub step: Step,
}

/// The events before the begin of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Began {
    pub after_acknowledgement: bool,
    pub after_refusal: bool,
}

/// The progress of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The admission call is on its way.
    Asking { requests_lease: bool },
    /// The reply is on its way.
    Answered(Process, Admission),
    /// PostgreSQL is queried next. `waits` if the reply requires that a refusal waits.
    Querying { process: Process, waits: bool },
    /// PostgreSQL has the new version, which is stored next in the observed process.
    Storing { process: Process, waits: bool },
    /// The request is refused when the timer has ended.
    Refusing(Timer),
}

/// An instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance {
    pub known: Option<Known>,
    pub lease: Option<Lease>,
    pub cached: Option<Cached>,
    pub endings: Vec<Ending>,
    pub calls: Vec<Call>,
}

impl Instance {
    /// Moves the clock forward by one tick.
    pub fn tick(&mut self) {
        let known = self.known.iter_mut().map(|known| &mut known.timer);
        let endings = self.endings.iter_mut().map(|ending| &mut ending.timer);
        let lease = self.lease.iter_mut().map(|lease| &mut lease.timer);
        known.chain(endings).chain(lease).for_each(Timer::tick);
        for call in &mut self.calls {
            call.usable.tick();
            if let Step::Refusing(timer) = &mut call.step {
                timer.tick();
            }
        }
        self.forget_unusable();
    }

    /// Returns the version that the lease makes usable without a call.
    pub fn covered(&self, flaw: Option<Flaw>) -> Option<Version> {
        let (lease, cached) = self.lease.zip(self.cached)?;
        let is_usable = cached.token == lease.token || flaw == Some(Flaw::TokenIsIgnored);
        is_usable.then_some(cached.version)
    }

    /// Receives a lease. It replaces the current one, unless that is a later one of the same process.
    pub fn receive_lease(
        &mut self,
        process: Process,
        reply: Admission,
        usable: Timer,
        flaw: Option<Flaw>,
    ) {
        let Some(number) = reply.lease else { return };
        let is_late = |lease: &Lease| lease.process == process && lease.number > number;
        if !self.lease.as_ref().is_some_and(is_late) {
            let timer = match flaw {
                Some(Flaw::LeaseStartsAtReceipt) => Timer::start(USABLE),
                _ => usable,
            };
            self.lease = Some(Lease { process, number, token: reply.token, timer });
        }
        let timer = Timer::start(match flaw {
            Some(Flaw::EndIsReportedAtReceipt) => 0,
            Some(Flaw::EndIsReportedAfterUsablePart) => USABLE,
            // The use of the lease has started with the call, too.
            Some(Flaw::EndIsMeasuredFromCall) => usable.left() + VALIDITY - USABLE,
            _ => VALIDITY,
        });
        self.endings.push(Ending { process, number, timer });
        self.forget_unusable();
    }

    fn forget_unusable(&mut self) {
        self.lease = self.lease.filter(|lease| !lease.timer.has_ended());
    }
}
