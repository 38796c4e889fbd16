//! Finding the tenants of a person.

use crate::support::{Visitor, address, change, links, person, world};

#[test]
fn mailed_link_shows_the_tenants() {
    let tenants = [world().tenant(), world().tenant()];
    let user = person(&tenants[0], "user");
    change(
        &tenants[0],
        "UPDATE tenancy.users SET is_verified = true WHERE email = $1",
        &user.email,
    );
    assert!(world().tenantctl(&["repair"]).status.success());
    let visitor = Visitor::start();
    visitor.open(&address());
    visitor.click("//a[.='Where do you have an account?']");
    visitor.fill("E-mail", "nobody@people.example");
    visitor.assert_page_is_sound();
    visitor.press("Send a link");
    visitor.wait_for_text("If there is an account with this address");
    let of_nobody = visitor.text("//main");
    visitor.open(&address());
    visitor.click("//a[.='Where do you have an account?']");
    visitor.fill("E-mail", &user.email);
    visitor.press("Send a link");
    visitor.wait_for_text("If there is an account with this address");
    assert_eq!(visitor.text("//main"), of_nobody);
    visitor.open(&links(&user.email, 1)[0]);
    visitor.assert_page_is_sound();
    visitor.press("Show");
    visitor.wait_for_text(&tenants[0].slug);
    assert!(!visitor.text("//main").contains(&tenants[1].slug));
    visitor.assert_page_is_sound();
}
