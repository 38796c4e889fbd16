//! Messages that the service sends itself, through the HTTP API of a mail service.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::MutexGuard,
    thread::sleep,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use e2e::{Call, MailApi, MailApiMode as Mode, Redis, TestTenant, World};
use http::Method;
use platform::{Clock as _, native::NativeClock};
use serde_json::{Value, json};

use super::{address, change, column, token};

/// Prevents other tests from sending the messages of this one.
fn alone() -> (&'static World, &'static MailApi, MutexGuard<'static, ()>) {
    World::alone_with_mail_api()
}

/// Invites a user. The service sends the message without another request.
fn invite_to(world: &World, tenant: &TestTenant, to: &str) -> Value {
    invite_at(world.address(), tenant, to)
}

/// Invites a user at an application.
fn invite_at(address: &str, tenant: &TestTenant, to: &str) -> Value {
    let call = Call::new(Method::POST, address, "/api/v1/users").slug(&tenant.slug);
    let call = call.token(&tenant.admin.access_token).json(&json!({ "email": to }));
    let created = call.send().expect(201);
    assert_eq!((&created["is_mailed"], &created["setup_token"]), (&json!(true), &Value::Null));
    created
}

/// Sends a request to `/admin`, after which an application sends the messages that are due.
fn trigger(address: &str, world: &World) {
    Call::new(Method::GET, address, "/admin/plans").token(&world.admin_key()).send().expect(200);
}

/// Waits until a column of the message to an address has a value.
#[track_caller]
fn wait_until(world: &World, tenant: &TestTenant, to: &str, name: &str, value: &str) {
    let begin = Instant::now();
    loop {
        let found = column(world, tenant, to, name);
        if found == [Some(value.to_owned())] {
            return;
        }
        assert!(begin.elapsed().as_secs() < 60, "{name} is {found:?} instead of {value}");
        sleep(Duration::from_millis(50));
    }
}

/// Makes all messages of a tenant due.
fn make_due(world: &World, tenant: &TestTenant) {
    let statement = "UPDATE tenancy.mail_messages SET next_attempt_at = now() - interval '1 s' \
                     WHERE state = 'waiting'";
    change(world, tenant, statement);
}

fn maintain(world: &World) {
    maintain_at(world.address(), world);
}

/// Prevents the application of the world from visiting a tenant that was due at its creation.
fn forget_due(world: &World, tenant: &TestTenant) {
    // The entry is written after the response.
    sleep(Duration::from_secs(1));
    world.redis(&["ZREM", &world.redis_key("platform:mail_due"), &tenant.id]);
}

/// Sends the requests of maintenance to an application.
fn maintain_at(address: &str, world: &World) {
    let mut after = String::new();
    loop {
        let path = format!("/admin/maintenance{after}");
        let call = Call::new(Method::POST, address, &path).token(&world.admin_key());
        let report = call.send().expect(200);
        match report["next_cursor"].as_str() {
            Some(cursor) => after = format!("?after={cursor}"),
            None => return,
        }
    }
}

// S51
#[test]
fn invited_user_receives_a_link_within_seconds() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    invite_to(world, &tenant, &to);
    let received = api.wait_for(&to, 1).remove(0);
    wait_until(world, &tenant, &to, "state", "sent");
    assert_eq!(received.path, "/emails");
    assert_eq!(received.headers["authorization"], "Bearer s3cret-mail-token");
    let id = column(world, &tenant, &to, "id").remove(0).unwrap();
    assert_eq!(received.headers["idempotency-key"], id);
    assert_eq!(received.body["to"], json!([to]));
    assert!(received.body["from"].as_str().unwrap().ends_with("<no-reply@saas.example>"));
    let setup = json!({
        "setup_token": token(received.body["text"].as_str().unwrap()),
        "password": "a password for tests",
    });
    tenant.post("/api/v1/auth/setup", &setup).send().expect(200);
    tenant.wait_until_audited("mail.sent", 1);
    // The message is sent once.
    maintain(world);
    assert_eq!(api.received(&to).len(), 1);
    // The log has neither the token of the mail service nor that of the user.
    for secret in ["s3cret-mail-token", "lds_"] {
        assert_eq!(world.logged(secret), "");
    }
}

