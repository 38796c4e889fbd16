//! The results as JSON.

use std::env;

use anyhow::Result;
use serde_json::json;

use super::Report;

pub(super) fn record(report: &Report) -> Result<String> {
    let Report { rows, versions, date, part } = report;
    let value = json!({
        "measured_at": date.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "part": part,
        "log_level": env::var("LOG_LEVEL").unwrap_or_else(|_| "INFO".to_owned()),
        "versions": versions,
        "rows": rows,
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}
