//! Second factors: enrolment, sign-in, recovery, the rules of a tenant, and recent sign-ins.

use std::{
    thread,
    time::{Duration, Instant},
};

use e2e::{Answer, Authenticator, TestTenant, TestUser, World};
use http::Method;
use serde_json::{Value, json};

const FACTORS: &str = "/api/v1/profile/second-factors";
const RECOVERY_CODES: &str = "/api/v1/profile/recovery-codes";
const ANSWER: &str = "/api/v1/auth/second-factor";
const AGAIN: &str = "/api/v1/auth/recent-sign-in";
const POLICY: &str = "/api/v1/tenant/security-policy";

/// A user with a confirmed factor.
struct Holder {
    user: TestUser,
    authenticator: Authenticator,
    factor: String,
    recovery_codes: Vec<String>,
}

fn begin(tenant: &TestTenant, user: &TestUser) -> Value {
    let body = json!({ "name": "Phone" });
    tenant.post(FACTORS, &body).token(&user.access_token).send().expect(201)
}

fn confirm(tenant: &TestTenant, user: &TestUser, factor: &str, code: &str) -> Answer {
    let path = format!("{FACTORS}/{factor}/confirm");
    tenant.post(&path, &json!({ "code": code })).token(&user.access_token).send()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

impl Holder {
    fn of(tenant: &TestTenant, user: TestUser) -> Self {
        let begun = begin(tenant, &user);
        let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
        let factor = text(&begun["id"]);
        let confirmed = confirm(tenant, &user, &factor, &authenticator.code()).expect(200);
        let codes = confirmed["recovery_codes"].as_array().expect("the first factor has codes");
        let recovery_codes = codes.iter().map(text).collect();
        Self { user, authenticator, factor, recovery_codes }
    }

    fn challenge(&self, tenant: &TestTenant) -> String {
        let refused = tenant.login(&self.user.email, &self.user.password);
        text(&refused.expect_problem(401, "second_factor_required")["challenge"])
    }
}

fn answer(tenant: &TestTenant, challenge: &str, code: &str) -> Answer {
    tenant.post(ANSWER, &json!({ "challenge": challenge, "code": code })).send()
}

fn change(tenant: &TestTenant, statement: &str, user: &str) {
    let mut superuser = World::get().services.superuser(&tenant.database());
    assert!(superuser.execute(statement, &[&user]).unwrap() > 0, "{statement}");
}

/// Lets the last proof of identity in the sessions of a user be an hour old.
fn age_sign_in(tenant: &TestTenant, user: &str) {
    let statement = "UPDATE tenancy.sessions SET created_at = created_at - interval '1 hour',
                         authenticated_at = authenticated_at - interval '1 hour'
                     WHERE user_id = $1::text::uuid";
    change(tenant, statement, user);
}

// S45
#[test]
fn sign_in_needs_enrolled_factor() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let (token, factors) = (user.access_token.clone(), |token: &str| {
        tenant.get(FACTORS).token(token).send().expect(200)
    });
    assert_eq!(factors(&token), json!({ "items": [], "recovery_codes": 0 }));

    let begun = begin(&tenant, &user);
    let uri = url::Url::parse(begun["uri"].as_str().unwrap()).unwrap();
    let pairs: std::collections::BTreeMap<_, _> = uri.query_pairs().into_owned().collect();
    assert_eq!((uri.scheme(), &json!(pairs["secret"])), ("otpauth", &begun["secret"]));
    assert_eq!(pairs["issuer"], format!("Tenant {}", tenant.slug));
    // An unconfirmed factor changes nothing, and another enrolment replaces it.
    let elsewhere = TestUser::from(&tenant.login(&user.email, &user.password).expect(200));
    let replaced = text(&begin(&tenant, &user)["id"]);
    confirm(&tenant, &user, begun["id"].as_str().unwrap(), "123456")
        .expect_problem(404, "second_factor_not_found");
    assert_ne!(json!(replaced), begun["id"]);

    let begun = begin(&tenant, &user);
    let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
    let factor = text(&begun["id"]);
    let wrong = authenticator.wrong_code();
    assert_eq!(confirm(&tenant, &user, &factor, &wrong).expect_invalid(), ["code"]);
    for code in [json!("12345"), json!(123_456), json!(""), json!(null), json!("abcdef")] {
        let path = format!("{FACTORS}/{factor}/confirm");
        let refused = tenant.post(&path, &json!({ "code": code })).token(&token).send();
        assert_eq!(refused.expect_invalid(), ["code"], "{code}");
    }
    assert_eq!(factors(&token)["items"], json!([]));
    let confirmed = confirm(&tenant, &user, &factor, &authenticator.code()).expect(200);
    assert_eq!(confirmed["recovery_codes"].as_array().unwrap().len(), 10);
    // The session of the code continues, and those without a second factor end.
    let shown = factors(&token);
    assert_eq!(
        (&shown["items"][0]["name"], &shown["recovery_codes"]),
        (&json!("Phone"), &json!(10))
    );
    tenant.get(FACTORS).token(&elsewhere.access_token).send().expect_problem(401, "token_revoked");
    let body = json!({ "refresh_token": elsewhere.refresh_token });
    world.post("/api/v1/auth/refresh", &body).send().expect_problem(401, "invalid_refresh_token");

    let holder = Holder { user, authenticator, factor, recovery_codes: Vec::new() };
    let challenge = holder.challenge(&tenant);
    answer(&tenant, &challenge, &wrong).expect_problem(401, "invalid_second_factor");
    let Holder { mut authenticator, user, .. } = holder;
    let code = authenticator.code();
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let signed_in = answer(&tenant, &challenge, &spaced).expect(200);
    assert_eq!(signed_in["user"]["id"], json!(user.id));
    assert_eq!(signed_in.get("recovery_codes"), None);
    let form = format!("token={}", text(&signed_in["access_token"]));
    let told = world.call(Method::POST, "/api/v1/auth/introspect");
    let told = told.token(&tenant.api_key(&["tokens:introspect"]));
    let told = told.body("application/x-www-form-urlencoded", form).send().expect(200);
    assert_eq!(told["acr"], "urn:tenancy:acr:two-factors");
    answer(&tenant, &challenge, &authenticator.code()).expect_problem(401, "invalid_challenge");
    for (event, count) in
        [("second_factor.added", 1), ("second_factor.used", 1), ("second_factor.failed", 2)]
    {
        tenant.wait_until_audited(event, count);
    }
    let body = json!({ "refresh_token": signed_in["refresh_token"] });
    world.post("/api/v1/auth/refresh", &body).send().expect(200);
}

