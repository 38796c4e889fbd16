//! Changes of roles and groups take effect on busy instances.

use e2e::{Application, Busy, TestTenant, TestUser, World, database::connect};
use serde_json::json;

use super::{Caller, FORBIDDEN, VERIFY_WRITE, group_path, member_path, role_path, token};

/// A user with the permission `notes:write` by a group, and two applications that serve the user.
struct Served {
    tenant: TestTenant,
    other: Application,
    role: String,
    group: String,
    user: TestUser,
    token: String,
}

impl Served {
    fn new() -> Self {
        let world = World::get();
        let tenant = world.tenant();
        tenant.allow_many_calls();
        let admin = Caller::admin(&tenant);
        admin.define(&["notes:write"]);
        let role = admin.role("Editor", &["notes:write"]);
        let group = admin.group("Editors", &[&role]);
        let user = tenant.user("viewer");
        assert_eq!(admin.put(&member_path(&group, &user)).status, 204);
        let token = token(&tenant, &user);
        Self { other: world.application_with(&[]), tenant, role, group, user, token }
    }

    /// Keeps clients busy while the administrator makes a change, which must take effect on the next request.
    #[track_caller]
    fn busy_while(&self, refused: (u16, &str), change: impl FnOnce(&Caller<'_>)) {
        let redis = World::get().redis_client();
        let granted = || redis.leases(&self.tenant.id).granted();
        let before = granted();
        let hosts = [World::get().address(), &self.other.address];
        let (path, credential) = (VERIFY_WRITE, self.token.as_str());
        Busy { hosts, path, credential, refused, may_fail: false }.during(|| {
            assert!(granted() > before, "the tenant has leases");
            change(&Caller::admin(&self.tenant));
        });
    }
}

// S10, S16
#[test]
fn changes_of_roles_take_effect_under_leases() {
    let served = Served::new();
    let admin = Caller::admin(&served.tenant);
    let restore = json!({ "permissions": ["notes:write"] });
    served.busy_while(FORBIDDEN, |admin| {
        admin.patch(&role_path(&served.role), &json!({ "permissions": [] })).expect(200);
    });
    admin.patch(&role_path(&served.role), &restore).expect(200);
    served.busy_while(FORBIDDEN, |admin| {
        assert_eq!(admin.delete("/api/v1/permissions/notes:write").status, 204);
    });
    admin.define(&["notes:write"]);
    admin.patch(&role_path(&served.role), &restore).expect(200);
    served.busy_while(FORBIDDEN, |admin| {
        assert_eq!(admin.delete(&role_path(&served.role)).status, 204);
    });
}

// S10, S16
#[test]
fn changes_of_groups_take_effect_under_leases() {
    let served = Served::new();
    let admin = Caller::admin(&served.tenant);
    served.busy_while(FORBIDDEN, |admin| {
        admin.patch(&group_path(&served.group), &json!({ "roles": [] })).expect(200);
    });
    admin.patch(&group_path(&served.group), &json!({ "roles": [served.role] })).expect(200);
    served.busy_while((401, "token_revoked"), |admin| {
        assert_eq!(admin.delete(&member_path(&served.group, &served.user)).status, 204);
    });
}

// S42
#[test]
fn lost_database_scope_ends_credentials() {
    let tenant = World::get().tenant();
    let admin = Caller::admin(&tenant);
    let role = admin.role("Analyst", &["database:read", "database:write"]);
    let user = tenant.user("viewer");
    admin.give(&user, &json!({ "custom_roles": [role] }));
    let wanted = json!({ "access": "read", "connections": 1 });
    let credential = tenant.ask_for_database(&token(&tenant, &user), &wanted).expect(201);
    connect(&credential).unwrap();
    admin.patch(&role_path(&role), &json!({ "name": "Analysts" })).expect(200);
    connect(&credential).unwrap();
    admin.patch(&role_path(&role), &json!({ "permissions": [] })).expect(200);
    assert!(connect(&credential).is_err());
    tenant.ask_for_database(&token(&tenant, &user), &wanted).expect_problem(403, "scope_not_held");
}
