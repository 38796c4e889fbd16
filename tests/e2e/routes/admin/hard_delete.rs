//! `DELETE /admin/tenants/{id}?hard_delete=true`: no data remains, and the names are free.

use e2e::{TestTenant, World};
use http::Method;
use serde_json::{Value, json};
use sha2::Digest as _;

fn destroy(tenant: &TestTenant) {
    let path = format!("/admin/tenants/{}?hard_delete=true", tenant.id);
    let answer = World::get().admin(Method::DELETE, &path).send();
    let id = answer.header("x-request-id");
    assert_eq!(answer.status, 204, "{}", World::get().logged(id));
}

fn count(statement: &str, parameter: &str) -> i64 {
    let mut superuser = World::get().services.superuser("tenancy");
    superuser.query_one(statement, &[&parameter]).unwrap().get(0)
}

/// Returns the details of the receipt of a destruction in the platform's audit trail.
fn receipt(tenant: &str) -> Value {
    let statement = "SELECT detail::text FROM tenant_audit_logs
                     WHERE tenant_id IS NULL AND event = 'tenant.erased' AND resource_id = $1";
    let mut superuser = World::get().services.superuser("tenancy");
    let row = superuser.query_one(statement, &[&tenant]).expect("there is one receipt");
    serde_json::from_str(row.get(0)).expect("a receipt is JSON")
}

// S22, S24
#[test]
fn hard_delete_removes_all_data() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    tenant.put("/api/v1/files/secret.txt", "remains").token(token).send().expect(201);
    assert_eq!(tenant.put("/api/v1/cache/k", "remains").token(token).send().status, 201);
    let key = tenant.api_key(&["tenant:read"]);
    let path = format!("/admin/tenants/{}", tenant.id);
    let body = json!({ "domains": [format!("{}.example.org", tenant.slug)] });
    world.admin(Method::PATCH, &path).json(&body).send().expect(200);
    destroy(&tenant);

    world.admin(Method::GET, &path).send().expect_problem(404, "tenant_not_found");
    for credential in [token, &key] {
        let answer = world.get_path("/api/v1/tenant/info").token(credential).send();
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    let role = format!("tenant_{}", tenant.id.replace('-', ""));
    for (statement, parameter) in [
        ("SELECT count(*) FROM pg_database WHERE datname = $1", tenant.database().as_str()),
        ("SELECT count(*) FROM pg_roles WHERE rolname = $1", role.as_str()),
        ("SELECT count(*) FROM tenants WHERE id::text = $1", tenant.id.as_str()),
        ("SELECT count(*) FROM tenant_domains WHERE tenant_id::text = $1", tenant.id.as_str()),
        ("SELECT count(*) FROM tenant_api_keys WHERE tenant_id::text = $1", tenant.id.as_str()),
        ("SELECT count(*) FROM tenant_usage WHERE tenant_id::text = $1", tenant.id.as_str()),
    ] {
        assert_eq!(count(statement, parameter), 0, "{statement}");
    }
    // Only tombstones remain in Redis.
    let left = world.redis(&["KEYS", &world.redis_key(&format!("t:{{{}}}:*", tenant.id))]);
    assert!(left.iter().all(|key| !key.contains("cache") && !key.contains("usage")), "{left:?}");
    assert_eq!(world.stored_chunks(&tenant.id), Vec::<(String, Vec<u8>)>::new());
    // The audit trail stays, and records the destruction.
    assert_eq!(tenant.wait_until_audited("tenant.destroyed", 1)[0]["severity"], "critical");

    let receipt = receipt(&tenant.id);
    assert_eq!(receipt["receipt"]["slug"], tenant.slug);
    let removed = &receipt["receipt"]["removed"];
    assert_eq!((&removed["users"], &removed["files"]), (&json!(1), &json!(1)), "{receipt}");
    assert_eq!((&removed["file_bytes"], &removed["api_keys"]), (&json!(7), &json!(2)), "{receipt}");
    assert_eq!(receipt["operator"]["credential"], "break_glass");
    let text = receipt["receipt"].to_string();
    let checksum = sha2::Sha256::digest(text.as_bytes());
    let checksum: Vec<_> = checksum.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(receipt["sha256"], checksum.concat());

    let again = world.tenant_of(&tenant.slug);
    assert_ne!(again.id, tenant.id);
    let token = &again.admin.access_token;
    let files = again.get("/api/v1/files").token(token).send().expect(200);
    assert_eq!(files["items"], json!([]));
    again.get("/api/v1/cache/k").token(token).send().expect_problem(404, "cache_entry_not_found");
    again.get("/api/v1/tenant/info").token(&key).send().expect_problem(401, "invalid_api_key");
}

#[test]
fn deleted_tenant_can_be_destroyed_once() {
    let world = World::get();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
    destroy(&tenant);
    let path = format!("{path}?hard_delete=true");
    world.admin(Method::DELETE, &path).send().expect_problem(404, "tenant_not_found");
    let path = format!("/admin/tenants/{}?hard_delete=perhaps", tenant.id);
    assert_eq!(world.admin(Method::DELETE, &path).send().expect_invalid(), ["hard_delete"]);
}
