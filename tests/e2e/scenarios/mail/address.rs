//! Changes of the own address: the proof of the new one, and the objection of the former one.

use e2e::{Answer, MailMode, MailServer, TestTenant, TestUser, World};
use serde_json::{Value, json};

use super::{add_authenticator, address, alone, change, column, deliver_all, invite, token};

const REQUEST: &str = "/api/v1/account/address";
const CONFIRM: &str = "/api/v1/account/address/confirm";
pub const OBJECT: &str = "/api/v1/account/address/object";
const RECOVER: &str = "/api/v1/account/password-reset/confirm";
const PASSWORD: &str = "a password for tests";

/// Creates a signed-in user whose address is verified, or not.
pub fn person(world: &World, tenant: &TestTenant, is_verified: bool) -> TestUser {
    let email = address();
    invite(tenant, &json!({ "email": email, "password": PASSWORD }));
    if is_verified {
        let verify = format!("UPDATE tenancy.users SET is_verified = true WHERE email = '{email}'");
        assert_eq!(change(world, tenant, &verify), 1);
    }
    sign_in(tenant, &email)
}

fn sign_in(tenant: &TestTenant, email: &str) -> TestUser {
    TestUser::from(&tenant.login(email, PASSWORD).expect(200))
}

fn request(tenant: &TestTenant, user: &TestUser, new: &str) -> Answer {
    tenant.post(REQUEST, &json!({ "new_email": new })).token(&user.access_token).send()
}

pub fn send(tenant: &TestTenant, path: &str, token: &str) -> Answer {
    tenant.post(path, &json!({ "token": token })).send()
}

#[track_caller]
fn refused(answer: &Answer) {
    answer.expect_problem(401, "invalid_mailed_token");
}

/// Returns the token in the newest message to an address.
fn newest(world: &World, server: &MailServer, email: &str) -> String {
    deliver_all(world, server);
    token(&server.received(email).last().expect("there is a message").body())
}

/// Changes the address of a user, and returns the token of the objection.
pub fn moved(
    world: &World,
    tenant: &TestTenant,
    server: &MailServer,
    user: &TestUser,
    new: &str,
) -> String {
    let former = profile(tenant, user)["email"].as_str().unwrap().to_owned();
    request(tenant, user, new).expect(202);
    assert_eq!(send(tenant, CONFIRM, &newest(world, server, new)).status, 204);
    newest(world, server, &former)
}

fn profile(tenant: &TestTenant, user: &TestUser) -> Value {
    tenant.get("/api/v1/profile").token(&user.access_token).send().expect(200)
}

// S58
#[test]
fn address_changes_after_a_proof_of_the_new_one() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let user = person(world, &tenant, true);
    let other_device = sign_in(&tenant, &user.email);
    let new = address();
    assert_eq!(request(&tenant, &user, &new).expect(202), json!({ "expires_in": 3600 }));
    // Nothing changes until the new address has proved that it receives mail.
    let token = newest(world, &server, &new);
    let link = format!("https://app.saas.example/start/change-address#token={token}");
    assert!(token.starts_with("lda_") && server.received(&new)[0].body().contains(&link));
    assert_eq!(profile(&tenant, &user)["email"], user.email.as_str());
    assert!(server.received(&user.email).is_empty());
    // The person's data include the address.
    let path = format!("/api/v1/users/{}/export", user.id);
    let export = tenant.get(&path).token(&user.access_token).send().expect(200);
    let tokens = &export["user"]["mailed_tokens"];
    assert_eq!(tokens.as_array().unwrap().len(), 1, "{tokens}");
    assert_eq!(tokens[0]["purpose"], "address_change");
    assert_eq!(tokens[0]["address"], new.as_str());
    assert!(!export.to_string().contains(&token));
    tenant.login(&new, PASSWORD).expect_problem(401, "invalid_credentials");
    assert_eq!(send(&tenant, CONFIRM, &token).status, 204);
    refused(&send(&tenant, CONFIRM, &token));
    // The session that asked for it continues, and the others have ended.
    let changed = profile(&tenant, &user);
    assert_eq!((&changed["email"], &changed["is_verified"]), (&json!(new), &json!(true)));
    let path = "/api/v1/profile";
    assert_eq!(tenant.get(path).token(&other_device.access_token).send().status, 401);
    let refresh = json!({ "refresh_token": other_device.refresh_token });
    assert_eq!(tenant.post("/api/v1/auth/refresh", &refresh).send().status, 401);
    tenant.login(&user.email, PASSWORD).expect_problem(401, "invalid_credentials");
    tenant.login(&new, PASSWORD).expect(200);
    // The former address has a link to object.
    let objection = newest(world, &server, &user.email);
    let body = server.received(&user.email)[0].body();
    let link = format!("https://app.saas.example/start/restore-address#token={objection}");
    assert!(objection.starts_with("ldo_") && body.matches(&link).count() == 2, "{body}");
    tenant.wait_until_audited("user.address_change_requested", 1);
    tenant.wait_until_audited("user.address_change_failed", 1);
    let recorded = tenant.wait_until_audited("user.address_changed", 1);
    assert_eq!(
        (&recorded[0]["actor_id"], &recorded[0]["resource_id"]),
        (&json!(user.id), &json!(user.id))
    );
}

