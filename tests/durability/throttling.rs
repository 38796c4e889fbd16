//! The counts of failed sign-ins survive a restart of Redis.

use e2e::Restart;

use crate::support::Arena;

// S14
#[test]
fn failed_sign_ins_survive_redis_restart() {
    let arena = Arena::enter();
    for restart in [Restart::Newest, Restart::Empty] {
        let tenant = arena.world.tenant();
        arena.world.services.save_redis();
        for _ in 0..5 {
            tenant
                .login(&tenant.admin.email, "a wrong password")
                .expect_problem(401, "invalid_credentials");
        }
        arena.restart_redis(restart);
        tenant
            .login(&tenant.admin.email, "a wrong password")
            .expect_problem(429, "too_many_attempts");
    }
}

#[test]
fn successful_sign_in_clears_all_failures() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    for _ in 0..4 {
        tenant
            .login(&tenant.admin.email, "a wrong password")
            .expect_problem(401, "invalid_credentials");
    }
    tenant.login(&tenant.admin.email, &tenant.admin.password).expect(200);
    arena.restart_redis(Restart::Empty);
    tenant
        .login(&tenant.admin.email, "a wrong password")
        .expect_problem(401, "invalid_credentials");
    tenant.login(&tenant.admin.email, &tenant.admin.password).expect(200);
}
