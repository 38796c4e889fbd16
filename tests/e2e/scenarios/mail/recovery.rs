//! A new password for a person who has forgotten it: requests, tokens and their bounds.

use std::time::{Duration, Instant};

use e2e::{Answer, Application, MailMode, MailServer, TestTenant, World};
use serde_json::{Value, json};

use super::{
    add_authenticator, address, alone, behind_proxy, change, column, deliver_all, invite,
    post_from, token, with_link,
};

const REQUEST: &str = "/api/v1/account/password-reset";
const CONFIRM: &str = "/api/v1/account/password-reset/confirm";
const FORGOTTEN: &str = "a password that is forgotten";
const NEW: &str = "a password that is new";

/// Creates a user with a password.
fn person(tenant: &TestTenant) -> (String, String) {
    let email = address();
    let created = invite(tenant, &json!({ "email": email, "password": FORGOTTEN }));
    (email, created["id"].as_str().unwrap().to_owned())
}

fn request(tenant: &TestTenant, email: &str) -> Answer {
    tenant.post(REQUEST, &json!({ "email": email })).send()
}

fn confirm(tenant: &TestTenant, token: &str, password: &str) -> Answer {
    tenant.post(CONFIRM, &json!({ "token": token, "new_password": password })).send()
}

/// Requests a new password, and returns the token in the message.
fn requested(world: &World, tenant: &TestTenant, server: &MailServer, email: &str) -> String {
    let before = with_link(server, email).len();
    assert_eq!(request(tenant, email).status, 202);
    deliver_all(world, server);
    let received = with_link(server, email);
    assert_eq!(received.len(), before + 1);
    token(&received[before])
}

#[track_caller]
fn refused(answer: &Answer) {
    answer.expect_problem(401, "invalid_mailed_token");
}

// S53
#[test]
fn forgotten_password_is_replaced() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (email, id) = person(&tenant);
    let session = tenant.login(&email, FORGOTTEN).expect(200);
    let access = session["access_token"].as_str().unwrap();
    let token = requested(world, &tenant, &server, &email);
    let body = server.received(&email)[0].body();
    let link = format!("https://app.saas.example/start/reset-password#token={token}");
    assert_eq!(body.matches(&link).count(), 2, "{body}");
    // The request has changed nothing.
    tenant.get("/api/v1/profile").token(access).send().expect(200);
    tenant.login(&email, FORGOTTEN).expect(200);
    // A refused password does not use up the token.
    assert_eq!(confirm(&tenant, &token, "short").expect_invalid(), ["new_password"]);
    let signed_in = confirm(&tenant, &token, NEW).expect(200);
    assert_eq!(signed_in["user"]["id"], json!(id));
    assert_eq!(signed_in["user"]["is_verified"], true);
    let own = signed_in["access_token"].as_str().unwrap();
    tenant.get("/api/v1/profile").token(own).send().expect(200);
    assert_eq!(tenant.get("/api/v1/profile").token(access).send().status, 401);
    tenant.login(&email, FORGOTTEN).expect_problem(401, "invalid_credentials");
    tenant.login(&email, NEW).expect(200);
    refused(&confirm(&tenant, &token, "another new password"));
    for event in ["password.recovery_requested", "password.recovered", "password.recovery_failed"] {
        tenant.wait_until_audited(event, 1);
    }
    let recorded = tenant.wait_until_audited("password.recovered", 1);
    assert_eq!((&recorded[0]["actor_id"], &recorded[0]["resource_id"]), (&json!(id), &json!(id)));
}

// S52
#[test]
fn request_reveals_no_account() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (email, _) = person(&tenant);
    let (inactive, id) = person(&tenant);
    let path = format!("/api/v1/users/{id}");
    let deactivate = json!({ "is_active": false });
    tenant.patch(&path, &deactivate).token(&tenant.admin.access_token).send().expect(200);
    let unknown = address();
    let known = request(&tenant, &email);
    for other in [
        request(&tenant, &inactive),
        request(&tenant, &unknown),
        world.post(REQUEST, &json!({ "email": email })).slug("no-such-tenant").send(),
    ] {
        assert_eq!((other.status, &other.text), (known.status, &known.text));
    }
    assert_eq!(known.expect(202), json!({ "expires_in": 1800 }));
    deliver_all(world, &server);
    assert_eq!(server.received(&email).len(), 1);
    assert!(server.received(&inactive).is_empty() && server.received(&unknown).is_empty());
    // An invalid address is refused before anything else.
    let invalid = tenant.post(REQUEST, &json!({ "email": "nobody" })).send();
    assert_eq!(invalid.expect_invalid(), ["email"]);
    let recorded = tenant.wait_until_audited("password.recovery_requested", 3);
    let results: Vec<_> = recorded.iter().map(|event| event["result"].clone()).collect();
    assert_eq!(results.iter().filter(|result| **result == "success").count(), 1, "{results:?}");
}

