//! Operator keys in combination with other credentials, in the audit trail, and at their maximum number.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Application, Call, Services, World, tenantctl, unique};
use http::Method;
use serde_json::{Value, json};

// S16
#[test]
fn operator_key_is_accepted_in_headers() {
    let world = World::get();
    let (key, other) = (world.operator_key(&["plans:read"]), world.operator_key(&["plans:read"]));
    let plans = || world.get_path("/admin/plans");
    for header in ["x-admin-key", "x-admin-api-key", "x-api-key"] {
        plans().header(header, &key.text).send().expect(200);
        plans().header(header, &key.text).token(&key.text).send().expect(200);
        // A second credential of any kind is rejected.
        for second in [&other.text, &world.admin_key()] {
            let answer = plans().header(header, &key.text).token(second).send();
            answer.expect_problem(401, "invalid_operator_key");
        }
        let answer = plans().header(header, &key.text).token("another").send();
        answer.expect_problem(401, "invalid_admin_key");
    }
    let (rest, last) = key.text.split_at(key.text.len() - 1);
    let typo = format!("{rest}{}", if last == "x" { "y" } else { "x" });
    for wrong in [typo.as_str(), "ldxop_", &key.text.to_uppercase(), &key.text[1..]] {
        let answer = plans().token(wrong).send();
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    let nowhere = world.get_path("/admin/nothing").token(&key.text).send();
    nowhere.expect_problem(404, "route_not_found");
    let metrics = world.get_path("/metrics").token(&key.text).send();
    assert_eq!(metrics.status, 200, "{}", metrics.text);
}

// S16, S17, S41
#[test]
fn operator_and_tenant_credentials_are_separate() {
    let world = World::get();
    let tenant = world.tenant();
    let scopes: Vec<_> =
        tenancy::access::OperatorScope::ALL.iter().map(|scope| scope.as_str()).collect();
    let key = world.operator_key(&scopes);
    let info = || tenant.get("/api/v1/tenant/info");
    info().token(&key.text).send().expect_problem(401, "invalid_token");
    info().header("x-api-key", &key.text).send().expect_problem(401, "invalid_api_key");
    let beside = info().token(&tenant.admin.access_token).header("x-api-key", &key.text).send();
    beside.expect_problem(401, "invalid_api_key");
    for header in ["x-admin-key", "x-admin-api-key"] {
        let answer = info().header(header, &key.text).send();
        answer.expect_problem(401, "authentication_required");
    }
    let gateway = tenant.get("/api/v1/auth/verify?consume=ai_requests:1");
    let viewer = tenant.user("viewer");
    let gateway = gateway.token(&viewer.access_token);
    gateway
        .header("x-gateway-key", &world.admin_key())
        .send()
        .expect_problem(400, "invalid_gateway_key");
    let form = "token=x";
    let introspect = world.call(Method::POST, "/api/v1/auth/introspect");
    let introspect = introspect.body("application/x-www-form-urlencoded", form).token(&key.text);
    introspect.send().expect_problem(401, "invalid_token");
    let refresh = json!({ "refresh_token": key.text });
    let refresh = tenant.post("/api/v1/auth/refresh", &refresh).send();
    refresh.expect_problem(401, "invalid_refresh_token");

    let all: Vec<_> = tenancy::access::Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    for credential in [tenant.api_key(&all), tenant.admin.access_token.clone()] {
        for header in ["x-admin-key", "x-admin-api-key", "x-api-key"] {
            let call = || world.get_path("/admin/operator-keys").header(header, &credential);
            call().send().expect_problem(401, "invalid_admin_key");
            call().token(&key.text).send().expect_problem(401, "invalid_admin_key");
        }
    }
}

// S37
#[test]
fn events_contain_operator_credential() {
    let world = World::get();
    let name = unique("Deployment");
    let key = world.operator_key_with(&json!({
        "name": name,
        "scopes": ["tenants:write", "tenant_api_keys:write", "plans:write", "operator_keys:write"],
    }));
    let slug = unique("by-key");
    let body = json!({ "name": "By a key", "slug": slug, "admin_email": "a@by-key.example" });
    let tenant = key.call(Method::POST, "/admin/tenants").json(&body).send().expect(201);
    let path = format!("/admin/tenants/{}", tenant["id"].as_str().unwrap());
    let patch = |body: &Value| key.call(Method::PATCH, &path).json(body).send();
    patch(&json!({ "status": "suspended" })).expect(200);
    let body = json!({ "name": "first", "scopes": [] });
    key.call(Method::POST, &format!("{path}/api-keys")).json(&body).send().expect(201);
    let plan = unique("plan");
    let limits = json!({ "users": 3, "storage": 1000, "api_calls": 20, "ai_requests": 5,
                         "requests_per_minute": 60, "cache": 1_000_000 });
    let body = json!({ "name": plan, "limits": limits });
    key.call(Method::POST, "/admin/plans").json(&body).send().expect(201);
    let body = json!({ "name": unique("child"), "scopes": ["plans:write"] });
    let child = key.call(Method::POST, "/admin/operator-keys").json(&body).send().expect(201);
    let child = format!("/admin/operator-keys/{}", child["id"].as_str().unwrap());
    let body = json!({ "scopes": [] });
    key.call(Method::PATCH, &child).json(&body).send().expect(200);
    key.call(Method::POST, &format!("{child}/rotate")).send().expect(200);
    assert_eq!(key.call(Method::DELETE, &child).send().status, 204);
    let denied = key.call(Method::DELETE, &path).send();
    denied.expect_problem(403, "forbidden");
    // Setting a status does not bypass the scope.
    patch(&json!({ "status": "deleted" })).expect_problem(403, "forbidden");

    let events = |query: &str| {
        let path = format!("/admin/audit?limit=100&{query}");
        let page = world.admin(Method::GET, &path).send().expect(200);
        page["items"].as_array().unwrap().clone()
    };
    let own = format!("actor={}", key.id);
    let begin = Instant::now();
    for (event, is_of_tenant) in [
        ("tenant.created", true),
        ("tenant.suspended", true),
        ("api_key.created", true),
        ("plan.created", false),
        ("operator_key.created", false),
        ("operator_key.updated", false),
        ("operator_key.rotated", false),
        ("operator_key.revoked", false),
        ("access.denied", false),
    ] {
        let row = loop {
            let found = events(&format!("{own}&event={event}"));
            if let Some(row) = found.into_iter().next() {
                break row;
            }
            assert!(begin.elapsed().as_secs() < 60, "{event} is in the trail");
            sleep(Duration::from_millis(50));
        };
        assert_eq!(row["actor_type"], "operator_key", "{row}");
        let expected = json!({ "credential": "operator_key", "name": name });
        assert_eq!(row["detail"]["operator"], expected, "{row}");
        assert_eq!(row["tenant_id"].is_string(), is_of_tenant, "{row}");
    }
    let updated = &events(&format!("{own}&event=operator_key.updated"))[0]["detail"];
    let change = json!([{ "scopes": ["plans:write"] }, { "scopes": [] }]);
    assert_eq!(json!([updated["before"], updated["after"]]), change);

    // ADMIN_API_KEY keeps its actor type, and is recorded as the break-glass credential.
    world.admin(Method::PATCH, &path).json(&json!({ "status": "active" })).send().expect(200);
    let id = tenant["id"].as_str().unwrap();
    let activated = loop {
        let found = events(&format!("event=tenant.activated&tenant_id={id}"));
        if let Some(row) = found.into_iter().next() {
            break row;
        }
        assert!(begin.elapsed().as_secs() < 60, "the activation is in the trail");
        sleep(Duration::from_millis(50));
    };
    assert_eq!(
        (&activated["actor_type"], &activated["actor_id"]),
        (&json!("platform"), &Value::Null)
    );
    assert_eq!(activated["detail"]["operator"], json!({ "credential": "break_glass" }));
    // The platform's trail is not verified, because other tests tamper with it.
    let verified = world.admin(Method::GET, &format!("/admin/audit/verify?tenant_id={id}")).send();
    let verified = verified.expect(200);
    assert_eq!(verified["valid"], true, "{verified}");
    world.wait_until_logged(&format!("operator_key:{}", key.id), "/admin/plans");
}

// S18
#[test]
fn idempotency_keys_belong_to_operator_key() {
    let world = World::get();
    let (one, other) =
        (world.operator_key(&["tenants:write"]), world.operator_key(&["tenants:write"]));
    let slug = unique("idempotent");
    let body = json!({ "name": "Once", "slug": slug, "admin_email": "a@once.example" });
    let create = |key: &str| {
        let call = world.post("/admin/tenants", &body).token(key);
        call.header("idempotency-key", &slug).send()
    };
    let created = create(&one.text).expect(201);
    let again = create(&one.text);
    assert_eq!(again.expect(201)["api_key"], created["api_key"]);
    assert_eq!(again.header("idempotency-replayed"), "true");
    for stranger in [&other.text, &world.admin_key()] {
        let refused = create(stranger);
        refused.expect_problem(409, "slug_taken");
        assert!(!refused.text.contains("api_key"));
    }
}

/// Separate servers, so that the number of operator keys is known.
struct Installation {
    services: Services,
    application: Application,
    admin_key: String,
}

impl Installation {
    fn new() -> Self {
        let services = Services::start();
        let settings = services.settings(&services.databases());
        let migrated = tenantctl(&settings, &["migrate"]);
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let application = Application::start(&settings, &services.folder());
        Self { services, application, admin_key: settings["ADMIN_API_KEY"].clone() }
    }

    fn another_application(&self) -> Application {
        let settings = self.services.settings(&self.services.databases());
        Application::start(&settings, &self.services.folder())
    }

    fn admin(&self, method: Method, path: &str) -> Call {
        Call::new(method, &self.application.address, path).token(&self.admin_key)
    }

    fn create(&self, name: &str) -> Call {
        let body = json!({ "name": name, "scopes": ["audit:read"] });
        self.admin(Method::POST, "/admin/operator-keys").json(&body)
    }

    /// Returns the events with a name in the platform's chain, newest first.
    fn events(&self, name: &str) -> Vec<Value> {
        let path = format!("/admin/audit?event={name}");
        let page = self.admin(Method::GET, &path).send().expect(200);
        page["items"].as_array().unwrap().clone()
    }
}

// S37, S41
#[test]
fn break_glass_use_is_recorded_hourly() {
    const EVENT: &str = "platform.break_glass_used";
    let installation = Installation::new();
    let plans = || installation.admin(Method::GET, "/admin/plans").send().expect(200);
    plans();
    let key = installation.create("First").send().expect(201);
    let mut account = installation.services.account("tenancy");
    assert!(account.query("SELECT FROM break_glass_uses", &[]).unwrap().is_empty());
    plans();
    let events = installation.events(EVENT);
    assert_eq!(events.len(), 1, "{events:?}");
    let event = &events[0];
    assert_eq!((&event["severity"], &event["actor_type"]), (&json!("warning"), &json!("platform")));
    let expected =
        json!({ "route": "GET /admin/plans", "operator": { "credential": "break_glass" } });
    assert_eq!(event["detail"], expected);
    // An operator key is not a break-glass credential. Other instances record no further use in the same hour.
    let call = |application: &Application, key: &str| {
        let call = Call::new(Method::GET, &application.address, "/admin/audit");
        call.token(key).send().expect(200);
    };
    let other = installation.another_application();
    call(&other, key["operator_key"].as_str().unwrap());
    call(&other, &installation.admin_key);
    // The test may run across a full hour.
    let hours = "SELECT count(DISTINCT date_trunc('hour', created_at))
                 FROM tenant_audit_logs WHERE event = $1";
    let recorded = installation.events(EVENT).len();
    let hours: i64 = account.query_one(hours, &[&EVENT]).unwrap().get(0);
    assert_eq!(i64::try_from(recorded).unwrap(), hours);
    let earlier = "UPDATE break_glass_uses SET hour = hour - interval '1 hour'";
    assert_eq!(account.execute(earlier, &[]).unwrap(), 1);
    call(&installation.another_application(), &installation.admin_key);
    assert_eq!(installation.events(EVENT).len(), recorded + 1);
}

#[test]
fn operator_key_maximum_is_enforced() {
    let installation = Installation::new();
    let fill = "INSERT INTO operator_keys (id, name, key_hash, prefix, scopes)
                SELECT gen_random_uuid(), 'key ' || n, sha256(n::text::bytea), 'ldxop_', '{}'
                FROM generate_series(1, 96) AS n";
    let mut account = installation.services.account("tenancy");
    account.execute(fill, &[]).unwrap();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let installation = &installation;
        let calls: Vec<_> = (0..12)
            .map(|number| scope.spawn(move || installation.create(&format!("new {number}")).send()))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let created: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(created.len(), 4, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "too_many_operator_keys");
    }
    assert_eq!(installation.events("operator_key.created").len(), 4);
    let path = created[0].header("location").to_owned();
    assert_eq!(installation.admin(Method::DELETE, &path).send().status, 204);
    installation.create("after a revocation").send().expect(201);
}
