use e2e::{World, unique};
use http::Method;
use serde_json::json;

use super::{json, run, run_with};

#[test]
fn created_tenant_signs_in_over_http() {
    let world = World::get();
    let slug = unique("ctl");
    let created = json(&[
        "tenant",
        "create",
        "Command Line",
        "--slug",
        &slug,
        "--admin-email",
        "a@ctl.example",
        "--plan",
        "pro",
        "--domain",
        &format!("{slug}.example"),
        "--private-settings",
        r#"{"rate":1.10}"#,
    ]);
    assert_eq!((&created["status"], &created["plan"]), (&json!("active"), &json!("pro")));
    let setup = json!({ "setup_token": created["setup_token"], "password": "secure password" });
    world.post("/api/v1/auth/setup", &setup).send().expect(200);
    let key = created["api_key"].as_str().unwrap();
    world.get_path("/api/v1/tenant/info").token(key).send().expect(200);

    let id = created["id"].as_str().unwrap();
    let over_http = world.admin(Method::GET, &format!("/admin/tenants/{id}")).send();
    // Numbers keep their notation.
    assert!(over_http.text.contains(r#""rate":1.10"#), "{}", over_http.text);
    let listed = run(&["tenant", "list", "--search", &slug, "--output", "json"]).expect(0);
    assert!(listed.out.contains(r#""rate":1.10"#), "{}", listed.out);
    assert_eq!(listed.document()["total"], 1);
    for name in [id, &slug] {
        let shown = json(&["tenant", "show", name]);
        assert_eq!(shown["statistics"]["user_count"], 1);
    }
    let table = run(&["tenant", "list", "--search", &slug]).expect(0).out;
    assert!(table.starts_with("SLUG") && table.contains(&slug), "{table}");

    // The audit trail has the person at the command line.
    let events = json_lines(&["audit", "export", "--tenant", &slug]);
    let event = events.iter().find(|event| event["event"] == "tenant.created").expect("recorded");
    assert_eq!(event["actor_type"], "platform");
    let operator = json!({ "credential": "command_line", "name": "olivia" });
    assert_eq!(event["detail"]["operator"], operator);
}

fn json_lines(arguments: &[&str]) -> Vec<serde_json::Value> {
    run(arguments).expect(0).lines()
}

#[test]
fn password_comes_from_standard_input() {
    let world = World::get();
    let slug = unique("ctl");
    let arguments = [
        "tenant",
        "create",
        "Piped",
        "--slug",
        &slug,
        "--admin-email",
        "a@piped.example",
        "--password-stdin",
        "--output",
        "json",
    ];
    let weak = run_with(&world.settings(), &arguments, "short\n").expect(2);
    assert_eq!(weak.problem()["errors"][0]["field"], "admin_password");
    let created = run_with(&world.settings(), &arguments, "a password of the test\n").expect(0);
    assert!(created.document()["setup_token"].is_null());
    let body = json!({ "email": "a@piped.example", "password": "a password of the test" });
    world.post("/api/v1/auth/login", &body).slug(&slug).send().expect(200);
}

#[test]
fn change_takes_effect_over_http() {
    let tenant = World::get().tenant();
    let slug = tenant.slug.as_str();
    let info = || tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send();
    info().expect(200);
    let updated = json(&["tenant", "update", slug, "--name", "Renamed", "--set-limit", "users=7"]);
    assert_eq!((&updated["name"], &updated["limits"]["users"]), (&json!("Renamed"), &json!(7)));
    let shown = info().expect(200);
    assert_eq!((&shown["name"], &shown["limits"]["users"]), (&json!("Renamed"), &json!(7)));
    json(&["tenant", "update", slug, "--set-limit", "users=null"]);
    assert_ne!(info().expect(200)["limits"]["users"], 7);

    json(&["tenant", "suspend", slug]);
    info().expect_problem(403, "tenant_suspended");
    json(&["tenant", "activate", slug]);
    info().expect(200);
    let deleted = json(&["tenant", "delete", slug, "--yes"]);
    assert_eq!(deleted["status"], "deleted");
    info().expect_problem(403, "tenant_deleted");
    // A deleted tenant keeps its data, and a hard deletion removes everything.
    let listed = json(&["tenant", "list", "--status", "deleted", "--search", slug]);
    assert_eq!(listed["total"], 1);
    let destroyed = json(&["tenant", "delete", slug, "--hard", "--yes"]);
    assert_eq!(destroyed["removed"]["contents"]["users"], 1);
    run(&["tenant", "show", slug]).expect(3);
    let databases = "SELECT count(*) FROM pg_database WHERE datname = $1";
    let mut superuser = World::get().services.superuser("tenancy");
    let count: i64 = superuser.query_one(databases, &[&tenant.database()]).unwrap().get(0);
    assert_eq!(count, 0);
}

#[test]
fn creation_is_replayed_after_a_rotation_of_the_master_key() {
    let slug = unique("rotated");
    let create = ["tenant", "create", "Rotated", "--slug", &slug, "--admin-email", "a@x.example"];
    let create = [&create[..], &["--idempotency-key", &slug, "--output", "json"]].concat();
    let mut settings = World::get().settings();
    let created = run_with(&settings, &create, "").expect(0).document();
    let next = "for tests only: the next key that seals other keys".to_owned();
    let former = settings.insert("MASTER_ENCRYPTION_KEY", next).unwrap();
    settings.insert("MASTER_DECRYPTION_KEYS", former);
    let replayed = run_with(&settings, &create, "").expect(0).document();
    for secret in ["api_key", "setup_token"] {
        assert_eq!(replayed[secret], created[secret]);
    }
    // Without the former key, the credentials are not repeated.
    settings.remove("MASTER_DECRYPTION_KEYS");
    let refused = run_with(&settings, &create, "").expect(2);
    assert!(!refused.out.contains("ldx_"), "{refused:?}");
}

#[test]
fn deletion_without_confirmation_is_refused() {
    let tenant = World::get().tenant();
    for hard in [&[][..], &["--hard"]] {
        let refused = run(&[&["tenant", "delete", &tenant.slug][..], hard].concat()).expect(2);
        assert!(refused.err.contains("--yes"), "{}", refused.err);
    }
    assert_eq!(json(&["tenant", "show", &tenant.slug])["status"], "active");
}

#[test]
fn usage_report_sums_all_tenants() {
    let world = World::get();
    let (acme, globex) = (world.tenant(), world.tenant());
    for tenant in [&acme, &globex] {
        tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send().expect(200);
        // Stores the counters of today.
        json(&["usage", "report", &tenant.slug]);
    }
    let report = json(&["usage", "report", "--resource", "api_calls"]);
    let items = report["items"].as_array().unwrap();
    for tenant in [&acme, &globex] {
        assert!(items.iter().any(|item| item["tenant_slug"] == tenant.slug.as_str()), "{report}");
    }
    let today = &report["platform"][0];
    let sum: i64 = items
        .iter()
        .filter(|item| item["period"] == today["period"])
        .filter_map(|item| item["amount"].as_i64())
        .sum();
    assert_eq!(today["amount"], sum);
    run(&["usage", "report", "--from", "2030-02-01", "--to", "2030-01-01"]).expect(2);
    let table = run(&["usage", "report", &acme.slug, "--by", "month"]).expect(0).out;
    assert!(table.contains("api_calls"), "{table}");
}
