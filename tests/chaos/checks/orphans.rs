//! Checks that no orphans of destroyed tenants remain.

use std::{collections::BTreeSet, time::Instant};

use super::End;
use crate::violations::Promise;

/// Compares databases, roles, states and chunks with the tenants of the catalog.
pub fn nothing_is_left(end: &End<'_>) {
    let mut catalog = end.stores.services().superuser("tenancy");
    let mut names = |statement: &str| -> BTreeSet<String> {
        let rows = catalog.query(statement, &[]).expect("the catalog can be read");
        rows.iter().map(|row| row.get(0)).collect()
    };
    let violate = |evidence: String| {
        end.context.violate(Promise::Destruction, Instant::now(), evidence);
    };
    // A tenant's database and its role have the same name.
    let expected = names("SELECT 'tenant_' || replace(id::text, '-', '') FROM tenants");
    for (kind, found) in [
        ("database", "SELECT datname::text FROM pg_database WHERE datname LIKE 'tenant\\_%'"),
        ("role", "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'tenant\\_%'"),
    ] {
        let found = names(found);
        for orphan in found.difference(&expected) {
            violate(format!("the {kind} {orphan} belongs to no tenant"));
        }
        for missing in expected.difference(&found) {
            violate(format!("the {kind} {missing} of a tenant is missing"));
        }
    }
    let unfinished = "SELECT slug || ': ' || status FROM tenants
                      WHERE status::text IN ('provisioning', 'deleting')";
    for tenant in names(unfinished) {
        violate(format!("the tenant {tenant} is unfinished after the repair"));
    }
    let tenants = names("SELECT id::text FROM tenants");
    for (tenant, chunks) in chunks(end) {
        if !tenants.contains(&tenant) {
            violate(format!("{chunks} chunks of the destroyed tenant {tenant} are left"));
        }
    }
}

/// Returns the number of chunks per tenant. The key of a chunk starts with its tenant.
fn chunks(end: &End<'_>) -> Vec<(String, i64)> {
    let Ok(store) = rusqlite::Connection::open(end.files) else { return Vec::new() };
    let statement = "SELECT substr(key, 1, 36), count(*) FROM spin_key_value
                     WHERE substr(key, 37, 1) = '/' GROUP BY 1";
    // A store without writes has no table.
    let Ok(mut query) = store.prepare(statement) else { return Vec::new() };
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.expect("chunks are counted").map(|row| row.expect("a count is read")).collect()
}
