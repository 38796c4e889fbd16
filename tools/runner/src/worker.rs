//! The instances of one component: the number of requests of each, and its end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep};
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, ViewFn, WorkerExpiration, WorkerState,
    WorkerStatus,
};
use wasmtime_wasi_http::p3::WasiHttpView as _;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::instance::{InstanceData, Shared};
use crate::options::Reuse;

/// Creates instances of one component.
pub(crate) struct Component {
    pub(crate) id: String,
    pub(crate) service: ServicePre<InstanceData>,
    pub(crate) shared: Shared,
    pub(crate) reuse: Reuse,
}

impl HandlerState for Component {
    type StoreData = InstanceData;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<InstanceData, Expiration, Worker>> {
        let mut store = self.shared.new_store(self.service.engine());
        let service = self.service.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: ViewFn::P3(InstanceData::http),
            expiration: Expiration {
                idle_timeout: self.reuse.idle_timeout,
                request_timeout: self.reuse.request_timeout,
                sleep: Box::pin(sleep(Duration::MAX)),
            },
            state: Worker { id: self.id.clone(), reuse: self.reuse },
        })
    }
}

/// Decides which requests an instance accepts.
pub(crate) struct Worker {
    id: String,
    reuse: Reuse,
}

impl WorkerState for Worker {
    type StoreData = InstanceData;
    type RequestId = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.max_requests {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.max_concurrent_requests {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _store: StoreContextMut<'_, InstanceData>,
        (): (),
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        Box::pin(sleep(self.reuse.request_timeout))
    }

    fn drop(&self, store: Store<InstanceData>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            eprintln!("an instance of component {:?} failed: {error:#}", self.id);
        }
        drop(store);
    }
}

/// Ends an instance that is idle, or busy with one request, for too long.
pub(crate) struct Expiration {
    idle_timeout: Duration,
    request_timeout: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let timeout = match status {
            WorkerStatus::Idle => self.idle_timeout,
            WorkerStatus::Requests | WorkerStatus::PostReturn => self.request_timeout,
        };
        let Some(deadline) = start.checked_add(timeout) else {
            return Poll::Pending;
        };
        let deadline = deadline.into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}
