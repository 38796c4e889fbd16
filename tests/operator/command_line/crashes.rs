use std::{
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
};

use e2e::{Cut, Databases, Proxy, Watch, World, unique};

use super::{Settings, command, run_with};

/// Runs `tenantctl` through a proxy, and kills it with SIGKILL at a statement. Returns settings for its repetition.
fn killed(
    proxy: &Proxy,
    settings: &Settings,
    statement: &'static str,
    cut: Cut,
    arguments: &[&str],
) {
    let process = Arc::new(OnceLock::new());
    let victim = Arc::clone(&process);
    let action = Box::new(move || {
        let id: &u32 = victim.wait();
        Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap();
    });
    proxy.watch(Watch { statement, cut, action });
    let mut child = command(settings, arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    process.set(child.id()).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "{statement} {cut:?}: it is killed");
    assert!(proxy.has_acted(), "{statement} is among the statements");
    proxy.open();
}

fn proxied() -> (Proxy, Settings) {
    let world = World::get();
    let direct = world.services.databases();
    let proxy = Proxy::start(&direct.postgres);
    let databases = Databases { postgres: proxy.address.clone(), ..direct };
    let settings = world.services.settings(&databases);
    (proxy, settings)
}

fn count(statement: &str, parameter: &str) -> i64 {
    let mut superuser = World::get().services.superuser("tenancy");
    superuser.query_one(statement, &[&parameter]).unwrap().get(0)
}

#[test]
fn killed_creation_is_repeatable() {
    for statement in [
        "INSERT INTO tenants",
        "CREATE DATABASE",
        "INSERT INTO users",
        "UPDATE tenants SET status = ",
    ] {
        for cut in [Cut::Before, Cut::After] {
            let (proxy, settings) = proxied();
            let slug = unique("killed");
            let create = [
                "tenant",
                "create",
                "Killed",
                "--slug",
                &slug,
                "--admin-email",
                "a@killed.example",
                "--idempotency-key",
                &slug,
                "--output",
                "json",
            ];
            killed(&proxy, &settings, statement, cut, &create);
            let created = run_with(&settings, &create, "").expect(0).document();
            assert_eq!(created["status"], "active", "{statement} {cut:?}");
            assert!(created["api_key"].is_string() && created["setup_token"].is_string());
            // The same key returns the same credentials.
            let again = run_with(&settings, &create, "").expect(0).document();
            assert_eq!(again["api_key"], created["api_key"]);
            assert_eq!(count("SELECT count(*) FROM tenants WHERE slug = $1", &slug), 1);
            let database = format!("tenant_{}", created["id"].as_str().unwrap().replace('-', ""));
            assert_eq!(count("SELECT count(*) FROM pg_database WHERE datname = $1", &database), 1);
            run_with(&settings, &["tenant", "delete", &slug, "--hard", "--yes"], "").expect(0);
        }
    }
}

#[test]
fn killed_destruction_is_repeatable() {
    for statement in ["update_tenant", "DROP DATABASE", "DROP ROLE", "DELETE FROM tenants"] {
        for cut in [Cut::Before, Cut::After] {
            let (proxy, settings) = proxied();
            let slug = unique("killed");
            let create = [
                "tenant",
                "create",
                "Killed",
                "--slug",
                &slug,
                "--admin-email",
                "a@killed.example",
                "--output",
                "json",
            ];
            let created = run_with(&settings, &create, "").expect(0).document();
            let delete = ["tenant", "delete", &slug, "--hard", "--yes"];
            killed(&proxy, &settings, statement, cut, &delete);
            let again = run_with(&settings, &delete, "");
            // After the last statement, nothing is left to delete.
            let is_over = (statement, cut) == ("DELETE FROM tenants", Cut::After);
            again.expect(if is_over { 3 } else { 0 });
            let name = format!("tenant_{}", created["id"].as_str().unwrap().replace('-', ""));
            for statement in [
                "SELECT count(*) FROM pg_database WHERE datname = $1",
                "SELECT count(*) FROM pg_roles WHERE rolname = $1",
            ] {
                assert_eq!(count(statement, &name), 0, "{statement} {cut:?}");
            }
            assert_eq!(count("SELECT count(*) FROM tenants WHERE slug = $1", &slug), 0);
        }
    }
}

/// Kills the tool after some of the tenants of a file were created. The next run finishes.
#[test]
fn killed_application_of_file_is_repeatable() {
    let (proxy, settings) = proxied();
    let slugs = [unique("killed"), unique("killed"), unique("killed")];
    let tenants: Vec<_> = slugs
        .iter()
        .map(|slug| {
            format!("- {{slug: {slug}, name: A, admin_email: a@x.example, limits: {{users: 3}}}}\n")
        })
        .collect();
    let path = World::get().services.folder().join(unique("tenants"));
    std::fs::write(&path, format!("tenants:\n{}", tenants.concat())).unwrap();
    let apply = ["apply", "-f", path.to_str().unwrap(), "--yes", "--jobs", "1"];
    killed(&proxy, &settings, "update_tenant", Cut::Before, &apply);
    run_with(&settings, &apply, "").expect(0);
    assert_eq!(run_with(&settings, &apply, "").expect(0).out, "nothing changes\n");
    for slug in &slugs {
        let limits = "SELECT (limit_overrides->>'max_users')::bigint FROM tenants WHERE slug = $1 AND status = 'active'";
        assert_eq!(count(limits, slug), 3);
        run_with(&settings, &["tenant", "delete", slug, "--hard", "--yes"], "").expect(0);
    }
}
