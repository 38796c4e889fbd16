//! `tenantctl tenant move` under load: nothing that was acknowledged is lost, and other tenants notice nothing.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use e2e::{
    Connections, Cut, Proxy, StopOnDrop, TestTenant, Watch, World,
    clusters::{Clusters, last_line},
    database::{connect, wait_for_lock},
    tenantctl,
};
use http::Method;
use serde_json::{Value, json};

/// The acknowledged writes of a load, and the longest time without one.
#[derive(Default)]
struct Ledger {
    files: Mutex<Vec<String>>,
    notes: Mutex<Vec<i64>>,
    gap: Mutex<Duration>,
}

/// Uploads files until `stop`. Every response is an acknowledgement or 503.
fn upload_files(
    world: &World,
    tenant: &TestTenant,
    name: &str,
    ledger: &Ledger,
    stop: &AtomicBool,
) {
    let connection = Connections::default();
    let mut last = Instant::now();
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let path = format!("{name}-{number}");
        let call = world.call(Method::PUT, &format!("/api/v1/files/{path}"));
        let call = call.body("text/plain", path.clone()).token(&tenant.admin.access_token);
        let answer = call.over(&connection).send();
        if answer.status == 201 {
            let mut gap = ledger.gap.lock().unwrap();
            *gap = (*gap).max(last.elapsed());
            last = Instant::now();
            ledger.files.lock().unwrap().push(path);
        } else {
            answer.expect_problem(503, "unavailable");
            sleep(Duration::from_millis(20));
        }
    }
}

/// Inserts notes with the credentials of an application, and gets another one whenever its connection ends.
fn write_notes(tenant: &TestTenant, ledger: &Ledger, stop: &AtomicBool) {
    let mut number = 0_i64;
    while !stop.load(Ordering::SeqCst) {
        let body = json!({ "access": "write", "connections": 1 });
        let answer = tenant.ask_for_database(&tenant.admin.access_token, &body);
        if answer.status != 201 {
            assert!([503, 409].contains(&answer.status), "{}", answer.text);
            sleep(Duration::from_millis(50));
            continue;
        }
        let Ok(mut client) = connect(&answer.json()) else { continue };
        while !stop.load(Ordering::SeqCst) {
            number += 1;
            if client.execute("INSERT INTO notes (number) VALUES ($1)", &[&number]).is_err() {
                break;
            }
            ledger.notes.lock().unwrap().push(number);
        }
    }
}

fn move_to(clusters: &Clusters, tenant: &TestTenant, cluster: &str) -> Value {
    last_line(&clusters.run(&["tenant", "move", &tenant.slug, "--to", cluster]))
}

