//! The rounds of a delivery that continues: tenants with new or due messages, and all tenants.

use std::{
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{MailMode, MailServer, TestTenant, World};
use serde_json::json;

use super::{address, alone, column, command, invite};

/// A delivery that continues until it is dropped.
struct Following(Child);

impl Following {
    fn start(command: &mut Command, full_round: &str) -> Self {
        command.args(["mail", "deliver", "--follow", "--full-round", full_round]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Stops and continues the process without its knowledge.
    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The tenants that the delivery visits next.
const DUE: &str = "platform:mail_due";

/// Waits until Redis has a tenant among those that are due.
#[track_caller]
fn wait_until_due(world: &World, tenant: &TestTenant) {
    let begin = Instant::now();
    while world.redis(&["ZSCORE", &world.redis_key(DUE), &tenant.id]).concat().is_empty() {
        assert!(begin.elapsed().as_secs() < 60, "the tenant is not due");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn new_message_is_sent_between_visits_of_all_tenants() {
    let (world, _alone) = alone();
    let (tenant, idle) = (world.tenant(), world.tenant());
    let server = MailServer::start(MailMode::Accept);
    let first = address();
    invite(&tenant, &json!({ "email": first }));
    let _following = Following::start(&mut command(world, &server, &[]), "86400");
    // All tenants are visited at the start.
    server.wait_for(&first, 1);
    let mut superuser = world.services.superuser("tenancy");
    let connections = |superuser: &mut postgres::Client| -> i64 {
        let statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1";
        superuser.query_one(statement, &[&idle.database()]).unwrap().get(0)
    };
    // The service closes its own connections first.
    let begin = Instant::now();
    while connections(&mut superuser) > 0 {
        assert!(begin.elapsed().as_secs() < 60, "the service keeps its connections");
        sleep(Duration::from_millis(100));
    }
    let sessions = |superuser: &mut postgres::Client| -> i64 {
        let statement = "SELECT sessions FROM pg_stat_database WHERE datname = $1";
        superuser.query_one(statement, &[&idle.database()]).unwrap().get(0)
    };
    // Work of the service in the background may open it once.
    let stays_closed = |superuser: &mut postgres::Client| {
        let before = sessions(superuser);
        for _ in 0..3 {
            let to = address();
            invite(&tenant, &json!({ "email": to }));
            server.wait_for(&to, 1);
        }
        sleep(Duration::from_secs(2));
        sessions(superuser) == before
    };
    // The database of a tenant without messages is not opened.
    assert!((0..3).any(|_| stays_closed(&mut superuser)), "it is opened in each round");
}

#[test]
fn messages_that_people_ask_for_are_sent_between_visits_of_all_tenants() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (first, to, password) = (address(), address(), "a password of a person");
    invite(&tenant, &json!({ "email": first }));
    invite(&tenant, &json!({ "email": to, "password": password }));
    let signed_in = tenant.login(&to, password).expect(200);
    let _following = Following::start(&mut command(world, &server, &[]), "86400");
    // All tenants are visited at the start.
    server.wait_for(&first, 1);
    let reset = tenant.post("/api/v1/account/password-reset", &json!({ "email": to }));
    assert_eq!(reset.send().status, 202);
    server.wait_for(&to, 1);
    let token = signed_in["access_token"].as_str().unwrap();
    let verification = tenant.post("/api/v1/account/verification", &json!({})).token(token);
    assert_eq!(verification.send().expect(202)["is_mailed"], true);
    server.wait_for(&to, 2);
}

#[test]
fn refused_message_is_sent_when_it_is_due() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Refuse));
    let to = address();
    let _following = Following::start(&mut command(world, &server, &[]), "86400");
    invite(&tenant, &json!({ "email": to }));
    let begin = Instant::now();
    while column(world, &tenant, &to, "attempts") == [Some("0".to_owned())]
        || column(world, &tenant, &to, "state") != [Some("waiting".to_owned())]
    {
        assert!(begin.elapsed().as_secs() < 60, "no attempt was made");
        sleep(Duration::from_millis(50));
    }
    server.set(MailMode::Accept);
    // The first delays are 30 s and 60 s at most.
    let begin = Instant::now();
    while server.received(&to).is_empty() {
        assert!(begin.elapsed().as_secs() < 100, "the message is not repeated");
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn lost_entry_is_repaired_by_a_visit_of_all_tenants() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (first, lost) = (address(), address());
    invite(&tenant, &json!({ "email": first }));
    let following = Following::start(&mut command(world, &server, &[]), "3");
    server.wait_for(&first, 1);
    following.signal("-STOP");
    invite(&tenant, &json!({ "email": lost }));
    wait_until_due(world, &tenant);
    world.redis(&["DEL", &world.redis_key(DUE)]);
    following.signal("-CONT");
    server.wait_for(&lost, 1);
}

#[test]
fn messages_are_sent_without_redis() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let (first, second) = (address(), address());
    invite(&tenant, &json!({ "email": first }));
    let absent = format!("redis://127.0.0.1:{}", e2e::free_port());
    let mut command = command(world, &server, &[]);
    let _following = Following::start(command.env("REDIS_URL", absent), "3");
    server.wait_for(&first, 1);
    invite(&tenant, &json!({ "email": second }));
    server.wait_for(&second, 1);
}