// S58
#[test]
fn change_needs_a_recent_proof_of_identity() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let user = person(world, &tenant, true);
    assert_eq!(request(&tenant, &user, "nobody").expect_invalid(), ["new_email"]);
    let own = user.email.to_uppercase();
    assert_eq!(request(&tenant, &user, &own).expect_invalid(), ["new_email"]);
    let age = "UPDATE tenancy.sessions SET created_at = created_at - interval '11 minutes'";
    change(world, &tenant, age);
    request(&tenant, &user, &address()).expect_problem(401, "recent_sign_in_required");
    let key = tenant.api_key(&["tenant:read"]);
    let call = tenant.post(REQUEST, &json!({ "new_email": address() }));
    assert_eq!(call.token(&key).send().status, 403);
    // With a second factor, the proof includes it.
    let user = sign_in(&tenant, &user.email);
    add_authenticator(&tenant, &user.access_token);
    request(&tenant, &user, &address()).expect(202);
    let weaken = "UPDATE tenancy.sessions SET has_second_factor = false";
    change(world, &tenant, weaken);
    request(&tenant, &user, &address()).expect_problem(401, "recent_sign_in_required");
    let plain = World::get().tenant();
    request(&plain, &plain.admin, &address()).expect_problem(409, "mail_not_configured");
}

// S58
#[test]
fn change_reveals_no_account() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (user, holder) = (person(world, &tenant, true), person(world, &tenant, true));
    let free = address();
    let known = request(&tenant, &user, &holder.email);
    let unknown = request(&tenant, &user, &free);
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    request(&tenant, &user, &holder.email).expect(202);
    deliver_all(world, &server);
    // The holder gets a notice without a link, once a day.
    let received = server.received(&holder.email);
    assert_eq!(received.len(), 1);
    assert!(!received[0].body().contains("#token="), "{}", received[0].body());
    assert!(!received[0].body().contains(&user.email));
    assert_eq!(
        column(world, &tenant, &holder.email, "purpose"),
        [Some("address_in_use".to_owned())]
    );
    // Somebody else gets the address before the confirmation.
    let token = newest(world, &server, &free);
    invite(&tenant, &json!({ "email": free, "password": PASSWORD }));
    refused(&send(&tenant, CONFIRM, &token));
    assert_eq!(profile(&tenant, &user)["email"], user.email.as_str());
    tenant.login(&free, PASSWORD).expect(200);
    // Another tenant may have a user with the same address.
    let other = world.tenant();
    let foreign = person(world, &other, true);
    assert!(!moved(world, &tenant, &server, &user, &foreign.email).is_empty());
}

