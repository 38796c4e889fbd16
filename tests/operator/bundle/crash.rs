//! `tenantctl` is killed at each step of an import and of a restore.

use std::{
    process::{Child, Command, Output},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Cut, Databases, Proxy, TestTenant, Watch, World};
use http::Method;
use serde_json::json;

use super::{Folder, command, content, run, succeeded, text};

/// Runs a command whose catalog is behind a proxy, and kills it at a statement.
fn kill_at(world: &World, arguments: &[&str], statement: &'static str, cut: Cut) {
    let databases = world.services.databases();
    let proxy = Proxy::start(&databases.postgres);
    let proxied = Databases { postgres: proxy.address.clone(), ..databases };
    let url = world.services.settings(&proxied)["MASTER_DATABASE_URL"].clone();
    let process = Arc::new(AtomicU32::new(0));
    let victim = Arc::clone(&process);
    let kill = move || {
        while victim.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(1));
        }
        let id = victim.load(Ordering::SeqCst).to_string();
        assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
    };
    proxy.watch(Watch { statement, cut, action: Box::new(kill) });
    let mut command = command(world, arguments);
    let mut child: Child = command.env("MASTER_DATABASE_URL", url).spawn().unwrap();
    process.store(child.id(), Ordering::SeqCst);
    assert!(!child.wait().unwrap().success(), "it is killed at {statement}");
    assert!(proxy.has_acted(), "{statement} is reached");
    // A session of the killed process holds the lock until the server notices its end.
    sleep(Duration::from_millis(500));
}

fn tenant_with_file() -> TestTenant {
    let tenant = World::for_bundles().tenant();
    let put = tenant.put("/api/v1/files/a.bin", content(600_000));
    put.token(&tenant.admin.access_token).send().expect(201);
    tenant
}

fn count(world: &World, statement: &str, id: &str) -> i64 {
    world.services.superuser("tenancy").query_one(statement, &[&id]).unwrap().get(0)
}

