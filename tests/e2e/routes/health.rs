//! `GET /`, `/health`, `/health/detailed`

use e2e::World;
use insta::assert_json_snapshot;

#[test]
fn root_returns_name_and_version() {
    assert_json_snapshot!(World::get().get_path("/").send().expect(200), { ".version" => "[version]" });
}

#[test]
fn health_returns_200() {
    assert_json_snapshot!(World::get().get_path("/health").send().expect(200));
}

#[test]
fn detailed_health_reports_each_store() {
    let world = World::get();
    let answer = world.get_path("/health/detailed").send();
    let report = answer.expect(200);
    for store in ["catalog", "redis", "key_value"] {
        assert!(report[store]["latency_ms"].as_f64().unwrap() > 0.0, "{report}");
    }
    assert_json_snapshot!(report, { ".*.latency_ms" => "[milliseconds]" });
    // S39
    // A short number can be part of a latency.
    for secret in world.settings().values().filter(|value| value.len() > 8) {
        assert!(!answer.text.contains(secret.as_str()));
    }
}
