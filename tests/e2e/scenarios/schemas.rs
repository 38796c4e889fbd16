//! The move of the service's tables to the schema `tenancy`, while instances of the previous release are running.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread::{scope, sleep},
    time::Duration,
};

use e2e::{TestTenant, World};
use serde_json::json;

/// Restores the schema of a tenant's database before the migration `0009_schemas`. The instances of this test also need
/// the tables of later migrations: they are in the schema public, too.
pub fn restore_previous_release(tenant: &TestTenant) {
    move_back(tenant);
    forget_later_migrations(tenant);
}

/// Undoes the migration `0009_schemas`. Later migrations count as applied.
fn move_back(tenant: &TestTenant) {
    let restore = "
        DO $restore$
        DECLARE
            moved text;
            callable regprocedure;
        BEGIN
            FOREACH moved IN ARRAY ARRAY['schema_migrations', 'users', 'sessions', 'used_refresh_tokens', 'files',
                                         'storage_usage', 'audit_outbox']
            LOOP
                EXECUTE format('DROP VIEW public.%I', moved);
                EXECUTE format('ALTER TABLE tenancy.%I SET SCHEMA public', moved);
            END LOOP;
            FOREACH moved IN ARRAY ARRAY['touch_user', 'refund_file', 'stamp_waiting_event'] LOOP
                EXECUTE format('ALTER FUNCTION tenancy.%I() SET SCHEMA public', moved);
                EXECUTE format('ALTER FUNCTION public.%I() RESET search_path', moved);
            END LOOP;
            FOR callable IN SELECT oid FROM pg_proc WHERE pronamespace = 'tenancy'::regnamespace LOOP
                EXECUTE format('DROP FUNCTION %s CASCADE', callable);
            END LOOP;
            DROP TABLE tenancy.user_erasures;
            FOR moved IN SELECT relname FROM pg_class WHERE relnamespace = 'tenancy'::regnamespace AND relkind = 'r' LOOP
                EXECUTE format('ALTER TABLE tenancy.%I SET SCHEMA public', moved);
            END LOOP;
            CREATE FUNCTION public.is_second_factor_due(text, timestamptz) RETURNS boolean
                LANGUAGE sql AS 'SELECT false';
            CREATE FUNCTION public.has_second_factor(uuid) RETURNS boolean LANGUAGE sql AS 'SELECT false';
            CREATE FUNCTION public.is_network_allowed(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
            CREATE FUNCTION public.lock_user(uuid) RETURNS boolean LANGUAGE sql AS 'SELECT false';
            CREATE FUNCTION public.end_sessions_without_factor(uuid, uuid) RETURNS SETOF uuid
                LANGUAGE sql AS 'SELECT NULL::uuid WHERE false';
            GRANT EXECUTE ON FUNCTION public.is_second_factor_due, public.has_second_factor,
                public.is_network_allowed, public.lock_user, public.end_sessions_without_factor TO PUBLIC;
            DROP SCHEMA tenancy;
            DROP SCHEMA app;
            DELETE FROM public.schema_migrations WHERE version = 9;
            EXECUTE format('ALTER DATABASE %I RESET search_path', current_database());
        END $restore$";
    let mut database = World::get().services.superuser(&tenant.database());
    database.batch_execute("SET search_path = public").unwrap();
    database.batch_execute(restore).unwrap();
    end_sessions(tenant);
}

/// Lets the migrations after `0009_schemas` run again.
fn forget_later_migrations(tenant: &TestTenant) {
    // The columns of 0012_custom_roles and 0013_user_metadata stay, because the instances use them.
    let forget = "DELETE FROM schema_migrations WHERE version > 9 AND version NOT IN (12, 13)";
    let mut database = World::get().services.superuser(&tenant.database());
    assert!(database.execute(forget, &[]).unwrap() > 0);
}

/// Ends the sessions of the service, so that new sessions use the current settings of the database.
fn end_sessions(tenant: &TestTenant) {
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
               WHERE datname = $1 AND pid <> pg_backend_pid()";
    World::get().services.superuser("tenancy").query(end, &[&tenant.database()]).unwrap();
}

/// Returns the names of the tables and views in a schema.
fn names(tenant: &TestTenant, schema: &str) -> Vec<String> {
    let statement = "SELECT relname::text FROM pg_class
                     WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'v') ORDER BY 1";
    let mut database = World::get().services.superuser(&tenant.database());
    database.query(statement, &[&schema]).unwrap().iter().map(|row| row.get(0)).collect()
}

