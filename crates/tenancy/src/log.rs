//! The log: a JSON object a line on standard output.
//!
//! Values are written as JSON, which escapes control characters: no line can be forged from what a
//! caller sends.

use std::io::Write as _;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{error::Error, settings::Level, tenancy::Tenancy};

/// Notes something that is worth a look, with why it happened.
pub fn warning(tenancy: &Tenancy, message: &str, error: &Error) {
    write(tenancy, Level::Warning, message, error, None);
}

/// Notes that a request failed for a reason its caller is not told.
pub fn failure(tenancy: &Tenancy, request_id: &str, error: &Error) {
    let level = match error {
        Error::Internal(_) => Level::Error,
        _ => Level::Warning,
    };
    write(tenancy, level, "a request failed", error, Some(request_id));
}

/// A request that was answered.
pub struct Answered<'a> {
    /// Its id.
    pub request_id: &'a str,
    /// The caller's trace and span.
    pub trace: Option<(&'a str, &'a str)>,
    /// Its method.
    pub method: &'a Method,
    /// The route, by its path in the table of access.
    pub route: &'a str,
    /// The answer's status.
    pub status: StatusCode,
    /// The time that it took, in microseconds.
    pub micros: u64,
    /// The tenant that the caller belongs to.
    pub tenant: Option<Uuid>,
    /// Who calls.
    pub principal: Option<&'a str>,
}

/// Notes a request that was answered: with the level INFO.
pub fn request(tenancy: &Tenancy, answered: &Answered<'_>) {
    if Level::Info < tenancy.settings.log_level {
        return;
    }
    let duration = std::time::Duration::from_micros(answered.micros);
    print(&json!({
        "time": tenancy.platform.clock.now(),
        "level": Level::Info.as_str(),
        "message": "request",
        "request_id": answered.request_id,
        "trace_id": answered.trace.map(|trace| trace.0),
        "parent_span_id": answered.trace.map(|trace| trace.1),
        "method": answered.method.as_str(),
        "route": answered.route,
        "status": answered.status.as_u16(),
        "duration_ms": duration.as_secs_f64() * 1_000.0,
        "tenant": answered.tenant,
        "principal": answered.principal,
    }));
}

fn write(tenancy: &Tenancy, level: Level, message: &str, error: &Error, request_id: Option<&str>) {
    if level < tenancy.settings.log_level {
        return;
    }
    print(&json!({
        "time": tenancy.platform.clock.now(),
        "level": level.as_str(),
        "message": message,
        "request_id": request_id,
        "error": error.to_string(),
    }));
}

fn print(line: &Value) {
    // In one piece, so that lines of two instances do not mix. A log that cannot be written is no
    // reason to fail the request.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}
