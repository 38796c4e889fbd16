//! Permissions, roles and groups that a tenant defines (docs/decisions/0023-custom-roles.md).

mod authority;
mod leases;

use e2e::{Answer, Call, TestTenant, TestUser, World};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const VERIFY_WRITE: &str = "/api/v1/auth/verify?scope=notes:write";
const FORBIDDEN: (u16, &str) = (403, "forbidden");

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Calls a tenant's endpoints with one credential.
struct Caller<'a> {
    tenant: &'a TestTenant,
    token: &'a str,
}

impl<'a> Caller<'a> {
    fn new(tenant: &'a TestTenant, token: &'a str) -> Self {
        Self { tenant, token }
    }

    fn admin(tenant: &'a TestTenant) -> Self {
        Self::new(tenant, &tenant.admin.access_token)
    }

    fn get(&self, path: &str) -> Answer {
        self.tenant.get(path).token(self.token).send()
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.tenant.post(path, body).token(self.token).send()
    }

    fn patch(&self, path: &str, body: &Value) -> Answer {
        self.tenant.patch(path, body).token(self.token).send()
    }

    fn put(&self, path: &str) -> Answer {
        self.tenant.put(path, "").token(self.token).send()
    }

    fn delete(&self, path: &str) -> Answer {
        self.tenant.delete(path).token(self.token).send()
    }

    fn define(&self, names: &[&str]) {
        for name in names {
            self.post("/api/v1/permissions", &json!({ "name": name })).expect(201);
        }
    }

    fn role(&self, name: &str, permissions: &[&str]) -> String {
        let role = json!({ "name": name, "permissions": permissions });
        text(&self.post("/api/v1/roles", &role).expect(201)["id"]).to_owned()
    }

    fn group(&self, name: &str, roles: &[&str]) -> String {
        let group = json!({ "name": name, "roles": roles });
        text(&self.post("/api/v1/groups", &group).expect(201)["id"]).to_owned()
    }

    fn give(&self, user: &TestUser, change: &Value) {
        self.patch(&user_path(user), change).expect(200);
    }
}

fn user_path(user: &TestUser) -> String {
    format!("/api/v1/users/{}", user.id)
}

fn role_path(role: &str) -> String {
    format!("/api/v1/roles/{role}")
}

fn group_path(group: &str) -> String {
    format!("/api/v1/groups/{group}")
}

fn member_path(group: &str, user: &TestUser) -> String {
    format!("/api/v1/groups/{group}/members/{}", user.id)
}

/// Signs a user in again, and returns the access token.
fn token(tenant: &TestTenant, user: &TestUser) -> String {
    text(&tenant.login(&user.email, &user.password).expect(200)["access_token"]).to_owned()
}

