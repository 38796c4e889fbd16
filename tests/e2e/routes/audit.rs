//! `/api/v1/tenant/audit` and `/admin/audit`

use std::thread;

use e2e::{TestTenant, World, database::wait_for_lock};
use http::Method;
use postgres::Client;
use serde_json::{Value, json};
use uuid::Uuid;

fn list(tenant: &TestTenant, query: &str) -> Value {
    let path = format!("/api/v1/tenant/audit?{query}");
    tenant.get(&path).token(&tenant.admin.access_token).send().expect(200)
}

fn events(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["event"].as_str().unwrap()).collect()
}

fn verify(tenant: &TestTenant) -> Value {
    tenant.get("/api/v1/tenant/audit/verify").token(&tenant.admin.access_token).send().expect(200)
}

// S37
#[test]
fn recent_event_is_listed_with_actor() {
    let tenant = World::get().tenant();
    let key = tenant.create_api_key(&json!({ "name": "k", "scopes": [] }));
    let page = list(&tenant, "event=api_key.created");
    assert_eq!(page["next_cursor"], Value::Null);
    let row = &page["items"][0];
    assert_eq!((&row["actor_type"], &row["actor_id"]), (&json!("user"), &json!(tenant.admin.id)));
    assert_eq!((&row["resource_type"], &row["resource_id"]), (&json!("api_key"), &key["id"]));
    assert_eq!((&row["address"], &row["result"]), (&json!("127.0.0.1"), &json!("success")));
    for member in ["id", "sequence", "user_agent", "request_id", "created_at", "tenant_id"] {
        assert!(!row[member].is_null(), "{member} of {row}");
    }
    assert!(!page.to_string().contains(key["api_key"].as_str().unwrap()));
}

#[test]
fn events_are_filtered_and_paged() {
    let tenant = World::get().tenant();
    for number in 0..5 {
        tenant.create_api_key(&json!({ "name": format!("k{number}"), "scopes": [] }));
    }
    tenant.login(&tenant.admin.email, "wrong").expect_problem(401, "invalid_credentials");
    let all = list(&tenant, "limit=100");
    let sequences: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["sequence"].as_i64().unwrap())
        .collect();
    assert!(sequences.len() >= 7, "{all}");
    let mut paged = Vec::new();
    let mut query = "limit=2".to_owned();
    loop {
        let page = list(&tenant, &query);
        paged.extend(
            page["items"].as_array().unwrap().iter().map(|row| row["sequence"].as_i64().unwrap()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("limit=2&cursor={cursor}");
    }
    assert_eq!(paged, sequences);
    assert_eq!(events(&list(&tenant, "event=api_key.")), vec!["api_key.created"; 5]);
    assert_eq!(events(&list(&tenant, "succeeded=false&severity=warning")), ["auth.login_failed"]);
    assert!(events(&list(&tenant, "actor=platform")).contains(&"tenant.created"));
    let own = list(&tenant, &format!("actor={}&event=api_key.created", tenant.admin.id));
    assert_eq!(events(&own).len(), 5);
    assert_eq!(events(&list(&tenant, "to=2020-01-01T00:00:00Z")), [] as [&str; 0]);
    assert_eq!(events(&list(&tenant, "from=2120-01-01T00:00:00Z")), [] as [&str; 0]);
    let bad = tenant.get("/api/v1/tenant/audit?cursor=x&severity=bad&from=now&limit=0");
    let bad = bad.token(&tenant.admin.access_token).send().expect_invalid();
    assert_eq!(bad, ["severity", "from", "limit", "cursor"]);
}

// S18
#[test]
fn tenant_reads_only_its_own_trail() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let own = list(&tenant, "limit=100");
    let rows = own["items"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["tenant_id"] == tenant.id.as_str()));
    let path = format!("/admin/audit?tenant_id={}&limit=100", other.id);
    let theirs = world.admin(Method::GET, &path).send().expect(200);
    assert!(events(&theirs).contains(&"tenant.created"));
    let viewer = tenant.user("viewer");
    let refused = tenant.get("/api/v1/tenant/audit").token(&viewer.access_token).send();
    refused.expect_problem(403, "forbidden");
}

