//! Messages to users: written with their cause, and delivered by `tenantctl` to a mail server.

use std::{
    process::{Command, Output, Stdio},
    sync::MutexGuard,
};

use age::secrecy::ExposeSecret as _;
use e2e::{Answer, MailMode, MailServer, TestTenant, World, root, unique};
use http::Method;
use serde_json::{Value, json};

const SETTINGS: &str = "/api/v1/tenant/mail-settings";

/// Prevents other tests from delivering the messages of this one.
fn alone() -> (&'static World, MutexGuard<'static, ()>) {
    let world = World::with_mail();
    (world, world.repairs_alone())
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

/// Returns the token in the link of a message.
fn token(body: &str) -> String {
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
    // Nothing is left to send.
    assert_eq!(deliver_all(world, &server), [] as [Value; 0]);
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
                           "logo": "https://logo.example/a.png?x=1&y=2" });
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

#[test]
fn refused_message_is_sent_later() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Refuse));
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    let lines = deliver_all(world, &server);
    assert_eq!(lines[0]["state"], "waiting", "{lines:?}");
    assert_eq!(column(world, &tenant, &to, "unanswered"), [Some("0".to_owned())]);
    server.set(MailMode::Accept);
    change(
        world,
        &tenant,
        "UPDATE tenancy.mail_messages SET next_attempt_at = now() - interval '1 s'",
    );
    deliver_all(world, &server);
    assert_eq!(server.received(&to).len(), 1);
    assert_eq!(column(world, &tenant, &to, "attempts"), [Some("2".to_owned())]);
}

#[test]
fn rejected_message_is_dead_until_an_operator_retries_it() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Reject));
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    let lines = deliver_all(world, &server);
    assert_eq!((&lines[0]["state"], &lines[0]["failure"]), (&json!("dead"), &json!("rejected")));
    let id = lines[0]["message"].as_str().unwrap();
    let failed = tenant.wait_until_audited("mail.failed", 1);
    assert_eq!(failed[0]["detail"]["failure"], "rejected");
    let list = world.tenantctl(&["mail", "list", &tenant.slug, "--output", "json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!((&list["items"][0]["id"], &list["items"][0]["address"]), (&json!(id), &json!(to)));
    assert!(!list.to_string().contains("lds_"));
    // Another tenant neither lists nor retries it.
    let other = world.tenant();
    let list = world.tenantctl(&["mail", "list", &other.slug, "--output", "json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list["total"], 0);
    assert_eq!(world.tenantctl(&["mail", "retry", &other.slug, id]).status.code(), Some(3));
    server.set(MailMode::Accept);
    assert_eq!(deliver_all(world, &server), [] as [Value; 0]);
    let retried = world.tenantctl(&["mail", "retry", &tenant.slug, id]);
    assert!(retried.status.success(), "{}", String::from_utf8_lossy(&retried.stderr));
    deliver_all(world, &server);
    assert_eq!(server.received(&to).len(), 1);
    assert_eq!(world.tenantctl(&["mail", "retry", &tenant.slug, id]).status.code(), Some(3));
    tenant.wait_until_audited("mail.retried", 1);
}

// S49
#[test]
fn message_without_answer_is_sent_twice_at_most() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Drop));
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    for _ in 0..4 {
        deliver_all(world, &server);
        change(
            world,
            &tenant,
            "UPDATE tenancy.mail_messages SET next_attempt_at = now() - interval '1 s'",
        );
    }
    assert_eq!(server.received(&to).len(), 2);
    assert_eq!(column(world, &tenant, &to, "failure"), [Some("unanswered".to_owned())]);
    let id = column(world, &tenant, &to, "id").remove(0).unwrap();
    // Nobody knows whether it arrived, so a retry needs consent.
    server.set(MailMode::Accept);
    let refused = world.tenantctl(&["mail", "retry", &tenant.slug, &id]);
    assert_eq!(refused.status.code(), Some(5), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(
        world.tenantctl(&["mail", "retry", &tenant.slug, &id, "--may-duplicate"]).status.success()
    );
    deliver_all(world, &server);
    assert_eq!(server.received(&to).len(), 3);
    assert_eq!(column(world, &tenant, &to, "state"), [Some("sent".to_owned())]);
}

// S49
#[test]
fn killed_delivery_sends_twice_at_most() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Stall));
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    for round in 1..=2 {
        let mut killed = command(world, &server, &["mail", "deliver"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        server.wait_for(&to, round);
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(column(world, &tenant, &to, "state"), [Some("sending".to_owned())]);
        // The claim is valid, so no other process sends the message.
        server.set(MailMode::Accept);
        deliver_all(world, &server);
        assert_eq!(server.received(&to).len(), round);
        server.set(MailMode::Stall);
        let expired = "UPDATE tenancy.mail_messages SET claimed_until = now() - interval '1 s'";
        assert_eq!(change(world, &tenant, expired), 1);
    }
    server.set(MailMode::Accept);
    deliver_all(world, &server);
    assert_eq!(server.received(&to).len(), 2);
    assert_eq!(column(world, &tenant, &to, "failure"), [Some("unanswered".to_owned())]);
}

#[test]
fn stalled_server_counts_as_no_answer() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Stall));
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    let lines = deliver_all(world, &server);
    assert_eq!(lines[0]["state"], "waiting");
    assert_eq!(column(world, &tenant, &to, "unanswered"), [Some("1".to_owned())]);
}

