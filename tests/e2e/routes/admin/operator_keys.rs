//! `/admin/operator-keys`

use std::time::{Duration, Instant};

use e2e::{Answer, Application, Call, TestOperatorKey, World, unique};
use http::Method;
use serde_json::{Value, json};

const PATH: &str = "/admin/operator-keys";

/// Sets columns of a key in the catalog.
fn set(key: &TestOperatorKey, assignment: &str) {
    let statement = format!("UPDATE operator_keys SET {assignment} WHERE id = $1::text::uuid");
    let changed = World::get().services.superuser("tenancy").execute(&statement, &[&key.id]);
    assert_eq!(changed.unwrap(), 1);
}

/// Waits for an event about a key in the platform's chain.
#[track_caller]
fn wait_for_event(event: &str, id: &str) -> Value {
    let begin = Instant::now();
    loop {
        let path = format!("/admin/audit?event={event}&resource={id}");
        let page = World::get().admin(Method::GET, &path).send().expect(200);
        if let Some(row) = page["items"].as_array().unwrap().first() {
            return row.clone();
        }
        assert!(begin.elapsed().as_secs() < 60, "{event} of {id} is in the trail");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts an application that trusts client addresses from its callers.
fn behind_proxy() -> Application {
    World::get().application_with(&[("TRUSTED_PROXIES", "127.0.0.1")])
}

fn plans_from(application: &Application, address: &str, key: &str) -> Answer {
    let call = Call::new(Method::GET, &application.address, "/admin/plans").token(key);
    call.header("x-forwarded-for", address).send()
}

// S15
#[test]
fn revoked_key_is_rejected_everywhere() {
    let world = World::get();
    let name = unique("Née Łukasz");
    let body = json!({ "name": format!(" {name} "), "scopes": ["plans:read", "plans:read"] });
    let created = world.admin_post(PATH, &body).send();
    let key = created.expect(201);
    let (id, text) = (key["id"].as_str().unwrap(), key["operator_key"].as_str().unwrap());
    let path = format!("{PATH}/{id}");
    assert_eq!((created.header("location"), created.header("etag")), (path.as_str(), "\"1\""));
    assert_eq!(created.header("cache-control"), "no-store");
    assert!(text.starts_with("ldxop_") && text.len() == 56, "{}", text.len());
    assert!(text.starts_with(key["prefix"].as_str().unwrap()));
    assert_eq!((&key["name"], &key["scopes"]), (&json!(name), &json!(["plans:read"])));
    for field in ["expires_at", "allowed_networks", "last_used_at", "previous_expires_at"] {
        assert_eq!(key[field], Value::Null, "{field}");
    }

    let other = world.another_application(&world.services.databases());
    let plans = |address: &str| Call::new(Method::GET, address, "/admin/plans").token(text).send();
    plans(world.address()).expect(200);
    plans(&other.address).expect(200);
    for shown in [
        world.admin(Method::GET, &path).send(),
        world.admin(Method::GET, &format!("{PATH}?limit=100")).send(),
        world.admin(Method::PATCH, &path).json(&json!({ "name": unique("renamed") })).send(),
    ] {
        shown.expect(200);
        assert!(shown.text.contains(id) && !shown.text.contains(text));
    }
    let stored = "SELECT k::text FROM operator_keys k WHERE id::text = $1";
    let stored = world.services.superuser("tenancy").query_one(stored, &[&id]).unwrap();
    assert!(!stored.get::<_, String>(0).contains(&text[10..]));

    assert_eq!(world.admin(Method::DELETE, &path).send().status, 204);
    for address in [world.address(), &other.address] {
        plans(address).expect_problem(401, "invalid_operator_key");
    }
    for method in [Method::GET, Method::DELETE] {
        let gone = world.admin(method, &path).send();
        gone.expect_problem(404, "operator_key_not_found");
    }
    let changed = world.admin(Method::PATCH, &path).json(&json!({})).send();
    changed.expect_problem(404, "operator_key_not_found");
    let rotated = world.admin(Method::POST, &format!("{path}/rotate")).send();
    rotated.expect_problem(404, "operator_key_not_found");
    assert_eq!(wait_for_event("operator_key.refused", id)["detail"]["reason"], "revoked");
    // S39
    assert!(!world.logged("").contains(&text[10..]), "the key is not logged");
}

#[test]
fn duplicate_name_returns_409() {
    let world = World::get();
    let name = unique("Straße");
    let key = world.operator_key_with(&json!({ "name": name, "scopes": [] }));
    let create = |name: &str| world.admin_post(PATH, &json!({ "name": name, "scopes": [] })).send();
    let taken = create(&name.to_uppercase().replace("SS", "ß"))
        .expect_problem(409, "operator_key_name_taken");
    assert_eq!(taken["errors"][0]["field"], "name");
    let other = world.operator_key(&[]);
    let renamed = world.admin(Method::PATCH, &other.path()).json(&json!({ "name": name })).send();
    renamed.expect_problem(409, "operator_key_name_taken");
    assert_eq!(world.admin(Method::DELETE, &key.path()).send().status, 204);
    let again = world.operator_key_with(&json!({ "name": name, "scopes": [] }));
    assert_ne!(again.id, key.id);
}

#[test]
fn invalid_fields_are_reported() {
    let world = World::get();
    let key = world.operator_key(&[]);
    let path = key.path();
    let create = |body: &Value| world.admin_post(PATH, body).send().expect_invalid();
    assert_eq!(create(&json!({})), ["name", "scopes"]);
    assert_eq!(create(&json!({ "name": "a", "scopes": [], "admin": true })), ["admin"]);
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("a".repeat(101))),
        ("name", json!("ad\u{202e}min")),
        ("name", json!("two\nlines")),
        ("name", json!(7)),
        ("scopes", json!("plans:read")),
        ("scopes", json!(["users:read"])),
        ("scopes", json!(["*"])),
        ("expires_at", json!("2020-01-01T00:00:00Z")),
        ("expires_at", json!("soon")),
        ("allowed_networks", json!([])),
        ("allowed_networks", json!(["10.0.0.1/8"])),
        ("allowed_networks", json!(["localhost"])),
        ("allowed_networks", json!("10.0.0.0/8")),
    ] {
        let mut body = json!({ "name": unique("bad"), "scopes": [] });
        body[field] = value.clone();
        assert_eq!(create(&body), [field], "{value}");
        let patched = world.admin(Method::PATCH, &path).json(&json!({ field: value })).send();
        assert_eq!(patched.expect_invalid(), [field], "{value}");
    }
    let rotate = world.admin(Method::POST, &format!("{path}/rotate"));
    assert_eq!(
        rotate.json(&json!({ "overlap_seconds": -1 })).send().expect_invalid(),
        ["overlap_seconds"]
    );
    let shown = world.admin(Method::GET, &path).send().expect(200);
    assert_eq!((&shown["name"], &shown["scopes"]), (&key.created["name"], &json!([])));
    let page = world.admin(Method::GET, &format!("{PATH}?limit=0&offset=x")).send();
    assert_eq!(page.expect_invalid(), ["offset", "limit"]);
    for id in ["1", "%00", "00000000-0000-0000-0000-000000000000"] {
        let none = world.admin(Method::GET, &format!("{PATH}/{id}")).send();
        none.expect_problem(404, "operator_key_not_found");
    }
}

