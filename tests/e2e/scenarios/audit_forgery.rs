//! Rows that an attacker writes into the outbox with a tenant's role. They are reported, removed, and never chained.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use chrono::SecondsFormat;
use e2e::{TestTenant, World};
use http::Method;
use platform::{Clock as _, native::NativeClock};
use postgres::Client;
use serde_json::{Value, json};

/// Returns a valid entry of the trail.
fn entry(event: &str) -> Value {
    json!({
        "event": event, "severity": "info", "result": "success", "actor_type": "system",
        "detail": {},
        "created_at": NativeClock.now().to_rfc3339_opts(SecondsFormat::Micros, true),
    })
}

fn insert(database: &mut Client, id: &str, tenant: &str, entry: &Value) {
    let statement = "INSERT INTO audit_outbox (id, tenant_id, entry)
                     VALUES ($1::text::uuid, $2::text::uuid, $3::text::jsonb)";
    database.execute(statement, &[&id, &tenant, &entry.to_string()]).unwrap();
}

/// Returns the number of forged rows of a tenant that the platform's chain reports, and the number of those events.
fn reported(tenant: &TestTenant) -> (i64, i64) {
    let statement = "SELECT COALESCE(sum((detail ->> 'count')::bigint), 0)::bigint, count(*)
                     FROM tenant_audit_logs
                     WHERE tenant_id IS NULL AND event = 'audit.events_forged' AND resource_id = $1
                       AND severity = 'warning' AND detail ->> 'tenant_id' = $1";
    let row = World::for_tools()
        .services
        .superuser("tenancy")
        .query_one(statement, &[&tenant.id])
        .unwrap();
    (row.get(0), row.get(1))
}

fn waiting(database: &mut Client) -> i64 {
    database.query_one("SELECT count(*) FROM audit_outbox", &[]).unwrap().get(0)
}