// S45, CVE-2025-6015
#[test]
fn code_is_accepted_once() {
    let tenant = World::get().tenant();
    let mut holder = Holder::of(&tenant, tenant.user("viewer"));
    let challenges: Vec<_> = (0..4).map(|_| holder.challenge(&tenant)).collect();
    let code = holder.authenticator.code();
    let answers: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = challenges
            .iter()
            .map(|challenge| scope.spawn(|| answer(&tenant, challenge, &code).status))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let accepted = answers.iter().filter(|status| **status == 200).count();
    assert_eq!(accepted, 1, "{answers:?}");

    let recovery = holder.recovery_codes[0].to_uppercase();
    let challenge = holder.challenge(&tenant);
    answer(&tenant, &challenge, &recovery).expect(200);
    let challenge = holder.challenge(&tenant);
    answer(&tenant, &challenge, &recovery).expect_problem(401, "invalid_second_factor");
    let used = tenant.wait_until_audited("second_factor.used", 2);
    assert_eq!(used[1]["detail"]["kind"], "recovery_code");
    assert_eq!(used[1]["severity"], "warning");
}

// S45, GHSA-xg6x-h9c9-2m83
#[test]
fn no_other_way_begins_session_without_factor() {
    let world = World::get();
    let tenant = world.tenant();
    let mut holder = Holder::of(&tenant, tenant.user("viewer"));
    let user = &holder.user;
    // A change of the password keeps the factors of its session.
    let body =
        json!({ "current_password": user.password, "new_password": "another password of mine" });
    let changed =
        tenant.post("/api/v1/profile/password", &body).token(&user.access_token).send().expect(200);
    let body = json!({ "refresh_token": changed["refresh_token"] });
    world.post("/api/v1/auth/refresh", &body).send().expect(200);
    // An administrator's reset does not remove the factor.
    let path = format!("/api/v1/users/{}/reset-password", user.id);
    let reset = tenant.post(&path, &json!({})).token(&tenant.admin.access_token).send().expect(200);
    let body =
        json!({ "setup_token": reset["setup_token"], "password": "a third password of mine" });
    let refused = tenant.post("/api/v1/auth/setup", &body).send();
    let challenge = text(&refused.expect_problem(401, "second_factor_required")["challenge"]);
    assert_eq!(refused.header("www-authenticate"), r#"Bearer realm="tenancy""#);
    answer(&tenant, &challenge, &holder.authenticator.code()).expect(200);
    // A device that the user knows has to give a code as well.
    let body = json!({ "email": user.email, "password": "a third password of mine",
                       "refresh_token": changed["refresh_token"] });
    let refused = tenant.post("/api/v1/auth/login", &body).send();
    let challenge = text(&refused.expect_problem(401, "second_factor_required")["challenge"]);
    // The challenge is no other credential, and another credential is no challenge.
    tenant.get("/api/v1/profile").token(&challenge).send().expect_problem(401, "invalid_token");
    let body = json!({ "setup_token": challenge, "password": "a third password of mine" });
    tenant.post("/api/v1/auth/setup", &body).send().expect_problem(401, "invalid_setup_token");
    for other in [text(&reset["setup_token"]), user.refresh_token.clone(), String::new()] {
        answer(&tenant, &other, "123456").expect_problem(401, "invalid_challenge");
    }
}

/// Waits until a statement in the tenant's database waits for a row that the test has locked.
fn wait_for_lock(tenant: &TestTenant) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'";
    let mut superuser = World::get().services.superuser("tenancy");
    let begin = Instant::now();
    while superuser.query_one(waiting, &[&tenant.database()]).unwrap().get::<_, i64>(0) == 0 {
        assert!(begin.elapsed().as_secs() < 60, "a statement waits for the user");
        thread::sleep(Duration::from_millis(5));
    }
}

