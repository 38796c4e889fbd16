//! Key-value stores in Redis. A key is used unchanged as a key of Redis. As in Spin, stores with the same URL share
//! their keys.

use std::sync::Arc;

use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use tokio::sync::{OnceCell, mpsc, oneshot};

use super::{Keys, other};
use crate::bindings::key_value as wit;
use crate::host::stream::CHANNEL_CAPACITY;
use crate::host::{MAX_BUFFERED_BYTES, too_large};

/// The keys of a database.
pub(crate) struct Store {
    url: String,
    connection: OnceCell<ConnectionManager>,
}

// The URL may contain a password.
impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    pub(super) fn new(url: String) -> Self {
        Self { url, connection: OnceCell::new() }
    }

    pub(super) async fn open(&self) -> Result<(), wit::Error> {
        let mut connection = self.connection().await?;
        // A lost connection is detected here, and opened again in the background.
        _ = connection.ping::<()>().await;
        Ok(())
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, wit::Error> {
        self.connection().await?.get(key).await.map_err(other)
    }

    pub(super) async fn set(&self, key: &str, value: &[u8]) -> Result<(), wit::Error> {
        self.connection().await?.set(key, value).await.map_err(other)
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), wit::Error> {
        self.connection().await?.del(key).await.map_err(other)
    }

    pub(super) async fn exists(&self, key: &str) -> Result<bool, wit::Error> {
        self.connection().await?.exists(key).await.map_err(other)
    }

    pub(super) fn keys(self: Arc<Self>) -> Keys {
        let (keys, keys_read) = mpsc::channel(CHANNEL_CAPACITY);
        let (end, end_read) = oneshot::channel();
        tokio::spawn(async move {
            let result = self.send_keys(&keys).await;
            // A guest may already wait for the end before the stream ends.
            drop(keys);
            _ = end.send(result);
        });
        (keys_read, end_read)
    }

    async fn send_keys(&self, keys: &mpsc::Sender<String>) -> Result<(), wit::Error> {
        let mut connection = self.connection().await?;
        let mut scan = connection.scan::<String>().await.map_err(other)?;
        while let Some(key) = scan.next_item().await {
            if key.len() > MAX_BUFFERED_BYTES {
                return Err(wit::Error::Other(too_large()));
            }
            keys.send(key).await.map_err(other)?;
        }
        Ok(())
    }

    /// Returns the connection, which the first call opens.
    async fn connection(&self) -> Result<ConnectionManager, wit::Error> {
        let connection = self
            .connection
            .get_or_try_init(async || {
                redis::Client::open(self.url.as_str())?.get_connection_manager().await
            })
            .await;
        connection.cloned().map_err(other)
    }
}
