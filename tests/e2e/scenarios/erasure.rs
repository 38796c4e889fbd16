//! The erasure of a person: what is left, forgeries, and interruptions.

use std::sync::Arc;

use e2e::{Call, Cut, Databases, Proxy, TestTenant, TestUser, Watch, World, unique};
use http::Method;
use postgres::Client;
use serde_json::{Value, json};

/// A person whose address and names occur nowhere else.
struct Someone {
    user: TestUser,
    /// The texts that identify the person.
    texts: Vec<String>,
}

/// Creates a person who leaves traces in each store.
fn someone(tenant: &TestTenant) -> Someone {
    let name = unique("xylopha").replace('-', "");
    let email = format!("{name}@person.example");
    let (first, last) = (format!("First{name}"), format!("Last{name}"));
    let admin = &tenant.admin.access_token;
    let body = json!({
        "email": email, "role": "admin", "username": format!("user.{name}"), "first_name": first, "last_name": last,
    });
    let created = tenant.post("/api/v1/users", &body).token(admin).send().expect(201);
    let setup =
        json!({ "setup_token": created["setup_token"], "password": "a password for tests" });
    let agent = format!("agent of {name}");
    let setup = tenant.post("/api/v1/auth/setup", &setup).header("user-agent", &agent);
    let user = TestUser::from(&setup.send().expect(200));
    let wrong = json!({ "email": email, "password": "wrong" });
    for _ in 0..3 {
        let call = tenant.post("/api/v1/auth/login", &wrong).header("user-agent", &agent);
        call.send().expect_problem(401, "invalid_credentials");
    }
    let key = json!({ "name": format!("laptop of {first}"), "scopes": ["files:read"] });
    let key = tenant.post("/api/v1/api-keys", &key).token(&user.access_token);
    let key = key.header("user-agent", &agent).send().expect(201);
    let text = key["api_key"].as_str().unwrap();
    tenant.get("/api/v1/files").token(text).send().expect(200);
    let credential = json!({ "access": "read", "connections": 1 });
    tenant.ask_for_database(&user.access_token, &credential).expect(201);
    let put = tenant.put("/api/v1/files/a.txt", "content").token(&user.access_token);
    put.header("user-agent", &agent).send().expect(201);
    let path = format!("/admin/tenants/{}", tenant.id);
    let contact = json!({ "admin_email": email });
    World::for_erasures().admin(Method::PATCH, &path).json(&contact).send().expect(200);
    Someone { user, texts: vec![name, email, first, last, agent] }
}

/// Returns the tables whose rows contain a text, also in the bytes of a column.
fn containing(database: &mut Client, text: &str) -> Vec<String> {
    let tables = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
                  JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')";
    let tables: Vec<String> =
        database.query(tables, &[]).unwrap().iter().map(|row| row.get(0)).collect();
    assert!(tables.len() > 5, "{tables:?}");
    let hex = text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let mut found = Vec::new();
    for table in tables {
        let statement = format!(
            "SELECT count(*) FROM {table} r
             WHERE strpos(lower(to_jsonb(r)::text), lower($1)) > 0 OR strpos(to_jsonb(r)::text, $2) > 0"
        );
        let rows: i64 = database.query_one(&statement, &[&text, &hex]).unwrap().get(0);
        if rows > 0 {
            found.push(table);
        }
    }
    found
}

/// Returns the keys of Redis that contain a text in their names or values.
fn in_redis(text: &str) -> Vec<String> {
    let world = World::for_erasures();
    let keys = world.redis(&["--scan"]);
    assert!(keys.len() > 3, "{keys:?}");
    let read = |key: &String| match world.redis(&["TYPE", key]).concat().as_str() {
        "string" => world.redis(&["GET", key]),
        "hash" => world.redis(&["HGETALL", key]),
        "zset" => world.redis(&["ZRANGE", key, "0", "-1"]),
        "set" => world.redis(&["SMEMBERS", key]),
        "list" => world.redis(&["LRANGE", key, "0", "-1"]),
        // It expired meanwhile.
        "none" => Vec::new(),
        other => panic!("{key} has the type {other}"),
    };
    let contains = |key: &String| {
        let value = read(key).join("\n").to_lowercase();
        key.to_lowercase().contains(text) || value.contains(text)
    };
    keys.into_iter().filter(contains).collect()
}

