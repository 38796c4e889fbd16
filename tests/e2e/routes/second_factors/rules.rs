//! The rules of a tenant, and recent sign-ins.

use e2e::{Authenticator, TestTenant, TestUser, World};
use serde_json::{Value, json};

use super::{ANSWER, FACTORS, Holder, RECOVERY_CODES, answer, change, text};

const AGAIN: &str = "/api/v1/auth/recent-sign-in";
const POLICY: &str = "/api/v1/tenant/security-policy";

/// Lets the last proof of identity in the sessions of a user be an hour old.
fn age_sign_in(tenant: &TestTenant, user: &str) {
    let statement = "UPDATE tenancy.sessions SET created_at = created_at - interval '1 hour',
                         authenticated_at = authenticated_at - interval '1 hour'
                     WHERE user_id = $1::text::uuid";
    change(tenant, statement, user);
}

// S45
#[test]
fn tenant_requires_factors_of_roles() {
    let world = World::get();
    let tenant = world.tenant();
    let (admin, viewer) = (&tenant.admin, tenant.user("viewer"));
    let patch = |token: &str, body: Value| tenant.patch(POLICY, &body).token(token).send();
    let policy = tenant.get(POLICY).token(&viewer.access_token).send().expect(200);
    let initial = json!({
        "second_factor_roles": [], "second_factor_grace_days": 7, "recent_sign_in_minutes": null,
        "session_idle_minutes": null, "session_lifetime_minutes": null, "max_sessions": null,
        "allowed_networks": null, "password_min_length": null, "mailed_sign_in": false,
        "reject_breached_passwords": false, "passkey_domain": null,
    });
    assert_eq!(policy, initial);
    patch(&viewer.access_token, json!({})).expect_problem(403, "forbidden");
    let key = tenant.api_key(&["users:grant:admin", "tenant:read"]);
    tenant
        .patch(POLICY, &json!({}))
        .header("X-API-Key", &key)
        .send()
        .expect_problem(403, "user_required");
    for (field, value) in [
        ("second_factor_roles", json!(["owner"])),
        ("second_factor_roles", json!("admin")),
        ("second_factor_grace_days", json!(91)),
        ("second_factor_grace_days", json!(-1)),
        ("recent_sign_in_minutes", json!(0)),
        ("recent_sign_in_minutes", json!(1_441)),
        ("other", json!(1)),
    ] {
        assert_eq!(
            patch(&admin.access_token, json!({ field: value })).expect_invalid(),
            [field],
            "{value}"
        );
    }
    // During the days of grace nothing changes.
    patch(&admin.access_token, json!({ "second_factor_roles": ["viewer", "viewer"] })).expect(200);
    let viewer = TestUser::from(&tenant.login(&viewer.email, &viewer.password).expect(200));
    let changed = patch(&admin.access_token, json!({ "second_factor_grace_days": 0 })).expect(200);
    assert_eq!(changed["second_factor_roles"], json!(["viewer"]));
    tenant.wait_until_audited("security_policy.changed", 2);
    // Now neither a password nor an earlier session is enough, and other roles are unaffected.
    let body = json!({ "refresh_token": viewer.refresh_token });
    world.post("/api/v1/auth/refresh", &body).send().expect_problem(401, "invalid_refresh_token");
    tenant.login(&admin.email, &admin.password).expect(200);
    let refused = tenant.login(&viewer.email, &viewer.password);
    let challenge =
        text(&refused.expect_problem(401, "second_factor_enrollment_required")["challenge"]);
    answer(&tenant, &challenge, "123456").expect_problem(401, "invalid_second_factor");
    let path = format!("{ANSWER}/enrollment");
    let begun = tenant.post(&path, &json!({ "challenge": challenge })).send().expect(201);
    let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
    let signed_in = answer(&tenant, &challenge, &authenticator.code()).expect(200);
    assert_eq!(signed_in["recovery_codes"].as_array().unwrap().len(), 10);
    let body = json!({ "refresh_token": signed_in["refresh_token"] });
    world.post("/api/v1/auth/refresh", &body).send().expect(200);
    tenant
        .post(&path, &json!({ "challenge": challenge }))
        .send()
        .expect_problem(401, "invalid_challenge");
    // The challenge of a user with a factor allows no enrolment.
    let refused = tenant.login(&viewer.email, &viewer.password);
    let challenge = text(&refused.expect_problem(401, "second_factor_required")["challenge"]);
    tenant
        .post(&path, &json!({ "challenge": challenge }))
        .send()
        .expect_problem(401, "invalid_challenge");
}

