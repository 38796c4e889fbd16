//! Key-value stores: large values by key, without queries.

use async_trait::async_trait;

/// Named key-value stores.
#[async_trait(?Send)]
pub trait KeyValue {
    /// The value of `key` in `store`, `None` when there is none.
    async fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueError>;

    /// Puts `value` under `key` in `store`, in the place of one before it.
    async fn set(&self, store: &str, key: &str, value: &[u8]) -> Result<(), KeyValueError>;

    /// Takes `key` out of `store`, where it may not be.
    async fn delete(&self, store: &str, key: &str) -> Result<(), KeyValueError>;
}

/// Why a key-value call failed; for logs, never for an answer.
#[derive(Debug, thiserror::Error)]
#[error("key-value store: {0}")]
pub struct KeyValueError(pub String);