#[test]
fn refused_message_waits_as_long_as_the_service_asks() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    api.set(&to, Mode::Busy(600));
    invite_to(world, &tenant, &to);
    api.wait_for(&to, 1);
    wait_until(world, &tenant, &to, "state", "waiting");
    wait_until(world, &tenant, &to, "unanswered", "0");
    let next = column(world, &tenant, &to, "to_json(next_attempt_at)#>>'{}'").remove(0).unwrap();
    let next: DateTime<Utc> = next.parse().unwrap();
    assert!(next - NativeClock.now() > TimeDelta::seconds(500), "{next}");
    maintain(world);
    assert_eq!(api.received(&to).len(), 1);
    api.set(&to, Mode::Status(200));
    make_due(world, &tenant);
    maintain(world);
    wait_until(world, &tenant, &to, "state", "sent");
    let received = api.received(&to);
    assert_eq!(received.len(), 2);
    let keys: Vec<_> = received.iter().map(|request| &request.headers["idempotency-key"]).collect();
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn failures_of_the_service_have_outcomes() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    for (mode, state, failure) in [
        (Mode::Status(503), "waiting", None),
        (Mode::Status(401), "waiting", None),
        (Mode::Status(400), "dead", Some("rejected")),
        (Mode::Status(422), "dead", Some("rejected")),
    ] {
        let to = address();
        api.set(&to, mode);
        invite_to(world, &tenant, &to);
        api.wait_for(&to, 1);
        wait_until(world, &tenant, &to, "state", state);
        assert_eq!(column(world, &tenant, &to, "unanswered"), [Some("0".to_owned())], "{mode:?}");
        assert_eq!(column(world, &tenant, &to, "failure"), [failure.map(str::to_owned)]);
        assert_eq!(api.received(&to).len(), 1, "{mode:?}");
    }
}

// S51
#[test]
fn message_without_answer_is_sent_twice_at_most() {
    let (world, api, _alone) = alone();
    for mode in [Mode::Stall, Mode::Drop, Mode::Status(500), Mode::Status(502)] {
        let tenant = world.tenant();
        let to = address();
        api.set(&to, mode);
        invite_to(world, &tenant, &to);
        api.wait_for(&to, 1);
        wait_until(world, &tenant, &to, "state", "waiting");
        assert_eq!(column(world, &tenant, &to, "unanswered"), [Some("1".to_owned())], "{mode:?}");
        make_due(world, &tenant);
        maintain(world);
        wait_until(world, &tenant, &to, "failure", "unanswered");
        maintain(world);
        assert_eq!(api.received(&to).len(), 2, "{mode:?}");
    }
}

// S51
#[test]
fn redirect_is_not_followed() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    api.set(&to, Mode::Redirect);
    invite_to(world, &tenant, &to);
    api.wait_for(&to, 1);
    wait_until(world, &tenant, &to, "state", "waiting");
    assert!(!api.has_received("/elsewhere"));
}

#[test]
fn endless_response_is_not_read() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    api.set(&to, Mode::Flood);
    invite_to(world, &tenant, &to);
    wait_until(world, &tenant, &to, "state", "sent");
    assert_eq!(api.received(&to).len(), 1);
}