// S58
#[test]
fn token_is_bound_to_its_user_tenant_and_address() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let other = world.tenant();
    let user = person(world, &tenant, true);
    let admin = &tenant.admin.access_token;
    let issue = |user: &TestUser| {
        let new = address();
        request(&tenant, user, &new).expect(202);
        newest(world, &server, &new)
    };
    let token = issue(&user);
    send(&other, CONFIRM, &token).expect_problem(403, "tenant_mismatch");
    refused(&send(&tenant, OBJECT, &token));
    refused(&send(&tenant, "/api/v1/account/verification/confirm", &token));
    for wrong in ["", "lda_", &token[..token.len() - 2], admin.as_str()] {
        refused(&send(&tenant, CONFIRM, wrong));
    }
    // An administrator has decided about the address in the meantime.
    let path = format!("/api/v1/users/{}", user.id);
    let patch = |body: &Value| tenant.patch(&path, body).token(admin).send().expect(200);
    let decided = address();
    patch(&json!({ "email": decided }));
    refused(&send(&tenant, CONFIRM, &token));
    // The end of all sessions, and expiry.
    let user = sign_in(&tenant, &decided);
    let token = issue(&user);
    let end = tenant.post("/api/v1/auth/logout-all", &json!({})).token(&user.access_token);
    assert_eq!(end.send().status, 204);
    refused(&send(&tenant, CONFIRM, &token));
    let user = sign_in(&tenant, &decided);
    let token = issue(&user);
    let expire = "UPDATE tenancy.account_tokens SET expires_at = now() - interval '1 s'";
    change(world, &tenant, expire);
    refused(&send(&tenant, CONFIRM, &token));
    assert_eq!(profile(&tenant, &user)["email"], decided.as_str());
}

// S59: GHSA-qq9h-g4jm-xgf3 (account takeover through a changed address)
#[test]
fn tokens_of_the_former_address_end_with_the_change() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let rules = json!({ "mailed_sign_in": true });
    let policy = tenant.patch("/api/v1/tenant/security-policy", &rules);
    policy.token(&tenant.admin.access_token).send().expect(200);
    let user = person(world, &tenant, false);
    let email = json!({ "email": user.email });
    tenant.post("/api/v1/account/password-reset", &email).send().expect(202);
    let recovery = newest(world, &server, &user.email);
    tenant.post("/api/v1/account/sign-in", &email).send().expect(202);
    let mailed = newest(world, &server, &user.email);
    let verify = tenant.post("/api/v1/account/verification", &json!({}));
    verify.token(&user.access_token).send().expect(202);
    let verification = newest(world, &server, &user.email);
    let before = server.received(&user.email).len();
    let new = address();
    request(&tenant, &user, &new).expect(202);
    assert_eq!(send(&tenant, CONFIRM, &newest(world, &server, &new)).status, 204);
    let steal = || {
        let body = json!({ "token": recovery, "new_password": "the password of a thief" });
        refused(&tenant.post(RECOVER, &body).send());
        refused(&send(&tenant, "/api/v1/account/sign-in/confirm", &mailed));
        refused(&send(&tenant, "/api/v1/account/verification/confirm", &verification));
    };
    steal();
    // Nobody has proved the former address, so its holder cannot object, and learns nothing.
    deliver_all(world, &server);
    assert_eq!(server.received(&user.email).len(), before);
    // A message for the former address reaches no account any longer.
    tenant.post("/api/v1/account/password-reset", &email).send().expect(202);
    deliver_all(world, &server);
    assert_eq!(server.received(&user.email).len(), before);
    // Back at the former address, the earlier tokens do not become valid again.
    moved(world, &tenant, &server, &user, &user.email);
    steal();
    assert_eq!(profile(&tenant, &user)["email"], user.email.as_str());
}

