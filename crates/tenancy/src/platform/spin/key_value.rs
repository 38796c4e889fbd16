//! Key-value stores of the Spin host.

use std::time::Duration;

use async_trait::async_trait;
use spin_sdk::key_value::Store;

use super::deadline::within;
use crate::platform::{KeyValue, KeyValueError};

const DEADLINE: Duration = Duration::from_secs(5);

pub(super) struct SpinKeyValue;

#[async_trait(?Send)]
impl KeyValue for SpinKeyValue {
    async fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        let call = async { Store::open(store).await?.get(key).await };
        within(DEADLINE, call)
            .await
            .ok_or_else(|| KeyValueError("no answer in time".to_owned()))?
            .map_err(|error| KeyValueError(format!("{error:?}")))
    }
}