/// Runs a command, and waits until PostgreSQL has noticed the end of the killed one, which held the lock.
fn run_when_unlocked(world: &World, arguments: &[&str]) -> Output {
    let begin = Instant::now();
    loop {
        let output = run(world, arguments);
        let is_locked = text(&output).contains("another command imports or restores");
        if !is_locked || begin.elapsed().as_secs() >= 20 {
            return output;
        }
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn killed_import_is_finished_by_repetition() {
    let other = World::other_installation();
    for (statement, cut) in [
        ("INSERT INTO tenant_imports", Cut::After),
        ("INSERT INTO database_credentials", Cut::Before),
        ("INSERT INTO database_credentials", Cut::After),
        ("INSERT INTO tenant_api_keys", Cut::After),
        ("INSERT INTO orphaned_files", Cut::After),
        ("INSERT INTO tenant_audit_logs", Cut::After),
        ("INSERT INTO tenant_audit_heads", Cut::Before),
        ("DELETE FROM tenant_imports", Cut::Before),
        ("DELETE FROM tenant_imports", Cut::After),
        ("COMMIT", Cut::Before),
        ("COMMIT", Cut::After),
    ] {
        let tenant = tenant_with_file();
        let folder = Folder::new();
        folder.export(&tenant, "bundle");
        let (file, identity) = (folder.file("bundle"), folder.file("identity"));
        let arguments =
            ["tenant", "import", &file, "--identity", &identity, "--from-other-installation"];
        let login = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
        let log_in = || other.post("/api/v1/auth/login", &login).slug(&tenant.slug).send();
        kill_at(other, &arguments, statement, cut);
        // Killed after its last statement, it is complete.
        let is_complete = (statement, cut) == ("COMMIT", Cut::After);
        if !is_complete {
            assert_eq!(log_in().status, 401, "{statement}");
            let imported = succeeded(&run_when_unlocked(other, &arguments));
            assert_eq!(imported["id"], tenant.id.as_str(), "{statement}");
        }
        let signed_in = log_in().expect(200);
        let files = [("a.bin", content(600_000))];
        let token = signed_in["access_token"].as_str().unwrap();
        super::assert_files(other, &tenant.slug, token, &files);
        if is_complete {
            // A tenant that was destroyed can come back under its id, and its trail continues.
            let path = format!("/admin/tenants/{}?hard_delete=true", tenant.id);
            let deleted = other.admin(Method::DELETE, &path).send();
            assert!(matches!(deleted.status, 200 | 204), "{}", deleted.text);
            assert_eq!(log_in().status, 401);
            let imported = succeeded(&run(other, &arguments));
            assert_eq!(imported["keeps_id"], true);
            let signed_in = log_in().expect(200);
            let token = signed_in["access_token"].as_str().unwrap();
            super::assert_files(other, &tenant.slug, token, &files);
            let path = "/api/v1/tenant/audit/verify";
            let verified = other.get_path(path).slug(&tenant.slug).token(token).send();
            assert_eq!(verified.expect(200)["valid"], true);
        }
    }
}

/// A plan with a name that only the source has.
fn own_plan(tenant: &TestTenant) -> String {
    let (world, plan) = (World::for_bundles(), e2e::unique("plan"));
    let limits = ["users=5", "storage=1000000", "api_calls=1000", "ai_requests=10"];
    let limits = limits.into_iter().chain(["requests_per_minute=600", "cache=1000000"]);
    let limits: Vec<_> = limits.flat_map(|limit| ["--set-limit", limit]).collect();
    for arguments in [
        [&["plan", "create", &plan][..], &limits].concat(),
        vec!["tenant", "update", &tenant.slug, "--plan", &plan],
    ] {
        let output = run(world, &arguments);
        assert!(output.status.success(), "{}", text(&output));
    }
    plan
}

/// Asserts that nothing of a tenant and of its plan is in the catalog and in the cluster.
#[track_caller]
fn assert_nothing_left(world: &World, tenant: &TestTenant, plan: &str) {
    for (statement, name) in [
        ("SELECT count(*) FROM tenants WHERE id::text = $1", tenant.id.as_str()),
        ("SELECT count(*) FROM tenant_imports WHERE tenant_id::text = $1", &tenant.id),
        ("SELECT count(*) FROM tenant_audit_logs WHERE tenant_id::text = $1", &tenant.id),
        ("SELECT count(*) FROM tenant_audit_heads WHERE chain::text = $1", &tenant.id),
        ("SELECT count(*) FROM tenant_audit_anchors WHERE chain::text = $1", &tenant.id),
        ("SELECT count(*) FROM tenant_audit_vouchers WHERE chain::text = $1", &tenant.id),
        ("SELECT count(*) FROM audit_imported_links WHERE chain::text = $1", &tenant.id),
        ("SELECT count(*) FROM audit_outbox WHERE tenant_id::text = $1", &tenant.id),
        ("SELECT count(*) FROM pg_database WHERE datname LIKE $1 || '%'", &tenant.database()),
        ("SELECT count(*) FROM pg_roles WHERE rolname LIKE $1 || '%'", &tenant.database()),
        ("SELECT count(*) FROM plans WHERE name = $1", plan),
    ] {
        assert_eq!(count(world, statement, name), 0, "{statement}");
    }
}

#[test]
fn failed_import_leaves_no_trail_and_no_plan() {
    let other = World::other_installation();
    for statement in [None, Some("INSERT INTO tenant_audit_heads"), Some("COMMIT")] {
        let tenant = tenant_with_file();
        let plan = own_plan(&tenant);
        let folder = Folder::new();
        folder.export(&tenant, "bundle");
        let (file, identity) = (folder.file("bundle"), folder.file("identity"));
        let arguments =
            ["tenant", "import", &file, "--identity", &identity, "--from-other-installation"];
        if let Some(statement) = statement {
            kill_at(other, &arguments, statement, Cut::Before);
            // It may fail for a tenant of another test.
            run(other, &["repair", "--older-than-minutes", "0"]);
        } else {
            // Only the last step needs Redis.
            let mut command = command(other, &arguments);
            let output = command.env("REDIS_URL", "redis://127.0.0.1:1").output().unwrap();
            assert_eq!(output.status.code(), Some(6), "{}", text(&output));
        }
        assert_nothing_left(other, &tenant, &plan);
        // A later bundle has more rows of the same trail.
        tenant.user("viewer");
        folder.export(&tenant, "later");
        let options = ["--from-other-installation"];
        let imported = succeeded(&folder.import(other, "later", &options));
        assert_eq!(
            (&imported["keeps_id"], &imported["created_plan"]),
            (&json!(true), &json!(plan))
        );
        let verified = run(other, &["audit", "verify", "--tenant", &tenant.slug]);
        assert!(verified.status.success(), "{}", text(&verified));
    }
}

#[test]
fn refused_import_creates_no_plan() {
    let other = World::other_installation();
    let tenant = World::for_bundles().tenant();
    let plan = own_plan(&tenant);
    let folder = Folder::new();
    folder.export(&tenant, "bundle");
    let taken = other.tenant();
    let options = ["--from-other-installation", "--slug", &taken.slug];
    super::failed(&folder.import(other, "bundle", &options), "is taken");
    assert_nothing_left(other, &tenant, &plan);
}

#[test]
fn repair_removes_a_killed_clone() {
    let world = World::for_bundles();
    let tenant = tenant_with_file();
    let slug = e2e::unique("killed");
    let arguments = ["tenant", "clone", &tenant.slug, &slug];
    kill_at(world, &arguments, "DELETE FROM tenant_imports", Cut::Before);
    let find = "SELECT id::text FROM tenants WHERE slug = $1";
    let row = world.services.superuser("tenancy").query_one(find, &[&slug]).unwrap();
    let id: String = row.get(0);
    assert_eq!(world.stored_chunks(&id).len(), 3);
    let output = run(world, &["repair", "--older-than-minutes", "0"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains(&format!("\"removed_unfinished_import\":\"{slug}\"")));
    assert_eq!(count(world, "SELECT count(*) FROM tenants WHERE slug = $1", &slug), 0);
    let role = format!("tenant_{}", id.replace('-', ""));
    let databases = "SELECT count(*) FROM pg_database WHERE datname LIKE $1 || '%'";
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1 || '%'";
    assert_eq!((count(world, databases, &role), count(world, roles, &role)), (0, 0));
    world.admin(Method::POST, "/admin/maintenance").send().expect(200);
    assert_eq!(world.stored_chunks(&id), []);
    // The original is unchanged.
    let files = [("a.bin", content(600_000))];
    super::assert_files(world, &tenant.slug, &tenant.admin.access_token, &files);
}

#[test]
fn killed_restore_leaves_a_usable_tenant() {
    let world = World::for_bundles();
    let tenant = tenant_with_file();
    let token = &tenant.admin.access_token;
    let folder = Folder::new();
    folder.export(&tenant, "backup");
    let (file, identity) = (folder.file("backup"), folder.file("identity"));
    let arguments = ["backup", "restore", &file, "--identity", &identity, "--tenant", &tenant.slug];
    for (statement, cut, is_switched) in [
        ("INSERT INTO tenant_imports", Cut::After, false),
        ("INSERT INTO database_credentials", Cut::After, false),
        ("INSERT INTO orphaned_files", Cut::After, false),
        ("UPDATE tenant_imports SET is_switched", Cut::Before, true),
        ("DELETE FROM tenant_imports", Cut::Before, true),
    ] {
        let put = tenant.put("/api/v1/files/a.bin", b"later".to_vec()).token(token).send();
        assert_eq!(put.status, 200, "{}", put.text);
        kill_at(world, &arguments, statement, cut);
        // A pooled connection to the former database was closed.
        let read = || tenant.get("/api/v1/files/a.bin").token(token).send();
        let mut answer = read();
        if answer.status == 503 {
            answer = read();
        }
        let expected = if is_switched { content(600_000) } else { b"later".to_vec() };
        assert_eq!(answer.status, 200, "{statement}: {}", answer.text);
        assert!(answer.bytes == expected, "{statement}");
        let restored = succeeded(&run_when_unlocked(world, &arguments));
        assert_eq!(restored["restored_tenant"], tenant.slug.as_str());
        assert!(read().bytes == content(600_000), "{statement}");
    }
    let output = run(world, &["repair", "--older-than-minutes", "0"]);
    assert!(output.status.success() && !text(&output).contains("restore"), "{}", text(&output));
    let beside = "SELECT count(*) FROM pg_database WHERE datname LIKE $1";
    let names = format!("{}\\_%", tenant.database());
    assert_eq!(count(world, beside, &names), 0);
}
