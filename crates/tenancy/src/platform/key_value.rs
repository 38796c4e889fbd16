//! Key-value stores: large values by key, without queries.

use async_trait::async_trait;

/// Named key-value stores.
#[async_trait(?Send)]
pub trait KeyValue {
    /// The value of `key` in `store`, `None` when there is none.
    async fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueError>;
}

/// Why a key-value call failed; for logs, never for an answer.
#[derive(Debug, thiserror::Error)]
#[error("key-value store: {0}")]
pub struct KeyValueError(pub String);
