//! Database credentials: their bounds, from the point of view of an attacker, and their end.

use std::collections::BTreeMap;

use e2e::{
    TestTenant, World,
    database::{DATABASE_CREDENTIALS, connect},
};
use http::Method;
use postgres::{Client, NoTls, error::SqlState};
use serde_json::{Value, json};

/// Returns whether a role exists.
fn role_exists(role: &str) -> bool {
    let statement = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
    World::get().services.superuser("tenancy").query_one(statement, &[&role]).unwrap().get(0)
}

fn role(credential: &Value) -> &str {
    credential["role"].as_str().unwrap()
}

/// Statements that no database credential may run, for `{own}`, the name of its role, and `{tenant}`, that of the
/// service's role of the tenant.
const FORBIDDEN: &[&str] = &[
    "SELECT * FROM tenancy.users",
    "SELECT * FROM public.users",
    "INSERT INTO tenancy.audit_outbox (id, entry) VALUES (gen_random_uuid(), '{}')",
    "DELETE FROM tenancy.schema_migrations",
    "SELECT tenancy.count_users_for_one_more()",
    "SELECT public.count_users_for_one_more()",
    "CREATE TABLE public.mine (id int)",
    "CREATE TABLE tenancy.mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE EXTENSION pgcrypto",
    "CREATE EXTENSION dblink",
    "CREATE DATABASE mine",
    "CREATE ROLE mine",
    "CREATE PUBLICATION mine FOR ALL TABLES",
    "CREATE FUNCTION app.c() RETURNS int LANGUAGE c AS 'libc', 'getpid'",
    "DROP SCHEMA tenancy CASCADE",
    "ALTER SCHEMA tenancy OWNER TO {own}",
    "ALTER DATABASE {database} SET search_path = app",
    "ALTER DATABASE {database} CONNECTION LIMIT -1",
    "ALTER ROLE {own} CONNECTION LIMIT -1",
    "ALTER ROLE {own} VALID UNTIL 'infinity'",
    "ALTER ROLE {own} CREATEROLE",
    "ALTER ROLE {own} SUPERUSER",
    "ALTER ROLE {tenant} PASSWORD 'mine'",
    "ALTER ROLE {tenant} NOLOGIN",
    "SET ROLE {tenant}",
    "SET ROLE tenancy",
    "SET ROLE pg_read_all_data",
    "SET SESSION AUTHORIZATION {tenant}",
    "SET temp_file_limit = -1",
    "GRANT {tenant} TO {own}",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_get(1)",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tenancy' OR usename = '{tenant}'",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')",
    "ALTER SYSTEM SET log_statement = 'all'",
    "DO $$ BEGIN LOCK TABLE tenancy.users; END $$",
];

// S42
#[test]
fn credential_reaches_only_its_schema() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let service_role = tenant.database();
    // A connection of the service, which the role must not be able to close.
    tenant.get("/api/v1/profile").token(&tenant.admin.access_token).send().expect(200);
    for access in ["read", "write", "owner"] {
        let credential = tenant.database_credential(access);
        for forbidden in FORBIDDEN {
            let statement = forbidden
                .replace("{own}", role(&credential))
                .replace("{tenant}", &service_role)
                .replace("{database}", &tenant.database());
            let mut client = connect(&credential).unwrap();
            // Also after the role gives up the rights of its group.
            for role in ["", "SET ROLE NONE"] {
                client.batch_execute(role).unwrap();
                let outcome = client.batch_execute(&statement);
                if statement.contains("pg_terminate_backend") && outcome.is_ok() {
                    let none = client.query(&statement, &[]).unwrap();
                    assert_eq!(none.len(), 0, "{access}: {statement}");
                    continue;
                }
                let error = outcome.expect_err(&format!("{access}: {role}: {statement}"));
                let refusals = [
                    SqlState::INSUFFICIENT_PRIVILEGE,
                    SqlState::INVALID_SCHEMA_NAME,
                    SqlState::UNDEFINED_FILE,
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                ];
                let code = error.code().cloned();
                assert!(
                    code.as_ref().is_some_and(|code| refusals.contains(code)),
                    "{access}: {statement}: {error:?}"
                );
            }
        }
        // Without the right to grant, PostgreSQL only warns.
        let grant = format!("GRANT CONNECT ON DATABASE {} TO PUBLIC", tenant.database());
        connect(&credential).unwrap().batch_execute(&grant).unwrap();
        let open = "SELECT count(*) FROM pg_database, aclexplode(datacl) a WHERE datname = $1 AND a.grantee = 0";
        let mut superuser = world.services.superuser("tenancy");
        let open: i64 = superuser.query_one(open, &[&tenant.database()]).unwrap().get(0);
        assert_eq!(open, 0, "{access}");
        // No other database.
        let url = credential["url"].as_str().unwrap();
        for database in ["postgres", "template1", "tenancy", "tenancy_base", &other.database()] {
            let url = url.replace(&tenant.database(), database);
            let refused = Client::connect(&url, NoTls).err();
            let refused = refused.unwrap_or_else(|| panic!("{access} may connect to {database}"));
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{refused:?}");
        }
        // The catalogs that every role can read do not name other tenants.
        let names =
            "SELECT datname::text FROM pg_database UNION ALL SELECT rolname::text FROM pg_roles
                     UNION ALL SELECT description FROM pg_shdescription";
        let mut client = connect(&credential).unwrap();
        for row in client.query(names, &[]).unwrap() {
            let name: String = row.get(0);
            assert!(!name.contains(&other.slug), "{access}: {name}");
        }
    }
}

