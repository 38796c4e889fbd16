//! Leases and the wait of a change for their end (docs/decisions/0015-leases.md).

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Application, Busy, Call, Proxy, Redis, TestTenant, World, root, unique};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const INFO: &str = "/api/v1/tenant/info";
/// The validity of a lease in these tests, in milliseconds and as the setting.
const VALIDITY: f64 = 0.3;
const MILLISECONDS: &str = "300";
/// The time after which each instance has read the time of day again.
const READ: Duration = Duration::from_millis(1_200);
/// The time within which all instances have written their counters for `GET /metrics`.
const COUNTED: Duration = Duration::from_secs(3);

fn new_key(tenant: &TestTenant) -> Value {
    tenant.create_api_key(&json!({ "name": "k", "scopes": ["tenant:read"] }))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Revokes an API key on a host.
fn revoke(host: &Application, tenant: &TestTenant, key: &Value) {
    let path = format!("/api/v1/api-keys/{}", text(&key["id"]));
    let call = Call::new(Method::DELETE, &host.address, &path).token(&tenant.admin.access_token);
    let answer = call.send();
    assert_eq!(answer.status, 204, "{}", answer.text);
}

/// Keeps clients busy with an API key while `change` runs, which invalidates it.
fn busy_while(hosts: [&str; 2], key: &Value, change: impl FnOnce()) {
    let refused = (401, "invalid_api_key");
    let credential = text(&key["api_key"]);
    Busy { hosts, path: INFO, credential, refused, may_fail: false }.during(change);
}

/// Returns a metric of a host.
fn metric(host: &Application, series: &str) -> f64 {
    let metrics = Call::new(Method::GET, &host.address, "/metrics").send().text;
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{series} in {metrics}")).parse().unwrap()
}

/// Returns the number of changes that have waited for leases.
fn waits(host: &Application) -> f64 {
    sleep(COUNTED);
    metric(host, "tenancy_lease_wait_seconds_count")
}

// S10
#[test]
fn only_changes_of_busy_tenants_wait() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    let [warm, idle, later, ..] = std::array::from_fn::<_, 3, _>(|_| new_key(&tenant));
    let redis = Redis::start();
    let host = world.application_on(&redis, &[("LEASE_MILLISECONDS", MILLISECONDS)]);
    // The first change cannot know that the Redis process has been serving for longer than a lease is valid.
    revoke(&host, &tenant, &warm);
    let before = waits(&host);
    for key in [&idle, &later] {
        revoke(&host, &tenant, key);
        sleep(Duration::from_secs(1));
    }
    assert_eq!((waits(&host), redis.client().leases(&tenant.id).granted()), (before, 0));
    for _ in 0..3 {
        let key = new_key(&tenant);
        busy_while([&host.address, &host.address], &key, || revoke(&host, &tenant, &key));
    }
    let begin = Instant::now();
    while waits(&host) < before + 3.0 {
        assert!(begin.elapsed().as_secs() < 60, "the changes waited");
    }
    let waited = metric(&host, "tenancy_lease_wait_seconds_sum");
    // A wait starts at the receipt of the reply, so it is hardly shorter than a lease is valid. A busy machine prolongs it.
    let count = waits(&host);
    assert!((count - before - 3.0).abs() < 0.5, "{count}, {before} before");
    assert!((VALIDITY * 2.5..(VALIDITY + 1.0) * count).contains(&waited), "{waited} s");
}

// S10
#[test]
fn changes_without_own_leases_wait_for_other_hosts() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    let keys = [(); 3].map(|()| new_key(&tenant));
    let redis = Redis::start();
    let without = world.application_on(&redis, &[("LEASE_MILLISECONDS", "0")]);
    let leases = || redis.client().leases(&tenant.id).granted();
    let address = without.address.as_str();
    busy_while([address; 2], &keys[0], || revoke(&without, &tenant, &keys[0]));
    assert_eq!(leases(), 0);
    assert!(metric(&without, "tenancy_leases_total{result=\"granted\"}") < 0.5);
    let with = world.application_on(&redis, &[("LEASE_MILLISECONDS", MILLISECONDS)]);
    for key in &keys[1..] {
        let before = leases();
        busy_while([address, &with.address], key, || {
            assert!(leases() > before, "the other host has leases");
            revoke(&without, &tenant, key);
        });
    }
}

