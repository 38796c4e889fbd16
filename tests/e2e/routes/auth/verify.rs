//! `GET /api/v1/auth/verify`

use e2e::{Answer, World};
use http::Method;
use serde_json::json;

const VERIFY: &str = "/api/v1/auth/verify";

#[test]
fn user_is_identified_in_headers() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("viewer");
    let answer = world.get_path(VERIFY).token(&user.access_token).send();
    let body = answer.expect(200);
    assert_eq!(answer.header("x-tenant-id"), tenant.id);
    assert_eq!(answer.header("x-tenant-slug"), tenant.slug);
    assert_eq!(answer.header("x-user-id"), user.id);
    assert_eq!(answer.header("x-user-role"), "viewer");
    assert_eq!(
        answer.header("x-scopes"),
        "profile:read profile:write tenant:read files:read cache:read"
    );
    assert_eq!(answer.header("x-api-key-id"), "");
    assert_eq!(body["user_id"], user.id);
    assert_eq!(
        body["scopes"],
        json!(["profile:read", "profile:write", "tenant:read", "files:read", "cache:read"])
    );
}

#[test]
fn api_key_is_identified_in_headers() {
    let world = World::get();
    let tenant = world.tenant();
    let key = tenant.create_api_key(&json!({ "name": "gateway", "scopes": ["tenant:read"] }));
    let text = key["api_key"].as_str().unwrap();
    for call in [
        world.get_path(VERIFY).token(text),
        world.get_path(VERIFY).header("x-api-key", text),
        world.get_path(VERIFY).token(text).header("x-api-key", text),
    ] {
        let answer = call.send();
        assert_eq!(answer.expect(200)["api_key_id"], key["id"]);
        assert_eq!(answer.header("x-tenant-slug"), tenant.slug);
        assert_eq!(answer.header("x-api-key-id"), key["id"].as_str().unwrap());
        assert_eq!(answer.header("x-scopes"), "tenant:read");
        // Empty headers are present, so that a gateway overwrites those that a client has sent.
        for empty in ["x-user-id", "x-user-role"] {
            assert_eq!(answer.headers.get(empty).unwrap(), "", "{empty}");
        }
    }
}

#[test]
fn missing_scope_returns_403() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let verify = |scope: &str| {
        tenant.get(&format!("{VERIFY}?scope={scope}")).token(&user.access_token).send()
    };
    verify("tenant:read").expect(200);
    verify("users:write").expect_problem(403, "forbidden");
    verify("tenant:read%20profile:read").expect(200);
    verify("tenant:read%20users:write").expect_problem(403, "forbidden");
    // Every caller lacks an unknown scope.
    let unknown = verify("everything").expect_problem(403, "forbidden");
    let detail = "The scope does not exist, so no caller has it.";
    assert_eq!(unknown["detail"], detail);
    let admin = tenant.get(&format!("{VERIFY}?scope=users:write"));
    admin.token(&tenant.admin.access_token).send().expect(200);
    // A second credential restricts the permissions to its own.
    let key = tenant.api_key(&["tenant:read"]);
    let both = |scope: &str| {
        let call = tenant.get(&format!("{VERIFY}?scope={scope}")).header("x-api-key", &key);
        call.token(&tenant.admin.access_token).send()
    };
    both("users:write").expect_problem(403, "forbidden");
    let allowed = both("tenant:read");
    allowed.expect(200);
    assert_eq!(allowed.header("x-scopes"), "tenant:read");
}

fn consume(tenant: &e2e::TestTenant, amount: &str) -> Answer {
    let path = format!("{VERIFY}?consume={amount}");
    tenant.get(&path).token(&tenant.admin.access_token).send()
}

