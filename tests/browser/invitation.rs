//! Invitations: from the form of an administrator through the mail to the first sign-in.

use e2e::TestTenant;
use serde_json::{Value, json};

use crate::support::{Person, Visitor, add_authenticator, address, change, links, person, world};

/// Invites an address over HTTP, and returns the link in the message and the id of the user.
fn invited(tenant: &TestTenant, email: &str) -> (String, String) {
    let body = json!({ "email": email, "role": "user" });
    let call = tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token);
    let created = call.send().expect(201);
    (links(email, 1).remove(0), created["id"].as_str().unwrap().to_owned())
}

#[test]
fn invited_person_sets_password() {
    let tenant = world().tenant();
    let admin = person(&tenant, "admin");
    let visitor = Visitor::start();
    visitor.sign_in(&tenant, &admin);
    let email = format!("new@{}.example", tenant.slug);
    visitor.fill("E-mail", &email);
    visitor.press("Invite");
    visitor.wait_for_text(&format!("{email} receives an invitation by mail."));
    // The address is taken now.
    visitor.fill("E-mail", &email);
    visitor.press("Invite");
    visitor.alert("is taken");
    visitor.assert_page_is_sound();
    visitor.sign_out();

    let link = links(&email, 1).remove(0);
    let (page, token) = link.split_once("#token=").unwrap();
    assert_eq!(page, format!("{}/set-password", address()));
    visitor.open(&link);
    visitor.find("//button[.='Set password']");
    // The token is in the form only. Neither the address bar nor the history of the tab has it.
    assert_eq!(visitor.run("return location.href"), page);
    assert_eq!(visitor.run("return document.getElementById('setup_token').value"), token);
    assert_eq!(visitor.run("return history.state"), Value::Null);
    assert!(!visitor.run("return document.documentElement.outerHTML").to_string().contains(token));
    let is_shown = "return document.getElementById('setup_token').checkVisibility()";
    assert_eq!(visitor.run(is_shown), false);
    visitor.assert_page_is_sound();
    visitor.set_password("short");
    visitor.alert("password");
    // The token is still valid.
    assert_eq!(visitor.run("return location.href"), page);
    let password = "a password of a new person";
    visitor.set_password(password);
    visitor.wait_until_signed_in(&email);
    visitor.back();
    assert!(!visitor.run("return location.href").to_string().contains(token));
    visitor.open(&address());

    // The token left the browser in the forms only.
    let mut requests = visitor.assert_stayed_here();
    for request in &mut requests {
        // The browser knows the fragment, and does not send it.
        request["request"]["urlFragment"] = Value::Null;
    }
    let with_token: Vec<_> =
        requests.iter().filter(|request| request.to_string().contains(token)).collect();
    assert!(with_token.len() >= 2, "{with_token:?}");
    for request in with_token {
        assert_eq!(request["request"]["url"], page, "{request}");
        assert_eq!(request["request"]["method"], "POST", "{request}");
    }
    visitor.sign_out();

    // The token is valid once.
    visitor.open(&link);
    visitor.set_password("another password");
    visitor.alert("setup token");
    visitor.open(&address());
    visitor.sign_in_with(&tenant.slug, &email, password);
    visitor.wait_until_signed_in(&email);
}

#[test]
fn expired_and_foreign_tokens_are_refused() {
    let tenant = world().tenant();
    let email = format!("late@{}.example", tenant.slug);
    let (link, id) = invited(&tenant, &email);
    let visitor = Visitor::start();
    // Without a link, the page asks for the token.
    visitor.open(&format!("{}/set-password", address()));
    visitor.fill("Token of the invitation", "lds_nonsense");
    visitor.set_password("a good password");
    visitor.alert("setup token");
    visitor.fill("Token of the invitation", "<script>alert(1)</script>");
    visitor.set_password("a good password");
    visitor.alert("setup token");
    visitor.assert_page_is_sound();

    let expire = "UPDATE tenancy.users SET setup_token_expires_at = now() - interval '1 minute'
                  WHERE id = $1::text::uuid";
    change(&tenant, expire, &id);
    visitor.open(&link);
    visitor.set_password("a good password");
    visitor.alert("setup token");
    assert!(!visitor.has("//button[.='Sign out']"));
    // A link that is opened in the same tab replaces the token of the earlier one.
    let other = format!("second@{}.example", tenant.slug);
    let (second, _) = invited(&tenant, &other);
    visitor.open(&format!("{}/set-password", address()));
    visitor.run(&format!("location.hash = '{}'", second.split_once('#').unwrap().1));
    visitor.wait_for("return location.hash === '' && location.href.endsWith('/set-password')");
    visitor.set_password("a good password");
    visitor.wait_until_signed_in(&other);
    visitor.assert_stayed_here();
}

#[test]
fn reset_password_asks_for_second_factor() {
    let tenant = world().tenant();
    let user = person(&tenant, "user");
    let (mut authenticator, _) = add_authenticator(&tenant, &user);
    let path = format!("/api/v1/users/{}/reset-password", user.id);
    let call = tenant.post(&path, &json!({})).token(&tenant.admin.access_token);
    assert_eq!(call.send().expect(200)["is_mailed"], true);
    let visitor = Visitor::start();
    visitor.open(&links(&user.email, 1).remove(0));
    let changed = Person { password: "a password after the reset".to_owned(), ..user };
    visitor.set_password(&changed.password);
    visitor.continue_with("Code", &authenticator.wrong_code());
    visitor.alert("wrong");
    visitor.continue_with("Code", &authenticator.code_to_type());
    visitor.wait_until_signed_in(&changed.email);
    visitor.sign_out();
    visitor.sign_in(&tenant, &changed);
    visitor.continue_with("Code", &authenticator.code_to_type());
    visitor.wait_until_signed_in(&changed.email);
    visitor.assert_stayed_here();
}
