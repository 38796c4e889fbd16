//! Passkeys: registration, sign-in, the second step after a password, a proof of identity, and the RP ID.

use std::thread;

use e2e::{Answer, Authenticator, Call, TestPasskey, TestTenant, TestUser, Unsigned, World};
use http::Method;
use serde_json::{Value, json};

const PASSKEYS: &str = "/api/v1/account/passkeys";
const FACTORS: &str = "/api/v1/profile/second-factors";
const POLICY: &str = "/api/v1/tenant/security-policy";
const REFRESH: &str = "/api/v1/auth/refresh";

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A change of a response before it is signed.
type Change<'a> = Box<dyn Fn(&mut Unsigned) + 'a>;

/// Sends a request with an access token.
fn send(tenant: &TestTenant, token: &str, path: &str, body: &Value) -> Answer {
    tenant.post(&format!("{PASSKEYS}/{path}"), body).token(token).send()
}

/// Sends a request without a credential.
fn public(tenant: &TestTenant, path: &str, body: &Value) -> Answer {
    tenant.post(&format!("{PASSKEYS}/{path}"), body).send()
}

/// Returns the options in the response to a first call.
fn options(answer: &Answer) -> Value {
    let mut begun = answer.expect(200);
    assert_eq!(begun["expires_in"], 300);
    begun["public_key"].take()
}

fn begin(tenant: &TestTenant, token: &str) -> Value {
    options(&send(tenant, token, "registration", &json!({})))
}

fn confirm(tenant: &TestTenant, token: &str, credential: &Value) -> Answer {
    let body = json!({ "credential": credential, "name": "Laptop" });
    send(tenant, token, "registration/confirm", &body)
}

fn sign_in_options(tenant: &TestTenant) -> Value {
    options(&public(tenant, "sign-in", &json!({})))
}

fn sign_in_with(tenant: &TestTenant, credential: &Value) -> Answer {
    public(tenant, "sign-in/confirm", &json!({ "credential": credential }))
}

fn list(tenant: &TestTenant, token: &str) -> Vec<Value> {
    let listed = tenant.get(PASSKEYS).token(token).send().expect(200);
    listed["items"].as_array().unwrap().clone()
}

fn change(tenant: &TestTenant, statement: &str, user: &str) {
    let mut superuser = World::get().services.superuser(&tenant.database());
    assert!(superuser.execute(statement, &[&user]).unwrap() > 0, "{statement}");
}

fn count(tenant: &TestTenant, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM tenancy.{table}");
    World::get().services.superuser(&tenant.database()).query_one(&count, &[]).unwrap().get(0)
}

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

// S64
#[test]
fn each_changed_response_is_refused() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let (passkey, _) = TestPasskey::register(&tenant, &user.access_token);
    let own = tenant.origin();
    let other = world.tenant().origin();
    let mut reasons = Vec::new();
    let changes: Vec<(&str, Change<'_>)> = vec![
        ("origin", Box::new(|given| given.client_data["origin"] = json!(other))),
        ("origin", Box::new(|given| given.client_data["origin"] = json!(format!("{own}:8443")))),
        ("cross_origin", Box::new(|given| given.client_data["crossOrigin"] = json!(true))),
        ("cross_origin", Box::new(|given| given.client_data["topOrigin"] = json!(own))),
        ("ceremony", Box::new(|given| given.client_data["type"] = json!("webauthn.create"))),
        ("challenge", Box::new(|given| given.client_data["challenge"] = json!("AAAA"))),
        ("relying_party", Box::new(|given| given.authenticator_data[0] ^= 1)),
        ("user_presence", Box::new(|given| given.authenticator_data[32] ^= 0x01)),
        ("user_verification", Box::new(|given| given.authenticator_data[32] ^= 0x04)),
        ("backup", Box::new(|given| given.authenticator_data[32] ^= 0x08)),
        ("backup", Box::new(|given| given.authenticator_data[32] ^= 0x18)),
        ("malformed", Box::new(|given| given.authenticator_data.push(0))),
        ("user_handle", Box::new(|given| given.user_handle = Some(vec![1]))),
        ("user_handle", Box::new(|given| given.user_handle = None)),
    ];
    for (index, (reason, change)) in changes.iter().enumerate() {
        let response = passkey.get_with(&sign_in_options(&tenant), &own, change);
        let refused = sign_in_with(&tenant, &response);
        let problem = refused.expect_problem(401, "invalid_passkey");
        assert!(!problem["detail"].as_str().unwrap().contains(reason), "{problem}");
        assert_eq!(refused.header("www-authenticate"), r#"Bearer realm="tenancy""#);
        reasons.push(*reason);
        // A success clears the failures, which otherwise delay the next attempt.
        if index % 3 == 2 {
            passkey.sign_in(&tenant).expect(200);
        }
    }
    let mut response = passkey.get(&sign_in_options(&tenant), &own);
    let signed = text(&response["response"]["signature"]);
    response["response"]["signature"] = json!(format!("{}AAAA", &signed[..signed.len() - 4]));
    sign_in_with(&tenant, &response).expect_problem(401, "invalid_passkey");
    reasons.push("signature");
    let failed = tenant.wait_until_audited("passkey.failed", reasons.len());
    let recorded: Vec<_> = failed.iter().map(|row| text(&row["detail"]["reason"])).collect();
    assert_eq!(recorded, reasons);
    // The challenge of a registration is none of a sign-in.
    let begun = begin(&tenant, &user.access_token);
    sign_in_with(&tenant, &passkey.get(&begun, &own)).expect_problem(401, "invalid_passkey");
    passkey.sign_in(&tenant).expect(200);
    // A deactivated user has the same response.
    change(
        &tenant,
        "UPDATE tenancy.users SET is_active = false WHERE id = $1::text::uuid",
        &user.id,
    );
    passkey.sign_in(&tenant).expect_problem(401, "invalid_passkey");
}

