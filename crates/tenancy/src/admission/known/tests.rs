use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::{platform::Platform, settings::Settings};

const OLD: &str = "a master key of thirty-two bytes";
const NEW: &str = "another master key of as many...";
const TENANT: Uuid = Uuid::from_u128(1);

fn tenancy(current: &str, others: &str) -> Tenancy {
    let values: BTreeMap<_, _> = [
        ("MASTER_DATABASE_URL", "postgres://tenancy:secret@db.internal:5432/tenancy"),
        ("TENANT_DATABASE_TEMPLATE", "postgres://{role}:{password}@db.internal/t_{tenant_slug}"),
        ("MASTER_ENCRYPTION_KEY", current),
        ("MASTER_DECRYPTION_KEYS", others),
        ("JWT_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("ADMIN_API_KEY", "0123456789abcdef0123456789abcdef"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    let settings = Settings::parse(&values).unwrap();
    Tenancy::new(Platform::native("redis://localhost".to_owned()), settings).unwrap()
}

/// A tenant whose data key is sealed by `tenancy`.
fn record(tenancy: &Tenancy) -> TenantRecord {
    let random = &*tenancy.platform.random;
    let data_key = tenancy.master_key.seal(Purpose::DataKey, TENANT, &[7; 32], random).unwrap();
    let limits = json!({ "users": 1, "storage": 1, "api_calls": 1, "ai_requests": 1,
                         "requests_per_minute": 1 });
    serde_json::from_value(json!({
        "id": TENANT, "slug": "acme", "name": "Acme", "status": "active",
        "admin_email": "a@acme.com", "domain": null, "domains": [], "plan": "free",
        "limits": limits, "settings": {}, "version": 3,
        "database": { "host": "db", "port": 5432, "name": "t_acme", "options": "" },
        "database_role": "tenant_1", "database_password": null, "data_key": data_key,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

// S24
#[test]
fn what_redis_keeps_is_believed_where_all_of_it_opens() {
    let [before, learning, turned, after] =
        [tenancy(OLD, ""), tenancy(OLD, NEW), tenancy(NEW, OLD), tenancy(NEW, "")];
    let found = |by: &Tenancy, kept: &TenantRecord, at: &Tenancy, own: Option<Rc<TenantRecord>>| {
        let Sealed(snapshot) = sealed(by, TENANT, kept).unwrap();
        let known = Known { version: Some(3), snapshot: Some(snapshot), ..Known::default() };
        remembered(at, TENANT, &known, own).is_some()
    };
    let old = record(&before);
    // Instances that have both keys read what the other one has put there.
    assert!(found(&learning, &old, &turned, None) && found(&turned, &old, &learning, None));
    assert!(!found(&learning, &old, &after, None));
    // The outer seal is new, and the inner one of before the catalog was sealed anew.
    assert!(!found(&turned, &old, &after, None));
    assert!(found(&turned, &record(&turned), &after, None));
    // What an instance has itself goes on: nothing is read again for each request.
    assert!(found(&turned, &old, &before, Some(Rc::new(record(&before)))));
}
