//! Usage counters while Redis or the application is killed.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use e2e::{Application, Call, Cut, Databases, Proxy, Redis, TestTenant, Watch, World, unique};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// The maximum delay until counters are stored in PostgreSQL, with a margin.
const KEPT_WITHIN: Duration = Duration::from_secs(30);

/// The most units of leases that are lost with instances or with Redis in these tests: 1/64 of the calls per minute for
/// each of four instances.
const FORFEITED: i64 = 4 * 6_000 / 64;

fn call(application: &Application, tenant: &TestTenant) -> e2e::Answer {
    let call = Call::new(Method::GET, &application.address, "/api/v1/tenant/info");
    call.token(&tenant.admin.access_token).send()
}

/// Sends one more call, and returns the used calls of the tenant.
fn used(application: &Application, tenant: &TestTenant) -> i64 {
    used_by(&call(application, tenant))
}

/// Returns the used calls of the tenant according to a response.
fn used_by(answer: &e2e::Answer) -> i64 {
    answer.expect(200);
    let header = answer.header("ratelimit");
    let left = header.split("\"day\";r=").nth(1).and_then(|rest| rest.split(';').next());
    50_000 - left.unwrap_or_else(|| panic!("{header}")).parse::<i64>().unwrap()
}

/// Returns the calls of a tenant that PostgreSQL has stored.
fn kept(tenant: &TestTenant) -> i64 {
    let statement = "SELECT COALESCE(max(amount), 0) FROM tenant_usage
                     WHERE tenant_id = $1::text::uuid AND resource = 'api_calls'";
    let mut superuser = World::get().services.superuser("tenancy");
    superuser.query_one(statement, &[&tenant.id]).unwrap().get(0)
}

#[track_caller]
fn wait_until_kept(tenant: &TestTenant, amount: i64) {
    let begin = Instant::now();
    while kept(tenant) < amount {
        assert!(begin.elapsed() < KEPT_WITHIN, "{} of {amount} are stored", kept(tenant));
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn killed_redis_loses_only_last_interval() {
    let tenant = World::get().tenant();
    let mut redis = Redis::start();
    let application = World::get().application_on(&redis, &[]);
    let before = used(&application, &tenant);
    // A load from several clients, on more than one instance.
    let load = |calls: u32| {
        let left = AtomicU32::new(calls);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while left
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                        .is_ok()
                    {
                        call(&application, &tenant).expect(200);
                    }
                });
            }
        });
    };
    load(400);
    let counted = before + 400;
    // The counter is stored although no more calls arrive.
    wait_until_kept(&tenant, counted);
    assert_eq!(kept(&tenant), counted);
    load(50);
    redis.kill();
    // Signed-in requests are still served, but not counted.
    for _ in 0..3 {
        call(&application, &tenant).expect(200);
    }
    redis.start_again();
    let begin = Instant::now();
    let after = loop {
        let answer = call(&application, &tenant);
        // Another instance may reconnect to Redis later.
        if !answer.header("ratelimit").is_empty() {
            break used_by(&answer);
        }
        assert!(begin.elapsed().as_secs() < 60, "Redis is used again");
    };
    // The units that other instances had not used when Redis was killed may count as used.
    let most = counted + 60 + FORFEITED;
    assert!((counted + 1..=most).contains(&after), "{after}, {counted} were stored");
}

#[test]
fn killed_application_loses_no_counted_call() {
    let tenant = World::get().tenant();
    let redis = Redis::start();
    let first = World::get().application_on(&redis, &[]);
    let before = used(&first, &tenant);
    for _ in 0..30 {
        call(&first, &tenant).expect(200);
    }
    first.kill();
    let second = World::get().application_on(&redis, &[]);
    // The units that the killed instance had not used count as used.
    let after = used(&second, &tenant);
    assert!((before + 31..=before + 31 + FORFEITED).contains(&after), "{after}, {before} before");
    // The killed instance cannot store the counter, so a later call does.
    sleep(Duration::from_secs(4));
    assert_eq!(used(&second, &tenant), after + 1);
    wait_until_kept(&tenant, after + 1);
    assert_eq!(kept(&tenant), after + 1);
}

/// Kills the application before and after each statement of a report. The repetition is counted only once.
#[test]
fn report_repeated_after_crash_counts_once() {
    let world = World::get();
    for (statement, cut) in [
        ("INSERT INTO tenant_usage_reports", Cut::Before),
        ("INSERT INTO tenant_usage_reports", Cut::After),
        ("UPDATE tenant_usage_reports SET usage", Cut::Before),
        ("UPDATE tenant_usage_reports SET usage", Cut::After),
    ] {
        let tenant = world.tenant();
        let key = tenant.api_key(&["usage:write"]);
        let direct = world.services.databases();
        let proxy = Proxy::start(&direct.postgres);
        let databases = Databases { postgres: proxy.address.clone(), ..direct };
        let application = Arc::new(world.another_application(&databases));
        let victim = Arc::clone(&application);
        proxy.watch(Watch { statement, cut, action: Box::new(move || victim.kill()) });
        let body: Value =
            json!({ "resource_type": "ai_requests", "amount": 3, "idempotency_key": unique("k") });
        let report = |address: &str| {
            Call::new(Method::POST, address, "/api/v1/tenant/usage").token(&key).json(&body)
        };
        let answer = report(&application.address).try_send();
        assert!(answer.is_err() && proxy.has_acted(), "{statement} {cut:?}: {answer:?}");
        // Redis may lose its data as well.
        if cut == Cut::After && statement.starts_with("UPDATE") {
            let keys = world.redis(&["KEYS", &world.redis_key(&format!("t:{{{}}}:*", tenant.id))]);
            let keys: Vec<&str> =
                std::iter::once("DEL").chain(keys.iter().map(String::as_str)).collect();
            world.redis(&keys);
        }
        let again = report(world.address()).send().expect(200);
        assert_eq!(again["current_usage"], 3, "{statement} {cut:?}: {again}");
        assert_eq!(report(world.address()).send().expect(200)["current_usage"], 3);
        assert_eq!(tenant.used("ai_requests")["current_usage"], 3, "{statement} {cut:?}");
    }
}