// S51
#[test]
fn strangers_cannot_reach_the_component_that_sends() {
    let (world, api, _alone) = alone();
    let to = address();
    let message = json!({
        "id": "0197c5f0-6b1c-7a53-9d7c-0a3e4f5b6c7d", "sender": "A", "from": "a@b.example", "to": to,
        "subject": "s", "text": "t", "html": "h",
    });
    let body = message.to_string();
    for path in ["/mail", "/outbound/mail", "/outbound", "/api/v1/mail"] {
        for host in ["outbound.spin.internal", "localhost"] {
            let mut stream = TcpStream::connect(world.address()).unwrap();
            let request = format!(
                "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            // The host closes the connection of a request with a name of its own.
            if stream.read_to_end(&mut answer).is_ok() {
                let answer = String::from_utf8_lossy(&answer);
                let is_refused = answer.is_empty() || answer.starts_with("HTTP/1.1 404 ");
                assert!(is_refused, "{path} {host}: {answer}");
            }
        }
    }
    assert!(api.received(&to).is_empty());
}

#[test]
fn each_format_has_its_path() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    forget_due(world, &tenant);
    // The other application does not see the tenants that are due in this Redis.
    let redis = Redis::start();
    for (format, path, header) in
        [("json", "/messages", "authorization"), ("postmark", "/email", "x-postmark-server-token")]
    {
        let application = world.application_on(&redis, &[("MAIL_API_FORMAT", format)]);
        let to = address();
        invite_at(&application.address, &tenant, &to);
        let received = api.wait_for(&to, 1).remove(0);
        assert_eq!(received.path, path);
        assert!(received.headers[header].ends_with("s3cret-mail-token"), "{format}");
        wait_until(world, &tenant, &to, "state", "sent");
    }
}

#[test]
fn missing_settings_keep_the_message() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    forget_due(world, &tenant);
    // The other application does not see the tenants that are due in this Redis.
    let redis = Redis::start();
    let application = world.application_on(&redis, &[("MAIL_API_TOKEN", "")]);
    let to = address();
    invite_at(&application.address, &tenant, &to);
    let begin = Instant::now();
    loop {
        let log = std::fs::read_to_string(application.log()).unwrap();
        if log.contains("MAIL_API_TOKEN must be") {
            break;
        }
        assert!(begin.elapsed().as_secs() < 60, "{log}");
        sleep(Duration::from_millis(50));
    }
    wait_until(world, &tenant, &to, "state", "waiting");
    for name in ["attempts", "unanswered"] {
        assert_eq!(column(world, &tenant, &to, name), [Some("0".to_owned())], "{name}");
    }
    assert!(api.received(&to).is_empty());
    drop(application);
    // Another process sends it.
    make_due(world, &tenant);
    maintain(world);
    wait_until(world, &tenant, &to, "state", "sent");
}

#[test]
fn lost_entry_is_repaired_by_maintenance() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    api.set(&to, Mode::Busy(3600));
    invite_to(world, &tenant, &to);
    let key = world.redis_key("platform:mail_due");
    // The visit has ended when the tenant is due later than a tenant that is taken.
    let least = (NativeClock.now() + TimeDelta::minutes(30)).timestamp_millis();
    let begin = Instant::now();
    loop {
        let score = world.redis(&["ZSCORE", &key, &tenant.id]).concat();
        if score.trim().parse().is_ok_and(|at: i64| at > least) {
            break;
        }
        assert!(begin.elapsed().as_secs() < 60, "the tenant is due at {score:?}");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(api.received(&to).len(), 1);
    // Without the entry, only maintenance finds the message.
    world.redis(&["ZREM", &key, &tenant.id]);
    api.set(&to, Mode::Status(202));
    make_due(world, &tenant);
    maintain(world);
    wait_until(world, &tenant, &to, "state", "sent");
    assert_eq!(api.received(&to).len(), 2);
}

