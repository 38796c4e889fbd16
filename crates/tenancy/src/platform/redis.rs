//! Redis: commands, keys and scripts.
//!
//! A Redis that restarts may come back empty, or with an older snapshot of its memory: an entry that was
//! overwritten or deleted is there again, and a counter goes on below its value. So nothing that one server
//! process received is ever read from another. Every key is an [`Argument::Key`], and the implementation puts
//! the [`ProcessId`] of the process behind the connection in front of it. After a restart, whatever a snapshot
//! brings back has names that nobody asks for, and its time to live removes it.

use std::borrow::Cow;

use async_trait::async_trait;
use sha1::{Digest, Sha1};

use crate::hex;

/// A Redis server, behind a connection that is kept.
#[async_trait(?Send)]
pub trait Redis {
    /// Runs one command.
    ///
    /// A reply comes flattened: the members of nested arrays follow one another.
    ///
    /// # Errors
    /// [`RedisError::OtherProcess`] when the command is bound to a process that the connection no longer
    /// leads to.
    async fn run(&self, command: Command<'_>) -> Result<Vec<Reply>, RedisError>;

    /// Returns the server process behind the kept connection; `None` when no connection is kept.
    fn process(&self) -> Option<ProcessId>;

    /// Runs one command on the current process.
    async fn execute(
        &self,
        name: &str,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<Reply>, RedisError> {
        self.run(Command { name, arguments, target: Target::default() }).await
    }

    /// Waits for a round trip to the server. Whoever asks for one while another is under way waits for
    /// the end of that.
    async fn round_trip(&self) -> Result<RoundTrip, RedisError> {
        self.execute("PING", &[]).await.map(|_| RoundTrip::Whole)
    }
}

/// A command with its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its arguments.
    pub arguments: &'a [Argument<'a>],
    /// The process that runs it.
    pub target: Target,
}

/// The process that a command is meant for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target {
    /// The only process that may run the command; `None` for the current one.
    pub process: Option<ProcessId>,
    /// Whether the command is sent even during the pause that follows a failed connection.
    pub is_urgent: bool,
}

/// The identity of a Redis server process: 16 hexadecimal digits, derived from the `run_id` that the
/// server draws when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessId([u8; ProcessId::LENGTH]);

impl ProcessId {
    /// The number of digits.
    pub const LENGTH: usize = 16;

    /// Reads the identity from the reply to [`ProcessId::COMMAND`].
    ///
    /// # Errors
    /// [`RedisError::Refused`] when the reply has no `run_id`.
    pub fn of_info(replies: &[Reply]) -> Result<Self, RedisError> {
        let info = replies.first().and_then(Reply::as_bytes).unwrap_or_default();
        let run_id = info
            .split(|byte| *byte == b'\n')
            .find_map(|line| line.strip_prefix(b"run_id:"))
            .map(<[u8]>::trim_ascii)
            .filter(|run_id| !run_id.is_empty())
            .ok_or_else(|| RedisError::Refused("INFO server has no run_id".to_owned()))?;
        let mut digits = [b'0'; Self::LENGTH];
        digits.copy_from_slice(&hex::encode(&Sha1::digest(run_id)).as_bytes()[..Self::LENGTH]);
        Ok(Self(digits))
    }

    /// Reads the identity from its digits; `None` when they are not as many.
    pub fn of_digits(digits: &[u8]) -> Option<Self> {
        digits.try_into().ok().map(Self)
    }

    /// The command whose reply has the identity.
    pub const COMMAND: (&str, &str) = ("INFO", "server");

    /// Returns the digits.
    pub fn digits(&self) -> &[u8] {
        &self.0
    }

    /// Returns the name under which this process knows a key.
    pub fn name(self, key: &str) -> Vec<u8> {
        [&self.0[..], b":", key.as_bytes()].concat()
    }
}

/// How much of a round trip was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTrip {
    /// All of it.
    Whole,
    /// What was left of one that was under way.
    Rest,
}

/// An argument of a command.
#[derive(Debug, Clone, Copy)]
pub enum Argument<'a> {
    /// A key. The implementation sends the name that the process behind the connection knows it by.
    Key(&'a str),
    /// An integer.
    Int(i64),
    /// Bytes, often text.
    Bytes(&'a [u8]),
}

impl<'a> Argument<'a> {
    /// Returns the bytes that are sent to a process; `None` for an integer.
    pub(super) fn bytes(&self, process: ProcessId) -> Result<Cow<'a, [u8]>, i64> {
        match *self {
            Self::Key(key) => Ok(Cow::Owned(process.name(key))),
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Int(number) => Err(number),
        }
    }
}

impl<'a> From<&'a str> for Argument<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