/// Returns the names of the failures of an account in Redis and in the catalog.
fn failures(tenant: &TestTenant) -> (Vec<String>, i64) {
    let world = World::for_erasures();
    let keys = world.redis(&["KEYS", &world.redis_key(&format!("t:{{{}}}:*guess:*", tenant.id))]);
    let hashes =
        world.redis(&["KEYS", &world.redis_key(&format!("t:{{{}}}:bucket:hashes:*", tenant.id))]);
    let mut catalog = world.services.superuser("tenancy");
    let rows = catalog.query_one("SELECT count(*) FROM sign_in_attempts", &[]).unwrap().get(0);
    ([keys, hashes].concat(), rows)
}

#[track_caller]
fn nothing_is_left(tenant: &TestTenant, someone: &Someone, when: &str) {
    let world = World::for_erasures();
    for text in &someone.texts {
        let text = text.to_lowercase();
        for database in ["tenancy", &tenant.database()] {
            let found = containing(&mut world.services.superuser(database), &text);
            assert_eq!(found, [] as [&str; 0], "{text} in {database}, {when}");
        }
        assert_eq!(in_redis(&text), [] as [&str; 0], "{text}, {when}");
    }
    let mut database = world.services.superuser(&tenant.database());
    for table in ["users", "sessions"] {
        let column = if table == "users" { "id" } else { "user_id" };
        let statement = format!("SELECT count(*) FROM tenancy.{table} WHERE {column}::text = $1");
        let rows: i64 = database.query_one(&statement, &[&someone.user.id]).unwrap().get(0);
        assert_eq!(rows, 0, "{table}, {when}");
    }
    let statement = "SELECT count(*) FROM tenancy.user_erasures";
    assert_eq!(database.query_one(statement, &[]).unwrap().get::<_, i64>(0), 0, "{when}");
    let credentials = "SELECT count(*) FROM database_credentials WHERE user_id::text = $1";
    let mut catalog = world.services.superuser("tenancy");
    let rows: i64 = catalog.query_one(credentials, &[&someone.user.id]).unwrap().get(0);
    assert_eq!(rows, 0, "{when}");
    let address = "SELECT count(*) FROM tenant_audit_logs
                   WHERE actor_id = $1 AND (address IS NOT NULL OR user_agent IS NOT NULL)";
    let rows: i64 = catalog.query_one(address, &[&someone.user.id]).unwrap().get(0);
    assert_eq!(rows, 0, "{when}");
    let found = verify(tenant);
    assert_eq!(found["valid"], true, "{found}, {when}");
    assert_eq!(tenant.wait_until_audited("user.erased", 1).len(), 1, "{when}");
}

fn verify(tenant: &TestTenant) -> Value {
    let path = "/api/v1/tenant/audit/verify?full=true";
    tenant.get(path).token(&tenant.admin.access_token).send().expect(200)
}

fn erasure(address: &str, tenant: &TestTenant, user: &str) -> Call {
    let path = format!("/api/v1/users/{user}/erasure");
    let call = Call::new(Method::POST, address, &path).json(&json!({}));
    call.token(&tenant.admin.access_token)
}

