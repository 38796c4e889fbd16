//! Nobody grants more than the own permissions.

use e2e::{Answer, World};
use serde_json::json;

use super::{Caller, VERIFY_WRITE, group_path, member_path, role_path, text, token, user_path};

// S16
#[test]
#[expect(clippy::too_many_lines, reason = "the list of all ways is easier to read in one piece")]
fn nobody_grants_more_than_the_own_permissions() {
    let tenant = World::get().tenant();
    let admin = Caller::admin(&tenant);
    admin.define(&["notes:write", "notes:read"]);
    let weak = admin.role("Weak", &["notes:read"]);
    let strong = admin.role("Strong", &["notes:write"]);
    let reader = admin.role("Auditor", &["audit:read"]);
    let group = admin.group("Strong ones", &[&strong]);
    let weak_group = admin.group("Weak ones", &[&weak]);
    let manager = admin.role(
        "Manager",
        &["notes:read", "roles:read", "roles:write", "users:read", "users:write", "api_keys:write"],
    );
    let managing = tenant.user("user");
    admin.give(&managing, &json!({ "custom_roles": [manager] }));
    let victim = tenant.user("viewer");
    let holder = tenant.user("viewer");
    admin.give(&holder, &json!({ "custom_roles": [strong] }));
    let member = tenant.user("viewer");
    admin.give(&member, &json!({ "groups": [group] }));
    let key = tenant.api_key(&[
        "notes:read",
        "roles:read",
        "roles:write",
        "users:read",
        "users:write",
        "users:grant:viewer",
        "api_keys:write",
    ]);
    let user_token = token(&tenant, &managing);
    for credential in [user_token.as_str(), &key] {
        let caller = Caller::new(&tenant, credential);
        let refused = |answer: Answer| {
            let problem = answer.expect_problem(403, "scope_not_held");
            assert!(
                text(&problem["detail"]).contains("notes:write")
                    || text(&problem["detail"]).contains("audit:read"),
                "{problem}"
            );
        };
        // By creating or changing a role or a group.
        for permission in ["notes:write", "audit:read"] {
            refused(
                caller.post("/api/v1/roles", &json!({ "name": "X", "permissions": [permission] })),
            );
            refused(
                caller.patch(
                    &role_path(&weak),
                    &json!({ "permissions": ["notes:read", permission] }),
                ),
            );
            refused(caller.patch(&role_path(&manager), &json!({ "permissions": [permission] })));
        }
        for role in [&strong, &reader] {
            refused(caller.post("/api/v1/groups", &json!({ "name": "X", "roles": [role] })));
            refused(caller.patch(&group_path(&weak_group), &json!({ "roles": [role] })));
            refused(caller.patch(&role_path(role), &json!({ "permissions": [] })));
            refused(caller.patch(&role_path(role), &json!({ "name": "Other" })));
            refused(caller.delete(&role_path(role)));
        }
        refused(caller.patch(&group_path(&group), &json!({ "roles": [] })));
        refused(caller.delete(&group_path(&group)));
        refused(caller.delete("/api/v1/permissions/notes:write"));
        // By assigning a role or a group to a user, also to a new one or to the caller.
        for change in [
            json!({ "custom_roles": [strong] }),
            json!({ "groups": [group] }),
            json!({ "custom_roles": [reader] }),
        ] {
            refused(caller.patch(&user_path(&victim), &change));
            let mut new = json!({ "email": "new@x.example", "role": "viewer" });
            new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            refused(caller.post("/api/v1/users", &new));
            refused(caller.patch(&user_path(&managing), &change));
        }
        refused(caller.put(&member_path(&group, &victim)));
        // By acting as a user with more permissions, or on such a user.
        for user in [&holder, &member] {
            refused(caller.post(&format!("{}/reset-password", user_path(user)), &json!({})));
            refused(caller.patch(&user_path(user), &json!({ "email": "mine@x.example" })));
            refused(caller.patch(&user_path(user), &json!({ "custom_roles": [] })));
            refused(caller.patch(&user_path(user), &json!({ "groups": [] })));
            refused(caller.patch(&user_path(user), &json!({ "is_active": false })));
            refused(caller.delete(&user_path(user)));
            refused(caller.post(&format!("{}/erasure", user_path(user)), &json!({})));
            refused(caller.put(&member_path(&weak_group, user)));
        }
        refused(caller.delete(&member_path(&group, &member)));
        // By an API key.
        for scope in ["notes:write", "audit:read"] {
            refused(caller.post("/api/v1/api-keys", &json!({ "name": "k", "scopes": [scope] })));
        }
        // An administrator has every permission.
        let new_admin = json!({ "email": "root@x.example", "role": "admin" });
        caller.post("/api/v1/users", &new_admin).expect_problem(403, "scope_not_held");
        caller
            .patch(&user_path(&victim), &json!({ "role": "admin" }))
            .expect_problem(403, "scope_not_held");
    }
    // Within the own permissions, each way is open.
    let caller = Caller::new(&tenant, &user_token);
    let own = caller.role("Reader", &["notes:read"]);
    let own_group = caller.group("Readers", &[&own, &weak]);
    caller.patch(&user_path(&victim), &json!({ "custom_roles": [own] })).expect(200);
    assert_eq!(caller.put(&member_path(&own_group, &victim)).status, 204);
    caller.post("/api/v1/api-keys", &json!({ "name": "k", "scopes": ["notes:read"] })).expect(201);
    // A key with every scope but without the permissions of the application cannot create an administrator.
    let scopes: Vec<_> = tenancy::access::Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let scopes: Vec<_> = scopes.into_iter().filter(|scope| *scope != "users:grant:admin").collect();
    let all = tenant.api_key(&scopes);
    let new_admin = json!({ "email": "root@x.example", "role": "admin" });
    let answer = Caller::new(&tenant, &all).post("/api/v1/users", &new_admin);
    answer.expect_problem(403, "scope_not_held");
}

