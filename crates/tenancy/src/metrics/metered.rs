//! Wrappers of the stores that time every call.

use std::{rc::Rc, time::Duration};

use async_trait::async_trait;
use platform::{
    Clock, Redis, Sql,
    redis::{Command, ProcessId, RedisError, Reply, RoundTrip},
    sql::{Connection, Row, SqlError, Value},
};

use super::{Counters, Timer};

/// Times calls of a store.
#[derive(Clone)]
struct Stopwatch {
    clock: Rc<dyn Clock>,
    counters: Rc<Counters>,
    timer: Timer,
}

impl Stopwatch {
    async fn time<T>(&self, call: impl Future<Output = T>) -> T {
        let start = self.clock.monotonic_micros();
        let answer = call.await;
        let micros = self.clock.monotonic_micros().saturating_sub(start);
        self.counters.time(self.timer, micros);
        answer
    }
}

/// Redis with timed calls.
pub(crate) struct MeteredRedis {
    inner: Rc<dyn Redis>,
    stopwatch: Stopwatch,
}

impl MeteredRedis {
    pub(crate) fn new(inner: Rc<dyn Redis>, clock: Rc<dyn Clock>, counters: Rc<Counters>) -> Self {
        Self { inner, stopwatch: Stopwatch { clock, counters, timer: Timer::Redis } }
    }
}

#[async_trait(?Send)]
impl Redis for MeteredRedis {
    async fn run(&self, command: Command<'_>) -> Result<Vec<Reply>, RedisError> {
        self.stopwatch.time(self.inner.run(command)).await
    }

    fn process(&self) -> Option<ProcessId> {
        self.inner.process()
    }

    /// Not timed, because no request waits for the result.
    async fn round_trip(&self) -> Result<RoundTrip, RedisError> {
        self.inner.round_trip().await
    }
}

/// PostgreSQL with timed calls.
pub(crate) struct MeteredSql {
    inner: Rc<dyn Sql>,
    stopwatch: Stopwatch,
}

impl MeteredSql {
    pub(crate) fn new(inner: Rc<dyn Sql>, clock: Rc<dyn Clock>, counters: Rc<Counters>) -> Self {
        Self { inner, stopwatch: Stopwatch { clock, counters, timer: Timer::Postgres } }
    }
}

#[async_trait(?Send)]
impl Sql for MeteredSql {
    async fn connect(
        &self,
        address: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Connection>, SqlError> {
        let inner = self.inner.connect(address, deadline).await?;
        Ok(Box::new(MeteredConnection { inner, stopwatch: self.stopwatch.clone() }))
    }
}

struct MeteredConnection {
    inner: Box<dyn Connection>,
    stopwatch: Stopwatch,
}

#[async_trait(?Send)]
impl Connection for MeteredConnection {
    async fn query(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.stopwatch.time(self.inner.query(statement, parameters)).await
    }

    async fn execute(&self, statement: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        self.stopwatch.time(self.inner.execute(statement, parameters)).await
    }
}
