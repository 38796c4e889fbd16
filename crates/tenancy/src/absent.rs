//! Negative caching: names that do not exist.

use std::{borrow::Borrow, cell::RefCell, collections::HashMap, hash::Hash, ops::Deref};

/// The maximum number of entries in a cache.
const MOST: usize = 4096;
/// Seconds for which an unknown key is cached as unknown.
const KEY_SECONDS: u64 = 60;

/// A cache of names that were recently looked up and not found.
pub struct Absent<K> {
    /// The time at which each entry expires, in microseconds of the instance's monotonic clock.
    entries: RefCell<HashMap<K, u64>>,
    micros: u64,
}

impl<K: Eq + Hash> Absent<K> {
    /// Creates a cache whose entries stay fresh for `seconds`.
    pub(crate) fn for_seconds(seconds: u64) -> Self {
        Self { entries: RefCell::default(), micros: seconds * 1_000_000 }
    }

    /// Returns whether a recent look-up of `key` found nothing. The entry must be fresh at `now`.
    pub fn is_absent<Q>(&self, key: &Q, now: u64) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.entries.borrow().get(key).is_some_and(|until| now < *until)
    }

    /// Records that a look-up of `key` found nothing.
    pub fn put(&self, key: K, now: u64) {
        let mut entries = self.entries.borrow_mut();
        if entries.len() >= MOST {
            entries.retain(|_, until| now < *until);
        }
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(key, now.saturating_add(self.micros));
    }
}

/// Hashes of API keys and operator keys that do not exist. A new key is random, so no caller can have sent it before it
/// was created.
pub struct AbsentKeys(Absent<[u8; 32]>);

impl Default for AbsentKeys {
    fn default() -> Self {
        Self(Absent::for_seconds(KEY_SECONDS))
    }
}

impl Deref for AbsentKeys {
    type Target = Absent<[u8; 32]>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_is_fresh_for_its_time_only() {
        let absent = Absent::for_seconds(2);
        absent.put("a", 10);
        assert!(absent.is_absent("a", 11) && !absent.is_absent("b", 11));
        assert!(!absent.is_absent("a", 2_000_010));
    }

    #[test]
    fn cache_size_stays_within_the_maximum() {
        let absent = Absent::for_seconds(2);
        for number in 0..=2 * MOST {
            absent.put(number, 0);
        }
        assert!(absent.entries.borrow().len() <= MOST);
    }
}
