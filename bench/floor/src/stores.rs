//! One call to each store.

use std::{cell::RefCell, rc::Rc};

use spin_sdk::{
    pg,
    redis::{Connection, RedisParameter, RedisResult},
    variables,
};

thread_local! {
    static REDIS: RefCell<Option<Rc<Connection>>> = const { RefCell::new(None) };
}

/// Returns the instance's connection to Redis.
pub(crate) async fn connection() -> Result<Rc<Connection>, String> {
    if let Some(kept) = REDIS.with_borrow(Clone::clone) {
        return Ok(kept);
    }
    let address = variable("redis_url").await?;
    let opened = Connection::open(address).await.map_err(|error| format!("{error:?}"))?;
    let opened = Rc::new(opened);
    REDIS.with_borrow_mut(|kept| *kept = Some(Rc::clone(&opened)));
    Ok(opened)
}

/// Runs `INCR`.
pub(crate) async fn redis() -> Result<Vec<u8>, String> {
    let connection = connection().await?;
    let key = RedisParameter::Binary(b"floor".to_vec());
    let replies = connection.execute("INCR", vec![key]).await;
    match replies.map_err(|error| format!("{error:?}"))?.first() {
        Some(RedisResult::Int64(number)) => Ok(number.to_string().into_bytes()),
        other => Err(format!("unexpected Redis reply {other:?}")),
    }
}

/// Reads one row with one statement, on a connection of the host's pool.
pub(crate) async fn sql() -> Result<Vec<u8>, String> {
    let address = variable("database_url").await?;
    let connection = pg::Connection::open(address).await.map_err(|error| format!("{error:?}"))?;
    let parameters = vec![pg::ParameterValue::Int32(1)];
    let result = connection.query("SELECT $1::int4", parameters).await;
    let mut result = result.map_err(|error| format!("{error:?}"))?;
    let row = result.rows().next().await;
    result.result().await.map_err(|error| format!("{error:?}"))?;
    match row.as_deref() {
        Some([pg::DbValue::Int32(number)]) => Ok(number.to_string().into_bytes()),
        other => Err(format!("unexpected PostgreSQL result {other:?}")),
    }
}

async fn variable(name: &str) -> Result<String, String> {
    variables::get(name).await.map_err(|error| format!("{error:?}"))
}
