//! Serving an application over HTTP.

mod connection;
mod headers;
mod request;

use std::convert::Infallible;
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use self::connection::Patient;
use crate::application::Application;

/// Listens at `address`.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!("{address} is already in use"),
        _ => anyhow!("cannot listen on {address}: {error}"),
    })
}

/// Serves `application` forever.
pub(crate) async fn serve(
    listener: TcpListener,
    application: Application,
    header_timeout: Duration,
) -> Result<Infallible> {
    announce(&listener, &application)?;
    let application = Arc::new(application);
    let callee = Arc::clone(&application);
    application.chain.set(Box::new(move |name, request| {
        Box::pin(request::chained(Arc::clone(&callee), name, request))
    }));
    loop {
        // Nagle's algorithm stays on, as in Spin.
        let (stream, client) = listener.accept().await?;
        tokio::spawn(serve_connection(stream, client, application.clone(), header_timeout));
    }
}

async fn serve_connection(
    stream: TcpStream,
    client: SocketAddr,
    application: Arc<Application>,
    header_timeout: Duration,
) {
    if let Err(error) = connection::wait_for_version(&stream, header_timeout).await {
        eprintln!("connection of {client} failed: {error}");
        return;
    }
    let service = service_fn(|request| request::handle(application.clone(), request, client));
    let stream = TokioIo::new(Patient::new(stream));
    let result = connection::builder(header_timeout).serve_connection(stream, service).await;
    if let Err(error) = result {
        eprintln!("connection of {client} failed: {error}");
    }
}

/// Prints the address and the routes to stdout.
fn announce(listener: &TcpListener, application: &Application) -> Result<()> {
    let base = format!("http://{}", listener.local_addr()?);
    let mut lines = vec![format!("Serving {base}"), "Available Routes:".to_owned()];
    lines.extend(application.router.list().map(|(name, route)| format!("  {name}: {base}{route}")));
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", lines.join("\n"))
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")
}
