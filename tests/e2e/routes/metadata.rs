//! Metadata of users, and the search of users and tenants by it.

use std::thread::scope;

use e2e::{Answer, TestTenant, TestUser, World, unique};
use http::Method;
use serde_json::{Value, json};

fn path(user: &TestUser) -> String {
    format!("/api/v1/users/{}", user.id)
}

fn operator_path(tenant: &TestTenant, user: &TestUser) -> String {
    format!("/admin/tenants/{}/users/{}", tenant.id, user.id)
}

/// Changes a user as the administrator of the tenant.
fn change(tenant: &TestTenant, user: &TestUser, change: &Value) -> Answer {
    tenant.patch(&path(user), change).token(&tenant.admin.access_token).send()
}

/// Changes the metadata of a user as the operator.
fn operate(tenant: &TestTenant, user: &TestUser, change: &Value) -> Answer {
    World::get().admin(Method::PATCH, &operator_path(tenant, user)).json(change).send()
}

/// Returns the ids in a list of users that a JSON object in a parameter selects.
fn found(list: &str, parameter: &str, wanted: &Value, token: Option<(&TestTenant, &str)>) -> Value {
    let world = World::get();
    let query = format!("{list}?{parameter}={}", world.encoded(&wanted.to_string()));
    let answer = match token {
        Some((tenant, token)) => tenant.get(&query).token(token).send(),
        None => world.admin(Method::GET, &query).send(),
    };
    let page = answer.expect(200);
    let ids: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(page["total"], ids.len());
    json!(ids)
}

#[test]
fn members_are_merged_and_numbers_survive() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let body = json!({ "email": "eve@acme.example", "password": "secure_password",
        "public_metadata": { "team": "sales", "none": null } });
    let created = tenant.post("/api/v1/users", &body).token(token).send().expect(201);
    assert_eq!(created["public_metadata"], json!({ "team": "sales" }));
    let path = format!("/api/v1/users/{}", created["id"].as_str().unwrap());
    let merge = |body: &str, expected: &str| {
        let call = World::get().call(Method::PATCH, &path).body("application/json", body);
        let changed = call.slug(&tenant.slug).token(token).send();
        assert_eq!(changed.status, 200, "{}", changed.text);
        for answer in [changed, tenant.get(&path).token(token).send()] {
            let expected = format!("\"public_metadata\":{expected},");
            assert!(answer.text.contains(&expected), "{expected}: {}", answer.text);
        }
    };
    merge(
        r#"{"public_metadata":{"z":[1.0,1E5,0.30000000000000004],"a\n\"\u0001é":{"null":null}}}"#,
        r#"{"a\n\"\u0001é":{"null":null},"team":"sales","z":[1.0,1E5,0.30000000000000004]}"#,
    );
    merge(
        r#"{"public_metadata":{"z":null,"team":2}}"#,
        r#"{"a\n\"\u0001é":{"null":null},"team":2}"#,
    );
    merge(r#"{"first_name":"Eve"}"#, r#"{"a\n\"\u0001é":{"null":null},"team":2}"#);
    merge(r#"{"public_metadata":{"a\n\"\u0001é":null,"team":null}}"#, "{}");
    let updated = tenant.wait_until_audited("user.updated", 4);
    assert_eq!(updated[0]["detail"]["fields"], json!(["public_metadata"]));
    assert!(!json!(updated).to_string().contains("sales"));
}

#[test]
fn concurrent_changes_lose_no_member() {
    let tenant = World::get().tenant();
    let user = tenant.user("viewer");
    scope(|scope| {
        for index in 0..8 {
            let (tenant, user) = (&tenant, &user);
            scope.spawn(move || {
                let name = format!("writer_{index}");
                operate(tenant, user, &json!({ "private_metadata": { name: index } })).expect(200);
            });
        }
    });
    let shown = World::get().admin(Method::GET, &operator_path(&tenant, &user)).send().expect(200);
    assert_eq!(shown["private_metadata"].as_object().unwrap().len(), 8, "{shown}");
}

// S50
#[test]
fn private_metadata_reach_operators_only() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let secret = unique("private");
    let metadata =
        json!({ "public_metadata": { "team": "sales" }, "private_metadata": { "crm": secret } });
    let changed = operate(&tenant, &user, &metadata).expect(200);
    assert_eq!(changed["private_metadata"]["crm"], secret.as_str());
    // The change ended no session, and the user sees the public metadata only.
    let profile = tenant.get("/api/v1/profile").token(&user.access_token).send().expect(200);
    assert_eq!(profile["public_metadata"], json!({ "team": "sales" }));
    let admin = &tenant.admin.access_token;
    let login = json!({ "email": user.email, "password": user.password });
    for answer in [
        tenant.get("/api/v1/profile").token(&user.access_token).send(),
        tenant.post("/api/v1/auth/login", &login).send(),
        tenant.get("/api/v1/users").token(admin).send(),
        tenant.get(&path(&user)).token(admin).send(),
        change(&tenant, &user, &json!({ "first_name": "Ursula" })),
        tenant.get("/api/v1/auth/verify").token(&user.access_token).send(),
    ] {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains(&secret) && !answer.text.contains("private_metadata"));
    }
    // Neither users nor administrators of the tenant change or search them, and users change no metadata.
    let private = json!({ "private_metadata": { "crm": 1 } });
    assert_eq!(change(&tenant, &user, &private).expect_invalid(), ["private_metadata"]);
    let own = json!({ "public_metadata": { "team": "board" } });
    let profile = tenant.patch("/api/v1/profile", &own).token(&user.access_token).send();
    assert_eq!(profile.expect_invalid(), ["public_metadata"]);
    let search = format!("/api/v1/users?private_metadata={}", world.encoded("{}"));
    assert_eq!(tenant.get(&search).token(admin).send().expect_invalid(), ["private_metadata"]);
    for token in [admin, &user.access_token] {
        let call = world.get_path(&operator_path(&tenant, &user)).token(token).send();
        assert!(matches!(call.status, 401 | 403), "{}", call.text);
    }
    // The person has a right to a copy of all personal data.
    let export = format!("{}/export", path(&user));
    let export = tenant.get(&export).token(&user.access_token).send().expect(200);
    assert_eq!(export["user"]["private_metadata"]["crm"], secret.as_str());
}