#[test]
fn keys_are_listed_newest_first() {
    let world = World::get();
    let keys: Vec<_> = (0..3).map(|_| world.operator_key(&[])).collect();
    let listed =
        |query: &str| world.admin(Method::GET, &format!("{PATH}?{query}")).send().expect(200);
    let all = listed("limit=100");
    let ids: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect();
    let places: Vec<_> =
        keys.iter().map(|key| ids.iter().position(|id| *id == key.id.as_str()).unwrap()).collect();
    assert!(places[0] > places[1] && places[1] > places[2], "{places:?}");
    let page = listed("limit=1&offset=1");
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!((&page["offset"], &page["limit"]), (&json!(1), &json!(1)));
    assert!(page["total"].as_i64() >= Some(3));
}

// S16
#[test]
fn key_manages_only_weaker_keys() {
    let world = World::get();
    let scopes = ["operator_keys:read", "operator_keys:write", "plans:read"];
    let bounded = json!({
        "scopes": scopes, "expires_at": "2040-01-01T00:00:00Z",
        "allowed_networks": ["127.0.0.0/8", "2001:db8::/32"],
    });
    let own = world.operator_key_with(&bounded);
    let create = |fields: Value| {
        let mut body = json!({
            "name": unique("child"), "scopes": ["plans:read"],
            "expires_at": "2039-01-01T00:00:00Z", "allowed_networks": ["127.0.0.1"],
        });
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        own.call(Method::POST, PATH).json(&body).send()
    };
    let child = create(json!({})).expect(201);
    create(json!({ "scopes": ["plans:read", "plans:write"] }))
        .expect_problem(403, "scope_not_held");
    for (field, value) in [
        ("expires_at", Value::Null),
        ("expires_at", json!("2040-01-01T00:00:01Z")),
        ("allowed_networks", Value::Null),
        ("allowed_networks", json!(["0.0.0.0/0"])),
        ("allowed_networks", json!(["127.0.0.1", "2001:db9::1"])),
    ] {
        assert_eq!(create(json!({ field: value })).expect_invalid(), [field], "{value}");
    }

    let child = format!("{PATH}/{}", child["id"].as_str().unwrap());
    let patch = |path: &str, body: Value| own.call(Method::PATCH, path).json(&body).send();
    let problem = patch(&child, json!({ "scopes": ["tenants:delete"] }));
    let problem = problem.expect_problem(403, "scope_not_held");
    assert!(problem["detail"].as_str().unwrap().contains("tenants:delete"), "{problem}");
    for (field, value) in [
        ("expires_at", Value::Null),
        ("expires_at", json!("2041-01-01T00:00:00Z")),
        ("allowed_networks", Value::Null),
        ("allowed_networks", json!(["128.0.0.0/8"])),
    ] {
        for path in [&child, &own.path()] {
            let refused = patch(path, json!({ field: value }));
            assert_eq!(refused.expect_invalid(), [field], "{path} {value}");
        }
    }
    let narrowed = json!({ "scopes": [], "allowed_networks": ["127.0.0.2"] });
    patch(&child, narrowed).expect(200);
    own.call(Method::POST, &format!("{child}/rotate")).send().expect(200);
    assert_eq!(own.call(Method::DELETE, &child).send().status, 204);

    // A stronger key can be read but not changed.
    for (fields, code) in [
        (
            json!({ "scopes": ["tenants:read"], "expires_at": "2030-01-01T00:00:00Z",
                 "allowed_networks": ["127.0.0.1"] }),
            "scope_not_held",
        ),
        (json!({ "scopes": [], "allowed_networks": ["127.0.0.1"] }), "stronger_api_key"),
        (json!({ "scopes": [], "expires_at": "2030-01-01T00:00:00Z" }), "stronger_api_key"),
    ] {
        let stronger = world.operator_key_with(&fields);
        let path = stronger.path();
        own.call(Method::GET, &path).send().expect(200);
        for body in [json!({ "name": "weaker" }), json!({ "scopes": [], "expires_at": null })] {
            patch(&path, body).expect_problem(403, code);
        }
        own.call(Method::POST, &format!("{path}/rotate")).send().expect_problem(403, code);
        own.call(Method::DELETE, &path).send().expect_problem(403, code);
        let shown = world.admin(Method::GET, &path).send().expect(200);
        assert_eq!(shown["name"], stronger.created["name"]);
    }
    assert_eq!(own.call(Method::DELETE, &own.path()).send().status, 204);
    own.call(Method::GET, PATH).send().expect_problem(401, "invalid_operator_key");
}

