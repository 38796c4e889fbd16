//! Messages that are not sent.

use age::secrecy::ExposeSecret as _;
use e2e::{MailMode, MailServer, unique};
use http::Method;
use serde_json::{Value, json};

use super::{address, alone, change, column, command, deliver_all, invite, token};

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
fn copied_and_restored_tenants_send_nothing_again() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let to = address();
    let user = address::person(world, &tenant, true);
    let objection = address::moved(world, &tenant, &server, &user, &address());
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
    let copy = unique("copy");
    run(&["tenant", "clone", slug, &copy]);
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
    // A former address can still object in the restored tenant, and not in a copy.
    let tokens = "SELECT (SELECT count(*) FROM tenancy.account_tokens), (SELECT count(*) FROM tenancy.users)";
    let id = "SELECT replace(id::text, '-', '') FROM tenants WHERE slug = $1";
    let id: String = world.services.superuser("tenancy").query_one(id, &[&copy]).unwrap().get(0);
    let mut superuser = world.services.superuser(&format!("tenant_{id}"));
    let row = superuser.query_one(tokens, &[]).unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 3));
    assert_eq!(address::send(&tenant, address::OBJECT, &objection).status, 200);
}
