use e2e::{World, unique};
use serde_json::json;

use super::{json, run};

const LIMITS: [&str; 6] = [
    "users=3",
    "storage=1000000",
    "api_calls=1000000",
    "ai_requests=10",
    "requests_per_minute=60",
    "cache=1000000",
];

/// Creates a plan with this limit instead of the one of the same name.
pub fn create(plan: &str, limit: &str) {
    let name = limit.split('=').next().unwrap();
    let others = LIMITS.iter().filter(|other| !other.starts_with(&format!("{name}=")));
    let mut arguments = vec!["plan", "create", plan, "--set-limit", limit];
    arguments.extend(others.flat_map(|other| ["--set-limit", *other]));
    json(&arguments);
}

#[test]
fn plan_is_managed_like_over_http() {
    let world = World::get();
    let plan = unique("ctl");
    let mut arguments = vec!["plan", "create", plan.as_str()];
    for limit in LIMITS {
        arguments.extend(["--set-limit", limit]);
    }
    let created = json(&arguments);
    assert_eq!((&created["limits"]["users"], &created["is_default"]), (&json!(3), &json!(false)));
    run(&arguments).expect(4);
    let tenant = world.tenant();
    json(&["tenant", "update", &tenant.slug, "--plan", &plan]);
    let users = || {
        let info = tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send();
        info.expect(200)["limits"]["users"].clone()
    };
    assert_eq!(users(), 3);
    json(&["plan", "update", &plan, "--set-limit", "users=4"]);
    assert_eq!(users(), 4);
    assert_eq!(json(&["plan", "show", &plan])["tenant_count"], 1);
    let refused = run(&["plan", "delete", &plan]).expect(4);
    assert!(refused.err.contains("tenants use"), "{refused:?}");
    json(&["tenant", "update", &tenant.slug, "--plan", "free"]);
    json(&["plan", "delete", &plan]);
    run(&["plan", "show", &plan]).expect(3);
    let names = json(&["plan", "list"]);
    assert!(names["items"].as_array().unwrap().iter().all(|item| item["name"] != plan.as_str()));
}

#[test]
fn incomplete_plan_is_refused() {
    let refused = run(&["plan", "create", "partial", "--set-limit", "users=1"]).expect(2);
    assert!(refused.err.contains("limits.storage is required"), "{refused:?}");
    run(&["plan", "update", "free", "--set-limit", "users=x"]).expect(2);
    run(&["plan", "update", "no-such-plan", "--set-limit", "users=1"]).expect(3);
    run(&["plan", "update", "free"]).expect(2);
}