// S37, S44
#[test]
fn no_store_contains_erased_person() {
    let world = World::for_erasures();
    let _alone = world.alone();
    let tenant = world.tenant();
    let someone = someone(&tenant);
    tenant.wait_until_audited("file.uploaded", 1);
    // The search finds the person before.
    let [name, ..] = &someone.texts[..] else { unreachable!() };
    let mut found = containing(&mut world.services.superuser(&tenant.database()), name);
    found.extend(containing(&mut world.services.superuser("tenancy"), name));
    let expected = ["sessions", "users", "tenant_api_keys", "tenants", "tenant_audit_logs"];
    for table in expected {
        assert!(found.iter().any(|name| name.contains(table)), "{table} is not in {found:?}");
    }
    // Once more, because the allowance of hashes is forgotten within seconds.
    let wrong = json!({ "email": someone.texts[1], "password": "wrong" });
    tenant.post("/api/v1/auth/login", &wrong).send().expect_problem(401, "invalid_credentials");
    let (before, rows) = failures(&tenant);
    assert!(before.iter().any(|key| key.contains("hashes:")) && rows > 0, "{before:?}");

    let erased = erasure(world.address(), &tenant, &someone.user.id).send().expect(200);
    nothing_is_left(&tenant, &someone, "after the erasure");
    let removed = &erased["receipt"]["removed"];
    for (member, count) in
        [("sessions", 1), ("database_credentials", 1), ("api_key_names", 1), ("tenant_contacts", 1)]
    {
        assert_eq!(removed[member], count, "{member} of {erased}");
    }
    // The account's failures are forgotten. The addresses keep theirs, because other accounts share them.
    let (after, _) = failures(&tenant);
    assert!(after.len() < before.len(), "{before:?} {after:?}");
    assert!(!after.iter().any(|key| key.contains("hashes:")), "{after:?}");
    // The key of the tenant stays valid under another name.
    let keys = tenant.get("/api/v1/api-keys").token(&tenant.admin.access_token).send().expect(200);
    let keys = keys["items"].as_array().unwrap();
    let renamed =
        |key: &&Value| key["name"] == format!("API key {}", key["prefix"].as_str().unwrap());
    assert_eq!(keys.iter().filter(renamed).count(), 1, "{keys:?}");
    // The events are still in the trail, with the id of the user.
    let uploaded = tenant.audited("file.uploaded");
    assert_eq!(
        (&uploaded[0]["actor_id"], &uploaded[0]["address"]),
        (&json!(someone.user.id), &Value::Null)
    );
    let listed = tenant.get("/api/v1/tenant/audit?event=file.uploaded");
    let listed = listed.token(&tenant.admin.access_token).send().expect(200);
    assert_eq!(listed["items"][0]["is_redacted"], true);
}

// S37, S44
#[test]
fn forged_receipt_or_redaction_breaks_trail() {
    let world = World::for_erasures();
    let _alone = world.alone();
    let tenant = world.tenant();
    let someone = someone(&tenant);
    erasure(world.address(), &tenant, &someone.user.id).send().expect(200);
    assert_eq!(verify(&tenant)["valid"], true);
    let mut catalog = world.services.superuser("tenancy");
    catalog.batch_execute("SET session_replication_role = replica").unwrap();
    let id = &tenant.id;
    let place = |event: &str| {
        format!(
            "id = (SELECT id FROM tenant_audit_logs WHERE tenant_id = '{id}' AND event = '{event}'
                   ORDER BY sequence LIMIT 1)"
        )
    };
    let (erased, uploaded) = (place("user.erased"), place("file.uploaded"));
    for (change, place) in [
        ("detail = jsonb_set(detail, '{receipt,removed,sessions}', '99')", &erased),
        ("resource_id = 'another'", &erased),
        ("actor_id = 'another'", &uploaded),
        ("address = '192.0.2.1'", &uploaded),
        ("redaction = NULL", &uploaded),
        ("redaction = sha256('x')", &uploaded),
        ("mac = sha256(mac)", &uploaded),
        // A redaction that the service has not made.
        ("address = NULL, redaction = sha256('x')", &place("tenant.created")),
        ("address = NULL", &place("user.created")),
    ] {
        let restore = format!(
            "CREATE TEMP TABLE kept AS SELECT * FROM tenant_audit_logs WHERE {place};
             UPDATE tenant_audit_logs SET {change} WHERE {place}"
        );
        catalog.batch_execute(&restore).unwrap();
        let found = verify(&tenant);
        assert_eq!(found["valid"], false, "{change}: {found}");
        let undo = "DELETE FROM tenant_audit_logs l USING kept k WHERE l.id = k.id;
                    INSERT INTO tenant_audit_logs SELECT * FROM kept; DROP TABLE kept";
        catalog.batch_execute(undo).unwrap();
        assert_eq!(verify(&tenant)["valid"], true, "{change}");
    }
    // A row with the seal of another row.
    let swap = format!(
        "UPDATE tenant_audit_logs l SET redaction = o.redaction FROM tenant_audit_logs o
         WHERE l.{uploaded} AND o.tenant_id = '{id}' AND o.redaction IS NOT NULL AND o.id <> l.id"
    );
    catalog.batch_execute(&swap).unwrap();
    assert_eq!(verify(&tenant)["valid"], false);
}

