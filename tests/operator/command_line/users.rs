use e2e::{Authenticator, World, unique};
use serde_json::json;

use super::{json, run};

#[test]
fn user_is_managed_like_over_http() {
    let world = World::get();
    let tenant = world.tenant();
    let slug = tenant.slug.as_str();
    let email = "bob@ctl.example";
    let created = json(&["user", "create", slug, email, "--first-name", "Bob", "--role", "viewer"]);
    let setup = json!({ "setup_token": created["setup_token"], "password": "secure password" });
    let signed_in = world.post("/api/v1/auth/setup", &setup).send().expect(200);
    let token = signed_in["access_token"].as_str().unwrap();
    let profile = || tenant.get("/api/v1/profile").token(token).send();
    assert_eq!(profile().expect(200)["role"], "viewer");

    assert_eq!(json(&["user", "list", slug, "--role", "viewer"])["items"][0]["email"], email);
    let updated = json(&["user", "update", slug, email, "--first-name", "", "--username", "bob"]);
    assert_eq!((&updated["first_name"], &updated["username"]), (&json!(null), &json!("bob")));
    json(&["user", "deactivate", slug, email]);
    profile().expect_problem(401, "token_revoked");
    json(&["user", "activate", slug, email]);
    tenant.login(email, "secure password").expect(200);
    let reset = json(&["user", "reset-password", slug, email]);
    tenant.login(email, "secure password").expect_problem(401, "invalid_credentials");
    let setup = json!({ "setup_token": reset["setup_token"], "password": "another password" });
    world.post("/api/v1/auth/setup", &setup).send().expect(200);
    json(&["user", "delete", slug, email, "--yes"]);
    run(&["user", "show", slug, email]).expect(3);
}

#[test]
fn lost_second_factors_are_removed() {
    let tenant = World::get().tenant();
    let user = tenant.user("admin");
    let path = "/api/v1/profile/second-factors";
    let begun = tenant.post(path, &json!({})).token(&user.access_token).send().expect(201);
    let code = Authenticator::new(begun["secret"].as_str().unwrap()).code();
    let path = format!("{path}/{}/confirm", begun["id"].as_str().unwrap());
    let confirm = tenant.post(&path, &json!({ "code": code })).token(&user.access_token);
    confirm.send().expect(200);
    tenant.login(&user.email, &user.password).expect_problem(401, "second_factor_required");
    let removed = json(&["user", "remove-second-factors", &tenant.slug, &user.email]);
    assert_eq!(removed["user_id"], user.id);
    tenant.login(&user.email, &user.password).expect(200);
}

#[test]
fn person_is_erased_with_receipt() {
    let tenant = World::get().tenant();
    let slug = tenant.slug.as_str();
    let user = tenant.user("viewer");
    let planned = json(&["user", "erase", slug, &user.email, "--dry-run"]);
    assert_eq!((&planned["action"], &planned["removes"]["sessions"]), (&json!("erase"), &json!(1)));
    assert_eq!(json(&["user", "show", slug, &user.id])["email"], user.email.as_str());
    tenant.get("/api/v1/profile").token(&user.access_token).send().expect(200);
    run(&["user", "erase", slug, &user.email]).expect(2);
    let erased = json(&["user", "erase", slug, &user.email, "--yes"]);
    assert_eq!(erased["receipt"]["user"], user.id.as_str());
    assert_eq!(erased["receipt"]["removed"], planned["removes"]);
    let profile = tenant.get("/api/v1/profile").token(&user.access_token).send();
    profile.expect_problem(401, "token_revoked");
    run(&["user", "show", slug, &user.id]).expect(3);
    run(&["user", "erase", slug, &user.email, "--yes"]).expect(3);
    assert_eq!(json(&["user", "erase", slug, &user.id, "--yes"]), erased);
    let receipts = tenant.audited("user.erased");
    assert_eq!((receipts.len(), &receipts[0]["detail"]["operator"]["name"]), (1, &json!("olivia")));
    run(&["user", "erase", slug, &tenant.admin.email, "--yes"]).expect(4);
    run(&["audit", "verify", "--tenant", slug]).expect(0);
}

#[test]
fn personal_data_is_exported() {
    let (tenant, other) = (World::get().tenant(), World::get().tenant());
    let slug = tenant.slug.as_str();
    let user = tenant.user("viewer");
    let printed = json(&["user", "export", slug, &user.email]);
    assert_eq!(printed["user"]["id"], user.id.as_str());
    assert_eq!(printed["sessions"].as_array().map(Vec::len), Some(1));
    let events = tenant.audited("user.exported");
    assert_eq!((events.len(), &events[0]["detail"]["operator"]["name"]), (1, &json!("olivia")));
    assert_eq!(events[0]["severity"], "warning");

    let path = World::get().services.folder().join(unique("user.json"));
    let file = path.to_str().unwrap();
    let reported = json(&["user", "export", slug, &user.id, "--file", file]);
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!((&reported["file"], &reported["bytes"]), (&json!(file), &json!(written.len())));
    let exported: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(exported["user"], printed["user"]);
    run(&["user", "export", slug, &user.id, "--file", file]).expect(2);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    for name in [&other.admin.id, &other.admin.email] {
        let refused = run(&["user", "export", slug, name]).expect(3);
        assert_eq!(refused.out, "");
    }
}

#[test]
fn rules_of_users_apply() {
    let tenant = World::get().tenant();
    let slug = tenant.slug.as_str();
    let admin = tenant.admin.email.as_str();
    for (arguments, code, text) in [
        (&["user", "deactivate", slug, admin][..], 4, "Add another one first"),
        (&["user", "create", slug, admin], 4, "taken"),
        (&["user", "create", slug, "no address"], 2, "email"),
        (&["user", "create", slug, "a@b.example", "--role", "owner"], 2, "role"),
        (&["user", "update", slug, admin], 2, "nothing to change"),
        (&["user", "show", "no-such-tenant", admin], 3, "tenant list"),
    ] {
        let refused = run(arguments).expect(code);
        assert!(refused.err.contains(text), "{refused:?}");
    }
    json(&["tenant", "update", slug, "--set-limit", "users=1"]);
    let refused = run(&["user", "create", slug, "b@ctl.example"]).expect(5);
    assert!(refused.err.contains("--set-limit"), "{refused:?}");
}

#[test]
fn user_of_another_tenant_is_not_found() {
    let (acme, globex) = (World::get().tenant(), World::get().tenant());
    for name in [&globex.admin.id, &globex.admin.email] {
        for command in ["show", "deactivate", "reset-password", "remove-second-factors"] {
            run(&["user", command, &acme.slug, name]).expect(3);
        }
        run(&["user", "delete", &acme.slug, name, "--yes"]).expect(3);
        run(&["user", "erase", &acme.slug, name, "--yes"]).expect(3);
    }
    globex.login(&globex.admin.email, &globex.admin.password).expect(200);
}
