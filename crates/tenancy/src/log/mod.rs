//! The log: one JSON object per line on standard output.
//!
//! Values are written as JSON, which escapes control characters, so callers cannot forge log lines.

mod buffer;
mod line;

pub(crate) use buffer::Buffer;

use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, StatusCode};
use uuid::Uuid;

use crate::{
    error::Error,
    platform::sql::{Rows, UnreadableRow},
    settings::Level,
    tenancy::Tenancy,
};

/// Records a condition that deserves attention, with its cause.
pub fn warning(tenancy: &Tenancy, message: &str, error: &Error) {
    write(tenancy, Level::Warning, message, error, None);
}

/// Returns the readable rows of a list, and records the others.
pub fn readable<T>(tenancy: &Tenancy, rows: Rows<T>) -> Vec<T> {
    unreadable_rows(tenancy, "a list omits an unreadable row", &rows.unreadable);
    rows.items
}

/// Records a fact that must leave the machine, at any log level.
pub(crate) fn notice(tenancy: &Tenancy, message: &str, name: &str, value: &str) {
    let now = tenancy.platform.clock.now();
    tenancy.log.add_line(|line, seconds| {
        line.time("time", now, seconds);
        line.text("level", Some(Level::Info.as_str()));
        line.text("message", Some(message));
        line.text(name, Some(value));
    });
    tenancy.log.write();
}

/// Records the unreadable rows that a list or a task for many tenants omits.
pub fn unreadable_rows(tenancy: &Tenancy, message: &str, rows: &[UnreadableRow]) {
    for row in rows {
        write(tenancy, Level::Error, message, &Error::internal(row), None);
    }
}

/// Records that a request failed, with the reason that the response does not contain.
pub fn failure(tenancy: &Tenancy, request_id: &str, error: &Error) {
    let level = match error {
        Error::Internal(_) => Level::Error,
        _ => Level::Warning,
    };
    write(tenancy, level, "request failed", error, Some(request_id));
}

/// The principal of a request.
#[derive(Debug, Clone, Copy)]
pub enum Caller {
    /// The platform's administration.
    Platform,
    /// An operator, by the id of the operator key.
    OperatorKey(Uuid),
    /// A user, by id.
    User(Uuid),
    /// A service, by the id of its API key.
    ApiKey(Uuid),
}

/// A completed request.
pub struct Answered<'a> {
    /// The request id.
    pub request_id: &'a str,
    /// When the request was received.
    pub received_at: DateTime<Utc>,
    /// The caller's trace id and span id.
    pub trace: Option<(&'a str, &'a str)>,
    /// The method.
    pub method: &'a Method,
    /// The route, by its path in the access table.
    pub route: &'a str,
    /// The status of the response.
    pub status: StatusCode,
    /// The processing time, in microseconds.
    pub micros: u64,
    /// The tenant of the caller.
    pub tenant: Option<Uuid>,
    /// The principal.
    pub principal: Option<Caller>,
}

/// Records a completed request at the level INFO. The line is written a moment later.
pub fn request(tenancy: &Rc<Tenancy>, answered: &Answered<'_>) {
    if Level::Info < tenancy.settings.log_level {
        return;
    }
    let took = TimeDelta::microseconds(i64::try_from(answered.micros).unwrap_or(i64::MAX));
    let answered_at = answered.received_at.checked_add_signed(took).unwrap_or_default();
    tenancy.log.add_line(|line, seconds| {
        line.time("time", answered_at, seconds);
        line.text("level", Some(Level::Info.as_str()));
        line.text("message", Some("request"));
        line.text("request_id", Some(answered.request_id));
        line.text("trace_id", answered.trace.map(|trace| trace.0));
        line.text("parent_span_id", answered.trace.map(|trace| trace.1));
        line.text("method", Some(answered.method.as_str()));
        line.text("route", Some(answered.route));
        line.number("status", answered.status.as_u16().into());
        line.thousandths("duration_ms", answered.micros);
        line.id("tenant", "", answered.tenant);
        match answered.principal {
            None => line.text("principal", None),
            Some(Caller::Platform) => line.text("principal", Some("platform")),
            Some(Caller::OperatorKey(id)) => line.id("principal", "operator_key:", Some(id)),
            Some(Caller::User(id)) => line.id("principal", "user:", Some(id)),
            Some(Caller::ApiKey(id)) => line.id("principal", "api_key:", Some(id)),
        }
    });
    buffer::write_soon(tenancy);
}

fn write(tenancy: &Tenancy, level: Level, message: &str, error: &Error, request_id: Option<&str>) {
    if level < tenancy.settings.log_level {
        return;
    }
    let now = tenancy.platform.clock.now();
    tenancy.log.add_line(|line, seconds| {
        line.time("time", now, seconds);
        line.text("level", Some(level.as_str()));
        line.text("message", Some(message));
        line.text("request_id", request_id);
        line.text("error", Some(&error.to_string()));
    });
    // This may be the last message of the instance.
    tenancy.log.write();
}