#[test]
fn trail_exports_as_ndjson_or_csv() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.create_api_key(&json!({ "name": "=cmd,\"x\"", "scopes": [] }));
    let export = |query: &str| {
        let path = format!("/api/v1/tenant/audit/export?{query}");
        tenant.get(&path).token(&tenant.admin.access_token).send()
    };
    let lines = export("");
    assert_eq!((lines.status, lines.header("content-type")), (200, "application/x-ndjson"));
    let rows: Vec<Value> =
        lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.iter().any(|row| row["event"] == "tenant.created"));
    let csv = export("format=csv&event=api_key.created");
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"audit.csv\"");
    let lines: Vec<_> = csv.text.split("\r\n").collect();
    assert!(lines[0].starts_with("created_at,tenant_id,sequence,event,"));
    assert_eq!((lines.len(), lines[2]), (3, ""));
    let made = rows.iter().find(|row| row["event"] == "api_key.created").unwrap();
    assert_eq!(lines[1].split(',').next(), made["created_at"].as_str());
    assert_eq!(export("format=xml").expect_invalid(), ["format"]);
    let path = format!("/admin/audit/export?tenant_id={}", tenant.id);
    let all = world.admin(Method::GET, &path).send();
    assert_eq!(all.text.lines().count(), rows.len());
}

#[test]
fn large_export_contains_all_rows() {
    let tenant = World::get().tenant();
    let mut superuser = World::get().services.superuser("tenancy");
    // Rows of the previous release have no seal.
    superuser.batch_execute("SET session_replication_role = replica").unwrap();
    let many = "INSERT INTO audit_outbox (id, tenant_id, written_at, entry)
                SELECT gen_random_uuid(), $1::text::uuid, '-infinity', jsonb_build_object(
                    'event', 'test.many', 'severity', 'info', 'result', 'success',
                    'actor_type', 'system', 'detail', '{}'::jsonb,
                    'created_at', to_char(clock_timestamp() AT TIME ZONE 'UTC',
                                          'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))
                FROM generate_series(1, 1300)";
    superuser.execute(many, &[&tenant.id]).unwrap();
    // Each export moves some of them to the trail.
    let count = || {
        let path = "/api/v1/tenant/audit/export?event=test.many&format=ndjson";
        tenant.get(path).token(&tenant.admin.access_token).send().text.lines().count()
    };
    let mut looks = 0;
    while count() < 1_300 {
        looks += 1;
        assert!(looks < 50);
    }
    let verified = verify(&tenant);
    assert_eq!(verified["valid"], true, "{verified}");
    assert!(verified["verified"].as_i64() >= Some(1_301));
}

// S37
#[test]
fn tampering_is_detected() {
    let tenant = World::get().tenant();
    for number in 0..4 {
        tenant.create_api_key(&json!({ "name": format!("k{number}"), "scopes": [] }));
    }
    tenant.wait_until_audited("api_key.created", 4);
    let good = verify(&tenant);
    assert_eq!((&good["valid"], &good["broken_at"]), (&json!(true), &Value::Null), "{good}");
    let length = good["head"]["sequence"].as_i64().unwrap();
    assert_eq!(good["verified"], length);
    let mut superuser = World::get().services.superuser("tenancy");
    let mut tamper = |statement: &str| {
        // Only the owner of the tables can disable the guard; the application cannot.
        let guarded = format!(
            "ALTER TABLE tenant_audit_logs DISABLE TRIGGER USER; {}; ALTER TABLE tenant_audit_logs ENABLE TRIGGER USER",
            statement.replace("{id}", &tenant.id)
        );
        superuser.batch_execute(&guarded).unwrap();
    };
    let of_tenant = "tenant_id = '{id}' AND sequence";
    let keep =
        "CREATE TABLE IF NOT EXISTS kept_rows AS SELECT * FROM tenant_audit_logs WHERE false";
    tamper(&format!(
        "{keep}; INSERT INTO kept_rows SELECT * FROM tenant_audit_logs WHERE {of_tenant} = 3"
    ));
    let bad = |at: i64| {
        let found = verify(&tenant);
        assert_eq!((&found["valid"], &found["broken_at"]), (&json!(false), &json!(at)), "{found}");
        assert!(found["reason"].is_string());
    };
    tamper(&format!("UPDATE tenant_audit_logs SET event = 'made.up' WHERE {of_tenant} = 3"));
    bad(3);
    tamper(&format!("DELETE FROM tenant_audit_logs WHERE {of_tenant} = 3"));
    bad(3);
    tamper("INSERT INTO tenant_audit_logs SELECT * FROM kept_rows WHERE tenant_id = '{id}'");
    assert_eq!(verify(&tenant)["valid"], true);
    tamper(&format!(
        "UPDATE tenant_audit_logs SET created_at = created_at - interval '1 second' WHERE {of_tenant} = 2"
    ));
    bad(2);
    tamper(&format!(
        "UPDATE tenant_audit_logs SET created_at = created_at + interval '1 second' WHERE {of_tenant} = 2"
    ));
    tamper(&format!("DELETE FROM tenant_audit_logs WHERE {of_tenant} >= {length}"));
    bad(length);
    tamper("DELETE FROM kept_rows WHERE tenant_id = '{id}'");
}

#[test]
fn operator_can_verify_any_trail() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/audit/verify?tenant_id={}", tenant.id);
    let found = world.admin(Method::GET, &path).send().expect(200);
    assert_eq!(found["valid"], true);
    assert!(
        world.admin(Method::GET, "/admin/audit/verify").send().expect(200)["valid"].is_boolean()
    );
    let output = world.tenantctl(&["audit", "verify", "--tenant", &tenant.slug]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["valid"], &line["tenant"]), (&json!(true), &json!(tenant.slug)));
    // A trail that was truncated together with its head does not contain the expected link.
    let head = &found["head"];
    let kept =
        format!("{}:{}", head["sequence"].as_i64().unwrap() + 5, head["mac"].as_str().unwrap());
    let output = world.tenantctl(&["audit", "verify", "--tenant", &tenant.slug, "--expect", &kept]);
    assert!(!output.status.success());
}

