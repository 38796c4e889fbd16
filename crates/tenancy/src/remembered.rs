//! What an instance remembers, so that it is not found out anew for each request.

use std::{borrow::Borrow, cell::RefCell, collections::HashMap, hash::Hash, rc::Rc};

/// The most of a kind that an instance remembers. It lives for some thousand requests (4096 where Spin is
/// started as the README says).
const MOST: usize = 1024;

/// Values by their keys. Whoever takes one finds out whether it is still what it was.
pub struct Remembered<K, V>(RefCell<HashMap<K, Rc<V>>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K: Clone + Eq + Hash, V> Remembered<K, V> {
    /// A value, however old it is.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<Rc<V>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.borrow().get(key).cloned()
    }

    /// Returns every value with its key, in no order.
    pub(crate) fn entries(&self) -> Vec<(K, Rc<V>)> {
        let values = self.0.borrow();
        values.iter().map(|(key, value)| (key.clone(), Rc::clone(value))).collect()
    }

    /// Remembers a value in the place of one before it.
    pub(crate) fn put(&self, key: K, value: Rc<V>) {
        let mut values = self.0.borrow_mut();
        if values.len() >= MOST && !values.contains_key(&key) {
            // Any will do. Where more than these take turns, the oldest would be the next to be asked for.
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
    fn no_more_is_remembered_than_there_is_room_for() {
        let remembered = Remembered::default();
        for number in 0..=MOST {
            remembered.put(number, Rc::new(number));
        }
        remembered.put(MOST, Rc::new(7));
        assert_eq!(remembered.0.borrow().len(), MOST);
        assert_eq!(remembered.get(&MOST).as_deref(), Some(&7));
    }
}
