//! Passkeys of other tenants and users, and limits.

use e2e::{Answer, TestPasskey, World};
use http::Method;
use serde_json::{Value, json};

use super::{
    PASSKEYS, begin, confirm, count, list, options, public, send, sign_in_options, sign_in_with,
    text,
};

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