#[test]
fn tenantctl_leaves_the_messages_to_the_service() {
    let (world, _, _alone) = alone();
    let refused = world.tenantctl(&["mail", "deliver"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the service sends"));
}

#[test]
fn person_receives_a_link_without_another_request() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    let to = address();
    let created = invite_to(world, &tenant, &to);
    let link = api.wait_for(&to, 1).remove(0);
    let setup = json!({
        "setup_token": token(link.body["text"].as_str().unwrap()),
        "password": "a password for tests",
    });
    tenant.post("/api/v1/auth/setup", &setup).send().expect(200);
    // A forgotten password, and a reset by an administrator.
    let forgotten = tenant.post("/api/v1/account/password-reset", &json!({ "email": to }));
    assert_eq!(forgotten.send().status, 202);
    let link = api.wait_for(&to, 2).remove(1);
    assert!(token(link.body["text"].as_str().unwrap()).starts_with("ldp_"));
    let path = format!("/api/v1/users/{}/reset-password", created["id"].as_str().unwrap());
    let reset = tenant.post(&path, &json!({})).token(&tenant.admin.access_token);
    assert_eq!(reset.send().expect(200)["is_mailed"], true);
    let link = api.wait_for(&to, 3).remove(2);
    assert!(token(link.body["text"].as_str().unwrap()).starts_with("lds_"));
    assert_eq!(api.received(&to).len(), 3);
}

#[test]
fn refused_message_is_sent_after_other_requests() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    let of_a_user = || {
        tenant.get("/api/v1/profile").token(&tenant.admin.access_token).send().expect(200);
    };
    let of_an_operator = || trigger(world.address(), world);
    let others: [&dyn Fn(); 2] = [&of_a_user, &of_an_operator];
    for other in others {
        let to = address();
        api.set(&to, Mode::Busy(1));
        invite_to(world, &tenant, &to);
        api.wait_for(&to, 1);
        api.set(&to, Mode::Status(202));
        let begin = Instant::now();
        while api.received(&to).len() < 2 {
            assert!(begin.elapsed().as_secs() < 90, "the message is not sent again");
            other();
            sleep(Duration::from_millis(200));
        }
        wait_until(world, &tenant, &to, "state", "sent");
    }
}

/// Ends the claim of a process that was killed.
fn expire_claim(world: &World, tenant: &TestTenant) {
    let expired = "UPDATE tenancy.mail_messages SET claimed_until = now() - interval '1 s' \
                   WHERE state = 'sending'";
    assert_eq!(change(world, tenant, expired), 1);
}

// S51
#[test]
fn service_that_is_killed_before_it_sends_loses_no_message() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    forget_due(world, &tenant);
    // The other application does not see the tenants that are due in this Redis.
    let redis = Redis::start();
    // It accepts connections, and nobody reads them.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", deaf.local_addr().unwrap());
    let killed = world.application_on(&redis, &[("MAIL_API_URL", &url)]);
    let to = address();
    invite_at(&killed.address, &tenant, &to);
    wait_until(world, &tenant, &to, "state", "sending");
    killed.kill();
    drop((killed, deaf));
    assert_eq!(column(world, &tenant, &to, "state"), [Some("sending".to_owned())]);
    // The claim is valid, so no other process sends the message.
    let next = world.application_on(&redis, &[]);
    maintain_at(&next.address, world);
    sleep(Duration::from_secs(3));
    assert!(api.received(&to).is_empty());
    expire_claim(world, &tenant);
    maintain_at(&next.address, world);
    wait_until(world, &tenant, &to, "state", "sent");
    assert_eq!(api.received(&to).len(), 1);
}

// S51
#[test]
fn service_that_is_killed_while_it_sends_repeats_once() {
    let (world, api, _alone) = alone();
    let tenant = world.tenant();
    forget_due(world, &tenant);
    // The other application does not see the tenants that are due in this Redis.
    let redis = Redis::start();
    let to = address();
    api.set(&to, Mode::Stall);
    let mut application = world.application_on(&redis, &[]);
    invite_at(&application.address, &tenant, &to);
    for round in 1..=2 {
        api.wait_for(&to, round);
        application.kill();
        assert_eq!(column(world, &tenant, &to, "state"), [Some("sending".to_owned())]);
        assert_eq!(column(world, &tenant, &to, "unanswered"), [Some(round.to_string())]);
        expire_claim(world, &tenant);
        application.restart();
        maintain_at(&application.address, world);
    }
    // The mail service may have accepted both attempts.
    wait_until(world, &tenant, &to, "failure", "unanswered");
    let received = api.received(&to);
    assert_eq!(received.len(), 2);
    let keys: Vec<_> = received.iter().map(|request| &request.headers["idempotency-key"]).collect();
    assert_eq!(keys[0], keys[1]);
}
