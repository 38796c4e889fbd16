//! Overwritten and deleted cache entries do not reappear.

use e2e::Restart;

use crate::support::Arena;

#[test]
fn stale_cache_entry_disappears_after_restart() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    let token = &tenant.admin.access_token;
    let put = |name: &str, value: &str| {
        let put = tenant.put(&format!("/api/v1/cache/{name}"), value).token(token).send();
        assert!(matches!(put.status, 201 | 204), "{}", put.text);
    };
    let get = |name: &str| tenant.get(&format!("/api/v1/cache/{name}")).token(token).send();
    put("overwritten", "old");
    put("deleted", "old");
    arena.world.services.save_redis();
    put("overwritten", "new");
    assert_eq!(tenant.delete("/api/v1/cache/deleted").token(token).send().status, 204);
    arena.restart_redis(Restart::Newest);
    for name in ["overwritten", "deleted"] {
        get(name).expect_problem(404, "cache_entry_not_found");
    }
    put("overwritten", "newest");
    assert_eq!(get("overwritten").text, "newest");
}

/// Key names contain the Redis process, so no request reads the keys of an earlier process.
#[test]
fn keys_of_earlier_process_are_removed() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    let token = &tenant.admin.access_token;
    tenant.put("/api/v1/cache/k", "value").token(token).send();
    let keys = || arena.world.redis(&["--scan", "--pattern", "*:cache:k"]);
    let of_this_tenant = || keys().into_iter().filter(|key| key.contains(&tenant.id)).count();
    assert_eq!(of_this_tenant(), 1);
    arena.world.services.save_redis();
    arena.restart_redis(Restart::Newest);
    crate::support::wait_until("the keys are removed", || {
        arena.accepts(token);
        of_this_tenant() == 0
    });
}
