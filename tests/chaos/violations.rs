//! The violations that a run has found.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

/// The number of violations of a promise that are shown in full.
const SHOWN: usize = 4;

/// A promise in README.md of this folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// Acknowledged data is never lost.
    NothingLost,
    /// A revocation takes effect when it is acknowledged.
    Revocation,
    /// Reported usage is never lost, never counted twice and never above the limit.
    Usage,
    /// The calls of a day never exceed the limit.
    DailyCalls,
    /// Every request gets a proper response in time.
    Responses,
    /// A cache entry never goes back to an older value.
    Cache,
    /// A tenant can be destroyed, and leaves nothing behind.
    Destruction,
    /// `tenantctl repair` finishes everything that a crash leaves.
    Repair,
}

impl Promise {
    fn text(self) -> &'static str {
        match self {
            Self::NothingLost => "acknowledged data is never lost",
            Self::Revocation => "a revocation takes effect when it is acknowledged",
            Self::Usage => "reported usage is exact and within the limit",
            Self::DailyCalls => "the calls of a day never exceed the limit",
            Self::Responses => "every request gets a proper response in time",
            Self::Cache => "a cache entry never goes back to an older value",
            Self::Destruction => "a tenant can be destroyed and leaves nothing behind",
            Self::Repair => "tenantctl repair finishes everything",
        }
    }
}

/// The violations so far.
#[derive(Default)]
pub struct Violations(Mutex<BTreeMap<Promise, Vec<String>>>);

impl Violations {
    /// Records a violation with its evidence.
    pub fn record(&self, promise: Promise, evidence: String) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.entry(promise).or_default().push(evidence);
    }

    /// Returns the number of violations.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().map(Vec::len).sum()
    }

    /// Returns the violations by promise, with the first few of each in full.
    pub fn summary(&self) -> String {
        self.listed(SHOWN)
    }

    /// Returns all violations in full.
    pub fn all(&self) -> String {
        self.listed(usize::MAX)
    }

    fn listed(&self, shown: usize) -> String {
        let mut text = String::new();
        for (promise, found) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}: {} violations", promise.text(), found.len());
            for evidence in found.iter().take(shown) {
                let _ = writeln!(text, "    - {evidence}");
            }
            if found.len() > shown {
                let _ = writeln!(text, "    - and {} more", found.len() - shown);
            }
        }
        text
    }
}