// S42
#[test]
fn access_decides_the_rights_on_tables() {
    let tenant = World::get().tenant();
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner
        .batch_execute(
            "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL);
             CREATE FUNCTION count_notes() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM app.notes';
             INSERT INTO notes (body) VALUES ('of the owner')",
        )
        .unwrap();
    let mut writer = connect(&tenant.database_credential("write")).unwrap();
    writer.batch_execute("INSERT INTO notes (body) VALUES ('of the writer'); UPDATE notes SET body = body || '.'").unwrap();
    let count: i64 = writer.query_one("SELECT count_notes()", &[]).unwrap().get(0);
    assert_eq!(count, 2);
    let mut reader = connect(&tenant.database_credential("read")).unwrap();
    let bodies: Vec<String> = reader
        .query("SELECT body FROM notes ORDER BY id", &[])
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(bodies, ["of the owner.", "of the writer."]);
    let changes = [
        "INSERT INTO notes (body) VALUES ('x')",
        "DELETE FROM notes",
        "UPDATE notes SET body = ''",
        "TRUNCATE notes",
    ];
    for change in changes {
        let refused = reader.batch_execute(change).unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
    }
    for change in [
        "CREATE TABLE others (id int)",
        "ALTER TABLE notes ADD COLUMN x int",
        "DROP TABLE notes",
        "TRUNCATE notes",
    ] {
        for client in [&mut reader, &mut writer] {
            let refused = client.batch_execute(change).unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
        }
    }
}

// S42
#[test]
fn owned_objects_outlive_their_credential() {
    let tenant = World::get().tenant();
    let credential = tenant.database_credential("owner");
    let mut owner = connect(&credential).unwrap();
    let group = format!("{}_owner", tenant.database());
    // Without its group, the objects belong to the role itself. Settings of the group would outlive the role.
    owner
        .batch_execute(&format!(
            "CREATE TABLE first (id int);
             ALTER ROLE {group} SET work_mem = '1GB';
             SET ROLE NONE;
             CREATE TABLE second (id int);
             ALTER ROLE {} SET statement_timeout = 0",
            role(&credential)
        ))
        .unwrap();
    revoke(&tenant, &credential);
    assert!(owner.batch_execute("SELECT 1").is_err());
    assert!(connect(&credential).is_err() && !role_exists(role(&credential)));
    let settings =
        "SELECT count(*) FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
                    WHERE r.rolname = $1 OR s.setrole <> 0 AND r.oid IS NULL";
    let mut superuser = World::get().services.superuser(&tenant.database());
    let count: i64 = superuser.query_one(settings, &[&group]).unwrap().get(0);
    assert_eq!(count, 0, "settings outlive the role");
    let mut next = connect(&tenant.database_credential("owner")).unwrap();
    next.batch_execute("ALTER TABLE first ADD COLUMN x int; ALTER TABLE second ADD COLUMN x int")
        .unwrap();
    let mut writer = connect(&tenant.database_credential("write")).unwrap();
    writer.batch_execute("INSERT INTO first VALUES (1)").unwrap();
}

fn revoke(tenant: &TestTenant, credential: &Value) {
    let path = format!("{DATABASE_CREDENTIALS}/{}", credential["id"].as_str().unwrap());
    let answer = tenant.delete(&path).token(&tenant.admin.access_token).send();
    assert_eq!(answer.status, 204, "{}", answer.text);
}

