//! An in-memory cache of an instance, which saves repeated look-ups.

use std::{borrow::Borrow, cell::RefCell, collections::HashMap, hash::Hash, rc::Rc};

/// The maximum number of values of one kind in an instance. An instance serves a few thousand requests (4096 if Spin is
/// started as docs/operations.md describes).
const MOST: usize = 1024;

/// Values by their keys. The reader checks whether a value is still current.
pub struct InstanceCache<K, V>(RefCell<HashMap<K, Rc<V>>>);

impl<K, V> Default for InstanceCache<K, V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K: Clone + Eq + Hash, V> InstanceCache<K, V> {
    /// Returns a value, regardless of its age.
    pub fn get<Q>(&self, key: &Q) -> Option<Rc<V>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.borrow().get(key).cloned()
    }

    /// Returns every value with its key, in no particular order.
    pub(crate) fn entries(&self) -> Vec<(K, Rc<V>)> {
        let values = self.0.borrow();
        values.iter().map(|(key, value)| (key.clone(), Rc::clone(value))).collect()
    }

    /// Stores a value and replaces an existing one.
    pub(crate) fn put(&self, key: K, value: Rc<V>) {
        let mut values = self.0.borrow_mut();
        if values.len() >= MOST && !values.contains_key(&key) {
            // Any value may be evicted. If more keys than these take turns, the oldest one would be the next to be
            // needed.
            let some = values.keys().next().cloned();
            some.map(|key| values.remove(&key));
        }
        values.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_cache_evicts_one_entry() {
        let remembered = InstanceCache::default();
        for number in 0..=MOST {
            remembered.put(number, Rc::new(number));
        }
        remembered.put(MOST, Rc::new(7));
        assert_eq!(remembered.0.borrow().len(), MOST);
        assert_eq!(remembered.get(&MOST).as_deref(), Some(&7));
    }
}