impl<'a> From<&'a String> for Argument<'a> {
    fn from(text: &'a String) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Argument<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<i64> for Argument<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// One member of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing there.
    Nil,
    /// A status line such as `OK`.
    Status(String),
    /// An integer.
    Int(i64),
    /// Bytes, often text.
    Bytes(Vec<u8>),
}

impl Reply {
    /// As an integer: an integer reply, or bytes that spell one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            Self::Nil | Self::Status(_) => None,
        }
    }

    /// As bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Nil | Self::Status(_) | Self::Int(_) => None,
        }
    }
}

/// Why a Redis call failed; the text is for logs, never for an answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedisError {
    /// Redis could not be reached, or did not answer in time.
    #[error("Redis is unavailable: {0}")]
    Unavailable(String),
    /// The server has not seen the script of this digest.
    #[error("Redis does not know the script")]
    NoScript,
    /// Redis refused the command.
    #[error("Redis refused: {0}")]
    Refused(String),
    /// Redis restarted since the command's process was observed.
    #[error("Redis restarted")]
    OtherProcess,
}

impl RedisError {
    /// Refusals that pass by themselves, as the server or its client library names them: the dataset is being
    /// loaded, the server is a replica, its memory is full or its snapshots fail, a script runs, or a cluster
    /// moves the slot.
    const TEMPORARY: [&str; 14] = [
        "LOADING",
        "loading",
        "READONLY",
        "ReadOnly",
        "OOM",
        "MISCONF",
        "MASTERDOWN",
        "MasterDown",
        "BUSY",
        "CLUSTERDOWN",
        "ClusterDown",
        "TRYAGAIN",
        "TryAgain",
        "NOREPLICAS",
    ];

    /// Returns whether the same command may succeed a moment later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::OtherProcess => true,
            Self::NoScript => false,
            Self::Refused(message) => Self::TEMPORARY.iter().any(|word| message.contains(word)),
        }
    }
}

/// A Lua script, called by its digest and sent whole only where the server lacks it.
pub struct Script {
    source: &'static str,
    digest: String,
}

impl Script {
    /// A script from its source.
    pub fn new(source: &'static str) -> Self {
        Self { source, digest: hex::encode(&Sha1::digest(source.as_bytes())) }
    }

    /// Runs the script on `keys`, which must all be of one hash slot, with `arguments`.
    pub async fn run(
        &self,
        redis: &dyn Redis,
        keys: &[&str],
        arguments: &[Argument<'_>],
    ) -> Result<Vec<Reply>, RedisError> {
        self.run_on(redis, Target::default(), keys, arguments).await
    }

    /// Runs the script on one process.
    pub async fn run_on(
        &self,
        redis: &dyn Redis,
        target: Target,
        keys: &[&str],
        arguments: &[Argument<'_>],
    ) -> Result<Vec<Reply>, RedisError> {
        let mut call = Vec::with_capacity(2 + keys.len() + arguments.len());
        call.push(Argument::from(&self.digest));
        call.push(Argument::Int(i64::try_from(keys.len()).unwrap_or(i64::MAX)));
        call.extend(keys.iter().map(|key| Argument::Key(key)));
        call.extend_from_slice(arguments);
        match redis.run(Command { name: "EVALSHA", arguments: &call, target }).await {
            Err(RedisError::NoScript) => {
                call[0] = Argument::from(self.source);
                redis.run(Command { name: "EVAL", arguments: &call, target }).await
            }
            answer => answer,
        }
    }

    /// Runs the script, and once more when Redis was unavailable: a kept connection that broke is replaced on
    /// the second try. If it broke after the script had run, the script runs twice.
    pub async fn run_with_retry(
        &self,
        redis: &dyn Redis,
        keys: &[&str],
        arguments: &[Argument<'_>],
    ) -> Result<Vec<Reply>, RedisError> {
        match self.run(redis, keys, arguments).await {
            Err(RedisError::Unavailable(_)) => self.run(redis, keys, arguments).await,
            answer => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str) -> Vec<Reply> {
        vec![Reply::Bytes(text.as_bytes().to_vec())]
    }

    #[test]
    fn process_id_follows_from_the_run_id() {
        let of = |text: &str| ProcessId::of_info(&info(text));
        let one = of("# Server\r\nredis_version:7.0.15\r\nrun_id:0a1b\r\ntcp_port:6379\r\n");
        let one = one.unwrap();
        assert_eq!(one, of("run_id:0a1b\n").unwrap());
        assert_ne!(one, of("run_id:0a1c\n").unwrap());
        assert_eq!(one.name("t:{1}:tenant").len(), ProcessId::LENGTH + 1 + "t:{1}:tenant".len());
        for text in ["", "run_id:", "run_id: \r\n", "xrun_id:0a1b"] {
            assert!(matches!(of(text), Err(RedisError::Refused(_))), "{text:?}");
        }
        assert!(ProcessId::of_info(&[Reply::Nil]).is_err());
    }
}