#[test]
fn absent_server_uses_up_no_attempt() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    let absent = format!("smtp://user:hunter2@127.0.0.1:{}", e2e::free_port());
    let output = Command::new(root().join("target/tools/tenantctl"))
        .args(["mail", "deliver"])
        .env_clear()
        .envs(world.settings())
        .env("SMTP_URL", absent)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(
        shown.contains("the mail server is unreachable") && !shown.contains("hunter2"),
        "{shown}"
    );
    assert_eq!(column(world, &tenant, &to, "attempts"), [Some("0".to_owned())]);
    change(world, &tenant, "DELETE FROM tenancy.mail_messages");
}

// S49
#[test]
fn repeated_invitation_replaces_the_message() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let to = address();
    let user = invite(&tenant, &json!({ "email": to }));
    let path = format!("/api/v1/users/{}/reset-password", user["id"].as_str().unwrap());
    let reset = |body: &Value| {
        let call = world.call(Method::POST, &path).slug(&tenant.slug);
        call.token(&tenant.admin.access_token).json(body).send().expect(200)
    };
    let repeated = reset(&json!({}));
    assert_eq!((&repeated["is_mailed"], &repeated["setup_token"]), (&json!(true), &Value::Null));
    deliver_all(world, &server);
    // The first message has a token that is no longer valid.
    let received = server.received(&to);
    assert_eq!(received.len(), 1);
    let expected = [Some("superseded".to_owned()), None];
    assert_eq!(column(world, &tenant, &to, "failure"), expected);
    let setup =
        json!({ "setup_token": token(&received[0].body()), "password": "a password for tests" });
    tenant.post("/api/v1/auth/setup", &setup).send().expect(200);
    let own = reset(&json!({ "send_mail": false }));
    assert!(own["setup_token"].as_str().unwrap().starts_with("lds_"));
    // After a sign-in, the text is another one.
    reset(&json!({ "language": "en" }));
    deliver_all(world, &server);
    let received = server.received(&to);
    assert!(received[1].body().contains("has reset your password"), "{}", received[1].body());
}

#[test]
fn new_address_and_deactivation_stop_a_message() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    for patch in [json!({ "email": address() }), json!({ "is_active": false })] {
        let to = address();
        let user = invite(&tenant, &json!({ "email": to }));
        let path = format!("/api/v1/users/{}", user["id"].as_str().unwrap());
        tenant.patch(&path, &patch).token(&tenant.admin.access_token).send().expect(200);
        deliver_all(world, &server);
        assert!(server.received(&to).is_empty(), "{patch}");
        assert_eq!(column(world, &tenant, &to, "failure"), [Some("superseded".to_owned())]);
    }
}

#[test]
fn message_expires_with_its_token() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    change(world, &tenant, "UPDATE tenancy.mail_messages SET expires_at = now() - interval '1 s'");
    assert_eq!(deliver_all(world, &server), [] as [Value; 0]);
    assert!(server.received(&to).is_empty());
    assert_eq!(column(world, &tenant, &to, "failure"), [Some("expired".to_owned())]);
    assert_eq!(column(world, &tenant, &to, "variables"), [None]);
    // Maintenance removes it a week later.
    let maintain = || world.admin(Method::POST, "/admin/maintenance").send().expect(200);
    maintain();
    assert_eq!(column(world, &tenant, &to, "state").len(), 1);
    change(world, &tenant, "UPDATE tenancy.mail_messages SET ended_at = now() - interval '8 days'");
    assert!(maintain()["removed_mail_messages"].as_u64().unwrap() >= 1);
    assert_eq!(column(world, &tenant, &to, "state").len(), 0);
}

// S49
#[test]
fn full_outbox_returns_the_token() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    let user = invite(&tenant, &json!({ "email": to }));
    let path = format!("/api/v1/users/{}/reset-password", user["id"].as_str().unwrap());
    let reset = || {
        let call = world.call(Method::POST, &path).slug(&tenant.slug).json(&json!({}));
        call.token(&tenant.admin.access_token).send().expect(200)
    };
    // A user has a bounded number of messages.
    let copies = |count: u32| {
        format!(
            "INSERT INTO tenancy.mail_messages (id, user_id, purpose, address, language, token_hash, variables, expires_at)
             SELECT gen_random_uuid(), user_id, purpose, 'copy@people.example', language, token_hash, variables, expires_at
             FROM tenancy.mail_messages, generate_series(1, {count}) WHERE address = '{to}'"
        )
    };
    assert_eq!(change(world, &tenant, &copies(19)), 19);
    let refused = reset();
    assert_eq!(refused["is_mailed"], false);
    assert!(refused["setup_token"].as_str().unwrap().starts_with("lds_"));
    // A tenant has one, too.
    let other = invite(&tenant, &json!({ "email": address() }));
    assert_eq!(other["is_mailed"], true);
    assert_eq!(change(world, &tenant, &copies(979)), 979);
    let other = invite(&tenant, &json!({ "email": address() }));
    assert_eq!(other["is_mailed"], false);
    assert!(other["setup_token"].as_str().unwrap().starts_with("lds_"));
    change(world, &tenant, "DELETE FROM tenancy.mail_messages");
}

