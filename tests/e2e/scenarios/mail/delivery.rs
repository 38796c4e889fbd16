//! Attempts to deliver a message.

use std::process::{Command, Stdio};

use e2e::{MailMode, MailServer, World, root, unique};
use serde_json::{Value, json};

use super::{address, alone, change, column, command, deliver, deliver_all, invite};

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
fn sign_in_at_the_mail_server_is_required() {
    let (world, _alone) = alone();
    let (tenant, mut server) = (world.tenant(), MailServer::with_sign_in());
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    let url = server.url.clone();
    server.url = url.replace("s3cret", "other");
    let refused = deliver(world, &server);
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && error.contains("the user or the password"), "{error}");
    assert!(!error.contains("other"), "{error}");
    assert_eq!(column(world, &tenant, &to, "attempts"), [Some("0".to_owned())]);
    server.url = url;
    deliver_all(world, &server);
    assert_eq!(server.received(&to).len(), 1);
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
