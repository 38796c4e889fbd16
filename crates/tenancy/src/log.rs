//! The log: a JSON object a line on standard output.
//!
//! Values are written as JSON, which escapes control characters: no line can be forged from what a
//! caller sends.

use std::io::Write as _;

use serde_json::json;

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

fn write(tenancy: &Tenancy, level: Level, message: &str, error: &Error, request_id: Option<&str>) {
    if level < tenancy.settings.log_level {
        return;
    }
    let line = json!({
        "time": tenancy.platform.clock.now(),
        "level": level.as_str(),
        "message": message,
        "request_id": request_id,
        "error": error.to_string(),
    });
    // A log that cannot be written is no reason to fail the request.
    let _ = writeln!(std::io::stdout(), "{line}");
}