// S59
#[test]
fn former_address_takes_the_account_back() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let user = person(world, &tenant, true);
    let thief = address();
    let objection = moved(world, &tenant, &server, &user, &thief);
    // The thief replaces the password twice, which ends the sessions and other tokens of the user.
    let change_password =
        json!({ "current_password": PASSWORD, "new_password": "another password of a thief" });
    let changed = tenant.post("/api/v1/profile/password", &change_password);
    changed.token(&user.access_token).send().expect(200);
    deliver_all(world, &server);
    let reset = json!({ "email": thief });
    tenant.post("/api/v1/account/password-reset", &reset).send().expect(202);
    let recovery = newest(world, &server, &thief);
    let body = json!({ "token": recovery, "new_password": "the password of a thief" });
    let stolen = tenant.post(RECOVER, &body).send().expect(200);
    let stolen = stolen["access_token"].as_str().unwrap();
    let other = world.tenant();
    send(&other, OBJECT, &objection).expect_problem(403, "tenant_mismatch");
    refused(&send(&tenant, CONFIRM, &objection));
    assert_eq!(send(&tenant, OBJECT, &objection).expect(200), json!({ "expires_in": 1800 }));
    refused(&send(&tenant, OBJECT, &objection));
    assert_eq!(tenant.get("/api/v1/profile").token(stolen).send().status, 401);
    tenant.login(&thief, "the password of a thief").expect_problem(401, "invalid_credentials");
    let of_thief = tenant.login(&user.email, "the password of a thief");
    of_thief.expect_problem(401, "invalid_credentials");
    // A message leads to a new password.
    let recovery = newest(world, &server, &user.email);
    assert!(recovery.starts_with("ldp_"));
    let body = json!({ "token": recovery, "new_password": "a password of the owner" });
    let signed_in = tenant.post(RECOVER, &body).send().expect(200);
    assert_eq!(signed_in["user"]["email"], user.email.as_str());
    assert_eq!(signed_in["user"]["is_verified"], true);
    tenant.wait_until_audited("user.address_restored", 1);
}

// S59
#[test]
fn objection_removes_the_factors_of_a_thief() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let user = person(world, &tenant, true);
    // Two passkeys: that of the owner, and another one that a thief adds before the change of the address.
    let passkey = |slot: i32, age: &str| {
        let insert = format!(
            "INSERT INTO tenancy.passkeys (id, user_id, slot, credential_id, user_handle, algorithm, public_key,
                                           sign_count, name, is_backup_eligible, is_backed_up, created_at)
             VALUES (gen_random_uuid(), '{}', {slot}, '\\x0{slot}', '\\x00', -7, decode(repeat('00', 65), 'hex'),
                     0, 'Key', false, false, now() - interval '{age}')",
            user.id
        );
        assert_eq!(change(world, &tenant, &insert), 1);
    };
    let objection = moved(world, &tenant, &server, &user, &address());
    add_authenticator(&tenant, &user.access_token);
    passkey(1, "1 hour");
    passkey(2, "30 days");
    let count = |table: &str| -> i64 {
        let statement = format!("SELECT count(*) FROM tenancy.{table}");
        let mut database = world.services.superuser(&tenant.database());
        database.query_one(&statement, &[]).unwrap().get(0)
    };
    assert_eq!((count("passkeys"), count("second_factors"), count("recovery_codes")), (2, 1, 10));
    send(&tenant, OBJECT, &objection).expect(200);
    // The codes belong to the passkey that stays, too.
    assert_eq!((count("passkeys"), count("second_factors"), count("recovery_codes")), (1, 0, 10));
    let remaining = "DELETE FROM tenancy.passkeys WHERE slot = 2";
    assert_eq!(change(world, &tenant, remaining), 1);
    let recovery = newest(world, &server, &user.email);
    let body = json!({ "token": recovery, "new_password": "a password of the owner" });
    tenant.post(RECOVER, &body).send().expect(200);
}

