//! Passkeys in the rules and exports of a tenant, and the RP ID.

use e2e::{Call, TestPasskey, TestUser, World};
use http::Method;
use serde_json::{Value, json};

use super::{
    PASSKEYS, REFRESH, begin, change, confirm, count, options, public, send, sign_in_options,
    sign_in_with, text,
};

const POLICY: &str = "/api/v1/tenant/security-policy";

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