// S37, S44
#[test]
fn changed_row_does_not_become_genuine() {
    let world = World::for_erasures();
    let _alone = world.alone();
    let tenant = world.tenant();
    let someone = someone(&tenant);
    tenant.wait_until_audited("file.uploaded", 1);
    let mut catalog = world.services.superuser("tenancy");
    catalog.batch_execute("SET session_replication_role = replica").unwrap();
    let change = "UPDATE tenant_audit_logs SET resource_id = 'another'
                  WHERE tenant_id::text = $1 AND event = 'file.uploaded' RETURNING sequence";
    let at: i64 = catalog.query_one(change, &[&tenant.id]).unwrap().get(0);
    // The person is erased nevertheless.
    erasure(world.address(), &tenant, &someone.user.id).send().expect(200);
    assert_eq!(tenant.audited("file.uploaded")[0]["address"], Value::Null);
    let found = verify(&tenant);
    assert_eq!((&found["valid"], &found["broken_at"]), (&json!(false), &json!(at)), "{found}");
}

/// Kills the service at a statement of an erasure.
fn killed(tenant: &TestTenant, user: &str, statement: &'static str, cut: Cut) {
    let world = World::for_erasures();
    let direct = world.services.databases();
    let proxy = Proxy::start(&direct.postgres);
    let databases = Databases { postgres: proxy.address.clone(), ..direct };
    let application = Arc::new(world.another_application(&databases));
    world.relocate(&tenant.slug, &proxy.address);
    let victim = Arc::clone(&application);
    proxy.watch(Watch { statement, cut, action: Box::new(move || victim.kill()) });
    let answer = erasure(&application.address, tenant, user).try_send();
    assert!(answer.is_err() && proxy.has_acted(), "{statement} {cut:?}: {answer:?}");
    world.relocate(&tenant.slug, &world.services.databases().postgres);
}

/// A part of the text of each statement of an erasure, in order.
const STATEMENTS: [(&str, Cut); 9] = [
    ("INSERT INTO user_erasures", Cut::After),
    ("UPDATE database_credentials SET ended_at", Cut::After),
    ("DELETE FROM sign_in_attempts", Cut::Before),
    ("UPDATE tenants SET admin_email", Cut::After),
    ("UPDATE tenant_api_keys SET name", Cut::After),
    ("SET address = r.address", Cut::Before),
    ("SET address = r.address", Cut::After),
    ("DELETE FROM user_erasures", Cut::Before),
    ("DELETE FROM user_erasures", Cut::After),
];

// S44
#[test]
fn repeated_erasure_finishes_after_crash() {
    let world = World::for_erasures();
    let _alone = world.alone();
    for (statement, cut) in STATEMENTS {
        let tenant = world.tenant();
        let someone = someone(&tenant);
        killed(&tenant, &someone.user.id, statement, cut);
        let when = format!("{statement} {cut:?}");
        let erased = erasure(world.address(), &tenant, &someone.user.id).send().expect(200);
        assert_eq!(erased["receipt"]["user"], someone.user.id.as_str(), "{when}");
        assert_eq!(erased["receipt"]["removed"]["sessions"], 1, "{when}");
        nothing_is_left(&tenant, &someone, &when);
    }
}

#[test]
fn repair_and_maintenance_finish_erasure() {
    let world = World::for_erasures();
    let _alone = world.alone();
    for command in ["repair", "maintenance"] {
        let tenant = world.tenant();
        let someone = someone(&tenant);
        killed(&tenant, &someone.user.id, "UPDATE tenant_api_keys SET name", Cut::Before);
        if command == "repair" {
            let waiting = world.tenantctl(&["repair", "--dry-run"]);
            let line = format!(
                "{{\"slug\":\"{}\",\"would_finish_user_erasure\":\"{}\"}}",
                tenant.slug, someone.user.id
            );
            assert!(String::from_utf8_lossy(&waiting.stdout).contains(&line), "{waiting:?}");
            let output = world.tenantctl(&["repair", "--older-than-minutes", "60"]);
            assert!(output.status.success(), "{output:?}");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains("{\"finished_user_erasures\":1}"), "{text}");
        } else {
            let report = world.admin(Method::POST, "/admin/maintenance").send().expect(200);
            assert_eq!(report["finished_user_erasures"], 1, "{report}");
        }
        nothing_is_left(&tenant, &someone, command);
        let receipt = &tenant.audited("user.erased")[0];
        assert_eq!(receipt["actor_type"], "system");
    }
}
