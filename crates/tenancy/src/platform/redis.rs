//! Redis: commands and scripts.

use async_trait::async_trait;
use sha1::{Digest, Sha1};

use crate::hex;

/// A Redis server, behind a connection that is kept.
#[async_trait(?Send)]
pub trait Redis {
    /// Runs one command.
    ///
    /// A reply comes flattened: the members of nested arrays follow one another.
    async fn execute(
        &self,
        command: &str,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<Reply>, RedisError>;

    /// Waits for a round trip to the server. Whoever asks for one while another is under way waits for
    /// the end of that.
    async fn round_trip(&self) -> Result<RoundTrip, RedisError> {
        self.execute("PING", &[]).await.map(|_| RoundTrip::Whole)
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
    /// An integer.
    Int(i64),
    /// Bytes, often text.
    Bytes(&'a [u8]),
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
        let mut call = Vec::with_capacity(2 + keys.len() + arguments.len());
        call.push(Argument::from(&self.digest));
        call.push(Argument::Int(i64::try_from(keys.len()).unwrap_or(i64::MAX)));
        call.extend(keys.iter().map(|key| Argument::from(*key)));
        call.extend_from_slice(arguments);
        match redis.execute("EVALSHA", &call).await {
            Err(RedisError::NoScript) => {
                call[0] = Argument::from(self.source);
                redis.execute("EVAL", &call).await
            }
            answer => answer,
        }
    }

    /// The same, and once more where Redis was not to be had: a kept connection that broke is replaced on
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
