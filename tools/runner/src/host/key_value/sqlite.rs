//! Key-value stores in `SQLite`, in the layout of Spin.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::Context as _;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::{mpsc, oneshot};
use tokio::task::block_in_place;

use super::{Keys, other};
use crate::bindings::key_value as wit;
use crate::host::stream::CHANNEL_CAPACITY;
use crate::host::{MAX_BUFFERED_BYTES, too_large};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, key)
)";
const GET: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (store, key) DO UPDATE SET value = ?3";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";
const KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1";

/// The rows of one label, in a file or in memory.
#[derive(Debug)]
pub(crate) struct Store {
    label: String,
    path: Option<PathBuf>,
    connection: OnceLock<Mutex<Connection>>,
}

impl Store {
    pub(super) fn new(label: &str, path: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(folder) = path.as_ref().and_then(|path| path.parent()) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        }
        Ok(Self { label: label.to_owned(), path, connection: OnceLock::new() })
    }

    pub(super) fn open(&self) -> Result<(), wit::Error> {
        block_in_place(|| self.connection().map(drop)).map_err(other)
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, wit::Error> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(GET)?;
            statement.query_row([&self.label, key], |row| row.get(0)).optional()
        })
    }

    pub(super) fn set(&self, key: &str, value: &[u8]) -> Result<(), wit::Error> {
        self.with(|connection| {
            connection.prepare_cached(SET)?.execute(params![self.label, key, value]).map(drop)
        })
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), wit::Error> {
        self.with(|connection| {
            connection.prepare_cached(DELETE)?.execute([&self.label, key]).map(drop)
        })
    }

    /// Returns the keys. The store is locked until the last key is read. As in Spin, a guest that uses the store before
    /// then deadlocks.
    pub(super) fn keys(self: Arc<Self>) -> Keys {
        let (keys, keys_read) = mpsc::channel(CHANNEL_CAPACITY);
        let (end, end_read) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let result = self.send_keys(&keys);
            // A guest may already wait for the end before the stream ends.
            drop(keys);
            _ = end.send(result);
        });
        (keys_read, end_read)
    }

    fn send_keys(&self, keys: &mpsc::Sender<String>) -> Result<(), wit::Error> {
        let connection = self.connection().map_err(other)?;
        let mut statement = connection.prepare_cached(KEYS).map_err(other)?;
        let mut rows = statement.query([&self.label]).map_err(other)?;
        while let Some(row) = rows.next().map_err(other)? {
            let key: String = row.get(0).map_err(other)?;
            if key.len() > MAX_BUFFERED_BYTES {
                return Err(wit::Error::Other(too_large()));
            }
            keys.blocking_send(key).map_err(other)?;
        }
        Ok(())
    }

    fn with<R>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<R>,
    ) -> Result<R, wit::Error> {
        block_in_place(|| self.connection().and_then(|connection| work(&connection))).map_err(other)
    }

    /// Returns the connection, which the first call opens.
    fn connection(&self) -> rusqlite::Result<MutexGuard<'_, Connection>> {
        let connection = match self.connection.get() {
            Some(connection) => connection,
            None => {
                let connection = match &self.path {
                    Some(path) => Connection::open(path)?,
                    None => Connection::open_in_memory()?,
                };
                connection.execute(CREATE, [])?;
                self.connection.get_or_init(|| Mutex::new(connection))
            }
        };
        // A panic leaves no partial change, because each call is one statement.
        Ok(connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temp_folder::TempFolder;

    #[tokio::test(flavor = "multi_thread")]
    async fn store_keeps_pairs() {
        let folder = TempFolder::new();
        let path = folder.path().join("new/folder/kv.db");
        let store = Arc::new(Store::new("a", Some(path.clone())).unwrap());
        store.open().unwrap();
        assert_eq!(store.get("k").unwrap(), None);
        store.set("k", b"1").unwrap();
        store.set("k", b"2").unwrap();
        assert_eq!(store.get("k").unwrap().unwrap(), b"2");
        store.delete("k").unwrap();
        store.delete("k").unwrap();
        assert_eq!(store.get("k").unwrap(), None);

        for number in 0..10 {
            store.set(&format!("k{number}"), b"").unwrap();
        }
        let (mut keys, end) = store.keys();
        let mut count = 0;
        while keys.recv().await.is_some() {
            count += 1;
        }
        assert_eq!(count, 10);
        end.await.unwrap().unwrap();

        // Two labels in one file are two stores.
        let other = Store::new("b", Some(path)).unwrap();
        assert_eq!(other.get("k0").unwrap(), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn store_without_path_is_in_memory() {
        let store = Store::new("a", None).unwrap();
        store.set("k", b"v").unwrap();
        assert_eq!(store.get("k").unwrap().unwrap(), b"v");
        assert_eq!(Store::new("a", None).unwrap().get("k").unwrap(), None);
    }
}
