use e2e::World;

use super::{Settings, run, run_with};

fn changed(name: &'static str, value: &str) -> Settings {
    let mut settings = World::get().settings();
    settings.insert(name, value.to_owned());
    settings
}

#[test]
fn wrong_usage_exits_with_two() {
    for arguments in
        [&[][..], &["nonsense"], &["tenant", "show"], &["tenant", "show", "a", "--output", "xml"]]
    {
        run(arguments).expect(2);
    }
    let problem = run(&["tenant", "show", "--output", "json"]).expect(2).problem();
    assert_eq!((&problem["code"], &problem["exit_code"]), (&"usage".into(), &2.into()));
    run(&["--help"]).expect(0);
}

#[test]
fn wrong_settings_exit_with_two() {
    let secret = "a-secret-of-the-test";
    for (name, value, text) in [
        ("MASTER_DATABASE_URL", "mysql://x", "MASTER_DATABASE_URL"),
        (
            "MASTER_DATABASE_URL",
            "postgres://u:a-secret-of-the-test@127.0.0.1/x?sslmode=maybe",
            "unknown sslmode",
        ),
        (
            "MASTER_DATABASE_URL",
            "postgres://u:a-secret-of-the-test@127.0.0.1/x?sslmode=allow",
            "not supported",
        ),
        (
            "MASTER_DATABASE_URL",
            "postgres://u:a-secret-of-the-test@127.0.0.1/x?sslkey=/k",
            "sslkey",
        ),
        (
            "MASTER_DATABASE_URL",
            "postgres://u:a-secret-of-the-test@127.0.0.1/x?sslrootcert=/none.pem",
            "/none.pem",
        ),
        (
            "TENANT_DATABASE_TEMPLATE",
            "postgres://{role}:{password}@h/tenant_{tenant_id}?sslmode=verify-full",
            "Spin does not support",
        ),
        ("REDIS_URL", "rediss://:a-secret-of-the-test@127.0.0.1/#insecure", "verification"),
        ("REDIS_CA_FILE", "/none.pem", ""),
    ] {
        let ran = run_with(&changed(name, value), &["tenant", "list"], "");
        // Only `rediss://` uses the file of Redis.
        let ran = ran.expect(if name == "REDIS_CA_FILE" { 0 } else { 2 });
        assert!(ran.err.contains(text) && !ran.err.contains(secret), "{ran:?}");
        if name != "REDIS_CA_FILE" {
            // The commands that existed before have the same code for settings.
            run_with(&changed(name, value), &["doctor"], "").expect(2);
        }
    }
}

#[test]
fn unreachable_stores_exit_with_six() {
    let nowhere = "postgres://tenancy:x@127.0.0.1:1/tenancy?sslmode=disable";
    let ran = run_with(
        &changed("MASTER_DATABASE_URL", nowhere),
        &["tenant", "list", "--output", "json"],
        "",
    );
    let problem = ran.expect(6).problem();
    assert_eq!((&problem["code"], &problem["exit_code"]), (&"unavailable".into(), &6.into()));
    // The code of commands that existed before stays.
    run_with(&changed("MASTER_DATABASE_URL", nowhere), &["migrate"], "").expect(1);
}

#[test]
fn change_without_redis_exits_with_nine() {
    let world = World::get();
    let tenant = world.tenant();
    let settings = changed("REDIS_URL", "redis://127.0.0.1:1");
    let arguments = ["tenant", "suspend", &tenant.slug, "--output", "json"];
    let ran = run_with(&settings, &arguments, "").expect(9);
    assert!(ran.document()["takes_effect_by"].is_string(), "{ran:?}");
    // The log has warnings before the problem.
    let problem: serde_json::Value = serde_json::from_str(ran.err.lines().last().unwrap()).unwrap();
    assert_eq!(problem["code"], "pending");
    // Repeating the command with Redis completes it.
    run(&["tenant", "suspend", &tenant.slug]).expect(0);
    tenant
        .get("/api/v1/tenant/info")
        .token(&tenant.admin.access_token)
        .send()
        .expect_problem(403, "tenant_suspended");
}

#[test]
fn changes_of_users_keys_and_files_without_redis_exit_with_nine() {
    let world = World::get();
    let tenant = world.tenant();
    let (slug, user) = (tenant.slug.as_str(), tenant.user("user"));
    let created = super::json(&["key", "create", slug, "pending", "--scope", "tenant:read"]);
    let key = created["api_key"].as_str().unwrap();
    let call = |token: &str| tenant.get("/api/v1/tenant/info").token(token).send();
    for token in [&user.access_token, key] {
        call(token).expect(200);
    }
    let settings = changed("REDIS_URL", "redis://127.0.0.1:1");
    let apply = format!("tenants: [{{slug: {slug}, plan: pro}}]");
    for (arguments, input) in [
        (&["user", "deactivate", slug, &user.email][..], ""),
        (&["user", "delete", slug, &user.email, "--yes"], ""),
        (&["key", "revoke", slug, created["id"].as_str().unwrap()], ""),
        (&["apply", "-f", "-", "--yes"], &apply),
    ] {
        let ran = run_with(&settings, arguments, input).expect(9);
        assert!(ran.err.contains("Redis is unreachable"), "{ran:?}");
    }
    // The changes were made. A repair publishes them.
    run(&["user", "show", slug, &user.email]).expect(3);
    assert_eq!(super::json(&["tenant", "show", slug])["plan"], "pro");
    let repaired = run(&["repair", "--older-than-minutes", "60"]);
    // The tenants that other tests interrupt may not be repairable at this moment.
    assert!([0, 1].contains(&repaired.code), "{repaired:?}");
    call(key).expect_problem(401, "invalid_api_key");
    assert_eq!(call(&user.access_token).status, 401);
    // Without a change of a credential, nothing is pending.
    let ran = run_with(&settings, &["apply", "-f", "-", "--yes"], &apply).expect(0);
    assert_eq!(ran.out, "nothing changes\n");
}

#[test]
fn completions_and_manual_pages_are_complete() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).expect(0).out;
        assert!(script.contains("reset-password") && script.contains("dry-run"), "{shell}");
    }
    let page = run(&["man"]).expect(0).out;
    assert!(page.contains(".TH") && page.contains("apply"), "{page}");
    let folder = World::get().services.folder().join("man");
    run(&["man", folder.to_str().unwrap()]).expect(0);
    for page in ["tenantctl.1", "tenantctl-tenant-create.1", "tenantctl-apply.1"] {
        assert!(folder.join(page).exists(), "{page}");
    }
}

/// The documentation lists each command with an example.
#[test]
fn documentation_names_every_command() {
    let text = std::fs::read_to_string(e2e::root().join("docs/tenantctl.md")).unwrap();
    let folder = World::get().services.folder().join("pages");
    run(&["man", folder.to_str().unwrap()]).expect(0);
    for page in std::fs::read_dir(folder).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        let command = name.trim_end_matches(".1").replacen('-', " ", 1);
        let words: Vec<_> = command.split(' ').collect();
        let [_, rest] = words[..] else { continue };
        // Names of commands may contain hyphens themselves.
        let spaced = rest.replacen('-', " ", 1);
        let is_named =
            [rest, &spaced].iter().any(|name| text.contains(&format!("tenantctl {name}")));
        assert!(is_named, "docs/tenantctl.md names tenantctl {spaced}");
    }
}
