//! Serving an application over HTTP.

mod headers;
mod request;
mod worker;

use std::convert::Infallible;
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};

use crate::application::Application;
pub(crate) use worker::Component;

/// Listens at `address`.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!("{address} is already in use"),
        _ => anyhow!("cannot listen on {address}: {error}"),
    })
}

/// Serves `application` without an end.
pub(crate) async fn serve(listener: TcpListener, application: Application) -> Result<Infallible> {
    announce(&listener, &application)?;
    let application = Arc::new(application);
    loop {
        // Nagle's algorithm stays on, as in Spin.
        let (stream, client) = listener.accept().await?;
        tokio::spawn(serve_connection(stream, client, application.clone()));
    }
}

async fn serve_connection(stream: TcpStream, client: SocketAddr, application: Arc<Application>) {
    let service = service_fn(|request| request::handle(application.clone(), request, client));
    let result =
        Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = result {
        eprintln!("connection of {client} failed: {error}");
    }
}

/// Says on stdout what is served where.
fn announce(listener: &TcpListener, application: &Application) -> Result<()> {
    let base = format!("http://{}", listener.local_addr()?);
    let mut lines = vec![format!("Serving {base}"), "Available Routes:".to_owned()];
    lines.extend(application.router.list().map(|(name, route)| format!("  {name}: {base}{route}")));
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", lines.join("\n"))
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")
}
