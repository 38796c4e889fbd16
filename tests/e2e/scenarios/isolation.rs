//! Isolation of two tenants, at each line of defence.

use e2e::{TestTenant, World};

use super::schemas;
use platform::Platform;
use postgres::{Client, NoTls, error::SqlState};
use serde_json::json;
use tenancy::{
    Context,
    crypto::{Purpose, Sealed},
    settings::Settings,
};

#[test]
fn same_email_is_distinct_per_tenant() {
    let world = World::get();
    let (one, two) = (world.tenant(), world.tenant());
    let email = "same@user.example";
    for (tenant, password) in [(&one, "password of one"), (&two, "password of two")] {
        let body = json!({ "email": email, "password": password });
        let call = tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token);
        call.send().expect(201);
    }
    let in_one = one.login(email, "password of one").expect(200);
    let in_two = two.login(email, "password of two").expect(200);
    assert_ne!(in_one["user"]["id"], in_two["user"]["id"]);
    one.login(email, "password of two").expect_problem(401, "invalid_credentials");
    two.login(email, "password of one").expect_problem(401, "invalid_credentials");
    // A user of one tenant cannot sign in to the other tenant.
    one.login(&two.admin.email, &two.admin.password).expect_problem(401, "invalid_credentials");
}

// S17
#[test]
fn token_with_foreign_header_is_rejected() {
    let world = World::get();
    let (one, two) = (world.tenant(), world.tenant());
    for path in ["/api/v1/profile", "/api/v1/tenant/info"] {
        let call =
            |slug: &str| world.get_path(path).token(&one.admin.access_token).slug(slug).send();
        call(&one.slug).expect(200);
        for other in [two.slug.as_str(), "no-such-tenant", "Not A Slug"] {
            call(other).expect_problem(403, "tenant_mismatch");
        }
    }
    let body = json!({ "email": "spy@one.example", "password": "secure_password" });
    let spy = two.post("/api/v1/users", &body).token(&one.admin.access_token).send();
    spy.expect_problem(403, "tenant_mismatch");
    // Without a header, the token selects the tenant.
    let info = world.get_path("/api/v1/tenant/info").token(&one.admin.access_token).send();
    assert_eq!(info.expect(200)["id"], one.id);
}

struct Role {
    url: String,
}

/// Returns the connection string of a tenant, as if it had leaked.
fn role_of(tenant: &TestTenant) -> Role {
    let world = World::get();
    let settings = Settings::parse(&world.settings()).unwrap();
    let platform = Platform::native(settings.redis_url().expose().to_owned());
    let context = Context::new(platform, settings).unwrap();
    let row = world
        .services
        .superuser("tenancy")
        .query_one(
            "SELECT id::text, database_role, database_password, database_host, database_port,
                    database_name, database_options
             FROM tenants WHERE slug = $1",
            &[&tenant.slug],
        )
        .unwrap();
    let id = row.get::<_, &str>(0).parse().unwrap();
    let sealed = Sealed(row.get(2));
    let (role, host, port): (&str, &str, i32) = (row.get(1), row.get(3), row.get(4));
    let address = [host, &port.to_string(), row.get(5), row.get(6), role];
    let (key, purpose) = (&context.master_key, Purpose::DatabasePassword);
    let password = key.open_for_address(purpose, id, &address, &sealed).unwrap();
    let password = String::from_utf8(password.to_vec()).unwrap();
    Role { url: format!("postgres://{role}:{password}@{host}:{port}") }
}

impl Role {
    fn connect(&self, database: &str) -> Result<Client, postgres::Error> {
        Client::connect(&format!("{}/{database}", self.url), NoTls)
    }
}

// S19
#[test]
fn tenant_role_reaches_only_own_database() {
    let world = World::get();
    let (one, two) = (world.tenant(), world.tenant());
    let role = role_of(&one);
    let mut own = role.connect(&one.database()).unwrap();
    let users = own.query_one("SELECT count(*) FROM users", &[]).unwrap();
    assert_eq!(users.get::<_, i64>(0), 1);
    let mut superuser = world.services.superuser("tenancy");
    let others: Vec<String> = superuser
        .query("SELECT datname::text FROM pg_database WHERE datname <> $1", &[&one.database()])
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(others.contains(&two.database()) && others.contains(&"tenancy".to_owned()));
    for database in others {
        let error = role.connect(&database).err().expect(&database);
        let code = error.as_db_error().map(postgres::error::DbError::code);
        // A template allows no connections, and another test may have dropped a database meanwhile.
        let refused = [
            SqlState::INSUFFICIENT_PRIVILEGE,
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            SqlState::INVALID_CATALOG_NAME,
        ];
        assert!(code.is_some_and(|code| refused.contains(code)), "{database}: {error}");
    }
}

