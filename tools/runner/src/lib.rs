//! Runs a Spin application on wasmtime, for development and CI.
//!
//! The runner never allows more than Spin, so an application that works here also works there. If the two differ, the
//! runner is stricter.

#![expect(clippy::print_stderr, reason = "stderr is the log")]

mod application;
mod bindings;
mod engine;
mod host;
mod instance;
pub mod manifest;
pub mod network;
pub mod options;
pub mod routes;
pub mod runtime_config;
mod server;
#[cfg(test)]
mod temp_folder;
mod toml_text;
pub mod variables;
mod worker;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use application::Loaded;
use options::Options;

/// Serves the application that `options` name until SIGINT or SIGTERM. The caller must then end the process, because
/// running tasks continue.
pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let result = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = serve(options) => result,
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    });
    // The process ends here. Ending its tasks first would wait for the last call of a guest, and would report every
    // instance as failed.
    std::mem::forget(runtime);
    result
}

async fn serve(options: &Options) -> Result<()> {
    let for_loading = options.clone();
    let loaded = tokio::task::spawn_blocking(move || Loaded::new(&for_loading)).await??;
    let listener = server::listen(options.listen).await?;
    let application = loaded.serve_at(listener.local_addr()?)?;
    match server::serve(listener, application, options.header_timeout).await? {}
}