/// A chain of a tenant that exists only in the trail.
struct Chain(String);

impl Chain {
    fn new() -> Self {
        Self(Uuid::from_u128(u128::from(std::process::id()) << 64).to_string())
    }

    /// Adds events with a creation time, and chains them.
    fn add(&self, first: u32, count: u32, created_at: &str) -> Value {
        // Rows of the previous release have no seal.
        let statement = "INSERT INTO audit_outbox (id, tenant_id, written_at, entry)
            SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1::text::uuid,
                '-infinity', jsonb_build_object('event', 'test.old', 'severity', 'info', 'result', 'success',
                    'actor_type', 'system', 'detail', '{}'::jsonb, 'created_at', $4::text)
            FROM generate_series($2::integer, $3::integer) n";
        let last = i32::try_from(first + count - 1).unwrap();
        let first = i32::try_from(first).unwrap();
        let mut superuser = World::get().services.superuser("tenancy");
        superuser.batch_execute("SET session_replication_role = replica").unwrap();
        superuser.execute(statement, &[&self.0, &first, &last, &created_at]).unwrap();
        self.verify()
    }

    fn verify(&self) -> Value {
        let path = format!("/admin/audit/verify?tenant_id={}", self.0);
        World::get().admin(Method::GET, &path).send().expect(200)
    }
}

