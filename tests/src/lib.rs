//! The harness of the end-to-end tests: temporary servers, the application as Wasm components, and an HTTP client.
//!
//! ```no_run
//! let acme = e2e::World::get().tenant();
//! let answer = acme.get("/api/v1/profile").token(&acme.admin.access_token).send();
//! assert_eq!(answer.status, 200);
//! ```

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::zombie_processes,
    reason = "a harness that fails fails the test"
)]

mod application;
mod authenticator;
mod breached_list;
mod browser;
mod busy;
mod certificates;
mod client;
pub mod clusters;
pub mod database;
mod documented;
mod endpoints;
mod faults;
mod guarded;
mod mail_api;
mod markdown;
mod operator_key;
mod otlp;
mod passkey;
mod pgbouncer;
mod ports;
mod process;
mod proxy;
mod redis;
mod services;
mod smtp;
mod tenant;
mod vault;
mod world;

pub use application::{Application, FileStore};
pub use authenticator::Authenticator;
pub use breached_list::{BreachedList, Mode as BreachedListMode};
pub use browser::Browser;
pub use busy::{Busy, StopOnDrop};
pub use certificates::Certificates;
pub use client::{Answer, Call, Connections};
pub use endpoints::endpoints;
pub use faults::Restart;
pub use guarded::Guarded;
pub use mail_api::{MailApi, Mode as MailApiMode, Received as ReceivedByMailApi};
pub use markdown::documents;
pub use operator_key::TestOperatorKey;
pub use otlp::{OtlpReceiver, Span};
pub use passkey::{TestPasskey, Unsigned};
pub use pgbouncer::PgBouncer;
pub use ports::free_port;
pub use process::Process;
pub use proxy::{Cut, Proxy, Watch};
pub use redis::{Leases, Redis, RedisClient};
pub use services::{Databases, Services};
pub use smtp::{MailServer, Mode as MailMode, Received as ReceivedMail};
pub use tenant::{TestTenant, TestUser, unique};
pub use vault::{VAULT_TOKEN, VaultServer};
pub use world::{World, tenantctl};

/// Returns the root of the repository.
pub fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
