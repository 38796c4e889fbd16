//! Sign-ins with a second factor.

use std::{
    thread,
    time::{Duration, Instant},
};

use e2e::{Authenticator, TestTenant, TestUser, World};
use http::Method;
use serde_json::json;

use super::{ANSWER, FACTORS, Holder, answer, begin, change, confirm, text};

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
