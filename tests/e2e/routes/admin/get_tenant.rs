//! `GET /admin/tenants/{id}`

use e2e::World;
use http::Method;

#[test]
fn tenant_is_returned_without_credentials() {
    let world = World::get();
    let tenant = world.tenant();
    let shown =
        world.admin(Method::GET, &format!("/admin/tenants/{}", tenant.id)).send().expect(200);
    let mut expected = tenant.created.clone();
    let expected = expected.as_object_mut().unwrap();
    expected.remove("api_key");
    expected.remove("setup_token");
    assert_eq!(shown.as_object().unwrap(), expected);
}

#[test]
fn unknown_tenant_returns_404() {
    let world = World::get();
    for id in [
        "00000000-0000-0000-0000-000000000000",
        "1",
        "acme",
        "%00",
        "%ff",
        "..%2f..",
        "'%20OR%20'1'='1",
    ] {
        let answer = world.admin(Method::GET, &format!("/admin/tenants/{id}")).send();
        answer.expect_problem(404, "tenant_not_found");
    }
}
