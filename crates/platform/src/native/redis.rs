//! The Redis client of a native program.

use std::{cell::RefCell, path::PathBuf, time::Duration};

use async_trait::async_trait;
use redis::{Cmd, ErrorKind, ServerErrorKind, Value, aio::MultiplexedConnection};
use tokio::time::timeout;

use super::tls;
use crate::{
    Redis,
    redis::{Command, ProcessId, RedisError, Reply},
};

const DEADLINE: Duration = Duration::from_secs(1);

/// A connection to one server process. It never reconnects.
#[derive(Clone)]
struct Kept {
    connection: MultiplexedConnection,
    process: ProcessId,
}

/// A Redis client with one connection, which opens on the first command and stays open.
pub struct NativeRedis {
    address: String,
    roots: Option<PathBuf>,
    kept: RefCell<Option<Kept>>,
}

impl NativeRedis {
    /// Creates a client for a `redis://` or `rediss://` URL. `roots` is a file with the root certificates to trust instead
    /// of those of the system.
    pub fn new(address: String, roots: Option<PathBuf>) -> Self {
        Self { address, roots, kept: RefCell::new(None) }
    }

    async fn connection(&self) -> Result<Kept, RedisError> {
        let kept = self.kept.borrow().clone();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let client =
            tls::redis_client(&self.address, self.roots.as_deref()).map_err(unavailable)?;
        let open = async {
            let mut connection = client.get_multiplexed_async_connection().await?;
            let info: Vec<u8> = redis::cmd(ProcessId::COMMAND.0)
                .arg(ProcessId::COMMAND.1)
                .query_async(&mut connection)
                .await?;
            Ok::<_, redis::RedisError>((connection, info))
        };
        let (connection, info) =
            timeout(DEADLINE, open).await.map_err(unavailable)?.map_err(unavailable)?;
        let kept = Kept { connection, process: ProcessId::of_info(&[Reply::Bytes(info)])? };
        *self.kept.borrow_mut() = Some(kept.clone());
        Ok(kept)
    }
}

#[async_trait(?Send)]
impl Redis for NativeRedis {
    async fn run(&self, command: Command<'_>) -> Result<Vec<Reply>, RedisError> {
        let Command { name, arguments, target } = command;
        let Kept { mut connection, process } = self.connection().await?;
        if target.process.is_some_and(|wanted| wanted != process) {
            return Err(RedisError::OtherProcess);
        }
        let mut call = Cmd::new();
        call.arg(name);
        for argument in arguments {
            match argument.bytes(process) {
                Ok(bytes) => call.arg(&*bytes),
                Err(number) => call.arg(number),
            };
        }
        let answer = timeout(DEADLINE, call.query_async::<Value>(&mut connection)).await;
        let value = match answer {
            Ok(Ok(value)) => value,
            Ok(Err(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                return Err(RedisError::NoScript);
            }
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::Server(_)) => {
                return Err(RedisError::Refused(error.to_string()));
            }
            Ok(Err(error)) => {
                *self.kept.borrow_mut() = None;
                return Err(unavailable(error));
            }
            Err(elapsed) => {
                *self.kept.borrow_mut() = None;
                return Err(unavailable(elapsed));
            }
        };
        let mut replies = Vec::new();
        flatten(value, &mut replies)?;
        Ok(replies)
    }

    fn process(&self) -> Option<ProcessId> {
        self.kept.borrow().as_ref().map(|kept| kept.process)
    }
}

fn unavailable(error: impl std::fmt::Display) -> RedisError {
    RedisError::Unavailable(error.to_string())
}

/// Flattens a reply like Spin: the members of nested arrays follow one another.
fn flatten(value: Value, replies: &mut Vec<Reply>) -> Result<(), RedisError> {
    match value {
        Value::Nil => replies.push(Reply::Nil),
        Value::Int(number) => replies.push(Reply::Int(number)),
        Value::BulkString(bytes) => replies.push(Reply::Bytes(bytes)),
        Value::SimpleString(status) => replies.push(Reply::Status(status)),
        Value::Okay => replies.push(Reply::Status("OK".to_owned())),
        Value::Array(values) => {
            values.into_iter().try_for_each(|value| flatten(value, replies))?;
        }
        other => {
            return Err(RedisError::Refused(format!("a reply of an unsupported type: {other:?}")));
        }
    }
    Ok(())
}