// S50
#[test]
fn users_are_found_by_metadata() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let [ada, bob] = [tenant.user("user"), tenant.user("viewer")];
    let stranger = other.user("user");
    let nested =
        json!({ "team": "sales", "tags": ["a", "b"], "address": { "city": "Ulm", "no": 1 } });
    for (tenant, user) in [(&tenant, &ada), (&other, &stranger)] {
        operate(
            tenant,
            user,
            &json!({ "public_metadata": nested, "private_metadata": { "crm": 17 } }),
        )
        .expect(200);
    }
    operate(&tenant, &bob, &json!({ "public_metadata": { "team": "board" } })).expect(200);
    let own = Some((&tenant, tenant.admin.access_token.as_str()));
    let public = |wanted: Value| found("/api/v1/users", "public_metadata", &wanted, own);
    for wanted in [
        json!({ "team": "sales" }),
        json!({ "tags": ["b"] }),
        json!({ "address": { "city": "Ulm" } }),
        json!({ "address": { "no": 1.0 }, "team": "sales" }),
    ] {
        assert_eq!(public(wanted.clone()), json!([ada.id]), "{wanted}");
    }
    for wanted in [json!({ "team": "Sales" }), json!({ "tags": "b" }), json!({ "crm": 17 })] {
        assert_eq!(public(wanted.clone()), json!([]), "{wanted}");
    }
    let list = format!("/admin/tenants/{}/users", tenant.id);
    assert_eq!(found(&list, "private_metadata", &json!({ "crm": 17 }), None), json!([ada.id]));
    assert_eq!(found(&list, "public_metadata", &json!({ "team": "board" }), None), json!([bob.id]));
    // A user is found only in the own tenant.
    let foreign = operator_path(&tenant, &stranger);
    world.admin(Method::GET, &foreign).send().expect_problem(404, "user_not_found");
    let change = operate(&tenant, &stranger, &json!({ "private_metadata": { "crm": 1 } }));
    change.expect_problem(404, "user_not_found");
    // Large tenants have an index for it.
    let plan = "SET enable_seqscan = off; EXPLAIN SELECT FROM users WHERE ";
    for column in ["public_metadata", "private_metadata"] {
        let statement = format!("{plan} {column}::jsonb @> '{{\"a\": 1}}'::text::jsonb");
        let mut database = world.services.superuser(&tenant.database());
        database.batch_execute("SET search_path = tenancy").unwrap();
        let lines = database.simple_query(&statement).unwrap();
        let uses_index = lines.iter().any(|line| {
            matches!(line, postgres::SimpleQueryMessage::Row(row)
                if row.get(0).is_some_and(|text| text.contains(&format!("users_by_{column}"))))
        });
        assert!(uses_index, "{column}");
    }
}

