//! Outages of stores: unaffected requests are served, and no request hangs.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Call, Databases, Proxy, TestTenant, World};
use http::Method;
use serde_json::json;

/// An application whose stores can be disconnected.
struct Fragile {
    application: e2e::Application,
    postgres: Proxy,
    redis: Proxy,
}

fn fragile() -> Fragile {
    let world = World::get();
    let direct = world.services.databases();
    let (postgres, redis) = (Proxy::start(&direct.postgres), Proxy::start(&direct.redis));
    let databases = Databases { postgres: postgres.address.clone(), redis: redis.address.clone() };
    Fragile { application: world.another_application(&databases), postgres, redis }
}

impl Fragile {
    fn get(&self, path: &str) -> Call {
        Call::new(Method::GET, &self.application.address, path)
    }

    fn info(&self, tenant: &TestTenant) -> e2e::Answer {
        self.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send()
    }
}

#[test]
fn redis_outage_keeps_sessions_working() {
    let tenant = World::get().tenant();
    let fragile = fragile();
    fragile.info(&tenant).expect(200);
    fragile.redis.close();
    let begin = Instant::now();
    for _ in 0..5 {
        fragile.info(&tenant).expect(200);
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    let report = fragile.get("/health/detailed").send().expect(200);
    assert_eq!(report["status"], "degraded");
    assert_eq!(report["redis"]["status"], "unavailable");
    assert_eq!(report["catalog"]["status"], "healthy");
    fragile.redis.open();
    let begin = Instant::now();
    while fragile.get("/health/detailed").send().expect(200)["status"] != "healthy" {
        assert!(begin.elapsed() < Duration::from_secs(20), "Redis is used again");
    }
}

#[test]
fn redis_outage_keeps_changes_immediate() {
    let world = World::get();
    let tenant = world.tenant();
    let fragile = fragile();
    fragile.info(&tenant).expect(200);
    fragile.redis.close();
    let suspend = "UPDATE tenants SET status = 'suspended', suspended_at = now() WHERE slug = $1";
    world.services.superuser("tenancy").execute(suspend, &[&tenant.slug]).unwrap();
    fragile.info(&tenant).expect_problem(403, "tenant_suspended");
}

#[test]
fn postgresql_outage_serves_only_verified_requests() {
    let world = World::get();
    let tenant = world.tenant();
    let fragile = fragile();
    fragile.info(&tenant).expect(200);
    fragile.postgres.close();
    for _ in 0..5 {
        fragile.info(&tenant).expect(200);
    }
    let login = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
    let address = &fragile.application.address;
    let answer = Call::new(Method::POST, address, "/api/v1/auth/login")
        .slug(&tenant.slug)
        .json(&login)
        .send();
    answer.expect_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    // S31
    assert!(
        !answer.text.contains("127.0.0.1") && !answer.text.contains("tenancy@"),
        "{}",
        answer.text
    );
    fragile.get("/health").send().expect(200);
    let report = fragile.get("/health/detailed").send().expect(503);
    assert_eq!(
        (&report["status"], &report["catalog"]["status"]),
        (&json!("unhealthy"), &json!("unavailable"))
    );
    fragile.postgres.open();
    let body =
        Call::new(Method::POST, address, "/api/v1/auth/login").slug(&tenant.slug).json(&login);
    // The session is created in the tenant's database, whose recorded address bypasses the proxy.
    body.send().expect(200);
}

#[test]
fn postgresql_outage_limits_version_age() {
    let world = World::get();
    let tenant = world.tenant();
    let (user, gone) = (tenant.user("user"), tenant.user("user"));
    let fragile = fragile();
    let info =
        |user: &e2e::TestUser| fragile.get("/api/v1/tenant/info").token(&user.access_token).send();
    let key =
        |user: &e2e::TestUser| world.redis_key(&format!("t:{{{}}}:user:{}", tenant.id, user.id));
    let age = |user: &e2e::TestUser, seconds: u64| {
        let now: u64 = world.redis(&["TIME"])[0].parse().unwrap();
        let checked = (now - seconds).to_string();
        world.redis(&["HSET", &key(user), "checked", &checked]);
        world.redis(&[
            "HSET",
            &world.redis_key(&format!("t:{{{}}}:tenant", tenant.id)),
            "checked",
            &checked,
        ]);
        // The leases that earlier requests got end.
        sleep(Duration::from_millis(200));
    };
    info(&user).expect(200);
    info(&gone).expect(200);
    let deactivate = "UPDATE users SET is_active = false WHERE email = $1";
    world.services.superuser(&tenant.database()).execute(deactivate, &[&gone.email]).unwrap();
    age(&gone, 60);
    info(&gone).expect_problem(401, "token_revoked");
    fragile.postgres.close();
    age(&gone, 120);
    // A user that was found to be deactivated stays rejected.
    info(&gone).expect_problem(401, "token_revoked");
    // The tenant's database is reachable at its recorded address, but the catalog is not.
    age(&user, 120);
    info(&user).expect(200);
    // The entry expires in Redis after ten minutes.
    let left: i64 = world.redis(&["TTL", &key(&user)])[0].parse().unwrap();
    assert!((1..=600).contains(&left), "{left}");
    world.redis(&["DEL", &world.redis_key(&format!("t:{{{}}}:tenant", tenant.id))]);
    let answer = info(&user);
    answer.expect_problem(503, "unavailable");
}

// S8
#[test]
fn weak_setting_returns_503_with_name() {
    let world = World::get();
    let mut settings = world.settings();
    settings.insert("JWT_SECRET_KEY", "short".to_owned());
    let application = e2e::Application::start(&settings, &world.services.folder());
    let get = |path: &str| Call::new(Method::GET, &application.address, path).send();
    get("/health").expect(200);
    for path in ["/api/v1/profile", "/api/v1/tenant/info"] {
        let answer = get(path);
        let problem = answer.expect_problem(503, "misconfigured");
        assert!(problem["detail"].as_str().unwrap().contains("JWT_SECRET_KEY"), "{problem}");
    }
    // The other components do not use this secret.
    get("/admin/tenants").expect_problem(401, "authentication_required");
    settings.insert("METRICS_TOKEN", "short".to_owned());
    let application = e2e::Application::start(&settings, &world.services.folder());
    let get = |path: &str| Call::new(Method::GET, &application.address, path).send();
    let report = get("/health/detailed").expect(503);
    assert_eq!(report["settings"], json!(["METRICS_TOKEN must have at least 32 bytes"]));
}
