//! Changes by `tenantctl` take effect on the next request, while two hosts are busy and hold leases.

use e2e::{Application, Busy, TestTenant, TestUser, World, unique};

use super::{json, plans, run};

const INFO: &str = "/api/v1/tenant/info";

/// Keeps 16 clients of two hosts busy with a user's token while a command runs. Requests that start after it has returned
/// must be rejected.
fn busy_while(
    other: &Application,
    tenant: &TestTenant,
    user: &TestUser,
    refused: (u16, &str),
    arguments: &[&str],
) {
    let world = World::get();
    let hosts = [world.address(), &other.address];
    Busy { hosts, path: INFO, credential: &user.access_token, refused, may_fail: false }.during(
        || {
            assert!(world.redis_client().leases(&tenant.id).granted() > 0, "the tenant has leases");
            json(arguments);
        },
    );
}

#[test]
fn changed_users_are_refused_by_busy_hosts() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    let other = world.another_application(&world.services.databases());
    let revoked = (401, "token_revoked");
    for command in ["delete", "deactivate", "reset-password", "remove-second-factors"] {
        let user = tenant.user("user");
        let mut arguments = vec!["user", command, &tenant.slug, &user.email];
        arguments.extend((command == "delete").then_some("--yes"));
        busy_while(&other, &tenant, &user, revoked, &arguments);
    }
    let user = tenant.user("user");
    let update = ["user", "update", &tenant.slug, &user.email, "--role", "viewer"];
    busy_while(&other, &tenant, &user, revoked, &update);
}

#[test]
fn lower_limit_of_a_plan_applies_at_busy_hosts() {
    let world = World::get();
    let tenant = world.tenant();
    let other = world.another_application(&world.services.databases());
    let plan = unique("busy");
    plans::create(&plan, "requests_per_minute=1000000");
    json(&["tenant", "update", &tenant.slug, "--plan", &plan]);
    let update = ["plan", "update", &plan, "--set-limit", "requests_per_minute=1"];
    // More calls than the new limit have been counted.
    busy_while(&other, &tenant, &tenant.admin, (429, "rate_limited"), &update);
    run(&["plan", "show", &plan]).expect(0);
}
