use e2e::{Busy, World};
use serde_json::json;

use super::{json, run};

// The promise of a revocation does not depend on the host that made it.
#[test]
fn revoked_key_is_refused_by_busy_hosts() {
    let world = World::get();
    let tenant = world.tenant();
    let other = world.another_application(&world.services.databases());
    let created = json(&["key", "create", &tenant.slug, "busy", "--scope", "tenant:read"]);
    let (id, key) = (created["id"].as_str().unwrap(), created["api_key"].as_str().unwrap());
    let busy = Busy {
        hosts: [world.address(), &other.address],
        path: "/api/v1/tenant/info",
        credential: key,
        refused: (401, "invalid_api_key"),
        may_fail: false,
    };
    let revoked = busy.during(|| json(&["key", "revoke", &tenant.slug, id]));
    assert_eq!(revoked["revoked_api_key"], id);
    run(&["key", "revoke", &tenant.slug, id]).expect(3);
}

#[test]
fn suspended_tenant_is_refused_by_busy_hosts() {
    let world = World::get();
    let tenant = world.tenant();
    let other = world.another_application(&world.services.databases());
    let busy = Busy {
        hosts: [world.address(), &other.address],
        path: "/api/v1/tenant/info",
        credential: &tenant.admin.access_token,
        refused: (403, "tenant_suspended"),
        may_fail: false,
    };
    busy.during(|| json(&["tenant", "suspend", &tenant.slug]));
}

#[test]
fn key_of_another_tenant_is_not_found() {
    let (acme, globex) = (World::get().tenant(), World::get().tenant());
    let created = json(&["key", "create", &globex.slug, "theirs", "--scope", "all"]);
    for name in ["id", "prefix"] {
        let name = created[name].as_str().unwrap();
        run(&["key", "revoke", &acme.slug, name]).expect(3);
    }
    let key = created["api_key"].as_str().unwrap();
    globex.get("/api/v1/tenant/info").token(key).send().expect(200);
    let listed = json(&["key", "list", &globex.slug]);
    assert!(!listed.to_string().contains(key), "{listed}");
    assert_eq!(listed["total"], 2);
    let prefix = created["prefix"].as_str().unwrap();
    json(&["key", "revoke", &globex.slug, prefix]);
    globex.get("/api/v1/tenant/info").token(key).send().expect_problem(401, "invalid_api_key");
}

#[test]
fn invalid_key_names_its_fields() {
    let tenant = World::get().tenant();
    let arguments = [
        "key",
        "create",
        &tenant.slug,
        "",
        "--scope",
        "nonsense",
        "--expires-at",
        "tomorrow",
        "--max-requests-per-day",
        "0",
        "--output",
        "json",
    ];
    let problem = run(&arguments).expect(2).problem();
    let fields: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    let expected = ["name", "scopes", "expires_at", "max_requests_per_day"];
    assert_eq!(fields, expected.map(|name| json!(name)).iter().collect::<Vec<_>>());
    assert_eq!((&problem["code"], &problem["exit_code"]), (&json!("validation_failed"), &json!(2)));
}

// A command that was killed between PostgreSQL and Redis is repeated.
#[test]
fn repeated_revocation_publishes_again() {
    let world = World::get();
    let tenant = world.tenant();
    for name in ["id", "prefix"] {
        let created = json(&["key", "create", &tenant.slug, "repeated", "--scope", "tenant:read"]);
        let key = created["api_key"].as_str().unwrap();
        let call = || tenant.get("/api/v1/tenant/info").token(key).send();
        call().expect(200);
        let interrupted = "UPDATE tenant_api_keys SET revoked_at = now() WHERE id::text = $1";
        let mut catalog = world.services.superuser("tenancy");
        catalog.execute(interrupted, &[&created["id"].as_str().unwrap()]).unwrap();
        call().expect(200);
        run(&["key", "revoke", &tenant.slug, created[name].as_str().unwrap()]).expect(3);
        call().expect_problem(401, "invalid_api_key");
    }
}

#[test]
fn repeated_deletion_publishes_again() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let call = || tenant.get("/api/v1/profile").token(&user.access_token).send();
    call().expect(200);
    let interrupted = "DELETE FROM tenancy.users WHERE id::text = $1";
    world.services.superuser(&tenant.database()).execute(interrupted, &[&user.id]).unwrap();
    run(&["user", "delete", &tenant.slug, &user.id, "--yes"]).expect(3);
    assert_eq!(call().status, 401);
}
