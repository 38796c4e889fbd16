//! Sign-in with a link or a code of a message: requests, proofs and their bounds.

use e2e::{Answer, Application, MailMode, MailServer, TestTenant, World};
use serde_json::{Value, json};

use super::{
    add_authenticator, address, alone, behind_proxy, change, column, deliver_all, invite,
    post_from, token, with_link,
};

const REQUEST: &str = "/api/v1/account/sign-in";
const CONFIRM: &str = "/api/v1/account/sign-in/confirm";
const POLICY: &str = "/api/v1/tenant/security-policy";
const PASSWORD: &str = "a password for tests";

fn set_policy(tenant: &TestTenant, rules: &Value) -> Value {
    tenant.patch(POLICY, rules).token(&tenant.admin.access_token).send().expect(200)
}

/// Creates a tenant whose rules allow sign-ins by mail.
fn tenant_of(world: &'static World) -> TestTenant {
    let tenant = world.tenant();
    assert_eq!(set_policy(&tenant, &json!({ "mailed_sign_in": true }))["mailed_sign_in"], true);
    tenant
}

/// Creates a user without a session.
fn person(tenant: &TestTenant) -> (String, String) {
    let email = address();
    let created = invite(tenant, &json!({ "email": email, "password": PASSWORD }));
    (email, created["id"].as_str().unwrap().to_owned())
}

fn request(tenant: &TestTenant, email: &str) -> Answer {
    tenant.post(REQUEST, &json!({ "email": email })).send()
}

fn confirm(tenant: &TestTenant, proof: &Value) -> Answer {
    tenant.post(CONFIRM, proof).send()
}

#[track_caller]
fn refused(answer: &Answer) {
    answer.expect_problem(401, "invalid_mailed_token");
}

/// A request with its message.
struct Requested {
    request: String,
    body: String,
}

impl Requested {
    fn of(world: &World, tenant: &TestTenant, server: &MailServer, email: &str) -> Self {
        let before = with_link(server, email).len();
        let answer = request(tenant, email).expect(202);
        deliver_all(world, server);
        let received = with_link(server, email);
        assert_eq!(received.len(), before + 1);
        let request = answer["request"].as_str().unwrap().to_owned();
        Self { request, body: received[before].clone() }
    }

    fn link(&self) -> Value {
        json!({ "token": token(&self.body) })
    }

    fn code(&self) -> Value {
        json!({ "request": self.request, "code": code_in(&self.body) })
    }

    fn wrong_code(&self) -> Value {
        let code = if code_in(&self.body) == "0000 0000" { "1111 1111" } else { "0000 0000" };
        json!({ "request": self.request, "code": code })
    }
}

