//! Sign-ins with a passkey, and the second step after a password.

use std::thread;

use e2e::{Authenticator, TestPasskey, TestUser, World};
use serde_json::{Value, json};

use super::{
    PASSKEYS, REFRESH, begin, confirm, list, options, public, sign_in_options, sign_in_with, text,
};

const FACTORS: &str = "/api/v1/profile/second-factors";

// S64, S57
#[test]
fn passkey_signs_in_as_both_factors() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let token = &user.access_token;
    assert_eq!(list(&tenant, token), [] as [Value; 0]);
    let elsewhere = TestUser::from(&tenant.login(&user.email, &user.password).expect(200));

    let begun = begin(&tenant, token);
    assert_eq!(
        begun["rp"],
        json!({ "id": "saas.example", "name": format!("Tenant {}", tenant.slug) })
    );
    assert_eq!(begun["user"]["name"], json!(user.email));
    // The user handle reveals neither the id nor the address.
    let handle = text(&begun["user"]["id"]);
    assert_eq!(handle.len(), 43);
    assert_eq!(begun["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(begun["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(begun["attestation"], "none");
    assert_eq!(begun["excludeCredentials"], json!([]));
    let algorithms: Vec<_> =
        begun["pubKeyCredParams"].as_array().unwrap().iter().map(|one| &one["alg"]).collect();
    assert_eq!(algorithms, [-8, -7, -257]);
    let (passkey, response) = TestPasskey::create(&begun, &tenant.origin());
    let confirmed = confirm(&tenant, token, &response).expect(200);
    let codes = confirmed["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(codes.len(), 10);
    // The session continues with a second factor, and the other one has ended.
    tenant.get(FACTORS).token(&elsewhere.access_token).send().expect_problem(401, "token_revoked");
    let listed = list(&tenant, token);
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["id"], &listed[0]["name"]), (&confirmed["id"], &json!("Laptop")));
    assert_eq!(
        (&listed[0]["is_backed_up"], &listed[0]["last_used_at"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(listed[0]["transports"], json!(["hybrid", "internal"]));
    // The challenge was for one registration.
    assert_eq!(confirm(&tenant, token, &response).expect_invalid(), ["credential"]);
    let another = begin(&tenant, token);
    assert_eq!(another["user"]["id"], json!(handle));
    assert_eq!(another["excludeCredentials"][0]["id"], json!(passkey.id()));
    let again = passkey.registration(&another, &tenant.origin());
    confirm(&tenant, token, &again).expect_problem(409, "passkey_taken");

    // The sign-in asks for no account.
    let begun = sign_in_options(&tenant);
    assert_eq!((&begun["rpId"], &begun["allowCredentials"]), (&json!("saas.example"), &json!([])));
    assert_eq!(begun["userVerification"], "required");
    let response = passkey.get(&begun, &tenant.origin());
    let signed_in = sign_in_with(&tenant, &response).expect(200);
    assert_eq!(signed_in["user"]["id"], json!(user.id));
    let fresh = TestUser::from(&signed_in);
    let body = json!({ "refresh_token": fresh.refresh_token });
    let refreshed = world.post(REFRESH, &body).send().expect(200);
    // A recent sign-in with both factors: a change of factors is possible at once.
    let fresh = text(&refreshed["access_token"]);
    tenant.post("/api/v1/profile/recovery-codes", &json!({})).token(&fresh).send().expect(200);
    assert!(list(&tenant, &fresh)[0]["last_used_at"].is_string());
    // A response is accepted once.
    sign_in_with(&tenant, &response).expect_problem(401, "invalid_passkey");

    let path = format!("{PASSKEYS}/{}", text(&confirmed["id"]));
    let renamed = tenant.patch(&path, &json!({ "name": "Work laptop" })).token(&fresh).send();
    assert_eq!(renamed.status, 204, "{}", renamed.text);
    assert_eq!(list(&tenant, &fresh)[0]["name"], "Work laptop");
    for name in [json!(""), json!("x".repeat(101)), json!(7), json!(null), json!("a\nb")] {
        let refused = tenant.patch(&path, &json!({ "name": name })).token(&fresh).send();
        assert_eq!(refused.expect_invalid(), ["name"]);
    }
    for event in ["passkey.added", "passkey.used", "passkey.renamed"] {
        let rows = tenant.wait_until_audited(event, 1);
        assert_eq!(
            (&rows[0]["actor_id"], &rows[0]["resource_id"]),
            (&json!(user.id), &json!(user.id))
        );
    }
    let failed = tenant.wait_until_audited("passkey.failed", 1);
    assert_eq!(failed[0]["detail"]["reason"], "challenge");
    assert_eq!(
        (&failed[0]["severity"], &failed[0]["resource_id"]),
        (&json!("warning"), &json!(user.id))
    );

    // Without passkeys, the password is enough, and the recovery codes are gone.
    assert_eq!(tenant.delete(&path).token(&fresh).send().status, 204);
    tenant.delete(&path).token(&fresh).send().expect_problem(404, "passkey_not_found");
    passkey.sign_in(&tenant).expect_problem(401, "invalid_passkey");
    tenant.login(&user.email, &user.password).expect(200);
    assert_eq!(tenant.get(FACTORS).token(&fresh).send().expect(200)["recovery_codes"], 0);
    tenant.wait_until_audited("passkey.removed", 1);
}

// S45, S56, GHSA-xg6x-h9c9-2m83
#[test]
fn password_of_user_with_passkey_is_one_factor() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let (passkey, confirmed) = TestPasskey::register(&tenant, &user.access_token);
    let challenge = || {
        let refused = tenant.login(&user.email, &user.password);
        let problem = refused.expect_problem(401, "second_factor_required");
        assert_eq!(problem["second_factors"], json!(["passkey"]));
        text(&problem["challenge"])
    };
    // No code of an authenticator is right.
    let body = json!({ "challenge": challenge(), "code": "123456" });
    tenant
        .post("/api/v1/auth/second-factor", &body)
        .send()
        .expect_problem(401, "invalid_second_factor");
    let code = &confirmed["recovery_codes"][0];
    let body = json!({ "challenge": challenge(), "code": code });
    tenant.post("/api/v1/auth/second-factor", &body).send().expect(200);

    let one = challenge();
    let begun = options(&public(&tenant, "second-factor", &json!({ "challenge": one })));
    assert_eq!(begun["allowCredentials"][0]["id"], json!(passkey.id()));
    let response = passkey.get_with(&begun, &tenant.origin(), |given| given.user_handle = None);
    // The response is for this challenge only.
    let other = json!({ "challenge": challenge(), "credential": response });
    public(&tenant, "second-factor/confirm", &other).expect_problem(401, "invalid_passkey");
    sign_in_with(&tenant, &response).expect_problem(401, "invalid_passkey");
    let body = json!({ "challenge": one, "credential": response });
    let signed_in = public(&tenant, "second-factor/confirm", &body).expect(200);
    assert_eq!(signed_in["user"]["id"], json!(user.id));
    assert_eq!(signed_in.get("recovery_codes"), None);
    public(&tenant, "second-factor/confirm", &body).expect_problem(401, "invalid_challenge");
    public(&tenant, "second-factor", &json!({ "challenge": one }))
        .expect_problem(401, "invalid_challenge");

    // A passkey of another user is none of this one.
    let neighbour = tenant.user("user");
    let (foreign, _) = TestPasskey::register(&tenant, &neighbour.access_token);
    let one = challenge();
    let begun = options(&public(&tenant, "second-factor", &json!({ "challenge": one })));
    let body = json!({ "challenge": one, "credential": foreign.get(&begun, &tenant.origin()) });
    public(&tenant, "second-factor/confirm", &body).expect_problem(401, "invalid_passkey");
    // An enrolment is not possible with this challenge.
    for path in ["second-factor/enrollment", "second-factor/enrollment/confirm"] {
        let (_, response) =
            TestPasskey::create(&begin(&tenant, &neighbour.access_token), &tenant.origin());
        let body = if path.ends_with("confirm") {
            json!({ "challenge": one, "credential": response })
        } else {
            json!({ "challenge": one })
        };
        public(&tenant, path, &body).expect_problem(401, "invalid_challenge");
    }
    // An administrator's reset of the password does not remove the passkey.
    let path = format!("/api/v1/users/{}/reset-password", user.id);
    let reset = tenant.post(&path, &json!({})).token(&tenant.admin.access_token).send().expect(200);
    let body =
        json!({ "setup_token": reset["setup_token"], "password": "a third password of mine" });
    tenant.post("/api/v1/auth/setup", &body).send().expect_problem(401, "second_factor_required");
    // With both kinds, either is enough.
    let signed_in = TestUser::from(&passkey.sign_in(&tenant).expect(200));
    let begun = tenant.post(FACTORS, &json!({})).token(&signed_in.access_token).send().expect(201);
    let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
    let path = format!("{FACTORS}/{}/confirm", text(&begun["id"]));
    let added = tenant.post(&path, &json!({ "code": authenticator.code() }));
    let added = added.token(&signed_in.access_token).send().expect(200);
    assert_eq!(added["recovery_codes"], json!(null));
    let refused = tenant.login(&user.email, "a third password of mine");
    let problem = refused.expect_problem(401, "second_factor_required");
    assert_eq!(problem["second_factors"], json!(["one_time_password", "passkey"]));
    let body = json!({ "challenge": problem["challenge"], "code": authenticator.code() });
    tenant.post("/api/v1/auth/second-factor", &body).send().expect(200);
    // The recovery codes stay with the factor of the other kind.
    let passkey_id = text(&list(&tenant, &signed_in.access_token)[0]["id"]);
    let removed =
        tenant.delete(&format!("{PASSKEYS}/{passkey_id}")).token(&signed_in.access_token).send();
    assert_eq!(removed.status, 204, "{}", removed.text);
    let left = tenant.get(FACTORS).token(&signed_in.access_token).send().expect(200);
    assert_eq!(left["recovery_codes"], 9);
}

// S65
#[test]
fn simultaneous_uses_of_a_response_sign_in_once() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let (passkey, _) = TestPasskey::register(&tenant, &user.access_token);
    let response = passkey.get(&sign_in_options(&tenant), &tenant.origin());
    let statuses: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> =
            (0..4).map(|_| scope.spawn(|| sign_in_with(&tenant, &response).status)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    // The same registration, twice.
    let begun = begin(&tenant, &user.access_token);
    let responses = [(), ()].map(|()| TestPasskey::create(&begun, &tenant.origin()).1);
    let statuses: Vec<_> = thread::scope(|scope| {
        let calls = responses
            .each_ref()
            .map(|response| scope.spawn(|| confirm(&tenant, &user.access_token, response).status));
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}
