//! Stand-ins for the host and the stores, for unit tests of code that is far above them.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use async_trait::async_trait;
use futures::future::LocalBoxFuture;

use crate::{
    Executor, KeyValue, KeyValueError, NoHttp, Platform, Redis, Sql,
    native::{NativeClock, NativeRandom},
    redis::{Command, ProcessId, RedisError, Reply},
    sql::{Connection, Row, SqlError, Value},
};

/// The databases of a test. A statement gets the next prepared reply. Without one, PostgreSQL is unavailable.
#[derive(Default)]
pub struct PreparedSql {
    replies: RefCell<VecDeque<(&'static str, Vec<Row>)>>,
}

impl PreparedSql {
    /// Prepares the reply to the next statement, which must contain `part`.
    pub fn reply(&self, part: &'static str, rows: Vec<Row>) {
        self.replies.borrow_mut().push_back((part, rows));
    }

    /// Returns the number of replies that no statement has received.
    pub fn left(&self) -> usize {
        self.replies.borrow().len()
    }
}

/// Creates a row from names and values.
pub fn row(columns: Vec<(&str, Value)>) -> Row {
    let (names, values): (Vec<_>, Vec<_>) =
        columns.into_iter().map(|(name, value)| (name.to_owned(), Ok(value))).unzip();
    Row::new(names.into(), values)
}

struct PreparedConnection(Rc<PreparedSql>);

#[async_trait(?Send)]
impl Sql for Rc<PreparedSql> {
    async fn connect(&self, _: &str, _: Duration) -> Result<Box<dyn Connection>, SqlError> {
        Ok(Box::new(PreparedConnection(Self::clone(self))))
    }
}

#[async_trait(?Send)]
impl Connection for PreparedConnection {
    async fn query(&self, statement: &str, _: &[Value]) -> Result<Vec<Row>, SqlError> {
        let Some((part, rows)) = self.0.replies.borrow_mut().pop_front() else {
            return Err(SqlError::Unavailable("no reply is prepared".to_owned()));
        };
        assert!(statement.contains(part), "the statement lacks {part}: {statement}");
        Ok(rows)
    }

    async fn execute(&self, statement: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        let rows = self.query(statement, parameters).await?;
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }
}

/// A Redis that is always unavailable.
struct NoRedis;

#[async_trait(?Send)]
impl Redis for NoRedis {
    async fn run(&self, _: Command<'_>) -> Result<Vec<Reply>, RedisError> {
        Err(RedisError::Unavailable("the test has no Redis".to_owned()))
    }

    fn process(&self) -> Option<ProcessId> {
        None
    }
}

/// Key-value stores in memory.
#[derive(Default)]
pub struct MemoryKeyValue(RefCell<HashMap<(String, String), Vec<u8>>>);

#[async_trait(?Send)]
impl KeyValue for MemoryKeyValue {
    async fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(self.0.borrow().get(&(store.to_owned(), key.to_owned())).cloned())
    }

    async fn set(&self, store: &str, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
        self.0.borrow_mut().insert((store.to_owned(), key.to_owned()), value.to_owned());
        Ok(())
    }

    async fn delete(&self, store: &str, key: &str) -> Result<(), KeyValueError> {
        self.0.borrow_mut().remove(&(store.to_owned(), key.to_owned()));
        Ok(())
    }
}

/// An event loop without time: a pause ends at once, and tasks after a response do not run.
struct NoTime;

#[async_trait(?Send)]
impl Executor for NoTime {
    async fn yield_now(&self) {}

    async fn sleep(&self, _: Duration) {}

    fn spawn(&self, _: LocalBoxFuture<'static, ()>) {}
}

/// Returns a platform with these databases, key-value stores in memory, and no Redis.
pub fn platform(sql: &Rc<PreparedSql>) -> Platform {
    Platform {
        sql: Rc::new(Rc::clone(sql)),
        redis: Rc::new(NoRedis),
        key_value: Rc::<MemoryKeyValue>::default(),
        clock: Rc::new(NativeClock),
        random: Rc::new(NativeRandom),
        executor: Rc::new(NoTime),
        http: Rc::new(NoHttp),
    }
}
