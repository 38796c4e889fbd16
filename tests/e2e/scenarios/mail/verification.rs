//! The proof that a person controls the address of the own account.

use e2e::{Answer, MailMode, MailServer, TestTenant, TestUser};
use serde_json::{Value, json};

use super::{address, alone, change, deliver_all, invite, token};

const REQUEST: &str = "/api/v1/account/verification";
const CONFIRM: &str = "/api/v1/account/verification/confirm";
const PASSWORD: &str = "a password for tests";

fn person(tenant: &TestTenant) -> TestUser {
    let email = address();
    invite(tenant, &json!({ "email": email, "password": PASSWORD }));
    TestUser::from(&tenant.login(&email, PASSWORD).expect(200))
}

fn request(tenant: &TestTenant, user: &TestUser) -> Value {
    tenant.post(REQUEST, &json!({})).token(&user.access_token).send().expect(202)
}

fn confirm(tenant: &TestTenant, token: &str) -> Answer {
    tenant.post(CONFIRM, &json!({ "token": token })).send()
}

fn is_verified(tenant: &TestTenant, user: &TestUser) -> bool {
    let profile = tenant.get("/api/v1/profile").token(&user.access_token).send().expect(200);
    profile["is_verified"].as_bool().unwrap()
}

// S55
#[test]
fn mailed_link_verifies_the_address() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let user = person(&tenant);
    assert!(!is_verified(&tenant, &user));
    let requested = request(&tenant, &user);
    assert_eq!(requested, json!({ "is_mailed": true, "expires_in": 86_400 }));
    assert!(!is_verified(&tenant, &user));
    deliver_all(world, &server);
    let body = server.received(&user.email)[0].body();
    let token = token(&body);
    let link = format!("https://app.saas.example/start/verify-address#token={token}");
    assert!(token.starts_with("ldv_") && body.contains(&link), "{body}");
    assert_eq!(confirm(&tenant, &token).status, 204);
    assert!(is_verified(&tenant, &user));
    confirm(&tenant, &token).expect_problem(401, "invalid_mailed_token");
    // A verified address needs no message.
    assert_eq!(request(&tenant, &user)["is_mailed"], false);
    for event in
        ["user.verification_requested", "user.address_verified", "user.verification_failed"]
    {
        tenant.wait_until_audited(event, 1);
    }
    // API keys have no address, and other fields of the profile cannot set the member.
    let key = tenant.api_key(&["tenant:read"]);
    assert_eq!(tenant.post(REQUEST, &json!({})).token(&key).send().status, 403);
    let own = tenant.patch("/api/v1/profile", &json!({ "is_verified": true }));
    assert_eq!(own.token(&user.access_token).send().expect_invalid(), ["is_verified"]);
}

// S55: CVE-2026-27946 (self-verified address), GHSA-qq9h-g4jm-xgf3 (changed address)
#[test]
fn token_verifies_only_the_address_that_received_it() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (user, other) = (person(&tenant), person(&tenant));
    request(&tenant, &user);
    deliver_all(world, &server);
    let former = token(&server.received(&user.email)[0].body());
    let path = format!("/api/v1/users/{}", user.id);
    let moved = address();
    let patch = |email: &str| {
        let call = tenant.patch(&path, &json!({ "email": email }));
        call.token(&tenant.admin.access_token).send().expect(200)
    };
    patch(&moved);
    confirm(&tenant, &former).expect_problem(401, "invalid_mailed_token");
    assert!(!is_verified(&tenant, &user));
    // Back at the former address, the token that it received is a proof again. Another change removes it.
    patch(&user.email);
    assert_eq!(confirm(&tenant, &former).status, 204);
    assert!(is_verified(&tenant, &user) && !is_verified(&tenant, &other));
    assert_eq!(patch(&moved)["is_verified"], false);
    // Tokens of other tenants and of other purposes.
    let foreign = world.tenant();
    request(&tenant, &other);
    deliver_all(world, &server);
    let own = token(&server.received(&other.email)[0].body());
    confirm(&foreign, &own).expect_problem(403, "tenant_mismatch");
    let recovery = json!({ "token": own, "new_password": PASSWORD });
    let answer = tenant.post("/api/v1/account/password-reset/confirm", &recovery).send();
    answer.expect_problem(401, "invalid_mailed_token");
    let expire = "UPDATE tenancy.account_tokens SET expires_at = now() - interval '1 s'";
    change(world, &tenant, expire);
    confirm(&tenant, &own).expect_problem(401, "invalid_mailed_token");
    assert!(!is_verified(&tenant, &other));
}

// S55: CVE-2026-27946
#[test]
fn setup_token_verifies_only_if_it_was_mailed() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let set_up = |token: &str| {
        let body = json!({ "setup_token": token, "password": PASSWORD });
        tenant.post("/api/v1/auth/setup", &body).send().expect(200)["user"]["is_verified"].clone()
    };
    let mailed = address();
    invite(&tenant, &json!({ "email": mailed }));
    deliver_all(world, &server);
    assert_eq!(set_up(&token(&server.received(&mailed)[0].body())), true);
    let returned = invite(&tenant, &json!({ "email": address(), "send_mail": false }));
    assert_eq!(set_up(returned["setup_token"].as_str().unwrap()), false);
    // A change of the address ends the token that was mailed to the former one.
    let former = address();
    let created = invite(&tenant, &json!({ "email": former }));
    deliver_all(world, &server);
    let path = format!("/api/v1/users/{}", created["id"].as_str().unwrap());
    let patch = tenant.patch(&path, &json!({ "email": address() }));
    patch.token(&tenant.admin.access_token).send().expect(200);
    let token = token(&server.received(&former)[0].body());
    let body = json!({ "setup_token": token, "password": PASSWORD });
    tenant.post("/api/v1/auth/setup", &body).send().expect_problem(401, "invalid_setup_token");
}
