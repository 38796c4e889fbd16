//! `spin:redis`

use std::net::SocketAddr;

use redis::aio::MultiplexedConnection;
use redis::io::AsyncDNSResolver;
use redis::{
    AsyncCommands, AsyncConnectionConfig, ConnectionAddr, ErrorKind, FromRedisValue, RedisError,
    Value,
};
use wasmtime::component::{Accessor, HasData, Resource};

use super::table::Table;
use super::{MAX_BUFFERED_BYTES, too_large};
use crate::bindings::redis as wit;
use crate::network::Gate;
use crate::network::blocked::BlockedNetworks;
use crate::network::permits::{Permit, Permits};

/// The maximum number of connections of one instance.
const MAX_CONNECTIONS: usize = 1024;

/// The state that all instances of a component share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) blocked: BlockedNetworks,
    pub(crate) permits: Permits,
}

/// The connections of one instance.
pub(crate) struct State {
    shared: Shared,
    connections: Table<(MultiplexedConnection, Permit)>,
}

pub(crate) struct Interface;

impl HasData for Interface {
    type Data<'a> = &'a mut State;
}

impl State {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, connections: Table::new(MAX_CONNECTIONS) }
    }
}

impl Interface {
    fn connection<T>(
        accessor: &Accessor<T, Self>,
        handle: &Resource<wit::Connection>,
    ) -> Result<MultiplexedConnection, wit::Error> {
        accessor
            .with(|mut access| {
                let connection = access.get().connections.get(handle);
                connection.map(|(connection, _)| connection.clone())
            })
            .ok_or_else(|| wit::Error::Other("could not find connection for resource".to_owned()))
    }
}

impl wit::Host for State {}

impl wit::HostConnection for State {
    async fn drop(&mut self, handle: Resource<wit::Connection>) -> wasmtime::Result<()> {
        self.connections.remove(&handle);
        Ok(())
    }
}