// S16
#[test]
fn second_credential_limits_permissions() {
    let tenant = World::get().tenant();
    let admin = Caller::admin(&tenant);
    admin.define(&["notes:write"]);
    let [with, without] = [&["notes:write", "tenant:read"][..], &["tenant:read"]]
        .map(|scopes| tenant.api_key(scopes));
    let both = |key: &str| {
        tenant.get(VERIFY_WRITE).token(&tenant.admin.access_token).header("x-api-key", key).send()
    };
    let verified = both(&with);
    assert_eq!(verified.header("x-scopes"), "tenant:read notes:write");
    assert_eq!(verified.status, 200);
    both(&without).expect_problem(403, "forbidden");
}

// S16
#[test]
fn last_administrator_survives_changes_of_roles() {
    let tenant = World::get().tenant();
    let admin = Caller::admin(&tenant);
    let role = admin.role("Helper", &["tenant:read"]);
    let group = admin.group("Helpers", &[&role]);
    let own = &tenant.admin;
    admin.give(own, &json!({ "custom_roles": [role], "groups": [group] }));
    let fresh = token(&tenant, own);
    let admin = Caller::new(&tenant, &fresh);
    for change in [
        json!({ "role": "viewer", "custom_roles": [role] }),
        json!({ "is_active": false, "groups": [] }),
    ] {
        admin.patch(&user_path(own), &change).expect_problem(409, "last_admin");
    }
    admin.delete(&user_path(own)).expect_problem(409, "last_admin");
    assert_eq!(admin.delete(&member_path(&group, own)).status, 204);
    let fresh = token(&tenant, own);
    let admin = Caller::new(&tenant, &fresh);
    assert_eq!(admin.delete(&role_path(&role)).status, 204);
    assert_eq!(admin.delete(&group_path(&group)).status, 204);
    assert_eq!(admin.get("/api/v1/users").status, 200);
}

#[test]
fn api_keys_carry_permissions() {
    let tenant = World::get().tenant();
    let admin = Caller::admin(&tenant);
    admin.define(&["notes:write"]);
    let created =
        tenant.create_api_key(&json!({ "name": "k", "scopes": ["notes:write", "files:read"] }));
    assert_eq!(created["scopes"], json!(["files:read", "notes:write"]));
    let key = Caller::new(&tenant, text(&created["api_key"]));
    assert_eq!(key.get(VERIFY_WRITE).header("x-scopes"), "files:read notes:write");
    let id = text(&created["id"]);
    let path = format!("/api/v1/api-keys/{id}");
    assert_eq!(admin.get(&path).expect(200)["scopes"], created["scopes"]);
    // Another permission of the same name later must not reach an old key.
    let in_use = admin.delete("/api/v1/permissions/notes:write");
    in_use.expect_problem(409, "permission_in_use");
    assert_eq!(key.get(VERIFY_WRITE).status, 200);
    assert_eq!(admin.delete(&path).status, 204);
    assert_eq!(admin.delete("/api/v1/permissions/notes:write").status, 204);
    // The operator gives a key only permissions that the tenant defines.
    let path = format!("/admin/tenants/{}/api-keys", tenant.id);
    let wanted = json!({ "name": "k", "scopes": ["notes:write"] });
    let refused = World::get().admin_post(&path, &wanted).send();
    assert_eq!(refused.expect_invalid(), ["scopes"]);
    admin.define(&["notes:write"]);
    World::get().admin_post(&path, &wanted).send().expect(201);
}