// S37
#[test]
fn forged_rows_are_reported_not_chained() {
    let world = World::for_tools();
    let _alone = world.alone();
    let tenant = world.tenant();
    let other = world.tenant();
    let mut database = world.services.superuser(&tenant.database());
    let sealed = |mut entry: Value| {
        entry["open"] = json!([]);
        entry["seal"] = json!("0".repeat(64));
        entry
    };
    let mut large = entry("test.forged");
    large["detail"] = json!({ "before": "x".repeat(300_000) });
    let odd = json!({ "event": "test.forged", "severity": "loud" });
    let mut late = entry("test.forged");
    late["created_at"] = json!("tomorrow");
    for (number, entry) in [
        entry("test.forged"),
        sealed(entry("test.forged")),
        large,
        odd,
        late,
        json!({}),
        json!("text"),
        json!([1]),
        Value::Null,
    ]
    .iter()
    .enumerate()
    {
        let id = format!("00000000-0000-7000-8000-00000000000{number}");
        insert(&mut database, &id, &tenant.id, entry);
    }
    // Rows for another tenant's chain, and for the platform's chain.
    let id = "00000000-0000-7000-8000-000000000010";
    insert(&mut database, id, &other.id, &entry("test.forged"));
    let statement =
        "INSERT INTO audit_outbox (id, entry) VALUES (gen_random_uuid(), $1::text::jsonb)";
    database.execute(statement, &[&entry("test.forged").to_string()]).unwrap();
    // The database ignores the timestamp of the writer, so a row cannot claim to be older than the migration. There are
    // more rows than one pass moves.
    let statement = "INSERT INTO audit_outbox (id, tenant_id, written_at, entry)
                     SELECT ('00000000-0000-7000-8001-' || lpad(n::text, 12, '0'))::uuid,
                            $1::text::uuid, '-infinity', $2::text::jsonb
                     FROM generate_series(1, 240) n";
    let many = entry("test.forged").to_string();
    database.execute(statement, &[&tenant.id, &many]).unwrap();

    // Forged rows do not delay the events after them.
    tenant.user("viewer");
    tenant.wait_until_audited("user.created", 1);
    let begin = Instant::now();
    while waiting(&mut database) > 0 {
        assert!(begin.elapsed().as_secs() < 60, "the outbox is emptied");
        sleep(Duration::from_millis(50));
    }
    // The first removal is reported immediately, and the others with the next maintenance.
    let begin = Instant::now();
    while reported(&tenant).1 == 0 {
        assert!(begin.elapsed().as_secs() < 60, "forged rows are reported");
        sleep(Duration::from_millis(50));
    }
    let output = world.tenantctl(&["repair", "--older-than-minutes", "600"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (count, events) = reported(&tenant);
    assert_eq!(count, 251);
    assert!(events <= 2, "{events}");
    let kept = "SELECT count(*) FROM tenant_audit_logs WHERE event = 'test.forged'";
    let kept = world.services.superuser("tenancy").query_one(kept, &[]).unwrap();
    assert_eq!(kept.get::<_, i64>(0), 0);
    let verified = tenant.get("/api/v1/tenant/audit/verify").token(&tenant.admin.access_token);
    assert_eq!(verified.send().expect(200)["valid"], true);
    let warning = "forged audit events are in an outbox";
    world.wait_until_logged(warning, &tenant.id);
    let logged = world.logged(warning);
    assert!(logged.contains("without a seal"), "{logged}");
    assert!(!logged.contains("test.forged"), "{logged}");
}

// S37
#[test]
fn forged_catalog_row_is_reported() {
    let world = World::for_tools();
    let _alone = world.alone();
    let tenant = world.tenant();
    let mut catalog = world.services.superuser("tenancy");
    let id = "00000000-0000-7000-8000-0000000000ca";
    insert(&mut catalog, id, &tenant.id, &entry("test.forged_in_catalog"));
    let path = format!("/admin/audit/verify?tenant_id={}", tenant.id);
    assert_eq!(world.admin(Method::GET, &path).send().expect(200)["valid"], true);
    assert_eq!(reported(&tenant), (1, 1));
    assert_eq!(tenant.audited("test.forged_in_catalog"), [] as [Value; 0]);
}

#[test]
fn maintenance_chains_and_anchors_events() {
    let world = World::for_tools();
    let _alone = world.alone();
    let tenant = world.tenant();
    tenant.wait_until_audited("auth.login", 1);
    let mut database = world.services.superuser(&tenant.database());
    // Simulates an instance of the previous release that was killed before it chained this event.
    database.batch_execute("SET session_replication_role = replica").unwrap();
    let statement = "INSERT INTO audit_outbox (id, tenant_id, written_at, entry)
                     VALUES (gen_random_uuid(), $1::text::uuid, '-infinity', $2::text::jsonb)";
    database.execute(statement, &[&tenant.id, &entry("test.left_behind").to_string()]).unwrap();
    let mut path = "/admin/maintenance".to_owned();
    loop {
        let report = world.admin(Method::POST, &path).send().expect(200);
        assert!(report["forged_audit_events"].is_u64(), "{report}");
        assert!(report["anchored_audit_trails"].is_u64(), "{report}");
        match report["next_cursor"].as_str() {
            Some(cursor) => path = format!("/admin/maintenance?after={cursor}"),
            None => break,
        }
    }
    let events = tenant.audited("test.left_behind");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["detail"], json!({ "unsealed": true }));
    let anchored =
        "SELECT count(*) FROM audit_anchorings WHERE day = (now() AT TIME ZONE 'UTC')::date";
    let anchored = world.services.superuser("tenancy").query_one(anchored, &[]).unwrap();
    assert_eq!(anchored.get::<_, i64>(0), 1);
    // The gauge counts the events that wait in the catalog.
    let metrics = world.get_path("/metrics").send().text;
    assert!(metrics.contains("\ntenancy_audit_events_waiting "), "{metrics}");
}
