//! Bounds on what a stranger, or one tenant, can trigger.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use e2e::{Answer, Application, Call, TestTenant, World};
use http::Method;
use serde_json::json;
use tenancy::{
    api_key::{ApiKey, Environment},
    platform::native::NativeRandom,
};

/// A call through a proxy that the application trusts, from a client at an address.
fn from(application: &Application, method: Method, path: &str, address: &str) -> Call {
    Call::new(method, &application.address, path).header("x-forwarded-for", address)
}

/// An application behind a proxy, with these settings changed.
fn behind_proxy(changed: &[(&'static str, &str)]) -> Application {
    let changed: Vec<_> =
        changed.iter().copied().chain([("TRUSTED_PROXIES", "127.0.0.1")]).collect();
    World::get().application_with(&changed)
}

/// The responses to as many calls, several at the same time.
fn flood(count: u32, call: impl Fn(u32) -> Call + Sync) -> Vec<Answer> {
    let next = AtomicU32::new(0);
    thread::scope(|scope| {
        let sender = || {
            let mut answers = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return answers;
                }
                answers.push(call(number).send());
            }
        };
        let senders: Vec<_> = (0..16).map(|_| scope.spawn(sender)).collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    })
}

fn refused(answers: &[Answer]) -> usize {
    let refused = answers.iter().filter(|answer| answer.status == 429);
    refused
        .map(|answer| {
            answer.expect_problem(429, "rate_limited");
            assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
        })
        .count()
}

fn invented_key(tenant: &TestTenant) -> String {
    let environment = Environment::live();
    ApiKey::generate(tenant.id.parse().unwrap(), environment, &NativeRandom).expose().to_owned()
}

// S21, S36
#[test]
fn successful_sign_ins_of_one_tenant_come_out_of_its_own_share() {
    let world = World::get();
    let (greedy, other) = (world.tenant(), world.tenant());
    greedy.limit(&json!({ "requests_per_minute": 60 }));
    let body = json!({ "email": greedy.admin.email, "password": greedy.admin.password });
    let answers = thread::scope(|scope| {
        let senders: Vec<_> = (0..50)
            .map(|_| scope.spawn(|| greedy.post("/api/v1/auth/login", &body).send()))
            .collect();
        other.login(&other.admin.email, &other.admin.password).expect(200);
        senders.into_iter().map(|sender| sender.join().unwrap()).collect::<Vec<_>>()
    });
    let limited = answers
        .iter()
        .filter(|answer| answer.status == 429 && answer.json()["code"] == "rate_limited");
    assert!(limited.count() >= 10, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
}

// S35
#[test]
fn invented_api_keys_of_one_network_are_refused_without_a_lookup() {
    let tenant = World::get().tenant();
    let application = behind_proxy(&[]);
    let key = tenant.api_key(&["tenant:read"]);
    let info = |key: &str, address: &str| {
        from(&application, Method::GET, "/api/v1/tenant/info", address).token(key)
    };
    info(&key, "203.0.113.7").send().expect(200);
    let answers = flood(400, |_| info(&invented_key(&tenant), "203.0.113.7"));
    assert!(refused(&answers) > 20, "{}", refused(&answers));
    assert!(answers.iter().all(|answer| [401, 429].contains(&answer.status)));
    info(&invented_key(&tenant), "203.0.113.8").send().expect(401);
    info(&key, "203.0.113.8").send().expect(200);
}

#[test]
fn unknown_slugs_of_one_network_are_refused_without_a_lookup() {
    let application = behind_proxy(&[]);
    let body = json!({ "email": "a@b.example", "password": "a password" });
    let login = |slug: &str, address: &str| {
        let call = from(&application, Method::POST, "/api/v1/auth/login", address);
        call.slug(slug).json(&body)
    };
    // Each from another address of one IPv6 network.
    let answers = flood(400, |number| {
        login(&format!("unknown-{number}"), &format!("2001:db8:0:7::{number:x}"))
    });
    assert!(refused(&answers) > 20, "{}", refused(&answers));
    assert_ne!(login("unknown", "2001:db8:0:8::1").send().status, 429);
}

#[test]
fn every_public_route_has_a_bucket_for_each_network() {
    let application = behind_proxy(&[("ANONYMOUS_REQUESTS_PER_MINUTE", "60")]);
    let routes = [
        (Method::GET, "/"),
        (Method::GET, "/docs"),
        (Method::GET, "/health"),
        (Method::GET, "/health/detailed"),
        (Method::GET, "/metrics"),
        (Method::GET, "/openapi.json"),
        (Method::GET, "/.well-known/jwks.json"),
        (Method::POST, "/api/v1/auth/login"),
        (Method::POST, "/api/v1/auth/setup"),
        (Method::POST, "/api/v1/auth/refresh"),
    ];
    for (number, (method, path)) in routes.iter().enumerate() {
        let call = |network: usize| {
            let call = from(&application, method.clone(), path, &format!("198.51.100.{network}"));
            if *method == Method::POST { call.json(&json!({})) } else { call }
        };
        // Instances share a bucket of routes that use a store, and each has one of the others.
        let answers = flood(300, |_| call(number + 1));
        assert!(refused(&answers) > 50, "{path}: {}", refused(&answers));
        assert_ne!(call(number + 101).send().status, 429, "{path}");
    }
}

#[test]
fn metrics_require_the_token_of_the_settings() {
    let token = "for tests only: what Prometheus shows".replace(' ', "-");
    let application = behind_proxy(&[("METRICS_TOKEN", &token)]);
    let metrics = || from(&application, Method::GET, "/metrics", "198.51.100.200");
    metrics().send().expect_problem(401, "authentication_required");
    metrics().token("another").send().expect_problem(401, "invalid_token");
    let answer = metrics().token(&token).send();
    assert!(answer.status == 200 && answer.text.contains("tenancy_store_up"), "{}", answer.text);
}

#[test]
fn unmetered_routes_have_a_generous_bucket() {
    let tenant = World::get().tenant();
    tenant.limit(&json!({ "requests_per_minute": 1 }));
    let token = &tenant.admin.access_token;
    let path = "/api/v1/auth/sessions/0197f3a0-0000-7000-8000-000000000001";
    let answers = flood(200, |_| tenant.delete(path).token(token));
    let passed = answers.iter().filter(|answer| answer.status == 404).count();
    assert!((120..150).contains(&passed), "{passed}");
    assert_eq!(refused(&answers) + passed, 200);
    // What a quota limits stays limited by it only.
    let key = tenant.get("/api/v1/profile").token(token).send();
    assert!([200, 429].contains(&key.status), "{}", key.text);
}
