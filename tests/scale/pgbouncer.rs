//! `deploy/pgbouncer` in front of the databases of a thousand tenants (docs/application-database.md#pgbouncer).

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use e2e::{
    Application, Call, PgBouncer, Services, database::DATABASE_CREDENTIALS, root, tenantctl,
};
use http::Method;
use postgres::Client;
use serde_json::{Value, json};

/// The connections that PostgreSQL allows.
const CONNECTIONS: u32 = 400;
/// The tenants that become busy in a second.
const RATE: u32 = 50;
/// The connections for them: each stays open for 2 s after its last statement, and closes a second later at the latest.
const MOST: i64 = RATE as i64 * 3;
/// The connections with which PgBouncer checks passwords (`deploy/pgbouncer/pgbouncer.ini`).
const MOST_CHECKS: i64 = 20;
/// The connections that PgBouncer has closed, and whose processes PostgreSQL has not ended yet.
const ENDING: i64 = 5;

/// A tenant's database credential.
struct Tenant {
    database: String,
    credential: Value,
}

fn tenants() -> usize {
    std::env::var("SCALE_TENANTS").map_or(1_000, |text| text.parse().unwrap())
}

/// Runs work for each number below a limit on several threads, and begins it at most `rate` times in a second.
fn for_each(limit: usize, threads: usize, rate: u32, work: impl Fn(usize) + Sync) {
    let next = Mutex::new((0, Instant::now()));
    let take = || {
        let mut next = next.lock().unwrap();
        let number = next.0;
        // A machine that was busy does not catch up.
        let begin = next.1.max(Instant::now());
        *next = (number + 1, begin + Duration::from_secs(1) / rate);
        (number, begin)
    };
    scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let (number, begin) = take();
                    if number >= limit {
                        return;
                    }
                    sleep(begin.saturating_duration_since(Instant::now()));
                    work(number);
                }
            });
        }
    });
}

/// Prepares the cluster as docs/application-database.md describes it, before the first `tenantctl migrate`.
fn prepare(services: &Services) {
    services.superuser("postgres").batch_execute("CREATE ROLE pgbouncer").unwrap();
    let auth = fs::read_to_string(root().join("deploy/pgbouncer/auth.sql")).unwrap();
    services.superuser("tenancy_base").batch_execute(&auth).unwrap();
}

fn start(services: &Services) -> PgBouncer {
    let settings = services.settings(&services.databases());
    let output = tenantctl(&settings, &["migrate"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PgBouncer::start(services, |changed| {
        let changed = changed.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let settings: BTreeMap<_, _> = settings.into_iter().chain(changed).collect();
        Application::start(&settings, &services.folder())
    })
}

/// Creates a tenant with a table, and returns a credential for its rows.
fn create(services: &Services, pgbouncer: &PgBouncer, number: usize) -> Tenant {
    let address = &pgbouncer.application.address;
    let admin_key = &services.settings(&services.databases())["ADMIN_API_KEY"];
    let slug = format!("tenant-{number}");
    let email = format!("admin@{slug}.example");
    let body = json!({ "name": slug, "slug": slug, "admin_email": email });
    let call = Call::new(Method::POST, address, "/admin/tenants").token(admin_key).json(&body);
    let created = call.send().expect(201);
    let call = Call::new(Method::POST, address, DATABASE_CREDENTIALS)
        .token(created["api_key"].as_str().unwrap())
        .json(&json!({ "access": "owner", "expires_in": 7_200 }));
    let credential = call.send().expect(201);
    Tenant { database: credential["database"].as_str().unwrap().to_owned(), credential }
}

/// Returns the numbers of connections of applications and of PgBouncer's own role.
fn connections(client: &mut Client) -> (i64, i64) {
    let statement = "
        SELECT count(*) FILTER (WHERE usename LIKE 'app\\_%'), count(*) FILTER (WHERE usename = 'pgbouncer')
        FROM pg_stat_activity";
    let row = client.query_one(statement, &[]).unwrap();
    (row.get(0), row.get(1))
}

/// Returns the most connections of applications, and of PgBouncer's own role, while work runs.
fn most_connections(services: &Services, work: impl FnOnce()) -> (i64, i64) {
    let is_over = AtomicBool::new(false);
    let mut client = services.superuser("postgres");
    scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = (0, 0);
            while !is_over.load(Ordering::SeqCst) {
                let found = connections(&mut client);
                most = (found.0.max(most.0), found.1.max(most.1));
                sleep(Duration::from_millis(20));
            }
            most
        });
        // A panic ends the other thread, too.
        let outcome = catch_unwind(AssertUnwindSafe(work));
        is_over.store(true, Ordering::SeqCst);
        let most = watcher.join().unwrap();
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
        most
    })
}