// S45
#[test]
fn simultaneous_sign_in_and_enrolment_leave_no_weak_session() {
    let tenant = World::get().tenant();
    let user = tenant.user("viewer");
    let begun = begin(&tenant, &user);
    let factor = begun["id"].as_str().unwrap();
    let mut superuser = World::get().services.superuser(&tenant.database());
    let lock = "SELECT FROM tenancy.users WHERE id = $1::text::uuid FOR UPDATE";
    // A sign-in that verified the password before the enrolment.
    let mut transaction = superuser.transaction().unwrap();
    transaction.query_one(lock, &[&user.id]).unwrap();
    let refused = thread::scope(|scope| {
        let sign_in = scope.spawn(|| tenant.login(&user.email, &user.password));
        wait_for_lock(&tenant);
        let confirm =
            "UPDATE tenancy.second_factors SET confirmed_at = now() WHERE id = $1::text::uuid";
        transaction.execute(confirm, &[&factor]).unwrap();
        transaction.commit().unwrap();
        sign_in.join().unwrap()
    });
    refused.expect_problem(503, "unavailable");
    tenant.login(&user.email, &user.password).expect_problem(401, "second_factor_required");
    // A sign-in that inserts its session while an enrolment waits.
    change(
        &tenant,
        "UPDATE tenancy.second_factors SET confirmed_at = NULL WHERE user_id = $1::text::uuid",
        &user.id,
    );
    let weak = TestUser::from(&tenant.login(&user.email, &user.password).expect(200));
    let body = json!({ "refresh_token": weak.refresh_token });
    let hide = "UPDATE tenancy.sessions SET revoked_at = now(), revoked_reason = 'logout'
                WHERE user_id = $1::text::uuid AND id <> $2::text::uuid";
    let sessions = tenant.get("/api/v1/auth/sessions").token(&user.access_token).send().expect(200);
    let mut sessions = sessions["items"].as_array().unwrap().iter();
    let session = text(&sessions.find(|session| session["is_current"] == true).unwrap()["id"]);
    superuser.execute(hide, &[&user.id, &session]).unwrap();
    let mut transaction = superuser.transaction().unwrap();
    transaction.query_one(lock, &[&user.id]).unwrap();
    let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
    let code = authenticator.code();
    thread::scope(|scope| {
        let confirmed = scope.spawn(|| confirm(&tenant, &user, factor, &code));
        wait_for_lock(&tenant);
        let show = "UPDATE tenancy.sessions SET revoked_at = NULL, revoked_reason = NULL
                    WHERE user_id = $1::text::uuid AND id <> $2::text::uuid";
        transaction.execute(show, &[&user.id, &session]).unwrap();
        transaction.commit().unwrap();
        confirmed.join().unwrap().expect(200);
    });
    tenant.post("/api/v1/auth/refresh", &body).send().expect_problem(401, "invalid_refresh_token");
}

