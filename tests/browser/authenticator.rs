//! Setting up an authenticator, its recovery codes, and its removal.

use e2e::{Authenticator, TestTenant};
use http::Method;
use serde_json::json;

use crate::support::{Person, Visitor, add_authenticator, change, person, world};

/// Lets the last proof of identity in the sessions of a person be an hour old.
fn age_sign_in(tenant: &TestTenant, person: &Person) {
    let statement = "UPDATE tenancy.sessions SET created_at = created_at - interval '1 hour',
                         authenticated_at = authenticated_at - interval '1 hour'
                     WHERE user_id = $1::text::uuid";
    change(tenant, statement, &person.id);
}

/// Returns the text of the QR code on the page.
fn scan(visitor: &Visitor) -> String {
    // The modules of the code, row by row, in the coordinates of its path.
    let rows = visitor.wait_for(
        "let svg = document.querySelector('svg.segno'), path = svg.querySelector('path');
         let size = svg.getBBox().width && Math.round(svg.clientWidth / 4);
         return [...Array(size).keys()].map(y => [...Array(size).keys()]
             .map(x => path.isPointInStroke(new DOMPoint(x + 0.5, y + 0.5))));",
    );
    let rows: Vec<Vec<bool>> = serde_json::from_value(rows).unwrap();
    // The decoder needs several pixels for a module.
    let side = rows.len() * 4;
    let mut image = rqrr::PreparedImage::prepare_from_bitmap(side, side, |x, y| rows[y / 4][x / 4]);
    let grids = image.detect_grids();
    let [grid] = grids.as_slice() else { panic!("{} codes in {rows:?}", grids.len()) };
    grid.decode().expect("the code is readable").1
}

#[test]
fn authenticator_is_set_up_with_recovery_codes() {
    let tenant = world().tenant();
    let user = person(&tenant, "user");
    let visitor = Visitor::start();
    visitor.sign_in(&tenant, &user);
    visitor.fill("Name", "Telephone");
    visitor.press("Set up an authenticator");
    let secret = visitor.text("//code[@id='secret']");
    let uri = visitor.run("return document.querySelector('a[href^=otpauth]').href");
    assert_eq!(scan(&visitor), uri.as_str().unwrap());
    assert!(uri.as_str().unwrap().contains(&secret), "{uri}");
    visitor.assert_page_is_sound();
    let mut authenticator = Authenticator::new(&secret);
    visitor.fill("Code", &authenticator.wrong_code());
    visitor.press("Confirm");
    visitor.alert("code");
    visitor.assert_page_is_sound();
    visitor.fill("Code", &authenticator.code_to_type());
    visitor.press("Confirm");
    visitor.wait_for_text("Keep these codes in a safe place.");
    let shown = visitor.text("//ul[@id='recovery-codes']");
    assert_eq!(shown.lines().count(), 10, "{shown}");
    visitor.assert_page_is_sound();
    let permission = json!({ "descriptor": { "name": "clipboard-read" }, "state": "granted" });
    visitor.command(Method::POST, "/permissions", Some(&permission));
    visitor.press("Copy");
    visitor.wait_for_text("Copied.");
    assert_eq!(visitor.run("return navigator.clipboard.readText()"), shown);
    // They are shown once.
    visitor.reload();
    visitor.wait_for_text("You have 10 unused recovery codes.");
    assert!(!visitor.has("//ul[@id='recovery-codes']"));
    visitor.find("//button[.='Remove Telephone']");

    visitor.sign_out();
    visitor.sign_in(&tenant, &user);
    visitor.continue_with("Code", shown.lines().next().unwrap());
    visitor.wait_for_text("You have 9 unused recovery codes.");
    visitor.press("Replace the recovery codes");
    visitor.wait_for_text("Keep these codes in a safe place.");
    let replaced = visitor.text("//ul[@id='recovery-codes']");
    assert!(shown.lines().all(|code| !replaced.contains(code)), "{replaced}");
    visitor.assert_stayed_here();
}

#[test]
fn authenticator_is_removed_after_proof() {
    let tenant = world().tenant();
    let user = person(&tenant, "user");
    let (mut authenticator, _) = add_authenticator(&tenant, &user);
    let visitor = Visitor::start();
    visitor.sign_in(&tenant, &user);
    visitor.continue_with("Code", &authenticator.code_to_type());
    visitor.wait_until_signed_in(&user.email);
    age_sign_in(&tenant, &user);
    visitor.click("//button[starts-with(., 'Remove')]");
    let label = "Code of your authenticator, or a recovery code";
    visitor.fill(label, &authenticator.wrong_code());
    visitor.assert_page_is_sound();
    visitor.press("Continue");
    visitor.alert("wrong");
    // The factor is still there.
    assert_eq!(tenant.login(&user.email, &user.password).json()["code"], "second_factor_required");
    visitor.continue_with(label, &authenticator.code_to_type());
    // The change continues after the proof.
    visitor.find("//button[.='Set up an authenticator']");
    visitor.wait_for("return document.querySelector('[action=\"/factor/remove\"]') === null");
    tenant.login(&user.email, &user.password).expect(200);

    // Without a factor, the password is the proof.
    age_sign_in(&tenant, &user);
    visitor.press("Set up an authenticator");
    visitor.continue_with("Password", "not the password");
    visitor.alert("is not your password");
    visitor.continue_with("Password", &user.password);
    visitor.find("//code[@id='secret']");
    visitor.assert_stayed_here();
}