fn request_from(site: &Application, tenant: &TestTenant, from: &str, email: &str) -> Answer {
    post_from(site, tenant, from, REQUEST, &json!({ "email": email }))
}

// S52
#[test]
fn request_takes_the_same_time_for_every_address() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let site = behind_proxy(world);
    let mut times = [Vec::new(), Vec::new()];
    let people = [(); 4].map(|()| person(&tenant).0);
    for round in 0..12 {
        // A user has three valid tokens at one time.
        let email = people[round / 3].clone();
        for (index, email) in [email, address()].iter().enumerate() {
            let from = format!("198.51.100.{}", 2 * round + index);
            let begin = Instant::now();
            assert_eq!(request_from(&site, &tenant, &from, email).status, 202);
            times[index].push(begin.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    let (less, more) = (known.min(unknown), known.max(unknown));
    assert!(more < less * 2 + Duration::from_millis(10), "{known:?} {unknown:?}");
}

// S53
#[test]
fn request_changes_nothing() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    // The setup token of an invitation stays valid.
    let invited = address();
    let created = invite(&tenant, &json!({ "email": invited, "send_mail": false }));
    let unused = requested(world, &tenant, &server, &invited);
    let setup = json!({ "setup_token": created["setup_token"], "password": FORGOTTEN });
    let signed_in = tenant.post("/api/v1/auth/setup", &setup).send().expect(200);
    assert_eq!(signed_in["user"]["is_verified"], false);
    // A new password ends the tokens of earlier requests.
    refused(&confirm(&tenant, &unused, NEW));
    // An earlier token stays valid after another request, and the use of one ends the others.
    let (email, _) = person(&tenant);
    let first = requested(world, &tenant, &server, &email);
    let second = requested(world, &tenant, &server, &email);
    confirm(&tenant, &first, NEW).expect(200);
    refused(&confirm(&tenant, &second, FORGOTTEN));
    tenant.login(&email, NEW).expect(200);
}

// S53
#[test]
fn token_is_bound_to_its_user_purpose_and_address() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let other = world.tenant();
    let admin = &tenant.admin.access_token;
    // Another purpose.
    let invited = address();
    let created = invite(&tenant, &json!({ "email": invited, "send_mail": false }));
    let setup = created["setup_token"].as_str().unwrap();
    refused(&confirm(&tenant, setup, NEW));
    let (email, id) = person(&tenant);
    let token = requested(world, &tenant, &server, &email);
    let body = json!({ "setup_token": token, "password": NEW });
    tenant.post("/api/v1/auth/setup", &body).send().expect_problem(401, "invalid_setup_token");
    let body = json!({ "token": token });
    refused(&tenant.post("/api/v1/account/verification/confirm", &body).send());
    for wrong in ["", "ldp_", &token[..token.len() - 2], admin.as_str()] {
        refused(&confirm(&tenant, wrong, NEW));
    }
    // Another tenant: it is named by the token, and the address of the request must agree.
    let foreign = json!({ "token": token, "new_password": NEW });
    other.post(CONFIRM, &foreign).send().expect_problem(403, "tenant_mismatch");
    // A former address (GHSA-qq9h-g4jm-xgf3).
    let path = format!("/api/v1/users/{id}");
    let patch = |body: &Value| tenant.patch(&path, body).token(admin).send().expect(200);
    let new_address = address();
    patch(&json!({ "email": new_address }));
    refused(&confirm(&tenant, &token, NEW));
    tenant.login(&new_address, FORGOTTEN).expect(200);
    // The token of the new address, after a deactivation.
    let token = requested(world, &tenant, &server, &new_address);
    patch(&json!({ "is_active": false }));
    refused(&confirm(&tenant, &token, NEW));
    patch(&json!({ "is_active": true }));
    // An expired token.
    let token = requested(world, &tenant, &server, &new_address);
    let expire = "UPDATE tenancy.account_tokens SET expires_at = now() - interval '1 s'";
    change(world, &tenant, expire);
    refused(&confirm(&tenant, &token, NEW));
    tenant.login(&new_address, FORGOTTEN).expect(200);
    // The database has no token in plain text.
    let hashes = column(world, &tenant, &new_address, "encode(token_hash, 'hex')");
    assert!(hashes.iter().flatten().all(|hash| !token.contains(hash.as_str())));
}

#[test]
fn concurrent_confirmations_succeed_once() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (email, _) = person(&tenant);
    let token = requested(world, &tenant, &server, &email);
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let (tenant, token) = (&tenant, &token);
        let calls: Vec<_> = (0..3)
            .map(|number| {
                let password = format!("the password of call {number}");
                scope.spawn(move || confirm(tenant, token, &password).status)
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 2, "{statuses:?}");
}

