//! An in-memory cache of an instance, which saves repeated look-ups.

use std::{borrow::Borrow, cell::RefCell, hash::Hash, num::NonZero, rc::Rc};

use lru::LruCache;

/// The maximum number of values of one kind in an instance. An instance serves a few thousand requests (4096 if Spin is
/// started as docs/operations.md describes).
const MOST: usize = 1024;

/// Values by their keys. The reader checks whether a value is still current.
pub struct InstanceCache<K, V>(RefCell<LruCache<K, Rc<V>>>);

impl<K: Eq + Hash, V> Default for InstanceCache<K, V> {
    fn default() -> Self {
        // Evaluated by the compiler, so it cannot fail at run time.
        Self(RefCell::new(LruCache::new(const { NonZero::new(MOST).unwrap() })))
    }
}

impl<K: Clone + Eq + Hash, V> InstanceCache<K, V> {
    /// Returns a value, regardless of its age.
    pub fn get<Q>(&self, key: &Q) -> Option<Rc<V>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.borrow_mut().get(key).cloned()
    }

    /// Returns every value with its key, in no particular order.
    pub(crate) fn entries(&self) -> Vec<(K, Rc<V>)> {
        self.0.borrow().iter().map(|(key, value)| (key.clone(), Rc::clone(value))).collect()
    }

    /// Stores a value and replaces an existing one. A full cache evicts the least recently used value.
    pub(crate) fn put(&self, key: K, value: Rc<V>) {
        self.0.borrow_mut().put(key, value);
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

    #[test]
    fn recently_read_value_stays() {
        let cache = InstanceCache::default();
        for number in 0..MOST {
            cache.put(number, Rc::new(number));
        }
        assert!(cache.get(&0).is_some());
        cache.put(MOST, Rc::new(MOST));
        assert!(cache.get(&0).is_some() && cache.get(&1).is_none());
    }
}