// The background work of an instance sees an ended credential at once, and removes it too.
#[test]
fn simultaneous_endings_of_a_credential_all_succeed() {
    let tenant = World::get().tenant();
    for _ in 0..5 {
        let credential = tenant.database_credential("read");
        let path = format!("{DATABASE_CREDENTIALS}/{}", credential["id"].as_str().unwrap());
        let revocation = || tenant.delete(&path).token(&tenant.admin.access_token).send();
        let answers: Vec<_> = std::thread::scope(|scope| {
            let calls: Vec<_> = (0..8).map(|_| scope.spawn(revocation)).collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        for answer in answers {
            assert!([204, 404].contains(&answer.status), "{}: {}", answer.status, answer.text);
        }
        assert!(!role_exists(role(&credential)));
    }
}

/// Checks that a change ends the credential that a caller has requested: its open connection is closed before the change
/// is acknowledged, and no other connection is possible.
fn ends_with(what: &str, tenant: &TestTenant, token: &str, change: impl FnOnce()) {
    let body = json!({ "access": "write", "connections": 1 });
    let credential = tenant.ask_for_database(token, &body).expect(201);
    let kept = tenant.ask_for_database(&tenant.admin.access_token, &body).expect(201);
    let mut open = connect(&credential).unwrap();
    open.query_one("SELECT 1", &[]).unwrap();
    change();
    assert!(open.query_one("SELECT 1", &[]).is_err(), "{what}: the connection is open");
    assert!(connect(&credential).is_err(), "{what}: a new connection is possible");
    assert!(!role_exists(role(&credential)), "{what}: the role exists");
    if token != tenant.admin.access_token {
        assert!(connect(&kept).is_ok(), "{what}: a credential of another caller has ended");
        revoke(tenant, &kept);
    }
}

// S43
#[test]
fn credential_ends_with_its_api_key() {
    let tenant = World::get().tenant();
    let key = || {
        let body = json!({ "name": "a service", "scopes": ["database:write"] });
        tenant.create_api_key(&body)
    };
    let text = |key: &Value| key["api_key"].as_str().unwrap().to_owned();
    let path = |key: &Value| format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
    let admin = &tenant.admin.access_token;
    let revoked = key();
    ends_with("revocation", &tenant, &text(&revoked), || {
        assert_eq!(tenant.delete(&path(&revoked)).token(admin).send().status, 204);
    });
    let rotated = key();
    ends_with("rotation", &tenant, &text(&rotated), || {
        let rotate = format!("{}/rotate", path(&rotated));
        tenant.post(&rotate, &json!({ "overlap_seconds": 0 })).token(admin).send().expect(200);
    });
}

#[test]
fn credential_expires_with_its_api_key() {
    let tenant = World::get().tenant();
    let mut superuser = World::get().services.superuser("tenancy");
    let end = superuser.query_one("SELECT now() + interval '10 minutes'", &[]).unwrap();
    let end: chrono::DateTime<chrono::Utc> = end.get(0);
    let body = json!({ "name": "short", "scopes": ["database:read"], "expires_at": end });
    let key = tenant.create_api_key(&body)["api_key"].as_str().unwrap().to_owned();
    let body = json!({ "access": "read", "expires_in": 86_400 });
    let credential = tenant.ask_for_database(&key, &body).expect(201);
    let expires_at: chrono::DateTime<chrono::Utc> =
        credential["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(expires_at <= end, "{expires_at} {end}");
    // PostgreSQL refuses the role after this time, even if nothing removes it.
    let statement = "SELECT rolvaliduntil <= $2 FROM pg_roles WHERE rolname = $1";
    let row = superuser.query_one(statement, &[&role(&credential), &end]).unwrap();
    assert!(row.get::<_, bool>(0));
}

// S43
#[test]
fn credential_ends_with_its_user() {
    let tenant = World::get().tenant();
    let admin = tenant.admin.access_token.clone();
    let path = |id: &str| format!("/api/v1/users/{id}");
    for (what, change) in [
        ("another role", Some(json!({ "role": "viewer" }))),
        ("deactivation", Some(json!({ "is_active": false }))),
        ("deletion", None),
    ] {
        let user = tenant.user("admin");
        ends_with(what, &tenant, &user.access_token, || match &change {
            Some(change) => {
                drop(tenant.patch(&path(&user.id), change).token(&admin).send().expect(200));
            }
            None => assert_eq!(tenant.delete(&path(&user.id)).token(&admin).send().status, 204),
        });
    }
    let user = tenant.user("admin");
    ends_with("password change", &tenant, &user.access_token, || {
        let body =
            json!({ "current_password": user.password, "new_password": "another secure password" });
        tenant.post("/api/v1/profile/password", &body).token(&user.access_token).send().expect(200);
    });
    let user = tenant.user("admin");
    ends_with("password reset", &tenant, &user.access_token, || {
        let reset = format!("{}/reset-password", path(&user.id));
        tenant.post(&reset, &json!({})).token(&admin).send().expect(200);
    });
}

// S43
#[test]
fn credential_ends_with_its_tenant() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    let suspend = || {
        world
            .admin(Method::PATCH, &path)
            .json(&json!({ "status": "suspended" }))
            .send()
            .expect(200);
    };
    ends_with("suspension", &tenant, &tenant.admin.access_token, suspend);
    world.admin(Method::PATCH, &path).json(&json!({ "status": "active" })).send().expect(200);
    let delete = || assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
    ends_with("deletion", &tenant, &tenant.admin.access_token, delete);
}

// S43
#[test]
fn destroyed_tenant_leaves_no_roles() {
    let world = World::get();
    let tenant = world.tenant();
    let credential = tenant.database_credential("owner");
    let mut open = connect(&credential).unwrap();
    let path = format!("/admin/tenants/{}?hard_delete=true", tenant.id);
    assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
    assert!(open.batch_execute("SELECT 1").is_err());
    let like = "SELECT count(*) FROM pg_roles WHERE rolname = $1 OR rolname LIKE $2";
    let pattern = format!("{}%", tenant.database());
    let mut superuser = world.services.superuser("tenancy");
    let left: i64 = superuser.query_one(like, &[&role(&credential), &pattern]).unwrap().get(0);
    assert_eq!(left, 0);
    let rows = "SELECT count(*) FROM database_credentials WHERE tenant_id = $1";
    let id: uuid::Uuid = tenant.id.parse().unwrap();
    assert_eq!(superuser.query_one(rows, &[&id]).unwrap().get::<_, i64>(0), 0);
}

// S43
#[test]
fn repair_finishes_interrupted_ending() {
    let world = World::get();
    let tenant = world.tenant();
    let key = tenant.create_api_key(&json!({ "name": "a service", "scopes": ["database:read"] }));
    let user = tenant.user("admin");
    let body = json!({ "access": "read", "connections": 1 });
    let of_key = tenant.ask_for_database(key["api_key"].as_str().unwrap(), &body).expect(201);
    let of_user = tenant.ask_for_database(&user.access_token, &body).expect(201);
    let interrupted = tenant.ask_for_database(&tenant.admin.access_token, &body).expect(201);
    let kept = tenant.ask_for_database(&tenant.admin.access_token, &body).expect(201);
    let id = |value: &Value| -> uuid::Uuid { value.as_str().unwrap().parse().unwrap() };
    // The changes were written, and then the instance was killed.
    let mut catalog = world.services.superuser("tenancy");
    let revoke = "UPDATE tenant_api_keys SET revoked_at = now() WHERE id = $1";
    assert_eq!(catalog.execute(revoke, &[&id(&key["id"])]).unwrap(), 1);
    let mark = "UPDATE database_credentials SET ended_at = now() WHERE id = $1";
    assert_eq!(catalog.execute(mark, &[&id(&interrupted["id"])]).unwrap(), 1);
    let change = "UPDATE users SET version = version + 1 WHERE id = $1";
    let user_id: uuid::Uuid = user.id.parse().unwrap();
    let mut database = world.services.superuser(&tenant.database());
    assert_eq!(database.execute(change, &[&user_id]).unwrap(), 1);
    let mut open = [&of_key, &of_user, &interrupted].map(connect);
    let output = world.tenantctl(&["repair", "--older-than-minutes", "60"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for client in open.iter_mut().flatten() {
        assert!(client.batch_execute("SELECT 1").is_err());
    }
    for credential in [&of_key, &of_user, &interrupted] {
        assert!(!role_exists(role(credential)), "{credential}");
    }
    assert!(connect(&kept).is_ok());
}

#[test]
fn doctor_accepts_database_credentials() {
    let world = World::get();
    let tenant = world.tenant();
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner.batch_execute("CREATE TABLE notes (id int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'").unwrap();
    let output = String::from_utf8(world.tenantctl(&["doctor"]).stdout).unwrap();
    let line = output.lines().find(|line| line.contains("isolation")).unwrap_or_default();
    assert!(!line.contains(&tenant.slug), "{line}");
}

#[test]
fn doctor_reports_readable_slugs() {
    let world = World::get();
    let line = |settings: &BTreeMap<&'static str, String>| {
        let output = String::from_utf8(e2e::tenantctl(settings, &["doctor"]).stdout).unwrap();
        output.lines().find(|line| line.contains(" applications: ")).unwrap_or_default().to_owned()
    };
    let mut settings = world.settings();
    assert!(line(&settings).starts_with("ok "), "{}", line(&settings));
    let template = settings["TENANT_DATABASE_TEMPLATE"].replace("{tenant_id}", "{tenant_slug}");
    settings.insert("TENANT_DATABASE_TEMPLATE", template);
    let found = line(&settings);
    assert!(found.starts_with("note ") && found.contains("{tenant_slug}"), "{found}");
}