// S54
#[test]
fn stranger_neither_floods_nor_locks_out() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let site = behind_proxy(world);
    let (email, _) = person(&tenant);
    let (stranger, owner) = ("198.51.100.7", "203.0.113.1");
    // The same number of requests is accepted for an address that does not exist.
    for target in [&email, &address()] {
        for _ in 0..5 {
            assert_eq!(request_from(&site, &tenant, stranger, target).status, 202);
        }
        let refused = request_from(&site, &tenant, stranger, target);
        refused.expect_problem(429, "rate_limited");
        assert!(!refused.header("retry-after").is_empty());
    }
    // The person is in another network, and the mailbox has valid links.
    assert_eq!(request_from(&site, &tenant, owner, &email).status, 202);
    deliver_all(world, &server);
    let received = server.received(&email);
    assert_eq!(received.len(), 3);
    // The user is signed in and is not locked out meanwhile.
    tenant.login(&email, FORGOTTEN).expect(200);
    // After their expiry, at most two more messages follow in the hour.
    let expire = "UPDATE tenancy.account_tokens SET expires_at = now() - interval '1 s'";
    change(world, &tenant, expire);
    for number in 2..8 {
        let from = format!("203.0.113.{number}");
        assert_eq!(request_from(&site, &tenant, &from, &email).status, 202);
    }
    deliver_all(world, &server);
    assert_eq!(server.received(&email).len(), 5);
    // They do not prevent a message of an administrator.
    let users = tenant.get("/api/v1/users").token(&tenant.admin.access_token).send().expect(200);
    let users = users["items"].as_array().unwrap();
    let user = users.iter().find(|user| user["email"] == email.as_str()).unwrap();
    let path = format!("/api/v1/users/{}/reset-password", user["id"].as_str().unwrap());
    let call = tenant.post(&path, &json!({})).token(&tenant.admin.access_token);
    assert_eq!(call.send().expect(200)["is_mailed"], true);
    // Concurrent requests of many networks do not exceed the number of valid tokens.
    let (other, _) = person(&tenant);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (site, tenant, other) = (&site, &tenant, &other);
            scope.spawn(move || {
                let from = format!("192.0.2.{number}");
                assert_eq!(request_from(site, tenant, &from, other).status, 202);
            });
        }
    });
    let sent = column(world, &tenant, &other, "state");
    assert!((1..=3).contains(&sent.len()), "{sent:?}");
}

// S54
#[test]
fn one_network_is_limited_for_all_addresses() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let site = behind_proxy(world);
    let from = "198.51.100.200";
    let statuses: Vec<_> =
        (0..40).map(|_| request_from(&site, &tenant, from, &address()).status).collect();
    assert!(statuses[..30].iter().all(|status| *status == 202), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    // Another tenant is not affected.
    assert_eq!(request_from(&site, &world.tenant(), from, &address()).status, 202);
}

// S53
#[test]
fn recovery_leads_to_the_second_factor() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (email, _) = person(&tenant);
    let session = tenant.login(&email, FORGOTTEN).expect(200);
    let access = session["access_token"].as_str().unwrap();
    let mut authenticator = add_authenticator(&tenant, access);
    let token = requested(world, &tenant, &server, &email);
    let refused = confirm(&tenant, &token, NEW).expect_problem(401, "second_factor_required");
    tenant.login(&email, FORGOTTEN).expect_problem(401, "invalid_credentials");
    let answer = json!({ "challenge": refused["challenge"], "code": authenticator.code() });
    let signed_in = tenant.post("/api/v1/auth/second-factor", &answer).send().expect(200);
    assert_eq!(signed_in["user"]["email"], email.as_str());
}

// S48: CVE-2025-64101
#[test]
fn headers_of_a_request_reach_no_reset_link() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (email, _) = person(&tenant);
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("origin", "https://evil.example"),
    ] {
        let call = tenant.post(REQUEST, &json!({ "email": email })).header(name, value);
        assert_eq!(call.send().status, 202, "{name}");
    }
    deliver_all(world, &server);
    let received = server.received(&email);
    assert_eq!(received.len(), 3);
    for message in received {
        assert!(message.body().contains("https://app.saas.example/start/reset-password#token="));
        assert!(!message.text.contains("evil.example"), "{}", message.text);
    }
    // A page of the tenant changes the origin only.
    let page = format!("https://{}.saas.example/welcome?from=mail", tenant.slug);
    let settings = json!({ "receiving_page": page, "language": "de" });
    super::set(&tenant, &settings).expect(200);
    let (email, _) = person(&tenant);
    assert_eq!(request(&tenant, &email).status, 202);
    deliver_all(world, &server);
    let body = server.received(&email)[0].body();
    let link = format!("https://{}.saas.example/reset-password#token=ldp_", tenant.slug);
    assert!(body.contains(&link) && body.contains("Neues Passwort festlegen"), "{body}");
}

#[test]
fn service_without_mail_returns_409() {
    let tenant = World::get().tenant();
    request(&tenant, &tenant.admin.email).expect_problem(409, "mail_not_configured");
    request(&tenant, &address()).expect_problem(409, "mail_not_configured");
    let call = tenant.post("/api/v1/account/verification", &json!({}));
    let answer = call.token(&tenant.admin.access_token).send();
    answer.expect_problem(409, "mail_not_configured");
}
