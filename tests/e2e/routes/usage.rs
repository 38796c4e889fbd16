//! `/api/v1/tenant/usage`, and the enforcement of limits.

use std::{
    thread::{self, sleep},
    time::Duration,
};

use e2e::{TestTenant, World, unique};
use serde_json::{Value, json};

fn report(tenant: &TestTenant, key: &str, body: &Value) -> e2e::Answer {
    tenant.post("/api/v1/tenant/usage", body).token(key).send()
}

#[test]
fn usage_is_reported_per_resource() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    tenant.limit(&json!({ "users": 3 }));
    let users = tenant.used("users");
    let expected = json!({ "resource_type": "users", "allowed": true, "current_usage": 1,
                           "limit": 3, "remaining": 2, "percentage_used": 33.33 });
    assert_eq!(users, expected);
    let unknown = tenant.get("/api/v1/tenant/usage?resource_type=x").token(token).send();
    assert_eq!(unknown.expect_invalid(), ["resource_type"]);
}

#[test]
fn each_call_is_counted_and_reported() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    tenant.limit(&json!({ "api_calls": 100, "requests_per_minute": 50 }));
    let before = tenant.used("api_calls")["current_usage"].as_i64().unwrap();
    for call in 1..=3 {
        let answer = tenant.get("/api/v1/profile").token(token).send();
        assert_eq!(
            answer.header("ratelimit-policy"),
            "\"minute\";q=50;w=60, \"day\";q=100;w=86400"
        );
        let left = format!("\"day\";r={};t=", 100 - before - call);
        assert!(answer.header("ratelimit").contains(&left), "{:?}", answer.headers);
    }
    // Responses that reject a request for another reason contain the header as well.
    let refused = tenant.get("/admin/tenants").token(token).send();
    assert_eq!(refused.status, 401);
    let forbidden = tenant.get("/api/v1/users").token(&tenant.user("viewer").access_token).send();
    forbidden.expect_problem(403, "forbidden");
    assert!(!forbidden.header("ratelimit").is_empty());
}

// S35
#[test]
fn exceeded_daily_limit_allows_only_logout() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let used = tenant.used("api_calls")["current_usage"].as_i64().unwrap();
    tenant.limit(&json!({ "api_calls": used + 2 }));
    for _ in 0..2 {
        tenant.get("/api/v1/profile").token(token).send().expect(200);
    }
    let refused = tenant.get("/api/v1/profile").token(token).send();
    let problem = refused.expect_problem(429, "quota_exceeded");
    assert_eq!((&problem["resource"], &problem["limit"]), (&json!("api_calls"), &json!(used + 2)));
    assert_eq!(problem["usage"], used + 2);
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert!(refused.header("ratelimit").contains("\"day\";r=0;"));
    // An API key of the tenant is limited as well.
    let key = tenant.created["api_key"].as_str().unwrap();
    tenant.get("/api/v1/tenant/info").token(key).send().expect_problem(429, "quota_exceeded");
    tenant.limit(&json!({ "api_calls": used + 3 }));
    tenant.get("/api/v1/profile").token(token).send().expect(200);
    tenant.get("/api/v1/profile").token(token).send().expect_problem(429, "quota_exceeded");
    let left = tenant.post("/api/v1/auth/logout", &json!({})).token(token).send();
    assert_eq!(left.status, 204);
    assert!(left.header("ratelimit").contains("\"day\";r=0;"), "{:?}", left.headers);
    let refusals = tenant.wait_until_audited("quota.refused", 1);
    assert_eq!(refusals[0]["resource_id"], "api_calls");
}

// S35
#[test]
fn concurrent_reports_never_exceed_limit() {
    let tenant = World::get().tenant();
    let key = tenant.api_key(&["usage:write", "tenant:read"]);
    tenant.limit(&json!({ "ai_requests": 20 }));
    let body = json!({ "resource_type": "ai_requests" });
    let statuses: Vec<u16> = thread::scope(|scope| {
        let racers: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    (0..4).map(|_| report(&tenant, &key, &body).status).collect::<Vec<_>>()
                })
            })
            .collect();
        racers.into_iter().flat_map(|racer| racer.join().unwrap()).collect()
    });
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(429)), (20, 44), "{statuses:?}");
    assert_eq!(tenant.used("ai_requests")["current_usage"], 20);
}

// S35
#[test]
fn concurrent_calls_never_exceed_limit() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let used = tenant.used("api_calls")["current_usage"].as_i64().unwrap();
    tenant.limit(&json!({ "api_calls": used + 25 }));
    let call = || tenant.get("/api/v1/tenant/info").token(token).send().status;
    let statuses: Vec<u16> = thread::scope(|scope| {
        let racers: Vec<_> =
            (0..16).map(|_| scope.spawn(|| (0..4).map(|_| call()).collect::<Vec<_>>())).collect();
        racers.into_iter().flat_map(|racer| racer.join().unwrap()).collect()
    });
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(429)), (25, 39), "{statuses:?}");
}