/// Uses each statement of the service on the tenant's tables at least once: users, sessions, files and their functions.
fn use_every_table(tenant: &TestTenant) {
    let admin = tenant.login(&tenant.admin.email, &tenant.admin.password).expect(200);
    let token = admin["access_token"].as_str().unwrap();
    let email = format!("{}@acme.com", e2e::unique("moved"));
    let body = json!({ "email": email, "password": "secure_password", "role": "user" });
    let user = tenant.post("/api/v1/users", &body).token(token).send().expect(201);
    let path = format!("/api/v1/users/{}", user["id"].as_str().unwrap());
    let change = json!({ "first_name": "Ursula", "role": "viewer" });
    tenant.patch(&path, &change).token(token).send().expect(200);
    tenant.get("/api/v1/users").token(token).send().expect(200);
    tenant.login(&email, "secure_password").expect(200);
    let refresh = json!({ "refresh_token": admin["refresh_token"] });
    let refreshed = tenant.post("/api/v1/auth/refresh", &refresh).send().expect(200);
    let token = refreshed["access_token"].as_str().unwrap();
    let file = format!("/api/v1/files/{}.txt", e2e::unique("moved"));
    for content in ["one", "another"] {
        let put = tenant.put(&file, content).token(token).send();
        assert!(matches!(put.status, 200 | 201), "{}", put.text);
    }
    tenant.get("/api/v1/files").token(token).send().expect(200);
    let deleted = tenant.delete(&file).token(token).send();
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    tenant.get("/api/v1/tenant/stats").token(token).send().expect(200);
    assert_eq!(tenant.delete(&path).token(token).send().status, 204);
    tenant.post("/api/v1/auth/logout", &json!({})).token(token).send();
}

#[test]
fn tables_move_while_requests_continue() {
    let world = World::get();
    let _alone = world.alone();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    move_back(&tenant);
    assert!(names(&tenant, "public").contains(&"users".to_owned()));
    assert_eq!(names(&tenant, "tenancy"), [] as [&str; 0]);
    let is_over = AtomicBool::new(false);
    let rounds = AtomicU32::new(0);
    scope(|scope| {
        // Each round uses connections that were opened before the move, with the settings of the previous release.
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    use_every_table(&tenant);
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while rounds.load(Ordering::Relaxed) < 2 {
            sleep(Duration::from_millis(20));
        }
        let output = world.tenantctl(&["migrate"]);
        is_over.store(true, Ordering::Relaxed);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    // Not under load: the instances need the results of all of them at once, unlike those of the previous release.
    forget_later_migrations(&tenant);
    let output = world.tenantctl(&["migrate"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let moved = [
        "account_tokens",
        "audit_outbox",
        "files",
        "mail_messages",
        "mail_settings",
        "passkeys",
        "recovery_codes",
        "schema_migrations",
        "second_factors",
        "security_policy",
        "sessions",
        "sign_in_challenges",
        "spent_passkey_challenges",
        "storage_usage",
        "used_refresh_tokens",
        "user_devices",
        "user_erasures",
        "users",
        "verified_address_changes",
    ];
    assert_eq!(names(&tenant, "tenancy"), moved);
    // New sessions find the tables in their schema.
    end_sessions(&tenant);
    use_every_table(&tenant);
    // The previous release has no setting for the search path, and uses the names in the schema public.
    let reset = format!("ALTER DATABASE {} RESET search_path", tenant.database());
    world.services.superuser("tenancy").batch_execute(&reset).unwrap();
    end_sessions(&tenant);
    use_every_table(&tenant);
    // A migration without new versions repairs the setting.
    assert!(world.tenantctl(&["migrate"]).status.success());
    let setting = "SELECT array_to_string(setconfig, ',') FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
                   WHERE d.datname = $1 AND s.setrole = 0";
    let mut superuser = world.services.superuser("tenancy");
    let setting: String = superuser.query_one(setting, &[&tenant.database()]).unwrap().get(0);
    assert_eq!(setting, "search_path=tenancy, public");
}
