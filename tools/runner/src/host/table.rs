//! Host values for which a guest holds handles.

use std::collections::HashMap;

use wasmtime::component::Resource;

/// A bounded number of values, indexed by their handles.
#[derive(Debug)]
pub(super) struct Table<V> {
    capacity: usize,
    next: u32,
    values: HashMap<u32, V>,
}

impl<V> Table<V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, next: 0, values: HashMap::new() }
    }

    /// Adds a value, or returns `None` if the table is full.
    pub(super) fn push<R: 'static>(&mut self, value: V) -> Option<Resource<R>> {
        if self.values.len() >= self.capacity {
            return None;
        }
        while self.values.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.values.insert(number, value);
        Some(Resource::new_own(number))
    }

    /// Returns the value of `handle`, which exists until the guest drops it.
    pub(super) fn get<R: 'static>(&self, handle: &Resource<R>) -> Option<&V> {
        self.values.get(&handle.rep())
    }

    pub(super) fn get_mut<R: 'static>(&mut self, handle: &Resource<R>) -> Option<&mut V> {
        self.values.get_mut(&handle.rep())
    }

    pub(super) fn remove<R: 'static>(&mut self, handle: &Resource<R>) {
        self.values.remove(&handle.rep());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_table_refuses_until_removal() {
        let mut table = Table::new(2);
        let a = table.push::<u8>('a').unwrap();
        let b = table.push::<u8>('b').unwrap();
        assert!(table.push::<u8>('c').is_none());
        assert_eq!(table.get(&a), Some(&'a'));
        table.remove(&a);
        assert_eq!(table.get(&a), None);
        assert!(table.push::<u8>('c').is_some());
        assert_eq!(table.get_mut(&b), Some(&mut 'b'));
    }
}
