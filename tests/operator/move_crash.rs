//! `tenantctl tenant move` that is killed at each step, and then repeated.

use std::{
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{
    Cut, Proxy, TestTenant, Watch,
    clusters::{Clusters, has_database},
    database::connect,
    root,
};

/// The server that receives the statement.
#[derive(Debug, Clone, Copy)]
enum Server {
    Catalog,
    Source,
    Target,
}

use Server::{Catalog, Source, Target};

const STEPS: [(Server, &str, Cut); 15] = [
    (Catalog, "INSERT INTO tenant_moves", Cut::Before),
    (Catalog, "INSERT INTO tenant_moves", Cut::After),
    (Target, "CREATE DATABASE \"move_", Cut::After),
    (Catalog, "UPDATE database_credentials SET ended_at", Cut::After),
    (Source, "LOCK TABLE", Cut::After),
    (Target, "CREATE TABLE tenancy.users", Cut::Before),
    (Target, "CREATE TABLE app.notes", Cut::Before),
    (Source, "REVOKE CONNECT ON DATABASE", Cut::Before),
    (Source, "REVOKE CONNECT ON DATABASE", Cut::After),
    (Target, "RENAME TO", Cut::Before),
    (Target, "RENAME TO", Cut::After),
    (Target, "GRANT CONNECT ON DATABASE \"tenant_", Cut::After),
    (Catalog, "tenant AS MATERIALIZED", Cut::Before),
    (Catalog, "tenant AS MATERIALIZED", Cut::After),
    (Source, "DROP DATABASE IF EXISTS", Cut::Before),
];

fn write(tenant: &TestTenant, path: &str) -> bool {
    let call = tenant.put(&format!("/api/v1/files/{path}"), path.as_bytes());
    let answer = call.token(&tenant.admin.access_token).send();
    if answer.status != 201 {
        answer.expect_problem(503, "unavailable");
    }
    answer.status == 201
}

/// Kills the command at a statement. The tenant accepts writes again within a minute.
fn kill_at(
    clusters: &Clusters,
    tenant: &TestTenant,
    (server, statement, cut): (Server, &'static str, Cut),
    Lane { proxies, cluster }: &Lane,
) {
    let mut settings = clusters.world.settings();
    let direct = clusters.world.services.databases().postgres;
    let url = settings["MASTER_DATABASE_URL"].replace(&direct, &proxies[0].address);
    settings.insert("MASTER_DATABASE_URL", url);
    let command = Arc::new(Mutex::new(None::<std::process::Child>));
    let victim = Arc::clone(&command);
    let proxy = &proxies[server as usize];
    let action = Box::new(move || {
        if let Some(child) = victim.lock().unwrap().as_mut() {
            child.kill().unwrap();
        }
    });
    proxy.watch(Watch { statement, cut, action });
    {
        let mut started = command.lock().unwrap();
        let child = Command::new(root().join("target/tools/tenantctl"))
            .args(["tenant", "move", &tenant.slug, "--to", cluster])
            .env_clear()
            .envs(&settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        *started = Some(child.unwrap());
    }
    let begin = Instant::now();
    while !proxy.has_acted() {
        assert!(begin.elapsed().as_secs() < 60, "{server:?} {statement} {cut:?}");
        sleep(Duration::from_millis(20));
    }
    let mut child = command.lock().unwrap().take().unwrap();
    let status = child.wait().unwrap();
    assert!(!status.success(), "{server:?} {statement} {cut:?}");
    for proxy in proxies {
        proxy.open();
    }
    let begin = Instant::now();
    while !write(tenant, "after") {
        assert!(begin.elapsed().as_secs() < 60, "{server:?} {statement} {cut:?}: no recovery");
        sleep(Duration::from_millis(100));
    }
}

fn finish(clusters: &Clusters, tenant: &TestTenant, cluster: &str, case: &str) {
    let begin = Instant::now();
    loop {
        let output = clusters.world.tenantctl(&["tenant", "move", &tenant.slug, "--to", cluster]);
        if output.status.success() {
            return;
        }
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_waiting = told.contains("another process");
        assert!(is_waiting && begin.elapsed().as_secs() < 60, "{case}: {told}");
        sleep(Duration::from_millis(500));
    }
}

/// Proxies in front of the servers, and the name of the cluster behind the last one.
struct Lane {
    proxies: [Proxy; 3],
    cluster: String,
}

impl Lane {
    fn start(clusters: &Clusters, number: u32) -> Self {
        let default = clusters.world.services.databases().postgres;
        let second = clusters.second.databases().postgres;
        let proxies = [Proxy::start(&default), Proxy::start(&default), Proxy::start(&second)];
        let cluster = format!("proxied-{number}");
        clusters.add(&cluster, &proxies[2].address);
        clusters.run(&["cluster", "drain", &cluster]);
        Self { proxies, cluster }
    }
}

fn check(clusters: &Clusters, lane: &Lane, step: (Server, &'static str, Cut)) {
    let world = clusters.world;
    let (server, statement, cut) = step;
    let case = format!("{server:?} {statement} {cut:?}");
    let tenant = world.tenant();
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner
        .batch_execute("CREATE TABLE notes (body text); INSERT INTO notes VALUES ('kept')")
        .unwrap();
    drop(owner);
    world.relocate(&tenant.slug, &lane.proxies[1].address);
    assert!(write(&tenant, "before"));
    kill_at(clusters, &tenant, step, lane);
    finish(clusters, &tenant, &lane.cluster, &case);

    assert!(clusters.has_on_second(&tenant), "{case}");
    assert!(!clusters.has_on_default(&tenant), "{case}");
    let copy = format!("move_{}", tenant.id.replace('-', ""));
    assert!(!has_database(clusters.second, &copy), "{case}");
    for path in ["before", "after"] {
        let file = tenant.get(&format!("/api/v1/files/{path}"));
        let file = file.token(&tenant.admin.access_token).send();
        assert_eq!((file.status, file.text.as_str()), (200, path), "{case}");
    }
    let credential = tenant.database_credential("read");
    let mut reader = connect(&credential).unwrap();
    let body: String = reader.query_one("SELECT body FROM notes", &[]).unwrap().get(0);
    assert_eq!(body, "kept", "{case}");
    let mut catalog = world.services.superuser("tenancy");
    let count = "SELECT count(*) FROM tenant_moves WHERE tenant_id = $1::text::uuid";
    let count: i64 = catalog.query_one(count, &[&tenant.id]).unwrap().get(0);
    assert_eq!(count, 0, "{case}");
}

#[test]
fn killed_move_is_finished_when_repeated() {
    let clusters = &Clusters::alone();
    let only = std::env::var("MOVE_STEP").ok();
    // A new cluster accepts tenants until it is drained, so all are there before the first tenant.
    let lanes: Vec<_> = STEPS
        .chunks(3)
        .zip(1..)
        .map(|(steps, lane)| (Lane::start(clusters, lane), steps))
        .collect();
    // Each step waits until the killed process is known to be dead, so several steps run at the same time.
    std::thread::scope(|scope| {
        for (lane, steps) in &lanes {
            let only = only.as_ref();
            scope.spawn(move || {
                for step in *steps {
                    if only.is_none_or(|only| step.1.contains(only.as_str())) {
                        check(clusters, lane, *step);
                    }
                }
            });
        }
    });
}
