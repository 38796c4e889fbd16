//! The PostgreSQL client of the Spin host, which pools connections by address.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use platform::{
    Sql,
    sql::{CONNECT_DEADLINE, Connection, Row, SqlError, Value},
};
use spin_sdk::{
    pg::{self, DbValue, Error, ParameterValue, PgError, QueryError},
    time::sleep,
    wasip3::{clocks::monotonic_clock, random::insecure::get_insecure_random_u64},
};

use crate::deadline::within;

/// The pause after a server did not respond in time. During the pause, requests fail at once, so that an unresponsive
/// server costs only one request a full deadline.
const PAUSE_NANOS: u64 = 1_000_000_000;
/// The maximum number of addresses whose state is cached.
const MOST_REMEMBERED: usize = 64;
/// The maximum number of concurrent connections of an instance to an address. The host's pool has 64 for all instances
/// of a component, and a tenant's role may have fewer.
const AT_ONCE: u32 = 2;
/// The polling interval of a request that waits for a free connection.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// The first wait before another attempt to connect to a server without free connections. All requests of the instance
/// wait, and the wait doubles with each refusal, because each attempt costs the server a process and a password check.
/// Many instances that try again too soon would take all processor time from the connections that could become free.
const FIRST_WAIT_NANOS: u64 = 25_000_000;
/// The maximum number of times that the wait doubles.
const MOST_DOUBLINGS: u32 = 5;

#[derive(Default)]
pub(super) struct SpinSql(Rc<Addresses>);

/// The state of the addresses.
#[derive(Default)]
struct Addresses {
    /// The time until which an address is paused, by the host's monotonic clock.
    paused: RefCell<HashMap<String, u64>>,
    /// The number of connections of the instance to each address.
    open: RefCell<HashMap<String, Rc<Cell<u32>>>>,
    /// The addresses whose server has no free connection.
    full: RefCell<HashMap<String, Full>>,
}

/// The refusals of a server without free connections, since it last accepted a connection.
#[derive(Default)]
struct Full {
    refusals: u32,
    /// The time of the next attempt, by the host's monotonic clock.
    next_attempt: u64,
}

impl Addresses {
    fn is_paused(&self, address: &str) -> bool {
        self.paused.borrow().get(address).is_some_and(|until| monotonic_clock::now() < *until)
    }

    fn pause(&self, address: &str) {
        let mut paused = self.paused.borrow_mut();
        if paused.len() >= MOST_REMEMBERED {
            paused.clear();
        }
        paused.insert(address.to_owned(), monotonic_clock::now().saturating_add(PAUSE_NANOS));
    }

    /// Returns the time until the next attempt to connect to a server that had no free connection.
    fn wait(&self, address: &str) -> Option<Duration> {
        let next = self.full.borrow().get(address)?.next_attempt;
        let nanos = next.checked_sub(monotonic_clock::now()).filter(|nanos| *nanos > 0)?;
        Some(Duration::from_nanos(nanos))
    }

    /// Records that a server has no free connection. Instances that were refused at the same time wait for different
    /// times.
    fn refused(&self, address: &str) {
        let mut full = self.full.borrow_mut();
        if full.len() >= MOST_REMEMBERED && !full.contains_key(address) {
            full.clear();
        }
        let full = full.entry(address.to_owned()).or_default();
        let wait = FIRST_WAIT_NANOS << full.refusals.min(MOST_DOUBLINGS);
        full.refusals = full.refusals.saturating_add(1);
        let random = get_insecure_random_u64() % wait;
        full.next_attempt = monotonic_clock::now().saturating_add(wait / 2 + random);
    }

    fn accepted(&self, address: &str) {
        self.full.borrow_mut().remove(address);
    }

    fn open(&self, address: &str) -> Rc<Cell<u32>> {
        let mut open = self.open.borrow_mut();
        if open.len() >= MOST_REMEMBERED {
            open.retain(|_, count| count.get() > 0);
        }
        Rc::clone(open.entry(address.to_owned()).or_default())
    }
}

