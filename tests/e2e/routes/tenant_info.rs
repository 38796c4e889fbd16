//! `GET /api/v1/tenant/info`

use e2e::World;
use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;

#[test]
fn all_roles_can_read_tenant() {
    let tenant = World::get().tenant();
    for role in ["admin", "user", "viewer"] {
        let user = tenant.user(role);
        let info = tenant.get("/api/v1/tenant/info").token(&user.access_token).send().expect(200);
        assert_eq!(info["id"], tenant.id);
        assert_json_snapshot!("tenant_info", info, {
            ".id" => "[id]",
            ".slug" => "[slug]",
            ".name" => "[name]",
            ".admin_email" => "[email]",
            ".created_at" => "[time]",
            ".updated_at" => "[time]",
        });
    }
}

// S21
#[test]
fn private_settings_are_hidden_from_tenant() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    let body =
        json!({ "settings": { "theme": "dark" }, "private_settings": { "note": "owes us money" } });
    let changed = world.admin(Method::PATCH, &path).json(&body).send().expect(200);
    assert_eq!(changed["private_settings"], body["private_settings"]);
    let key = tenant.api_key(&["tenant:read"]);
    for credential in [&tenant.user("viewer").access_token, &tenant.admin.access_token, &key] {
        for path in ["/api/v1/tenant/info", "/api/v1/tenant/stats", "/api/v1/auth/verify"] {
            let answer = tenant.get(path).token(credential).send();
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert!(!answer.text.contains("owes us money"), "{}", answer.text);
            assert!(!answer.text.contains("private_settings"), "{}", answer.text);
        }
        let info = tenant.get("/api/v1/tenant/info").token(credential).send().expect(200);
        assert_eq!(info["settings"], json!({ "theme": "dark" }));
    }
    // Each kind of settings changes independently, and the operator sees both.
    let theme = json!({ "settings": { "theme": "light" } });
    world.admin(Method::PATCH, &path).json(&theme).send().expect(200);
    let search = format!("/admin/tenants?search={}", tenant.slug);
    let listed = world.admin(Method::GET, &search).send().expect(200);
    let shown = world.admin(Method::GET, &path).send().expect(200);
    for found in [&listed["items"][0], &shown] {
        assert_eq!(found["private_settings"], body["private_settings"]);
        assert_eq!(found["settings"], theme["settings"]);
    }
    // The audit trail, which the tenant can read, contains the field name but not its value.
    let event = &tenant.wait_until_audited("tenant.updated", 2)[0];
    assert!(!event.to_string().contains("owes us money"), "{event}");
    let wrong = json!({ "private_settings": [] });
    let named = world.admin(Method::PATCH, &path).json(&wrong).send().expect_invalid();
    assert_eq!(named, ["private_settings"]);
}