// S19
#[test]
fn tenant_role_may_only_access_rows() {
    let tenant = World::get().tenant();
    let mut own = role_of(&tenant).connect(&tenant.database()).unwrap();
    for statement in [
        "CREATE ROLE another LOGIN",
        "CREATE DATABASE another",
        "CREATE TABLE another (id int)",
        "CREATE SCHEMA another",
        "CREATE TEMPORARY TABLE another (id int)",
        "DROP TABLE users",
        "TRUNCATE users",
        "ALTER TABLE users DROP COLUMN role",
        "ALTER TABLE users DISABLE TRIGGER ALL",
        "UPDATE schema_migrations SET version = 0",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT rolpassword FROM pg_authid",
        "COPY users TO PROGRAM 'cat'",
    ] {
        let error = own.batch_execute(statement).expect_err(statement);
        let code = error.as_db_error().map(postgres::error::DbError::code);
        assert_eq!(code, Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{statement}: {error}");
    }
}

// S23
#[test]
fn sealed_values_are_bound_to_tenant() {
    let world = World::get();
    // A concurrent repair would fail at the tenant that cannot be unsealed.
    let _alone = world.alone();
    let (one, two) = (world.tenant(), world.tenant());
    let mut catalog = world.services.superuser("tenancy");
    let password = "SELECT database_password FROM tenants WHERE slug = $1";
    let own: Vec<u8> = catalog.query_one(password, &[&one.slug]).unwrap().get(0);
    let swap = "UPDATE tenants SET database_password =
                    (SELECT database_password FROM tenants WHERE slug = $2)
                WHERE slug = $1";
    catalog.execute(swap, &[&one.slug, &two.slug]).unwrap();
    one.login(&one.admin.email, &one.admin.password).expect_problem(503, "unavailable");
    two.login(&two.admin.email, &two.admin.password).expect(200);
    let restore = "UPDATE tenants SET database_password = $2 WHERE slug = $1";
    catalog.execute(restore, &[&one.slug, &own]).unwrap();
    one.login(&one.admin.email, &one.admin.password).expect(200);
}

// S20, S39
#[test]
fn redis_snapshots_are_bound_to_tenant() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send().expect(200);
    let keys = world.redis(&["KEYS", "*"]);
    let key = world.redis_key(&format!("t:{{{}}}:tenant", tenant.id));
    let process = world.redis_key("");
    assert!(keys.contains(&key), "{keys:?}");
    assert!(
        keys.iter().all(|key| {
            let key = key.strip_prefix(&process).unwrap_or("another process");
            key.starts_with("t:{") || key.starts_with("platform:")
        }),
        "{keys:?}"
    );
    let snapshot = world.redis(&["HGETALL", &key]).join(" ");
    assert!(snapshot.contains("snapshot") && !snapshot.contains(&tenant.slug), "{snapshot}");
    // A forged snapshot is ignored.
    let other = world.tenant();
    other.get("/api/v1/tenant/info").token(&other.admin.access_token).send().expect(200);
    world.redis(&[
        "COPY",
        &world.redis_key(&format!("t:{{{}}}:tenant", other.id)),
        &key,
        "REPLACE",
    ]);
    world.redis(&["HSET", &key, "version", "99"]);
    for _ in 0..3 {
        let info = tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send();
        assert_eq!(info.expect(200)["id"], tenant.id);
    }
}