// S49
#[test]
fn message_moved_to_another_address_is_not_sent() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (to, eve) = (address(), address());
    invite(&tenant, &json!({ "email": to }));
    // Somebody with the tenant's database redirects the token.
    let redirect = format!("UPDATE tenancy.mail_messages SET address = '{eve}'");
    assert_eq!(change(world, &tenant, &redirect), 1);
    assert_eq!(
        change(
            world,
            &tenant,
            &format!("UPDATE tenancy.users SET email = '{eve}' WHERE email = '{to}'")
        ),
        1
    );
    deliver_all(world, &server);
    assert!(server.received(&eve).is_empty());
    assert_eq!(column(world, &tenant, &eve, "failure"), [Some("damaged".to_owned())]);
}

#[test]
fn suspended_tenant_sends_nothing() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    let path = format!("/admin/tenants/{}", tenant.id);
    let status =
        |status: &str| world.admin(Method::PATCH, &path).json(&json!({ "status": status })).send();
    status("suspended").expect(200);
    deliver_all(world, &server);
    assert!(server.received(&to).is_empty());
    status("active").expect(200);
    deliver_all(world, &server);
    assert_eq!(server.received(&to).len(), 1);
}

#[test]
fn erased_person_has_no_messages() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    let user = invite(&tenant, &json!({ "email": to }));
    let path = format!("/api/v1/users/{}", user["id"].as_str().unwrap());
    let export = format!("{path}/export");
    let export = tenant.get(&export).token(&tenant.admin.access_token).send().expect(200);
    let messages = &export["user"]["mail_messages"];
    assert_eq!((&messages[0]["address"], &messages[0]["state"]), (&json!(to), &json!("waiting")));
    assert!(!export.to_string().contains("lds_") && messages[0]["variables"].is_null());
    let erase = tenant.post(&format!("{path}/erasure"), &json!({}));
    let erased = erase.token(&tenant.admin.access_token).send().expect(200);
    assert_eq!(erased["receipt"]["removed"]["mail_messages"], 1, "{erased}");
    assert_eq!(column(world, &tenant, &to, "state").len(), 0);
}

#[test]
fn messages_are_written_to_a_folder() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    let folder = world.services.folder().join(unique("mail"));
    let output = world.tenantctl(&["mail", "deliver", "--to-directory", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["address"] == *to).unwrap();
    assert!(
        line["link"]
            .as_str()
            .unwrap()
            .starts_with("https://app.saas.example/start/set-password#token=lds_")
    );
    let file = folder.join(format!("{}.eml", line["message"].as_str().unwrap()));
    assert!(std::fs::read_to_string(file).unwrap().contains(&format!("To: {to}")));
}

#[test]
fn copied_and_restored_tenants_send_nothing_again() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    let run = |arguments: &[&str]| -> Value {
        let url = format!("http://{}", world.address());
        let mut command = command(world, &server, arguments);
        let output = command.env("SERVICE_URL", url).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(lines.lines().last().unwrap()).unwrap()
    };
    let folder = world.services.folder().join(unique("backups"));
    let identity = age::x25519::Identity::generate();
    let key = world.services.folder().join(unique("identity"));
    std::fs::write(&key, identity.to_string().expose_secret()).unwrap();
    let (folder, key) = (folder.to_str().unwrap(), key.to_str().unwrap());
    let recipient = identity.to_public().to_string();
    let slug = tenant.slug.as_str();
    let backup = run(&["backup", "create", folder, "--tenant", slug, "--recipient", &recipient]);
    run(&["tenant", "clone", slug, &unique("copy")]);
    deliver_all(world, &server);
    // Only the original has sent its message.
    assert_eq!(server.received(&to).len(), 1);
    let file = backup["file"].as_str().unwrap();
    run(&["backup", "restore", file, "--identity", key, "--tenant", slug]);
    assert_eq!(column(world, &tenant, &to, "failure"), [Some("copied".to_owned())]);
    deliver_all(world, &server);
    assert_eq!(server.received(&to).len(), 1);
    let id = column(world, &tenant, &to, "id").remove(0).unwrap();
    assert_eq!(world.tenantctl(&["mail", "retry", slug, &id]).status.code(), Some(4));
}

#[test]
fn only_the_settings_of_mail_allow_delivery() {
    let server = MailServer::start(MailMode::Accept);
    let without = command(World::get(), &server, &["mail", "deliver"]).output().unwrap();
    assert_eq!(without.status.code(), Some(2));
    let (world, _alone) = alone();
    let mut settings = world.settings();
    settings.remove("PUBLIC_URL");
    let refused = e2e::tenantctl(&settings, &["mail", "deliver"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("PUBLIC_URL"));
}
