//! Filtered lists of a long audit trail.

use std::{thread::sleep, time::Duration};

use e2e::{Application, Call, World};
use http::Method;
use postgres::Client;
use serde_json::Value;

use super::{Catalog, OLD};

const TENANT: &str = "0190a6d0-0000-7000-8000-000000000001";
const ROWS: i64 = 50_000;

/// Inserts rows that are alike, except for one old row of each kind that a filter selects.
fn fill(catalog: &Catalog) {
    let statement = format!(
        "INSERT INTO tenant_audit_logs (id, tenant_id, sequence, event, severity, result, actor_type, actor_id,
             resource_type, resource_id, mac, created_at)
         SELECT gen_random_uuid(), '{TENANT}', number, CASE number WHEN 1 THEN 'plan.changed' ELSE 'user.updated' END,
                CASE number WHEN 2 THEN 'critical' ELSE 'info' END, CASE number WHEN 3 THEN 'failure' ELSE 'success' END,
                CASE number WHEN 4 THEN 'system' ELSE 'user' END, CASE number WHEN 5 THEN 'ada' ELSE number % 9 || '' END,
                CASE number WHEN 6 THEN 'file' ELSE 'user' END, CASE number WHEN 7 THEN 'bob' ELSE number % 9 || '' END,
                sha256('mac'), now() - interval '20 days' + number * interval '1 second'
         FROM generate_series(1, {ROWS}) number; ANALYZE tenant_audit_logs"
    );
    catalog.tamper(&statement);
}

/// Returns the number of rows that finished connections have read from audit trails.
fn rows_read(superuser: &mut Client) -> i64 {
    let statement =
        "SELECT sum(COALESCE(idx_tup_fetch, 0) + seq_tup_read)::bigint FROM pg_stat_user_tables
                     WHERE relname LIKE 'tenant_audit_logs%'";
    superuser.query_one(statement, &[]).unwrap().get(0)
}

/// Stops the application, and waits until its connections have ended. They report their statistics at their end.
fn stop(application: Application, superuser: &mut Client) {
    drop(application);
    let statement = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while superuser.query_one(statement, &[]).unwrap().get::<_, i64>(0) > 0 {
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn filters_read_only_matching_rows() {
    let catalog = Catalog::new();
    fill(&catalog);
    let settings = catalog.settings((OLD, ""));
    let application = Application::start(&settings, &World::get().services.folder());
    let mut superuser = catalog.superuser();
    let before = rows_read(&mut superuser);
    for of_tenant in [format!("&tenant_id={TENANT}"), String::new()] {
        for filter in [
            "event=plan.changed",
            "event=plan.",
            "event=nothing.",
            "severity=critical",
            "succeeded=false",
            "actor=system",
            "actor=ada",
            "resource=file",
            "resource=bob",
            "event=user.updated&actor=ada",
        ] {
            let path = format!("/admin/audit?{filter}{of_tenant}");
            let call = Call::new(Method::GET, &application.address, &path);
            let page: Value = call.token(&settings["ADMIN_API_KEY"]).send().expect(200);
            let expected = usize::from(filter != "event=nothing.");
            assert_eq!(page["items"].as_array().unwrap().len(), expected, "{path}: {page}");
        }
    }
    stop(application, &mut superuser);
    let read = rows_read(&mut superuser) - before;
    assert!((1..ROWS / 10).contains(&read), "20 lists read {read} of {ROWS} rows");
}
