//! The schema: it rejects invalid states, and migrations are repeatable.

use std::{collections::BTreeMap, fs, thread};

use e2e::{World, database::wait_for_lock, root};
use postgres::error::SqlState;
use tenancy::migrate;

/// Returns the name of the template database.
fn template() -> String {
    format!("tenancy_tenant_v{}", migrate::newest(migrate::TENANT))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn catalog_rejects_invalid_states() {
    let world = World::get();
    let tenant = world.tenant();
    let mut catalog = world.services.superuser("tenancy");
    for (change, code) in [
        ("slug = 'Not-A-Slug'", SqlState::CHECK_VIOLATION),
        ("slug = 'a--b'", SqlState::CHECK_VIOLATION),
        ("slug = repeat('x', 57)", SqlState::CHECK_VIOLATION),
        ("name = ' padded '", SqlState::CHECK_VIOLATION),
        ("status = 'gone'", SqlState::CHECK_VIOLATION),
        ("status = 'deleted'", SqlState::CHECK_VIOLATION),
        ("status = 'suspended'", SqlState::CHECK_VIOLATION),
        ("deleted_at = now()", SqlState::CHECK_VIOLATION),
        ("data_key = NULL", SqlState::CHECK_VIOLATION),
        ("settings = '[]'", SqlState::CHECK_VIOLATION),
        ("admin_email = 'Upper@case.example'", SqlState::CHECK_VIOLATION),
        ("plan = 'none'", SqlState::FOREIGN_KEY_VIOLATION),
        ("database_port = 0", SqlState::CHECK_VIOLATION),
        ("database_role = 'x; DROP ROLE y'", SqlState::CHECK_VIOLATION),
    ] {
        let statement = format!("UPDATE tenants SET {change} WHERE slug = $1");
        let error = catalog.execute(&statement, &[&tenant.slug]).expect_err(change);
        assert_eq!(error.code(), Some(&code), "{change}: {error}");
    }
    let key =
        "INSERT INTO tenant_api_keys (id, tenant_id, name, environment, key_hash, prefix, scopes)
               SELECT gen_random_uuid(), tenant_id, name, environment, key_hash, prefix, scopes
               FROM tenant_api_keys WHERE tenant_id = $1::text::uuid";
    let error = catalog.execute(key, &[&tenant.id]).unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::UNIQUE_VIOLATION));
}

#[test]
fn tenant_version_grows_with_each_change() {
    let world = World::get();
    let tenant = world.tenant();
    let mut catalog = world.services.superuser("tenancy");
    let change = "UPDATE tenants SET name = name, version = 1 WHERE slug = $1 RETURNING version";
    let first: i64 = catalog.query_one(change, &[&tenant.slug]).unwrap().get(0);
    let second: i64 = catalog.query_one(change, &[&tenant.slug]).unwrap().get(0);
    assert_eq!(second, first + 1);
}

#[test]
fn tenant_database_rejects_invalid_states() {
    let world = World::get();
    let tenant = world.tenant();
    let mut database = world.services.superuser(&tenant.database());
    for (change, code) in [
        ("email = 'Upper@case.example'", SqlState::CHECK_VIOLATION),
        ("role = 'owner'", SqlState::CHECK_VIOLATION),
        ("role = NULL", SqlState::NOT_NULL_VIOLATION),
        ("password_hash = 'plain text'", SqlState::CHECK_VIOLATION),
        ("setup_token_hash = decode(repeat('00', 32), 'hex')", SqlState::CHECK_VIOLATION),
        ("username = ''", SqlState::CHECK_VIOLATION),
    ] {
        let error = database.execute(&format!("UPDATE users SET {change}"), &[]).expect_err(change);
        assert_eq!(error.code(), Some(&code), "{change}: {error}");
    }
    let insert =
        "INSERT INTO users (id, email, role) SELECT gen_random_uuid(), email, 'user' FROM users";
    let error = database.execute(insert, &[]).unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::UNIQUE_VIOLATION));
    let session = "INSERT INTO sessions (id, user_id, token_hash, expires_at)
                   VALUES (gen_random_uuid(), gen_random_uuid(), decode(repeat('00', 32), 'hex'),
                           now() + interval '1 day')";
    let error = database.execute(session, &[]).unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::FOREIGN_KEY_VIOLATION));
}

#[test]
fn user_version_grows_when_access_changes() {
    let world = World::get();
    let tenant = world.tenant();
    let mut database = world.services.superuser(&tenant.database());
    let mut version = |change: &str| -> i64 {
        let statement = format!("UPDATE users SET {change} RETURNING version");
        database.query_one(&statement, &[]).unwrap().get(0)
    };
    let first = version("last_login = now()");
    assert_eq!(version("first_name = 'A'"), first);
    assert_eq!(version("role = 'viewer'"), first + 1);
    assert_eq!(version("role = 'viewer'"), first + 1);
    assert_eq!(version("is_active = false"), first + 2);
}

// S37
#[test]
fn audit_trail_is_append_only() {
    let world = World::get();
    let mut catalog = world.services.superuser("tenancy");
    let insert = "INSERT INTO tenant_audit_logs
                      (id, sequence, event, severity, result, actor_type, mac, created_at)
                  VALUES (gen_random_uuid(), 1, 'test.event', 'info', 'success', 'system',
                          decode(repeat('00', 32), 'hex'), now())
                  RETURNING tableoid::regclass::text";
    let partition: String = catalog.query_one(insert, &[]).unwrap().get(0);
    assert_ne!(partition, "tenant_audit_logs_default");
    for change in [
        "UPDATE tenant_audit_logs SET event = 'a.b'",
        "DELETE FROM tenant_audit_logs",
        "TRUNCATE tenant_audit_logs",
    ] {
        let error = catalog.execute(change, &[]).expect_err(change);
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{error}");
    }
}