/// Returns the code in a message.
fn code_in(body: &str) -> String {
    let is_code = |line: &&str| {
        line.len() == 9
            && line.split(' ').all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    body.lines().map(str::trim).find(is_code).expect("the message has a code").to_owned()
}

// S56
#[test]
fn link_or_code_signs_in() {
    let (world, _alone) = alone();
    let (tenant, server) = (tenant_of(world), MailServer::start(MailMode::Accept));
    let (email, id) = person(&tenant);
    let by_link = Requested::of(world, &tenant, &server, &email);
    let token = token(&by_link.body);
    let link = format!("https://app.saas.example/start/sign-in#token={token}");
    assert!(token.starts_with("ldm_") && by_link.request.starts_with("ldq_"));
    assert_eq!(by_link.body.matches(&link).count(), 2, "{}", by_link.body);
    // Programs that open links do not use up the token: it is in the fragment, and only a POST request confirms.
    assert_eq!(tenant.get(CONFIRM).send().status, 405);
    let signed_in = confirm(&tenant, &by_link.link()).expect(200);
    assert_eq!(signed_in["user"]["id"], json!(id));
    assert_eq!(signed_in["user"]["is_verified"], true);
    let access = signed_in["access_token"].as_str().unwrap();
    tenant.get("/api/v1/profile").token(access).send().expect(200);
    // Each proof is valid once, and one ends the other.
    refused(&confirm(&tenant, &by_link.link()));
    refused(&confirm(&tenant, &by_link.code()));
    let by_code = Requested::of(world, &tenant, &server, &email);
    confirm(&tenant, &by_code.code()).expect(200);
    refused(&confirm(&tenant, &by_code.code()));
    refused(&confirm(&tenant, &by_code.link()));
    // The password is still valid, and so are earlier sessions.
    tenant.login(&email, PASSWORD).expect(200);
    tenant.get("/api/v1/profile").token(access).send().expect(200);
    tenant.wait_until_audited("auth.mailed_sign_in_requested", 2);
    tenant.wait_until_audited("auth.mailed_sign_in_failed", 1);
    let accepted = tenant.wait_until_audited("auth.mailed_sign_in_accepted", 2);
    assert_eq!((&accepted[0]["actor_id"], &accepted[0]["resource_id"]), (&json!(id), &json!(id)));
}

#[test]
fn confirmation_has_one_proof() {
    let (world, _alone) = alone();
    let tenant = tenant_of(world);
    for (body, field) in [
        (json!({}), "token"),
        (json!({ "request": "ldq_x" }), "code"),
        (json!({ "code": "12345678" }), "request"),
        (json!({ "request": "ldq_x", "code": "1234" }), "code"),
        (json!({ "token": "ldm_x", "code": "12345678" }), "token"),
        (json!({ "token": 1 }), "token"),
    ] {
        assert_eq!(confirm(&tenant, &body).expect_invalid(), [field], "{body}");
    }
    assert_eq!(tenant.post(REQUEST, &json!({ "email": "x" })).send().expect_invalid(), ["email"]);
    for token in ["", "ldm_", "lds_AAAA", tenant.admin.access_token.as_str()] {
        refused(&confirm(&tenant, &json!({ "token": token })));
    }
}

// S57
#[test]
fn request_reveals_no_account() {
    let (world, _alone) = alone();
    let (tenant, server) = (tenant_of(world), MailServer::start(MailMode::Accept));
    let (email, _) = person(&tenant);
    let (inactive, id) = person(&tenant);
    let path = format!("/api/v1/users/{id}");
    let deactivate = json!({ "is_active": false });
    tenant.patch(&path, &deactivate).token(&tenant.admin.access_token).send().expect(200);
    let addresses = [email.clone(), inactive.clone(), address()];
    let answers = addresses.each_ref().map(|address| request(&tenant, address));
    let requests = answers.each_ref().map(|answer| {
        let mut answer = answer.expect(202);
        let request = answer["request"].take().as_str().unwrap().to_owned();
        assert_eq!(answer, json!({ "request": null, "expires_in": 600 }));
        request
    });
    // A wrong code of each request has the same response, too.
    for request in &requests {
        assert_eq!(request.len(), requests[0].len());
        refused(&confirm(&tenant, &json!({ "request": request, "code": "0000 0000" })));
    }
    deliver_all(world, &server);
    assert_eq!(addresses.each_ref().map(|address| server.received(address).len()), [1, 0, 0]);
}

// S57
#[test]
fn rules_decide_about_sign_ins_by_mail() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (email, _) = person(&tenant);
    let refuse =
        |answer: Answer| answer.expect_problem(409, "mailed_sign_in_disabled")["detail"].take();
    // Off by default, and so for a tenant that does not exist.
    let own = refuse(request(&tenant, &email));
    let unknown = world.post(REQUEST, &json!({ "email": email })).slug("no-such-tenant").send();
    assert_eq!(refuse(unknown), own);
    set_policy(&tenant, &json!({ "mailed_sign_in": true }));
    let requested = Requested::of(world, &tenant, &server, &email);
    set_policy(&tenant, &json!({ "mailed_sign_in": false }));
    refuse(confirm(&tenant, &requested.link()));
    refuse(confirm(&tenant, &requested.code()));
    // The refusals have not used up the proof. The rules of one tenant do not apply to another one.
    set_policy(&tenant, &json!({ "mailed_sign_in": true }));
    confirm(&tenant, &requested.code()).expect(200);
    refuse(request(&world.tenant(), &email));
    // Only administrators change the rules.
    let viewer =
        confirm(&tenant, &Requested::of(world, &tenant, &server, &email).link()).expect(200);
    let patch = tenant.patch(POLICY, &json!({ "mailed_sign_in": false }));
    assert_eq!(patch.token(viewer["access_token"].as_str().unwrap()).send().status, 403);
    let invalid = tenant.patch(POLICY, &json!({ "mailed_sign_in": "yes" }));
    let invalid = invalid.token(&tenant.admin.access_token).send();
    assert_eq!(invalid.expect_invalid(), ["mailed_sign_in"]);
    // Without a transport, nobody can sign in by mail.
    let plain = World::get().tenant();
    plain
        .post(REQUEST, &json!({ "email": email }))
        .send()
        .expect_problem(409, "mail_not_configured");
}

