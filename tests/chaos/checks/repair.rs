//! Checks that `tenantctl repair` finishes all interrupted work, and that the audit trail verifies.

use std::{process::Output, time::Instant};

use e2e::root;
use serde_json::Value;

use super::End;
use crate::violations::Promise;

/// The timeout of a command in seconds. After an hour of load there are a thousand tenants.
const SECONDS: &str = "600";

/// Runs a repair, and checks that a second repair finds nothing.
pub fn check(end: &End<'_>) {
    finish(end);
    let again = tenantctl(end, &["repair", "--older-than-minutes", "0"]);
    let output = String::from_utf8_lossy(&again.stdout);
    let leftover: Vec<_> = output.lines().filter(|line| !says_nothing(line)).collect();
    if !again.status.success() || !leftover.is_empty() {
        violate(end, "the second repair still finds something", &again);
    }
    let verified = tenantctl(end, &["audit", "verify"]);
    if !verified.status.success() {
        violate(end, "the audit trail does not verify", &verified);
    }
}

/// Runs a repair.
pub fn finish(end: &End<'_>) {
    let output = tenantctl(end, &["repair", "--older-than-minutes", "0"]);
    if !output.status.success() {
        violate(end, "repair fails", &output);
    }
    let said = String::from_utf8_lossy(&output.stdout);
    if said.lines().any(has_credential) {
        violate(end, "the output of repair has a credential", &output);
    }
}

/// Returns whether a line of the output shows a credential.
fn has_credential(line: &str) -> bool {
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    ["api_key", "setup_token"].iter().any(|name| line[name].is_string())
}

/// Returns whether a line of the output reports no work: an object of zeros.
fn says_nothing(line: &str) -> bool {
    let line: Option<Value> = serde_json::from_str(line).ok();
    line.as_ref().and_then(Value::as_object).is_some_and(|object| object.values().all(is_nothing))
}

fn is_nothing(value: &Value) -> bool {
    value == 0 || value.as_array().is_some_and(Vec::is_empty)
}

fn tenantctl(end: &End<'_>, arguments: &[&str]) -> Output {
    std::process::Command::new("timeout")
        .arg(SECONDS)
        .arg(root().join("target/tools/tenantctl"))
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(end.settings)
        .output()
        .expect("timeout runs")
}

fn violate(end: &End<'_>, problem: &str, output: &Output) {
    let (said, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let text: String = format!("{said}{error}").chars().take(1_500).collect();
    let text = text.trim().replace('\n', "\n      ");
    end.context.violate(
        Promise::Repair,
        Instant::now(),
        format!("{problem} ({}):\n      {text}", output.status),
    );
}
