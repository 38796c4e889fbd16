//! Locks: a dry run holds none while the reader of its output pauses it, and a migration gives way to other transactions.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::Services;
use postgres::Client;

use super::{Settings, command, run_with};

/// A command that waits for the reader of its output.
struct Paused {
    child: Child,
    output: UnixStream,
}

impl Paused {
    fn start(settings: &Settings, arguments: &[&str]) -> Self {
        let (output, mut full) = UnixStream::pair().unwrap();
        full.set_nonblocking(true).unwrap();
        let refused = loop {
            if let Err(error) = full.write(&[b' '; 4_096]) {
                break error;
            }
        };
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        full.set_nonblocking(false).unwrap();
        let mut command = command(settings, arguments);
        let child = command.stdin(Stdio::null()).stdout(Stdio::from(OwnedFd::from(full)));
        Self { child: child.spawn().unwrap(), output }
    }

    /// Reads a part of the output, so that the command continues to its next line or to its end.
    fn read_some(&mut self) {
        let mut bytes = vec![0; 16_384];
        assert!(self.output.read(&mut bytes).unwrap() > 0);
    }

    /// Reads the rest of the output, and returns it with the exit code.
    fn end(mut self) -> (String, i32) {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        (text.trim().to_owned(), self.child.wait().unwrap().code().unwrap())
    }
}

/// Waits until the sessions of the command are idle.
fn wait_until_idle(superuser: &mut Client) {
    let idle = "SELECT count(*) FILTER (WHERE state_change < now() - interval '300 milliseconds'
                                          AND state LIKE 'idle%'), count(*)
                FROM pg_stat_activity WHERE usename ~ '^tena'";
    let begin = Instant::now();
    loop {
        let row = superuser.query_one(idle, &[]).unwrap();
        let (idle, all): (i64, i64) = (row.get(0), row.get(1));
        if all > 0 && idle == all {
            return;
        }
        assert!(begin.elapsed().as_secs() < 60, "{idle} of {all} sessions are idle");
        sleep(Duration::from_millis(20));
    }
}

/// Asserts that the command has a session, and no lock that anyone could wait for.
#[track_caller]
fn assert_no_locks(superuser: &mut Client, arguments: &[&str]) {
    wait_until_idle(superuser);
    let held = "SELECT string_agg(locktype || ' ' || mode || ' ' || COALESCE(relation::regclass::text, ''), ', ')
                FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                WHERE a.usename ~ '^tena' AND locktype <> 'virtualxid'";
    let held: Option<String> = superuser.query_one(held, &[]).unwrap().get(0);
    assert_eq!(held, None, "{arguments:?}");
    superuser
        .batch_execute(
            "BEGIN; LOCK TABLE tenants, plans, tenant_domains, tenant_api_keys IN ACCESS EXCLUSIVE MODE NOWAIT; ROLLBACK",
        )
        .unwrap();
}

#[test]
fn paused_dry_run_holds_no_locks() {
    let services = Services::start();
    let settings = services.settings(&services.databases());
    let ctl = |arguments: &[&str]| run_with(&settings, arguments, "");
    ctl(&["migrate"]).expect(0);
    let create = ["tenant", "create", "Acme", "--slug", "acme", "--admin-email", "a@acme.example"];
    ctl(&create).expect(0);
    let file = services.folder().join("tenants.yaml");
    let settings_of_each = "x".repeat(8_000);
    let new = (0..40).map(|number| {
        format!(
            ", {{slug: new-{number}, name: New, admin_email: a@x.example, settings: {{a: {settings_of_each}}}}}"
        )
    });
    let text = format!("tenants: [{{slug: acme, plan: free}}{}]", new.collect::<String>());
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let mut superuser = services.superuser("tenancy");
    for arguments in [
        &["apply", "-f", file, "--dry-run"][..],
        &["apply", "-f", file, "--dry-run", "--output", "json"],
        &["plan", "update", "free", "--set-limit", "users=7", "--dry-run"],
        &["tenant", "update", "acme", "--plan", "free", "--dry-run"],
        &["tenant", "suspend", "acme", "--dry-run"],
        &["user", "create", "acme", "b@acme.example", "--dry-run"],
        &["key", "create", "acme", "second", "--scope", "all", "--dry-run"],
        &["reseal", "--dry-run"],
    ] {
        let mut paused = Paused::start(&settings, arguments);
        assert_no_locks(&mut superuser, arguments);
        if arguments[0] == "apply" {
            // Between the items, too.
            paused.read_some();
            assert_no_locks(&mut superuser, arguments);
        }
        let (output, code) = paused.end();
        assert_eq!(code, 0, "{arguments:?}: {output}");
    }
}

#[test]
fn migration_behind_long_transaction_names_the_cause() {
    let services = Services::start();
    let settings = services.settings(&services.databases());
    run_with(&settings, &["migrate"], "").expect(0);
    let mut superuser = services.superuser("tenancy");
    // The migration creates the last month again.
    let last = "SELECT max(relname)::text FROM pg_class WHERE relname ~ '^tenant_audit_logs_[0-9]{4}_[0-9]{2}$'";
    let last: String = superuser.query_one(last, &[]).unwrap().get(0);
    superuser.batch_execute(&format!("DROP TABLE {last}")).unwrap();
    let mut transaction = superuser.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE tenant_audit_logs IN ROW EXCLUSIVE MODE").unwrap();
    let output = command(&settings, &["migrate"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{errors}");
    assert!(errors.contains("another transaction has a table locked"), "{errors}");
    transaction.rollback().unwrap();
    run_with(&settings, &["migrate"], "").expect(0);
}
