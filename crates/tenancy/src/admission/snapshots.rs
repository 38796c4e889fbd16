//! What an instance remembers, so that a snapshot is not read from Redis each time.

use std::{cell::RefCell, collections::HashMap, hash::Hash, rc::Rc};

/// The most of a kind that an instance remembers.
const MOST: usize = 256;

/// Snapshots by their keys. Each is used only after its version was found to be that of the moment.
pub struct Snapshots<K, V>(RefCell<HashMap<K, Rc<V>>>);

impl<K, V> Default for Snapshots<K, V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K: Copy + Eq + Hash, V> Snapshots<K, V> {
    /// A snapshot, however old it is.
    pub(super) fn get(&self, key: K) -> Option<Rc<V>> {
        self.0.borrow().get(&key).cloned()
    }

    /// Remembers a snapshot in the place of one before it.
    pub(super) fn put(&self, key: K, snapshot: Rc<V>) {
        let mut snapshots = self.0.borrow_mut();
        if snapshots.len() >= MOST && !snapshots.contains_key(&key) {
            // An instance lives for 128 requests: it is hardly ever full, and which one goes
            // matters little.
            let some = snapshots.keys().next().copied();
            some.map(|key| snapshots.remove(&key));
        }
        snapshots.insert(key, snapshot);
    }
}
