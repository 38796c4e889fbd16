//! Redis: commands, keys and scripts.
//!
//! A restarted Redis may be empty or may contain an older snapshot of its memory. Overwritten and deleted entries are
//! then back, and counters have lower values. So a value that was written to one server process is never read from
//! another. Every key is an [`Argument::Key`], and the implementation prefixes it with the [`ProcessId`] of the
//! connected process. After a restart, no request reads the names that a snapshot restores, and their time to live
//! removes them.

use std::borrow::Cow;

use async_trait::async_trait;
use sha1::{Digest, Sha1};

/// A Redis server with a persistent connection.
#[async_trait(?Send)]
pub trait Redis {
    /// Runs one command.
    ///
    /// The reply is flattened: the members of nested arrays follow one another.
    ///
    /// # Errors
    /// [`RedisError::OtherProcess`] if the command is bound to a process to which the connection no longer leads.
    async fn run(&self, command: Command<'_>) -> Result<Vec<Reply>, RedisError>;

    /// Returns the server process of the open connection, or `None` if no connection is open.
    fn process(&self) -> Option<ProcessId>;

    /// Runs one command on the current process.
    async fn execute(
        &self,
        name: &str,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<Reply>, RedisError> {
        self.run(Command { name, arguments, target: Target::default() }).await
    }

    /// Waits for a round trip to the server. If another round trip is in progress, waits for its end instead.
    async fn round_trip(&self) -> Result<RoundTrip, RedisError> {
        self.execute("PING", &[]).await.map(|_| RoundTrip::Whole)
    }
}

/// A command with its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// The name.
    pub name: &'a str,
    /// The arguments.
    pub arguments: &'a [Argument<'a>],
    /// The process that must run the command.
    pub target: Target,
}

/// The process that must run a command.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target {
    /// The only process that may run the command, or `None` for the current one.
    pub process: Option<ProcessId>,
    /// Whether the command is sent even during the pause after a failed connection.
    pub is_urgent: bool,
}

/// The identity of a Redis server process: 16 hexadecimal digits, derived from the `run_id` that the server generates
/// when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessId([u8; ProcessId::LENGTH]);

impl ProcessId {
    /// The number of digits.
    pub const LENGTH: usize = 16;

    /// Reads the identity from the reply to [`ProcessId::COMMAND`].
    ///
    /// # Errors
    /// [`RedisError::Refused`] if the reply has no `run_id`.
    pub fn of_info(replies: &[Reply]) -> Result<Self, RedisError> {
        let info = replies.first().and_then(Reply::as_bytes).unwrap_or_default();
        let run_id = info
            .split(|byte| *byte == b'\n')
            .find_map(|line| line.strip_prefix(b"run_id:"))
            .map(<[u8]>::trim_ascii)
            .filter(|run_id| !run_id.is_empty())
            .ok_or_else(|| RedisError::Refused("INFO server has no run_id".to_owned()))?;
        let mut digits = [b'0'; Self::LENGTH];
        digits.copy_from_slice(
            &base16ct::lower::encode_string(&Sha1::digest(run_id)).as_bytes()[..Self::LENGTH],
        );
        Ok(Self(digits))
    }

    /// Reads the identity from its digits. Returns `None` if their number is wrong.
    pub fn of_digits(digits: &[u8]) -> Option<Self> {
        digits.try_into().ok().map(Self)
    }

    /// The command whose reply contains the identity.
    pub const COMMAND: (&str, &str) = ("INFO", "server");

    /// Returns the digits.
    pub fn digits(&self) -> &[u8] {
        &self.0
    }

    /// Returns the name of a key in this process.
    pub fn name(self, key: &str) -> Vec<u8> {
        [&self.0[..], b":", key.as_bytes()].concat()
    }
}

/// The part of a round trip that the caller waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTrip {
    /// The whole round trip.
    Whole,
    /// The rest of a round trip that was already in progress.
    Rest,
}