#[test]
fn repeated_migration_changes_nothing() {
    let world = World::get();
    let _alone = world.alone();
    let output = world.tenantctl(&["migrate"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines = text(&output.stdout);
    assert!(
        lines.starts_with(&format!("catalog: up to date\ntemplate {}: up to date\n", template())),
        "{lines}"
    );
    assert!(lines.contains(" 0 migrated, 0 failed"), "{lines}");
}

#[test]
fn missing_template_is_built_on_demand() {
    let world = World::get();
    let _alone = world.alone();
    let drop = format!("DROP DATABASE {}", template());
    // Another test may be copying the template.
    while let Err(error) = world.services.superuser("tenancy").batch_execute(&drop) {
        assert_eq!(error.code(), Some(&SqlState::OBJECT_IN_USE), "{error}");
    }
    let tenants: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..2).map(|_| scope.spawn(|| world.tenant())).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    for tenant in tenants {
        tenant.login(&tenant.admin.email, &tenant.admin.password).expect(200);
    }
}

#[test]
fn domain_and_plan_changes_bump_version() {
    let world = World::get();
    let tenant = world.tenant();
    let mut catalog = world.services.superuser("tenancy");
    let version = || -> i64 {
        let version = "SELECT version FROM tenants WHERE slug = $1";
        world.services.superuser("tenancy").query_one(version, &[&tenant.slug]).unwrap().get(0)
    };
    let before = version();
    let domain = "INSERT INTO tenant_domains (domain, tenant_id)
                  SELECT slug || '.example', id FROM tenants WHERE slug = $1";
    catalog.execute(domain, &[&tenant.slug]).unwrap();
    let with_domain = version();
    assert!(with_domain > before);
    catalog.execute("UPDATE plans SET max_users = max_users WHERE is_default", &[]).unwrap();
    assert!(version() > with_domain);
}

#[test]
fn changed_migration_is_rejected() {
    let world = World::get();
    let _alone = world.alone();
    let tenant = world.tenant();
    let mut database = world.services.superuser(&tenant.database());
    let checksum: String = database
        .query_one("SELECT checksum FROM schema_migrations WHERE version = 1", &[])
        .unwrap()
        .get(0);
    database
        .execute("UPDATE schema_migrations SET checksum = 'another' WHERE version = 1", &[])
        .unwrap();
    let output = world.tenantctl(&["migrate"]);
    let set = "UPDATE schema_migrations SET checksum = $1 WHERE version = 1";
    database.execute(set, &[&checksum]).unwrap();
    assert!(!output.status.success());
    let error = text(&output.stderr);
    assert!(error.contains(&tenant.slug) && error.contains("0001_tenant"), "{error}");
}

#[test]
fn migration_gives_way_to_other_statements() {
    let world = World::get();
    let _alone = world.alone();
    let tenant = world.tenant();
    let mut database = world.services.superuser(&tenant.database());
    let undo = "ALTER TABLE tenancy.verified_address_changes DROP COLUMN deleted_at;
                DELETE FROM tenancy.schema_migrations WHERE name = '0020_address_tombstones'";
    database.batch_execute(undo).unwrap();
    // As an export, which reads for a long time.
    let mut export = world.services.superuser(&tenant.database());
    let mut export = export.transaction().unwrap();
    export.batch_execute("TABLE tenancy.verified_address_changes").unwrap();
    let running = thread::spawn(move || world.tenantctl(&["migrate"]));
    wait_for_lock(&mut export, "tenancy.verified_address_changes");
    database.batch_execute("SET lock_timeout = '5s'").unwrap();
    database.batch_execute("TABLE tenancy.verified_address_changes").unwrap();
    assert!(!running.is_finished(), "the migration needs the lock");
    export.commit().unwrap();
    let output = running.join().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("0020_address_tombstones"), "{said}");
    database.batch_execute("SELECT deleted_at FROM tenancy.verified_address_changes").unwrap();
}

/// Returns the definitions of the functions in a schema of a database, by name.
fn functions(database: &str, schema: &str) -> BTreeMap<String, String> {
    let statement = "SELECT proname::text, pg_get_functiondef(p.oid) FROM pg_proc p
                     JOIN pg_namespace n ON n.oid = p.pronamespace
                     WHERE n.nspname = $1 AND NOT EXISTS (
                         SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e'
                     )";
    let rows = World::get().services.superuser(database).query(statement, &[&schema]).unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// A function may be defined in several migrations. `migrations/functions` has the current text of each. After a
/// migration, `UPDATE_FUNCTIONS=1` writes the files again.
#[test]
fn functions_match_their_files() {
    let tenant = World::get().tenant();
    for (folder, database, schema) in
        [("catalog", "tenancy".to_owned(), "public"), ("tenant", tenant.database(), "tenancy")]
    {
        let folder = root().join("migrations/functions").join(folder);
        let current = functions(&database, schema);
        if std::env::var_os("UPDATE_FUNCTIONS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            for (name, text) in &current {
                fs::write(folder.join(format!("{name}.sql")), text).unwrap();
            }
        }
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        let committed: BTreeMap<String, String> = files
            .map(|file| {
                let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(&file).unwrap())
            })
            .collect();
        let names =
            |functions: &BTreeMap<String, String>| functions.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&committed), names(&current), "{}", folder.display());
        for (name, text) in current {
            assert_eq!(committed[&name], text, "{name}: run with UPDATE_FUNCTIONS=1");
        }
    }
}