// S64
#[test]
fn registration_refuses_what_it_did_not_ask_for() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let (token, own) = (&user.access_token, tenant.origin());
    let refused = |response: &Value, part: &str| {
        let refused = confirm(&tenant, token, response);
        assert_eq!(refused.expect_invalid(), ["credential"]);
        assert!(refused.text.contains(part), "{}", refused.text);
    };
    let begun = begin(&tenant, token);
    let (mut passkey, _) = TestPasskey::create(&begun, &own);
    refused(&passkey.registration(&begun, "https://evil.example"), "origin");
    passkey.rp_id = "evil.example".to_owned();
    refused(&passkey.registration(&begun, &own), "RP ID");
    passkey.rp_id = "saas.example".to_owned();
    passkey.flags = 0x19;
    refused(&passkey.registration(&begun, &own), "verification");
    passkey.flags = 0x1c;
    refused(&passkey.registration(&begun, &own), "presence");
    passkey.flags = 0x15;
    refused(&passkey.registration(&begun, &own), "backups");
    passkey.flags = 0x05;
    // The challenge of another session, of another user and of a sign-in.
    let elsewhere = TestUser::from(&tenant.login(&user.email, &user.password).expect(200));
    let neighbour = tenant.user("user");
    for begun in [
        begin(&tenant, &elsewhere.access_token),
        begin(&tenant, &neighbour.access_token),
        sign_in_options(&tenant),
    ] {
        refused(&passkey.registration(&begun, &own), "challenge");
    }
    let mut other = passkey.registration(&begun, &own);
    other["id"] = json!("AQID");
    refused(&other, "id");
    for (body, field) in [
        (json!({}), "credential"),
        (json!({ "credential": "text" }), "credential"),
        (json!({ "credential": {} }), "credential.type"),
        (json!({ "credential": passkey.registration(&begun, &own), "name": "" }), "name"),
        (json!({ "credential": passkey.registration(&begun, &own), "other": 1 }), "other"),
    ] {
        let refused = send(&tenant, token, "registration/confirm", &body);
        assert_eq!(refused.expect_invalid(), [field], "{body}");
    }
    assert_eq!(count(&tenant, "passkeys"), 0);
    let registered = passkey.registration(&begun, &own);
    confirm(&tenant, token, &registered).expect(200);
    assert_eq!(list(&tenant, token)[0]["is_backed_up"], false);
}

// S64
#[test]
fn signature_counter_must_grow() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let (mut passkey, _) = TestPasskey::register(&tenant, &user.access_token);
    // Authenticators without a counter always have 0.
    passkey.sign_in(&tenant).expect(200);
    passkey.counter = 7;
    passkey.sign_in(&tenant).expect(200);
    for counter in [7, 6, 0] {
        passkey.counter = counter;
        passkey.sign_in(&tenant).expect_problem(401, "invalid_passkey");
    }
    passkey.counter = 8;
    passkey.sign_in(&tenant).expect(200);
    let failed = tenant.wait_until_audited("passkey.failed", 3);
    for row in failed {
        assert_eq!(
            (&row["detail"]["reason"], &row["severity"]),
            (&json!("signature_counter"), &json!("warning"))
        );
    }
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

