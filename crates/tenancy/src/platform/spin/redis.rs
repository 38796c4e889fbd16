//! Redis of the Spin host.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use async_trait::async_trait;
use spin_sdk::{
    redis::{Connection, Error, RedisParameter, RedisResult},
    wasip3::{clocks::monotonic_clock, wit_stream},
    wit_bindgen::{StreamReader, StreamWriter},
};

use super::deadline::within;
use crate::platform::{
    Redis,
    redis::{Argument, RedisError, Reply},
};

const DEADLINE: Duration = Duration::from_secs(1);
/// After a failure Redis is left alone for this long, so that a Redis that hangs costs one request
/// a deadline and not every request.
const PAUSE_NANOS: u64 = 1_000_000_000;

/// One connection, kept for the life of the instance: to Spin, each `open` is a new one.
pub(super) struct SpinRedis {
    address: String,
    kept: RefCell<Option<Rc<Connection>>>,
    /// The calls that wait until it is open, while one call opens it: each hears that its stream ends.
    waiting: RefCell<Option<Vec<StreamWriter<u8>>>>,
    paused_until: Cell<u64>,
}

impl SpinRedis {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            kept: RefCell::new(None),
            waiting: RefCell::new(None),
            paused_until: Cell::new(0),
        }
    }

    /// The connection, and whether it was there already.
    async fn connection(&self) -> Result<(Rc<Connection>, bool), RedisError> {
        loop {
            if let Some(kept) = self.kept.borrow().clone() {
                return Ok((kept, true));
            }
            if monotonic_clock::now() < self.paused_until.get() {
                return Err(RedisError::Unavailable("it failed a moment ago".to_owned()));
            }
            let Some(mut opened) = self.wait_for_another() else { break };
            // Its end is all that is ever heard of it, or that the one who opens takes too long.
            within(DEADLINE, opened.read(Vec::with_capacity(1))).await;
        }
        let _opening = Opening::begin(&self.waiting);
        match within(DEADLINE, Connection::open(&self.address)).await {
            Some(Ok(opened)) => {
                let opened = Rc::new(opened);
                *self.kept.borrow_mut() = Some(Rc::clone(&opened));
                Ok((opened, false))
            }
            Some(Err(error)) => Err(self.unavailable(format!("{error:?}"))),
            None => Err(self.unavailable("no connection in time".to_owned())),
        }
    }

    /// What ends when the call is done that opens the connection; `None` where none does.
    fn wait_for_another(&self) -> Option<StreamReader<u8>> {
        let mut waiting = self.waiting.borrow_mut();
        let waiting = waiting.as_mut()?;
        let (ends, end) = wit_stream::new();
        waiting.push(ends);
        Some(end)
    }

    fn unavailable(&self, reason: String) -> RedisError {
        *self.kept.borrow_mut() = None;
        self.paused_until.set(monotonic_clock::now().saturating_add(PAUSE_NANOS));
        RedisError::Unavailable(reason)
    }
}

/// That a call opens the connection. Whatever becomes of it, those who wait go on.
struct Opening<'a>(&'a RefCell<Option<Vec<StreamWriter<u8>>>>);

impl<'a> Opening<'a> {
    fn begin(waiting: &'a RefCell<Option<Vec<StreamWriter<u8>>>>) -> Self {
        *waiting.borrow_mut() = Some(Vec::new());
        Self(waiting)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let waiting = self.0.borrow_mut().take();
        drop(waiting);
    }
}

#[async_trait(?Send)]
impl Redis for SpinRedis {
    async fn execute(
        &self,
        command: &str,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<Reply>, RedisError> {
        let (connection, was_kept) = self.connection().await?;
        let arguments: Vec<_> = arguments
            .iter()
            .map(|argument| match argument {
                Argument::Int(number) => RedisParameter::Int64(*number),
                Argument::Bytes(bytes) => RedisParameter::Binary(bytes.to_vec()),
            })
            .collect();
        match within(DEADLINE, connection.execute(command, arguments)).await {
            Some(Ok(replies)) => Ok(replies.into_iter().map(Reply::from).collect()),
            Some(Err(Error::Other(message))) if message.contains("NoScript") => {
                Err(RedisError::NoScript)
            }
            Some(Err(Error::Other(message))) if message.contains("signalled by the server") => {
                Err(RedisError::Refused(message))
            }
            Some(Err(error)) if was_kept => {
                // The server may have gone and come back since this connection was opened: the
                // next call opens another without a pause.
                *self.kept.borrow_mut() = None;
                Err(RedisError::Unavailable(format!("{error:?}")))
            }
            Some(Err(error)) => Err(self.unavailable(format!("{error:?}"))),
            None => Err(self.unavailable("no answer in time".to_owned())),
        }
    }
}

impl From<RedisResult> for Reply {
    fn from(result: RedisResult) -> Self {
        match result {
            RedisResult::Nil => Self::Nil,
            RedisResult::Status(status) => Self::Status(status),
            RedisResult::Int64(number) => Self::Int(number),
            RedisResult::Binary(bytes) => Self::Bytes(bytes),
        }
    }
}