// S59
#[test]
fn earlier_objection_outlives_later_changes() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let user = person(world, &tenant, true);
    let addresses = [address(), address(), address()];
    let objections: Vec<_> =
        addresses.iter().map(|new| moved(world, &tenant, &server, &user, new)).collect();
    // A fourth change would have no room for an objection.
    let refused_change = request(&tenant, &user, &address());
    refused_change.expect_problem(409, "too_many_address_changes");
    // The thief of the last addresses objects to the own changes. The first objection stays valid.
    assert_eq!(send(&tenant, OBJECT, &objections[2]).status, 200);
    assert_eq!(send(&tenant, OBJECT, &objections[1]).status, 200);
    refused(&send(&tenant, OBJECT, &objections[2]));
    assert_eq!(send(&tenant, OBJECT, &objections[0]).status, 200);
    refused(&send(&tenant, OBJECT, &objections[1]));
    let email = "SELECT count(*) FROM tenancy.users WHERE email = $1 AND password_hash IS NULL";
    let mut superuser = world.services.superuser(&tenant.database());
    assert_eq!(superuser.query_one(email, &[&user.email]).unwrap().get::<_, i64>(0), 1);
}

// S59
#[test]
fn objection_expires_and_respects_others() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let admin = &tenant.admin.access_token;
    // Another user has got the address.
    let user = person(world, &tenant, true);
    let objection = moved(world, &tenant, &server, &user, &address());
    let created = invite(&tenant, &json!({ "email": user.email, "password": PASSWORD }));
    send(&tenant, OBJECT, &objection).expect_problem(409, "email_taken");
    let delete = tenant.delete(&format!("/api/v1/users/{}", created["id"].as_str().unwrap()));
    assert_eq!(delete.token(admin).send().status, 204);
    // An administrator decides about the address afterwards. The address gets a notice without an objection.
    let path = format!("/api/v1/users/{}", user.id);
    let current = profile(&tenant, &user)["email"].as_str().unwrap().to_owned();
    let before = server.received(&current).len();
    let patch = tenant.patch(&path, &json!({ "email": address() }));
    patch.token(admin).send().expect(200);
    deliver_all(world, &server);
    let received = server.received(&current);
    assert_eq!(received.len(), before + 1);
    let notice = received[before].body();
    assert!(!notice.contains("#token=") && notice.contains("administrator"), "{notice}");
    refused(&send(&tenant, OBJECT, &objection));
    // Expiry, and a deactivated user.
    let user = person(world, &tenant, true);
    let objection = moved(world, &tenant, &server, &user, &address());
    let path = format!("/api/v1/users/{}", user.id);
    let set = |is_active: bool| {
        let patch = tenant.patch(&path, &json!({ "is_active": is_active }));
        patch.token(admin).send().expect(200);
    };
    set(false);
    refused(&send(&tenant, OBJECT, &objection));
    set(true);
    let soon = "UPDATE tenancy.account_tokens SET expires_at = expires_at - interval '7 days'
                WHERE purpose = 'address_objection'";
    change(world, &tenant, soon);
    refused(&send(&tenant, OBJECT, &objection));
}

#[test]
fn requests_for_changes_are_bounded() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let user = person(world, &tenant, true);
    let addresses: Vec<_> = (0..4).map(|_| address()).collect();
    for new in &addresses {
        request(&tenant, &user, new).expect(202);
    }
    let messages = "SELECT count(*) FROM tenancy.mail_messages WHERE purpose = 'address_change'";
    let mut superuser = world.services.superuser(&tenant.database());
    assert_eq!(superuser.query_one(messages, &[]).unwrap().get::<_, i64>(0), 3);
    // After the expiry of their tokens, two more follow in the hour.
    for _ in 0..3 {
        let expire = "UPDATE tenancy.account_tokens SET expires_at = now() - interval '1 s'";
        change(world, &tenant, expire);
        request(&tenant, &user, &address()).expect(202);
    }
    assert_eq!(superuser.query_one(messages, &[]).unwrap().get::<_, i64>(0), 5);
}
