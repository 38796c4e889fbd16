//! Deadlines on host calls.

use std::{pin::pin, time::Duration};

use futures::future::{Either, select};
use spin_sdk::time::sleep;

/// What `call` returns, or `None` when it takes longer than `limit`; it is then cancelled.
pub(super) async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Option<T> {
    match select(pin!(call), pin!(sleep(limit))).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(((), _)) => None,
    }
}
