//! Revoked tokens, and stale versions in Redis.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Answer, TestTenant, TestUser, World};

fn profile(tenant: &TestTenant, user: &TestUser) -> Answer {
    tenant.get("/api/v1/profile").token(&user.access_token).send()
}

/// Waits for the end of the leases that earlier requests got. A change behind the back of the service does not do so.
fn wait_for_leases() {
    sleep(Duration::from_millis(200));
}

/// Runs a statement in the tenant's database.
fn change(tenant: &TestTenant, statement: &str, user: &TestUser) {
    let mut database = World::get().services.superuser(&tenant.database());
    assert_eq!(database.execute(statement, &[&user.email]).unwrap(), 1, "{statement}");
    wait_for_leases();
}

/// The tombstone version.
const ENDED: &str = "9007199254740991";

/// Returns the time of Redis minus a number of seconds.
fn ago(seconds: u64) -> String {
    let now: u64 = World::get().redis(&["TIME"])[0].parse().unwrap();
    (now - seconds).to_string()
}

fn user_key(tenant: &TestTenant, user: &TestUser) -> String {
    World::get().redis_key(&format!("t:{{{}}}:user:{}", tenant.id, user.id))
}

/// Sets the age of the cache entry of a user in Redis.
fn age(tenant: &TestTenant, user: &TestUser, seconds: u64) {
    World::get().redis(&["HSET", &user_key(tenant, user), "checked", &ago(seconds)]);
    wait_for_leases();
}

/// Returns whether the cache entry of a user was revalidated in the last seconds.
fn is_compared(tenant: &TestTenant, user: &TestUser) -> bool {
    World::get().redis(&["HGET", &user_key(tenant, user), "checked"])[0] >= ago(5)
}

// S10
#[test]
fn token_is_rejected_after_user_change() {
    let tenant = World::get().tenant();
    for statement in [
        "UPDATE users SET role = 'viewer' WHERE email = $1",
        "UPDATE users SET is_active = false WHERE email = $1",
        "UPDATE users SET version = version + 1 WHERE email = $1",
        "DELETE FROM users WHERE email = $1",
    ] {
        let user = tenant.user("user");
        profile(&tenant, &user).expect(200);
        change(&tenant, statement, &user);
        age(&tenant, &user, 60);
        let answer = profile(&tenant, &user);
        answer.expect_problem(401, "token_revoked");
        // S6
        let challenge = r#"Bearer realm="tenancy", error="invalid_token""#;
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
}

// S10
#[test]
fn token_is_rejected_after_tenant_suspension() {
    let world = World::get();
    let tenant = world.tenant();
    let suspend = "UPDATE tenants SET status = 'suspended', suspended_at = now() WHERE slug = $1";
    let mut catalog = world.services.superuser("tenancy");
    profile(&tenant, &tenant.admin).expect(200);
    catalog.execute(suspend, &[&tenant.slug]).unwrap();
    world.redis(&[
        "HSET",
        &world.redis_key(&format!("t:{{{}}}:tenant", tenant.id)),
        "checked",
        "0",
    ]);
    wait_for_leases();
    profile(&tenant, &tenant.admin).expect_problem(403, "tenant_suspended");
    catalog.execute("DELETE FROM tenants WHERE slug = $1", &[&tenant.slug]).unwrap();
    world.redis(&[
        "HSET",
        &world.redis_key(&format!("t:{{{}}}:tenant", tenant.id)),
        "checked",
        "0",
    ]);
    wait_for_leases();
    profile(&tenant, &tenant.admin).expect_problem(401, "token_revoked");
}

#[test]
fn token_newer_than_redis_is_accepted() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    profile(&tenant, &user).expect(200);
    // The cache entry in Redis is fresh, but does not have the new version.
    change(&tenant, "UPDATE users SET version = version + 1 WHERE email = $1", &user);
    let signed_in = tenant.login(&user.email, &user.password).expect(200);
    let again = TestUser::from(&signed_in);
    profile(&tenant, &again).expect(200);
    profile(&tenant, &user).expect_problem(401, "token_revoked");
}

#[test]
fn higher_redis_version_does_not_revoke() {
    let world = World::get();
    let tenant = world.tenant();
    profile(&tenant, &tenant.admin).expect(200);
    let key = user_key(&tenant, &tenant.admin);
    let version: i64 = world.redis(&["HGET", &key, "version"])[0].parse().unwrap();
    world.redis(&["HSET", &key, "version", &(version + 1).to_string()]);
    age(&tenant, &tenant.admin, 60);
    // PostgreSQL is authoritative, and Redis keeps the higher version.
    profile(&tenant, &tenant.admin).expect(200);
    assert_eq!(world.redis(&["HGET", &key, "version"])[0], (version + 1).to_string());
}

/// Waits for the result of background work, which runs some seconds after a request.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed().as_secs() < 60, "{what}");
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn version_is_revalidated_in_background() {
    let world = World::get();
    let tenant = world.tenant();
    let key = user_key(&tenant, &tenant.admin);
    let asked = || world.redis(&["HGET", &key, "asked"])[0].clone();
    profile(&tenant, &tenant.admin).expect(200);
    // Another call has recently claimed the revalidation.
    let lately = ago(1);
    world.redis(&["HSET", &key, "checked", &ago(52), "asked", &lately]);
    wait_for_leases();
    profile(&tenant, &tenant.admin).expect(200);
    assert_eq!(asked(), lately);
    // That call has not finished the revalidation.
    world.redis(&["HSET", &key, "asked", &ago(7)]);
    wait_for_leases();
    profile(&tenant, &tenant.admin).expect(200);
    assert!(asked() >= lately);
    assert!(!is_compared(&tenant, &tenant.admin));
    wait_until("the version is revalidated", || is_compared(&tenant, &tenant.admin));
    profile(&tenant, &tenant.admin).expect(200);
}

