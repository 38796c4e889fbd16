//! Limits and usage are exact although instances prepay calls with leases (docs/decisions/0015-leases.md).

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use e2e::{Answer, Call, Connections, Redis, TestTenant, World};
use http::Method;
use platform::{Clock as _, native::NativeClock};
use serde_json::json;
use tenancy::admission::{Metering, protocol::ADMIT};

const CLIENTS: usize = 16;
/// The calls that are left at the start of a race. At the start, a lease gets 1/64 of them.
const LEFT: i64 = 1_500;
/// The time for which clients continue after the first refusal, far above two validities of a lease.
const CONTINUED: Duration = Duration::from_secs(1);
/// The time within which instances return unused calls, with a margin for a busy machine.
const RETURNED: Duration = Duration::from_secs(30);
/// The seconds that a minute must have left at the start of a race.
const RACE_SECONDS: i64 = 45;

fn info(host: &str, credential: &str) -> Call {
    Call::new(Method::GET, host, "/api/v1/tenant/info").token(credential)
}

/// Returns the remaining calls of a limit and the seconds until its window ends (header `RateLimit`).
fn remaining(answer: &Answer, limit: &str) -> (i64, i64) {
    let header = answer.header("ratelimit");
    let item = header.split(", ").find_map(|item| item.strip_prefix(&format!("\"{limit}\";r=")));
    let (left, seconds) = item.and_then(|item| item.split_once(";t=")).unwrap_or_else(|| {
        panic!("{limit} in {header}: {}", answer.text);
    });
    (left.parse().unwrap(), seconds.parse().unwrap())
}

/// Sends calls from 16 clients on two hosts until a limit is reached, and a second longer. Returns the number of admitted
/// calls, which must not exceed `limit`.
fn race(hosts: [&str; 2], credential: &str, limit: i64) -> i64 {
    let (admitted, refused) = (AtomicI64::new(0), OnceLock::new());
    scope(|scope| {
        for client in 0..CLIENTS {
            let (admitted, refused) = (&admitted, &refused);
            scope.spawn(move || {
                let connection = Connections::default();
                loop {
                    let answer = info(hosts[client % 2], credential).over(&connection).send();
                    if answer.status == 200 {
                        let count = admitted.fetch_add(1, Ordering::SeqCst) + 1;
                        assert!(count <= limit, "{count} calls are admitted");
                    } else {
                        assert_eq!(answer.status, 429, "{}", answer.text);
                        refused.get_or_init(Instant::now);
                    }
                    let is_complete = admitted.load(Ordering::SeqCst) == limit;
                    let patience = if is_complete { CONTINUED } else { RETURNED };
                    if refused.get().is_some_and(|refused| refused.elapsed() > patience) {
                        break;
                    }
                }
            });
        }
    });
    admitted.into_inner()
}