// S45
#[test]
fn challenge_is_bounded() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let mut holder = Holder::of(&tenant, tenant.user("viewer"));
    // It belongs to its tenant.
    let challenge = holder.challenge(&tenant);
    let body = json!({ "challenge": challenge, "code": "123456" });
    other.post(ANSWER, &body).send().expect_problem(403, "tenant_mismatch");
    // It ends after five wrong codes.
    let wrong = holder.authenticator.wrong_code();
    for _ in 0..5 {
        answer(&tenant, &challenge, &wrong).expect_problem(401, "invalid_second_factor");
    }
    let code = holder.authenticator.code();
    answer(&tenant, &challenge, &code).expect_problem(401, "invalid_challenge");
    // More challenges do not allow more guesses.
    let challenge = holder.challenge(&tenant);
    // The first delay is one second, and each further failure doubles it.
    let guesses = (0..5).map(|_| answer(&tenant, &challenge, &wrong));
    let throttled = guesses.into_iter().find(|guess| guess.status == 429);
    throttled.expect("guesses are throttled").expect_problem(429, "too_many_attempts");
    let expired = holder.challenge(&tenant);
    let expire = "UPDATE tenancy.sign_in_challenges SET expires_at = now() - interval '1 second'
                  WHERE user_id = $1::text::uuid";
    change(&tenant, expire, &holder.user.id);
    answer(&tenant, &expired, &code).expect_problem(401, "invalid_challenge");
    // A change of the user ends it.
    let challenge = holder.challenge(&tenant);
    change(
        &tenant,
        "UPDATE tenancy.users SET version = version + 1 WHERE id = $1::text::uuid",
        &holder.user.id,
    );
    answer(&tenant, &challenge, &code).expect_problem(401, "invalid_challenge");
    // Old challenges end, so their number is bounded.
    for _ in 0..22 {
        holder.challenge(&tenant);
    }
    let count = "SELECT count(*) FROM tenancy.sign_in_challenges WHERE user_id = $1::text::uuid";
    let mut superuser = world.services.superuser(&tenant.database());
    let count: i64 = superuser.query_one(count, &[&holder.user.id]).unwrap().get(0);
    assert_eq!(count, 20);
}