impl<T: Send> wit::HostConnectionWithStore<T> for Interface {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> Result<Resource<wit::Connection>, wit::Error> {
        let shared = accessor.with(|mut access| access.get().shared.clone());
        if !shared.gate.allows(&address, "redis").map_err(wit::Error::Other)? {
            return Err(wit::Error::InvalidAddress);
        }
        let permit = shared.permits.acquire().await;
        let config = AsyncConnectionConfig::new().set_dns_resolver(Resolver(shared.blocked));
        let client = redis::Client::open(address).map_err(|_| wit::Error::InvalidAddress)?;
        // Spin connects to a Unix socket if all hosts are allowed.
        if matches!(client.get_connection_info().addr, ConnectionAddr::Unix(_)) {
            return Err(wit::Error::InvalidAddress);
        }
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| other(&error))?;
        accessor
            .with(|mut access| access.get().connections.push((connection, permit)))
            .ok_or(wit::Error::TooManyConnections)
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<(), wit::Error> {
        let mut connection = Self::connection(accessor, &handle)?;
        connection.publish(channel, payload).await.map_err(|error| other(&error))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Connection>,
        key: String,
    ) -> Result<Option<Vec<u8>>, wit::Error> {
        let mut connection = Self::connection(accessor, &handle)?;
        let value: Option<Vec<u8>> = connection.get(key).await.map_err(|error| other(&error))?;
        let bytes = size_of_val(&value) + value.as_ref().map_or(0, Vec::len);
        if bytes > MAX_BUFFERED_BYTES {
            return Err(wit::Error::Other(too_large()));
        }
        Ok(value)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), wit::Error> {
        let mut connection = Self::connection(accessor, &handle)?;
        connection.set(key, value).await.map_err(|error| other(&error))
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Connection>,
        key: String,
    ) -> Result<i64, wit::Error> {
        let mut connection = Self::connection(accessor, &handle)?;
        connection.incr(key, 1).await.map_err(|error| other(&error))
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Connection>,
        keys: Vec<String>,
    ) -> Result<u32, wit::Error> {
        let mut connection = Self::connection(accessor, &handle)?;
        connection.del(keys).await.map_err(|error| other(&error))
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, wit::Error> {
        let mut connection = Self::connection(accessor, &handle)?;
        connection.sadd(key, values).await.map_err(|error| match error.kind() {
            ErrorKind::TypeError => wit::Error::TypeError,
            _ => other(&error),
        })
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Connection>,
        key: String,
    ) -> Result<Vec<String>, wit::Error> {
        let mut connection = Self::connection(accessor, &handle)?;
        connection.smembers(key).await.map_err(|error| other(&error))
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, wit::Error> {
        let mut connection = Self::connection(accessor, &handle)?;
        connection.srem(key, values).await.map_err(|error| other(&error))
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Connection>,
        command: String,
        arguments: Vec<wit::RedisParameter>,
    ) -> Result<Vec<wit::RedisResult>, wit::Error> {
        let mut connection = Self::connection(accessor, &handle)?;
        let mut command = redis::cmd(&command);
        for argument in arguments {
            match argument {
                wit::RedisParameter::Int64(value) => command.arg(value),
                wit::RedisParameter::Binary(value) => command.arg(value),
            };
        }
        let Flat(results) =
            command.query_async(&mut connection).await.map_err(|error| other(&error))?;
        let bytes: usize = size_of_val(&results) + results.iter().map(size).sum::<usize>();
        if bytes > MAX_BUFFERED_BYTES {
            return Err(wit::Error::Other(too_large()));
        }
        Ok(results)
    }
}

fn other(error: &RedisError) -> wit::Error {
    wit::Error::Other(error.to_string())
}

fn size(result: &wit::RedisResult) -> usize {
    size_of_val(result)
        + match result {
            wit::RedisResult::Nil | wit::RedisResult::Int64(_) => 0,
            wit::RedisResult::Binary(bytes) => bytes.len(),
            wit::RedisResult::Status(text) => text.len(),
        }
}

/// Converts a reply for a guest. Nested arrays become one flat list.
#[derive(Debug)]
struct Flat(Vec<wit::RedisResult>);

impl FromRedisValue for Flat {
    fn from_redis_value(value: &Value) -> redis::RedisResult<Self> {
        let mut results = Vec::new();
        append(&mut results, value)?;
        Ok(Self(results))
    }
}

fn append(results: &mut Vec<wit::RedisResult>, value: &Value) -> redis::RedisResult<()> {
    let unsupported = |what: &str| {
        let detail = format!("{what} not supported");
        Err((ErrorKind::TypeError, "Could not convert Redis response", detail).into())
    };
    results.push(match value {
        Value::Array(values) | Value::Set(values) => {
            return values.iter().try_for_each(|value| append(results, value));
        }
        Value::Nil => wit::RedisResult::Nil,
        Value::Int(number) => wit::RedisResult::Int64(*number),
        Value::Boolean(truth) => wit::RedisResult::Int64((*truth).into()),
        Value::BulkString(bytes) => wit::RedisResult::Binary(bytes.clone()),
        Value::Double(number) => wit::RedisResult::Binary(number.to_string().into_bytes()),
        Value::BigNumber(number) => wit::RedisResult::Binary(number.to_string().into_bytes()),
        Value::SimpleString(text) => wit::RedisResult::Status(text.clone()),
        Value::Okay => wit::RedisResult::Status("OK".to_owned()),
        Value::Map(_) => return unsupported("Redis Map type is"),
        Value::Attribute { .. } => return unsupported("Redis Attribute type is"),
        Value::VerbatimString { .. } => {
            return unsupported("Redis string with format attribute is");
        }
        Value::Push { .. } => return unsupported("Redis Pub/Sub types are"),
        Value::ServerError(error) => {
            let detail = format!("{error:?}");
            return Err((ErrorKind::ResponseError, "Server error", detail).into());
        }
    });
    Ok(())
}

/// Resolves names to addresses that are not blocked.
struct Resolver(BlockedNetworks);

impl AsyncDNSResolver for Resolver {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> redis::RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let addresses: Vec<_> = tokio::net::lookup_host((host, port))
                .await?
                .filter(|address| !self.0.contains(address.ip()))
                .collect();
            // Without an address the client panics, in Spin as well.
            if addresses.is_empty() {
                return Err((ErrorKind::IoError, "all addresses of the host are blocked").into());
            }
            Ok(Box::new(addresses.into_iter()) as Box<_>)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wit::RedisResult::{Binary, Int64, Nil, Status};

    fn flat(value: &Value) -> Result<Vec<wit::RedisResult>, String> {
        match Flat::from_redis_value(value) {
            Ok(Flat(results)) => Ok(results),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn nested_arrays_are_flattened() {
        let value = Value::Array(vec![
            Value::Int(1),
            Value::Array(vec![Value::Nil, Value::Set(vec![Value::Okay])]),
            Value::Array(vec![]),
            Value::BulkString(b"x".to_vec()),
            Value::SimpleString("PONG".to_owned()),
            Value::Boolean(true),
            Value::Double(1.5),
        ]);
        let expected = [
            Int64(1),
            Nil,
            Status("OK".to_owned()),
            Binary(b"x".to_vec()),
            Status("PONG".to_owned()),
            Int64(1),
            Binary(b"1.5".to_vec()),
        ];
        assert_eq!(format!("{:?}", flat(&value).unwrap()), format!("{expected:?}"));
    }

    #[test]
    fn unsupported_types_are_errors() {
        let map = Value::Map(vec![(Value::Int(1), Value::Int(2))]);
        assert!(flat(&map).unwrap_err().contains("Map type is not supported"));
        assert!(flat(&Value::Array(vec![map])).is_err());
        let verbatim =
            Value::VerbatimString { format: redis::VerbatimFormat::Text, text: String::new() };
        assert!(flat(&verbatim).unwrap_err().contains("not supported"));
        let push = Value::Push { kind: redis::PushKind::Message, data: vec![] };
        assert!(flat(&push).unwrap_err().contains("Pub/Sub"));
    }
}