#[async_trait(?Send)]
impl Sql for SpinSql {
    async fn connect(
        &self,
        address: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Connection>, SqlError> {
        let addresses = Rc::clone(&self.0);
        Ok(Box::new(SpinConnection { addresses, address: address.to_owned(), deadline }))
    }
}

/// A connection that runs statements on a database. It borrows a connection from the host's pool for each statement. So
/// a request that waits for a body, a hash or another store does not block a connection.
struct SpinConnection {
    addresses: Rc<Addresses>,
    address: String,
    deadline: Duration,
}

/// A connection from the host's pool, which is returned on drop.
struct Lent {
    connection: pg::Connection,
    _place: Place,
}

/// A connection slot of an address.
struct Place(Rc<Cell<u32>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl SpinConnection {
    /// Borrows a connection. The pool replaces a connection that the server has closed. Because nothing has been sent
    /// yet, a refusal due to the number of connections is retried.
    async fn borrow(&self) -> Result<Lent, SqlError> {
        if self.addresses.is_paused(&self.address) {
            return Err(SqlError::Unavailable("it did not respond a moment ago".to_owned()));
        }
        let begin = monotonic_clock::now();
        let limit = u64::try_from(CONNECT_DEADLINE.as_nanos()).unwrap_or(u64::MAX);
        let is_over = || monotonic_clock::now().saturating_sub(begin) >= limit;
        let open = self.addresses.open(&self.address);
        while open.get() >= AT_ONCE {
            if is_over() {
                return Err(SqlError::Unavailable("no connection became free in time".to_owned()));
            }
            sleep(POLL_INTERVAL).await;
        }
        open.set(open.get() + 1);
        let place = Place(open);
        loop {
            while let Some(wait) = self.addresses.wait(&self.address) {
                if is_over() {
                    return Err(SqlError::Unavailable("it has no free connection".to_owned()));
                }
                sleep(wait).await;
            }
            match within(CONNECT_DEADLINE, pg::Connection::open(&self.address)).await {
                Some(Ok(connection)) => {
                    self.addresses.accepted(&self.address);
                    return Ok(Lent { connection, _place: place });
                }
                Some(Err(error)) => {
                    let reason = format!("{error:?}");
                    if !is_full(&reason) {
                        return Err(SqlError::Unavailable(reason));
                    }
                    self.addresses.refused(&self.address);
                    if is_over() {
                        return Err(SqlError::Unavailable(reason));
                    }
                }
                None => {
                    self.addresses.pause(&self.address);
                    return Err(SqlError::Unavailable("no connection in time".to_owned()));
                }
            }
        }
    }
}

/// Returns whether a server refused the connection because it or the role has reached its maximum number of
/// connections. The SQLSTATE is 53300, which the host passes on as text.
fn is_full(reason: &str) -> bool {
    reason.contains("53300")
        || reason.contains("too many")
        || reason.contains("remaining connection slots are reserved")
}

#[async_trait(?Send)]
impl Connection for SpinConnection {
    async fn query(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        let lent = self.borrow().await?;
        let call = async {
            let parameters: Vec<_> = parameters.iter().map(parameter).collect();
            let mut result = lent.connection.query(statement, parameters).await?;
            let names: Rc<[String]> =
                result.columns().iter().map(|column| column.name.clone()).collect();
            let mut rows = Vec::new();
            while let Some(values) = result.rows().next().await {
                rows.push((Rc::clone(&names), values));
            }
            result.result().await?;
            Ok(rows)
        };
        let rows = answer(within(self.deadline, call).await)?;
        drop(lent);
        let row =
            |(names, values): (_, Vec<_>)| Row::new(names, values.into_iter().map(value).collect());
        Ok(rows.into_iter().map(row).collect())
    }

    async fn execute(&self, statement: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        let parameters: Vec<_> = parameters.iter().map(parameter).collect();
        let lent = self.borrow().await?;
        answer(within(self.deadline, lent.connection.execute(statement, parameters)).await)
    }
}

fn answer<T>(answer: Option<Result<T, Error>>) -> Result<T, SqlError> {
    match answer {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(Error::PgError(PgError::QueryFailed(QueryError::DbError(error))))) => {
            let constraint = error
                .extras
                .into_iter()
                .find_map(|(key, value)| (key == "constraint").then_some(value));
            Err(SqlError::from_server(&error.code, error.message, constraint))
        }
        Some(Err(Error::PgError(PgError::ConnectionFailed(reason)))) => {
            Err(SqlError::Unavailable(reason))
        }
        // Failures without a response from the server are reported as text. Either the connection broke, or a value did
        // not have the type that the statement requires.
        Some(Err(Error::PgError(PgError::QueryFailed(QueryError::Text(reason)))))
            if reason.contains("kind: Closed") || reason.contains("kind: Io") =>
        {
            Err(SqlError::Unavailable(reason))
        }
        Some(Err(error)) => Err(SqlError::Decode(format!("{error:?}"))),
        None => Err(SqlError::Unavailable("no response in time".to_owned())),
    }
}

fn parameter(value: &Value) -> ParameterValue {
    match value {
        Value::Null => ParameterValue::DbNull,
        Value::Bool(value) => ParameterValue::Boolean(*value),
        Value::Int(value) => ParameterValue::Int32(*value),
        Value::Long(value) => ParameterValue::Int64(*value),
        Value::Text(value) => ParameterValue::Str(value.clone()),
        Value::Bytes(value) => ParameterValue::Binary(value.clone()),
        Value::Uuid(value) => ParameterValue::Uuid(value.to_string()),
        Value::Json(value) => ParameterValue::Jsonb(value.to_string().into_bytes()),
        Value::Time(value) => ParameterValue::Datetime(datetime(value)),
        Value::TextArray(value) => {
            ParameterValue::ArrayStr(value.iter().cloned().map(Some).collect())
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "calendar and clock fields are below 60")]
fn datetime(time: &DateTime<Utc>) -> (i32, u8, u8, u8, u8, u8, u32) {
    (
        time.year(),
        time.month() as u8,
        time.day() as u8,
        time.hour() as u8,
        time.minute() as u8,
        time.second() as u8,
        time.nanosecond(),
    )
}

fn value(value: DbValue) -> Result<Value, SqlError> {
    Ok(match value {
        DbValue::DbNull => Value::Null,
        DbValue::Boolean(value) => Value::Bool(value),
        DbValue::Int32(value) => Value::Int(value),
        DbValue::Int64(value) => Value::Long(value),
        DbValue::Str(value) => Value::Text(value),
        DbValue::Binary(value) => Value::Bytes(value),
        DbValue::Uuid(value) => Value::Uuid(value.parse().map_err(undecodable)?),
        DbValue::Jsonb(value) => Value::Json(serde_json::from_slice(&value).map_err(undecodable)?),
        DbValue::Datetime((year, month, day, hour, minute, second, nanosecond)) => {
            NaiveDate::from_ymd_opt(year, month.into(), day.into())
                .and_then(|date| {
                    date.and_hms_nano_opt(hour.into(), minute.into(), second.into(), nanosecond)
                })
                .map(|time| Value::Time(time.and_utc()))
                .ok_or_else(|| SqlError::Decode("a time that does not exist".to_owned()))?
        }
        DbValue::ArrayStr(values) => {
            let values: Option<Vec<_>> = values.into_iter().collect();
            Value::TextArray(
                values.ok_or_else(|| SqlError::Decode("an array with NULL in it".to_owned()))?,
            )
        }
        _ => return Err(SqlError::Decode("a value of an unsupported type".to_owned())),
    })
}

fn undecodable(error: impl std::fmt::Display) -> SqlError {
    SqlError::Decode(error.to_string())
}