// S10
#[test]
fn revalidation_finds_changed_user() {
    let world = World::get();
    let tenant = world.tenant();
    let [changed, gone] = [tenant.user("user"), tenant.user("user")];
    let version =
        |user: &TestUser| world.redis(&["HGET", &user_key(&tenant, user), "version"])[0].clone();
    for user in [&changed, &gone] {
        profile(&tenant, user).expect(200);
    }
    let before = version(&changed);
    change(&tenant, "UPDATE users SET role = 'viewer' WHERE email = $1", &changed);
    change(&tenant, "DELETE FROM users WHERE email = $1", &gone);
    for user in [&changed, &gone] {
        age(&tenant, user, 52);
        world.redis(&["HDEL", &user_key(&tenant, user), "asked"]);
    }
    // These requests need no SQL, so both still succeed.
    for user in [&changed, &gone] {
        tenant.get("/api/v1/tenant/info").token(&user.access_token).send().expect(200);
    }
    wait_until("the changed user is found", || version(&changed) != before);
    wait_until("the deleted user is found", || version(&gone) == ENDED);
    for user in [&changed, &gone] {
        profile(&tenant, user).expect_problem(401, "token_revoked");
    }
}

// S10
#[test]
fn revalidation_finds_missed_publications() {
    let world = World::get();
    let [changed, unchanged, revoked] = [world.tenant(), world.tenant(), world.tenant()];
    let info = |tenant: &TestTenant, key: &str| tenant.get("/api/v1/tenant/info").token(key).send();
    let hashes = |tenant: &TestTenant| {
        let mut keys =
            world.redis(&["KEYS", &world.redis_key(&format!("t:{{{}}}:api_key:*", tenant.id))]);
        keys.push(world.redis_key(&format!("t:{{{}}}:tenant", tenant.id)));
        keys
    };
    let is_compared = |tenant: &TestTenant| {
        hashes(tenant).iter().all(|key| world.redis(&["HGET", key, "checked"])[0] >= ago(10))
    };
    let keys = [&changed, &unchanged, &revoked].map(|tenant| {
        let key = tenant.api_key(&["tenant:read"]);
        info(tenant, &key).expect(200);
        key
    });
    // Simulates a crash between the writes to PostgreSQL and Redis.
    let mut catalog = world.services.superuser("tenancy");
    for statement in [
        "UPDATE tenants SET name = 'Renamed' WHERE slug = $1",
        "UPDATE tenant_api_keys SET scopes = '{files:read}'
         WHERE tenant_id = (SELECT id FROM tenants WHERE slug = $1)",
    ] {
        catalog.execute(statement, &[&changed.slug]).unwrap();
    }
    let revoke = "UPDATE tenant_api_keys SET revoked_at = now()
                  WHERE tenant_id = (SELECT id FROM tenants WHERE slug = $1)";
    catalog.execute(revoke, &[&revoked.slug]).unwrap();
    let unused = "UPDATE tenant_api_keys SET last_used_at = now() - interval '1 hour'
                  WHERE tenant_id = (SELECT id FROM tenants WHERE slug = $1)";
    catalog.execute(unused, &[&unchanged.slug]).unwrap();
    for tenant in [&changed, &unchanged, &revoked] {
        for key in hashes(tenant) {
            world.redis(&["HSET", &key, "checked", &ago(52)]);
        }
    }
    // The requests still succeed, and trigger the revalidation.
    for (tenant, key) in [&changed, &unchanged, &revoked].into_iter().zip(&keys) {
        info(tenant, key).expect(200);
    }
    wait_until("the unchanged tenant is revalidated", || is_compared(&unchanged));
    info(&unchanged, &keys[1]).expect(200);
    let last_use = "SELECT bool_or(last_used_at > now() - interval '1 minute')
                    FROM tenant_api_keys k JOIN tenants t ON t.id = k.tenant_id WHERE t.slug = $1";
    assert!(catalog.query_one(last_use, &[&unchanged.slug]).unwrap().get::<_, bool>(0));
    wait_until("the changed tenant is revalidated", || is_compared(&changed));
    info(&changed, &keys[0]).expect_problem(403, "forbidden");
    assert_eq!(info(&changed, &changed.admin.access_token).expect(200)["name"], "Renamed");
    // No call waits for the update of Redis, which happens in the background.
    let is_retired = |key: &String| world.redis(&["HGET", key, "version"])[0] == ENDED;
    wait_until("the revoked key is found", || hashes(&revoked).iter().any(is_retired));
    info(&revoked, &keys[2]).expect_problem(401, "invalid_api_key");
}

// S10
#[test]
fn stale_version_is_never_accepted() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    profile(&tenant, &user).expect(200);
    change(&tenant, "UPDATE users SET is_active = false WHERE email = $1", &user);
    // Another call has claimed the revalidation, and never finishes it.
    let key = user_key(&tenant, &user);
    world.redis(&["HSET", &key, "checked", &ago(61), "asked", &ago(0)]);
    profile(&tenant, &user).expect_problem(401, "token_revoked");
}
