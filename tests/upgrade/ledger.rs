//! The acknowledged changes that the audit trail must contain.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::Installation;

/// A tenant's id, an event and the id of its resource.
type Event = (String, &'static str, String);

/// The acknowledged changes, with their number of occurrences.
#[derive(Default)]
pub struct Ledger(Mutex<BTreeMap<Event, i64>>);

impl Ledger {
    /// Records a change that was acknowledged.
    pub fn add(&self, tenant: &str, event: &'static str, resource: &str) {
        let event = (tenant.to_owned(), event, resource.to_owned());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(event).or_default() += 1;
    }

    /// Asserts that the audit trails have every change as often as it was acknowledged.
    pub fn check(&self, installation: &Installation) {
        let statement = "SELECT tenant_id::text, event, resource_id, count(*) FROM tenant_audit_logs
                         WHERE tenant_id IS NOT NULL AND resource_id IS NOT NULL AND result = 'success'
                         GROUP BY 1, 2, 3";
        let rows = installation.services.superuser("tenancy").query(statement, &[]).unwrap();
        let found: BTreeMap<(String, String, String), i64> =
            rows.iter().map(|row| ((row.get(0), row.get(1), row.get(2)), row.get(3))).collect();
        let expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(expected.len() > 50, "{} events", expected.len());
        for ((tenant, event, resource), count) in &*expected {
            let place = (tenant.clone(), (*event).to_owned(), resource.clone());
            let found = found.get(&place).copied().unwrap_or(0);
            assert_eq!(found, *count, "{event} of {resource} in the tenant {tenant}");
        }
    }
}