// S65
#[test]
fn passkeys_belong_to_their_tenant_and_user() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let (user, stranger) = (tenant.user("user"), other.user("user"));
    let (passkey, confirmed) = TestPasskey::register(&tenant, &user.access_token);
    // The page, the challenge and the passkey have to be of one tenant.
    for (place, begun, page) in [
        (&other, sign_in_options(&other), other.origin()),
        (&other, sign_in_options(&tenant), tenant.origin()),
        (&tenant, sign_in_options(&other), tenant.origin()),
        (&tenant, sign_in_options(&tenant), other.origin()),
    ] {
        sign_in_with(place, &passkey.get(&begun, &page)).expect_problem(401, "invalid_passkey");
    }
    passkey.sign_in(&tenant).expect(200);
    // The same authenticator in the other tenant is another passkey.
    let begun = begin(&other, &stranger.access_token);
    assert_eq!(begun["excludeCredentials"], json!([]));
    let copied = passkey.registration(&begun, &other.origin());
    confirm(&other, &stranger.access_token, &copied).expect(200);
    // The handle in its responses is that of the first tenant.
    passkey.sign_in(&other).expect_problem(401, "invalid_passkey");

    let path = format!("{PASSKEYS}/{}", text(&confirmed["id"]));
    let neighbour = tenant.user("user");
    for (place, token) in [(&tenant, &neighbour.access_token), (&other, &stranger.access_token)] {
        let renamed = place.patch(&path, &json!({ "name": "Mine" })).token(token).send();
        renamed.expect_problem(404, "passkey_not_found");
        place.delete(&path).token(token).send().expect_problem(404, "passkey_not_found");
        assert!(list(place, token).iter().all(|listed| listed["id"] != confirmed["id"]));
    }
    tenant
        .delete(&format!("{PASSKEYS}/not-an-id"))
        .token(&user.access_token)
        .send()
        .expect_problem(404, "passkey_not_found");
    send(&other, &user.access_token, "registration", &json!({}))
        .expect_problem(403, "tenant_mismatch");
    let key = tenant.api_key(&["users:read", "users:write"]);
    let by_key = tenant.get(PASSKEYS).header("X-API-Key", &key).send();
    assert!(matches!(by_key.status, 403), "{}", by_key.text);
    assert_eq!(list(&tenant, &user.access_token)[0]["name"], "Laptop");
}

// S65
#[test]
fn unknown_tenant_has_the_same_responses() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let (passkey, _) = TestPasskey::register(&tenant, &user.access_token);
    let call = |path: &str, body: &Value| {
        world.post(&format!("{PASSKEYS}/{path}"), body).slug("no-such-tenant").send()
    };
    let shape = |options: &Value| {
        let mut options = options.clone();
        let length = text(&options["challenge"]).len();
        options["challenge"] = json!(length);
        options
    };
    let unknown = options(&call("sign-in", &json!({})));
    assert_eq!(shape(&unknown), shape(&sign_in_options(&tenant)));
    let response = passkey.get(&unknown, &tenant.origin());
    let refused = call("sign-in/confirm", &json!({ "credential": response }));
    let own = sign_in_with(&tenant, &response);
    for refused in [&refused, &own] {
        refused.expect_problem(401, "invalid_passkey");
    }
    let comparable = |answer: &Answer| {
        let mut problem = answer.json();
        problem["request_id"] = json!(null);
        problem
    };
    assert_eq!(comparable(&refused), comparable(&own));
    world
        .post(&format!("{PASSKEYS}/sign-in"), &json!({}))
        .send()
        .expect_problem(400, "tenant_required");
    // A suspended tenant reveals itself to its users only.
    let path = format!("/admin/tenants/{}", tenant.id);
    let suspend = json!({ "status": "suspended" });
    world.admin(Method::PATCH, &path).json(&suspend).send().expect(200);
    let begun = sign_in_options(&tenant);
    let forged =
        passkey.get_with(&begun, &tenant.origin(), |given| given.authenticator_data[0] ^= 1);
    sign_in_with(&tenant, &forged).expect_problem(401, "invalid_passkey");
    passkey.sign_in(&tenant).expect_problem(403, "tenant_suspended");
}