// S56
#[test]
fn code_is_valid_only_with_its_request() {
    let (world, _alone) = alone();
    let (tenant, server) = (tenant_of(world), MailServer::start(MailMode::Accept));
    let (email, _) = person(&tenant);
    let own = Requested::of(world, &tenant, &server, &email);
    let stranger = Requested::of(world, &tenant, &server, &email);
    let unknown = request(&tenant, &address()).expect(202);
    for request in [json!(stranger.request), unknown["request"].clone()] {
        refused(&confirm(&tenant, &json!({ "request": request, "code": code_in(&own.body) })));
    }
    // The token of the link and that of the request do not replace each other.
    let swapped = json!({ "token": own.request });
    refused(&confirm(&tenant, &swapped));
    confirm(&tenant, &own.code()).expect(200);
    // The database has neither a token nor a code in plain text, and no hash of the code only.
    let other = Requested::of(world, &tenant, &server, &email);
    let mut superuser = world.services.superuser(&tenant.database());
    let guess = "SELECT count(*) FROM tenancy.account_tokens
                 WHERE code_hash = sha256(convert_to($1, 'UTF8')) OR code_hash = convert_to($1, 'UTF8')";
    let code = code_in(&other.body).replace(' ', "");
    assert_eq!(superuser.query_one(guess, &[&code]).unwrap().get::<_, i64>(0), 0);
    let all = "SELECT string_agg(t::text, ' ') FROM tenancy.account_tokens t";
    let all: String = superuser.query_one(all, &[]).unwrap().get(0);
    assert!(!all.contains(&code) && !all.contains(&other.request), "{all}");
}

// S56
#[test]
fn guesses_of_a_code_are_bounded() {
    let (world, _alone) = alone();
    let (tenant, server) = (tenant_of(world), MailServer::start(MailMode::Accept));
    let site = behind_proxy(world);
    let (email, _) = person(&tenant);
    let requested = Requested::of(world, &tenant, &server, &email);
    let unknown = request(&tenant, &address()).expect(202)["request"].clone();
    let unknown = json!({ "request": unknown, "code": "00000000" });
    let confirm_from = |from: &str, body: &Value| post_from(&site, &tenant, from, CONFIRM, body);
    // A network is throttled like with a password, and an unknown account is not different.
    for body in [&requested.wrong_code(), &unknown] {
        let statuses: Vec<_> = (0..6).map(|_| confirm_from("198.51.100.7", body).status).collect();
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    }
    // The code has ended in all networks. The link is still valid.
    refused(&confirm_from("203.0.113.9", &requested.code()));
    confirm(&tenant, &requested.link()).expect(200);
    // Concurrent guesses of several networks do not exceed the number.
    let requested = Requested::of(world, &tenant, &server, &email);
    std::thread::scope(|scope| {
        for number in 0..12 {
            let (confirm_from, requested) = (&confirm_from, &requested);
            scope.spawn(move || {
                let from = format!("192.0.2.{number}");
                assert_eq!(confirm_from(&from, &requested.wrong_code()).status, 401);
            });
        }
    });
    let failures = "SELECT failures FROM tenancy.account_tokens WHERE purpose = 'sign_in'";
    let mut superuser = world.services.superuser(&tenant.database());
    assert_eq!(superuser.query_one(failures, &[]).unwrap().get::<_, i32>(0), 5);
    refused(&confirm_from("203.0.113.10", &requested.code()));
}

#[test]
fn concurrent_confirmations_succeed_once() {
    let (world, _alone) = alone();
    let (tenant, server) = (tenant_of(world), MailServer::start(MailMode::Accept));
    let (email, _) = person(&tenant);
    let requested = Requested::of(world, &tenant, &server, &email);
    let proofs = [requested.link(), requested.code(), requested.link(), requested.code()];
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let calls = proofs.each_ref().map(|proof| scope.spawn(|| confirm(&tenant, proof).status));
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 3, "{statuses:?}");
}

// S56: second-factor bypass by another grant (GHSA-xg6x-h9c9-2m83)
#[test]
fn other_rules_apply_as_for_a_password() {
    let (world, _alone) = alone();
    let (tenant, server) = (tenant_of(world), MailServer::start(MailMode::Accept));
    let (email, _) = person(&tenant);
    let session = tenant.login(&email, PASSWORD).expect(200);
    let mut authenticator = add_authenticator(&tenant, session["access_token"].as_str().unwrap());
    for proof in [Requested::link, Requested::code] {
        let requested = Requested::of(world, &tenant, &server, &email);
        let asked =
            confirm(&tenant, &proof(&requested)).expect_problem(401, "second_factor_required");
        refused(&confirm(&tenant, &proof(&requested)));
        let answer = json!({ "challenge": asked["challenge"], "code": authenticator.code() });
        tenant.post("/api/v1/auth/second-factor", &answer).send().expect(200);
    }
    // A required enrolment.
    let (other, id) = person(&tenant);
    let rules = json!({ "second_factor_roles": ["user"], "second_factor_grace_days": 0 });
    set_policy(&tenant, &rules);
    let requested = Requested::of(world, &tenant, &server, &other);
    confirm(&tenant, &requested.link()).expect_problem(401, "second_factor_enrollment_required");
    set_policy(&tenant, &json!({ "second_factor_roles": [], "max_sessions": 1 }));
    // The number of sessions.
    let earlier = tenant.login(&other, PASSWORD).expect(200);
    let requested = Requested::of(world, &tenant, &server, &other);
    confirm(&tenant, &requested.link()).expect(200);
    let refresh = json!({ "refresh_token": earlier["refresh_token"] });
    assert_eq!(tenant.post("/api/v1/auth/refresh", &refresh).send().status, 401);
    // The allowed networks. A refusal does not use up the proof.
    set_policy(&tenant, &json!({ "allowed_networks": ["127.0.0.0/8", "::1"] }));
    let site = behind_proxy(world);
    let requested = Requested::of(world, &tenant, &server, &other);
    let outside = post_from(&site, &tenant, "198.51.100.7", CONFIRM, &requested.code());
    outside.expect_problem(403, "network_not_allowed");
    confirm(&tenant, &requested.code()).expect(200);
    // A deactivated user.
    let requested = Requested::of(world, &tenant, &server, &other);
    let deactivate = tenant.patch(&format!("/api/v1/users/{id}"), &json!({ "is_active": false }));
    deactivate.token(&tenant.admin.access_token).send().expect(200);
    refused(&confirm(&tenant, &requested.link()));
}

