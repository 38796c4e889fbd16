//! The functions of `spin:postgres`.
//!
//! Functions that are not async in WIT block the whole instance, as in Spin.

use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::client::{Client, Rows};
use super::tls::RootCertificate;
use super::{Builder, Interface, Permit, State};
use crate::bindings::postgres as wit;
use crate::host::stream::ChannelProducer;

type Connection = Resource<wit::Connection>;
type ConnectionBuilder = Resource<wit::ConnectionBuilder>;
type StreamedRows =
    (Vec<wit::Column>, StreamReader<wit::Row>, FutureReader<Result<(), wit::Error>>);

impl State {
    fn push(&mut self, connection: (Client, Permit)) -> Result<Connection, wit::Error> {
        self.connections
            .push(connection)
            .ok_or_else(|| wit::Error::ConnectionFailed("too many connections".to_owned()))
    }

    fn client(&self, handle: &Connection) -> Result<Client, wit::Error> {
        self.connections
            .get(handle)
            .map(|(client, _)| client.clone())
            .ok_or_else(|| wit::Error::ConnectionFailed("no connection found".to_owned()))
    }

    fn builder(&self, handle: &ConnectionBuilder) -> Result<Builder, wit::Error> {
        self.builders.get(handle).cloned().ok_or_else(no_builder)
    }
}

fn no_builder() -> wit::Error {
    wit::Error::ConnectionFailed("no builder found".to_owned())
}

impl Interface {
    fn client<T>(accessor: &Accessor<T, Self>, handle: &Connection) -> Result<Client, wit::Error> {
        accessor.with(|mut access| access.get().client(handle))
    }

    async fn connect<T>(
        accessor: &Accessor<T, Self>,
        builder: Builder,
    ) -> Result<Connection, wit::Error> {
        let shared = accessor.with(|mut access| access.get().shared.clone());
        let connection = shared.connect(&builder.address, builder.root).await?;
        accessor.with(|mut access| access.get().push(connection))
    }
}

impl wit::Host for State {}

impl wit::HostConnectionBuilder for State {
    async fn new(&mut self, address: String) -> wasmtime::Result<ConnectionBuilder> {
        self.builders
            .push(Builder { address, root: None })
            .ok_or_else(|| wasmtime::format_err!("too many connection builders"))
    }

    async fn set_ca_root(
        &mut self,
        handle: ConnectionBuilder,
        certificate: String,
    ) -> Result<(), wit::Error> {
        let root = RootCertificate::parse(&certificate)
            .map_err(|error| wit::Error::Other(format!("invalid root certificate: {error}")))?;
        self.builders.get_mut(&handle).ok_or_else(no_builder)?.root = Some(root);
        Ok(())
    }

    async fn build(&mut self, handle: ConnectionBuilder) -> Result<Connection, wit::Error> {
        let builder = self.builder(&handle)?;
        let connection = self.shared.connect(&builder.address, builder.root).await?;
        self.push(connection)
    }

    async fn drop(&mut self, handle: ConnectionBuilder) -> wasmtime::Result<()> {
        self.builders.remove(&handle);
        Ok(())
    }
}

impl<T: Send> wit::HostConnectionBuilderWithStore<T> for Interface {
    async fn build_async(
        accessor: &Accessor<T, Self>,
        handle: ConnectionBuilder,
    ) -> Result<Connection, wit::Error> {
        let builder = accessor.with(|mut access| access.get().builder(&handle))?;
        Self::connect(accessor, builder).await
    }
}

impl wit::HostConnection for State {
    async fn open(&mut self, address: String) -> Result<Connection, wit::Error> {
        let connection = self.shared.connect(&address, None).await?;
        self.push(connection)
    }

    async fn execute(
        &mut self,
        handle: Connection,
        statement: String,
        parameters: Vec<wit::ParameterValue>,
    ) -> Result<u64, wit::Error> {
        self.client(&handle)?.execute(&statement, &parameters).await
    }

    async fn query(
        &mut self,
        handle: Connection,
        statement: String,
        parameters: Vec<wit::ParameterValue>,
    ) -> Result<wit::RowSet, wit::Error> {
        self.client(&handle)?.query(&statement, &parameters).await
    }

    async fn drop(&mut self, handle: Connection) -> wasmtime::Result<()> {
        self.connections.remove(&handle);
        Ok(())
    }
}

impl<T: Send> wit::HostConnectionWithStore<T> for Interface {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> Result<Connection, wit::Error> {
        Self::connect(accessor, Builder { address, root: None }).await
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        handle: Connection,
        statement: String,
        parameters: Vec<wit::ParameterValue>,
    ) -> Result<u64, wit::Error> {
        Self::client(accessor, &handle)?.execute(&statement, &parameters).await
    }

    async fn query_async(
        accessor: &Accessor<T, Self>,
        handle: Connection,
        statement: String,
        parameters: Vec<wit::ParameterValue>,
    ) -> Result<StreamedRows, wit::Error> {
        let client = Self::client(accessor, &handle)?;
        let Rows { columns, rows, end } = client.query_async(&statement, &parameters).await?;
        accessor
            .with(|mut access| {
                let rows = StreamReader::new(&mut access, ChannelProducer(rows))?;
                let end = FutureReader::new(&mut access, end)?;
                wasmtime::error::Ok((columns, rows, end))
            })
            .map_err(|error| wit::Error::Other(error.to_string()))
    }
}
