//! Messages to users: written with their cause, and delivered by `tenantctl` to a mail server.

mod address;
mod api;
mod delivery;
mod notices;
mod person_tenants;
mod recovery;
mod rounds;
mod sign_in;
mod tls;
mod unsent;
mod verification;

use std::{
    process::{Command, Output},
    sync::MutexGuard,
};

use e2e::{
    Answer, Application, Authenticator, Call, MailMode, MailServer, TestTenant, World, root, unique,
};
use http::Method;
use serde_json::{Value, json};

const SETTINGS: &str = "/api/v1/tenant/mail-settings";

/// Prevents other tests from delivering the messages of this one.
fn alone() -> (&'static World, MutexGuard<'static, ()>) {
    World::alone_with_mail()
}

fn invite(tenant: &TestTenant, body: &Value) -> Value {
    tenant.post("/api/v1/users", body).token(&tenant.admin.access_token).send().expect(201)
}

fn address() -> String {
    format!("{}@people.example", unique("person"))
}

fn command(world: &World, server: &MailServer, arguments: &[&str]) -> Command {
    let mut command = Command::new(root().join("target/tools/tenantctl"));
    command.args(arguments).env_clear().envs(world.settings()).env("SMTP_URL", &server.url);
    command
}

fn deliver(world: &World, server: &MailServer) -> Output {
    command(world, server, &["mail", "deliver"]).output().unwrap()
}

#[track_caller]
fn deliver_all(world: &World, server: &MailServer) -> Vec<Value> {
    let output = deliver(world, server);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns a column of the messages to an address, as text.
fn column(world: &World, tenant: &TestTenant, address: &str, column: &str) -> Vec<Option<String>> {
    let mut superuser = world.services.superuser(&tenant.database());
    let statement = format!(
        "SELECT ({column})::text FROM tenancy.mail_messages WHERE address = $1 ORDER BY created_at, id"
    );
    superuser.query(&statement, &[&address]).unwrap().iter().map(|row| row.get(0)).collect()
}

fn change(world: &World, tenant: &TestTenant, statement: &str) -> u64 {
    world.services.superuser(&tenant.database()).execute(statement, &[]).unwrap()
}

fn set(tenant: &TestTenant, settings: &Value) -> Answer {
    tenant.patch(SETTINGS, settings).token(&tenant.admin.access_token).send()
}

/// An application that trusts the client addresses of the test.
fn behind_proxy(world: &World) -> Application {
    world.application_with(&[("TRUSTED_PROXIES", "127.0.0.1")])
}

/// Posts a request to a tenant from a client address.
fn post_from(
    site: &Application,
    tenant: &TestTenant,
    from: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let call = Call::new(Method::POST, &site.address, path).header("x-forwarded-for", from);
    call.slug(&tenant.slug).json(body).send()
}

/// Sets up an authenticator for the user of an access token.
fn add_authenticator(tenant: &TestTenant, access: &str) -> Authenticator {
    let factors = "/api/v1/profile/second-factors";
    let begun = tenant.post(factors, &json!({ "name": "Phone" })).token(access).send().expect(201);
    let mut authenticator = Authenticator::new(begun["secret"].as_str().unwrap());
    let path = format!("{factors}/{}/confirm", begun["id"].as_str().unwrap());
    let code = json!({ "code": authenticator.code() });
    tenant.post(&path, &code).token(access).send().expect(200);
    authenticator
}

/// Returns the bodies of the messages with a link that an address has received. Notices have none.
fn with_link(server: &MailServer, email: &str) -> Vec<String> {
    let bodies = server.received(email).into_iter().map(|message| message.body());
    bodies.filter(|body| body.contains("#token=")).collect()
}

/// Returns the token in the link of a message.
pub(super) fn token(body: &str) -> String {
    let (_, rest) = body.split_once("#token=").expect("the message has a link");
    rest.chars().take_while(|char| char.is_ascii_alphanumeric() || "-_".contains(*char)).collect()
}

#[test]
fn invited_user_receives_a_link_that_sets_the_password() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let to = address();
    let created = invite(&tenant, &json!({ "email": to }));
    assert_eq!((&created["is_mailed"], &created["setup_token"]), (&json!(true), &Value::Null));
    // The database has no token in plain text.
    assert_eq!(column(world, &tenant, &to, "state"), [Some("waiting".to_owned())]);
    deliver_all(world, &server);
    let received = server.received(&to);
    let [message] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!((message.from.as_str(), &message.to), ("no-reply@saas.example", &vec![to.clone()]));
    let headers = message.headers();
    let subject = format!("Subject: Your account at Tenant {}", tenant.slug);
    let from = format!("From: \"Tenant {}\" <no-reply@saas.example>", tenant.slug);
    for header in
        [&subject, &from, &format!("To: {to}"), &"Auto-Submitted: auto-generated".to_owned()]
    {
        assert!(headers.contains(header), "{header}: {headers:#?}");
    }
    let body = message.body();
    let link = format!("https://app.saas.example/start/set-password#token={}", token(&body));
    assert_eq!(body.matches(&link).count(), 2, "{body}");
    assert_eq!(column(world, &tenant, &to, "state"), [Some("sent".to_owned())]);
    assert_eq!(column(world, &tenant, &to, "variables"), [None]);
    let setup = json!({ "setup_token": token(&body), "password": "a password for tests" });
    tenant.post("/api/v1/auth/setup", &setup).send().expect(200);
    let sent = tenant.wait_until_audited("mail.sent", 1);
    assert_eq!(sent[0]["resource_id"], created["id"]);
    // Nothing is left to send. Tenants of other tests may have messages.
    let sent = deliver_all(world, &server);
    assert!(sent.iter().all(|message| message["tenant"] != tenant.id.as_str()), "{sent:?}");
    assert_eq!(server.received(&to).len(), 1);
}

