//! An instance: admits calls with units or with a call to Redis.

use super::redis::{Caller, Lease, Process};

/// A call to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    pub caller: Caller,
    /// Whether it only renews the lease of the caller.
    pub is_renewal: bool,
    /// The lease that the call reports.
    pub report: Option<Lease>,
    /// Whether Redis has received the report.
    pub is_reported: bool,
    /// The reply that is on its way; `None` while the call is.
    pub reply: Option<Reply>,
}

/// The reply to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reply {
    /// The call as a lease with the one unit that it used; `None` if it was refused or is a renewal.
    pub call: Option<Lease>,
    pub lease: Option<Lease>,
}

/// An instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance {
    /// The leases in use.
    pub current: Vec<Lease>,
    /// The leases that were not reported yet.
    pub finished: Vec<Lease>,
    pub call: Option<Call>,
}

impl Instance {
    /// Ends the use of the lease of a caller.
    pub fn finish(&mut self, caller: Caller) -> bool {
        let ended = self.current.extract_if(.., |lease| lease.caller == caller);
        let before = self.finished.len();
        self.finished.extend(ended);
        self.finished.len() > before
    }

    /// Returns the leases of a process with units that the instance still uses or returns.
    pub fn open(&self, process: Process) -> impl Iterator<Item = &Lease> {
        let call = self.call.iter();
        let report =
            call.clone().filter(|call| !call.is_reported).filter_map(|call| call.report.as_ref());
        let granted = call.filter_map(|call| call.reply.as_ref()?.lease.as_ref());
        let all = self.current.iter().chain(&self.finished).chain(report).chain(granted);
        all.filter(move |lease| lease.process == process && !lease.is_forfeited)
    }

    /// Returns all leases.
    pub fn leases_mut(&mut self) -> impl Iterator<Item = &mut Lease> {
        let in_call = self.call.iter_mut().flat_map(|call| {
            let report = call.report.as_mut().filter(|_| !call.is_reported);
            let granted = call.reply.as_mut().and_then(|reply| reply.lease.as_mut());
            report.into_iter().chain(granted)
        });
        self.current.iter_mut().chain(&mut self.finished).chain(in_call)
    }

    /// Returns whether nothing is left to do.
    pub fn is_at_rest(&self) -> bool {
        self.current.is_empty() && self.finished.is_empty() && self.call.is_none()
    }
}