// S66
#[test]
fn strangers_store_nothing_and_are_limited() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.allow_many_calls();
    let user = tenant.user("user");
    let (passkey, _) = TestPasskey::register(&tenant, &user.access_token);
    let before = count(&tenant, "spent_passkey_challenges");
    let mut limited = None;
    for _ in 0..200 {
        let answer = public(&tenant, "sign-in", &json!({}));
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
        answer.expect(200);
    }
    limited.expect("a network is limited").expect_problem(429, "rate_limited");
    assert_eq!(count(&tenant, "spent_passkey_challenges"), before);
    // Guesses with unknown passkeys are limited, too.
    let challenge = begin(&tenant, &user.access_token);
    let statuses: Vec<_> = (0..8)
        .map(|_| {
            let forged =
                passkey.get_with(&challenge, &tenant.origin(), |given| given.id = vec![7; 16]);
            sign_in_with(&tenant, &forged).status
        })
        .collect();
    assert!(statuses.contains(&401) && statuses.contains(&429), "{statuses:?}");
    // A session gets thirty challenges at once.
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let body = json!({});
        statuses.push(send(&tenant, &user.access_token, "recent-sign-in", &body).status);
    }
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
}

// S66
#[test]
fn user_has_ten_passkeys() {
    let tenant = World::get().tenant();
    tenant.allow_many_calls();
    let user = tenant.user("user");
    for index in 0..9 {
        let (_, confirmed) = TestPasskey::register(&tenant, &user.access_token);
        assert_eq!(confirmed["recovery_codes"].is_array(), index == 0);
    }
    // Two registrations for the last place.
    let begun = [(), ()].map(|()| begin(&tenant, &user.access_token));
    let responses = begun.map(|begun| TestPasskey::create(&begun, &tenant.origin()).1);
    confirm(&tenant, &user.access_token, &responses[0]).expect(200);
    confirm(&tenant, &user.access_token, &responses[1]).expect_problem(409, "too_many_passkeys");
    send(&tenant, &user.access_token, "registration", &json!({}))
        .expect_problem(409, "too_many_passkeys");
    assert_eq!(list(&tenant, &user.access_token).len(), 10);
}

// S45
#[test]
fn passkey_satisfies_the_rules_of_the_tenant() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("viewer");
    let rules = json!({ "second_factor_roles": ["viewer"], "second_factor_grace_days": 0 });
    tenant.patch(POLICY, &rules).token(&tenant.admin.access_token).send().expect(200);
    let challenge = || {
        let refused = tenant.login(&user.email, &user.password);
        let problem = refused.expect_problem(401, "second_factor_enrollment_required");
        assert_eq!(problem.get("second_factors"), None);
        text(&problem["challenge"])
    };
    let (one, stale) = (challenge(), challenge());
    public(&tenant, "second-factor", &json!({ "challenge": one }))
        .expect_problem(401, "invalid_challenge");
    let enroll = |challenge: &str| {
        public(&tenant, "second-factor/enrollment", &json!({ "challenge": challenge }))
    };
    let (passkey, response) = TestPasskey::create(&options(&enroll(&one)), &tenant.origin());
    let late = options(&enroll(&stale));
    // The options of one sign-in are not those of another.
    let crossed = json!({ "challenge": stale, "credential": response });
    let refused = public(&tenant, "second-factor/enrollment/confirm", &crossed);
    assert_eq!(refused.expect_invalid(), ["credential"]);
    let body = json!({ "challenge": one, "credential": response });
    let signed_in = public(&tenant, "second-factor/enrollment/confirm", &body).expect(200);
    assert_eq!(signed_in["recovery_codes"].as_array().unwrap().len(), 10);
    let body = json!({ "refresh_token": signed_in["refresh_token"] });
    world.post(REFRESH, &body).send().expect(200);
    // A challenge from before the enrolment adds no further factor: its holder knows only the password.
    let (_, response) = TestPasskey::create(&late, &tenant.origin());
    let body = json!({ "challenge": stale, "credential": response });
    public(&tenant, "second-factor/enrollment/confirm", &body)
        .expect_problem(401, "invalid_challenge");
    enroll(&stale).expect_problem(401, "invalid_challenge");
    let body = json!({ "challenge": stale });
    tenant
        .post("/api/v1/auth/second-factor/enrollment", &body)
        .send()
        .expect_problem(401, "invalid_challenge");
    let refused = tenant.login(&user.email, &user.password);
    refused.expect_problem(401, "second_factor_required");
    // The sign-in with the passkey satisfies the rules.
    let signed_in = passkey.sign_in(&tenant).expect(200);
    let body = json!({ "refresh_token": signed_in["refresh_token"] });
    world.post(REFRESH, &body).send().expect(200);
}