#[test]
fn thousand_tenants_share_server_connections() {
    let count = tenants();
    let services = Services::start_with_connections(CONNECTIONS);
    prepare(&services);
    let pgbouncer = start(&services);
    let begin = Instant::now();
    let tenants = Mutex::new(Vec::with_capacity(count));
    for_each(count, 2, 1_000, |number| {
        let tenant = create(&services, &pgbouncer, number);
        tenants.lock().unwrap().push(tenant);
    });
    let tenants = tenants.into_inner().unwrap();
    println!("{count} tenants with a credential: {:?}", begin.elapsed());
    let empty = pgbouncer.resident_kib();

    // Every tenant has a client that stays connected.
    let clients: Vec<_> = tenants.iter().map(|_| Mutex::new(None)).collect();
    let begin = Instant::now();
    let most = most_connections(&services, || {
        for_each(count, 32, RATE, |number| {
            let tenant = &tenants[number];
            let mut client = pgbouncer.connect(&tenant.credential).unwrap();
            let row = client.simple_query("SELECT current_database()").unwrap();
            let found = row.iter().find_map(|row| match row {
                postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            assert_eq!(found, Some(tenant.database.as_str()));
            *clients[number].lock().unwrap() = Some(client);
        });
    });
    println!(
        "{count} clients signed in and ran a statement: {:?}, at most {most:?} server connections",
        begin.elapsed()
    );
    assert!((1..=MOST).contains(&most.0), "{most:?}");
    assert!((1..=MOST_CHECKS + ENDING).contains(&most.1), "{most:?}");

    // Idle clients hold no server connection.
    let begin = Instant::now();
    let mut superuser = services.superuser("postgres");
    while connections(&mut superuser) != (0, 0) {
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", connections(&mut superuser));
        sleep(Duration::from_millis(100));
    }
    println!("idle server connections closed after {:?}", begin.elapsed());
    let idle = pgbouncer.resident_kib();

    // After a minute, the clients are still connected. They become busy again, one after another.
    sleep(Duration::from_secs(65));
    let begin = Instant::now();
    let slowest = Mutex::new(Duration::ZERO);
    let most = most_connections(&services, || {
        for_each(2 * count, 32, RATE, |number| {
            let mut client = clients[number % count].lock().unwrap();
            let begin = Instant::now();
            client.as_mut().unwrap().simple_query("SELECT 1").unwrap();
            let mut slowest = slowest.lock().unwrap();
            *slowest = begin.elapsed().max(*slowest);
        });
    });
    println!(
        "{} statements: {:?}, the slowest {:?}, at most {most:?} server connections",
        2 * count,
        begin.elapsed(),
        slowest.lock().unwrap()
    );
    assert!((1..=MOST).contains(&most.0) && most.1 <= MOST_CHECKS + ENDING, "{most:?}");
    println!("memory of PgBouncer: {empty} KiB without clients, {idle} KiB with {count} idle ones");
    // Four times the memory of a measurement.
    let most = 20_000 + 40 * u64::try_from(count).unwrap();
    assert!(pgbouncer.resident_kib() < most, "{} KiB", pgbouncer.resident_kib());
}
