//! A forgotten password: from the form through the mail to the sign-in with the new one.

use crate::support::{Person, Visitor, add_authenticator, address, change, links, person, world};

fn request(visitor: &Visitor, slug: &str, email: &str) {
    visitor.open(&address());
    visitor.click("//a[.='Forgot your password?']");
    visitor.fill("Tenant", slug);
    visitor.fill("E-mail", email);
    visitor.assert_page_is_sound();
    visitor.press("Send a link");
    visitor.wait_for_text("If there is an account with this address");
}

#[test]
fn forgotten_password_is_replaced_by_link() {
    let tenant = world().tenant();
    let user = person(&tenant, "user");
    let (mut authenticator, _) = add_authenticator(&tenant, &user);
    let visitor = Visitor::start();
    // The page is the same for an account that does not exist.
    request(&visitor, &tenant.slug, "nobody@people.example");
    let of_nobody = visitor.text("//main");
    request(&visitor, &tenant.slug, &user.email);
    assert_eq!(visitor.text("//main"), of_nobody);
    let link = links(&user.email, 1).remove(0);
    let (page, token) = link.split_once("#token=").unwrap();
    assert_eq!(page, format!("{}/reset-password", address()));
    // The request has changed nothing.
    assert_eq!(tenant.login(&user.email, &user.password).json()["code"], "second_factor_required");

    visitor.open(&link);
    visitor.find("//button[.='Set password']");
    assert_eq!(visitor.run("return location.href"), page);
    assert!(!visitor.run("return document.documentElement.outerHTML").to_string().contains(token));
    visitor.set_password("short");
    visitor.alert("new_password");
    let changed = Person { password: "a password after the reset".to_owned(), ..user };
    visitor.set_password(&changed.password);
    visitor.continue_with("Code", &authenticator.wrong_code());
    visitor.alert("wrong");
    visitor.continue_with("Code", &authenticator.code_to_type());
    visitor.wait_until_signed_in(&changed.email);
    visitor.sign_out();
    // The token is valid once.
    visitor.open(&link);
    visitor.set_password("another password");
    visitor.alert("invalid, used or expired");
    assert!(!visitor.has("//button[.='Continue']"));
    visitor.open(&address());
    visitor.sign_in(&tenant, &changed);
    visitor.continue_with("Code", &authenticator.code_to_type());
    visitor.wait_until_signed_in(&changed.email);
    visitor.assert_stayed_here();
}

#[test]
fn expired_link_changes_nothing() {
    let tenant = world().tenant();
    let user = person(&tenant, "user");
    let visitor = Visitor::start();
    request(&visitor, &tenant.slug, &user.email);
    let link = links(&user.email, 1).remove(0);
    let expire = "UPDATE tenancy.account_tokens
                  SET expires_at = expires_at - interval '1 hour'
                  WHERE user_id = $1::text::uuid";
    change(&tenant, expire, &user.id);
    visitor.open(&link);
    visitor.set_password("a good password");
    visitor.alert("invalid, used or expired");
    tenant.login(&user.email, &user.password).expect(200);
    // A token of another purpose is refused, too.
    visitor.fill("Token of the message", "lds_nonsense");
    visitor.set_password("a good password");
    visitor.alert("invalid, used or expired");
    visitor.assert_stayed_here();
}