// S10
#[test]
fn clock_steps_do_not_lengthen_leases() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    let clock = world.services.folder().join(unique("clock"));
    let step = |seconds: i64| {
        // The host must not read half a file.
        let new = clock.with_extension("new");
        fs::write(&new, format!("{seconds:+}")).unwrap();
        fs::rename(new, &clock).unwrap();
    };
    step(0);
    // Only the time of day is that of the file. The machine of Redis has another clock.
    let library = std::env::var("LIBFAKETIME").expect("LIBFAKETIME names libfaketimeMT.so.1");
    let mut settings = world.settings();
    settings.insert("LEASE_MILLISECONDS", MILLISECONDS.to_owned());
    let stepped = Application::start_with(
        &settings,
        &world.services.folder(),
        &[
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ],
    );
    let host = world.application_with(&[("LEASE_MILLISECONDS", MILLISECONDS)]);
    // The id of a request contains its time (RFC 9562, section 5.7).
    let unix_seconds = || {
        let answer = Call::new(Method::GET, &stepped.address, "/health").send();
        let id: Uuid = answer.header("x-request-id").parse().unwrap();
        i64::try_from(id.get_timestamp().unwrap().to_unix().0).unwrap()
    };
    for seconds in [3_600, -3_600, 0] {
        let before = unix_seconds();
        // At once, and when the instances have read the new time.
        for pause in [Duration::ZERO, READ] {
            let key = new_key(&tenant);
            busy_while([&stepped.address, &host.address], &key, || {
                let leases = world.redis_client().leases(&tenant.id);
                assert!(leases.granted() > 0, "the tenant has leases");
                step(seconds);
                sleep(pause);
                revoke(&host, &tenant, &key);
            });
        }
        assert!((unix_seconds() - before).abs() > 3_000, "the clock of the host was stepped");
    }
}

#[test]
fn no_call_waits_for_the_renewal_of_a_lease() {
    // A renewal begins after 0.56 s, and the lease ends after 0.8 s.
    const DELAY: Duration = Duration::from_millis(150);
    const RENEWALS: u64 = 4;
    let world = World::get();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    let key = tenant.api_key(&["tenant:read"]);
    let direct = world.services.databases().redis;
    let proxy = Proxy::start(&direct);
    let url = world.settings()["REDIS_URL"].replace(&direct, &proxy.address);
    let mut settings = world.settings();
    settings.insert("LEASE_MILLISECONDS", "1000".to_owned());
    settings.insert("REDIS_URL", url);
    settings.insert("ALLOWED_REDIS_HOSTS", format!("redis://{}", proxy.address));
    // A new instance has no lease.
    let arguments = ["--max-instance-reuse-count", "1000000"];
    let folder = world.services.folder();
    let host =
        Application::start_manifest(&root().join("spin.toml"), &settings, &folder, &arguments);
    let call = || {
        let begin = Instant::now();
        Call::new(Method::GET, &host.address, INFO).token(&key).send().expect(200);
        begin.elapsed()
    };
    let granted = || world.redis_client().leases(&tenant.id).granted();
    // The first leases have few calls, until the instance knows its demand.
    let begin = Instant::now();
    while granted() < 4 {
        call();
        assert!(begin.elapsed().as_secs() < 30, "the tenant has no leases");
    }
    proxy.delay(DELAY);
    // Returns the number of slow calls during some renewals.
    let slow_calls = || {
        let (first, begin, mut slow) = (granted(), Instant::now(), 0);
        while granted() < first + RENEWALS {
            slow += u64::from(call() >= DELAY);
            assert!(begin.elapsed().as_secs() < 60, "the lease is not renewed");
        }
        slow
    };
    // A busy machine delays single calls.
    let slow: Vec<_> = (0..6).map(|_| slow_calls()).take_while(|slow| *slow > 0).collect();
    assert!(slow.len() < 6, "calls waited during each series of {RENEWALS} renewals: {slow:?}");
    proxy.delay(Duration::ZERO);
}

// S17, S35
#[test]
fn leases_of_a_tenant_admit_no_other_tenant() {
    let world = World::get();
    let (busy, other) = (world.tenant(), world.tenant());
    busy.allow_many_calls();
    let key = busy.api_key(&["tenant:read"]);
    let second = world.application_with(&[]);
    let hosts = [world.address(), &second.address];
    let user = other.user("user");
    let at = |host: &str, tenant: &TestTenant, token: &str| {
        Call::new(Method::GET, host, INFO).slug(&tenant.slug).token(token).send()
    };
    let used = |tenant: &TestTenant| tenant.used("api_calls")["current_usage"].as_i64().unwrap();
    let before = used(&other);
    let mut calls = 0;
    let refused = (403, "tenant_suspended");
    Busy { hosts, path: INFO, credential: &key, refused, may_fail: false }.during(|| {
        assert!(world.redis_client().leases(&busy.id).granted() > 0, "the tenant has leases");
        for host in hosts.iter().cycle().take(40) {
            at(host, &busy, &user.access_token).expect_problem(403, "tenant_mismatch");
            let own = at(host, &other, &user.access_token);
            assert_eq!(own.expect(200)["id"], json!(other.id));
            calls += 2;
        }
        let path = format!("/admin/tenants/{}", busy.id);
        let suspend = json!({ "status": "suspended" });
        world.admin(Method::PATCH, &path).json(&suspend).send().expect(200);
    });
    // The other tenant may have leases of its own, whose unused units return.
    sleep(Duration::from_secs(1));
    assert_eq!(used(&other), before + calls + 1);
    at(hosts[1], &other, &user.access_token).expect(200);
}
