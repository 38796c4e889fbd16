//! `spin:key-value`

mod redis;
mod sqlite;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use wasmtime::component::{Accessor, FutureReader, HasData, Resource, StreamReader};

use super::stream::ChannelProducer;
use super::table::Table;
use super::{MAX_BUFFERED_BYTES, too_large};
use crate::bindings::key_value as wit;
use crate::runtime_config::StoreConfig;

/// The stores that a component may open, by label.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(pub(crate) Arc<HashMap<String, Store>>);

/// The stores that one instance has opened.
pub(crate) struct State {
    shared: Shared,
    open: Table<Store>,
}

pub(crate) struct Interface;

/// One store, shared by all that have opened it.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Sqlite(Arc<sqlite::Store>),
    Redis(Arc<redis::Store>),
}

/// The keys of a store as a stream, and the result of the search.
type Keys = (mpsc::Receiver<String>, oneshot::Receiver<Result<(), wit::Error>>);

impl Store {
    /// Creates the store `label`. Creates the folder of its file, but opens nothing yet.
    pub(crate) fn new(label: &str, config: StoreConfig) -> anyhow::Result<Self> {
        Ok(match config {
            StoreConfig::Sqlite(path) => Self::Sqlite(Arc::new(sqlite::Store::new(label, path)?)),
            StoreConfig::Redis(url) => Self::Redis(Arc::new(redis::Store::new(url))),
        })
    }

    async fn open(&self) -> Result<(), wit::Error> {
        match self {
            Self::Sqlite(store) => store.open(),
            Self::Redis(store) => store.open().await,
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, wit::Error> {
        match self {
            Self::Sqlite(store) => store.get(key),
            Self::Redis(store) => store.get(key).await,
        }
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), wit::Error> {
        match self {
            Self::Sqlite(store) => store.set(key, value),
            Self::Redis(store) => store.set(key, value).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), wit::Error> {
        match self {
            Self::Sqlite(store) => store.delete(key),
            Self::Redis(store) => store.delete(key).await,
        }
    }

    async fn exists(&self, key: &str) -> Result<bool, wit::Error> {
        match self {
            Self::Sqlite(store) => Ok(store.get(key)?.is_some()),
            Self::Redis(store) => store.exists(key).await,
        }
    }

    fn keys(&self) -> Keys {
        match self {
            Self::Sqlite(store) => store.clone().keys(),
            Self::Redis(store) => store.clone().keys(),
        }
    }
}

impl HasData for Interface {
    type Data<'a> = &'a mut State;
}

impl State {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, open: Table::new(u32::MAX as usize) }
    }
}

impl Interface {
    fn store<T>(
        accessor: &Accessor<T, Self>,
        handle: &Resource<wit::Store>,
    ) -> Result<Store, wit::Error> {
        accessor
            .with(|mut access| access.get().open.get(handle).cloned())
            .ok_or(wit::Error::NoSuchStore)
    }
}

impl wit::Host for State {}

impl wit::HostStore for State {
    async fn drop(&mut self, handle: Resource<wit::Store>) -> wasmtime::Result<()> {
        self.open.remove(&handle);
        Ok(())
    }
}

impl<T: Send> wit::HostStoreWithStore<T> for Interface {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> Result<Resource<wit::Store>, wit::Error> {
        let store = accessor
            .with(|mut access| access.get().shared.0.get(&label).cloned())
            .ok_or(wit::Error::AccessDenied)?;
        store.open().await?;
        accessor.with(|mut access| access.get().open.push(store)).ok_or(wit::Error::StoreTableFull)
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Store>,
        key: String,
    ) -> Result<Option<Vec<u8>>, wit::Error> {
        let value = Self::store(accessor, &handle)?.get(&key).await?;
        if size_of_val(&value) + value.as_ref().map_or(0, Vec::len) > MAX_BUFFERED_BYTES {
            return Err(wit::Error::Other(too_large()));
        }
        Ok(value)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), wit::Error> {
        Self::store(accessor, &handle)?.set(&key, &value).await
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Store>,
        key: String,
    ) -> Result<(), wit::Error> {
        Self::store(accessor, &handle)?.delete(&key).await
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Store>,
        key: String,
    ) -> Result<bool, wit::Error> {
        Self::store(accessor, &handle)?.exists(&key).await
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        handle: Resource<wit::Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), wit::Error>>)> {
        let (keys, end) = Self::store(accessor, &handle)?.keys();
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, ChannelProducer(keys))?;
            let end = FutureReader::new(&mut access, end)?;
            Ok((keys, end))
        })
    }
}

/// Converts any error of a store.
fn other(error: impl std::fmt::Debug) -> wit::Error {
    wit::Error::Other(format!("{error:?}"))
}
