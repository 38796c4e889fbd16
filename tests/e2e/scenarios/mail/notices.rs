//! Notices about the account: new devices, passwords and second factors.

use e2e::{Answer, Call, MailMode, MailServer, TestTenant, TestUser, World};
use http::Method;
use serde_json::{Value, json};

use super::{
    add_authenticator, address, alone, behind_proxy, change, column, deliver_all, invite, set,
    token,
};

const PASSWORD: &str = "a password for tests";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                      Gecko) Version/17.4 Mobile/15E148 Safari/604.1";

fn person(tenant: &TestTenant) -> String {
    let email = address();
    invite(tenant, &json!({ "email": email, "password": PASSWORD }));
    email
}

fn sign_in(tenant: &TestTenant, email: &str, user_agent: &str) -> TestUser {
    let call = tenant.post("/api/v1/auth/login", &json!({ "email": email, "password": PASSWORD }));
    TestUser::from(&call.header("user-agent", user_agent).send().expect(200))
}

fn purposes(world: &World, tenant: &TestTenant, email: &str) -> Vec<String> {
    column(world, tenant, email, "purpose").into_iter().flatten().collect()
}

fn devices(world: &World, tenant: &TestTenant) -> i64 {
    let count =
        "SELECT count(*) FROM tenancy.user_devices d JOIN tenancy.users u ON u.id = d.user_id
                 WHERE u.role = 'user'";
    world.services.superuser(&tenant.database()).query_one(count, &[]).unwrap().get(0)
}

// S60
#[test]
fn new_device_is_reported_once() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let email = person(&tenant);
    // The first device of the account, and another version of its browser.
    sign_in(&tenant, &email, FIREFOX);
    sign_in(&tenant, &email, &FIREFOX.replace("125", "126"));
    assert_eq!(purposes(world, &tenant, &email), [] as [String; 0]);
    sign_in(&tenant, &email, SAFARI);
    sign_in(&tenant, &email, SAFARI);
    assert_eq!(purposes(world, &tenant, &email), ["new_device"]);
    deliver_all(world, &server);
    let received = server.received(&email);
    let body = received[0].body();
    let subject = format!("Subject: New device at Tenant {}", tenant.slug);
    assert!(received[0].headers().contains(&subject), "{:?}", received[0].headers());
    assert!(body.contains("Device: Safari, iOS") && body.contains("127.0.0.1"), "{body}");
    assert!(!body.contains("#token="), "{body}");
    // A text of the caller is not part of a message.
    sign_in(&tenant, &email, "Call +49 30 123 to keep your account");
    deliver_all(world, &server);
    let body = server.received(&email)[1].body();
    assert!(!body.contains("+49") && body.contains("Network address: 127.0.0.1"), "{body}");
    // The export has the devices, and the database neither programs nor networks.
    let path = format!("/api/v1/users/{}/export", sign_in(&tenant, &email, SAFARI).id);
    let export = tenant.get(&path).token(&tenant.admin.access_token).send().expect(200);
    let exported = export["user"]["devices"].as_array().unwrap();
    assert_eq!(exported.len(), 3);
    assert!(exported[0]["first_used_at"].is_string() && exported[0]["last_used_at"].is_string());
    // A wrong password is no sign-in.
    tenant.login(&email, "not the password").expect_problem(401, "invalid_credentials");
    assert_eq!(devices(world, &tenant), 3);
    // The tenant turns the notices off. Devices are still recognised.
    let off = set(&tenant, &json!({ "new_device_notices": false })).expect(200);
    assert_eq!(off["new_device_notices"], false);
    sign_in(&tenant, &email, "another program");
    set(&tenant, &json!({ "new_device_notices": true })).expect(200);
    sign_in(&tenant, &email, "another program");
    assert_eq!(purposes(world, &tenant, &email).len(), 2);
}

// S60
#[test]
fn devices_and_notices_are_bounded() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let email = person(&tenant);
    for number in 0..23 {
        sign_in(&tenant, &email, &format!("program{number}/1.0"));
    }
    assert_eq!(devices(world, &tenant), 20);
    assert_eq!(purposes(world, &tenant, &email).len(), 5);
    // The first ones are forgotten, so they are new again. The newest one is known.
    change(world, &tenant, "DELETE FROM tenancy.mail_messages");
    sign_in(&tenant, &email, "program22/1.0");
    assert_eq!(purposes(world, &tenant, &email).len(), 0);
    sign_in(&tenant, &email, "program0/1.0");
    assert_eq!(purposes(world, &tenant, &email), ["new_device"]);
    // A full outbox does not prevent a sign-in, and notices do not fill it for messages with a link.
    let fill = format!(
        "INSERT INTO tenancy.mail_messages (id, user_id, purpose, address, language, variables, expires_at)
         SELECT gen_random_uuid(), user_id, purpose, 'copy@people.example', language, variables, expires_at
         FROM tenancy.mail_messages, generate_series(1, 999) WHERE address = '{email}'"
    );
    assert_eq!(change(world, &tenant, &fill), 999);
    let other = person(&tenant);
    sign_in(&tenant, &other, FIREFOX);
    sign_in(&tenant, &other, SAFARI);
    assert_eq!(purposes(world, &tenant, &other), [] as [String; 0]);
    let reset = json!({ "email": other });
    tenant.post("/api/v1/account/password-reset", &reset).send().expect(202);
    assert_eq!(purposes(world, &tenant, &other), ["password_recovery"]);
    change(world, &tenant, "DELETE FROM tenancy.mail_messages");
}

