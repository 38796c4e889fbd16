use std::process::Command;

use e2e::Services;

use super::{Settings, run_with};

/// Returns everything that a dry run must not change: the rows of all databases, the roles, and the keys of Redis.
fn state(services: &Services, databases: &[String]) -> String {
    let mut superuser = services.superuser("tenancy");
    let mut text = String::new();
    for statement in [
        "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database",
        "SELECT string_agg(rolname || rolcanlogin || rolconnlimit, ' ' ORDER BY rolname) FROM pg_roles",
    ] {
        text += &superuser.query_one(statement, &[]).unwrap().get::<_, String>(0);
    }
    for database in databases {
        let url = format!(
            "postgres://postgres:{}@127.0.0.1:{}/{database}",
            services.value("POSTGRES_PASSWORD"),
            services.value("POSTGRES_PORT")
        );
        let dump = Command::new("pg_dump").arg(url).output().expect("pg_dump runs");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        // Newer versions of pg_dump write a random key for psql.
        let lines = String::from_utf8(dump.stdout).unwrap();
        let lines = lines
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        text.extend(lines.map(|line| format!("{line}\n")));
    }
    let mut redis = Command::new("redis-cli");
    redis.args(["-p", services.value("REDIS_PORT"), "--scan"]);
    let keys = redis.env("REDISCLI_AUTH", services.value("REDIS_PASSWORD")).output().unwrap();
    let mut keys: Vec<_> =
        String::from_utf8(keys.stdout).unwrap().lines().map(str::to_owned).collect();
    keys.sort_unstable();
    text + &keys.join("\n")
}

fn document(settings: &Settings, arguments: &[&str]) -> serde_json::Value {
    let ran = run_with(settings, &[arguments, &["--output", "json"]].concat(), "");
    ran.expect(0).document()
}

#[test]
fn dry_runs_change_no_store() {
    let services = Services::start();
    let settings = services.settings(&services.databases());
    let ctl = |arguments: &[&str]| run_with(&settings, arguments, "");
    ctl(&["migrate"]).expect(0);
    let create = ["tenant", "create", "Acme", "--slug", "acme", "--admin-email", "a@acme.example"];
    let tenant = document(&settings, &create);
    document(&settings, &["user", "create", "acme", "b@acme.example"]);
    let key = document(&settings, &["key", "create", "acme", "second", "--scope", "all"]);
    let key = key["id"].as_str().unwrap();
    let id = tenant["id"].as_str().unwrap().replace('-', "");
    let file = services.folder().join("tenants.yaml");
    std::fs::write(
        &file,
        "tenants: [{slug: acme, plan: free, status: suspended}, {slug: new, name: New, admin_email: a@new.example}]",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    // The commands above leave work for the background.
    ctl(&["repair", "--older-than-minutes", "0"]).expect(0);

    let databases = ["tenancy".to_owned(), format!("tenant_{id}")];
    let before = state(&services, &databases);
    for (arguments, shown) in [
        (
            &["tenant", "create", "New", "--slug", "new", "--admin-email", "a@new.example"][..],
            "create tenant new",
        ),
        (&["tenant", "update", "acme", "--name", "X", "--plan", "free"], "+ plan: free"),
        (&["tenant", "suspend", "acme"], "+ status: suspended"),
        (&["tenant", "activate", "acme"], "nothing changes"),
        (&["tenant", "delete", "acme"], "+ status: deleted"),
        (&["tenant", "delete", "acme", "--hard"], "removes database: tenant_"),
        (&["user", "create", "acme", "c@acme.example"], "create user c@acme.example"),
        (&["user", "update", "acme", "b@acme.example", "--role", "admin"], "+ role: admin"),
        (&["user", "deactivate", "acme", "b@acme.example"], "+ is_active: false"),
        (&["user", "activate", "acme", "b@acme.example"], "nothing changes"),
        (&["user", "reset-password", "acme", "b@acme.example"], "+ sessions: ended"),
        (&["user", "remove-second-factors", "acme", "b@acme.example"], "+ second_factors: none"),
        (&["user", "delete", "acme", "b@acme.example"], "delete user b@acme.example"),
        (&["key", "create", "acme", "third", "--scope", "users:read"], "create api_key third"),
        (&["key", "revoke", "acme", key], "revoke api_key"),
        (&["plan", "update", "free", "--set-limit", "users=77"], "+ limits.users: 77"),
        (&["plan", "delete", "pro"], "delete plan pro"),
        (&["apply", "-f", file], "Would create tenant new"),
        (&["apply", "-f", file, "--prune", "delete"], "2 planned"),
        (&["migrate"], "catalog: up to date"),
        (&["repair"], "would_publish_changes"),
        (&["reseal"], r#"{"would_reseal":0}"#),
        (&["rotate-passwords"], "would_rotate_password_of_tenant"),
        (&["relocate", "--tenant", "acme", "--to", "db.example:5432"], "would_relocate_tenant"),
        (&["audit", "prune", "--keep-months", "1"], ""),
    ] {
        let ran = ctl(&[arguments, &["--dry-run"]].concat()).expect(0);
        assert!(ran.out.contains(shown), "{arguments:?}: {ran:?}");
        let mut words = ran.out.split_whitespace();
        // The prefix of a key is no secret.
        let is_secret =
            |word: &str| word.starts_with("lds_") || (word.starts_with("ldx_") && word.len() > 20);
        assert!(!words.any(is_secret), "{ran:?}");
        let after = state(&services, &databases);
        assert_eq!(before, after, "{arguments:?} changes nothing");
    }
    // A dry run checks like the change.
    for (arguments, code) in [
        (&["tenant", "create", "Acme", "--slug", "acme", "--admin-email", "a@acme.example"][..], 4),
        (&["tenant", "update", "acme", "--plan", "nope"], 2),
        (&["tenant", "delete", "nope", "--hard"], 3),
        (&["user", "create", "acme", "b@acme.example"], 4),
        (&["plan", "delete", "enterprise"], 4),
    ] {
        ctl(&[arguments, &["--dry-run"]].concat()).expect(code);
    }
    assert_eq!(before, state(&services, &databases), "a refused dry run changes nothing");
}

#[test]
fn dry_run_is_a_stable_document() {
    let services = Services::start();
    let settings = services.settings(&services.databases());
    run_with(&settings, &["migrate"], "").expect(0);
    let update = ["plan", "update", "free", "--set-limit", "users=77", "--dry-run"];
    let shown = document(&settings, &update);
    let differences = serde_json::json!([{ "field": "limits.users", "before": 5, "after": 77 }]);
    assert_eq!(shown["differences"], differences);
    assert_eq!(shown["dry_run"], true);
    assert_eq!((&shown["action"], &shown["object"]), (&"update".into(), &"plan".into()));
    assert_eq!(shown["after"]["limits"]["users"], 77);
}
