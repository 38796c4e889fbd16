//! `PUT`, `PATCH` and `DELETE /admin/tenants/{id}`: versions and audit events.

use e2e::World;
use http::Method;
use serde_json::json;

#[test]
fn stale_change_returns_412() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    let tag = world.admin(Method::GET, &path).send().header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let patch = |tag: &str, name: &str| {
        let call = world.admin(Method::PATCH, &path).json(&json!({ "name": name }));
        call.header("if-match", tag).send()
    };
    let changed = patch(&tag, "First");
    changed.expect(200);
    assert_ne!(changed.header("etag"), tag);
    patch(&tag, "Second").expect_problem(412, "precondition_failed");
    for wrong in ["nonsense", "W/\"1\"", "\"\"", "\"x\""] {
        patch(wrong, "Third").expect_problem(412, "precondition_failed");
    }
    patch("*", "Fourth").expect(200);
    let stale = world.admin(Method::DELETE, &path).header("if-match", &tag).send();
    stale.expect_problem(412, "precondition_failed");
    assert_eq!(world.admin(Method::GET, &path).send().expect(200)["status"], "active");
}

#[test]
fn audit_contains_old_and_new_values() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    let body = json!({ "plan": "pro", "limits": { "users": 7 }, "name": "Other" });
    world.admin(Method::PUT, &path).json(&body).send().expect(200);
    let row = tenant.wait_until_audited("tenant.updated", 1).remove(0);
    let (before, after) = (&row["detail"]["before"], &row["detail"]["after"]);
    assert_eq!((&before["plan"], &after["plan"]), (&json!("enterprise"), &json!("pro")));
    assert_eq!((&before["limits"], &after["limits"]), (&json!({}), &json!({ "max_users": 7 })));
    assert_eq!(after["name"], "Other");
    assert!(after.get("admin_email").is_none(), "{row}");
}

#[test]
fn illegal_status_transition_returns_409() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    let to =
        |status: &str| world.admin(Method::PATCH, &path).json(&json!({ "status": status })).send();
    for status in ["provisioning", "deleting"] {
        assert_eq!(to(status).expect_invalid(), ["status"]);
    }
    assert_eq!(to("suspended").expect(200)["status"], "suspended");
    assert_eq!(to("active").expect(200)["status"], "active");
    assert_eq!(to("deleted").expect(200)["status"], "deleted");
    to("active").expect_problem(409, "illegal_transition");
    to("suspended").expect_problem(409, "illegal_transition");
    // Other changes are rejected as well.
    let renamed = world.admin(Method::PATCH, &path).json(&json!({ "name": "Other" })).send();
    let problem = renamed.expect_problem(409, "illegal_transition");
    assert_eq!(problem["detail"], "A tenant that is deleted cannot be updated.");
}

// S24
#[test]
fn key_rotation_keeps_old_data_readable() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    tenant.put("/api/v1/files/old", "sealed before").token(token).send().expect(201);
    tenant.put("/api/v1/cache/old", "cached before").token(token).send();
    let path = format!("/admin/tenants/{}/rotate-key", tenant.id);
    for number in [2, 3] {
        let rotated = world.admin(Method::POST, &path).send().expect(200);
        assert_eq!(rotated["key_number"], number);
    }
    tenant.put("/api/v1/files/new", "sealed after").token(token).send().expect(201);
    for (path, text) in [
        ("/api/v1/files/old", "sealed before"),
        ("/api/v1/files/new", "sealed after"),
        ("/api/v1/cache/old", "cached before"),
    ] {
        assert_eq!(tenant.get(path).token(token).send().text, text);
    }
    tenant.wait_until_audited("tenant.data_key_rotated", 2);
    let nobody = "/admin/tenants/01a20000-0000-7000-8000-000000000000/rotate-key";
    world.admin(Method::POST, nobody).send().expect_problem(404, "tenant_not_found");
}

#[test]
fn operator_and_tenant_stats_match() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.user("viewer");
    let token = &tenant.admin.access_token;
    tenant.put("/api/v1/files/a", vec![1; 1000]).token(token).send().expect(201);
    let path = format!("/admin/tenants/{}/stats", tenant.id);
    let stats = world.admin(Method::GET, &path).send().expect(200);
    assert_eq!(stats["tenant_id"], tenant.id.as_str());
    assert_eq!(
        [&stats["slug"], &stats["status"], &stats["plan"]],
        [tenant.slug.as_str(), "active", "enterprise"]
    );
    assert_eq!((&stats["user_count"], &stats["file_count"]), (&json!(2), &json!(1)));
    assert_eq!(stats["api_key_count"], 1);
    assert_eq!((&stats["usage"]["storage"], &stats["usage"]["users"]), (&json!(1000), &json!(2)));
    assert_eq!(stats["limits"]["api_calls"], 50_000);
    let own = tenant.get("/api/v1/tenant/stats").token(token).send().expect(200);
    assert_eq!(own["usage"]["storage"], stats["usage"]["storage"]);
    assert!(own["usage"]["api_calls"].as_i64() > stats["usage"]["api_calls"].as_i64());
}

#[test]
fn tenant_conditions_accept_tag_lists() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    let get = || world.admin(Method::GET, &path);
    let current = get().send();
    let (tag, modified) =
        (current.header("etag").to_owned(), current.header("last-modified").to_owned());
    assert_eq!(get().header("if-none-match", &format!("\"0\", W/{tag}")).send().status, 304);
    assert_eq!(get().header("if-modified-since", &modified).send().status, 304);
    let change = |name: &str, lines: &[&str]| {
        let call = world.admin(Method::PATCH, &path).json(&json!({ "name": "Changed" }));
        lines.iter().fold(call, |call, line| call.header(name, line)).send()
    };
    change("if-match", &["\"0,*,1\""]).expect_problem(412, "precondition_failed");
    change("if-none-match", &["*"]).expect_problem(412, "precondition_failed");
    change("if-none-match", &["abc"]).expect_problem(400, "invalid_header");
    let old = "Sun, 06 Nov 1994 08:49:37 GMT";
    change("if-unmodified-since", &[old]).expect_problem(412, "precondition_failed");
    let deletion = world.admin(Method::DELETE, &path).header("if-unmodified-since", old).send();
    deletion.expect_problem(412, "precondition_failed");
    let changed = change("if-match", &["\"0\"", &tag]);
    changed.expect(200);
    change("if-match", &[&tag]).expect_problem(412, "precondition_failed");
    change("if-match", &["*"]).expect(200);
}