// S35
#[test]
fn concurrent_users_never_exceed_limit() {
    let tenant = World::get().tenant();
    tenant.limit(&json!({ "users": 4 }));
    let create = |number: usize| {
        let body = json!({ "email": format!("u{number}@limits.example") });
        tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token).send()
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..16).map(|number| scope.spawn(move || create(number))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (3, 13));
    for answer in refused {
        let problem = answer.expect_problem(403, "quota_exceeded");
        assert_eq!((&problem["limit"], &problem["usage"]), (&json!(4), &json!(4)));
    }
    let warned = |answer: &&&e2e::Answer| answer.header("quota-warning") == "users;usage=4;limit=4";
    assert_eq!(made.iter().filter(warned).count(), 1);
    let notice = tenant.wait_until_audited("quota.soft_limit_reached", 1);
    assert_eq!(
        (&notice[0]["resource_id"], &notice[0]["detail"]["usage"]),
        (&json!("users"), &json!(4))
    );
}

// S21, S35
#[test]
fn minute_limit_returns_429() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    tenant.limit(&json!({ "requests_per_minute": 3 }));
    // The window may have started before the limit took effect.
    let answers: Vec<_> =
        (0..4).map(|_| tenant.get("/api/v1/profile").token(token).send()).collect();
    let refused = answers.last().unwrap();
    refused.expect_problem(429, "rate_limited");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert!(refused.header("ratelimit").starts_with("\"minute\";r=0;"), "{:?}", refused.headers);
    let other = World::get().tenant();
    other.get("/api/v1/profile").token(&other.admin.access_token).send().expect(200);
}

#[test]
fn quota_warning_concerns_used_resource() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let user = json!({ "email": "second@limits.example" });
    tenant.post("/api/v1/users", &user).token(token).send().expect(201);
    tenant.put("/api/v1/files/a", "12345678").token(token).send().expect(201);
    tenant.limit(&json!({ "users": 2, "storage": 10, "ai_requests": 5, "api_calls": 1_000 }));
    let warning = |answer: &e2e::Answer| answer.header("quota-warning").to_owned();
    // Users and storage exceed 80 %. Requests that use neither have no warning.
    for path in ["/api/v1/profile", "/api/v1/users", "/api/v1/files", "/api/v1/tenant/usage"] {
        assert_eq!(warning(&tenant.get(path).token(token).send()), "", "{path}");
    }
    let stored = tenant.put("/api/v1/files/b", "9").token(token).send();
    stored.expect(201);
    assert_eq!(warning(&stored), "storage;usage=9;limit=10");
    let verify = |consume: &str| {
        let path = format!("/api/v1/auth/verify?consume={consume}");
        warning(&tenant.get(&path).token(token).send())
    };
    assert_eq!(verify("ai_requests:3"), "");
    assert_eq!(verify("ai_requests:1"), "ai_requests;usage=4;limit=5");
    // Every counted request uses calls. The unused calls of leases return when they end.
    sleep(Duration::from_millis(300));
    let used = tenant.used("api_calls")["current_usage"].as_i64().unwrap();
    tenant.limit(&json!({ "api_calls": used + 3 }));
    for path in ["/api/v1/profile", "/api/v1/users"] {
        let warning = warning(&tenant.get(path).token(token).send());
        assert!(warning.starts_with("api_calls;usage="), "{path}: {warning}");
    }
}

#[test]
fn soft_limit_is_reported_and_audited() {
    let tenant = World::get().tenant();
    let key = tenant.api_key(&["usage:write"]);
    tenant.limit(&json!({ "ai_requests": 10 }));
    let take = |amount: i64| {
        let body = json!({ "resource_type": "ai_requests", "amount": amount });
        let answer = report(&tenant, &key, &body);
        answer.expect(200);
        answer.header("quota-warning").to_owned()
    };
    assert_eq!(take(7), "");
    assert_eq!(take(1), "ai_requests;usage=8;limit=10");
    assert_eq!(take(1), "ai_requests;usage=9;limit=10");
    let rows = tenant.wait_until_audited("quota.soft_limit_reached", 1);
    assert_eq!(rows[0]["severity"], "warning");
    let detail = json!({ "limit": 10, "usage": 8, "percent": 80 });
    assert_eq!(rows[0]["detail"], detail);
}

