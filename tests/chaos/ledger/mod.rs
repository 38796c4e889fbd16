//! The facts that the application has acknowledged, with monotonic times.

mod cache;
mod calls;
mod credential;
mod file;
mod standing;
mod tenant;
mod usage;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use self::{
    cache::CacheEntry,
    calls::{CallLimit, Faults},
    credential::{Credential, Kind},
    file::{Content, FileFacts},
    standing::{End, Standing, State},
    tenant::Tenant,
    usage::Usage,
};

/// An acknowledged user.
#[derive(Clone)]
pub struct User {
    pub tenant: Arc<Tenant>,
    pub id: String,
}

/// An event that the audit trail must have: tenant, event, resource.
pub type Event = (String, &'static str, String);

/// The acknowledged facts.
#[derive(Default)]
pub struct Ledger {
    tenants: Mutex<Vec<Arc<Tenant>>>,
    homes: Mutex<Vec<Arc<Tenant>>>,
    credentials: Mutex<Vec<Arc<Credential>>>,
    users: Mutex<Vec<User>>,
    files: Mutex<Vec<Arc<FileFacts>>>,
    calls: Mutex<Vec<Arc<CallLimit>>>,
    events: Mutex<BTreeMap<Event, u32>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Adds a tenant.
    pub fn add_tenant(&self, tenant: &Arc<Tenant>) {
        locked(&self.tenants).push(Arc::clone(tenant));
    }

    /// Adds a tenant that all actors use and that stays until the end.
    pub fn add_home(&self, tenant: &Arc<Tenant>) {
        locked(&self.homes).push(Arc::clone(tenant));
    }

    /// Adds a credential.
    pub fn add_credential(&self, credential: &Arc<Credential>) {
        locked(&self.credentials).push(Arc::clone(credential));
    }

    /// Adds a user.
    pub fn add_user(&self, tenant: &Arc<Tenant>, id: &str) {
        locked(&self.users).push(User { tenant: Arc::clone(tenant), id: id.to_owned() });
    }

    /// Removes a user whose deletion begins.
    pub fn remove_user(&self, id: &str) {
        locked(&self.users).retain(|user| user.id != id);
    }

    /// Adds a file.
    pub fn add_file(&self, file: &Arc<FileFacts>) {
        locked(&self.files).push(Arc::clone(file));
    }

    /// Adds a tenant with a small call limit.
    pub fn add_calls(&self, calls: &Arc<CallLimit>) {
        locked(&self.calls).push(Arc::clone(calls));
    }

    /// Adds one more occurrence of an event that the audit trail of a tenant must have.
    pub fn add_event(&self, tenant: &Tenant, event: &'static str, resource: &str) {
        let event = (tenant.id.clone(), event, resource.to_owned());
        *locked(&self.events).entry(event).or_default() += 1;
    }

    /// Returns every tenant.
    pub fn tenants(&self) -> Vec<Arc<Tenant>> {
        locked(&self.tenants).clone()
    }

    /// Returns the tenants that all actors use.
    pub fn homes(&self) -> Vec<Arc<Tenant>> {
        locked(&self.homes).clone()
    }

    /// Returns all credentials, oldest first.
    pub fn credentials(&self) -> Vec<Arc<Credential>> {
        locked(&self.credentials).clone()
    }

    /// Returns the users that exist.
    pub fn users(&self) -> Vec<User> {
        locked(&self.users).clone()
    }

    /// Returns every file.
    pub fn files(&self) -> Vec<Arc<FileFacts>> {
        locked(&self.files).clone()
    }

    /// Returns the tenants with a small call limit.
    pub fn calls(&self) -> Vec<Arc<CallLimit>> {
        locked(&self.calls).clone()
    }

    /// Returns the events that the audit trail must have, with their number of occurrences.
    pub fn events(&self) -> BTreeMap<Event, u32> {
        locked(&self.events).clone()
    }
}
