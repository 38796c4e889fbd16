//! What an instance remembers of tenants, so that a snapshot is not read from Redis each time.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use uuid::Uuid;

use crate::tenant::TenantRecord;

/// The most tenants that an instance remembers.
const MOST: usize = 256;

/// Snapshots of tenants by their ids. Each is used only after its version was found to be that of
/// the moment.
#[derive(Default)]
pub struct Snapshots(RefCell<HashMap<Uuid, Rc<TenantRecord>>>);

impl Snapshots {
    /// The snapshot of a tenant, however old it is.
    pub(super) fn get(&self, tenant: Uuid) -> Option<Rc<TenantRecord>> {
        self.0.borrow().get(&tenant).cloned()
    }

    /// Remembers a snapshot in the place of one before it.
    pub(super) fn put(&self, record: Rc<TenantRecord>) {
        let mut snapshots = self.0.borrow_mut();
        if snapshots.len() >= MOST && !snapshots.contains_key(&record.id) {
            // An instance lives for 128 requests: it is hardly ever full, and which one goes
            // matters little.
            let some = snapshots.keys().next().copied();
            some.map(|id| snapshots.remove(&id));
        }
        snapshots.insert(record.id, record);
    }
}