// S35
#[test]
fn consumed_usage_is_counted_exactly() {
    let world = World::get();
    let tenant = world.tenant();
    let limits = json!({ "limits": { "ai_requests": 10 } });
    let path = format!("/admin/tenants/{}", tenant.id);
    let changed = world.admin(Method::PATCH, &path).json(&limits).send().expect(200);
    assert_eq!(changed["limits"]["ai_requests"], 10);
    consume(&tenant, "ai_requests:3").expect(200);
    consume(&tenant, "ai_requests:8").expect_problem(429, "quota_exceeded");
    // Sixteen clients compete for the seven remaining units.
    let taken = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..16).map(|_| scope.spawn(|| consume(&tenant, "ai_requests:1").status)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(taken.iter().filter(|status| **status == 200).count(), 7, "{taken:?}");
    assert_eq!(taken.iter().filter(|status| **status == 429).count(), 9, "{taken:?}");
    let refused = consume(&tenant, "ai_requests:1");
    let problem = refused.expect_problem(429, "quota_exceeded");
    assert_eq!((&problem["limit"], &problem["usage"]), (&json!(10), &json!(10)));
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait));
    // Other resources and other tenants have separate counters.
    consume(&tenant, "api_calls:1").expect(200);
    consume(&world.tenant(), "ai_requests:1").expect(200);
    for wrong in ["ai_requests", "ai_requests:0", "storage:1", "ai_requests:1001", "ai_requests:-1"]
    {
        assert_eq!(consume(&tenant, wrong).expect_invalid(), ["consume"], "{wrong}");
    }
}

#[test]
fn consumed_usage_survives_redis_loss() {
    let world = World::get();
    let tenant = world.tenant();
    let limits = json!({ "limits": { "ai_requests": 5 } });
    let path = format!("/admin/tenants/{}", tenant.id);
    world.admin(Method::PATCH, &path).json(&limits).send().expect(200);
    consume(&tenant, "ai_requests:5").expect(200);
    let begin = std::time::Instant::now();
    let kept = "SELECT amount FROM tenant_usage
                WHERE tenant_id = $1::text::uuid AND resource = 'ai_requests'";
    while world.services.superuser("tenancy").query(kept, &[&tenant.id]).unwrap().is_empty() {
        assert!(begin.elapsed().as_secs() < 60, "the checkpoint is written");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    for key in world.redis(&["KEYS", &world.redis_key(&format!("t:{{{}}}:usage:*", tenant.id))]) {
        world.redis(&["DEL", &key]);
    }
    consume(&tenant, "ai_requests:1").expect_problem(429, "quota_exceeded");
}

#[test]
fn verify_accepts_any_method_and_path() {
    let world = World::get();
    let tenant = world.tenant();
    for method in [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "MKCOL",
        "QUERY", "BREW",
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        for path in [VERIFY, "/api/v1/auth/verify/", "/api/v1/auth/verify/a%20b/c?d=e&consume=x"] {
            let call = world.call(method.clone(), path);
            let answer = call.token(&tenant.admin.access_token).send();
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
            assert_eq!(answer.header("x-tenant-id"), tenant.id);
            let nobody = world.call(method.clone(), path).send();
            nobody.expect_problem(401, "authentication_required");
        }
    }
    let head = world.call(Method::HEAD, VERIFY).token(&tenant.admin.access_token).send();
    assert_eq!((head.status, head.header("x-tenant-id")), (200, tenant.id.as_str()));
}

#[test]
fn preflight_returns_empty_identity_headers() {
    let world = World::get();
    let tenant = world.tenant();
    for path in [VERIFY, "/api/v1/auth/verify/", "/api/v1/auth/verify/a/b?c=d"] {
        let options =
            || world.call(Method::OPTIONS, path).header("origin", "https://app.example.com");
        let asked = || options().header("access-control-request-method", "POST");
        let preflight = asked().header("access-control-request-headers", "baggage").send();
        assert_eq!(preflight.status, 204, "{path}: {}", preflight.text);
        assert_eq!(preflight.header("access-control-allow-origin"), "https://app.example.com");
        assert_eq!(preflight.header("access-control-allow-headers"), "baggage");
        for name in
            ["x-tenant-id", "x-tenant-slug", "x-user-id", "x-user-role", "x-api-key-id", "x-scopes"]
        {
            assert_eq!(preflight.headers.get(name).map(http::HeaderValue::len), Some(0), "{name}");
        }
        options().send().expect_problem(401, "authentication_required");
        let posted = asked().header("x-http-method-override", "POST").send();
        posted.expect_problem(401, "authentication_required");
        asked().token("nonsense").send().expect_problem(401, "invalid_token");
        let known = asked().token(&tenant.admin.access_token).send();
        assert_eq!((known.status, known.header("x-tenant-id")), (200, tenant.id.as_str()));
        let post = world.call(Method::POST, path).header("origin", "https://app.example.com");
        let post = post.header("access-control-request-method", "POST").send();
        post.expect_problem(401, "authentication_required");
    }
}

// S35
#[test]
fn consuming_requires_usage_write() {
    let world = World::get();
    let tenant = world.tenant();
    let (viewer, user) = (tenant.user("viewer"), tenant.user("user"));
    let path = format!("{VERIFY}?consume=ai_requests:1");
    let plain = tenant.api_key(&["tenant:read"]);
    for credential in [&viewer.access_token, &user.access_token, &plain] {
        let refused = tenant.get(&path).token(credential).send();
        let problem = refused.expect_problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("usage:write"), "{problem}");
    }
    assert_eq!(tenant.used("ai_requests")["current_usage"], 0);
    // The API key of the gateway sets the price.
    let gateway = tenant.api_key(&["usage:write", "tenant:read"]);
    let call = tenant.get(&path).token(&viewer.access_token).header("x-api-key", &gateway);
    call.send().expect(200);
    // In `X-Gateway-Key`, the key does not restrict the scopes of the caller.
    let call = tenant.get(&path).token(&viewer.access_token).header("x-gateway-key", &gateway);
    let answer = call.send();
    answer.expect(200);
    assert!(answer.header("x-scopes").contains("profile:read"));
    for key in [plain.as_str(), "ldx_"] {
        let call = tenant.get(&path).token(&viewer.access_token).header("x-gateway-key", key);
        let answer = call.send();
        answer.expect_problem(400, "invalid_gateway_key");
        // The token of the caller is valid.
        assert_eq!(answer.header("www-authenticate"), "", "{key}");
    }
    assert_eq!(tenant.used("ai_requests")["current_usage"], 2);
    // A key of another tenant is not a gateway key of this tenant.
    let foreign = world.tenant().api_key(&["usage:write", "tenant:read"]);
    let call = |header| tenant.get(&path).token(&viewer.access_token).header(header, &foreign);
    call("x-api-key").send().expect_problem(403, "tenant_mismatch");
    call("x-gateway-key").send().expect_problem(400, "invalid_gateway_key");
}

