//! `GET /metrics`

use std::{
    io::Write as _,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::World;
use serde_json::json;

fn metrics() -> String {
    let answer = World::get().get_path("/metrics").send();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    answer.text
}

fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics
        .lines()
        .find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// Waits until a series reaches a value. Other instances publish their counts within a few seconds.
#[track_caller]
fn wait_until(series: &str, least: f64) {
    let begin = Instant::now();
    while value(&metrics(), series).unwrap_or(0.0) < least {
        assert!(begin.elapsed().as_secs() < 60, "{series} is not {least}:\n{}", metrics());
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn metrics_are_summed_over_instances() {
    let world = World::get();
    let failures = "tenancy_logins_total{result=\"failure\"}";
    let refusals = "tenancy_quota_refusals_total{resource=\"ai_requests\"}";
    let infos =
        "tenancy_http_requests_total{route=\"/api/v1/tenant/info\",method=\"GET\",status=\"200\"}";
    let before = metrics();
    let count = |series: &str| value(&before, series).unwrap_or(0.0);
    let tenant = world.tenant();
    for _ in 0..3 {
        tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send().expect(200);
    }
    tenant.login(&tenant.admin.email, "wrong password").expect_problem(401, "invalid_credentials");
    tenant.limit(&json!({ "ai_requests": 0 }));
    let key = tenant.api_key(&["usage:write"]);
    let body = json!({ "resource_type": "ai_requests" });
    tenant
        .post("/api/v1/tenant/usage", &body)
        .token(&key)
        .send()
        .expect_problem(429, "quota_exceeded");
    wait_until(infos, count(infos) + 3.0);
    wait_until(failures, count(failures) + 1.0);
    wait_until(refusals, count(refusals) + 1.0);
    wait_until("tenancy_provisioning_duration_seconds_count", 1.0);
    wait_until("tenancy_redis_duration_seconds_count", 1.0);
    wait_until("tenancy_postgres_duration_seconds_count", 1.0);
    wait_until(
        "tenancy_http_request_duration_seconds_bucket{route=\"/api/v1/tenant/info\",le=\"+Inf\"}",
        3.0,
    );
    let tenants = "tenancy_tenants{status=\"active\",plan=\"enterprise\"}";
    assert!(value(&metrics(), tenants) >= Some(1.0));
    assert_eq!(value(&metrics(), "tenancy_store_up{store=\"redis\"}"), Some(1.0));
}

// S39
#[test]
fn caller_input_is_never_a_label() {
    let world = World::get();
    let tenant = world.tenant();
    let made_up = "made-up-by-a-caller";
    world.get_path("/health").send().expect(200);
    world.get_path(&format!("/{made_up}")).send().expect_problem(404, "route_not_found");
    tenant.get(&format!("/api/v1/files/{made_up}")).token(&tenant.admin.access_token).send();
    wait_until("tenancy_http_requests_total{route=\"none\",method=\"GET\",status=\"404\"}", 1.0);
    let metrics = metrics();
    // Probes access no store, not even for metrics.
    for text in [made_up, &tenant.slug, &tenant.id, "{id}{id}", "route=\"/health\""] {
        assert!(!metrics.contains(text), "{text}");
    }
}

#[test]
fn known_series_start_at_zero() {
    let world = World::get();
    // Another Redis database, without counters.
    let mut settings = world.settings();
    let redis = format!("{}/7", settings["REDIS_URL"]);
    settings.insert("REDIS_URL", redis);
    let fresh = e2e::Application::start(&settings, &world.services.folder());
    let text = e2e::Call::new(http::Method::GET, &fresh.address, "/metrics").send().text;
    for series in [
        "tenancy_logins_total{result=\"success\"}",
        "tenancy_logins_total{result=\"failure\"}",
        "tenancy_logins_total{result=\"throttled\"}",
        "tenancy_quota_refusals_total{resource=\"api_calls\"}",
        "tenancy_quota_refusals_total{resource=\"ai_requests\"}",
        "tenancy_quota_refusals_total{resource=\"storage\"}",
        "tenancy_quota_refusals_total{resource=\"users\"}",
        "tenancy_rate_limited_total",
        "tenancy_breached_password_checks_total{result=\"breached\"}",
        "tenancy_breached_password_checks_total{result=\"failed\"}",
        "tenancy_breached_password_checks_total{result=\"unknown\"}",
        "tenancy_leases_total{result=\"granted\"}",
        "tenancy_leases_total{result=\"refused\"}",
        "tenancy_lease_units_forfeited_total",
        "tenancy_lease_wait_seconds_sum",
        "tenancy_provisioning_duration_seconds_count",
        "tenancy_provisioning_duration_seconds_sum",
        "tenancy_provisioning_duration_seconds_bucket{le=\"+Inf\"}",
    ] {
        assert_eq!(value(&text, series), Some(0.0), "{series} in\n{text}");
    }
    for store in ["redis", "postgres", "key_value"] {
        let series = format!("tenancy_store_up{{store=\"{store}\"}}");
        assert_eq!(value(&text, &series), Some(1.0), "{series}");
    }
}

#[test]
fn alert_rules_fire_as_described() {
    let folder = e2e::root().join("deploy/grafana");
    let run = |arguments: &[&str]| {
        let output = Command::new("promtool").args(arguments).current_dir(&folder).output();
        let output = output.expect("promtool is installed by ./dev test");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    };
    run(&["check", "rules", "alerts.yaml"]);
    run(&["test", "rules", "alerts.test.yaml"]);
    // Rules and panels use only existing metrics.
    let metrics = metrics();
    for file in ["alerts.yaml", "tenancy.json"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let is_part = |char: char| !(char.is_ascii_lowercase() || char == '_');
        for name in text.split(is_part).filter(|name| name.starts_with("tenancy_")) {
            let family = name.trim_end_matches("_bucket");
            assert!(metrics.contains(&format!("# TYPE {family} ")), "{name} in {file}");
        }
    }
}

#[test]
fn metrics_pass_promtool_check() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed by ./dev test");
    promtool.stdin.take().unwrap().write_all(metrics().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
