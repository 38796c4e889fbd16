//! `/admin/plans`

use e2e::{World, unique};
use http::Method;
use serde_json::{Value, json};

fn limits() -> Value {
    json!({ "users": 3, "storage": 1000, "api_calls": 20, "ai_requests": 5, "requests_per_minute": 60,
            "cache": 1_000_000 })
}

/// Asserts that a plan has these limits, among others.
#[track_caller]
fn assert_limits(plan: &Value, expected: &Value) {
    for (name, limit) in expected.as_object().unwrap() {
        assert_eq!(plan["limits"][name], *limit, "{name}");
    }
}

#[test]
fn default_plans_exist() {
    let plans = World::get().admin(Method::GET, "/admin/plans").send().expect(200);
    let items = plans["items"].as_array().unwrap();
    let plan = |name: &str| items.iter().find(|plan| plan["name"] == name).unwrap();
    assert_eq!(plan("enterprise")["is_default"], true);
    let seed = json!({ "users": 100, "storage": 53_687_091_200_i64, "api_calls": 50_000,
                       "ai_requests": 5_000, "requests_per_minute": 6_000, "cache": 67_108_864 });
    assert_limits(plan("enterprise"), &seed);
    assert!(plan("free")["limits"]["users"].as_i64() < plan("pro")["limits"]["users"].as_i64());
}

#[test]
fn plan_can_be_created_changed_deleted() {
    let world = World::get();
    let name = unique("plan");
    let path = format!("/admin/plans/{name}");
    let body = json!({ "name": name, "limits": limits() });
    let created = world.admin_post("/admin/plans", &body).send();
    assert_limits(&created.expect(201), &limits());
    assert_eq!(created.header("location"), path);
    world.admin_post("/admin/plans", &body).send().expect_problem(409, "plan_taken");
    let patch = |body: &Value| world.admin(Method::PATCH, &path).json(body).send();
    assert_eq!(patch(&json!({ "limits": { "users": 4 } })).expect(200)["limits"]["users"], 4);
    assert_eq!(world.admin(Method::GET, &path).send().expect(200)["limits"]["storage"], 1000);
    assert_eq!(patch(&json!({ "limits": { "users": null } })).expect_invalid(), ["limits.users"]);
    assert_eq!(
        patch(&json!({ "limits": { "users": -1, "seats": 1, "storage": 7 } })).expect_invalid(),
        ["limits.seats", "limits.users"]
    );
    assert_eq!(patch(&json!({ "limits": 1 })).expect_invalid(), ["limits"]);
    assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
    world.admin(Method::GET, &path).send().expect_problem(404, "plan_not_found");
    patch(&json!({})).expect_problem(404, "plan_not_found");
    // The platform's audit trail contains the events.
    let trail = "/admin/audit?event=plan.&limit=100";
    let trail = world.admin(Method::GET, trail).send().expect(200);
    let events =
        trail["items"].as_array().unwrap().iter().filter(|row| row["resource_id"] == name.as_str());
    let events: Vec<_> = events.map(|row| row["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["plan.deleted", "plan.updated", "plan.created"]);
    world.admin(Method::DELETE, &path).send().expect_problem(404, "plan_not_found");
}

#[test]
fn invalid_plan_fields_are_reported() {
    let world = World::get();
    let post = |body: &Value| world.admin_post("/admin/plans", body).send().expect_invalid();
    assert_eq!(post(&json!({})), ["name", "limits"]);
    assert_eq!(post(&json!({ "name": "Bad Name", "limits": limits() })), ["name"]);
    let partial = json!({ "users": 1 });
    assert_eq!(post(&json!({ "name": unique("p"), "limits": partial })), ["limits.storage"]);
    let negative = json!({ "cache": -1 });
    assert_eq!(post(&json!({ "name": unique("p"), "limits": negative })), ["limits.cache"]);
    let path = "/admin/plans/enterprise";
    world.admin(Method::DELETE, path).send().expect_problem(409, "plan_in_use");
    let none = world.admin(Method::PATCH, path).json(&json!({ "is_default": false })).send();
    assert_eq!(none.expect_invalid(), ["is_default"]);
}

#[test]
fn plan_change_takes_effect_immediately() {
    let world = World::get();
    let name = unique("plan");
    let body = json!({ "name": name, "limits": limits() });
    world.admin_post("/admin/plans", &body).send().expect(201);
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    world.admin(Method::PATCH, &path).json(&json!({ "plan": name })).send().expect(200);
    let info = || tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send();
    assert!(info().header("ratelimit-policy").contains("\"day\";q=20;"));
    let plan = format!("/admin/plans/{name}");
    let body = json!({ "limits": { "api_calls": 30 } });
    world.admin(Method::PUT, &plan).json(&body).send().expect(200);
    assert!(info().header("ratelimit-policy").contains("\"day\";q=30;"));
    world.admin(Method::DELETE, &plan).send().expect_problem(409, "plan_in_use");
}