/// Returns the tables of a tenant's database on which PUBLIC has any privilege.
fn public_tables(tenant: &TestTenant) -> Vec<String> {
    let query = "SELECT c.relname::text FROM pg_class c, aclexplode(c.relacl) given
                 WHERE c.relnamespace IN ('public'::regnamespace, 'tenancy'::regnamespace) AND given.grantee = 0
                 GROUP BY 1 ORDER BY 1";
    let rows = World::get().services.superuser(&tenant.database()).query(query, &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

// S19
#[test]
fn only_tenant_role_can_read_tables() {
    let world = World::get();
    let tenant = world.tenant();
    assert_eq!(public_tables(&tenant), [] as [&str; 0]);
    let mut database = world.services.superuser(&tenant.database());
    let mut reads = |role: &str, privilege: &str| -> bool {
        let query = "SELECT has_schema_privilege($1, 'tenancy', 'USAGE')
                         AND has_table_privilege($1, 'users', $2)";
        database.query_one(query, &[&role, &privilege]).unwrap().get(0)
    };
    let role: String = world
        .services
        .superuser("tenancy")
        .query_one("SELECT database_role FROM tenants WHERE slug = $1", &[&tenant.slug])
        .unwrap()
        .get(0);
    // Another role with access to the database, for backups or reports, cannot read tables by default.
    for privilege in ["SELECT", "UPDATE"] {
        assert!(reads(&role, privilege), "{privilege}");
        assert!(!reads("pg_monitor", privilege), "{privilege}");
    }
}

// S19
#[test]
fn migration_revokes_privileges_from_public() {
    let world = World::get();
    let _alone = world.alone();
    let tenant = world.tenant();
    let role: String = world
        .services
        .superuser("tenancy")
        .query_one("SELECT database_role FROM tenants WHERE slug = $1", &[&tenant.slug])
        .unwrap()
        .get(0);
    // Restores the schema and the privileges of the previous release.
    schemas::restore_previous_release(&tenant);
    let older = format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
         REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {role};
         REVOKE ALL ON SCHEMA public FROM {role};
         GRANT USAGE ON SCHEMA public TO PUBLIC;
         GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, files TO PUBLIC;
         GRANT SELECT, INSERT, DELETE ON audit_outbox TO PUBLIC;
         GRANT SELECT ON schema_migrations TO PUBLIC;
         GRANT SELECT, UPDATE ON storage_usage TO PUBLIC;
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC;
         UPDATE users SET is_verified = true;
         DROP FUNCTION end_oldest_sessions;
         DROP TABLE used_refresh_tokens;
         DELETE FROM schema_migrations WHERE name = '0006_identity'"
    );
    world.services.superuser(&tenant.database()).batch_execute(&older).unwrap();
    world.tenantctl(&["migrate"]);
    assert_eq!(public_tables(&tenant), [] as [&str; 0]);
    let signed_in = tenant.login(&tenant.admin.email, &tenant.admin.password).expect(200);
    // No user had proved control of an address.
    assert_eq!(signed_in["user"]["is_verified"], false);
}

// S19
#[test]
fn doctor_reports_foreign_privileges() {
    // The report names the first findings only, and other tests grant privileges in the shared world.
    let world = World::for_tools();
    let tenant = world.tenant();
    let doctor = || String::from_utf8(world.tenantctl(&["doctor"]).stdout).unwrap();
    let change = |statement: &str| {
        world.services.superuser(&tenant.database()).batch_execute(statement).unwrap();
    };
    let line = |output: &str| {
        output.lines().find(|line| line.contains("isolation")).unwrap_or_default().to_owned()
    };
    for (grant, revoke, named) in [
        (
            "GRANT SELECT ON users TO PUBLIC",
            "REVOKE SELECT ON users FROM PUBLIC",
            "PUBLIC has privileges on the table users",
        ),
        (
            "GRANT UPDATE (email) ON users TO pg_monitor",
            "REVOKE UPDATE (email) ON users FROM pg_monitor",
            "pg_monitor has privileges on the column users.email",
        ),
        (
            "GRANT CREATE ON SCHEMA public TO PUBLIC",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            "PUBLIC has privileges on the schema public",
        ),
    ] {
        change(grant);
        let found = line(&doctor());
        change(revoke);
        let is_named = found.contains(&format!("{}: {named}", tenant.slug));
        assert!(found.starts_with("bad   isolation") && is_named, "{found}");
    }
    let found = line(&doctor());
    assert!(!found.contains(&tenant.slug), "{found}");
}