#[test]
fn caller_can_pass_the_token_on() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    let created = invite(&tenant, &json!({ "email": to, "send_mail": false }));
    assert!(created["setup_token"].as_str().unwrap().starts_with("lds_"));
    assert_eq!(created["is_mailed"], false);
    assert_eq!(column(world, &tenant, &to, "state"), [] as [Option<String>; 0]);
    let with_password = json!({ "email": address(), "password": "a password for tests" });
    let created = invite(&tenant, &with_password);
    assert_eq!((&created["is_mailed"], &created["setup_token"]), (&json!(false), &Value::Null));
    for (field, value) in [("send_mail", json!("yes")), ("language", json!("fr"))] {
        let body = json!({ "email": address(), field: value });
        let refused = tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token).send();
        assert_eq!(refused.expect_invalid(), [field]);
    }
    // Without a transport, the response has the token.
    let plain = World::get().tenant();
    let created = invite(&plain, &json!({ "email": address() }));
    assert!(created["setup_token"].as_str().unwrap().starts_with("lds_"));
}

// S48
#[test]
fn headers_of_a_request_reach_no_link() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-proto", "http"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ] {
        let to = address();
        let call = tenant.post("/api/v1/users", &json!({ "email": to }));
        let answer = call.token(&tenant.admin.access_token).header(name, value).send();
        if name == "host" && answer.status != 201 {
            // The host of another site is refused, so it has no effect either.
            assert!((400..500).contains(&answer.status), "{}", answer.status);
            continue;
        }
        answer.expect(201);
        deliver_all(world, &server);
        let body = server.received(&to)[0].body();
        assert!(body.contains("https://app.saas.example/start/set-password#token="), "{name}");
        assert!(!server.received(&to)[0].text.contains("evil.example"), "{name}");
    }
}