// S46
#[test]
fn changes_need_recent_sign_in() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("admin");
    let token = user.access_token.clone();
    let begins = || tenant.post(FACTORS, &json!({})).token(&token).send();
    let again = |body: Value| tenant.post(AGAIN, &body).token(&token).send();
    age_sign_in(&tenant, &user.id);
    let refused = begins();
    refused.expect_problem(401, "recent_sign_in_required");
    let challenge =
        r#"Bearer realm="tenancy", error="insufficient_user_authentication", max_age="600""#;
    assert_eq!(refused.header("www-authenticate"), challenge);
    assert_eq!(again(json!({})).expect_invalid(), ["password"]);
    assert_eq!(again(json!({ "password": "not my password" })).expect_invalid(), ["password"]);
    assert_eq!(again(json!({ "code": "123456" })).expect_invalid(), ["password"]);
    assert_eq!(again(json!({ "password": user.password })).status, 204);
    let mut holder = Holder::of(&tenant, user);

    // With a factor, the proof needs a code.
    age_sign_in(&tenant, &holder.user.id);
    let refused = tenant.post(RECOVERY_CODES, &json!({})).token(&token).send();
    refused.expect_problem(401, "recent_sign_in_required");
    assert!(
        refused.header("www-authenticate").contains(r#"acr_values="urn:tenancy:acr:two-factors""#)
    );
    assert_eq!(again(json!({ "password": holder.user.password })).expect_invalid(), ["code"]);
    assert_eq!(
        again(json!({ "code": holder.authenticator.wrong_code() })).expect_invalid(),
        ["code"]
    );
    assert_eq!(again(json!({ "code": holder.authenticator.code() })).status, 204);
    tenant.post(RECOVERY_CODES, &json!({})).token(&token).send().expect(200);

    // A change of the password does not renew the proof of the factor.
    age_sign_in(&tenant, &holder.user.id);
    let body = json!({ "current_password": holder.user.password, "new_password": "another password of mine" });
    let changed = tenant.post("/api/v1/profile/password", &body).token(&token).send().expect(200);
    let token = text(&changed["access_token"]);
    let again = |body: Value| tenant.post(AGAIN, &body).token(&token).send();
    let refused = tenant.post(RECOVERY_CODES, &json!({})).token(&token).send();
    refused.expect_problem(401, "recent_sign_in_required");
    assert_eq!(again(json!({ "code": holder.authenticator.code() })).status, 204);

    // The rules of the tenant extend this to destructive changes.
    let creates = || {
        let body = json!({ "name": "a key", "scopes": ["tenant:read"] });
        tenant.post("/api/v1/api-keys", &body).token(&token).send()
    };
    let victim = tenant.user("viewer");
    age_sign_in(&tenant, &holder.user.id);
    creates().expect(201);
    age_sign_in(&tenant, &tenant.admin.id);
    let change = json!({ "recent_sign_in_minutes": 5 });
    let by_admin = || tenant.patch(POLICY, &change).token(&tenant.admin.access_token).send();
    by_admin().expect_problem(401, "recent_sign_in_required");
    let body = json!({ "password": tenant.admin.password });
    assert_eq!(tenant.post(AGAIN, &body).token(&tenant.admin.access_token).send().status, 204);
    by_admin().expect(200);
    creates().expect_problem(401, "recent_sign_in_required");
    let path = format!("/api/v1/users/{}", victim.id);
    tenant.delete(&path).token(&token).send().expect_problem(401, "recent_sign_in_required");
    // Reading is not affected, and services have no sign-in.
    tenant.get(&path).token(&token).send().expect(200);
    let key = tenant.api_key(&["users:write", "users:read", "users:grant:viewer"]);
    assert_eq!(tenant.delete(&path).header("X-API-Key", &key).send().status, 204);
    assert_eq!(again(json!({ "code": holder.recovery_codes.pop() })).expect_invalid(), ["code"]);
    assert_eq!(again(json!({ "code": holder.authenticator.code() })).status, 204);
    creates().expect(201);
}
