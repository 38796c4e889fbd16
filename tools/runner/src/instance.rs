//! The state of one instance of a component.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiterAsync, Store};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;
use wasmtime_wasi_http::p3::{WasiHttpCtxView, WasiHttpView};

use crate::host::stdio::Output;
use crate::host::{http, key_value, postgres, redis, variables};
use crate::network::Gate;
use crate::network::blocked::BlockedNetworks;

/// The state that all instances of one component share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) environment: Arc<[(String, String)]>,
    pub(crate) sockets: Sockets,
    pub(crate) max_memory: Option<usize>,
    pub(crate) variables: variables::Shared,
    pub(crate) key_value: key_value::Shared,
    pub(crate) redis: redis::Shared,
    pub(crate) postgres: postgres::Shared,
    pub(crate) http: http::Shared,
}

/// The data of a store.
pub(crate) struct InstanceData {
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
    table: ResourceTable,
    memory: MemoryLimit,
    http: http::State,
    pub(crate) variables: variables::State,
    pub(crate) key_value: key_value::State,
    pub(crate) redis: redis::State,
    pub(crate) postgres: postgres::State,
}

impl Shared {
    /// Creates a store for a new instance.
    pub(crate) fn new_store(&self, engine: &wasmtime::Engine) -> Store<InstanceData> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.envs(&self.environment).stdout(Output::Stdout).stderr(Output::Stderr);
        let sockets = self.sockets.clone();
        wasi.socket_addr_check(move |address, usage| {
            let allowed = sockets.allow(address, usage);
            Box::pin(async move { allowed })
        });

        let data = InstanceData {
            wasi: wasi.build(),
            wasi_http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            memory: MemoryLimit(self.max_memory),
            http: self.http.clone(),
            variables: self.variables.clone(),
            key_value: key_value::State::new(self.key_value.clone()),
            redis: redis::State::new(self.redis.clone()),
            postgres: postgres::State::new(self.postgres.clone()),
        };
        let mut store = Store::new(engine, data);
        store.limiter_async(|data| &mut data.memory);
        // Like Spin, the engine compiles guests so that they can be interrupted, but sets no deadline. This epoch never
        // occurs.
        store.set_epoch_deadline(u64::MAX / 2);
        store
    }
}

impl WasiView for InstanceData {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for InstanceData {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.wasi_http, table: &mut self.table, hooks: &mut self.http }
    }
}

/// Decides which addresses sockets may use.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    pub(crate) gate: Gate,
    pub(crate) blocked: BlockedNetworks,
    /// Sockets are not counted, so a limit on all connections forbids sockets.
    pub(crate) uncounted: bool,
}

impl Sockets {
    fn allow(&self, address: std::net::SocketAddr, usage: SocketAddrUse) -> bool {
        let scheme = match usage {
            SocketAddrUse::TcpBind => return false,
            SocketAddrUse::TcpConnect => "tcp",
            SocketAddrUse::UdpBind
            | SocketAddrUse::UdpConnect
            | SocketAddrUse::UdpOutgoingDatagram => "udp",
        };
        self.uncounted
            && self.gate.allows(&address.to_string(), scheme).unwrap_or(false)
            && !self.blocked.contains(address.ip())
    }
}

/// The maximum size of a memory of the instance in bytes.
struct MemoryLimit(Option<usize>);

#[wasmtime_wasi::async_trait]
impl ResourceLimiterAsync for MemoryLimit {
    async fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.0.is_none_or(|limit| desired <= limit))
    }

    async fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(true)
    }
}
