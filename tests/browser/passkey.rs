//! Passkeys in the browser: registration, sign-in, the second step after a password, and a proof of identity.

use serde_json::json;

use crate::support::{Visitor, address, change, person, world};

/// Lets the last proof of identity of a person be an hour old.
const AGE: &str = "UPDATE tenancy.sessions SET created_at = created_at - interval '1 hour',
                       authenticated_at = authenticated_at - interval '1 hour'
                   WHERE user_id = $1::text::uuid";

#[test]
fn passkey_replaces_the_password() {
    let tenant = world().tenant();
    let user = person(&tenant, "user");
    let visitor = Visitor::start();
    let authenticator = visitor.add_passkey_authenticator();
    visitor.sign_in(&tenant, &user);
    visitor.wait_until_signed_in(&user.email);
    visitor.press("Add a passkey");
    visitor.fill("Name", "My laptop");
    visitor.assert_page_is_sound();
    visitor.press("Create the passkey");
    visitor.wait_for_text("Keep these codes in a safe place.");
    visitor.find("//button[.='Remove My laptop']");
    let passkeys = visitor.passkeys(&authenticator);
    assert_eq!((passkeys.len(), &passkeys[0]["rpId"]), (1, &json!("localhost")));
    assert_eq!(passkeys[0]["isResidentCredential"], true);
    visitor.sign_out();

    // The person types the tenant only.
    let signs_in = || {
        visitor.fill("Tenant", &tenant.slug);
        visitor.press("Use a passkey");
        visitor.find("//h1[.='Sign in with a passkey']");
    };
    signs_in();
    visitor.assert_page_is_sound();
    // Without verification of the user the browser gives no response.
    visitor.set_user_verified(&authenticator, false);
    visitor.press("Continue");
    visitor.alert("The passkey was not used");
    visitor.set_user_verified(&authenticator, true);
    visitor.press("Continue");
    visitor.wait_until_signed_in(&user.email);

    // A change needs a proof, which the passkey gives.
    change(&tenant, AGE, &user.id);
    visitor.press("Remove My laptop");
    visitor.find("//h1[.='Confirm your identity']");
    visitor.assert_page_is_sound();
    visitor.press("Use a passkey");
    visitor.find("//button[.='Add a passkey']");
    assert!(!visitor.has("//button[.='Remove My laptop']"));
    visitor.sign_out();
    // The authenticator still has the passkey, and Tenancy refuses it.
    signs_in();
    visitor.press("Continue");
    visitor.alert("The passkey is unknown");
    visitor.sign_in(&tenant, &user);
    visitor.wait_until_signed_in(&user.email);
    visitor.assert_stayed_here();
}

#[test]
fn passkey_continues_sign_in_with_password() {
    let tenant = world().tenant();
    let user = person(&tenant, "viewer");
    let rules = json!({ "second_factor_roles": ["viewer"], "second_factor_grace_days": 0 });
    let policy = tenant.patch("/api/v1/tenant/security-policy", &rules);
    policy.token(&tenant.admin.access_token).send().expect(200);
    let visitor = Visitor::start();
    visitor.add_passkey_authenticator();
    // The tenant requires a second factor, and a passkey is one.
    visitor.sign_in(&tenant, &user);
    visitor.press("Create a passkey");
    visitor.wait_until_signed_in(&user.email);
    visitor.wait_for_text("Keep these codes in a safe place.");
    visitor.sign_out();
    visitor.sign_in(&tenant, &user);
    visitor.find("//h1[.='Second factor']");
    visitor.assert_page_is_sound();
    visitor.press("Use a passkey");
    visitor.wait_until_signed_in(&user.email);
    visitor.sign_out();
    // The authenticator of another person is of no use.
    let other = person(&tenant, "user");
    let stranger = Visitor::start();
    stranger.add_passkey_authenticator();
    stranger.sign_in(&tenant, &other);
    stranger.wait_until_signed_in(&other.email);
    stranger.sign_out();
    stranger.sign_in(&tenant, &user);
    stranger.press("Use a passkey");
    stranger.alert("The passkey was not used");
    stranger.open(&address());
    stranger.find("//button[.='Sign in']");
    visitor.assert_stayed_here();
}
