//! Rotation of the master key while the service runs. This test uses its own servers, because resealing the catalog
//! would affect the tenants of other tests.

mod installation;

use std::{collections::BTreeSet, sync::Arc};

use e2e::{Application, Cut, Proxy, Watch};
use http::Method;
use serde_json::json;

use installation::{AFTER, BEFORE, Installation, LEARNING, TURNED, Tenant, refresh, text};

const FOREIGN: &str = "for tests only: the key of another installation";

/// Checks that a token that two instances use at the same time has one successor, even if their keys differ.
fn two_uses_at_once_have_one_successor(tenant: &Tenant, one: &Application, two: &Application) {
    let first = text(&tenant.log_in(one).expect(200)["refresh_token"]);
    let next =
        |at: &Application, token: &str| text(&refresh(at, token).expect(200)["refresh_token"]);
    let (here, there) = (next(one, &first), next(two, &first));
    // Each browser tab continues with its token at the instance of the other tab.
    let (last, same) = (next(two, &here), next(one, &there));
    next(one, &last);
    next(two, &same);
    // An older generation within the grace period returns the current token.
    refresh(two, &here).expect(200);
    refresh(one, &last).expect(200);
}

/// Checks that provisioning that is interrupted under one key can be repeated under another key.
fn a_provisioning_is_finished_under_another_key(installation: &Installation, turned: &Application) {
    let proxy = Proxy::start(&installation.services.databases().postgres);
    let mortal = Arc::new(installation.application(LEARNING, Some(&proxy)));
    let victim = Arc::clone(&mortal);
    proxy.watch(Watch {
        statement: "UPDATE tenants SET status = ",
        cut: Cut::Before,
        action: Box::new(move || victim.kill()),
    });
    assert!(installation.create(&mortal, "broken-off").try_send().is_err());
    assert!(proxy.has_acted());
    proxy.open();
    let tenant = Tenant::new(installation, turned, "broken-off");
    installation.change(turned, &tenant.id, &json!({ "status": "deleted" }));
}

