//! Another address: from the form through the mail to the confirmation, and the objection of the former one.

use crate::support::{Person, Visitor, address, change, links, person, world};

#[test]
fn address_is_changed_and_taken_back() {
    let tenant = world().tenant();
    let user = person(&tenant, "user");
    let verify = "UPDATE tenancy.users SET is_verified = true WHERE id = $1::text::uuid";
    change(&tenant, verify, &user.id);
    let visitor = Visitor::start();
    visitor.sign_in(&tenant, &user);
    visitor.wait_until_signed_in(&user.email);
    visitor.fill("New address", &user.email);
    visitor.press("Change");
    visitor.alert("is your address already");
    let moved = Person { email: format!("moved-{}", user.email), ..user };
    visitor.fill("New address", &moved.email);
    visitor.press("Change");
    visitor.wait_for_text("receives a link");
    visitor.assert_page_is_sound();
    // A change waits for a recent proof of identity.
    let age = "UPDATE tenancy.sessions SET created_at = created_at - interval '1 hour'
               WHERE user_id = $1::text::uuid";
    change(&tenant, age, &moved.id);
    visitor.fill("New address", &format!("other-{}", moved.email));
    visitor.press("Change");
    visitor.continue_with("Password", &moved.password);
    visitor.wait_for_text("receives a link");

    let link = links(&moved.email, 1).remove(0);
    let (page, token) = link.split_once("#token=").unwrap();
    assert_eq!(page, format!("{}/change-address", address()));
    visitor.open(&link);
    visitor.find("//button[.='Confirm']");
    assert!(!visitor.run("return document.documentElement.outerHTML").to_string().contains(token));
    visitor.assert_page_is_sound();
    visitor.press("Confirm");
    visitor.wait_for_text("Your address is changed");
    visitor.assert_page_is_sound();
    // The session continues.
    visitor.open(&address());
    visitor.wait_until_signed_in(&moved.email);
    visitor.open(&link);
    visitor.press("Confirm");
    visitor.alert("invalid, used or expired");

    let former = moved.email.strip_prefix("moved-").unwrap();
    let objection = links(former, 1).remove(0);
    assert!(objection.starts_with(&format!("{}/restore-address#token=", address())));
    visitor.open(&objection);
    visitor.assert_page_is_sound();
    visitor.press("Object");
    visitor.wait_for_text("Your former address is restored");
    visitor.open(&address());
    visitor.find("//button[.='Sign in']");
    // The message that follows leads to a new password.
    let recovery = links(former, 2).remove(1);
    visitor.open(&recovery);
    visitor.set_password("a password after the objection");
    visitor.wait_until_signed_in(former);
    visitor.assert_stayed_here();
}
