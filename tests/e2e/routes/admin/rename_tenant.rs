//! `POST /admin/tenants/{id}/rename` and `/admin/tenants/{id}/former-slugs`

use e2e::{Answer, TestTenant, World, database::connect, unique};
use http::Method;
use serde_json::json;

fn rename(tenant: &TestTenant, slug: &str) -> Answer {
    let path = format!("/admin/tenants/{}/rename", tenant.id);
    World::get().admin_post(&path, &json!({ "slug": slug })).send()
}

fn create(slug: &str) -> Answer {
    let body = json!({ "name": "Other", "admin_email": "a@other.example", "slug": slug });
    World::get().admin_post("/admin/tenants", &body).send()
}

fn former_slugs(tenant: &TestTenant) -> Vec<String> {
    let path = format!("/admin/tenants/{}/former-slugs", tenant.id);
    let page = World::get().admin(Method::GET, &path).send().expect(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["total"], items.len());
    items.iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
}

fn release(tenant: &TestTenant, slug: &str) -> Answer {
    let path = format!("/admin/tenants/{}/former-slugs/{slug}", tenant.id);
    World::get().admin(Method::DELETE, &path).send()
}

#[test]
fn credentials_survive_rename() {
    let world = World::get();
    let tenant = world.tenant();
    let (old, new) = (tenant.slug.clone(), unique("renamed"));
    let token = &tenant.admin.access_token;
    let key = tenant.api_key(&["tenant:read"]);
    let mut database = connect(&tenant.database_credential("write")).unwrap();
    let renamed = rename(&tenant, &new);
    assert_eq!(renamed.expect(200)["slug"], new);
    assert!(renamed.header("etag").starts_with('"'));

    let info = |slug: &str, credential: &str| {
        world.get_path("/api/v1/tenant/info").slug(slug).token(credential).send()
    };
    for credential in [token, &key] {
        assert_eq!(info(&new, credential).expect(200)["slug"], new);
        info(&old, credential).expect_problem(403, "tenant_mismatch");
    }
    database.batch_execute("SELECT 1").unwrap();
    let verified = world.get_path("/api/v1/auth/verify").token(token).send();
    assert_eq!(verified.header("x-tenant-slug"), new, "{}", verified.text);
    let refresh = json!({ "refresh_token": tenant.admin.refresh_token });
    world.post("/api/v1/auth/refresh", &refresh).slug(&new).send().expect(200);

    let login = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
    let login = |slug: &str| world.post("/api/v1/auth/login", &login).slug(slug).send();
    login(&new).expect(200);
    // Like any name of no tenant.
    login(&old).expect_problem(401, "invalid_credentials");
    let event = tenant.wait_until_audited("tenant.renamed", 1).remove(0);
    assert_eq!(event["detail"]["before"], json!({ "slug": old }));
    assert_eq!(event["detail"]["after"], json!({ "slug": new }));
}

#[test]
fn former_slug_is_reserved_for_its_tenant() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let (first, second) = (tenant.slug.clone(), unique("renamed"));
    rename(&tenant, &other.slug).expect_problem(409, "slug_taken");
    assert_eq!(former_slugs(&tenant), [] as [&str; 0]);
    rename(&tenant, &second).expect(200);
    // A repeated call changes nothing.
    rename(&tenant, &second).expect(200);
    assert_eq!(tenant.wait_until_audited("tenant.renamed", 1).len(), 1);
    create(&first).expect_problem(409, "slug_taken");
    rename(&other, &first).expect_problem(409, "slug_taken");
    release(&other, &first).expect_problem(404, "former_slug_not_found");
    assert_eq!(former_slugs(&tenant), [first.as_str()]);
    // The tenant itself can return to it.
    rename(&tenant, &first).expect(200);
    assert_eq!(former_slugs(&tenant), [second.as_str()]);
    create(&second).expect_problem(409, "slug_taken");
    assert_eq!(release(&tenant, &second).status, 204);
    release(&tenant, &second).expect_problem(404, "former_slug_not_found");
    tenant.wait_until_audited("tenant.slug_released", 1);
    rename(&other, &second).expect(200);
}

#[test]
fn destruction_frees_former_slugs() {
    let world = World::get();
    let tenant = world.tenant();
    rename(&tenant, &unique("renamed")).expect(200);
    let path = format!("/admin/tenants/{}?hard_delete=true", tenant.id);
    assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
    create(&tenant.slug).expect(201);
}

#[test]
fn invalid_rename_is_refused() {
    let world = World::get();
    let tenant = world.tenant();
    for slug in ["", "Acme", "admin", "a--b"] {
        assert_eq!(rename(&tenant, slug).expect_invalid(), ["slug"], "{slug}");
    }
    let path = format!("/admin/tenants/{}/rename", tenant.id);
    let body = json!({ "slug": unique("renamed") });
    let stale = world.admin_post(&path, &body).header("if-match", "\"0\"").send();
    stale.expect_problem(412, "precondition_failed");
    let absent = format!("/admin/tenants/{}/rename", "01920000-0000-7000-8000-000000000000");
    world.admin_post(&absent, &body).send().expect_problem(404, "tenant_not_found");
    let deletion = format!("/admin/tenants/{}", tenant.id);
    assert_eq!(world.admin(Method::DELETE, &deletion).send().status, 204);
    world.admin_post(&path, &body).send().expect_problem(409, "illegal_transition");
    release(&tenant, "never-had").expect_problem(404, "former_slug_not_found");
}