// S46
#[test]
fn passkey_is_a_recent_proof_of_identity() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let token = &user.access_token;
    send(&tenant, token, "recent-sign-in", &json!({})).expect_problem(404, "passkey_not_found");
    let (passkey, confirmed) = TestPasskey::register(&tenant, token);
    let age = "UPDATE tenancy.sessions SET created_at = created_at - interval '1 hour',
                   authenticated_at = authenticated_at - interval '1 hour'
               WHERE user_id = $1::text::uuid";
    change(&tenant, age, &user.id);
    let path = format!("{PASSKEYS}/{}", text(&confirmed["id"]));
    let removes = || tenant.delete(&path).token(token).send();
    let refused = removes();
    refused.expect_problem(401, "recent_sign_in_required");
    assert!(
        refused.header("www-authenticate").contains(r#"acr_values="urn:tenancy:acr:two-factors""#)
    );
    for path in ["registration", "registration/confirm"] {
        let (_, response) = TestPasskey::create(
            &json!({ "user": { "id": "AQ" }, "rp": { "id": "saas.example" }, "challenge": "AAAA" }),
            &tenant.origin(),
        );
        let refused = send(&tenant, token, path, &json!({ "credential": response }));
        refused.expect_problem(401, "recent_sign_in_required");
    }
    // The password is not enough.
    let body = json!({ "password": user.password });
    let refused = tenant.post("/api/v1/auth/recent-sign-in", &body).token(token).send();
    assert_eq!(refused.expect_invalid(), ["code"]);
    let begun = options(&send(&tenant, token, "recent-sign-in", &json!({})));
    let response = passkey.get(&begun, &tenant.origin());
    let proves = |token: &str, response: &Value| {
        send(&tenant, token, "recent-sign-in/confirm", &json!({ "credential": response }))
    };
    // The proof belongs to its session.
    let elsewhere = TestUser::from(&passkey.sign_in(&tenant).expect(200));
    assert_eq!(proves(&elsewhere.access_token, &response).expect_invalid(), ["credential"]);
    let for_sign_in = passkey.get(&sign_in_options(&tenant), &tenant.origin());
    assert_eq!(proves(token, &for_sign_in).expect_invalid(), ["credential"]);
    let neighbour = tenant.user("user");
    let (foreign, _) = TestPasskey::register(&tenant, &neighbour.access_token);
    assert_eq!(
        proves(token, &foreign.get(&begun, &tenant.origin())).expect_invalid(),
        ["credential"]
    );
    removes().expect_problem(401, "recent_sign_in_required");
    let proven = proves(token, &response);
    assert_eq!(proven.status, 204, "{}", proven.text);
    assert_eq!(proves(token, &response).expect_invalid(), ["credential"]);
    assert_eq!(removes().status, 204);
}

// S46
#[test]
fn reset_of_second_factors_removes_passkeys() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let (passkey, _) = TestPasskey::register(&tenant, &user.access_token);
    let path = format!("/api/v1/users/{}/second-factors", user.id);
    let reset = tenant.delete(&path).token(&tenant.admin.access_token).send();
    assert_eq!(reset.status, 204, "{}", reset.text);
    passkey.sign_in(&tenant).expect_problem(401, "invalid_passkey");
    tenant.get(PASSKEYS).token(&user.access_token).send().expect_problem(401, "token_revoked");
    tenant.login(&user.email, &user.password).expect(200);
    assert_eq!((count(&tenant, "passkeys"), count(&tenant, "recovery_codes")), (0, 0));
}