// S60
#[test]
fn device_is_a_program_in_a_network() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let site = behind_proxy(world);
    let email = person(&tenant);
    let from = |address: &str| -> Answer {
        let call = Call::new(Method::POST, &site.address, "/api/v1/auth/login").slug(&tenant.slug);
        let call = call.header("x-forwarded-for", address).header("user-agent", FIREFOX);
        call.json(&json!({ "email": email, "password": PASSWORD })).send()
    };
    for (address, notices) in [
        ("192.0.2.1", 0),
        ("192.0.2.250", 0),
        ("198.51.100.1", 1),
        ("2001:db8:1:1::1", 2),
        ("2001:db8:1:ffff::1", 2),
        ("192.0.2.1", 2),
    ] {
        from(address).expect(200);
        assert_eq!(purposes(world, &tenant, &email).len(), notices, "{address}");
    }
    // The devices of one user are not those of another one.
    let other = person(&tenant);
    sign_in(&tenant, &other, SAFARI);
    sign_in(&tenant, &other, FIREFOX);
    assert_eq!(purposes(world, &tenant, &other), ["new_device"]);
}

// S60
#[test]
fn changes_of_credentials_are_reported() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    set(&tenant, &json!({ "language": "de" })).expect(200);
    // The first password is no change.
    let invited = address();
    let created = invite(&tenant, &json!({ "email": invited, "send_mail": false }));
    let setup = json!({ "setup_token": created["setup_token"], "password": PASSWORD });
    tenant.post("/api/v1/auth/setup", &setup).send().expect(200);
    assert_eq!(purposes(world, &tenant, &invited), [] as [String; 0]);
    let email = person(&tenant);
    let user = sign_in(&tenant, &email, FIREFOX);
    let new = "a password that is new";
    let change_password = json!({ "current_password": PASSWORD, "new_password": new });
    let call = tenant.post("/api/v1/profile/password", &change_password);
    let call = call.token(&user.access_token).header("user-agent", FIREFOX);
    let access = call.send().expect(200)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(purposes(world, &tenant, &email), ["password_changed"]);
    add_authenticator(&tenant, &access);
    let factors = tenant.get("/api/v1/profile/second-factors").token(&access).send().expect(200);
    let factor = factors["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/profile/second-factors/{factor}");
    assert_eq!(tenant.delete(&path).token(&access).send().status, 204);
    assert_eq!(tenant.delete(&path).token(&access).send().status, 404);
    let path = format!("/api/v1/users/{}/second-factors", user.id);
    let reset = tenant.delete(&path).token(&tenant.admin.access_token).send();
    assert!(matches!(reset.status, 200 | 204), "{}", reset.text);
    let expected = [
        "password_changed",
        "second_factor_added",
        "second_factor_removed",
        "second_factors_reset",
    ];
    assert_eq!(purposes(world, &tenant, &email), expected);
    deliver_all(world, &server);
    let received = server.received(&email);
    assert_eq!(received.len(), 4);
    assert!(received[0].body().contains("hat ein neues Passwort"), "{}", received[0].body());
    assert!(received[0].body().contains("Firefox, Linux"), "{}", received[0].body());
    // The device of an administrator is not that of the user.
    assert!(!received[3].body().contains("127.0.0.1"), "{}", received[3].body());
    // A recovered password.
    let other = person(&tenant);
    sign_in(&tenant, &other, FIREFOX);
    tenant.post("/api/v1/account/password-reset", &json!({ "email": other })).send().expect(202);
    deliver_all(world, &server);
    let token = token(&server.received(&other)[0].body());
    let body = json!({ "token": token, "new_password": new });
    let confirm = || -> Answer {
        let call = tenant.post("/api/v1/account/password-reset/confirm", &body);
        call.header("user-agent", FIREFOX).send()
    };
    confirm().expect(200);
    assert_eq!(confirm().status, 401);
    assert_eq!(purposes(world, &tenant, &other), ["password_recovery", "password_changed"]);
    // A service without mail writes none.
    let plain = World::get().tenant();
    let user = plain.user("user");
    let call = plain.post("/api/v1/profile/password", &change_password).token(&user.access_token);
    call.send().expect(200);
    let rows = "SELECT count(*) FROM tenancy.mail_messages";
    let mut superuser = World::get().services.superuser(&plain.database());
    assert_eq!(superuser.query_one(rows, &[]).unwrap().get::<_, i64>(0), 0);
    let settings: Value = set(&plain, &json!({})).expect(200);
    assert_eq!(settings["new_device_notices"], true);
}
