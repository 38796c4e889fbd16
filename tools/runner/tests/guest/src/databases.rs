//! Calls to the databases.

use anyhow::{Context as _, Result, bail};
use futures::future::join_all;
use serde_json::Value;
use spin_sdk::key_value::Store;
use spin_sdk::pg::ParameterValue;
use spin_sdk::pg::wit::postgres::{Connection, ConnectionBuilder};
use spin_sdk::redis::{self, RedisParameter};

use crate::Arguments;
use crate::system::sleep;

pub(crate) async fn key_value(arguments: &Arguments) -> Result<String> {
    let store = match Store::open(arguments.text("label")?).await {
        Ok(store) => store,
        Err(error) => return Ok(format!("Err({error:?})")),
    };
    let key = arguments.text("key").unwrap_or_default();
    Ok(match arguments.text("call")? {
        "open" => "Ok(())".to_owned(),
        "get" => format!("{:?}", store.get(key).await.map(|value| value.map(text))),
        "set" => format!("{:?}", store.set(key, arguments.text("value")?).await),
        "delete" => format!("{:?}", store.delete(key).await),
        "exists" => format!("{:?}", store.exists(key).await),
        "keys" => {
            let keys = store.get_keys().await.collect().await;
            format!(
                "{:?}",
                keys.map(|mut keys| {
                    keys.sort_unstable();
                    keys
                })
            )
        }
        other => bail!("unknown call {other:?}"),
    })
}

/// Opens a connection and runs one command.
pub(crate) async fn redis_command(arguments: &Arguments) -> Result<String> {
    let connection = match redis::Connection::open(arguments.text("address")?).await {
        Ok(connection) => connection,
        Err(error) => return Ok(format!("Err({error:?})")),
    };
    let parameters = arguments.list("arguments").iter().map(|argument| match argument {
        Value::Number(number) => RedisParameter::Int64(number.as_i64().unwrap_or_default()),
        other => RedisParameter::Binary(other.as_str().unwrap_or_default().as_bytes().to_vec()),
    });
    Ok(format!("{:?}", connection.execute(arguments.text("command")?, parameters).await))
}

/// Opens a connection and calls each function.
pub(crate) async fn redis(arguments: &Arguments) -> Result<String> {
    let address = arguments.text("address")?;
    let connection = redis::Connection::open(address).await.context("open")?;
    let mut lines = vec![
        format!("set {:?}", connection.set("k", b"v").await),
        format!("get {:?}", connection.get("k").await.map(|value| value.map(text))),
        format!("get none {:?}", connection.get("none").await),
        format!("incr {:?}", connection.incr("n").await),
        format!("incr text {:?}", connection.incr("k").await),
        format!("sadd {:?}", connection.sadd("s", ["a", "b", "a"]).await),
        format!("sadd text {:?}", connection.sadd("k", ["a"]).await),
        format!("srem {:?}", connection.srem("s", ["a", "c"]).await),
        format!("smembers {:?}", connection.smembers("s").await),
        format!("publish {:?}", connection.publish("c", b"x").await),
        format!("del {:?}", connection.del(["k", "n", "s", "none"]).await),
    ];
    let other = redis::Connection::open(address).await.context("open")?;
    let id = async |connection: &redis::Connection| {
        connection.execute("CLIENT", [RedisParameter::Binary(b"ID".to_vec())]).await
    };
    lines.push(format!("two connections {}", id(&connection).await? != id(&other).await?));
    Ok(lines.join("\n"))
}

/// Opens a connection and runs one statement in one of four ways.
pub(crate) async fn postgres(arguments: &Arguments) -> Result<String> {
    let connection = match open(arguments).await? {
        Ok(connection) => connection,
        Err(error) => return Ok(format!("Err({error:?})")),
    };
    let statement = arguments.text("statement")?;
    let parameters =
        arguments.list("parameters").iter().map(parameter).collect::<Result<Vec<_>>>()?;
    Ok(match arguments.text("call")? {
        "execute" => format!("{:?}", connection.execute(statement, &parameters)),
        "query" => format!("{:?}", connection.query(statement, &parameters)),
        "execute-async" => {
            format!("{:?}", connection.execute_async(statement.to_owned(), parameters).await)
        }
        "query-async" => match connection.query_async(statement.to_owned(), parameters).await {
            Ok((columns, rows, end)) => {
                format!("{columns:?} {:?} {:?}", rows.collect().await, end.await)
            }
            Err(error) => format!("Err({error:?})"),
        },
        other => bail!("unknown call {other:?}"),
    })
}

/// Holds several connections for a while.
pub(crate) async fn postgres_hold(arguments: &Arguments) -> Result<String> {
    let address = arguments.text("address")?;
    let opened = join_all(
        (0..arguments.number("count")?).map(|_| Connection::open_async(address.to_owned())),
    )
    .await;
    sleep(arguments.number("ms")?).await;
    Ok(opened.iter().filter(|connection| connection.is_ok()).count().to_string())
}

async fn open(arguments: &Arguments) -> Result<Result<Connection, spin_sdk::pg::PgError>> {
    let address = arguments.text("address")?;
    Ok(match arguments.text("open").unwrap_or("open-async") {
        "open" => Connection::open(address),
        "open-async" => Connection::open_async(address.to_owned()).await,
        "build" => ConnectionBuilder::new(address).build(),
        "build-async" => ConnectionBuilder::new(address).build_async().await,
        "build-with-root" => {
            let builder = ConnectionBuilder::new(address);
            match builder.set_ca_root(arguments.text("root")?) {
                Ok(()) => builder.build_async().await,
                Err(error) => Err(error),
            }
        }
        other => bail!("unknown way to open {other:?}"),
    })
}

/// A value from `{"type": value}`.
fn parameter(value: &Value) -> Result<ParameterValue> {
    let (kind, value) =
        value.as_object().and_then(|object| object.iter().next()).context("no parameter")?;
    let text = || value.as_str().unwrap_or_default().to_owned();
    let number = || value.as_i64().unwrap_or_default();
    Ok(match kind.as_str() {
        "null" => ParameterValue::DbNull,
        "bool" => ParameterValue::Boolean(value.as_bool().unwrap_or_default()),
        "i16" => ParameterValue::Int16(number().try_into()?),
        "i32" => ParameterValue::Int32(number().try_into()?),
        "i64" => ParameterValue::Int64(number()),
        "f64" => ParameterValue::Floating64(value.as_f64().unwrap_or_default()),
        "text" => ParameterValue::Str(text()),
        "bytes" => ParameterValue::Binary(text().into_bytes()),
        "uuid" => ParameterValue::Uuid(text()),
        "jsonb" => ParameterValue::Jsonb(text().into_bytes()),
        "decimal" => ParameterValue::Decimal(text()),
        "timestamp" => ParameterValue::Timestamp(number()),
        "datetime" => ParameterValue::Datetime((2026, 1, 31, 1, 2, 3, 4000)),
        "texts" => ParameterValue::ArrayStr(
            value.as_array().into_iter().flatten().map(|v| v.as_str().map(str::to_owned)).collect(),
        ),
        other => bail!("unknown type {other:?}"),
    })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
