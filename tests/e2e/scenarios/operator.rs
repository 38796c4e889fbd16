//! `tenantctl`, run like an operator runs it.

use std::process::Command;

use e2e::{World, root, unique};
use serde_json::{Value, json};

#[test]
fn doctor_accepts_valid_installation() {
    let world = World::for_tools();
    let _alone = world.alone();
    let output = world.tenantctl(&["doctor"]);
    let lines = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{lines}");
    assert!(!lines.contains("bad "), "{lines}");
    assert!(lines.contains("ok    isolation"), "{lines}");
}

#[test]
fn closed_pipe_does_not_stop_work() {
    let world = World::for_tools();
    let _alone = world.alone();
    for arguments in ["doctor", "migrate", "repair", "audit verify", "--help"] {
        // The reader closes the pipe before the first line.
        let script = "{ sleep 0.2; \"$0\" $1; echo \"code $?\" >&2; } | true";
        let output = Command::new("sh")
            .args(["-c", script])
            .arg(root().join("target/tools/tenantctl"))
            .arg(arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .envs(&world.settings())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!error.contains("panicked") && !error.contains("code 101"), "{arguments}: {error}");
        if arguments != "audit verify" {
            assert!(error.contains("code 0"), "{arguments}: {error}");
        }
    }
}

