//! Key-value stores of the Spin host.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

use async_trait::async_trait;
use platform::{KeyValue, KeyValueError};
use spin_sdk::key_value::{Error, Store};

use crate::deadline::within;

const DEADLINE: Duration = Duration::from_secs(5);

/// The stores, each opened once.
#[derive(Default)]
pub(super) struct SpinKeyValue(RefCell<HashMap<String, Rc<Store>>>);

impl SpinKeyValue {
    async fn store(&self, name: &str) -> Result<Rc<Store>, Error> {
        let open = self.0.borrow().get(name).cloned();
        if let Some(store) = open {
            return Ok(store);
        }
        let store = Rc::new(Store::open(name).await?);
        self.0.borrow_mut().insert(name.to_owned(), Rc::clone(&store));
        Ok(store)
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, KeyValueError> {
    within(DEADLINE, call)
        .await
        .ok_or_else(|| KeyValueError("no response in time".to_owned()))?
        .map_err(|error| KeyValueError(format!("{error:?}")))
}

#[async_trait(?Send)]
impl KeyValue for SpinKeyValue {
    async fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        in_time(async { self.store(store).await?.get(key).await }).await
    }

    async fn set(&self, store: &str, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
        in_time(async { self.store(store).await?.set(key, value).await }).await
    }

    async fn delete(&self, store: &str, key: &str) -> Result<(), KeyValueError> {
        in_time(async { self.store(store).await?.delete(key).await }).await
    }
}
