//! A cache entry that one actor writes. Each write has a higher number than the previous one.

use std::sync::Arc;

use super::Tenant;

/// A cache entry.
pub struct CacheEntry {
    pub tenant: Arc<Tenant>,
    /// The path of its route.
    pub path: String,
    /// The number of the last write that was sent.
    pub sent: u64,
    /// The number of the last write that was acknowledged, and whether it was a deletion.
    pub acknowledged: (u64, bool),
}

impl CacheEntry {
    /// Creates an entry that was never written.
    pub fn new(tenant: &Arc<Tenant>, path: String) -> Self {
        Self { tenant: Arc::clone(tenant), path, sent: 0, acknowledged: (0, true) }
    }

    /// Returns the number of the next write.
    pub fn next(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// Returns the problem of a value, or `None` if the entry may have the value.
    pub fn problem(&self, value: &str) -> Option<String> {
        let (number, is_deleted) = self.acknowledged;
        match value.parse::<u64>() {
            Err(_) => Some(format!("the value {value:?} was never written")),
            Ok(found) if found > self.sent => Some(format!("the value {found} was never written")),
            Ok(found) if found < number || (found == number && is_deleted) => {
                let last = if is_deleted { "deletion" } else { "write" };
                Some(format!("the value {found} is older than the acknowledged {last} {number}"))
            }
            Ok(_) => None,
        }
    }
}