/// Creates a chain whose rows were all dropped under the old key. Only its anchor remains.
fn pruned_chain(installation: &Installation) -> String {
    let chain = "00000000-0000-7000-8000-00000000000a";
    let statement = format!(
        "CREATE TABLE tenant_audit_logs_2020_01 PARTITION OF tenant_audit_logs
             FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-02-01 00:00:00+00');
         ALTER TABLE tenant_audit_logs_2020_01 OWNER TO tenancy;
         SET session_replication_role = replica;
         INSERT INTO audit_outbox (id, tenant_id, written_at, entry)
         VALUES ('{chain}', '{chain}', '-infinity',
             '{{\"event\": \"test.old\", \"severity\": \"info\", \"result\": \"success\",
                \"actor_type\": \"system\", \"detail\": {{}},
                \"created_at\": \"2020-01-15T00:00:00.000000Z\"}}')"
    );
    installation.services.superuser("tenancy").batch_execute(&statement).unwrap();
    installation.succeeds(BEFORE, &["repair"]);
    let said = installation.succeeds(BEFORE, &["audit", "prune", "--keep-months", "24"]);
    assert!(said.contains("tenant_audit_logs_2020_01"), "{said}");
    chain.to_owned()
}

/// Runs a reseal while the connection is cut at each of its statements, and then a complete reseal.
fn resealed_with_cuts(installation: &Installation) {
    for (statement, cut) in [
        ("UPDATE tenants SET database_password", Cut::Before),
        ("UPDATE tenants SET database_password", Cut::After),
        ("UPDATE idempotency_keys SET answer", Cut::Before),
        ("UPDATE idempotency_keys SET answer", Cut::After),
        ("UPDATE tenant_audit_anchors SET seal", Cut::Before),
        ("UPDATE tenant_audit_anchors SET seal", Cut::After),
        ("INSERT INTO tenant_audit_vouchers", Cut::Before),
        ("INSERT INTO tenant_audit_vouchers", Cut::After),
    ] {
        let proxy = Proxy::start(&installation.services.databases().postgres);
        proxy.watch(Watch { statement, cut, action: Box::new(|| {}) });
        let settings = installation.settings(TURNED, Some(&proxy));
        let output = e2e::tenantctl(&settings, &["reseal"]);
        assert!(!output.status.success() && proxy.has_acted(), "{statement} {cut:?}: {output:?}");
    }
    installation.succeeds(TURNED, &["reseal"]);
    assert_eq!(installation.succeeds(TURNED, &["reseal"]), "{\"resealed\":0}\n");
}

/// Checks that a data key survives a rotation between the read and the write of a reseal.
fn a_data_key_that_is_rotated_meanwhile_is_not_lost(
    installation: &Installation,
    tenant: &Tenant,
    learning: &Application,
    turned: &Application,
) {
    installation.succeeds(LEARNING, &["reseal"]);
    let mut superuser = installation.services.superuser("tenancy");
    let get = "SELECT data_key FROM tenants WHERE slug = $1";
    let put = "UPDATE tenants SET data_key = $2 WHERE slug = $1";
    let before: Vec<u8> = superuser.query_one(get, &[&tenant.slug]).unwrap().get(0);
    let path = format!("/admin/tenants/{}/rotate-key", tenant.id);
    installation.admin(learning, Method::POST, &path).send().expect(200);
    tenant.put(learning, "/api/v1/files/second", "of the second key");
    let rotated: Vec<u8> = superuser.query_one(get, &[&tenant.slug]).unwrap().get(0);
    superuser.execute(put, &[&tenant.slug, &before]).unwrap();
    // Repeats the rotation, so that the reseal must wait for its transaction.
    let mut rotation = superuser.transaction().unwrap();
    rotation.execute(put, &[&tenant.slug, &rotated]).unwrap();
    std::thread::scope(|scope| {
        let reseal = scope.spawn(|| installation.succeeds(TURNED, &["reseal"]));
        installation.wait_until_locked_out("UPDATE tenants SET database_password");
        rotation.commit().unwrap();
        reseal.join().unwrap();
    });
    // The change invalidates the cached tenant.
    installation.change(turned, &tenant.id, &json!({ "name": "Rotated" }));
    tenant.has(turned, "/api/v1/files/second", "of the second key");
    tenant.has(turned, "/api/v1/files/f", "a file");
    installation.succeeds(LEARNING, &["reseal"]);
}

// S24
#[test]
fn master_key_rotation_needs_no_downtime() {
    let installation = Installation::new();
    let before = installation.application(BEFORE, None);
    let mut tenant = Tenant::new(&installation, &before, "acme");
    tenant.put(&before, "/api/v1/files/f", "a file");
    tenant.put(&before, "/api/v1/cache/c", "an entry");
    let [suspended, deleted] =
        ["suspended", "deleted"].map(|slug| Tenant::new(&installation, &before, slug));
    for other in [&suspended, &deleted] {
        installation.change(&before, &other.id, &json!({ "status": other.slug }));
    }
    let pruned = pruned_chain(&installation);

    // First all instances know the new key, then it is the current key of some instances, then of all.
    let learning = installation.application(LEARNING, None);
    tenant.goes_on(&learning);
    let turned = installation.application(TURNED, None);
    for (index, at) in [&turned, &learning, &turned].into_iter().enumerate() {
        tenant.goes_on(at);
        tenant.is_created_once(&installation, at);
        tenant.adds_an_event(&installation, at, &format!("user-{index}@acme.com"));
        tenant.is_audited(&installation, &learning);
        tenant.is_audited(&installation, &turned);
    }
    let verified = "UPDATE tenancy.users SET is_verified = true";
    installation.services.superuser(&tenant.database()).batch_execute(verified).unwrap();
    installation.succeeds(LEARNING, &["repair"]);
    let hashed = installation.address_keys();
    two_uses_at_once_have_one_successor(&tenant, &learning, &turned);
    a_provisioning_is_finished_under_another_key(&installation, &turned);
    let mut other = Tenant::new(&installation, &turned, "other");
    other.put(&turned, "/api/v1/files/f", "a file");
    other.put(&turned, "/api/v1/cache/c", "an entry");
    other.goes_on(&learning);
    a_data_key_that_is_rotated_meanwhile_is_not_lost(&installation, &other, &learning, &turned);

    let doctor = installation.succeeds(LEARNING, &["doctor"]);
    assert!(doctor.contains("ok    master key"), "{doctor}");
    let doctor = installation.succeeds(TURNED, &["doctor"]);
    assert!(doctor.contains("note  master key") && doctor.contains("tenantctl reseal"), "{doctor}");
    let doctor = installation.fails(AFTER, &["doctor"]);
    assert!(doctor.contains("bad   master key"), "{doctor}");
    // The cached tenant is sealed with the new key, but its secrets inside are sealed with the old key.
    installation.change(&turned, &tenant.id, &json!({ "name": "Other" }));
    tenant.goes_on(&turned);
    other.goes_on(&turned);
    resealed_with_cuts(&installation);
    let heads = installation.heads();
    // The first byte is the format; the others identify the key.
    let keys: BTreeSet<_> = heads.iter().map(|(head, _)| &head[2..]).collect();
    assert_eq!(keys.len(), 1, "{heads:?}");
    let hashed_again = installation.address_keys();
    assert_eq!((hashed.len(), hashed_again.len()), (1, 1), "{hashed:?} {hashed_again:?}");
    assert_ne!(hashed, hashed_again);
    tenant.is_created_once(&installation, &learning);

    // The old key is no longer configured.
    let after = installation.application(AFTER, None);
    tenant.goes_on(&after);
    tenant.log_in(&after).expect(200);
    other.goes_on(&after);
    Tenant::new(&installation, &after, "later");
    installation.change(&after, &suspended.id, &json!({ "status": "active" }));
    suspended.log_in(&after).expect(200);
    let doctor = installation.succeeds(AFTER, &["doctor"]);
    assert!(doctor.contains("ok    master key"), "{doctor}");
    let doctor = installation.fails((FOREIGN, ""), &["doctor"]);
    assert!(doctor.contains("bad   master key") && doctor.contains("MASTER_DECRYPTION_KEYS"));
    assert!(!doctor.contains(FOREIGN), "{doctor}");
    resealed_trails_need_the_current_key_only(&installation, &tenant, &after, &pruned);
}

/// Checks that after a reseal the rows of the old key verify without it, and that changed rows are still detected.
fn resealed_trails_need_the_current_key_only(
    installation: &Installation,
    tenant: &Tenant,
    after: &Application,
    pruned: &str,
) {
    installation.succeeds(TURNED, &["audit", "verify"]);
    let verified = installation.succeeds(AFTER, &["audit", "verify"]);
    assert!(verified.contains("\"vouched\":{"), "{verified}");
    let own = tenant.call(after, Method::GET, "/api/v1/tenant/audit/verify").send().expect(200);
    assert_eq!(own["valid"], true, "{own}");
    assert!(own["vouched"]["sequence"].as_i64() > Some(2), "{own}");
    installation.fails((FOREIGN, ""), &["audit", "verify", "--tenant", tenant.slug]);
    let path = format!("/admin/audit/verify?tenant_id={pruned}");
    let found = installation.admin(after, Method::GET, &path).send().expect(200);
    assert_eq!(
        (&found["valid"], &found["anchor"]["sequence"]),
        (&json!(true), &json!(1)),
        "{found}"
    );
    // A changed row that a voucher covers is detected.
    let mut superuser = installation.services.superuser("tenancy");
    let change = format!(
        "SET session_replication_role = replica;
         UPDATE tenant_audit_logs SET actor_id = 'nobody'
         WHERE tenant_id = '{}' AND sequence = 2",
        tenant.id
    );
    superuser.batch_execute(&change).unwrap();
    installation.fails(TURNED, &["audit", "verify", "--tenant", tenant.slug]);
    let found = installation.fails(AFTER, &["audit", "verify", "--tenant", tenant.slug]);
    assert!(found.contains("since the voucher was made"), "{found}");
    let own = tenant.call(after, Method::GET, "/api/v1/tenant/audit/verify").send().expect(200);
    assert_eq!(own["valid"], false, "{own}");
}