/// Asks for a lease without units, like an instance, and returns the end of its window in milliseconds after midnight.
const WINDOW_END: &str = "
    ARGV[4] = struct.pack('>c16i8i8i8i8i8i8', string.sub(KEYS[1], 1, 16), 0, 0, 0, 100, 0, 7)
    local numbers = ask()[3]
    local left = struct.unpack('>i8', numbers, #numbers - 7)
    local time = redis.call('TIME')
    return (time[1] * 1000 + math.floor(time[2] / 1000) + left) % 86400000";

// S35
#[test]
fn lease_ends_with_the_day() {
    let world = World::get();
    let tenant = world.tenant();
    info(world.address(), &tenant.api_key(&["tenant:read"])).send().expect(200);
    let redis = world.redis_client();
    let record = redis.key(&format!("t:{{{}}}:tenant", tenant.id));
    let key = redis.run(&["KEYS", &redis.key(&format!("t:{{{}}}:api_key:*", tenant.id))]);
    let script = format!("local function ask()\n{}\nend\n{WINDOW_END}", ADMIT.source());
    let metering = (Metering::None as i64).to_string();
    for _ in 0..3 {
        let end = redis.run(&["EVAL", &script, "2", &record, &key[0], "0", "0", &metering]);
        let end: i64 = end[0].parse().unwrap_or_else(|_| panic!("{end:?}"));
        // The script takes this time at most.
        assert!(end < 50, "the units of a day are used until {end} ms after midnight");
        sleep(Duration::from_millis(130));
    }
}

#[track_caller]
fn assert_leases(tenant: &TestTenant) {
    let leases = World::get().redis_client().leases(&tenant.id);
    assert!(leases.granted() > 0, "{leases:?}");
}

// S35
#[test]
fn tenant_limits_are_exact_with_leases() {
    let world = World::get();
    let other = world.application_with(&[]);
    let hosts = [world.address(), &other.address];
    for (limit, setting) in [("day", "api_calls"), ("minute", "requests_per_minute")] {
        let tenant = world.tenant();
        let key = tenant.api_key(&["tenant:read"]);
        let mut answer = info(hosts[0], &key).send();
        let (_, seconds) = remaining(&answer, limit);
        if seconds < RACE_SECONDS {
            sleep(Duration::from_secs(seconds.unsigned_abs() + 1));
            answer = info(hosts[0], &key).send();
        }
        let (left, _) = remaining(&answer, limit);
        let policy = answer.header("ratelimit-policy");
        let most = policy.split(", ").find_map(|item| {
            item.strip_prefix(&format!("\"{limit}\";q="))?.split(';').next()?.parse::<i64>().ok()
        });
        tenant.limit(&json!({ setting: most.unwrap() - left + LEFT }));
        assert_eq!(race(hosts, &key, LEFT), LEFT, "{limit}");
        assert_leases(&tenant);
    }
}

// S35
#[test]
fn api_key_limits_are_exact_with_leases() {
    let world = World::get();
    let other = world.application_with(&[]);
    let hosts = [world.address(), &other.address];
    let tenant = world.tenant();
    for limit in ["max_requests_per_minute", "max_requests_per_day"] {
        let new = json!({ "name": "k", "scopes": ["tenant:read"], limit: LEFT });
        let key = tenant.create_api_key(&new);
        assert_eq!(race(hosts, key["api_key"].as_str().unwrap(), LEFT), LEFT, "{limit}");
    }
    assert_leases(&tenant);
}

// S35
#[test]
fn usage_is_exact_after_leases() {
    const CALLS: i64 = 2_000;
    let world = World::get();
    let tenant = world.tenant();
    let other = world.application_with(&[]);
    let hosts = [world.address(), &other.address];
    let new = json!({ "name": "k", "scopes": ["tenant:read"], "max_requests_per_day": 20_000 });
    let key = tenant.create_api_key(&new)["api_key"].as_str().unwrap().to_owned();
    let used = || tenant.used("api_calls")["current_usage"].as_i64().unwrap();
    let before = used();
    let left = AtomicI64::new(CALLS);
    scope(|scope| {
        for client in 0..CLIENTS {
            let (left, key) = (&left, &key);
            scope.spawn(move || {
                let connection = Connections::default();
                while left.fetch_sub(1, Ordering::SeqCst) > 0 {
                    info(hosts[client % 2], key).over(&connection).send().expect(200);
                }
            });
        }
    });
    assert_leases(&tenant);
    let begin = Instant::now();
    // Each request for the usage is a call, too.
    let mut expected = before + CALLS + 1;
    loop {
        let now = used();
        if now == expected {
            break;
        }
        assert!(now > expected && begin.elapsed() < RETURNED, "{now}, not {expected}");
        expected += 1;
        sleep(Duration::from_millis(200));
    }
    let answer = info(hosts[1], &key).send();
    expected += 1;
    assert_eq!(remaining(&answer, "day").0, 50_000 - expected);
    assert_eq!(remaining(&answer, "key-day").0, 20_000 - CALLS - 1);
    let leases = world.redis_client().leases(&tenant.id);
    assert!(leases.unreported().is_empty() && leases.ended() == leases.granted(), "{leases:?}");
    wait_until_stored(&tenant, expected);
}

/// A limit that is set while units are prepaid without it gets none of them back.
// S35
#[test]
fn units_return_only_to_limits_that_they_came_from() {
    const LIMIT: i64 = 20;
    let world = World::get();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    let redis = Redis::start();
    // The lease is valid when the limit takes effect.
    let [holder, other] =
        [(); 2].map(|()| world.application_on(&redis, &[("LEASE_MILLISECONDS", "1000")]));
    let key = tenant.create_api_key(&json!({ "name": "k", "scopes": ["tenant:read"] }));
    let (id, text) = (key["id"].as_str().unwrap(), key["api_key"].as_str().unwrap());
    let client = redis.client();
    while client.leases(&tenant.id).unreported().iter().sum::<u64>() == 0 {
        info(&holder.address, text).send().expect(200);
    }
    let counted = scope(|scope| {
        let change = scope.spawn(|| {
            let path = format!("/api/v1/api-keys/{id}");
            let call = Call::new(Method::PATCH, &other.address, &path);
            let call = call.token(&tenant.admin.access_token);
            call.json(&json!({ "max_requests_per_day": LIMIT })).send().expect(200);
        });
        let mut calls = 0;
        while calls == 0 {
            assert!(!change.is_finished(), "the change waits for the lease");
            let answer = info(&other.address, text).send();
            answer.expect(200);
            calls = i64::from(answer.header("ratelimit").contains("key-day"));
        }
        calls
    });
    sleep(Duration::from_secs(1));
    let leases = client.leases(&tenant.id);
    assert!(leases.unreported().is_empty(), "the lease is reported: {leases:?}");
    let day = NativeClock.now().timestamp() / 86_400;
    let counter = client.key(&format!("t:{{{}}}:calls:{id}:day:{day}", tenant.id));
    assert_eq!(client.run(&["GET", &counter]), [counted.to_string()]);
    for _ in counted..LIMIT {
        info(&other.address, text).send().expect(200);
    }
    info(&other.address, text).send().expect_problem(429, "rate_limited");
}

/// Waits until PostgreSQL has stored exactly this number of calls of a tenant.
#[track_caller]
fn wait_until_stored(tenant: &TestTenant, calls: i64) {
    let statement = "SELECT COALESCE(max(amount), 0) FROM tenant_usage
                     WHERE tenant_id = $1::text::uuid AND resource = 'api_calls'";
    let mut superuser = World::get().services.superuser("tenancy");
    let begin = Instant::now();
    loop {
        let stored: i64 = superuser.query_one(statement, &[&tenant.id]).unwrap().get(0);
        if stored == calls {
            return;
        }
        assert!(begin.elapsed().as_secs() < 60, "{stored} of {calls} calls are stored");
        sleep(Duration::from_millis(100));
    }
}