// S56, GHSA-qq9h-g4jm-xgf3 (changed address)
#[test]
fn proof_is_bound_to_its_user_tenant_and_address() {
    let (world, _alone) = alone();
    let (tenant, server) = (tenant_of(world), MailServer::start(MailMode::Accept));
    let other = tenant_of(world);
    let (email, id) = person(&tenant);
    let requested = Requested::of(world, &tenant, &server, &email);
    confirm(&other, &requested.link()).expect_problem(403, "tenant_mismatch");
    confirm(&other, &requested.code()).expect_problem(403, "tenant_mismatch");
    // Another purpose.
    let recovery = json!({ "token": token(&requested.body), "new_password": PASSWORD });
    refused(&tenant.post("/api/v1/account/password-reset/confirm", &recovery).send());
    // A former address, and the holder of a new one is not signed in by the message to the former.
    let path = format!("/api/v1/users/{id}");
    let moved = address();
    let patch = tenant.patch(&path, &json!({ "email": moved }));
    patch.token(&tenant.admin.access_token).send().expect(200);
    refused(&confirm(&tenant, &requested.link()));
    refused(&confirm(&tenant, &requested.code()));
    // The end of all sessions.
    let requested = Requested::of(world, &tenant, &server, &moved);
    let session = tenant.login(&moved, PASSWORD).expect(200);
    let end = tenant.post("/api/v1/auth/logout-all", &json!({}));
    assert_eq!(end.token(session["access_token"].as_str().unwrap()).send().status, 204);
    refused(&confirm(&tenant, &requested.link()));
    refused(&confirm(&tenant, &requested.code()));
    // Expiry.
    let requested = Requested::of(world, &tenant, &server, &moved);
    let expire = "UPDATE tenancy.account_tokens SET expires_at = now() - interval '1 s'";
    change(world, &tenant, expire);
    refused(&confirm(&tenant, &requested.link()));
    refused(&confirm(&tenant, &requested.code()));
}

fn request_from(site: &Application, tenant: &TestTenant, from: &str, email: &str) -> Answer {
    post_from(site, tenant, from, REQUEST, &json!({ "email": email }))
}

// S57
#[test]
fn stranger_neither_floods_nor_locks_out() {
    let (world, _alone) = alone();
    let (tenant, server) = (tenant_of(world), MailServer::start(MailMode::Accept));
    let site = behind_proxy(world);
    let (email, _) = person(&tenant);
    let owner = "203.0.113.1";
    let login = json!({ "email": email, "password": PASSWORD });
    post_from(&site, &tenant, owner, "/api/v1/auth/login", &login).expect(200);
    for target in [&email, &address()] {
        let statuses: Vec<_> =
            (0..6).map(|_| request_from(&site, &tenant, "198.51.100.7", target).status).collect();
        assert_eq!(statuses, [202, 202, 202, 202, 202, 429]);
    }
    // After the expiry of three messages, two more follow in the hour.
    let expire = "UPDATE tenancy.account_tokens SET expires_at = now() - interval '1 s'";
    change(world, &tenant, expire);
    for number in 2..8 {
        let from = format!("192.0.2.{number}");
        assert_eq!(request_from(&site, &tenant, &from, &email).status, 202);
    }
    assert_eq!(column(world, &tenant, &email, "state").len(), 5);
    // The user still gets a message, and its code is valid.
    deliver_all(world, &server);
    let before = server.received(&email).len();
    let asked = request_from(&site, &tenant, owner, &email).expect(202);
    deliver_all(world, &server);
    let received = server.received(&email);
    assert_eq!(received.len(), before + 1);
    let code = json!({ "request": asked["request"], "code": code_in(&received[before].body()) });
    post_from(&site, &tenant, owner, CONFIRM, &code).expect(200);
}