fn names(items: &Value) -> Vec<&str> {
    items["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect()
}

#[test]
fn roles_and_groups_grant_permissions() {
    let tenant = World::get().tenant();
    let admin = Caller::admin(&tenant);
    admin.define(&["notes:write", "notes:publish"]);
    let editor = admin.role("Editor", &["notes:write", "audit:read"]);
    let publisher = admin.role("Publisher", &["notes:publish"]);
    let group = admin.group("Newsroom", &[&publisher]);
    // Administrators hold every permission at once, without a new sign-in.
    assert_eq!(admin.get(VERIFY_WRITE).status, 200);
    let user = tenant.user("viewer");
    let before = Caller::new(&tenant, &user.access_token);
    before.get(VERIFY_WRITE).expect_problem(403, "forbidden");
    admin.give(&user, &json!({ "custom_roles": [editor] }));
    // The former token is revoked, and the next one has the role.
    before.get(VERIFY_WRITE).expect_problem(401, "token_revoked");
    let with_role = token(&tenant, &user);
    let verified = Caller::new(&tenant, &with_role).get(VERIFY_WRITE);
    assert!(verified.header("x-scopes").split(' ').any(|name| name == "notes:write"));
    assert_eq!(verified.header("x-user-role"), "viewer");
    let scopes = verified.expect(200)["scopes"].clone();
    assert!(scopes.as_array().unwrap().contains(&json!("audit:read")), "{scopes}");
    Caller::new(&tenant, &with_role).get("/api/v1/tenant/audit").expect(200);
    let publish = "/api/v1/auth/verify?scope=notes:write%20notes:publish";
    Caller::new(&tenant, &with_role).get(publish).expect_problem(403, "forbidden");
    assert_eq!(admin.put(&member_path(&group, &user)).status, 204);
    assert_eq!(admin.put(&member_path(&group, &user)).status, 204);
    let with_group = token(&tenant, &user);
    let member = Caller::new(&tenant, &with_group);
    assert_eq!(member.get(publish).status, 200);
    let own = member.get("/api/v1/profile").expect(200);
    assert_eq!((&own["custom_roles"], &own["groups"]), (&json!([editor]), &json!([group])));
    let members = admin.get(&format!("{}/members", group_path(&group))).expect(200);
    assert_eq!((&members["total"], &members["items"][0]["id"]), (&json!(1), &json!(user.id)));
    let filtered = admin.get(&format!("/api/v1/users?custom_role={editor}")).expect(200);
    assert_eq!(filtered["total"], 1);
    // The token for services that read it themselves has the permissions, too.
    let form = format!("token={with_group}");
    let introspect = World::get().call(Method::POST, "/api/v1/auth/introspect").slug(&tenant.slug);
    let introspect = introspect.body("application/x-www-form-urlencoded", form.clone());
    let introspected = introspect.token(&tenant.admin.access_token).send().expect(200);
    assert!(text(&introspected["scope"]).ends_with("notes:write notes:publish"), "{introspected}");
    // A change of a role takes effect on a token that was issued before.
    admin.patch(&role_path(&publisher), &json!({ "permissions": [] })).expect(200);
    member.get(publish).expect_problem(403, "forbidden");
    let introspect = World::get().call(Method::POST, "/api/v1/auth/introspect").slug(&tenant.slug);
    let introspect = introspect.body("application/x-www-form-urlencoded", form);
    let introspected = introspect.token(&tenant.admin.access_token).send().expect(200);
    assert!(text(&introspected["scope"]).ends_with("audit:read notes:write"), "{introspected}");
    let wider = json!({ "permissions": ["users:read", "notes:publish"] });
    admin.patch(&role_path(&publisher), &wider).expect(200);
    assert_eq!(member.get(publish).status, 200);
    member.get("/api/v1/users").expect(200);
    // Deleted roles and groups grant nothing, and disappear from the users.
    assert_eq!(admin.delete(&role_path(&editor)).status, 204);
    member.get(VERIFY_WRITE).expect_problem(403, "forbidden");
    assert_eq!(admin.delete(&group_path(&group)).status, 204);
    member.get("/api/v1/users").expect_problem(403, "forbidden");
    // The removal of the ids revokes no token.
    let own = member.get("/api/v1/profile").expect(200);
    assert_eq!((&own["custom_roles"], &own["groups"]), (&json!([]), &json!([])));
    admin.delete(&role_path(&editor)).expect_problem(404, "role_not_found");
    admin.delete(&group_path(&group)).expect_problem(404, "group_not_found");
    for event in ["permission.created", "role.created"] {
        assert_eq!(tenant.wait_until_audited(event, 2).len(), 2);
    }
    let [created] = &tenant.wait_until_audited("group.created", 1)[..] else { panic!() };
    assert_eq!(
        (&created["resource_id"], &created["actor_id"]),
        (&json!(group), &json!(tenant.admin.id))
    );
    assert_eq!(
        tenant.wait_until_audited("role.updated", 2)[1]["detail"]["permissions"],
        wider["permissions"]
    );
    tenant.wait_until_audited("role.deleted", 1);
    tenant.wait_until_audited("group.deleted", 1);
    let given = tenant.wait_until_audited("user.role_changed", 3);
    assert_eq!(given[0]["detail"]["after"]["custom_roles"], json!([editor]));
}

#[test]
fn definitions_are_listed_and_updated() {
    let tenant = World::get().tenant();
    let admin = Caller::admin(&tenant);
    let described = json!({ "name": "notes:write", "description": "Write notes" });
    let created = admin.post("/api/v1/permissions", &described);
    assert_eq!(created.header("location"), "/api/v1/permissions/notes:write");
    assert_eq!(created.expect(201)["description"], "Write notes");
    admin.post("/api/v1/permissions", &described).expect_problem(409, "permission_taken");
    admin.define(&["audits:read"]);
    let listed = admin.get("/api/v1/permissions").expect(200);
    assert_eq!((names(&listed), &listed["total"]), (vec!["audits:read", "notes:write"], &json!(2)));
    let [one, _, _] = ["One", "Two", "Three"].map(|name| admin.role(name, &["notes:write"]));
    let page = admin.get("/api/v1/roles?offset=1&limit=1").expect(200);
    assert_eq!((names(&page), &page["total"]), (vec!["Two"], &json!(3)));
    assert_eq!(names(&admin.get("/api/v1/roles?offset=9").expect(200)), [] as [&str; 0]);
    let again = json!({ "name": "two", "permissions": [] });
    admin.post("/api/v1/roles", &again).expect_problem(409, "role_name_taken");
    admin.patch(&role_path(&one), &json!({ "name": "TWO" })).expect_problem(409, "role_name_taken");
    let renamed = json!({ "name": "ONE", "description": "first" });
    let renamed = admin.patch(&role_path(&one), &renamed).expect(200);
    assert_eq!((&renamed["name"], &renamed["description"]), (&json!("ONE"), &json!("first")));
    assert_eq!(renamed["permissions"], json!(["notes:write"]));
    let cleared = admin.patch(&role_path(&one), &json!({ "description": null })).expect(200);
    assert_eq!(cleared["description"], Value::Null);
    assert_eq!(admin.get(&role_path(&one)).expect(200), cleared);
    let group = admin.group("Team", &[&one]);
    let team = json!({ "name": "team" });
    admin.post("/api/v1/groups", &team).expect_problem(409, "group_name_taken");
    assert_eq!(admin.get(&group_path(&group)).expect(200)["roles"], json!([one]));
    // A deleted permission and a deleted role disappear from roles and groups.
    assert_eq!(admin.delete("/api/v1/permissions/notes:write").status, 204);
    assert_eq!(admin.get(&role_path(&one)).expect(200)["permissions"], json!([]));
    assert_eq!(admin.delete(&role_path(&one)).status, 204);
    assert_eq!(admin.get(&group_path(&group)).expect(200)["roles"], json!([]));
    let gone = admin.delete("/api/v1/permissions/notes:write");
    gone.expect_problem(404, "permission_not_found");
}

#[test]
fn invalid_definitions_are_rejected() {
    let tenant = World::get().tenant();
    let admin = Caller::admin(&tenant);
    for name in [
        json!("notes"),
        json!("Notes:write"),
        json!("users:write"),
        json!("files:archive"),
        json!("notes:w\"rite"),
        json!(format!("notes:{}", "a".repeat(35))),
        json!(1),
    ] {
        let answer = admin.post("/api/v1/permissions", &json!({ "name": name }));
        assert_eq!(answer.expect_invalid(), ["name"], "{name}");
    }
    for (body, fields) in [
        (json!({ "name": "admin", "permissions": [] }), vec!["name"]),
        (json!({ "name": "R", "permissions": ["notes:write"] }), vec!["permissions"]),
        (json!({ "name": "R", "permissions": "audit:read" }), vec!["permissions"]),
        (json!({ "name": "R" }), vec!["permissions"]),
    ] {
        let mut invalid = admin.post("/api/v1/roles", &body).expect_invalid();
        invalid.sort_unstable();
        assert_eq!(invalid, fields, "{body}");
    }
    let unknown = Uuid::nil().to_string();
    let group = json!({ "name": "G", "roles": [unknown] });
    assert_eq!(admin.post("/api/v1/groups", &group).expect_invalid(), ["roles"]);
    let user = tenant.user("viewer");
    for field in ["custom_roles", "groups"] {
        let answer = admin.patch(&user_path(&user), &json!({ field: [unknown] }));
        assert_eq!(answer.expect_invalid(), [field]);
        let many: Vec<_> = (0..17).map(|id| Uuid::from_u128(id).to_string()).collect();
        let answer = admin.patch(&user_path(&user), &json!({ field: many }));
        assert_eq!(answer.expect_invalid(), [field]);
    }
    admin.get("/api/v1/auth/verify?scope=notes:write").expect_problem(403, "forbidden");
    admin.put(&member_path(&unknown, &user)).expect_problem(404, "group_not_found");
    let group = admin.group("G", &[]);
    let nobody = format!("{}/members/{unknown}", group_path(&group));
    admin.put(&nobody).expect_problem(404, "user_not_found");
}

#[test]
fn numbers_of_definitions_are_bounded() {
    let tenant = World::get().tenant();
    tenant.allow_many_calls();
    let admin = Caller::admin(&tenant);
    for number in 0..64 {
        admin.define(&[&format!("notes:p{number}")]);
    }
    let more = admin.post("/api/v1/permissions", &json!({ "name": "notes:more" }));
    more.expect_problem(409, "too_many_roles");
    let groups: Vec<_> = (0..64).map(|number| admin.group(&format!("G{number}"), &[])).collect();
    let more = admin.post("/api/v1/groups", &json!({ "name": "more" }));
    more.expect_problem(409, "too_many_roles");
    let user = tenant.user("viewer");
    for group in &groups[..16] {
        assert_eq!(admin.put(&member_path(group, &user)).status, 204);
    }
    admin.put(&member_path(&groups[16], &user)).expect_problem(409, "too_many_roles");
    assert_eq!(admin.put(&member_path(&groups[15], &user)).status, 204);
    assert_eq!(admin.delete(&member_path(&groups[0], &user)).status, 204);
    assert_eq!(admin.put(&member_path(&groups[16], &user)).status, 204);
    // The token and the headers of an administrator have room for all permissions.
    let strong = token(&tenant, &tenant.admin);
    assert_eq!(Caller::new(&tenant, &strong).get("/api/v1/auth/verify").status, 200);
    // All definitions together are bounded as well.
    let all: Vec<_> = (0..64).map(|number| format!("notes:p{number}")).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let refused = (0..65).find_map(|number| {
        let role = json!({ "name": format!("R{number}"), "permissions": all, "description": "d".repeat(200) });
        let answer = admin.post("/api/v1/roles", &role);
        (answer.status != 201).then_some((number, answer))
    });
    let (number, answer) = refused.unwrap();
    answer.expect_problem(409, "too_many_roles");
    assert!(number > 16, "{number}");
}

// S17
#[test]
fn definitions_of_another_tenant_have_no_effect() {
    let world = World::get();
    let (one, two) = (world.tenant(), world.tenant());
    let (in_one, in_two) = (Caller::admin(&one), Caller::admin(&two));
    in_one.define(&["notes:write"]);
    let role = in_one.role("Editor", &["notes:write", "users:read"]);
    let group = in_one.group("Editors", &[&role]);
    // The other tenant does not define the permission, and has no such role and group.
    in_two.get(VERIFY_WRITE).expect_problem(403, "forbidden");
    let role_of_two = json!({ "name": "R", "permissions": ["notes:write"] });
    assert_eq!(in_two.post("/api/v1/roles", &role_of_two).expect_invalid(), ["permissions"]);
    let user = two.user("viewer");
    for (field, id) in [("custom_roles", &role), ("groups", &group)] {
        let answer = in_two.patch(&user_path(&user), &json!({ field: [id] }));
        assert_eq!(answer.expect_invalid(), [field]);
        let new = json!({ "email": "new@two.example", field: [id] });
        assert_eq!(in_two.post("/api/v1/users", &new).expect_invalid(), [field]);
    }
    let answer = in_two.post("/api/v1/groups", &json!({ "name": "G", "roles": [role] }));
    assert_eq!(answer.expect_invalid(), ["roles"]);
    let empty = json!({});
    for (path, code) in
        [(role_path(&role), "role_not_found"), (group_path(&group), "group_not_found")]
    {
        in_two.get(&path).expect_problem(404, code);
        in_two.patch(&path, &empty).expect_problem(404, code);
        in_two.delete(&path).expect_problem(404, code);
    }
    in_two.get(&format!("{}/members", group_path(&group))).expect_problem(404, "group_not_found");
    in_two.put(&member_path(&group, &user)).expect_problem(404, "group_not_found");
    let of_one = one.user("viewer");
    let own = in_two.group("Own", &[]);
    in_two.put(&member_path(&own, &of_one)).expect_problem(404, "user_not_found");
    let key = json!({ "name": "k", "scopes": ["notes:write"] });
    assert_eq!(in_two.post("/api/v1/api-keys", &key).expect_invalid(), ["scopes"]);
    in_two.delete("/api/v1/permissions/notes:write").expect_problem(404, "permission_not_found");
    for path in ["/api/v1/permissions", "/api/v1/roles"] {
        assert_eq!(in_two.get(path).expect(200)["total"], 0);
    }
    // Even a row with the ids of another tenant grants nothing.
    let mut database = world.services.superuser(&two.database());
    let statement = "UPDATE tenancy.users SET custom_roles = ARRAY[$1::text::uuid],
                     groups = ARRAY[$2::text::uuid] WHERE id = $3::text::uuid";
    database.execute(statement, &[&role, &group, &user.id]).unwrap();
    let forged = token(&two, &user);
    let forged = Caller::new(&two, &forged);
    forged.get("/api/v1/users").expect_problem(403, "forbidden");
    forged.get(VERIFY_WRITE).expect_problem(403, "forbidden");
    assert_eq!(in_one.get(&role_path(&role)).status, 200);
}

/// The export of a person has the roles, and the erasure removes them with the user.
#[test]
fn personal_data_has_roles_and_groups() {
    let tenant = World::get().tenant();
    let admin = Caller::admin(&tenant);
    let role = admin.role("Editor", &[]);
    let group = admin.group("Editors", &[&role]);
    let user = tenant.user("viewer");
    admin.give(&user, &json!({ "custom_roles": [role], "groups": [group] }));
    let exported = admin.get(&format!("{}/export", user_path(&user))).expect(200);
    assert_eq!(exported["user"]["custom_roles"], json!([role]));
    assert_eq!(exported["user"]["groups"], json!([group]));
    admin.post(&format!("{}/erasure", user_path(&user)), &json!({})).expect(200);
    let members = admin.get(&format!("{}/members", group_path(&group))).expect(200);
    assert_eq!(members["total"], 0);
}

/// A change whose publication was lost is published when the call is repeated.
#[test]
fn deletion_of_role_can_be_repeated() {
    let world = World::get();
    let tenant = world.tenant();
    let admin = Caller::admin(&tenant);
    admin.define(&["notes:write"]);
    let role = admin.role("Editor", &["notes:write"]);
    let user = tenant.user("viewer");
    admin.give(&user, &json!({ "custom_roles": [role] }));
    let credential = token(&tenant, &user);
    let member = Caller::new(&tenant, &credential);
    assert_eq!(member.get(VERIFY_WRITE).status, 200);
    // As if the process had been killed after the statement.
    let statement =
        "UPDATE tenants SET access_definitions = jsonb_set(access_definitions, '{roles}', '[]')
                     WHERE id = $1::text::uuid";
    world.services.superuser("tenancy").execute(statement, &[&tenant.id]).unwrap();
    admin.delete(&role_path(&role)).expect_problem(404, "role_not_found");
    member.get(VERIFY_WRITE).expect_problem(403, "forbidden");
    assert_eq!(member.get("/api/v1/profile").expect(200)["custom_roles"], json!([]));
    let call = Call::new(Method::GET, world.address(), VERIFY_WRITE).token(&credential).send();
    assert_eq!(call.status, 403);
}