// S46
#[test]
fn factors_belong_to_their_user() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let holder = Holder::of(&tenant, tenant.user("viewer"));
    let waiting = begin(&tenant, &tenant.user("viewer"));
    let neighbour = tenant.user("viewer");
    for (place, user) in [(&tenant, &neighbour), (&other, &other.admin)] {
        for factor in [&holder.factor, waiting["id"].as_str().unwrap()] {
            let mut authenticator = Authenticator::new(waiting["secret"].as_str().unwrap());
            confirm(place, user, factor, &authenticator.code())
                .expect_problem(404, "second_factor_not_found");
            let removal =
                place.delete(&format!("{FACTORS}/{factor}")).token(&user.access_token).send();
            removal.expect_problem(404, "second_factor_not_found");
        }
        place
            .post(RECOVERY_CODES, &json!({}))
            .token(&user.access_token)
            .send()
            .expect_problem(404, "second_factor_not_found");
        let reset = place.delete(&format!("/api/v1/users/{}/second-factors", holder.user.id));
        let reset = reset.token(&user.access_token).send();
        if user.id == neighbour.id {
            reset.expect_problem(403, "forbidden")
        } else {
            reset.expect_problem(404, "user_not_found")
        };
    }
    let removal =
        tenant.delete(&format!("{FACTORS}/not-an-id")).token(&holder.user.access_token).send();
    removal.expect_problem(404, "second_factor_not_found");
    // The secret is sealed.
    let mut superuser = world.services.superuser(&tenant.database());
    let rows = superuser.query("SELECT secret FROM tenancy.second_factors", &[]).unwrap();
    let secret = totp_rs::Secret::try_from_base32(waiting["secret"].as_str().unwrap()).unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let sealed: Vec<u8> = row.get(0);
        assert!(!sealed.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn user_manages_factors() {
    let tenant = World::get().tenant();
    let mut holder = Holder::of(&tenant, tenant.user("viewer"));
    let token = holder.user.access_token.clone();
    // A second factor has no new recovery codes.
    let begun = begin(&tenant, &holder.user);
    let mut tablet = Authenticator::new(begun["secret"].as_str().unwrap());
    let confirmed =
        confirm(&tenant, &holder.user, begun["id"].as_str().unwrap(), &tablet.code()).expect(200);
    assert_eq!(confirmed["recovery_codes"], json!(null));
    let challenge = holder.challenge(&tenant);
    answer(&tenant, &challenge, &tablet.code()).expect(200);
    let replaced = tenant.post(RECOVERY_CODES, &json!({})).token(&token).send().expect(200);
    let challenge = holder.challenge(&tenant);
    answer(&tenant, &challenge, &holder.recovery_codes[0])
        .expect_problem(401, "invalid_second_factor");
    answer(&tenant, &challenge, replaced["recovery_codes"][0].as_str().unwrap()).expect(200);
    // At most five.
    for _ in 0..3 {
        let begun = begin(&tenant, &holder.user);
        let mut another = Authenticator::new(begun["secret"].as_str().unwrap());
        confirm(&tenant, &holder.user, begun["id"].as_str().unwrap(), &another.code()).expect(200);
    }
    tenant
        .post(FACTORS, &json!({}))
        .token(&token)
        .send()
        .expect_problem(409, "too_many_second_factors");
    let shown = tenant.get(FACTORS).token(&token).send().expect(200);
    let ids: Vec<_> =
        shown["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
    assert_eq!((ids.len(), &shown["recovery_codes"]), (5, &json!(9)));
    for id in &ids {
        let removal = tenant.delete(&format!("{FACTORS}/{id}")).token(&token).send();
        assert_eq!(removal.status, 204, "{}", removal.text);
    }
    let shown = tenant.get(FACTORS).token(&token).send().expect(200);
    assert_eq!(shown, json!({ "items": [], "recovery_codes": 0 }));
    tenant.login(&holder.user.email, &holder.user.password).expect(200);
    tenant.wait_until_audited("second_factor.removed", 5);
    tenant.wait_until_audited("recovery_codes.replaced", 1);
    let _ = holder.authenticator.code();
}

// S46
#[test]
fn administrator_resets_lost_factors() {
    let world = World::get();
    let tenant = world.tenant();
    let holder = Holder::of(&tenant, tenant.user("admin"));
    let path = format!("/api/v1/users/{}/second-factors", holder.user.id);
    // An API key that may not grant the role does not become stronger through its users.
    let key = tenant.api_key(&["users:write", "users:grant:viewer"]);
    tenant
        .delete(&path)
        .header("X-API-Key", &key)
        .send()
        .expect_problem(403, "administrator_required");
    let challenge = holder.challenge(&tenant);
    let reset = tenant.delete(&path).token(&tenant.admin.access_token).send();
    assert_eq!(reset.status, 204, "{}", reset.text);
    tenant
        .get(FACTORS)
        .token(&holder.user.access_token)
        .send()
        .expect_problem(401, "token_revoked");
    answer(&tenant, &challenge, &holder.recovery_codes[0]).expect_problem(401, "invalid_challenge");
    tenant.login(&holder.user.email, &holder.user.password).expect(200);
    tenant.wait_until_audited("second_factors.reset", 1);
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

#[test]
fn export_contains_factors_without_secrets() {
    let tenant = World::get().tenant();
    let holder = Holder::of(&tenant, tenant.user("viewer"));
    let path = format!("/api/v1/users/{}/export", holder.user.id);
    let export = World::get()
        .call(Method::GET, &path)
        .slug(&tenant.slug)
        .token(&tenant.admin.access_token)
        .send()
        .expect(200);
    assert_eq!(export["user"]["second_factors"][0]["name"], "Phone");
    assert_eq!(export["user"]["second_factors"].as_array().unwrap().len(), 1);
    let erased = tenant.post(&format!("/api/v1/users/{}/erasure", holder.user.id), &json!({}));
    erased.token(&tenant.admin.access_token).send().expect(200);
    let mut superuser = World::get().services.superuser(&tenant.database());
    for table in ["second_factors", "recovery_codes", "sign_in_challenges"] {
        let count = format!("SELECT count(*) FROM tenancy.{table}");
        let count: i64 = superuser.query_one(&count, &[]).unwrap().get(0);
        assert_eq!(count, 0, "{table}");
    }
}
