//! A tenant that is destroyed while a command visits all tenants.

use std::{
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::Services;

use super::{command, run_with};

#[test]
fn destroyed_tenant_is_no_failure_of_a_command() {
    let services = Services::start();
    let settings = services.settings(&services.databases());
    run_with(&settings, &["migrate"], "").expect(0);
    let create = |slug: &str| {
        let new = ["tenant", "create", "Acme", "--slug", slug, "--admin-email", "a@acme.example"];
        run_with(&settings, &new, "").expect(0);
    };
    create("first");
    let name = "SELECT database_name FROM tenants WHERE slug = 'first'";
    let name: String = services.superuser("tenancy").query_one(name, &[]).unwrap().get(0);
    for arguments in [&["migrate", "--jobs", "1"][..], &["migrate", "--jobs", "1", "--dry-run"]] {
        create("second");
        // The command waits at the first tenant.
        let mut holder = services.superuser(&name);
        let mut holding = holder.transaction().unwrap();
        holding
            .batch_execute("LOCK TABLE tenancy.schema_migrations IN ACCESS EXCLUSIVE MODE")
            .unwrap();
        let mut command = command(&settings, arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        let begin = Instant::now();
        while services.superuser(&name).query_one(waiting, &[]).unwrap().get::<_, i64>(0) == 0 {
            assert!(begin.elapsed().as_secs() < 60, "the command does not wait");
            sleep(Duration::from_millis(20));
        }
        run_with(&settings, &["tenant", "delete", "second", "--hard", "--yes"], "").expect(0);
        holding.rollback().unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}{errors}");
        assert!(said.contains("tenants: 1 up to date"), "{said}");
        assert!(!said.contains("second") && !errors.contains("second"), "{said}{errors}");
    }
}
