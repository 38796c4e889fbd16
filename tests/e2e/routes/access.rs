//! The table of access, walked: every route with every kind of caller.

use e2e::World;
use tenancy::access::{Access, ROUTES, Role};

#[test]
fn every_route_takes_whom_the_table_says() {
    let world = World::get();
    let tenant = world.tenant();
    let (user, viewer) = (tenant.user("user"), tenant.user("viewer"));
    let operator = world.admin_key();
    for (method, path, access) in ROUTES {
        let path = path.replace("{id}", &tenant.id);
        let call = |token: Option<&str>| {
            let call = world.call(method.clone(), &path);
            let call = token.into_iter().fold(call, e2e::Call::token);
            call.send().status
        };
        let refused = |status: u16| status == 401 || status == 403;
        let callers = [
            (None, None, false),
            (Some(viewer.access_token.as_str()), Some(Role::Viewer), false),
            (Some(user.access_token.as_str()), Some(Role::User), false),
            (Some(tenant.admin.access_token.as_str()), Some(Role::Admin), false),
            (Some(operator.as_str()), None, true),
        ];
        for (token, role, is_operator) in callers {
            let may = match access {
                Access::Public => true,
                Access::Operator => is_operator,
                Access::Member(scope) => role.is_some_and(|role| role.scopes().contains(scope)),
            };
            let status = call(token);
            assert_eq!(!refused(status), may, "{method} {path} as {role:?}: {status}");
            assert!(status < 500 && status != 404 && status != 405, "{method} {path}: {status}");
        }
    }
}