// S16
#[test]
fn key_is_rejected_outside_its_networks() {
    let world = World::get();
    let application = behind_proxy();
    let networks = json!(["192.0.2.0/24", "::ffff:198.51.100.7", "2001:db8:1::/48"]);
    let key =
        world.operator_key_with(&json!({ "scopes": ["plans:read"], "allowed_networks": networks }));
    let stored = json!(["192.0.2.0/24", "198.51.100.7/32", "2001:db8:1::/48"]);
    assert_eq!(key.created["allowed_networks"], stored);
    let from = |address: &str| plans_from(&application, address, &key.text);
    for address in ["192.0.2.255", "::ffff:192.0.2.1", "198.51.100.7", "2001:db8:1:ffff::1"] {
        from(address).expect(200);
    }
    let unknown = plans_from(&application, "203.0.113.1", "ldxop_x").text;
    let detail = |text: &str| serde_json::from_str::<Value>(text).unwrap()["detail"].clone();
    for address in ["192.0.3.0", "198.51.100.8", "2001:db8:2::1", "127.0.0.1"] {
        let refused = from(address);
        refused.expect_problem(401, "invalid_operator_key");
        assert_eq!(detail(&refused.text), detail(&unknown), "{address}");
    }
    // The scope is not checked, and the audit trail contains the reason.
    let event = wait_for_event("operator_key.refused", &key.id);
    assert_eq!((&event["severity"], &event["result"]), (&json!("warning"), &json!("failure")));
    assert_eq!(event["detail"]["reason"], "network");
    let change = json!({ "allowed_networks": ["203.0.113.0/24"] });
    world.admin(Method::PATCH, &key.path()).json(&change).send().expect(200);
    from("192.0.2.1").expect_problem(401, "invalid_operator_key");
    from("203.0.113.9").expect(200);
    let change = json!({ "allowed_networks": null });
    world.admin(Method::PATCH, &key.path()).json(&change).send().expect(200);
    from("192.0.2.1").expect(200);
}

