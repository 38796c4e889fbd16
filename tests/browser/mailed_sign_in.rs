//! Signing in with the code or the link of a message.

use e2e::TestTenant;
use serde_json::json;

use crate::support::{Visitor, add_authenticator, address, change, links, messages, person, world};

/// Returns a tenant whose rules allow sign-ins by mail.
fn tenant() -> TestTenant {
    let tenant = world().tenant();
    let rules = json!({ "mailed_sign_in": true });
    let policy = tenant.patch("/api/v1/tenant/security-policy", &rules);
    policy.token(&tenant.admin.access_token).send().expect(200);
    tenant
}

fn request(visitor: &Visitor, slug: &str, email: &str) {
    visitor.open(&address());
    visitor.click("//a[.='Get a link or a code by mail']");
    visitor.fill("Tenant", slug);
    visitor.fill("E-mail", email);
    visitor.assert_page_is_sound();
    visitor.press("Send a message");
}

fn enter(visitor: &Visitor, code: &str) {
    visitor.fill("Code", code);
    visitor.press("Sign in");
}

/// Returns the code in a message.
fn code_in(body: &str) -> String {
    let is_code = |line: &&str| {
        line.len() == 9
            && line.split(' ').all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    body.lines().map(str::trim).find(is_code).expect("the message has a code").to_owned()
}

#[test]
fn code_signs_in_the_browser_that_asked() {
    let tenant = tenant();
    let user = person(&tenant, "user");
    let visitor = Visitor::start();
    // The page is the same for an account that does not exist.
    request(&visitor, &tenant.slug, "nobody@people.example");
    visitor.wait_for_text("If there is an account with this address");
    let of_nobody = visitor.text("//main");
    request(&visitor, &tenant.slug, &user.email);
    visitor.wait_for_text("If there is an account with this address");
    assert_eq!(visitor.text("//main"), of_nobody);
    visitor.assert_page_is_sound();
    let code = code_in(&messages(&user.email, 1)[0]);
    // Another browser has asked for another code.
    let stranger = Visitor::start();
    request(&stranger, &tenant.slug, &user.email);
    stranger.wait_for_text("If there is an account with this address");
    enter(&stranger, &code);
    stranger.alert("invalid, used or expired");
    enter(&visitor, "letters");
    visitor.alert("digits");
    enter(&visitor, if code == "0000 0000" { "1111 1111" } else { "0000 0000" });
    visitor.alert("invalid, used or expired");
    visitor.assert_page_is_sound();
    enter(&visitor, &code);
    visitor.wait_until_signed_in(&user.email);
    visitor.sign_out();
    // Without the rule, nobody signs in by mail.
    let other = world().tenant();
    request(&visitor, &other.slug, &user.email);
    visitor.alert("do not allow sign-ins by mail");
    visitor.assert_stayed_here();
}

#[test]
fn link_signs_in_any_browser() {
    let tenant = tenant();
    let user = person(&tenant, "user");
    let (mut authenticator, _) = add_authenticator(&tenant, &user);
    let visitor = Visitor::start();
    request(&visitor, &tenant.slug, &user.email);
    visitor.wait_for_text("If there is an account with this address");
    let link = links(&user.email, 1).remove(0);
    let (page, token) = link.split_once("#token=").unwrap();
    assert_eq!(page, format!("{}/sign-in", address()));
    // Opening the link does not use it up.
    let other = Visitor::start();
    for _ in 0..2 {
        other.open(&address());
        other.open(&link);
        other.find("//button[.='Sign in']");
        assert_eq!(other.run("return location.href"), page);
        other.assert_page_is_sound();
    }
    assert!(!other.run("return document.documentElement.outerHTML").to_string().contains(token));
    other.press("Sign in");
    // The link is one factor.
    other.continue_with("Code", &authenticator.code_to_type());
    other.wait_until_signed_in(&user.email);
    other.sign_out();
    other.open(&link);
    other.press("Sign in");
    other.alert("invalid, used or expired");
    // An expired link.
    request(&visitor, &tenant.slug, &user.email);
    visitor.wait_for_text("If there is an account with this address");
    let link = links(&user.email, 2).remove(1);
    let expire = "UPDATE tenancy.account_tokens SET expires_at = expires_at - interval '1 hour'
                  WHERE user_id = $1::text::uuid";
    change(&tenant, expire, &user.id);
    visitor.open(&link);
    visitor.press("Sign in");
    visitor.alert("invalid, used or expired");
    visitor.assert_stayed_here();
    other.assert_stayed_here();
}