#[test]
fn tenants_are_found_by_settings() {
    let world = World::get();
    let [tenant, other] = [world.tenant(), world.tenant()];
    let region = unique("region");
    let settings =
        json!({ "settings": { "region": region }, "private_settings": { "crm": region } });
    world
        .admin(Method::PATCH, &format!("/admin/tenants/{}", tenant.id))
        .json(&settings)
        .send()
        .expect(200);
    for (parameter, wanted) in
        [("settings", json!({ "region": region })), ("private_settings", json!({ "crm": region }))]
    {
        assert_eq!(found("/admin/tenants", parameter, &wanted, None), json!([tenant.id]));
        let crossed = json!({ parameter: wanted });
        assert_eq!(found("/admin/tenants", parameter, &crossed, None), json!([]));
    }
    let both = format!(
        "/admin/tenants?settings={}&search={}",
        world.encoded(&json!({ "region": region }).to_string()),
        other.slug
    );
    assert_eq!(world.admin(Method::GET, &both).send().expect(200)["total"], 0);
}

#[test]
fn metadata_and_filters_are_bounded() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("viewer");
    let half = "x".repeat(9_000);
    for metadata in ["public_metadata", "private_metadata"] {
        for invalid in [json!("text"), json!([]), json!(1), json!({ "a": half.repeat(2) })] {
            let answer = operate(&tenant, &user, &json!({ metadata: invalid }));
            assert_eq!(answer.expect_invalid(), [metadata], "{invalid}");
        }
        // Each half is short enough, and both together are too long.
        operate(&tenant, &user, &json!({ metadata: { "a": half } })).expect(200);
        let answer = operate(&tenant, &user, &json!({ metadata: { "b": half } }));
        assert_eq!(answer.expect_invalid(), [metadata]);
        let nul = operate(&tenant, &user, &json!({ metadata: { "a": "\0" } }));
        assert_eq!(nul.expect_invalid(), [metadata]);
    }
    let list = format!("/admin/tenants/{}/users", tenant.id);
    for text in
        ["x", "[]", "1", r#"{"a":1,"a":2}"#, r#"{"a":"\u0000"}"#, &format!(r#"{{"a":"{half}"}}"#)]
    {
        let text = world.encoded(text);
        let query = format!("{list}?public_metadata={text}&private_metadata={text}");
        let answer = world.admin(Method::GET, &query).send();
        assert_eq!(answer.expect_invalid(), ["public_metadata", "private_metadata"], "{text}");
        let query = format!("/admin/tenants?settings={text}&private_settings={text}");
        let answer = world.admin(Method::GET, &query).send();
        assert_eq!(answer.expect_invalid(), ["settings", "private_settings"], "{text}");
    }
}

#[test]
fn operators_change_metadata_and_roles_by_command() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("viewer");
    let token = &tenant.admin.access_token;
    let post = |path: &str, body: &Value| tenant.post(path, body).token(token).send().expect(201);
    post("/api/v1/permissions", &json!({ "name": "notes:write" }));
    let role = post("/api/v1/roles", &json!({ "name": "Editor", "permissions": ["notes:write"] }));
    let group = post("/api/v1/groups", &json!({ "name": "Newsroom", "roles": [] }));
    let run = |arguments: &[&str]| world.tenantctl(&[&["user"], arguments].concat());
    let shown = |arguments: &[&str]| -> Value {
        let output = run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let update = ["update", &tenant.slug, &user.email, "--output", "json"];
    let metadata =
        ["--public-metadata", r#"{"team":"sales"}"#, "--private-metadata", r#"{"crm":1}"#];
    let roles = ["--custom-role", "Editor", "--group", group["id"].as_str().unwrap()];
    let changed = shown(&[&update[..], &metadata, &roles].concat());
    assert_eq!(changed["public_metadata"], json!({ "team": "sales" }));
    assert_eq!(changed["private_metadata"], json!({ "crm": 1 }));
    assert_eq!(changed["custom_roles"], json!([role["id"]]));
    assert_eq!(changed["groups"], json!([group["id"]]));
    let list = ["list", &tenant.slug, "--private-metadata", r#"{"crm":1}"#, "--output", "json"];
    assert_eq!(shown(&list)["items"][0]["id"], user.id.as_str());
    let emptied = shown(&[&update[..], &["--custom-role", "", "--group", ""]].concat());
    assert_eq!((&emptied["custom_roles"], &emptied["groups"]), (&json!([]), &json!([])));
    let unknown = run(&[&update[..], &["--custom-role", "Owner"]].concat());
    assert_eq!(unknown.status.code(), Some(3), "{}", String::from_utf8_lossy(&unknown.stderr));
}
