//! Checks that the audit trail has every event of an acknowledged change.

use std::{collections::BTreeMap, time::Instant};

use super::End;
use crate::violations::Promise;

/// Compares the trail with the acknowledged changes.
pub fn trail_has_every_event(end: &End<'_>) {
    let statement = "SELECT tenant_id::text, event, resource_id, count(*) FROM tenant_audit_logs
                     WHERE tenant_id IS NOT NULL AND resource_id IS NOT NULL
                         AND result = 'success'
                     GROUP BY 1, 2, 3";
    let mut catalog = end.stores.services().superuser("tenancy");
    let rows = catalog.query(statement, &[]).expect("the trail can be read");
    let trail: BTreeMap<(String, String, String), i64> =
        rows.iter().map(|row| ((row.get(0), row.get(1), row.get(2)), row.get(3))).collect();
    for ((tenant, event, resource), expected) in end.context.ledger.events() {
        let place = (tenant.clone(), event.to_owned(), resource.clone());
        let found = trail.get(&place).copied().unwrap_or(0);
        if found < i64::from(expected) {
            let evidence = format!(
                "{event} of {resource} in the tenant {tenant}: acknowledged {expected} times, \
                 {found} times in the trail"
            );
            end.context.violate(Promise::NothingLost, Instant::now(), evidence);
        }
    }
}
