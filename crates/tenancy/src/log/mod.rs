//! The log: a JSON object a line on standard output.
//!
//! Values are written as JSON, which escapes control characters: no line can be forged from what a
//! caller sends.

mod buffer;

pub(crate) use buffer::Buffer;

use std::{rc::Rc, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use http::{Method, StatusCode};
use serde::Serialize;
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

/// Notes a request that was answered: with the level INFO, and a moment later.
pub fn request(tenancy: &Rc<Tenancy>, answered: &Answered<'_>) {
    if Level::Info < tenancy.settings.log_level {
        return;
    }
    tenancy.log.add(&RequestLine {
        time: timestamp(tenancy.platform.clock.now()),
        level: Level::Info.as_str(),
        message: "request",
        request_id: answered.request_id,
        trace_id: answered.trace.map(|trace| trace.0),
        parent_span_id: answered.trace.map(|trace| trace.1),
        method: answered.method.as_str(),
        route: answered.route,
        status: answered.status.as_u16(),
        duration_ms: Duration::from_micros(answered.micros).as_secs_f64() * 1_000.0,
        tenant: answered.tenant,
        principal: answered.principal,
    });
    buffer::write_soon(tenancy);
}

#[derive(Serialize)]
struct RequestLine<'a> {
    time: String,
    level: &'a str,
    message: &'a str,
    request_id: &'a str,
    trace_id: Option<&'a str>,
    parent_span_id: Option<&'a str>,
    method: &'a str,
    route: &'a str,
    status: u16,
    duration_ms: f64,
    tenant: Option<Uuid>,
    principal: Option<&'a str>,
}

#[derive(Serialize)]
struct ErrorLine<'a> {
    time: String,
    level: &'a str,
    message: &'a str,
    request_id: Option<&'a str>,
    error: String,
}

fn write(tenancy: &Tenancy, level: Level, message: &str, error: &Error, request_id: Option<&str>) {
    if level < tenancy.settings.log_level {
        return;
    }
    tenancy.log.add(&ErrorLine {
        time: timestamp(tenancy.platform.clock.now()),
        level: level.as_str(),
        message,
        request_id,
        error: error.to_string(),
    });
    // It may be the last that this instance says.
    tenancy.log.write();
}

fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
