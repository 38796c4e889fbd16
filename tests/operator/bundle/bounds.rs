//! A tenant whose application holds a lock delays the backups of the others by a bounded time.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Output},
    time::{Duration, Instant},
};

use age::x25519;
use e2e::{Services, root};
use postgres::Client;
use serde_json::{Value, json};

use super::text;

/// An installation without a running service, with two tenants.
struct Installation {
    services: Services,
    settings: BTreeMap<&'static str, String>,
    folder: String,
    recipient: String,
}

impl Installation {
    fn start() -> Self {
        let services = Services::start();
        let settings = services.settings(&services.databases());
        let folder = services.folder().join("backups").to_str().unwrap().to_owned();
        let recipient = x25519::Identity::generate().to_public().to_string();
        Self { services, settings, folder, recipient }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(root().join("target/tools/tenantctl"));
        command.args(arguments).env_clear().envs(&self.settings).output().unwrap()
    }

    fn create(&self, slug: &str) -> String {
        let email = "a@x.example";
        let output = self.run(&[
            "tenant",
            "create",
            slug,
            "--slug",
            slug,
            "--admin-email",
            email,
            "--output",
            "json",
        ]);
        let created: Value = serde_json::from_slice(&output.stdout).unwrap();
        format!("tenant_{}", created["id"].as_str().unwrap().replace('-', ""))
    }

    /// Runs `backup create`, and returns its exit code, its lines and its errors.
    fn back_up(&self, options: &[&str]) -> (i32, Vec<Value>, String) {
        let create = ["backup", "create", &self.folder, "--recipient", &self.recipient];
        let output = self.run(&[&create[..], options].concat());
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let code = output.status.code().unwrap();
        (code, lines, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Locks a table of a tenant's application until the session ends.
    fn lock(&self, database: &str) -> Client {
        let mut session = self.services.superuser(database);
        session.batch_execute("BEGIN; LOCK TABLE app.notes IN ACCESS EXCLUSIVE MODE").unwrap();
        session
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<_> =
            names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn locked_tenant_does_not_stop_the_others() {
    let world = Installation::start();
    assert!(world.run(&["migrate"]).status.success());
    // In the order of the slugs, the blocked tenant is first.
    let [acme, _] = ["acme", "globex"].map(|slug| world.create(slug));
    let (code, lines, errors) = world.back_up(&[]);
    assert_eq!(code, 0, "{errors}");
    let summary = json!({ "backups": 2, "failed_tenants": [], "unreadable_tenants": 0,
        "tenants_with_lost_files": [] });
    assert_eq!(lines.last(), Some(&summary));
    let notes = format!("CREATE TABLE app.notes (); ALTER TABLE app.notes OWNER TO {acme}_owner");
    world.services.superuser(&acme).batch_execute(&notes).unwrap();
    let before = world.files();

    for (options, reason) in [
        (["--lock-timeout", "1", "--tenant-timeout", "120"], "LOCK TABLE app.notes"),
        (["--lock-timeout", "600", "--tenant-timeout", "15"], "longer than 15 s"),
    ] {
        let lock = world.lock(&acme);
        let begin = Instant::now();
        let (code, lines, errors) = world.back_up(&options);
        assert!(begin.elapsed() < Duration::from_secs(90), "{:?}", begin.elapsed());
        assert_eq!(code, 8, "{errors}");
        assert!(errors.contains("the tenant acme") && errors.contains(reason), "{errors}");
        assert!(errors.contains("1 tenants have no new backup: acme"), "{errors}");
        assert_eq!(lines[0]["backed_up_tenant"], "globex");
        let summary = lines.last().unwrap();
        assert_eq!(
            (&summary["backups"], &summary["failed_tenants"]),
            (&json!(1), &json!(["acme"]))
        );
        // One tenant has the code of its failure.
        let (code, _, errors) = world.back_up(&[&options[..], &["--tenant", "acme"]].concat());
        assert!(code == 1 && errors.contains(reason), "{code}: {errors}");
        drop(lock);
    }
    // No incomplete file, no role and no session is left.
    let new: Vec<_> = world.files().into_iter().filter(|name| !before.contains(name)).collect();
    assert!(new.len() == 2 && new.iter().all(|name| name.starts_with("globex.")), "{new:?}");
    let left = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'app\\_%'";
    let left: i64 = world.services.superuser("tenancy").query_one(left, &[]).unwrap().get(0);
    assert_eq!(left, 0);
    // The next run backs it up.
    let (code, lines, errors) = world.back_up(&[]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(lines.last().unwrap()["backups"], 2);
    let create = ["backup", "create", &world.folder, "--recipient", &world.recipient];
    for option in ["--tenant-timeout", "--lock-timeout"] {
        let refused = world.run(&[&create[..], &[option, "0"]].concat());
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    }
}
