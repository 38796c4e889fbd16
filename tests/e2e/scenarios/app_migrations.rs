//! `tenantctl app`: the migrations of the application's own tables.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use e2e::{
    Services, TestTenant, World,
    database::{connect, wait_for_lock},
    root, unique,
};
use http::Method;
use postgres::{Client, error::SqlState};
use serde_json::json;

/// A folder with files, which a test changes.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        let folder = World::for_app_migrations().services.folder().join(unique("migrations"));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, sql: &str) {
        fs::write(self.0.join(name), sql).unwrap();
    }

    fn migrate(&self, arguments: &[&str]) -> Output {
        let folder = self.0.to_str().unwrap();
        World::for_app_migrations().tenantctl(&[&["app", "migrate", folder], arguments].concat())
    }

    fn migrated(&self, arguments: &[&str]) -> String {
        let output = self.migrate(arguments);
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn services() -> &'static Services {
    &World::for_app_migrations().services
}

fn tables(tenant: &TestTenant) -> Vec<String> {
    let statement = "SELECT relname::text FROM pg_class WHERE relnamespace = 'app'::regnamespace
                     AND relkind = 'r' AND relname <> 'tenancy_migrations' ORDER BY 1";
    let rows = services().superuser(&tenant.database()).query(statement, &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn count(tenant: &TestTenant, table: &str) -> i64 {
    let statement = format!("SELECT count(*) FROM app.{table}");
    services().superuser(&tenant.database()).query_one(&statement, &[]).unwrap().get(0)
}

/// The steps build on each other, because the files of an installation are one sequence.
#[test]
fn files_reach_every_tenant_exactly_once() {
    let world = World::for_app_migrations();
    let (acme, globex) = (world.tenant(), world.tenant());
    let files = Files::new();

    // A file that is wrong fails in the copy of the template, and no tenant is touched.
    files.write(
        "0001_notes.sql",
        "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY, body text);\nSELECT nonsense;",
    );
    let refused = files.migrate(&[]);
    assert!(!refused.status.success() && text(&refused).contains("42703"), "{}", text(&refused));
    assert_eq!(tables(&acme), [] as [&str; 0]);
    assert_eq!(tables(&world.tenant()), [] as [&str; 0]);
    // It ran nowhere, so it may change.
    files.write("0001_notes.sql", "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY, body text);\nINSERT INTO notes (body) VALUES ('of the migration');");
    let shown = files.migrated(&["--dry-run"]);
    assert!(shown.contains(&format!("{}: would run: 0001_notes", acme.slug)), "{shown}");
    assert_eq!(tables(&acme), [] as [&str; 0]);

    let done = files.migrated(&[]);
    assert!(done.contains(&format!("{}: done: 0001_notes", acme.slug)), "{done}");
    for tenant in [&acme, &globex] {
        assert_eq!((tables(tenant), count(tenant, "notes")), (vec!["notes".to_owned()], 1));
    }
    // A new tenant starts complete, and its application can use the tables.
    let new = world.tenant();
    assert_eq!((tables(&new), count(&new, "notes")), (vec!["notes".to_owned()], 1));
    let mut writer = connect(&new.database_credential("write")).unwrap();
    writer.batch_execute("INSERT INTO notes (body) VALUES ('of the application')").unwrap();
    let mut owner = connect(&new.database_credential("owner")).unwrap();
    owner
        .batch_execute("ALTER TABLE notes ADD COLUMN x int; ALTER TABLE notes DROP COLUMN x")
        .unwrap();
    // No role of the tool is left, and a repeated run does nothing.
    let left = "SELECT count(*) FROM database_credentials WHERE is_of_tenantctl";
    let left: i64 = services().superuser("tenancy").query_one(left, &[]).unwrap().get(0);
    assert_eq!(left, 0);
    files.migrated(&["--verify"]);
    assert_eq!(count(&acme, "notes"), 1);
    let status = world.tenantctl(&["app", "status", "--drift"]);
    assert!(status.status.success(), "{}", text(&status));

    // One tenant fails, which neither stops nor changes the others.
    connect(&globex.database_credential("owner"))
        .unwrap()
        .batch_execute("CREATE TABLE tags (mine int)")
        .unwrap();
    files.write(
        "0002_tags.sql",
        "CREATE TABLE tags (name text);\nINSERT INTO tags VALUES ('first');",
    );
    let failed = files.migrate(&["--jobs", "1"]);
    assert!(!failed.status.success());
    let message = text(&failed);
    assert!(
        message.contains(&format!("the tenant {}", globex.slug)) && message.contains("42P07"),
        "{message}"
    );
    assert_eq!((count(&acme, "tags"), count(&new, "tags")), (1, 1));
    let status = world.tenantctl(&["app", "status", "--drift"]);
    assert!(!status.status.success());
    let message = text(&status);
    assert!(
        message.contains("failed: 0002_tags") && message.contains("- column tags.name text"),
        "{message}"
    );
    // It continues after the repair.
    connect(&globex.database_credential("owner"))
        .unwrap()
        .batch_execute("DROP TABLE tags")
        .unwrap();
    let done = files.migrated(&[]);
    assert!(done.contains(&format!("{}: done: 0002_tags", globex.slug)), "{done}");
    assert_eq!((count(&acme, "tags"), count(&globex, "tags")), (1, 1));

    // An edited file stops everything before it begins.
    let original = fs::read_to_string(files.0.join("0001_notes.sql")).unwrap();
    files.write("0001_notes.sql", &format!("{original}\n-- edited"));
    let refused = files.migrate(&[]);
    assert!(
        !refused.status.success() && text(&refused).contains("0001_notes"),
        "{}",
        text(&refused)
    );
    files.write("0001_notes.sql", &original);

    kill_in_the_middle(&files, &[&acme, &globex, &new]);
    rings(&files, &acme, &globex);
    foreign_code_gains_nothing(&files, &acme);
    concurrent_runs(&files, &[&acme, &globex, &new]);
    deadlock_is_tried_again(&files, &acme);
    tampered_record_fails_its_tenant_only(&files, &acme, &globex);
    failure_has_no_values(world, &files, &acme);
    next_template_has_the_tables(world, &files);
}

/// The tool is killed while a file runs. The next run finishes each tenant, and each file ran once.
fn kill_in_the_middle(files: &Files, tenants: &[&TestTenant]) {
    // The template is empty, so the file waits only in databases of tenants.
    files.write(
        "0003_slow.sql",
        "CREATE TABLE slow (id int);
         INSERT INTO slow VALUES (1);
         SELECT CASE WHEN current_database() NOT LIKE 'tenancy%' THEN pg_sleep(4) END;",
    );
    let mut command = Command::new(root().join("target/tools/tenantctl"));
    command
        .args(["app", "migrate", files.0.to_str().unwrap(), "--jobs", "1"])
        .envs(World::for_app_migrations().settings())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let begin = Instant::now();
    // The text of a query remains after its end, so only the sleep shows that the file runs in a tenant's database.
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(4)%' AND wait_event = 'PgSleep'";
    while services().superuser("tenancy").query_one(running, &[]).unwrap().get::<_, i64>(0) == 0 {
        assert!(begin.elapsed().as_secs() < 60, "no file runs");
        sleep(Duration::from_millis(20));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    files.migrated(&[]);
    for tenant in tenants {
        assert_eq!(count(tenant, "slow"), 1, "{}", tenant.slug);
    }
    // A repair removes the role of the killed run, and no role whose migration still runs.
    assert_eq!(roles_after_repair(), 1, "it is younger than five minutes");
    let age = "UPDATE database_credentials SET created_at = now() - interval '6 minutes' WHERE is_of_tenantctl";
    services().superuser("tenancy").execute(age, &[]).unwrap();
    let connection = connection_of_role();
    assert_eq!(roles_after_repair(), 1, "it has a connection");
    drop(connection);
    assert_eq!(roles_after_repair(), 0);
}

/// Connects with the only role of the tool.
fn connection_of_role() -> Client {
    let role =
        "SELECT role, 'tenant_' || replace(tenant_id::text, '-', '') FROM database_credentials
                WHERE is_of_tenantctl";
    let row = services().superuser("tenancy").query_one(role, &[]).unwrap();
    let (role, database): (String, String) = (row.get(0), row.get(1));
    let password = format!("ALTER ROLE {role} PASSWORD 'known'");
    services().superuser("tenancy").batch_execute(&password).unwrap();
    let port = services().value("POSTGRES_PORT");
    let url = format!("postgres://{role}:known@127.0.0.1:{port}/{database}");
    connect(&json!({ "url": url })).unwrap()
}

/// Repairs, and returns the number of the tool's roles that are left.
fn roles_after_repair() -> i64 {
    let repair = ["repair", "--older-than-minutes", "60"];
    let output = World::for_app_migrations().tenantctl(&repair);
    assert!(output.status.success(), "{}", text(&output));
    let left = "SELECT count(*) FROM database_credentials WHERE is_of_tenantctl";
    services().superuser("tenancy").query_one(left, &[]).unwrap().get(0)
}

/// The second ring starts only if the first one had no failure.
fn rings(files: &Files, canary: &TestTenant, other: &TestTenant) {
    let world = World::for_app_migrations();
    let path = format!("/admin/tenants/{}", canary.id);
    let setting = json!({ "private_settings": { "ring": "canary" } });
    world.admin(Method::PATCH, &path).json(&setting).send().expect(200);
    connect(&canary.database_credential("owner"))
        .unwrap()
        .batch_execute("CREATE TABLE ringed (mine int)")
        .unwrap();
    files.write("0004_ringed.sql", "CREATE TABLE ringed (id int);");
    let failed = files.migrate(&["--ring", "canary,10%,all"]);
    assert!(!failed.status.success(), "{}", text(&failed));
    assert!(!tables(other).contains(&"ringed".to_owned()));
    assert!(
        !tables(&world.tenant()).contains(&"ringed".to_owned()),
        "the template is part of the last ring"
    );
    connect(&canary.database_credential("owner"))
        .unwrap()
        .batch_execute("DROP TABLE ringed")
        .unwrap();
    files.migrated(&["--ring", "canary"]);
    assert!(
        tables(canary).contains(&"ringed".to_owned())
            && !tables(other).contains(&"ringed".to_owned())
    );
    files.migrated(&["--ring", "canary,10%,all"]);
    assert!(tables(other).contains(&"ringed".to_owned()));
    assert!(tables(&world.tenant()).contains(&"ringed".to_owned()));
}

/// Code of the tenant's application runs during a migration, and cannot use the rights of the service.
fn foreign_code_gains_nothing(files: &Files, tenant: &TestTenant) {
    let trap = "
        CREATE TABLE stolen (what text);
        CREATE FUNCTION steal() RETURNS trigger LANGUAGE plpgsql AS $trap$
        BEGIN
            PERFORM set_config('role', 'none', false);
            INSERT INTO app.stolen VALUES (session_user || ' ' || current_user);
            BEGIN
                ALTER ROLE CURRENT_USER CREATEROLE;
                INSERT INTO app.stolen VALUES ('rights');
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
            BEGIN
                PERFORM count(*) FROM tenancy.users;
                INSERT INTO app.stolen VALUES ('users');
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
            BEGIN
                PERFORM set_config('role', 'tenancy', false);
                INSERT INTO app.stolen VALUES ('account');
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
            RETURN NEW;
        END $trap$;
        CREATE TRIGGER trap BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION steal();";
    connect(&tenant.database_credential("owner")).unwrap().batch_execute(trap).unwrap();
    files.write("0005_more_tags.sql", "INSERT INTO tags VALUES ('second');");
    files.migrated(&[]);
    let mut database = services().superuser(&tenant.database());
    let stolen = database.query("SELECT what FROM app.stolen", &[]).unwrap();
    let stolen: Vec<String> = stolen.iter().map(|row| row.get(0)).collect();
    assert_eq!(stolen.len(), 1, "{stolen:?}");
    assert!(stolen[0].starts_with("app_"), "{stolen:?}");
    database.batch_execute("DROP TABLE app.stolen; DROP FUNCTION app.steal() CASCADE").unwrap();
}

fn concurrent_runs(files: &Files, tenants: &[&TestTenant]) {
    files.write("0006_once.sql", "CREATE TABLE once (id int);\nINSERT INTO once VALUES (1);");
    scope(|scope| {
        let runs: Vec<_> = (0..2).map(|_| scope.spawn(|| files.migrate(&["--verify"]))).collect();
        for run in runs {
            let output = run.join().unwrap();
            assert!(output.status.success(), "{}", text(&output));
        }
    });
    for tenant in tenants {
        assert_eq!(count(tenant, "once"), 1, "{}", tenant.slug);
    }
    // Statements that cannot run in a transaction.
    files.write(
        "0007_index.sql",
        "-- tenancy: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS notes_body ON notes (body);\n",
    );
    files.migrated(&[]);
    let status = World::for_app_migrations().tenantctl(&["app", "status", "--drift", "--json"]);
    assert!(status.status.success(), "{}", text(&status));
}

/// A file uses tables in another order than a transaction of the application does.
fn deadlock_is_tried_again(files: &Files, tenant: &TestTenant) {
    files.write(
        "0008_columns.sql",
        "ALTER TABLE tags ADD COLUMN color text;\nALTER TABLE notes ADD COLUMN color text;",
    );
    let mut session = services().superuser(&tenant.database());
    // The session of the file notices the deadlock first.
    session.batch_execute("SET deadlock_timeout = '60s'").unwrap();
    let mut transaction = session.transaction().unwrap();
    transaction.batch_execute("TABLE app.notes").unwrap();
    scope(|scope| {
        let running = scope.spawn(|| files.migrated(&[]));
        wait_for_lock(&mut transaction, "app.notes");
        transaction.batch_execute("TABLE app.tags").unwrap();
        transaction.commit().unwrap();
        let done = running.join().unwrap();
        assert!(done.contains(&format!("{}: done: 0008_columns", tenant.slug)), "{done}");
    });
}

/// The table with the record belongs to the tenant, which can replace it.
fn tampered_record_fails_its_tenant_only(files: &Files, tampered: &TestTenant, other: &TestTenant) {
    let mut owner = connect(&tampered.database_credential("owner")).unwrap();
    owner
        .batch_execute(
            "ALTER TABLE tenancy_migrations RENAME TO kept;
             CREATE VIEW tenancy_migrations AS
                 SELECT version::text, name, checksum, applied_at FROM kept",
        )
        .unwrap();
    files.write("0009_parts.sql", "CREATE TABLE parts (id int);");
    let failed = files.migrate(&["--jobs", "1"]);
    assert!(!failed.status.success());
    let message = text(&failed);
    assert!(message.contains("the table app.tenancy_migrations was changed"), "{message}");
    assert!(message.contains("1 failed"), "{message}");
    assert!(tables(other).contains(&"parts".to_owned()));
    owner
        .batch_execute(
            "DROP VIEW tenancy_migrations; ALTER TABLE kept RENAME TO tenancy_migrations",
        )
        .unwrap();
    files.migrated(&[]);
    assert!(tables(tampered).contains(&"parts".to_owned()));
}

/// Messages of PostgreSQL can have values of a tenant. Neither the output nor the catalog has them.
fn failure_has_no_values(world: &'static World, files: &Files, tenant: &TestTenant) {
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner.batch_execute("INSERT INTO notes (body) VALUES ('a secret')").unwrap();
    files.write(
        "0010_numbers.sql",
        "CREATE TABLE numbers AS SELECT body::int AS number FROM notes WHERE body LIKE '%secret%';",
    );
    let failed = files.migrate(&[]);
    assert!(!failed.status.success());
    let message = text(&failed);
    assert!(message.contains("SQLSTATE 22P02") && !message.contains("secret"), "{message}");
    let status = world.tenantctl(&["app", "status"]);
    let message = text(&status);
    assert!(message.contains("SQLSTATE 22P02") && !message.contains("secret"), "{message}");
    owner.batch_execute("DELETE FROM notes WHERE body = 'a secret'").unwrap();
    files.migrated(&[]);
}

/// A new version of the service builds its template database, which starts with the application's tables.
fn next_template_has_the_tables(world: &'static World, files: &Files) {
    let mut server = services().superuser("tenancy");
    let name: String =
        server.query_one("SELECT template_name FROM app_template", &[]).unwrap().get(0);
    let older = format!("{}_v1", name.rsplit_once("_v").unwrap().0);
    // In this order, no tenant of another test starts without the tables.
    server.execute("UPDATE app_template SET template_name = $1", &[&older]).unwrap();
    while_in_use(&mut server, &format!("ALTER DATABASE {name} RENAME TO {older}"));
    let tenant = world.tenant();
    assert!(tables(&tenant).contains(&"numbers".to_owned()), "{:?}", tables(&tenant));
    let mut writer = connect(&tenant.database_credential("write")).unwrap();
    writer.batch_execute("INSERT INTO notes (body) VALUES ('of the next version')").unwrap();
    let recorded: String =
        server.query_one("SELECT template_name FROM app_template", &[]).unwrap().get(0);
    assert_eq!(recorded, name);
    while_in_use(&mut server, &format!("DROP DATABASE {older}"));

    // A template database that was dropped is built again without the tables, and the next run adds them.
    while_in_use(&mut server, &format!("DROP DATABASE {name}"));
    assert_eq!(tables(&world.tenant()), [] as [&str; 0]);
    files.migrated(&[]);
    assert!(tables(&world.tenant()).contains(&"numbers".to_owned()));
}

/// Repeats a statement while other tests copy the database.
fn while_in_use(server: &mut Client, statement: &str) {
    let begin = Instant::now();
    while let Err(error) = server.batch_execute(statement) {
        let is_in_use = error.code() == Some(&SqlState::OBJECT_IN_USE);
        assert!(is_in_use && begin.elapsed().as_secs() < 60, "{error}");
        sleep(Duration::from_millis(50));
    }
}
