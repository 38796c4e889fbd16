//! `spin:postgres`

#![allow(clippy::result_large_err, reason = "the error type is the one of the WIT file")]

mod address;
mod client;
mod error;
mod interface;
mod parameter;
mod pool;
mod range;
mod scalar;
mod tls;
mod value;

use std::sync::Arc;

use wasmtime::component::HasData;

use super::table::Table;
use crate::bindings::postgres as wit;
use crate::network::Gate;
use crate::network::permits::{Permit, Permits};
use client::Client;
use pool::Pools;
use tls::RootCertificate;

/// The maximum number of connections, and of builders, of one instance.
const MAX_HANDLES: usize = 1024;

/// The state that all instances of a component share.
#[derive(Clone)]
pub(crate) struct Shared {
    gate: Gate,
    permits: Permits,
    pools: Arc<Pools>,
}

/// The connections of one instance.
pub(crate) struct State {
    shared: Shared,
    connections: Table<(Client, Permit)>,
    builders: Table<Builder>,
}

/// A `connection-builder`.
#[derive(Clone)]
struct Builder {
    address: String,
    root: Option<RootCertificate>,
}

pub(crate) struct Interface;

impl HasData for Interface {
    type Data<'a> = &'a mut State;
}

impl Shared {
    pub(crate) fn new(gate: Gate, permits: Permits) -> Self {
        Self { gate, permits, pools: Arc::default() }
    }

    /// Takes a connection to `address` from its pool, which may open a new one.
    async fn connect(
        &self,
        address: &str,
        root: Option<RootCertificate>,
    ) -> Result<(Client, Permit), wit::Error> {
        address::check(address, &self.gate)?;
        let permit = self.permits.acquire().await;
        let client = self.pools.client(address, root).await;
        let client = client.map_err(|error| wit::Error::ConnectionFailed(format!("{error:?}")))?;
        Ok((client, permit))
    }
}

impl State {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, connections: Table::new(MAX_HANDLES), builders: Table::new(MAX_HANDLES) }
    }
}