/// An argument of a command.
#[derive(Debug, Clone, Copy)]
pub enum Argument<'a> {
    /// A key. The implementation sends the name that the key has in the connected process.
    Key(&'a str),
    /// An integer.
    Int(i64),
    /// Bytes, often text.
    Bytes(&'a [u8]),
}

impl<'a> Argument<'a> {
    /// Returns the bytes to send to a process, or the number if the argument is an integer.
    pub fn bytes(&self, process: ProcessId) -> Result<Cow<'a, [u8]>, i64> {
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
    /// Null.
    Nil,
    /// A status line such as `OK`.
    Status(String),
    /// An integer.
    Int(i64),
    /// Bytes, often text.
    Bytes(Vec<u8>),
}

impl Reply {
    /// Returns the reply as an integer, if it is an integer or bytes that represent one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            Self::Nil | Self::Status(_) => None,
        }
    }

    /// Returns the reply as bytes, if it consists of bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Nil | Self::Status(_) | Self::Int(_) => None,
        }
    }
}

/// The reason why a Redis call failed. The text is for logs only, never for a response.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedisError {
    /// Redis could not be reached or did not respond in time.
    #[error("Redis is unavailable: {0}")]
    Unavailable(String),
    /// The server has not cached the script with this digest.
    #[error("Redis has not cached the script")]
    NoScript,
    /// Redis refused the command.
    #[error("Redis refused the command: {0}")]
    Refused(String),
    /// Redis restarted since the command's process was observed.
    #[error("Redis restarted")]
    OtherProcess,
}

impl RedisError {
    /// Parts of the messages of temporary errors, as the server or its client library writes them. Causes: the dataset
    /// is loading, the server is a replica, its memory is full, its snapshots fail, a script is running, or a cluster
    /// is moving the slot.
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

/// The number of keys that one `SCAN` call examines.
const SCANNED_AT_ONCE: i64 = 1_000;

/// The names of all keys that match a pattern, in pages. A key may appear twice.
pub struct Scan {
    pattern: String,
    cursor: Option<String>,
}

impl Scan {
    /// Creates a scan for a pattern of whole names, including the digits of the process.
    pub fn new(pattern: String) -> Self {
        Self { pattern, cursor: Some("0".to_owned()) }
    }

    /// Returns the next page, which may be empty; `None` after the last page.
    ///
    /// # Errors
    /// As [`Redis::run`]. The next call repeats the page.
    pub async fn next_page(
        &mut self,
        redis: &dyn Redis,
    ) -> Result<Option<Vec<Vec<u8>>>, RedisError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let arguments: [Argument<'_>; 5] = [
            Argument::from(cursor),
            "MATCH".into(),
            Argument::from(&self.pattern),
            "COUNT".into(),
            Argument::Int(SCANNED_AT_ONCE),
        ];
        let mut texts =
            redis.execute("SCAN", &arguments).await?.into_iter().filter_map(|reply| {
                if let Reply::Bytes(bytes) = reply { Some(bytes) } else { None }
            });
        let next = texts.next().map(|next| String::from_utf8_lossy(&next).into_owned());
        let names = texts.collect();
        self.cursor = next.filter(|next| next != "0");
        Ok(Some(names))
    }
}

/// A Lua script, called by its digest. The source is sent only if the server has not cached it.
pub struct Script {
    source: Cow<'static, str>,
    digest: String,
}

impl Script {
    /// Creates a script from its source.
    pub fn new(source: impl Into<Cow<'static, str>>) -> Self {
        let source = source.into();
        let digest = base16ct::lower::encode_string(&Sha1::digest(source.as_bytes()));
        Self { source, digest }
    }

    /// Creates a script from its parts, which follow the declarations of constants. So a number that both the script
    /// and this program need is written once.
    pub fn with_constants(constants: &[(&str, i64)], parts: &[&str]) -> Self {
        let mut source = String::new();
        for (name, value) in constants {
            source.extend(["local ", name, " = ", &value.to_string(), "\n"]);
        }
        source.extend(parts.iter().copied());
        Self::new(source)
    }

    /// Returns the source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Runs the script with `arguments` on `keys`, which must all belong to one hash slot.
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
                call[0] = Argument::from(self.source());
                redis.run(Command { name: "EVAL", arguments: &call, target }).await
            }
            answer => answer,
        }
    }

    /// Runs the script and retries once if Redis was unavailable. The retry opens a new connection if the old one
    /// broke. If the connection broke after the script had run, the script runs twice.
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
    fn process_id_is_derived_from_run_id() {
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
