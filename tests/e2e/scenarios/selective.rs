//! Selective deployment on a real Spin, as `deploy/kubernetes` uses it: a host runs some of the components.

use e2e::{Application, Call, FileStore, World};
use http::Method;
use serde_json::json;

#[test]
#[ignore = "needs a real Spin"]
fn chosen_components_serve_only_their_paths() {
    let world = World::get();
    let tenant = world.tenant();
    let folder = world.services.folder();
    let start = |components: &[&str]| {
        let arguments: Vec<_> =
            components.iter().flat_map(|component| ["--component-id", *component]).collect();
        Application::start_sharing_with(&world.settings(), &folder, FileStore::Own, &arguments)
    };
    let auth = start(&["account", "auth", "health", "outbound"]);
    let own = start(&["tenant", "health"]);
    let get = |application: &Application, path: &str| {
        let call = Call::new(Method::GET, &application.address, path);
        call.token(&tenant.admin.access_token).send()
    };
    for application in [&auth, &own] {
        get(application, "/health").expect(200);
    }
    let credentials = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
    let login = Call::new(Method::POST, &auth.address, "/api/v1/auth/login");
    let signed_in = login.slug(&tenant.slug).json(&credentials).send().expect(200);
    get(&auth, "/api/v1/profile").expect(200);
    get(&own, "/api/v1/tenant/info").expect(200);
    // The component health answers unknown paths.
    get(&auth, "/api/v1/tenant/info").expect_problem(404, "route_not_found");
    get(&own, "/api/v1/profile").expect_problem(404, "route_not_found");
    get(&own, "/admin/tenants").expect_problem(404, "route_not_found");

    // A revocation at one part takes effect at the other on the next request.
    let token = signed_in["access_token"].as_str().unwrap();
    let call = |application: &Application, method, path| {
        Call::new(method, &application.address, path).token(token)
    };
    call(&own, Method::GET, "/api/v1/tenant/info").send().expect(200);
    let logout = call(&auth, Method::POST, "/api/v1/auth/logout").send();
    assert_eq!(logout.status, 204, "{}", logout.text);
    assert_eq!(call(&own, Method::GET, "/api/v1/tenant/info").send().status, 401);
}
