//! The Redis client of the Spin host.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use async_trait::async_trait;
use platform::{
    Redis,
    redis::{Command, ProcessId, RedisError, Reply, RoundTrip},
};
use spin_sdk::{
    redis::{Connection, Error, RedisParameter, RedisResult},
    wasip3::clocks::monotonic_clock,
};

use crate::{deadline::within, single_flight::Flight};

const DEADLINE: Duration = Duration::from_secs(1);
/// The pause after a failure. During the pause, requests fail at once, so that an unresponsive Redis costs only one
/// request a full deadline.
const PAUSE_NANOS: u64 = 1_000_000_000;

/// A Redis client with one connection for the life of the instance, because each `open` in Spin creates a new one.
pub(super) struct SpinRedis {
    address: String,
    kept: RefCell<Option<Rc<Kept>>>,
    opening: Flight,
    round_trip: Flight,
    paused_until: Cell<u64>,
}

/// A connection. Spin never reconnects it, so it leads to one server process.
struct Kept {
    connection: Connection,
    process: ProcessId,
}

impl Kept {
    async fn open(address: &str) -> Result<Self, String> {
        let failed = |error: Error| format!("{error:?}");
        let connection = within(DEADLINE, Connection::open(address))
            .await
            .ok_or_else(|| "no connection in time".to_owned())?
            .map_err(failed)?;
        let (name, argument) = ProcessId::COMMAND;
        let arguments = vec![RedisParameter::Binary(argument.as_bytes().to_vec())];
        let replies = within(DEADLINE, connection.execute(name, arguments))
            .await
            .ok_or_else(|| "no response in time".to_owned())?
            .map_err(failed)?;
        let replies: Vec<_> = replies.into_iter().map(reply).collect();
        let process = ProcessId::of_info(&replies).map_err(|error| error.to_string())?;
        Ok(Self { connection, process })
    }
}

impl SpinRedis {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            kept: RefCell::new(None),
            opening: Flight::default(),
            round_trip: Flight::default(),
            paused_until: Cell::new(0),
        }
    }

    /// Returns the connection, and whether it was already open. An urgent caller ignores the pause.
    async fn connection(&self, is_urgent: bool) -> Result<(Rc<Kept>, bool), RedisError> {
        loop {
            if let Some(kept) = self.kept.borrow().clone() {
                return Ok((kept, true));
            }
            if !is_urgent && monotonic_clock::now() < self.paused_until.get() {
                return Err(RedisError::Unavailable("it failed a moment ago".to_owned()));
            }
            let Some(mut opened) = self.opening.join() else { break };
            // The wait ends when the stream closes or the deadline is reached.
            within(DEADLINE, opened.read(Vec::with_capacity(1))).await;
            if self.kept.borrow().is_none() {
                // An urgent caller retries by itself and does not wait for several attempts here.
                return Err(RedisError::Unavailable("it was not reachable".to_owned()));
            }
        }
        let _opening = self.opening.begin();
        match Kept::open(&self.address).await {
            Ok(opened) => {
                let opened = Rc::new(opened);
                *self.kept.borrow_mut() = Some(Rc::clone(&opened));
                Ok((opened, false))
            }
            Err(reason) => Err(self.pause(reason)),
        }
    }

    /// Discards a connection, unless another one has already replaced it.
    fn give_up(&self, failed: &Rc<Kept>) -> bool {
        let mut kept = self.kept.borrow_mut();
        let is_kept = kept.as_ref().is_some_and(|kept| Rc::ptr_eq(kept, failed));
        if is_kept {
            *kept = None;
        }
        is_kept
    }

    fn pause(&self, reason: String) -> RedisError {
        self.paused_until.set(monotonic_clock::now().saturating_add(PAUSE_NANOS));
        RedisError::Unavailable(reason)
    }

    fn unavailable(&self, failed: &Rc<Kept>, reason: String) -> RedisError {
        if self.give_up(failed) { self.pause(reason) } else { RedisError::Unavailable(reason) }
    }
}

#[async_trait(?Send)]
impl Redis for SpinRedis {
    async fn run(&self, command: Command<'_>) -> Result<Vec<Reply>, RedisError> {
        let target = command.target;
        let (kept, was_kept) = self.connection(target.is_urgent).await?;
        if target.process.is_some_and(|process| process != kept.process) {
            return Err(RedisError::OtherProcess);
        }
        let result = self.run_on(&kept, was_kept, command).await;
        if !was_kept || !matches!(result, Err(RedisError::Unavailable(_))) {
            return result;
        }
        // A restarted Redis has nothing of the earlier process, so the command may run again even if it has run before.
        match self.connection(target.is_urgent).await {
            Ok((opened, is_kept)) if opened.process != kept.process && target.process.is_none() => {
                self.run_on(&opened, is_kept, command).await
            }
            _ => result,
        }
    }

    fn process(&self) -> Option<ProcessId> {
        self.kept.borrow().as_ref().map(|kept| kept.process)
    }

    async fn round_trip(&self) -> Result<RoundTrip, RedisError> {
        if let Some(mut ended) = self.round_trip.join() {
            within(DEADLINE, ended.read(Vec::with_capacity(1))).await;
            return Ok(RoundTrip::Rest);
        }
        let _underway = self.round_trip.begin();
        self.execute("PING", &[]).await.map(|_| RoundTrip::Whole)
    }
}

impl SpinRedis {
    /// Runs one command on a connection, and discards the connection if it fails.
    async fn run_on(
        &self,
        kept: &Rc<Kept>,
        was_kept: bool,
        Command { name, arguments, .. }: Command<'_>,
    ) -> Result<Vec<Reply>, RedisError> {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|argument| match argument.bytes(kept.process) {
                Ok(bytes) => RedisParameter::Binary(bytes.into_owned()),
                Err(number) => RedisParameter::Int64(number),
            })
            .collect();
        match within(DEADLINE, kept.connection.execute(name, arguments)).await {
            Some(Ok(replies)) => Ok(replies.into_iter().map(reply).collect()),
            Some(Err(Error::Other(message))) if message.contains("NoScript") => {
                Err(RedisError::NoScript)
            }
            Some(Err(Error::Other(message))) if message.contains("signalled by the server") => {
                Err(RedisError::Refused(message))
            }
            Some(Err(error)) if was_kept => {
                // The server may have restarted since this connection was opened, so the next call opens another
                // without a pause.
                self.give_up(kept);
                Err(RedisError::Unavailable(format!("{error:?}")))
            }
            Some(Err(error)) => Err(self.unavailable(kept, format!("{error:?}"))),
            None => Err(self.unavailable(kept, "no response in time".to_owned())),
        }
    }
}

fn reply(result: RedisResult) -> Reply {
    match result {
        RedisResult::Nil => Reply::Nil,
        RedisResult::Status(status) => Reply::Status(status),
        RedisResult::Int64(number) => Reply::Int(number),
        RedisResult::Binary(bytes) => Reply::Bytes(bytes),
    }
}