// S65
#[test]
fn own_domain_is_the_rp_id() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let domain = format!("login.{}.example", tenant.slug);
    let admin = tenant.admin.access_token.clone();
    let (passkey, _) = TestPasskey::register(&tenant, &admin);
    let patch = |body: Value| tenant.patch(POLICY, &body).token(&admin).send();
    for foreign in [domain.as_str(), "saas.example", "example", "127.0.0.1", ""] {
        assert_eq!(
            patch(json!({ "passkey_domain": foreign })).expect_invalid(),
            ["passkey_domain"]
        );
    }
    let domains = json!({ "domains": [domain] });
    let path = format!("/admin/tenants/{}", tenant.id);
    world.admin(Method::PATCH, &path).json(&domains).send().expect(200);
    let related = |host: &str| {
        let call = Call::new(Method::GET, world.address(), "/.well-known/webauthn");
        let answer = call.header("Host", host).slug(&tenant.slug).send();
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        answer.expect(200)["origins"].clone()
    };
    // The domain is not the RP ID yet. Its pages are pages of the tenant.
    assert_eq!(related(&domain), json!([]));
    let own = format!("https://{domain}");
    sign_in_with(&tenant, &passkey.get(&sign_in_options(&tenant), &own)).expect(200);

    assert_eq!(
        patch(json!({ "passkey_domain": domain })).expect(200)["passkey_domain"],
        json!(domain)
    );
    assert_eq!(related(&domain), json!([tenant.origin(), own]));
    for host in
        ["saas.example", "unknown.example", format!("{}.saas.example", tenant.slug).as_str()]
    {
        assert_eq!(related(host), json!([]), "{host}");
    }
    assert_eq!(sign_in_options(&tenant)["rpId"], json!(domain));
    assert_eq!(sign_in_options(&other)["rpId"], "saas.example");
    // Earlier passkeys belong to another domain.
    passkey.sign_in(&tenant).expect_problem(401, "invalid_passkey");
    let begun = begin(&tenant, &admin);
    assert_eq!(begun["rp"]["id"], json!(domain));
    let (passkey, response) = TestPasskey::create(&begun, &own);
    confirm(&tenant, &admin, &response).expect(200);
    for page in [own.clone(), tenant.origin()] {
        sign_in_with(&tenant, &passkey.get(&sign_in_options(&tenant), &page)).expect(200);
    }
    sign_in_with(&tenant, &passkey.get(&sign_in_options(&tenant), &other.origin()))
        .expect_problem(401, "invalid_passkey");
    // A domain that the tenant no longer has is no RP ID.
    world.admin(Method::PATCH, &path).json(&json!({ "domains": [] })).send().expect(200);
    assert_eq!(sign_in_options(&tenant)["rpId"], "saas.example");
    assert_eq!(related(&domain), json!([]));
    assert_eq!(patch(json!({ "passkey_domain": null })).expect(200)["passkey_domain"], json!(null));
}

#[test]
fn service_without_domain_has_no_passkeys() {
    let world = World::get();
    let tenant = world.tenant();
    let application = world.application_with(&[("BASE_DOMAIN", "")]);
    let call = |path: &str, slug: &str| {
        let path = format!("{PASSKEYS}/{path}");
        Call::new(Method::POST, &application.address, &path).slug(slug).json(&json!({}))
    };
    for slug in [tenant.slug.as_str(), "no-such-tenant"] {
        call("sign-in", slug).send().expect_problem(409, "passkeys_not_configured");
    }
    let refused = call("registration", &tenant.slug).token(&tenant.admin.access_token).send();
    refused.expect_problem(409, "passkeys_not_configured");
}

// S44
#[test]
fn export_contains_passkeys_without_keys() {
    let tenant = World::get().tenant();
    let user = tenant.user("viewer");
    let (passkey, _) = TestPasskey::register(&tenant, &user.access_token);
    passkey.sign_in(&tenant).expect(200);
    let path = format!("/api/v1/users/{}", user.id);
    let admin = &tenant.admin.access_token;
    let export = tenant.get(&format!("{path}/export")).token(admin).send().expect(200);
    let exported = export["user"]["passkeys"].as_array().unwrap();
    assert_eq!((exported.len(), &exported[0]["name"]), (1, &json!("Laptop")));
    assert_eq!(exported[0].get("public_key"), None);
    tenant.post(&format!("{path}/erasure"), &json!({})).token(admin).send().expect(200);
    assert_eq!(count(&tenant, "passkeys"), 0);
    passkey.sign_in(&tenant).expect_problem(401, "invalid_passkey");
}
