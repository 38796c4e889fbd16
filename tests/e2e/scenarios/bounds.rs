//! Limits on the work that anonymous clients or a single tenant can cause.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Instant,
};

use e2e::{Answer, Application, Call, TestTenant, World};
use http::Method;
use platform::native::NativeRandom;
use serde_json::json;
use tenancy::{
    api_key::{ApiKey, Environment},
    operator_key::OperatorKey,
};

/// Returns a call from a client address, sent through a trusted proxy.
fn from(application: &Application, method: Method, path: &str, address: &str) -> Call {
    Call::new(method, &application.address, path).header("x-forwarded-for", address)
}

/// Starts an application behind a proxy, with these settings changed.
fn behind_proxy(changed: &[(&'static str, &str)]) -> Application {
    let changed: Vec<_> =
        changed.iter().copied().chain([("TRUSTED_PROXIES", "127.0.0.1")]).collect();
    World::get().application_with(&changed)
}

/// Sends calls concurrently, and returns the responses.
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
fn sign_ins_use_their_tenants_share() {
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
fn unknown_keys_are_throttled_by_network() {
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
fn public_routes_are_throttled_by_network() {
    let application = behind_proxy(&[("ANONYMOUS_REQUESTS_PER_MINUTE", "60")]);
    let routes = [
        (Method::GET, "/"),
        (Method::GET, "/docs"),
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
        let answers = flood(100, |_| call(number + 1));
        assert!(refused(&answers) >= 20, "{path}: {}", refused(&answers));
        assert_ne!(call(number + 101).send().status, 429, "{path}");
    }
}

// S35
#[test]
fn unknown_operator_keys_are_network_throttled() {
    let application = behind_proxy(&[]);
    let known = World::get().operator_key(&["plans:read"]);
    let plans = |address: &str, key: &str| {
        from(&application, Method::GET, "/admin/plans", address).token(key)
    };
    plans("203.0.113.21", &known.text).send().expect(200);
    let answers =
        flood(600, |_| plans("203.0.113.21", OperatorKey::generate(&NativeRandom).expose()));
    assert!(refused(&answers) >= 100, "{}", refused(&answers));
    for answer in answers.iter().filter(|answer| answer.status != 429) {
        answer.expect_problem(401, "invalid_operator_key");
    }
    // Other networks are not throttled.
    plans("203.0.113.22", &known.text).send().expect(200);
    let unknown = OperatorKey::generate(&NativeRandom);
    for _ in 0..2 {
        let answer = plans("203.0.113.22", unknown.expose()).send();
        answer.expect_problem(401, "invalid_operator_key");
    }
}

#[test]
fn metrics_require_configured_token() {
    let token = "the token of Prometheus in a test".replace(' ', "-");
    let application = behind_proxy(&[("METRICS_TOKEN", &token)]);
    let metrics = || from(&application, Method::GET, "/metrics", "198.51.100.200");
    metrics().send().expect_problem(401, "authentication_required");
    metrics().token("another").send().expect_problem(401, "invalid_token");
    let answer = metrics().token(&token).send();
    assert!(answer.status == 200 && answer.text.contains("tenancy_store_up"), "{}", answer.text);
}

#[test]
fn unmetered_routes_have_generous_limit() {
    let tenant = World::get().tenant();
    tenant.limit(&json!({ "requests_per_minute": 1 }));
    let token = &tenant.admin.access_token;
    let path = "/api/v1/auth/sessions/0197f3a0-0000-7000-8000-000000000001";
    let begin = Instant::now();
    let answers = flood(200, |_| tenant.delete(path).token(token));
    let passed = answers.iter().filter(|answer| answer.status == 404).count();
    // The bucket refills with two requests per second.
    let most = 121 + usize::try_from(2 * begin.elapsed().as_secs()).unwrap() + 2;
    assert!((120..=most).contains(&passed), "{passed} of at most {most}");
    assert_eq!(refused(&answers) + passed, 200);
    // Requests that count against a quota do not use the bucket.
    let key = tenant.get("/api/v1/profile").token(token).send();
    assert!([200, 429].contains(&key.status), "{}", key.text);
}

/// Simulates an instance that was killed two hours ago while it removed the file at a path.
fn interrupt_removal(tenant: &TestTenant, path: &str) {
    let statement =
        "UPDATE files SET status = 'deleting', held = size, updated_at = now() - interval '2 hours'
                     WHERE path = $1";
    let mut database = World::get().services.superuser(&tenant.database());
    assert_eq!(database.execute(statement, &[&path]).unwrap(), 1);
}

/// Calls the maintenance endpoint until it has processed all tenants.
fn maintain() {
    let mut path = "/admin/maintenance".to_owned();
    loop {
        let report = World::get().admin(Method::POST, &path).send().expect(200);
        assert!(report["removed_files"].is_u64(), "{report}");
        match report["next_cursor"].as_str() {
            Some(cursor) => path = format!("/admin/maintenance?after={cursor}"),
            None => return,
        }
    }
}

#[test]
fn maintenance_finishes_and_refunds_interrupted_removals() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    for path in ["gone", "stays"] {
        tenant
            .put(&format!("/api/v1/files/{path}"), vec![1; 1_000])
            .token(token)
            .send()
            .expect(201);
    }
    interrupt_removal(&tenant, "gone");
    // The bytes are part of the usage until the chunks are removed.
    tenant.wait_until_stored(2_000);
    let mut database = world.services.superuser(&tenant.database());
    let stale = "INSERT INTO files (id, path, size, chunk_count, content_type, etag, status, reserved, updated_at)
                 VALUES (gen_random_uuid(), 'x', 0, 0, 'a/b', 'x', 'uploading', 5000, now() - interval '1 hour')";
    database.batch_execute(stale).unwrap();
    database.batch_execute("UPDATE storage_usage SET used = used + 5000").unwrap();
    // A maintenance of another test may have removed them.
    maintain();
    tenant.wait_until_stored(1_000);
    assert_eq!(world.stored_chunks(&tenant.id).len(), 1);
    let rows: i64 = database.query_one("SELECT count(*) FROM files", &[]).unwrap().get(0);
    assert_eq!(rows, 1);
}

#[test]
fn file_in_removal_is_claimed_once() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    tenant.put("/api/v1/files/claimed", "x").token(token).send().expect(201);
    let mut database = world.services.superuser(&tenant.database());
    // An instance has renewed its claim, so neither an upload nor the maintenance removes the file. A test beside this
    // one may call the maintenance at any time. The claim lasts longer than the maintenance of all tenants may take.
    let claim =
        "UPDATE files SET status = 'deleting', held = size, updated_at = now() + interval '1 hour'
                 WHERE path = 'claimed'";
    database.batch_execute(claim).unwrap();
    tenant.put("/api/v1/files/other", "x").token(token).send().expect(201);
    maintain();
    let left = "SELECT count(*) FROM files WHERE path = 'claimed'";
    assert_eq!(database.query_one(left, &[]).unwrap().get::<_, i64>(0), 1);
}

#[test]
fn deleted_file_is_refunded_after_removal() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    tenant.put("/api/v1/files/f", vec![1; 5_000]).token(token).send().expect(201);
    tenant.put("/api/v1/files/f", vec![2; 3_000]).token(token).send().expect(200);
    tenant.wait_until_stored(3_000);
    tenant.delete("/api/v1/files/f").token(token).send();
    tenant.wait_until_stored(0);
}

// S36
#[test]
fn stalled_exports_do_not_delay_others() {
    use std::{io::Write as _, net::TcpStream};
    let world = World::get();
    let (slow, other) = (world.tenant(), world.tenant());
    // Clients that do not read their responses.
    let _stalled: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(world.address()).unwrap();
            let token = &slow.admin.access_token;
            let head = format!(
                "GET /api/v1/tenant/audit/export HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let begin = Instant::now();
    let export = other.get("/api/v1/tenant/audit/export").token(&other.admin.access_token).send();
    assert_eq!(export.status, 200);
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}

#[test]
fn short_trail_is_verified_without_checkpoint() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let verify = |query: &str| {
        tenant.get(&format!("/api/v1/tenant/audit/verify{query}")).token(token).send().expect(200)
    };
    let short = verify("");
    assert_eq!((&short["valid"], &short["complete"]), (&json!(true), &json!(true)));
    assert!(short["checkpoint"].is_null(), "{short}");
    assert_eq!(verify("?full=true")["valid"], json!(true));
    // A forged checkpoint is ignored.
    let forged = "INSERT INTO tenant_audit_checkpoints (chain, sequence, mac, seal)
                  VALUES ($1::text::uuid, 20000, sha256('a'), sha256('b'))";
    World::get().services.superuser("tenancy").execute(forged, &[&tenant.id]).unwrap();
    assert!(verify("")["checkpoint"].is_null());
}
