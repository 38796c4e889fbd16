//! The log: one JSON object per line on standard output, or on standard error for the command line.
//!
//! Values are written as JSON, which escapes control characters, so callers cannot forge log lines.

mod buffer;
mod line;

pub(crate) use buffer::Buffer;

use std::{rc::Rc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, StatusCode};
use platform::{
    Running,
    sql::{Rows, UnreadableRow},
};
use uuid::Uuid;

use crate::{context::Context, error::Error, settings::Level};

/// The maximum time that a line waits.
const DELAY: Duration = Duration::from_millis(100);

/// Writes the log to standard error, for a program whose standard output is its result.
pub fn use_standard_error(context: &Context) {
    context.state::<Buffer>().is_on_standard_error.set(true);
}

/// Records a condition that deserves attention, with its cause.
pub fn warning(context: &Context, message: &str, error: &Error) {
    write(context, Level::Warning, message, error, None);
}

/// Returns the readable rows of a list, and records the others.
pub fn readable<T>(context: &Context, rows: Rows<T>) -> Vec<T> {
    unreadable_rows(context, "a list omits an unreadable row", &rows.unreadable);
    rows.items
}

/// Records a fact that must leave the machine, at any log level.
pub(crate) fn notice(context: &Context, message: &str, name: &str, value: &str) {
    let now = context.platform.clock.now();
    context.state::<Buffer>().add_line(|line, seconds| {
        line.time("time", now, seconds);
        line.text("level", Some(Level::Info.as_str()));
        line.text("message", Some(message));
        line.text(name, Some(value));
    });
    context.state::<Buffer>().write();
}

/// Records the unreadable rows that a list or a task for many tenants omits.
pub fn unreadable_rows(context: &Context, message: &str, rows: &[UnreadableRow]) {
    for row in rows {
        write(context, Level::Error, message, &Error::internal(row), None);
    }
}

/// Records that a request failed, with the reason that the response does not contain.
pub fn failure(context: &Context, request_id: &str, error: &Error) {
    let level = match error {
        Error::Internal(_) => Level::Error,
        _ => Level::Warning,
    };
    write(context, level, "request failed", error, Some(request_id));
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
    /// The path of the endpoint, with its parameters in braces.
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
pub fn request(context: &Rc<Context>, answered: &Answered<'_>) {
    if Level::Info < context.settings.log_level {
        return;
    }
    let took = TimeDelta::microseconds(i64::try_from(answered.micros).unwrap_or(i64::MAX));
    let answered_at = answered.received_at.checked_add_signed(took).unwrap_or_default();
    context.state::<Buffer>().add_line(|line, seconds| {
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
    write_soon(context);
}

/// Schedules a write of the buffered lines.
fn write_soon(context: &Rc<Context>) {
    let log = context.state::<Buffer>();
    if log.is_full() {
        return log.write();
    }
    if let Some(running) = log.writing.begin() {
        context.platform.executor.spawn(Box::pin(write_buffer(Rc::clone(context), running)));
    }
}

async fn write_buffer(context: Rc<Context>, _running: Running) {
    context.platform.executor.sleep(DELAY).await;
    context.state::<Buffer>().write();
}

fn write(context: &Context, level: Level, message: &str, error: &Error, request_id: Option<&str>) {
    if level < context.settings.log_level {
        return;
    }
    let now = context.platform.clock.now();
    context.state::<Buffer>().add_line(|line, seconds| {
        line.time("time", now, seconds);
        line.text("level", Some(level.as_str()));
        line.text("message", Some(message));
        line.text("request_id", request_id);
        line.text("error", Some(&error.to_string()));
    });
    // This may be the last message of the instance.
    context.state::<Buffer>().write();
}
