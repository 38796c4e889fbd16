//! Key-value stores: large values by key, without queries.

use async_trait::async_trait;

/// Named key-value stores.
#[async_trait(?Send)]
pub trait KeyValue {
    /// Returns the value of `key` in `store`, or `None` if there is none.
    async fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueError>;

    /// Stores `value` under `key` in `store`, replacing any earlier value.
    async fn set(&self, store: &str, key: &str, value: &[u8]) -> Result<(), KeyValueError>;

    /// Deletes `key` from `store`. A missing key is not an error.
    async fn delete(&self, store: &str, key: &str) -> Result<(), KeyValueError>;
}

/// The reason why a key-value call failed. The text is for logs only, never for a response.
#[derive(Debug, thiserror::Error)]
#[error("key-value store: {0}")]
pub struct KeyValueError(pub String);
