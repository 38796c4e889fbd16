//! Signing in with a password, with a one-time password and with a recovery code.

use e2e::free_port;
use serde_json::json;

use crate::support::{Visitor, add_authenticator, address, person, start_before, world};

#[test]
fn password_signs_in_until_sign_out() {
    let tenant = world().tenant();
    let viewer = person(&tenant, "viewer");
    let visitor = Visitor::start();
    visitor.assert_page_is_sound();
    visitor.sign_in_with(&tenant.slug, &viewer.email, "not the password");
    visitor.alert("password is wrong");
    // The form keeps the name of the account, and never the password.
    assert_eq!(visitor.run("return document.getElementById('email').value"), viewer.email);
    assert_eq!(visitor.run("return document.getElementById('password').value"), "");
    visitor.assert_page_is_sound();
    visitor.sign_in_with("no-such-tenant", &viewer.email, &viewer.password);
    visitor.alert("password is wrong");
    let other = world().tenant();
    visitor.sign_in_with(&other.slug, &viewer.email, &viewer.password);
    visitor.alert("password is wrong");
    visitor.sign_in_with("../admin", &viewer.email, &viewer.password);
    visitor.alert("The tenant does not exist");

    visitor.sign_in(&tenant, &viewer);
    visitor.wait_until_signed_in(&viewer.email);
    assert_eq!(visitor.text("//h1"), format!("Tenant {}", tenant.slug));
    assert_eq!(visitor.run("return location.href"), format!("{}/", address()));
    assert!(!visitor.has("//button[.='Invite']"));
    visitor.assert_page_is_sound();
    visitor.sign_out();
    // The pages of the session are not in the cache.
    visitor.back();
    visitor.find("//button[.='Sign in']");
    visitor.open(&address());
    visitor.find("//button[.='Sign in']");
    visitor.assert_stayed_here();
}

#[test]
fn failed_sign_out_keeps_the_session() {
    let tenant = world().tenant();
    let viewer = person(&tenant, "viewer");
    let mut application = world().application_with(&[]);
    let port = free_port();
    let _web = start_before(&port.to_string(), &application.address);
    let visitor = Visitor::start_at(&format!("http://localhost:{port}"));
    visitor.sign_in(&tenant, &viewer);
    visitor.wait_until_signed_in(&viewer.email);
    application.kill();
    for _ in 0..2 {
        visitor.press("Sign out");
        visitor.alert("You are still signed in");
        visitor.assert_page_is_sound();
    }
    application.restart();
    // The session still exists, here and at Tenancy.
    visitor.open(&format!("http://localhost:{port}"));
    visitor.wait_until_signed_in(&viewer.email);
    application.kill();
    visitor.press("Sign out");
    visitor.alert("You are still signed in");
    application.restart();
    visitor.sign_out();
    tenant.wait_until_audited("auth.logout", 1);
    visitor.open(&format!("http://localhost:{port}"));
    visitor.find("//button[.='Sign in']");
}

#[test]
fn second_factor_continues_sign_in() {
    let tenant = world().tenant();
    let user = person(&tenant, "user");
    let (mut authenticator, recovery_codes) = add_authenticator(&tenant, &user);
    let visitor = Visitor::start();
    visitor.sign_in(&tenant, &user);
    visitor.fill("Code", &authenticator.wrong_code());
    visitor.assert_page_is_sound();
    visitor.press("Continue");
    visitor.alert("wrong");
    visitor.continue_with("Code", "letters");
    // The field names its problem to assistive technology.
    let described = visitor.wait_for(
        "let field = document.querySelector('#code[aria-invalid=true]');
         return field && document.getElementById(field.getAttribute('aria-describedby')).innerText",
    );
    assert!(described.as_str().unwrap().starts_with("Code "), "{described}");
    visitor.continue_with("Code", &authenticator.code_to_type());
    visitor.wait_until_signed_in(&user.email);
    visitor.sign_out();

    visitor.sign_in(&tenant, &user);
    visitor.continue_with("Code", &recovery_codes[0]);
    visitor.wait_until_signed_in(&user.email);
    visitor.wait_for_text("You have 9 unused recovery codes.");
    visitor.sign_out();
    // A recovery code is valid once.
    visitor.sign_in(&tenant, &user);
    visitor.continue_with("Code", &recovery_codes[0]);
    visitor.alert("wrong");
    // The password alone opens no page.
    visitor.open(&address());
    visitor.find("//button[.='Sign in']");
    visitor.assert_stayed_here();
}

#[test]
fn five_wrong_codes_end_sign_in() {
    let tenant = world().tenant();
    let user = person(&tenant, "user");
    let (mut authenticator, _) = add_authenticator(&tenant, &user);
    let visitor = Visitor::start();
    visitor.sign_in(&tenant, &user);
    for _ in 0..5 {
        visitor.continue_with("Code", &authenticator.wrong_code());
        visitor.alert("wrong");
    }
    visitor.continue_with("Code", &authenticator.code_to_type());
    visitor.find("//button[.='Sign in']");
    visitor.alert("");
    visitor.assert_stayed_here();
}

#[test]
fn required_factor_is_set_up_during_sign_in() {
    let tenant = world().tenant();
    let user = person(&tenant, "viewer");
    let rules = json!({ "second_factor_roles": ["viewer"], "second_factor_grace_days": 0 });
    let policy = tenant.patch("/api/v1/tenant/security-policy", &rules);
    policy.token(&tenant.admin.access_token).send().expect(200);
    let visitor = Visitor::start();
    visitor.sign_in(&tenant, &user);
    let mut authenticator = e2e::Authenticator::new(&visitor.text("//code[@id='secret']"));
    visitor.assert_page_is_sound();
    visitor.continue_with("Code", &authenticator.wrong_code());
    visitor.alert("wrong");
    visitor.continue_with("Code", &authenticator.code_to_type());
    visitor.wait_until_signed_in(&user.email);
    visitor.wait_for_text("Keep these codes in a safe place.");
    visitor.assert_stayed_here();
}
