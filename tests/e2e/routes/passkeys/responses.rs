//! Responses of an authenticator that are wrong.

use e2e::{TestPasskey, TestUser, Unsigned, World};
use serde_json::{Value, json};

use super::{begin, change, confirm, count, list, send, sign_in_options, sign_in_with, text};

/// A change of a response before it is signed.
type Change<'a> = Box<dyn Fn(&mut Unsigned) + 'a>;

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
