//! JSON from clients: numbers and repeated members. Also unreadable database rows.

use e2e::{TestPasskey, World, unique};
use http::Method;
use serde_json::{Value, json};

/// Returns a request body that contains the settings verbatim.
fn with_settings(name: &str, settings: &str) -> String {
    format!(
        r#"{{"name":"{name}","slug":"{name}","admin_email":"a@{name}.example","settings":{settings}}}"#
    )
}

#[test]
fn settings_numbers_survive_unchanged() {
    let world = World::for_tools();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    let numbers = "[0.1,1.1,0.30000000000000004,1.0,-0.0,1E5,9007199254740993,18446744073709551616,\
                   123456789012345678901234567890,1.7976931348623157e308,5e-324,1e-400,\
                   2.2250738585072014e-308,100000000000000000000000.5]";
    let settings = format!("{{\"nested\":{{\"numbers\":{numbers}}}}}");
    let has_settings = |text: &str| {
        assert!(text.contains(&format!("\"settings\":{settings}")), "{text}");
    };
    let body = format!("{{\"settings\":{settings}}}");
    let change = || world.admin(Method::PATCH, &path).body("application/json", body.as_str());
    let changed = change().send();
    assert_eq!(changed.status, 200, "{}", changed.text);
    has_settings(&changed.text);
    has_settings(&world.admin(Method::GET, &path).send().text);
    let list = format!("/admin/tenants?search={}", tenant.slug);
    has_settings(&world.admin(Method::GET, &list).send().text);
    has_settings(&tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send().text);
    // Another change keeps the text of the settings. A release that does not know the text column replaces it.
    world.admin(Method::PATCH, &path).json(&json!({ "name": "Other" })).send().expect(200);
    has_settings(&world.admin(Method::GET, &path).send().text);
    let mut catalog = world.services.superuser("tenancy");
    let replace = "UPDATE tenants SET settings = '{\"old\": 1.50}' WHERE slug = $1";
    catalog.execute(replace, &[&tenant.slug]).unwrap();
    let replaced = world.admin(Method::GET, &path).send().text;
    assert!(replaced.contains(r#""settings":{"old": 1.50}"#), "{replaced}");

    let name = unique("exact");
    let create = || {
        let call = world.admin(Method::POST, "/admin/tenants").header("idempotency-key", &name);
        call.body("application/json", with_settings(&name, &settings)).send()
    };
    let created = create();
    assert_eq!(created.status, 201, "{}", created.text);
    has_settings(&created.text);
    let again = create();
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    has_settings(&again.text);
}

#[test]
fn out_of_range_numbers_are_rejected() {
    let tenant = World::for_tools().tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    for number in ["1e-16384", "0e-99999"] {
        let body = format!(r#"{{"settings":{{"a":[{number}]}}}}"#);
        let change = World::for_tools().admin(Method::PATCH, &path).body("application/json", body);
        assert_eq!(change.send().expect_invalid(), ["settings"], "{number}");
    }
    // Most JSON parsers would reject a list of tenants that contains one of these numbers.
    for number in ["1e400", "-1.7976931348623159e308", "1e99999999999999999999"] {
        let body = format!(r#"{{"settings":{{"a":[{number}]}}}}"#);
        let change = World::for_tools().admin(Method::PATCH, &path).body("application/json", body);
        let problem = change.send().expect_problem(400, "invalid_json");
        assert!(problem["detail"].as_str().unwrap().contains("settings.a.0"), "{problem}");
    }
}

#[test]
fn repeated_members_are_rejected() {
    let tenant = World::for_tools().tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    for (body, field) in [
        (r#"{"name":"a","name":"b"}"#, "name"),
        (r#"{"settings":{"a":1,"a":1}}"#, "settings.a"),
        (r#"{"settings":{"a":[{"b":{"c":1,"\u0063":2}}]}}"#, "settings.a.0.b.c"),
        (r#"{"limits":{"users":1,"users":2}}"#, "limits.users"),
    ] {
        let call = World::for_tools().admin(Method::PATCH, &path).body("application/json", body);
        assert_eq!(call.send().expect_invalid(), [field], "{body}");
    }
}

#[test]
fn integers_are_accepted_in_any_notation() {
    let world = World::for_tools();
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    let patch =
        |body: &str| world.admin(Method::PATCH, &path).body("application/json", body).send();
    let changed =
        patch(r#"{"limits":{"users":2.0,"storage":1e6,"ai_requests":50e-1}}"#).expect(200);
    let limits = &changed["limits"];
    assert_eq!((&limits["users"], &limits["storage"]), (&json!(2), &json!(1_000_000)));
    assert_eq!(limits["ai_requests"], 5);
    for number in ["2.5", "1e300", "1.00000000000000000000001", "-1.0"] {
        let refused = patch(&format!(r#"{{"limits":{{"users":{number}}}}}"#));
        assert_eq!(refused.expect_invalid(), ["limits.users"], "{number}");
    }
    let key = r#"{"name":"a","scopes":[],"max_requests_per_minute":6.0E1}"#;
    let key = world.call(Method::POST, "/api/v1/api-keys").body("application/json", key);
    let key = key.token(&tenant.admin.access_token).send().expect(201);
    assert_eq!(key["max_requests_per_minute"], 60);
    let usage = world.call(Method::POST, "/api/v1/tenant/usage").token(&tenant.admin.access_token);
    let report = format!(
        r#"{{"resource_type":"ai_requests","amount":2.0,"idempotency_key":"{}"}}"#,
        unique("report")
    );
    let reported = usage.body("application/json", report).send();
    assert!(reported.status < 300, "{}", reported.text);
}

#[test]
fn byte_order_marks_are_reported() {
    let world = World::for_tools();
    let body = "\u{feff}{\"email\":\"a@b.example\",\"password\":\"x\"}";
    let login = world.call(Method::POST, "/api/v1/auth/login").body("application/json", body);
    let problem = login.send().expect_problem(400, "invalid_json");
    assert!(problem["detail"].as_str().unwrap().contains("byte order mark"), "{problem}");
    let form = world.call(Method::POST, "/api/v1/auth/introspect");
    let key = world.tenant().api_key(&["tokens:introspect"]);
    let form = form.header("x-api-key", &key);
    let form = form.body("application/x-www-form-urlencoded", "\u{feff}token=x").send();
    assert!(form.status == 400 && form.text.contains("byte order mark"), "{}", form.text);
}

#[test]
fn unreadable_tenant_does_not_affect_others() {
    let world = World::for_tools();
    let _alone = world.alone();
    let stem = unique("unreadable");
    let [first, broken, last] =
        ["a", "b", "c"].map(|end| world.tenant_of(&format!("{stem}-{end}")));
    let mut catalog = world.services.superuser("tenancy");
    // A defect or a restored backup could cause this state. The constraints of the table allow it.
    let breaking = "UPDATE tenants SET limit_overrides = '{}', settings_text = '{' WHERE slug = $1";
    catalog.execute(breaking, &[&broken.slug]).unwrap();
    let list: Value =
        world.admin(Method::GET, &format!("/admin/tenants?search={stem}")).send().expect(200);
    let slugs: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| &item["slug"]).collect();
    assert_eq!(slugs, [&json!(last.slug), &json!(first.slug)]);
    assert_eq!(list["total"], 3);
    world.wait_until_logged(&broken.id, "unreadable");
    // A change of the plan still applies to the other tenants.
    let plan = json!({ "limits": { "requests_per_minute": 100_000 } });
    world.admin(Method::PATCH, "/admin/plans/enterprise").json(&plan).send().expect(200);
    for arguments in [&["migrate"][..], &["repair", "--older-than-minutes", "60"]] {
        let output = world.tenantctl(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(told.contains("1 "), "{told}");
        // The log of a repair may name all tenants.
        let failures: Vec<_> =
            told.lines().filter(|line| line.starts_with("tenantctl: ")).collect();
        let names = |id: &str| failures.iter().any(|line| line.contains(id));
        assert!(names(&broken.id) && !names(&first.id) && !names(&last.id), "{told}");
    }
    let mended = "UPDATE tenants SET settings_text = NULL WHERE slug = $1";
    catalog.execute(mended, &[&broken.slug]).unwrap();
    assert!(world.tenantctl(&["migrate"]).status.success());
}

#[test]
fn unreadable_user_is_omitted_from_list() {
    let world = World::for_tools();
    let tenant = world.tenant();
    let user = tenant.user("user");
    // A later release or a restored backup could cause this state.
    let change = format!(
        "ALTER TABLE users DROP CONSTRAINT users_role_check;
         UPDATE users SET role = 'owner' WHERE id = '{}'",
        user.id
    );
    world.services.superuser(&tenant.database()).batch_execute(&change).unwrap();
    let list = tenant.get("/api/v1/users").token(&tenant.admin.access_token).send().expect(200);
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|user| &user["id"]).collect();
    assert_eq!(ids, [&json!(tenant.admin.id)]);
    assert_eq!(list["total"], 2);
    world.wait_until_logged(&user.id, "a list omits an unreadable row");
}

#[test]
fn time_beyond_rfc3339_is_refused() {
    let world = World::for_tools();
    let tenant = world.tenant();
    tenant.put("/api/v1/files/a", "a").token(&tenant.admin.access_token).send().expect(201);
    tenant.api_key(&["tenant:read"]);
    let factor = tenant.post("/api/v1/profile/second-factors", &json!({}));
    factor.token(&tenant.admin.access_token).send().expect(201);
    TestPasskey::register(&tenant, &tenant.admin.access_token);
    let mut databases = [&tenant.database(), "tenancy"].map(|name| world.services.superuser(name));
    let columns = "
        SELECT column_name::text FROM information_schema.columns
        WHERE table_name = $1 AND data_type = 'timestamp with time zone'";
    for (database, table, owner) in [
        (0, "users", None),
        (0, "sessions", None),
        (0, "files", None),
        (0, "second_factors", None),
        (0, "passkeys", None),
        (0, "security_policy", None),
        (1, "tenants", Some("id")),
        (1, "tenant_api_keys", Some("tenant_id")),
    ] {
        let of_tenant = owner.map(|owner| format!("WHERE {owner} = '{}'", tenant.id));
        let of_tenant = of_tenant.unwrap_or_default();
        let database = &mut databases[database];
        let columns = database.query(columns, &[&table]).unwrap();
        assert!(!columns.is_empty(), "{table}");
        for column in columns.iter().map(|row| row.get::<_, String>(0)) {
            for time in ["infinity", "-infinity", "10000-01-01 00:00:00+00"] {
                let change = format!("UPDATE {table} SET {column} = '{time}' {of_tenant}");
                // A trigger sets some columns itself.
                let _ = database.execute(&change, &[]);
                let count = format!(
                    "SELECT count({column}) FROM {table}
                     WHERE NOT isfinite({column}) OR {column} >= '10000-01-01 00:00:00+00'"
                );
                let wrong: i64 = database.query_one(&count, &[]).unwrap().get(0);
                assert_eq!(wrong, 0, "{change}");
            }
        }
    }
    tenant.get("/api/v1/users").token(&tenant.admin.access_token).send().expect(200);
}