fn prune() -> String {
    let output = World::get().tenantctl(&["audit", "prune", "--keep-months", "24"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Creates the table of a month that is long past.
fn add_month(superuser: &mut Client, month: &str, next: &str) {
    let day = |month: &str| format!("{}-01 00:00:00+00", month.replace('_', "-"));
    let statements = format!(
        "CREATE TABLE tenant_audit_logs_{month} PARTITION OF tenant_audit_logs
             FOR VALUES FROM ('{}') TO ('{}');
         DO $$ BEGIN EXECUTE format('ALTER TABLE tenant_audit_logs_{month} OWNER TO %I',
             (SELECT tableowner FROM pg_tables WHERE tablename = 'tenant_audit_logs'));
         END $$",
        day(month),
        day(next)
    );
    superuser.batch_execute(&statements).unwrap();
}

#[test]
fn locked_trail_delays_commands_and_no_requests() {
    let world = World::get();
    let _alone = world.alone();
    let mut superuser = world.services.superuser("tenancy");
    add_month(&mut superuser, "2019_01", "2019_02");
    // The migration creates the last month again.
    let last = "SELECT max(relname)::text FROM pg_class WHERE relname ~ '^tenant_audit_logs_[0-9]{4}_[0-9]{2}$'";
    let last: String = superuser.query_one(last, &[]).unwrap().get(0);
    superuser.batch_execute(&format!("DROP TABLE {last}")).unwrap();
    for command in [&["audit", "prune", "--keep-months", "24"][..], &["migrate"]] {
        // As the last transaction of an import that brings a long trail.
        let mut import = superuser.transaction().unwrap();
        import.batch_execute("LOCK TABLE tenant_audit_logs IN ROW EXCLUSIVE MODE").unwrap();
        let running = thread::spawn(move || world.tenantctl(command));
        wait_for_lock(&mut import, "tenant_audit_logs");
        // A statement of a request may take five seconds.
        world.admin(Method::GET, "/admin/audit").send().expect(200);
        assert!(!running.is_finished(), "{command:?} needs the lock");
        import.commit().unwrap();
        let output = running.join().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let exists = "SELECT to_regclass($1) IS NOT NULL";
    for (table, expected) in [("tenant_audit_logs_2019_01", false), (last.as_str(), true)] {
        let found: bool = superuser.query_one(exists, &[&table]).unwrap().get(0);
        assert_eq!(found, expected, "{table}");
    }
}

#[test]
fn pruned_trail_is_verified_from_anchor() {
    let world = World::get();
    let _alone = world.alone();
    let mut superuser = world.services.superuser("tenancy");
    add_month(&mut superuser, "2020_01", "2020_02");
    add_month(&mut superuser, "2020_02", "2020_03");
    let chain = Chain::new();
    chain.add(1, 3, "2020-01-15T00:00:00.000000Z");
    chain.add(4, 2, "2026-11-01T00:00:00.000000Z");
    // The table of February is kept, because an event in it was chained late.
    let before = chain.add(6, 1, "2020-02-15T00:00:00.000000Z");
    assert_eq!((&before["valid"], &before["verified"]), (&json!(true), &json!(6)), "{before}");
    let said = prune();
    assert!(said.contains("\"dropped_month\":\"tenant_audit_logs_2020_01\",\"rows\":3"), "{said}");
    assert!(said.contains("\"kept_month\":\"tenant_audit_logs_2020_02\""), "{said}");
    let after = chain.verify();
    assert_eq!((&after["valid"], &after["verified"]), (&json!(true), &json!(3)), "{after}");
    assert_eq!((&after["anchor"]["sequence"], &after["head"]), (&json!(3), &before["head"]));
    // A row in the dropped range is a forgery.
    let forged = "INSERT INTO tenant_audit_logs (id, tenant_id, sequence, event, severity, result,
                      actor_type, mac, created_at)
                  SELECT gen_random_uuid(), tenant_id, $2, event, severity, result, actor_type, mac,
                         created_at
                  FROM tenant_audit_logs WHERE tenant_id = $1::text::uuid AND sequence = 4";
    let remove = "ALTER TABLE tenant_audit_logs DISABLE TRIGGER USER;
                  DELETE FROM tenant_audit_logs WHERE tenant_id = '{id}' AND sequence = 2;
                  ALTER TABLE tenant_audit_logs ENABLE TRIGGER USER";
    superuser.execute(forged, &[&chain.0, &2_i64]).unwrap();
    assert_eq!(chain.verify()["valid"], false);
    superuser.batch_execute(&remove.replace("{id}", &chain.0)).unwrap();
    assert_eq!(chain.verify()["valid"], true, "{}", chain.verify());
    // A forged anchor is rejected.
    let forge = "UPDATE tenant_audit_anchors SET mac = sha256('x') WHERE chain = $1::text::uuid";
    superuser.execute(forge, &[&chain.0]).unwrap();
    assert_eq!(chain.verify()["valid"], false);
}
