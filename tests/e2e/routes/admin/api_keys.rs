//! `/admin/tenants/{id}/api-keys`

use e2e::World;
use http::Method;
use serde_json::json;

#[test]
fn operator_manages_tenant_api_keys() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}/api-keys", tenant.id);
    let body = json!({ "name": "by the operator", "scopes": ["tenant:read"] });
    let created = world.admin_post(&path, &body).send().expect(201);
    let (key, id) = (created["api_key"].as_str().unwrap(), created["id"].as_str().unwrap());
    let info = || world.get_path("/api/v1/tenant/info").token(key).send();
    assert_eq!(info().expect(200)["id"], tenant.id.as_str());
    let listed = world.admin(Method::GET, &path).send();
    assert_eq!(listed.expect(200)["total"], 2);
    assert!(!listed.text.contains(key));
    let one = format!("{path}/{id}");
    assert_eq!(world.admin(Method::DELETE, &one).send().status, 204);
    info().expect_problem(401, "invalid_api_key");
    world.admin(Method::DELETE, &one).send().expect_problem(404, "api_key_not_found");
    // S18
    let other = world.tenant();
    let first = &world.admin(Method::GET, &path).send().expect(200)["items"][0]["id"];
    let foreign = format!("/admin/tenants/{}/api-keys/{}", other.id, first.as_str().unwrap());
    world.admin(Method::DELETE, &foreign).send().expect_problem(404, "api_key_not_found");
    assert_eq!(tenant.wait_until_audited("api_key.created", 1)[0]["actor_type"], "platform");
    tenant.wait_until_audited("api_key.revoked", 1);
}

#[test]
fn deleted_tenant_rejects_new_api_key() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    let keys = format!("{path}/api-keys");
    let body = json!({ "name": "another", "scopes": [] });
    world.admin(Method::PATCH, &path).json(&json!({ "status": "suspended" })).send().expect(200);
    world.admin_post(&keys, &body).send().expect(201);
    assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
    world.admin_post(&keys, &body).send().expect_problem(403, "tenant_deleted");
    assert_eq!(world.admin_post(&keys, &json!({})).send().expect_invalid(), ["name", "scopes"]);
}
