//! Bodies of requests and responses, which arrive and leave in pieces.

use async_trait::async_trait;
use platform::pace::Pace;

use crate::error::{Error, Result};

/// A body that arrives in pieces.
pub struct Body {
    source: Box<dyn BodySource>,
    pace: Pace,
}

/// The source of the pieces of a request's body.
#[async_trait(?Send)]
pub trait BodySource {
    /// Returns the next piece, or `None` at the end. Records the waiting time in `pace`.
    ///
    /// # Errors
    /// [`Error::BodyIncomplete`] if the connection ended, [`Error::BodyTooSlow`] if the piece takes longer than `pace`
    /// allows, [`Error::Unavailable`] if too many requests of the instance are waiting.
    async fn read(&mut self, pace: &mut Pace) -> Result<Option<Vec<u8>>>;
}

/// The source of the pieces of a response's body.
#[async_trait(?Send)]
pub trait BodyReader {
    /// Returns the next piece, or `None` at the end.
    async fn read(&mut self) -> Result<Option<Vec<u8>>>;
}

impl Body {
    /// Creates a body from the source of its pieces.
    pub fn new(source: impl BodySource + 'static) -> Self {
        Self { source: Box::new(source), pace: Pace::transfer() }
    }

    /// Returns the next piece of a body of any length, or `None` at the end.
    ///
    /// # Errors
    /// [`Error::BodyIncomplete`] if the connection ended, [`Error::BodyTooSlow`] below the minimum rate.
    pub async fn read(&mut self) -> Result<Option<Vec<u8>>> {
        self.source.read(&mut self.pace).await
    }

    /// Reads a value of at most `limit` bytes. The time is limited only by the minimum rate.
    pub async fn read_value(&mut self, limit: usize) -> Result<Vec<u8>> {
        self.collect(limit).await
    }

    /// Reads the whole body of at most `limit` bytes within 10 s.
    pub async fn read_to_end(&mut self, limit: usize) -> Result<Vec<u8>> {
        self.pace = Pace::whole();
        self.collect(limit).await
    }

    async fn collect(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(piece) = self.read().await? {
            if whole.len() + piece.len() > limit {
                return Err(Error::BodyTooLarge { limit });
            }
            if whole.is_empty() {
                whole = piece;
            } else {
                whole.extend_from_slice(&piece);
            }
        }
        Ok(whole)
    }
}