#[test]
fn repeated_report_is_counted_once() {
    let tenant = World::get().tenant();
    let key = tenant.api_key(&["usage:write"]);
    let body =
        json!({ "resource_type": "ai_requests", "amount": 3, "idempotency_key": unique("k") });
    let first = report(&tenant, &key, &body).expect(200);
    assert_eq!((&first["current_usage"], &first["amount"]), (&json!(3), &json!(3)));
    let mut superuser = World::get().services.superuser("tenancy");
    let today = "SELECT (now() AT TIME ZONE 'UTC')::date::text";
    let today: String = superuser.query_one(today, &[]).unwrap().get(0);
    assert_eq!(first["day"], today);
    let answers: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| report(&tenant, &key, &body))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    for answer in answers {
        assert_eq!(answer.expect(200)["current_usage"], 3);
        assert_eq!(answer.header("idempotency-replayed"), "true");
    }
    assert_eq!(tenant.used("ai_requests")["current_usage"], 3);
    let other = json!({ "resource_type": "ai_requests", "amount": 4, "idempotency_key": body["idempotency_key"] });
    report(&tenant, &key, &other).expect_problem(422, "idempotency_key_reused");
    // The header is equivalent to the field.
    let plain = json!({ "resource_type": "ai_requests", "amount": 3 });
    let name = body["idempotency_key"].as_str().unwrap();
    let with_header = tenant
        .post("/api/v1/tenant/usage", &plain)
        .token(&key)
        .header("idempotency-key", name)
        .send();
    assert_eq!(with_header.header("idempotency-replayed"), "true");
    let clash = tenant
        .post("/api/v1/tenant/usage", &body)
        .token(&key)
        .header("idempotency-key", "x")
        .send();
    assert_eq!(clash.expect_invalid(), ["idempotency_key"]);
}

#[test]
fn concurrent_equal_reports_are_counted_once() {
    let tenant = World::get().tenant();
    let key = tenant.api_key(&["usage:write"]);
    let body =
        json!({ "resource_type": "ai_requests", "amount": 5, "idempotency_key": unique("k") });
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| report(&tenant, &key, &body).expect(200));
        }
    });
    assert_eq!(tenant.used("ai_requests")["current_usage"], 5);
}

#[test]
fn rejected_report_can_be_repeated() {
    let tenant = World::get().tenant();
    let key = tenant.api_key(&["usage:write"]);
    tenant.limit(&json!({ "ai_requests": 2 }));
    let body =
        json!({ "resource_type": "ai_requests", "amount": 3, "idempotency_key": unique("k") });
    report(&tenant, &key, &body).expect_problem(429, "quota_exceeded");
    tenant.limit(&json!({ "ai_requests": 3 }));
    assert_eq!(report(&tenant, &key, &body).expect(200)["current_usage"], 3);
}

#[test]
fn invalid_report_fields_are_reported() {
    let tenant = World::get().tenant();
    let key = tenant.api_key(&["usage:write"]);
    for (body, fields) in [
        (json!({}), vec!["resource_type"]),
        (json!({ "resource_type": "storage" }), vec!["resource_type"]),
        (json!({ "resource_type": "api_calls", "amount": 0 }), vec!["amount"]),
        (json!({ "resource_type": "api_calls", "amount": 1_000_001 }), vec!["amount"]),
        (json!({ "resource_type": "api_calls", "amount": 1.5 }), vec!["amount"]),
        (json!({ "resource_type": "api_calls", "idempotency_key": "" }), vec!["idempotency_key"]),
    ] {
        assert_eq!(report(&tenant, &key, &body).expect_invalid(), fields, "{body}");
    }
}

#[test]
fn history_sums_days_and_months() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let mut superuser = World::get().services.superuser("tenancy");
    let past = "INSERT INTO tenant_usage (tenant_id, resource, day, amount)
                SELECT $1::text::uuid, r.resource, r.day::date, r.amount
                FROM (VALUES ('ai_requests', '2026-01-05', 10), ('ai_requests', '2026-01-20', 5),
                             ('users', '2026-01-05', 4), ('users', '2026-01-20', 3),
                             ('ai_requests', '2026-02-01', 1)) r (resource, day, amount)";
    superuser.execute(past, &[&tenant.id]).unwrap();
    let history = |query: &str| {
        let path = format!("/api/v1/tenant/usage/history?{query}");
        tenant.get(&path).token(token).send().expect(200)
    };
    let january = "from=2026-01-01&to=2026-01-31";
    let days = history(&format!("{january}&resource_type=ai_requests"));
    assert_eq!((&days["total"], &days["items"][0]["amount"]), (&json!(2), &json!(5)));
    assert_eq!(days["items"][1]["period"], "2026-01-05");
    let months = history(&format!("{january}&granularity=month"));
    let amounts: Vec<_> = months["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["resource_type"].as_str().unwrap(), item["amount"].as_i64().unwrap()))
        .collect();
    assert_eq!(amounts, [("ai_requests", 15), ("users", 4)]);
    // The history includes recent usage.
    let today = history("resource_type=api_calls");
    assert!(today["items"][0]["amount"].as_i64() > Some(0), "{today}");
    let past_the_end = history(&format!("{january}&offset=50"));
    assert_eq!((&past_the_end["total"], &past_the_end["items"]), (&json!(4), &json!([])));
}
