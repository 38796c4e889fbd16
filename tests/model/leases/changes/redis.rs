//! Redis: the keys of one process, and the scripts that read and write them.

use crate::time::Timer;

/// A Redis process. A restart starts the next one.
pub type Process = u8;

/// The number of a lease of the tenant in one process.
pub type Number = u8;

/// The version of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The version that requests have.
    Old,
    /// The version after the change, which revokes the old one.
    New,
}

/// A change token. Each change gives the tenant another one. Each process starts with one that no other process has,
/// unless `process` is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    pub process: Option<Process>,
    pub changes: u8,
}

/// The keys of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Redis {
    /// The process that runs.
    pub process: Process,
    /// The entry of the credential; `None` if the process never received it.
    pub entry: Option<Version>,
    /// Whether the entry is compared with PostgreSQL before it admits a request.
    pub is_stale: bool,
    /// `None` if no instance has requested a lease.
    pub token: Option<Token>,
    /// The number of the last lease.
    pub granted: Number,
    /// The highest number of a lease that is known to have ended.
    pub ended: Number,
    /// The number of the last lease before the last change.
    pub before_change: Number,
    /// Started by the first question for how long the process has been serving.
    pub serving: Option<Timer>,
}

/// The reply to an admission call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Admission {
    /// `None` if PostgreSQL has to be queried.
    pub version: Option<Version>,
    /// The number of the lease, if one was requested.
    pub lease: Option<Number>,
    pub token: Token,
    /// Whether a lease from before the last change may not have ended.
    pub has_earlier_leases: bool,
}

/// The reply to a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Publication {
    pub granted: Number,
    /// Whether a lease may not have ended.
    pub has_leases: bool,
    /// Whether a lease from before the last change may not have ended.
    pub has_earlier_leases: bool,
    /// Whether the entry had another version.
    pub is_change: bool,
}

impl Redis {
    /// Starts an empty process.
    pub fn start(process: Process) -> Self {
        Self {
            process,
            entry: None,
            is_stale: false,
            token: None,
            granted: 0,
            ended: 0,
            before_change: 0,
            serving: None,
        }
    }

    /// Runs the script of an admission call. It grants a lease on request, even if it cannot admit the credential: the
    /// call of another credential of the tenant may request one at the same time.
    pub fn admit(&mut self, requests_lease: bool, first_token: Token) -> Admission {
        let is_known = self.entry == Some(Version::New) || !self.is_stale;
        self.granted += u8::from(requests_lease);
        Admission {
            version: self.entry.filter(|_| is_known),
            lease: requests_lease.then_some(self.granted),
            token: *self.token.get_or_insert(first_token),
            has_earlier_leases: self.has_earlier_leases(),
        }
    }

    /// Runs the script of a publication. A lower version never replaces a higher one. Nobody depends on an entry that
    /// the process did not have.
    pub fn publish(&mut self, version: Version) -> Publication {
        let is_change = self.entry.is_some_and(|entry| entry < version);
        if self.entry.is_none_or(|entry| entry <= version) {
            self.entry = Some(version);
            self.is_stale = false;
        }
        if let Some(token) = self.token.as_mut().filter(|_| is_change) {
            *token = Token { process: Some(self.process), changes: token.changes + 1 };
            self.before_change = self.granted;
        }
        Publication {
            granted: self.granted,
            has_leases: self.granted > self.ended,
            has_earlier_leases: self.has_earlier_leases(),
            is_change,
        }
    }

    /// Receives the report that the leases up to a number have ended.
    pub fn end(&mut self, number: Number) {
        self.ended = self.ended.max(number);
    }

    fn has_earlier_leases(&self) -> bool {
        self.before_change > self.ended
    }
}