// S48
#[test]
fn settings_shape_the_message() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    for (field, value) in [
        ("receiving_page", json!("https://evil.example/welcome")),
        ("receiving_page", json!("https://app.saas.example@evil.example/")),
        ("receiving_page", json!("https://other-tenant.saas.example/")),
        ("receiving_page", json!("http://app.saas.example/")),
        ("receiving_page", json!("javascript:alert(1)")),
        ("receiving_page", json!("/welcome")),
        ("language", json!("fr")),
        ("logo", json!("http://logo.example/a.png")),
        ("colour", json!("red;background:url(x)")),
    ] {
        assert_eq!(set(&tenant, &json!({ field: value })).expect_invalid(), [field], "{value}");
    }
    let page = format!("https://{}.saas.example/welcome?from=mail", tenant.slug);
    let settings = json!({ "receiving_page": page, "language": "de", "colour": "#00ff7f",
                           "logo": "https://logo.example/a.png?x=1&y=2", "new_device_notices": true });
    assert_eq!(set(&tenant, &settings).expect(200), settings);
    let read = tenant.get(SETTINGS).token(&tenant.admin.access_token).send().expect(200);
    assert_eq!(read, settings);
    let key = tenant.api_key(&["tenant:read", "users:write"]);
    let refused = tenant.patch(SETTINGS, &json!({})).token(&key).send();
    assert_eq!(refused.status, 403);
    let (to, english) = (address(), address());
    invite(&tenant, &json!({ "email": to }));
    invite(&tenant, &json!({ "email": english, "language": "en" }));
    deliver_all(world, &server);
    let body = server.received(&to)[0].body();
    assert!(body.contains(&format!("{page}#token=lds_")), "{body}");
    assert!(body.contains("Passwort festlegen") && body.contains("#00ff7f"), "{body}");
    assert!(body.contains("https://logo.example/a.png?x=1&amp;y=2"), "{body}");
    assert!(server.received(&english)[0].body().contains("Set a password"));
    let cleared = json!({ "receiving_page": null, "logo": null, "colour": null });
    let cleared = set(&tenant, &cleared).expect(200);
    assert_eq!(cleared["receiving_page"], Value::Null);
    tenant.wait_until_audited("mail_settings.changed", 2);
}

// S48
#[test]
fn page_on_a_removed_domain_receives_no_token() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let domain = format!("{}.customer.example", unique("domain"));
    let path = format!("/admin/tenants/{}", tenant.id);
    let patch = |body: &Value| world.admin(Method::PATCH, &path).json(body).send().expect(200);
    patch(&json!({ "domains": [domain] }));
    let page = format!("https://{domain}/welcome");
    set(&tenant, &json!({ "receiving_page": page })).expect(200);
    let (before, after) = (address(), address());
    invite(&tenant, &json!({ "email": before }));
    deliver_all(world, &server);
    assert!(server.received(&before)[0].body().contains(&format!("{page}#token=")));
    invite(&tenant, &json!({ "email": after }));
    patch(&json!({ "domains": [] }));
    deliver_all(world, &server);
    let body = server.received(&after)[0].body();
    assert!(body.contains("https://app.saas.example/start/set-password#token="), "{body}");
    assert!(!body.contains(&domain), "{body}");
}

// S48
#[test]
fn name_of_the_tenant_adds_no_header() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    // The API refuses such names, so the row is changed behind its back.
    let name = "Acme\r\nBcc: eve@evil.example\r\n\r\n<script>alert(1)</script>";
    let mut catalog = world.services.superuser("tenancy");
    let update = "UPDATE tenants SET name = $2 WHERE slug = $1";
    if catalog.execute(update, &[&tenant.slug, &name]).is_err() {
        // The catalog refuses line breaks itself. Markup is a valid name.
        let name = "Acme Bcc: eve@evil.example <script>alert(1)</script>";
        catalog.execute(update, &[&tenant.slug, &name]).unwrap();
    }
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    deliver_all(world, &server);
    let message = server.received(&to).remove(0);
    assert!(
        !message.headers().iter().any(|header| header.to_ascii_lowercase().starts_with("bcc:"))
    );
    // The text may have any characters, and the HTML has no markup of the name.
    let body = message.body();
    let (_, html) = body.split_once("text/html").unwrap();
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
    assert!(server.received("eve@evil.example").is_empty());
}
