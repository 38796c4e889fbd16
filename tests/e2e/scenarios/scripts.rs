//! Names, addresses and paths in all scripts.

use e2e::{World, unique};
use http::Method;
use serde_json::json;

/// Encodes text for a path or a query.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}

#[test]
fn names_and_addresses_accept_all_scripts() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    for (index, (local, username, first)) in [
        ("हिन्दी", "नरेन्द्र", "नरेन्द्र"),
        ("ไข่", "ไข่เจียว", "ไข่"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم", "محمد"),
        ("Jose\u{301}", "Ju\u{308}rgen", "Zoe\u{308}"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("  {local}@example{index}.com\t");
        let user = json!({ "email": email, "username": username, "first_name": first, "role": "user",
                           "password": "a password for tests" });
        let user = tenant.post("/api/v1/users", &user).token(token).send().expect(201);
        let login = |email: &str| tenant.login(email, "a password for tests").expect(200);
        // The address may have spaces around it, and may use either Unicode normalization form.
        assert_eq!(login(&email)["user"]["id"], user["id"]);
        assert_eq!(login(user["email"].as_str().unwrap())["user"]["id"], user["id"]);
        let search = encoded(first);
        let list = tenant.get(&format!("/api/v1/users?search={search}")).token(token).send();
        assert_eq!(list.expect(200)["total"], 1, "{first}");
    }
}

// S30
#[test]
fn invisible_characters_in_names_are_rejected() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    let tenant_path = format!("/admin/tenants/{}", tenant.id);
    let key = tenant.create_api_key(&json!({ "name": "a", "scopes": [] }));
    let key_path = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
    for char in ["\u{202e}", "\u{2066}", "\u{200b}", "\u{ad}", "\u{3164}", "\u{feff}", "\u{200d}"] {
        let name = format!("Ad{char}min");
        for field in ["username", "first_name", "last_name"] {
            let mut user = json!({ "email": format!("{}@x.example", unique("u")), "role": "user" });
            user[field] = json!(name);
            let refused = tenant.post("/api/v1/users", &user).token(token).send();
            assert_eq!(refused.expect_invalid(), [field], "{name:?}");
            let path = format!("/api/v1/users/{}", tenant.admin.id);
            let change = json!({ field: name });
            assert_eq!(tenant.patch(&path, &change).token(token).send().expect_invalid(), [field]);
            if field != "username" {
                let profile = tenant.patch("/api/v1/profile", &change).token(token).send();
                assert_eq!(profile.expect_invalid(), [field]);
            }
        }
        let change = json!({ "name": name });
        let patch = world.admin(Method::PATCH, &tenant_path).json(&change).send();
        assert_eq!(patch.expect_invalid(), ["name"], "{name:?}");
        let new = json!({ "name": name, "admin_email": "a@x.example" });
        let new = world.admin_post("/admin/tenants", &new).send();
        assert_eq!(new.expect_invalid(), ["name"], "{name:?}");
        let new = json!({ "name": name, "scopes": [] });
        let new = tenant.post("/api/v1/api-keys", &new).token(token).send();
        assert_eq!(new.expect_invalid(), ["name"], "{name:?}");
        assert_eq!(tenant.patch(&key_path, &change).token(token).send().expect_invalid(), ["name"]);
        let plan = json!({ "name": name, "limits": {} });
        let plan = world.admin_post("/admin/plans", &plan).send();
        assert!(plan.expect_invalid().contains(&"name".to_owned()), "{name:?}");
        let path = format!("/api/v1/files/{}", encoded(&name));
        assert_eq!(tenant.put(&path, "x").token(token).send().status, 422, "{name:?}");
    }
}

#[test]
fn unicode_forms_name_same_file() {
    let tenant = World::get().tenant();
    let token = &tenant.admin.access_token;
    let path = |name: &str| format!("/api/v1/files/{}", encoded(name));
    let names = ["Re\u{301}sume\u{301}.pdf", "👩\u{200d}👩\u{200d}👧.png", "می\u{200c}خواهم", "ไข่"];
    for name in names {
        tenant.put(&path(name), "text").token(token).send().expect(201);
        assert_eq!(tenant.get(&path(name)).token(token).send().text, "text");
    }
    assert_eq!(tenant.get(&path("Résumé.pdf")).token(token).send().text, "text");
    let prefix = encoded("Re\u{301}s");
    let list =
        tenant.get(&format!("/api/v1/files?prefix={prefix}")).token(token).send().expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["path"], "Résumé.pdf");
    assert_eq!(tenant.delete(&path("Résumé.pdf")).token(token).send().status, 204);
}

#[test]
fn usernames_and_searches_ignore_case() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    let create = |email: &str, username: &str| {
        let user = json!({ "email": email, "username": username, "role": "user" });
        tenant.post("/api/v1/users", &user).token(token).send()
    };
    create("a@x.example", "Ärger").expect(201);
    create("b@x.example", "äRGER").expect_problem(409, "username_taken");
    create("A@X.example", "other").expect_problem(409, "email_taken");
    let search = encoded("ÄRG");
    let list = tenant.get(&format!("/api/v1/users?search={search}")).token(token).send();
    assert_eq!(list.expect(200)["total"], 1);
    let index = "SELECT pg_get_indexdef('users_username_key'::regclass)";
    let mut database = world.services.superuser(&tenant.database());
    let index: String = database.query_one(index, &[]).unwrap().get(0);
    assert!(index.contains("und-x-icu"), "{index}");
}

#[test]
fn slugs_are_transliterated() {
    let world = World::get();
    let stem = unique("l");
    let create = |name: &str| {
        let new = json!({ "name": name, "admin_email": "a@x.example" });
        world.admin_post("/admin/tenants", &new).send().expect(201)
    };
    let created = create(&format!("Łódź Søster Straße {stem}"));
    assert_eq!(created["slug"], format!("lodz-soster-strasse-{stem}"));
    let domain = format!("ab--{stem}.example");
    let new =
        json!({ "name": "x", "slug": stem, "admin_email": "a@ab--cd.example", "domain": domain });
    let created = world.admin_post("/admin/tenants", &new).send().expect(201);
    assert_eq!(created["domain"], domain);
}

#[test]
fn times_outside_rfc_3339_are_rejected() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    for time in ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"] {
        let key = json!({ "name": "a", "scopes": [], "expires_at": time });
        let key = tenant.post("/api/v1/api-keys", &key).token(token).send();
        assert_eq!(key.expect_invalid(), ["expires_at"], "{time}");
        let query = encoded(time);
        let audit = tenant.get(&format!("/api/v1/tenant/audit?from={query}")).token(token).send();
        assert_eq!(audit.expect_invalid(), ["from"], "{time}");
    }
    for time in ["0000-01-01T00:00:00Z", "2016-12-31T23:59:60Z", "9999-12-31T23:59:59Z"] {
        let query = encoded(time);
        tenant.get(&format!("/api/v1/tenant/audit?from={query}")).token(token).send().expect(200);
        let path = format!("/admin/audit?from={query}");
        world.admin(Method::GET, &path).send().expect(200);
    }
}