// S16, S17
#[test]
fn operator_key_of_a_gateway_takes_units_of_every_tenant() {
    let world = World::get();
    let key = world.operator_key(&["tenant_usage:write"]);
    let others: Vec<_> = tenancy::access::OperatorScope::ALL
        .iter()
        .map(|scope| scope.as_str())
        .filter(|scope| *scope != "tenant_usage:write")
        .collect();
    let other = world.operator_key(&others);
    for tenant in [world.tenant(), world.tenant()] {
        let user = tenant.user("user");
        let call = |path: &str, key: &str| {
            tenant.get(path).token(&user.access_token).header("x-gateway-key", key).send()
        };
        let path = format!("{VERIFY}?consume=ai_requests:3");
        let answer = call(&path, &key.text);
        // The key grants the caller nothing.
        let scopes = &answer.expect(200)["scopes"];
        assert!(!scopes.as_array().unwrap().contains(&json!("usage:write")), "{scopes}");
        assert_eq!(tenant.used("ai_requests")["current_usage"], 3);
        call(&path, &other.text).expect_problem(400, "invalid_gateway_key");
        call(&path, "ldxop_unknown").expect_problem(400, "invalid_gateway_key");
        call(&format!("{VERIFY}?scope=usage:write"), &key.text).expect_problem(403, "forbidden");
        // Without a caller, the key is no credential.
        let alone = tenant.get(&path).header("x-gateway-key", &key.text).send();
        alone.expect_problem(401, "authentication_required");
        assert_eq!(tenant.used("ai_requests")["current_usage"], 3);
    }
    // A revoked key is refused on the next request.
    let tenant = world.tenant();
    let user = tenant.user("user");
    let path = format!("/admin/operator-keys/{}", key.id);
    assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
    let call = tenant.get(&format!("{VERIFY}?consume=ai_requests:1")).token(&user.access_token);
    let refused = call.header("x-gateway-key", &key.text).send();
    refused.expect_problem(400, "invalid_gateway_key");
}
