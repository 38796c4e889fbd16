//! `/api/v1/api-keys`

use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::{Answer, TestTenant, World, unique};
use http::Method;
use serde_json::{Value, json};

const KEYS: &str = "/api/v1/api-keys";

fn create(tenant: &TestTenant, body: &Value) -> Answer {
    tenant.post(KEYS, body).token(&tenant.admin.access_token).send()
}

fn rotate(tenant: &TestTenant, id: &Value, body: &Value) -> Answer {
    let path = format!("{KEYS}/{}/rotate", id.as_str().unwrap());
    tenant.post(&path, body).token(&tenant.admin.access_token).send()
}

fn of(tenant: &TestTenant, method: Method, id: &Value) -> e2e::Call {
    let path = format!("{KEYS}/{}", id.as_str().unwrap());
    World::get().call(method, &path).token(&tenant.admin.access_token)
}

/// Sends a call with the key in `X-API-Key`.
fn info(key: &Value) -> Answer {
    let call = World::get().get_path("/api/v1/tenant/info");
    call.header("x-api-key", key.as_str().unwrap()).send()
}

// S15
#[test]
fn key_is_shown_once_and_hashed() {
    let world = World::get();
    let tenant = world.tenant();
    let body = json!({
        "name": " Research ", "scopes": ["tenant:read", "users:read", "tenant:read"],
        "environment": "test", "max_requests_per_minute": 100, "max_requests_per_day": 1000,
    });
    let answer = create(&tenant, &body);
    let created = answer.expect(201);
    let key = created["api_key"].as_str().unwrap();
    let parts: Vec<_> = key.split('_').collect();
    assert_eq!((parts.len(), parts[0], parts[1], parts[3].len()), (4, "ldx", "test", 6), "{key}");
    // 43 characters from an alphabet of 62 are 256 bits.
    assert!(parts[2].len() >= 43 && parts[2].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(created["name"], "Research");
    assert_eq!(created["scopes"], json!(["tenant:read", "users:read"]));
    assert_eq!(created["max_requests_per_minute"], 100);
    assert!(key.starts_with(created["prefix"].as_str().unwrap()));
    assert_eq!(answer.header("location"), format!("{KEYS}/{}", created["id"].as_str().unwrap()));
    let shown = of(&tenant, Method::GET, &created["id"]).send();
    assert!(!shown.text.contains(key), "{}", shown.text);
    assert_eq!(shown.expect(200)["name"], "Research");
    let list = tenant.get(KEYS).token(&tenant.admin.access_token).send();
    assert!(!list.text.contains(key) && !list.text.contains("hash"), "{}", list.text);
    // The list includes the first key of the tenant.
    assert_eq!(list.expect(200)["total"], 2);
    let mut catalog = world.services.superuser("tenancy");
    let row = "SELECT tenant_api_keys::text FROM tenant_api_keys WHERE id = $1::text::uuid";
    let row: String = catalog.query_one(row, &[&created["id"].as_str().unwrap()]).unwrap().get(0);
    assert!(!row.contains(parts[2]), "{row}");
    info(&created["api_key"]).expect(200);
    let events = tenant.wait_until_audited("api_key.created", 1);
    assert_eq!(events[0]["resource_id"], created["id"]);
    // S37
    assert!(!events[0].to_string().contains(parts[2]), "{events:?}");
}

// S15
#[test]
fn unknown_key_returns_401() {
    let world = World::get();
    let tenant = world.tenant();
    let key = tenant.api_key(&["tenant:read"]);
    let mut typo = key.clone();
    typo.replace_range(12..13, if &key[12..13] == "a" { "b" } else { "a" });
    // Well-formed keys with an unknown secret, including a key for an existing tenant.
    let id = tenant.id.parse().unwrap();
    let live = tenancy::api_key::Environment::live();
    let random = platform::native::NativeRandom;
    let unknown = tenancy::api_key::ApiKey::generate(id, live.clone(), &random);
    let elsewhere = tenancy::api_key::ApiKey::generate(uuid::Uuid::from_u128(1), live, &random);
    for wrong in [
        typo.as_str(),
        "ldx_",
        "ldx_live_x_y",
        &key[..key.len() - 1],
        unknown.expose(),
        elsewhere.expose(),
    ] {
        for call in [
            world.get_path("/api/v1/tenant/info").header("x-api-key", wrong),
            world.get_path("/api/v1/tenant/info").token(wrong),
        ] {
            let answer = call.send();
            answer.expect_problem(401, "invalid_api_key");
            // S6
            let challenge = r#"Bearer realm="tenancy", error="invalid_token""#;
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
    }
    let plain = world.get_path("/api/v1/tenant/info").header("x-api-key", "plain").send();
    plain.expect_problem(401, "invalid_api_key");
    // S4
    let token = &tenant.admin.access_token;
    let token = world.get_path("/api/v1/tenant/info").header("x-api-key", token).send();
    token.expect_problem(401, "invalid_api_key");
    // S7
    let query = world.get_path(&format!("/api/v1/tenant/info?api_key={key}")).send();
    query.expect_problem(401, "authentication_required");
}

// S16
#[test]
fn revoked_key_is_rejected_immediately() {
    let tenant = World::get().tenant();
    let key = tenant.create_api_key(&json!({ "name": "a", "scopes": ["tenant:read"] }));
    for _ in 0..3 {
        info(&key["api_key"]).expect(200);
    }
    assert_eq!(of(&tenant, Method::DELETE, &key["id"]).send().status, 204);
    info(&key["api_key"]).expect_problem(401, "invalid_api_key");
    for method in [Method::GET, Method::DELETE] {
        of(&tenant, method, &key["id"]).send().expect_problem(404, "api_key_not_found");
    }
    tenant.wait_until_audited("api_key.revoked", 1);
}

// S16
#[test]
fn expired_key_is_rejected() {
    let tenant = World::get().tenant();
    let soon = "SELECT to_char((now() AT TIME ZONE 'UTC') + interval '2 seconds',
                               'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
    let mut catalog = World::get().services.superuser("tenancy");
    let soon: String = catalog.query_one(soon, &[]).unwrap().get(0);
    let body = json!({ "name": "a", "scopes": ["tenant:read"], "expires_at": soon });
    let key = create(&tenant, &body).expect(201);
    info(&key["api_key"]).expect(200);
    sleep(Duration::from_millis(2_100));
    info(&key["api_key"]).expect_problem(401, "invalid_api_key");
    let past = json!({ "name": "a", "scopes": [], "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(create(&tenant, &past).expect_invalid(), ["expires_at"]);
}

// S16
#[test]
fn rotated_key_stays_valid_during_overlap() {
    let tenant = World::get().tenant();
    let first = tenant.create_api_key(&json!({ "name": "a", "scopes": ["tenant:read"] }));
    info(&first["api_key"]).expect(200);
    let second = rotate(&tenant, &first["id"], &json!({ "overlap_seconds": 2 })).expect(200);
    assert_eq!((&second["id"], &second["name"]), (&first["id"], &first["name"]));
    assert_ne!(second["api_key"], first["api_key"]);
    info(&first["api_key"]).expect(200);
    info(&second["api_key"]).expect(200);
    sleep(Duration::from_millis(2_100));
    info(&first["api_key"]).expect_problem(401, "invalid_api_key");
    info(&second["api_key"]).expect(200);
    // Without an overlap, the previous secret and older secrets become invalid immediately.
    let third = rotate(&tenant, &first["id"], &json!({ "overlap_seconds": 600 })).expect(200);
    let path = format!("{KEYS}/{}/rotate", first["id"].as_str().unwrap());
    let fourth = World::get().call(Method::POST, &path).token(&tenant.admin.access_token).send();
    let fourth = fourth.expect(200);
    for ended in [&second, &third] {
        info(&ended["api_key"]).expect_problem(401, "invalid_api_key");
    }
    info(&fourth["api_key"]).expect(200);
    // A revocation invalidates all secrets.
    let fifth = rotate(&tenant, &first["id"], &json!({ "overlap_seconds": 600 })).expect(200);
    assert_eq!(of(&tenant, Method::DELETE, &first["id"]).send().status, 204);
    for ended in [&fourth, &fifth] {
        info(&ended["api_key"]).expect_problem(401, "invalid_api_key");
    }
    let wrong = rotate(&tenant, &first["id"], &json!({ "overlap_seconds": 2_592_001 }));
    assert_eq!(wrong.expect_invalid(), ["overlap_seconds"]);
    tenant.wait_until_audited("api_key.rotated", 4);
}

// S35
#[test]
fn call_limit_is_enforced_exactly() {
    let tenant = World::get().tenant();
    for limit in ["max_requests_per_minute", "max_requests_per_day"] {
        let key = create(&tenant, &json!({ "name": "a", "scopes": ["tenant:read"], limit: 10 }));
        let key = key.expect(201);
        let statuses: Vec<_> = std::thread::scope(|scope| {
            let calls: Vec<_> =
                (0..16).map(|_| scope.spawn(|| info(&key["api_key"]).status)).collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 6, "{statuses:?}");
        let refused = info(&key["api_key"]);
        refused.expect_problem(429, "rate_limited");
        let wait: u32 = refused.header("retry-after").parse().unwrap();
        let longest = if limit.ends_with("minute") { 60 } else { 86_400 };
        assert!((1..=longest).contains(&wait), "{wait}");
        // A new secret of the same key shares its limit.
        let rotated = rotate(&tenant, &key["id"], &json!({})).expect(200);
        info(&rotated["api_key"]).expect_problem(429, "rate_limited");
        // Raising or removing a limit takes effect immediately.
        let raised = of(&tenant, Method::PATCH, &key["id"]).json(&json!({ limit: 11 })).send();
        assert_eq!(raised.expect(200)[limit], 11);
        info(&rotated["api_key"]).expect(200);
        info(&rotated["api_key"]).expect_problem(429, "rate_limited");
        let none = of(&tenant, Method::PATCH, &key["id"]).json(&json!({ limit: null })).send();
        assert_eq!(none.expect(200)[limit], Value::Null);
        info(&rotated["api_key"]).expect(200);
    }
    // S21: other keys are not limited.
    info(&json!(tenant.api_key(&["tenant:read"]))).expect(200);
}

#[test]
fn last_use_is_recorded() {
    let tenant = World::get().tenant();
    let key = tenant.create_api_key(&json!({ "name": "a", "scopes": ["tenant:read"] }));
    assert_eq!(key["last_used_at"], Value::Null);
    info(&key["api_key"]).expect(200);
    let begin = Instant::now();
    let shown = of(&tenant, Method::GET, &key["id"]).send().expect(200);
    assert!(shown["last_used_at"].is_string(), "{shown} {:?}", begin.elapsed());
}

// S16
#[test]
fn granting_unheld_scope_is_rejected() {
    let tenant = World::get().tenant();
    let all: Vec<_> = tenancy::access::Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let strong = tenant.create_api_key(&json!({ "name": "strong", "scopes": all }));
    let weak = tenant.api_key(&["api_keys:write", "tenant:read"]);
    let call = |body: &Value| tenant.post(KEYS, body).token(&weak).send();
    call(&json!({ "name": "a", "scopes": ["tenant:read"] })).expect(201);
    let more = json!({ "name": "a", "scopes": ["tenant:read", "users:write"] });
    call(&more).expect_problem(403, "scope_not_held");
    let path = format!("{KEYS}/{}/rotate", strong["id"].as_str().unwrap());
    let stolen = tenant.post(&path, &json!({})).token(&weak).send();
    stolen.expect_problem(403, "scope_not_held");
    info(&strong["api_key"]).expect(200);
}

// S18
#[test]
fn foreign_key_returns_404() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let key = other.create_api_key(&json!({ "name": unique("key"), "scopes": ["tenant:read"] }));
    for method in [Method::GET, Method::DELETE] {
        of(&tenant, method, &key["id"]).send().expect_problem(404, "api_key_not_found");
    }
    let patch = of(&tenant, Method::PATCH, &key["id"]).json(&json!({ "name": "x" })).send();
    patch.expect_problem(404, "api_key_not_found");
    rotate(&tenant, &key["id"], &json!({})).expect_problem(404, "api_key_not_found");
    info(&key["api_key"]).expect(200);
}

#[test]
fn invalid_fields_are_reported() {
    let tenant = World::get().tenant();
    for (body, fields) in [
        (json!({}), vec!["name", "scopes"]),
        (json!({ "name": "", "scopes": [] }), vec!["name"]),
        (json!({ "name": "a", "scopes": "tenant:read" }), vec!["scopes"]),
        (json!({ "name": "a", "scopes": ["everything"] }), vec!["scopes"]),
        (json!({ "name": "a", "scopes": [], "environment": "LIVE" }), vec!["environment"]),
        (json!({ "name": "a", "scopes": [], "environment": "a_b" }), vec!["environment"]),
        (json!({ "name": "a", "scopes": [], "expires_at": "tomorrow" }), vec!["expires_at"]),
        (
            json!({ "name": "a", "scopes": [], "max_requests_per_minute": 0 }),
            vec!["max_requests_per_minute"],
        ),
        (json!({ "name": "a", "scopes": [], "secret": "mine" }), vec!["secret"]),
    ] {
        assert_eq!(create(&tenant, &body).expect_invalid(), fields, "{body}");
    }
}

// S16
#[test]
fn key_cannot_exceed_its_own_limits() {
    let tenant = World::get().tenant();
    let bounded = create(
        &tenant,
        &json!({
            "name": "bounded", "scopes": ["api_keys:write"], "expires_at": "2099-01-01T00:00:00Z",
            "max_requests_per_minute": 100, "max_requests_per_day": 1000,
        }),
    );
    let bounded = bounded.expect(201);
    let key = bounded["api_key"].as_str().unwrap();
    let path = format!("{KEYS}/{}", bounded["id"].as_str().unwrap());
    let own = tenant.patch(&path, &json!({ "max_requests_per_minute": null })).token(key).send();
    own.expect_problem(403, "user_required");
    let make = |body: &Value| tenant.post(KEYS, body).token(key).send();
    let free = json!({ "name": "free", "scopes": [] });
    let named = make(&free).expect_invalid();
    assert_eq!(named, ["expires_at"]);
    let within = json!({
        "name": "within", "scopes": [], "expires_at": "2098-01-01T00:00:00Z",
        "max_requests_per_minute": 100, "max_requests_per_day": 1,
    });
    make(&within).expect(201);
    let mut over = within.clone();
    over["max_requests_per_day"] = json!(1001);
    assert_eq!(make(&over).expect_invalid(), ["max_requests_per_day"]);
}

// S16
#[test]
fn revoked_secret_does_not_consume_limit() {
    let tenant = World::get().tenant();
    let body = json!({ "name": "a", "scopes": ["tenant:read"], "max_requests_per_minute": 5 });
    let leaked = create(&tenant, &body).expect(201);
    info(&leaked["api_key"]).expect(200);
    let rotated = rotate(&tenant, &leaked["id"], &json!({})).expect(200);
    for _ in 0..8 {
        info(&leaked["api_key"]).expect_problem(401, "invalid_api_key");
    }
    for _ in 0..4 {
        info(&rotated["api_key"]).expect(200);
    }
    info(&rotated["api_key"]).expect_problem(429, "rate_limited");
}

#[test]
fn concurrent_rotations_leave_one_secret() {
    let tenant = World::get().tenant();
    let key = tenant.create_api_key(&json!({ "name": "a", "scopes": ["tenant:read"] }));
    let secrets: Vec<Value> = std::thread::scope(|scope| {
        let turns: Vec<_> =
            (0..4).map(|_| scope.spawn(|| rotate(&tenant, &key["id"], &json!({})))).collect();
        turns.into_iter().map(|turn| turn.join().unwrap().expect(200)["api_key"].clone()).collect()
    });
    let counting = secrets.iter().filter(|secret| info(secret).status == 200).count();
    assert_eq!(counting, 1);
}

// S16
#[test]
fn key_cannot_manage_stronger_keys() {
    let tenant = World::get().tenant();
    let scopes = json!(["api_keys:read", "api_keys:write", "tenant:read"]);
    let bounds = json!({
        "name": "bounded", "scopes": scopes, "expires_at": "2099-01-01T00:00:00Z",
        "max_requests_per_minute": 100, "max_requests_per_day": 1000,
    });
    let own = tenant.create_api_key(&bounds);
    let key = own["api_key"].as_str().unwrap();
    let path = |id: &Value| format!("{KEYS}/{}", id.as_str().unwrap());
    let patch = |id: &Value, body: &Value| tenant.patch(&path(id), body).token(key).send();
    // A key within its bounds stays within them.
    let within = tenant.post(KEYS, &bounds).token(key).send().expect(201);
    for body in [
        json!({ "max_requests_per_minute": null }),
        json!({ "max_requests_per_minute": 101 }),
        json!({ "max_requests_per_day": null }),
        json!({ "max_requests_per_minute": 1, "max_requests_per_day": 1001 }),
    ] {
        assert_eq!(patch(&within["id"], &body).expect_invalid().len(), 1, "{body}");
    }
    patch(&within["id"], &json!({ "name": "b", "max_requests_per_minute": 99 })).expect(200);
    // A stronger key cannot be managed in any way, whichever limit it exceeds.
    for (field, value, code) in [
        ("expires_at", Value::Null, "stronger_api_key"),
        ("expires_at", json!("2099-01-02T00:00:00Z"), "stronger_api_key"),
        ("max_requests_per_minute", Value::Null, "stronger_api_key"),
        ("max_requests_per_day", json!(1001), "stronger_api_key"),
        ("scopes", json!(["users:read"]), "scope_not_held"),
    ] {
        let mut stronger = bounds.clone();
        stronger[field] = value;
        let stronger = tenant.create_api_key(&stronger);
        let id = &stronger["id"];
        patch(id, &json!({ "name": "mine" })).expect_problem(403, code);
        patch(id, &json!({ "max_requests_per_minute": 1 })).expect_problem(403, code);
        let rotation = tenant.post(&format!("{}/rotate", path(id)), &json!({})).token(key).send();
        rotation.expect_problem(403, code);
        tenant.delete(&path(id)).token(key).send().expect_problem(403, code);
        // A second credential does not extend the permissions.
        let admin = &tenant.admin.access_token;
        let both = tenant.delete(&path(id)).token(admin).header("x-api-key", key).send();
        both.expect_problem(403, code);
        of(&tenant, Method::GET, id).send().expect(200);
    }
    let rotation = tenant.post(&format!("{}/rotate", path(&within["id"])), &json!({}));
    rotation.token(key).send().expect(200);
    assert_eq!(tenant.delete(&path(&within["id"])).token(key).send().status, 204);
    assert_eq!(tenant.delete(&path(&own["id"])).token(key).send().status, 204);
}