// S16
#[test]
fn expired_key_is_rejected_and_recorded() {
    let world = World::get();
    let expires_at = json!("2040-01-01T00:00:00Z");
    let key =
        world.operator_key_with(&json!({ "scopes": ["plans:read"], "expires_at": expires_at }));
    let plans = || key.call(Method::GET, "/admin/plans").send();
    plans().expect(200);
    set(&key, "expires_at = now()");
    plans().expect_problem(401, "invalid_operator_key");
    assert_eq!(wait_for_event("operator_key.refused", &key.id)["detail"]["reason"], "expired");
    // Another change keeps the expiry. A new expiry takes effect immediately.
    let patch = |body: &Value| world.admin(Method::PATCH, &key.path()).json(body).send();
    patch(&json!({ "name": unique("still expired") })).expect(200);
    plans().expect_problem(401, "invalid_operator_key");
    patch(&json!({ "expires_at": null })).expect(200);
    plans().expect(200);
}

// S16
#[test]
fn rotated_secret_expires_after_overlap() {
    let world = World::get();
    let key = world.operator_key(&["plans:read"]);
    let plans = |text: &str| world.get_path("/admin/plans").token(text).send();
    let rotate = |body: &Value| {
        let call = world.admin(Method::POST, &format!("{}/rotate", key.path()));
        let rotated = call.json(body).send().expect(200);
        (rotated["operator_key"].as_str().unwrap().to_owned(), rotated)
    };
    let (second, shown) = rotate(&json!({ "overlap_seconds": 3_600 }));
    assert_eq!((&shown["id"], &shown["scopes"]), (&json!(key.id), &json!(["plans:read"])));
    assert!(
        shown["previous_expires_at"].is_string()
            && second.starts_with(shown["prefix"].as_str().unwrap())
    );
    plans(&key.text).expect(200);
    plans(&second).expect(200);
    let (third, _) = rotate(&json!({ "overlap_seconds": 3_600 }));
    plans(&key.text).expect_problem(401, "invalid_operator_key");
    plans(&second).expect(200);
    set(&key, "previous_expires_at = now()");
    plans(&second).expect_problem(401, "invalid_operator_key");
    let fourth = world.admin(Method::POST, &format!("{}/rotate", key.path())).send().expect(200);
    plans(&third).expect_problem(401, "invalid_operator_key");
    plans(fourth["operator_key"].as_str().unwrap()).expect(200);
}

#[test]
fn stale_change_returns_412() {
    let world = World::get();
    let key = world.operator_key(&[]);
    let call = |method: Method| world.admin(method, &key.path());
    let patch = |tag: &str| {
        let call = call(Method::PATCH).json(&json!({ "name": unique("renamed") }));
        call.header("if-match", tag).send()
    };
    let current = call(Method::GET).send();
    let tag = current.header("etag").to_owned();
    assert_eq!(call(Method::GET).header("if-none-match", &tag).send().status, 304);
    let changed = patch(&tag);
    changed.expect(200);
    assert_ne!(changed.header("etag"), tag);
    patch(&tag).expect_problem(412, "precondition_failed");
    patch("*").expect(200);
    let rotate = world.admin(Method::POST, &format!("{}/rotate", key.path()));
    rotate.header("if-match", &tag).send().expect_problem(412, "precondition_failed");
    let stale = call(Method::DELETE).header("if-match", &tag).send();
    stale.expect_problem(412, "precondition_failed");
    // A change without a difference keeps the version and records no event.
    let before = call(Method::GET).send();
    let same = call(Method::PATCH).json(&json!({ "scopes": [] })).send();
    same.expect(200);
    assert_eq!(same.header("etag"), before.header("etag"));
}

#[test]
fn use_is_recorded_once_per_minute() {
    let world = World::get();
    let key = world.operator_key(&["plans:read"]);
    let used = |call: Call| {
        call.send();
        world.admin(Method::GET, &key.path()).send().expect(200)["last_used_at"].clone()
    };
    let plans = || key.call(Method::GET, "/admin/plans");
    let first = used(plans());
    assert!(first.is_string(), "{first}");
    assert_eq!(used(plans()), first);
    // A rejected request is not recorded as a use.
    set(&key, "last_used_at = now() - interval '61 seconds', expires_at = now()");
    let before = used(plans());
    assert_ne!(before, first);
    set(&key, "expires_at = NULL");
    let after = used(plans());
    assert_ne!(after, before);
    assert_eq!(used(plans()), after);
}