/// Asserts that the tenant has every acknowledged file and note.
fn assert_nothing_is_lost(tenant: &TestTenant, ledger: &Ledger) {
    let files = ledger.files.lock().unwrap();
    for path in files.iter() {
        let file = tenant.get(&format!("/api/v1/files/{path}")).token(&tenant.admin.access_token);
        let file = file.send();
        assert_eq!((file.status, &file.text), (200, path));
    }
    let mut client = connect(&tenant.database_credential("read")).unwrap();
    let rows = client.query("SELECT number FROM notes", &[]).unwrap();
    let stored: std::collections::BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    let notes = ledger.notes.lock().unwrap();
    let lost: Vec<_> = notes.iter().filter(|number| !stored.contains(number)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(files.len() > 20 && notes.len() > 20, "{} {}", files.len(), notes.len());
}

#[test]
fn tenant_moves_under_load_without_loss() {
    let clusters = Clusters::alone();
    let world = clusters.world;
    clusters.add_second_for_moves();
    let (tenant, other) = (world.tenant(), world.tenant());
    tenant.allow_many_calls();
    other.allow_many_calls();
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner
        .batch_execute(
            "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number bigint NOT NULL);
             CREATE FUNCTION is_good(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT $1 > 0';
             ALTER TABLE notes ADD CHECK (is_good(number));
             CREATE INDEX ON notes ((number * 2));
             CREATE VIEW latest AS SELECT max(number) AS number FROM notes;",
        )
        .unwrap();
    drop(owner);
    let ledger = Ledger::default();
    let stop = AtomicBool::new(false);
    let (there, back) = scope(|scope| {
        let (ledger, stop) = (&ledger, &stop);
        // The load ends even if the move fails.
        let _end = StopOnDrop(stop);
        for name in ["one", "two"] {
            let tenant = &tenant;
            scope.spawn(move || upload_files(world, tenant, name, ledger, stop));
        }
        scope.spawn(|| write_notes(&tenant, ledger, stop));
        // Reads of the tenant, and writes of another tenant, continue.
        scope.spawn(|| {
            let connection = Connections::default();
            while !stop.load(Ordering::SeqCst) {
                let call = other.put("/api/v1/files/f", "x").token(&other.admin.access_token);
                let status = call.over(&connection).send().status;
                assert!([200, 201].contains(&status), "{status}");
            }
        });
        sleep(Duration::from_secs(2));
        let there = move_to(&clusters, &tenant, "second");
        assert!(clusters.has_on_second(&tenant) && !clusters.has_on_default(&tenant));
        sleep(Duration::from_secs(2));
        let back = move_to(&clusters, &tenant, "default");
        assert!(clusters.has_on_default(&tenant) && !clusters.has_on_second(&tenant));
        sleep(Duration::from_secs(1));
        stop.store(true, Ordering::SeqCst);
        (there, back)
    });
    assert_nothing_is_lost(&tenant, &ledger);
    let gap = *ledger.gap.lock().unwrap();
    println!(
        "pauses: {} ms and {} ms; longest time without an acknowledged upload: {gap:?}",
        there["pause_milliseconds"], back["pause_milliseconds"]
    );
    assert!(gap < Duration::from_secs(30), "{gap:?}");
    assert_eq!(tenant.wait_until_moved(2).len(), 2);
    // The roles of the application have the same privileges as before.
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner.batch_execute("ALTER TABLE notes ADD COLUMN body text; SELECT * FROM latest").unwrap();
    let mut reader = connect(&tenant.database_credential("read")).unwrap();
    assert!(reader.execute("INSERT INTO notes (number) VALUES (1)", &[]).is_err());
    let doctor = String::from_utf8(world.tenantctl(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("ok    isolation") || doctor.contains("note  isolation"), "{doctor}");
}

trait Moved {
    fn wait_until_moved(&self, count: usize) -> Vec<Value>;
}

impl Moved for TestTenant {
    fn wait_until_moved(&self, count: usize) -> Vec<Value> {
        let mut catalog = World::for_clusters().services.superuser("tenancy");
        let query = "SELECT detail::text FROM tenant_audit_logs
                     WHERE tenant_id = $1::text::uuid AND event = 'tenant.database_moved'";
        let begin = Instant::now();
        loop {
            let rows = catalog.query(query, &[&self.id]).unwrap();
            if rows.len() >= count {
                return rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect();
            }
            assert!(begin.elapsed().as_secs() < 60, "the moves are recorded");
            sleep(Duration::from_millis(50));
        }
    }
}

/// Code of the application that a restoration runs must not have the rights of the service's account.
#[test]
fn restored_code_runs_without_the_account() {
    let clusters = Clusters::alone();
    clusters.add_second_for_moves();
    let tenant = clusters.world.tenant();
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner
        .batch_execute(
            "CREATE FUNCTION attack(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
             BEGIN
                 BEGIN
                     EXECUTE 'RESET ROLE';
                     EXECUTE 'CREATE ROLE taken_over SUPERUSER';
                 EXCEPTION WHEN OTHERS THEN NULL;
                 END;
                 BEGIN
                     EXECUTE 'CREATE ROLE taken_over';
                 EXCEPTION WHEN OTHERS THEN NULL;
                 END;
                 RETURN $1;
             END $$;
             CREATE TABLE bait (number bigint CHECK (app.attack(number) > 0));
             INSERT INTO bait VALUES (1);
             CREATE INDEX ON bait (app.attack(number));",
        )
        .unwrap();
    drop(owner);
    move_to(&clusters, &tenant, "second");
    for services in [clusters.second, &clusters.world.services] {
        let statement = "SELECT count(*) FROM pg_roles WHERE rolname = 'taken_over'";
        let count: i64 = services.superuser("postgres").query_one(statement, &[]).unwrap().get(0);
        assert_eq!(count, 0);
    }
    let mut reader = connect(&tenant.database_credential("read")).unwrap();
    let count: i64 = reader.query_one("SELECT count(*) FROM bait", &[]).unwrap().get(0);
    assert_eq!(count, 1);
}

/// The move locks tables in another order than transactions do.
#[test]
fn move_continues_after_a_deadlock() {
    let clusters = Clusters::alone();
    clusters.add_second_for_moves();
    let tenant = clusters.world.tenant();
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner.batch_execute("CREATE TABLE notes (number bigint)").unwrap();
    drop(owner);
    // The session of the move notices the deadlock first, and before it would give way to a long statement.
    let database = tenant.database();
    let first = format!("ALTER DATABASE {database} SET deadlock_timeout = '500ms'");
    clusters.world.services.superuser("postgres").batch_execute(&first).unwrap();
    scope(|scope| {
        let mut request = clusters.world.services.superuser(&database);
        request.batch_execute("SET deadlock_timeout = '60s'").unwrap();
        let mut transaction = request.transaction().unwrap();
        transaction.batch_execute("LOCK TABLE tenancy.users IN ROW EXCLUSIVE MODE").unwrap();
        let moving = scope.spawn(|| move_to(&clusters, &tenant, "second"));
        wait_for_lock(&mut transaction, "tenancy.users");
        transaction.batch_execute("LOCK TABLE app.notes IN ROW EXCLUSIVE MODE").unwrap();
        transaction.commit().unwrap();
        // The account cannot end a session of a superuser.
        drop(request);
        moving.join().unwrap();
    });
    assert!(clusters.has_on_second(&tenant) && !clusters.has_on_default(&tenant));
    move_to(&clusters, &tenant, "default");
}

#[test]
fn impossible_move_changes_nothing() {
    let clusters = Clusters::alone();
    clusters.add_second_for_moves();
    let tenant = clusters.world.tenant();
    let refused = |arguments: &[&str], reason: &str| {
        let all = [&["tenant", "move", &tenant.slug][..], arguments].concat();
        let output = clusters.world.tenantctl(&all);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(reason), "{reason}: {told}");
        let answer = tenant.put("/api/v1/files/f", "x").token(&tenant.admin.access_token).send();
        assert!([200, 201].contains(&answer.status), "{}", answer.text);
        assert!(clusters.has_on_default(&tenant));
    };
    refused(&["--to", "nowhere"], "no cluster");
    refused(&["--cancel"], "no unfinished move");
    // A database with the final name is not overwritten.
    let mut second = clusters.second.superuser("postgres");
    second.batch_execute(&format!("CREATE DATABASE {}", tenant.database())).unwrap();
    refused(&["--to", "second"], "has a database");
    second.batch_execute(&format!("DROP DATABASE {}", tenant.database())).unwrap();
    // A long statement of the application holds a table.
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner.batch_execute("CREATE TABLE notes (number bigint)").unwrap();
    drop(owner);
    refused(&["--to", "second", "--pg-bin", "/nowhere"], "pg_dump");
    let line =
        last_line(&clusters.run(&["tenant", "move", &tenant.slug, "--to", "second", "--dry-run"]));
    assert!(line["expected_pause_seconds"].as_i64() >= Some(1), "{line}");
    assert!(clusters.has_on_default(&tenant));
    // Another process begins to move it after this one has found no move.
    let direct = clusters.world.services.databases().postgres;
    let proxy = Proxy::start(&direct);
    let mut settings = clusters.world.settings();
    let url = settings["MASTER_DATABASE_URL"].replace(&direct, &proxy.address);
    settings.insert("MASTER_DATABASE_URL", url);
    let begin = format!(
        "INSERT INTO tenant_moves (tenant_id, attempt, step, target_host, target_port, target_options,
                                   source_host, source_port, source_options, source_password)
         SELECT id, id, 'copying', 'localhost', 5432, '', database_host, database_port, database_options,
                database_password FROM tenants WHERE slug = '{}'",
        tenant.slug
    );
    let mut other = clusters.world.services.superuser("tenancy");
    let action = Box::new(move || other.batch_execute(&begin).unwrap());
    proxy.watch(Watch { statement: "INSERT INTO tenant_moves", cut: Cut::Delay, action });
    let output = tenantctl(&settings, &["tenant", "move", &tenant.slug, "--to", "second"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(proxy.has_acted() && told.contains("another process is moving"), "{told}");
    clusters.world.services.superuser("tenancy").batch_execute("DELETE FROM tenant_moves").unwrap();
    // To the cluster where it is.
    move_to(&clusters, &tenant, "default");
}
