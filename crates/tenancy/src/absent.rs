//! Negative caching: names that do not exist.

use std::{borrow::Borrow, cell::RefCell, collections::HashMap, hash::Hash};

/// The most entries of a kind.
const MOST: usize = 4096;

/// Names that an instance has looked up in vain a moment ago.
pub(crate) struct Absent<K> {
    /// Until when an entry is fresh, by the monotonic clock of the instance in microseconds.
    entries: RefCell<HashMap<K, u64>>,
    micros: u64,
}

impl<K: Eq + Hash> Absent<K> {
    /// A cache whose entries are fresh for so many seconds.
    pub(crate) fn for_seconds(seconds: u64) -> Self {
        Self { entries: RefCell::default(), micros: seconds * 1_000_000 }
    }

    /// Returns whether a look-up of `key` found nothing a moment before `now`.
    pub(crate) fn is_absent<Q>(&self, key: &Q, now: u64) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.entries.borrow().get(key).is_some_and(|until| now < *until)
    }

    /// Stores that a look-up of `key` found nothing.
    pub(crate) fn put(&self, key: K, now: u64) {
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
    fn no_more_is_kept_than_there_is_room_for() {
        let absent = Absent::for_seconds(2);
        for number in 0..=2 * MOST {
            absent.put(number, 0);
        }
        assert!(absent.entries.borrow().len() <= MOST);
    }
}