// S8, S41
#[test]
fn doctor_reports_missing_and_weak_settings() {
    let world = World::for_tools();
    let doctor = |change: &dyn Fn(&mut std::collections::BTreeMap<&'static str, String>)| {
        let mut settings = world.settings();
        change(&mut settings);
        let output = Command::new(root().join("target/tools/tenantctl"))
            .args(["doctor", "--settings"])
            .env_clear()
            .envs(&settings)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (sound, _) = doctor(&|_| {});
    assert!(sound);
    for (name, value) in [
        ("JWT_SECRET_KEY", "short"),
        ("JWT_SECRET_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("JWT_SECRET_KEY", ""),
        ("MASTER_ENCRYPTION_KEY", "short"),
        ("MASTER_DECRYPTION_KEYS", "short"),
        ("ADMIN_API_KEY", "short"),
        ("MASTER_DATABASE_URL", "mysql://localhost/x"),
        ("TENANT_DATABASE_TEMPLATE", "postgres://localhost/tenants"),
        ("REDIS_URL", "localhost:6379"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("PASSWORD_ROUNDS", "1000"),
        ("PASSWORD_MIN_LENGTH", "4"),
        ("ALLOWED_ORIGINS", "*"),
        ("LOG_LEVEL", "LOUD"),
        ("MAIL_API_URL", "http://mail.example.com"),
        ("MAIL_API_FORMAT", "xml"),
        ("MAIL_API_TOKEN", "s3cret token"),
        ("BREACHED_PASSWORDS_URL", "api.pwnedpasswords.com"),
        ("BREACHED_PASSWORDS_URL", "https://api.pwnedpasswords.com/range"),
    ] {
        let (sound, error) = doctor(&|settings| {
            settings.insert(name, value.to_owned());
        });
        assert!(!sound, "{name}={value}");
        assert!(error.starts_with(&format!("tenantctl: {name} ")), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        // S39
        assert!(value.len() < 6 || !error.contains(value), "{error}");
    }
}

#[test]
fn doctor_checks_the_settings_of_calls() {
    let world = World::for_tools();
    let doctor = |changes: &[(&'static str, &str)]| {
        let mut settings = world.settings();
        settings.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let output = e2e::tenantctl(&settings, &["doctor", "--settings"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let find = |check: &str| {
            let line = text.lines().find(|line| line[6..].starts_with(&format!("{check}: ")));
            line.unwrap_or_else(|| panic!("{check}: {text}")).to_owned()
        };
        assert!(!text.contains("s3cret"), "{text}");
        (output.status.success(), find("mail"), find("breached passwords"))
    };
    let (is_sound, mail, breached) = doctor(&[]);
    assert!(is_sound && mail.starts_with("ok ") && breached.starts_with("ok "));
    assert!(breached.contains("BREACHED_PASSWORDS_URL"), "{breached}");
    let http = [
        ("MAIL_TRANSPORT", "http"),
        ("MAIL_FROM", "no-reply@saas.example"),
        ("PUBLIC_URL", "https://app.saas.example"),
        ("BREACHED_PASSWORDS_URL", "https://api.pwnedpasswords.com/"),
        ("MAIL_API_URL", "https://mail.example.com"),
        ("MAIL_API_TOKEN", "s3cret-token"),
    ];
    let (is_sound, mail, breached) = doctor(&http);
    assert!(is_sound && mail.starts_with("ok "), "{mail}");
    assert_eq!(breached[6..], *"breached passwords: listed by https://api.pwnedpasswords.com");
    let (is_sound, mail, _) = doctor(&http[..5]);
    assert!(
        !is_sound && mail.starts_with("bad ") && mail.contains("requires MAIL_API_TOKEN:"),
        "{mail}"
    );
    let (is_sound, mail, _) = doctor(&http[..4]);
    assert!(!is_sound && mail.contains("MAIL_API_URL and MAIL_API_TOKEN"), "{mail}");
}

fn all_scopes() -> Vec<&'static str> {
    tenancy::access::Scope::ALL.iter().map(|scope| scope.as_str()).collect()
}

#[test]
fn repair_finishes_interrupted_tenant() {
    let _alone = World::for_tools().alone();
    let world = World::for_tools();
    let slug = unique("crashed");
    let mut catalog = world.services.superuser("tenancy");
    let body = json!({ "name": "Crashed", "admin_email": "a@crashed.example", "slug": slug });
    let created = world.admin_post("/admin/tenants", &body).send().expect(201);
    // Simulates a creation that was killed before its second statement.
    let database = format!("tenant_{}", created["id"].as_str().unwrap().replace('-', ""));
    catalog.batch_execute(&format!("DROP DATABASE \"{database}\" WITH (FORCE)")).unwrap();
    let begin =
        "UPDATE tenants SET status = 'provisioning' WHERE slug = $1 RETURNING database_role";
    let role: String = catalog.query_one(begin, &[&slug]).unwrap().get(0);
    catalog.batch_execute(&format!("DROP ROLE \"{role}\"")).unwrap();
    catalog
        .execute(
            "DELETE FROM tenant_api_keys WHERE tenant_id = (SELECT id FROM tenants WHERE slug = $1)",
            &[&slug],
        )
        .unwrap();

    let too_early = world.tenantctl(&["repair"]);
    assert!(!String::from_utf8_lossy(&too_early.stdout).contains(&slug));
    world.changed_earlier(&slug);
    let output = world.tenantctl(&["repair", "--older-than-minutes", "60"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let finished = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["slug"] == slug.as_str())
        .expect("the tenant is reported");
    assert_eq!(finished.as_object().unwrap().len(), 2, "no credential is printed: {finished}");
    // The operator creates a key, and uses it to get a setup token for the administrator.
    let id = finished["finished_tenant"].as_str().unwrap();
    let scopes = json!({ "name": "after a crash", "scopes": all_scopes() });
    let key = world.admin_post(&format!("/admin/tenants/{id}/api-keys"), &scopes).send();
    let key = key.expect(201)["api_key"].as_str().unwrap().to_owned();
    let users = world.get_path("/api/v1/users").header("x-api-key", &key).send().expect(200);
    let reset =
        format!("/api/v1/users/{}/reset-password", users["items"][0]["id"].as_str().unwrap());
    let reset = world.post(&reset, &json!({})).header("x-api-key", &key).send().expect(200);
    let setup = json!({ "setup_token": reset["setup_token"], "password": "secure_password" });
    world.post("/api/v1/auth/setup", &setup).send().expect(200);
    let again = world.tenantctl(&["repair", "--older-than-minutes", "60"]);
    assert!(!String::from_utf8_lossy(&again.stdout).contains(&slug));
}

#[test]
fn repair_keeps_existing_password() {
    let _alone = World::for_tools().alone();
    let world = World::for_tools();
    let tenant = world.tenant();
    let begin = "UPDATE tenants SET status = 'provisioning' WHERE slug = $1";
    world.services.superuser("tenancy").execute(begin, &[&tenant.slug]).unwrap();
    world.changed_earlier(&tenant.slug);
    let output = world.tenantctl(&["repair", "--older-than-minutes", "60"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    tenant.login(&tenant.admin.email, &tenant.admin.password).expect(200);
    let token = &tenant.created["setup_token"];
    let setup = json!({ "setup_token": token, "password": "another password" });
    world.post("/api/v1/auth/setup", &setup).send().expect_problem(401, "invalid_setup_token");
}

#[test]
fn repair_drops_orphaned_database_copy() {
    let _alone = World::for_tools().alone();
    let world = World::for_tools();
    let tenant = world.tenant();
    let copy = format!("{}_copy", tenant.database());
    let create = format!("CREATE DATABASE {copy} OWNER tenancy ALLOW_CONNECTIONS false");
    world.services.superuser("tenancy").batch_execute(&create).unwrap();
    let output = world.tenantctl(&["repair"]);
    let lines = String::from_utf8_lossy(&output.stdout);
    assert!(lines.contains(&format!(r#"{{"dropped_leftover":"{copy}"}}"#)), "{lines}");
    tenant.login(&tenant.admin.email, &tenant.admin.password).expect(200);
}

#[test]
fn repair_drops_orphaned_template() {
    let _alone = World::for_tools().alone();
    let world = World::for_tools();
    let mut superuser = world.services.superuser("tenancy");
    let create = "CREATE DATABASE tenancy_tenant_v1_12345 OWNER tenancy ALLOW_CONNECTIONS false";
    superuser.batch_execute(create).unwrap();
    let output = world.tenantctl(&["repair"]);
    let lines = String::from_utf8_lossy(&output.stdout);
    assert!(lines.contains(r#"{"dropped_template":"tenancy_tenant_v1_12345"}"#), "{lines}");
}
