//! The domain logic of the multi-tenancy service.
//!
//! Each concept has one module with its types, statements and tests. Functions take a [`Context`]. [`platform`] is the
//! interface to the host, and [`http`] is the HTTP edge that the components share. `docs/architecture.md` lists the
//! layers of the modules.

pub mod absent;
pub mod access;
pub mod admission;
pub mod api_key;
pub mod app_migration;
pub mod audit;
pub mod background;
mod base62;
pub mod body;
pub mod breached_passwords;
pub mod bucket;
pub mod bundle;
pub mod cache;
mod claim;
mod context;
mod counter_sums;
pub mod credential;
pub mod crypto;
pub mod database_credential;
pub mod database_location;
pub mod database_role;
mod device;
pub mod earlier_processes;
pub mod error;
pub mod event;
pub mod field;
pub mod identifier;
pub mod input;
mod instance_cache;
pub mod json;
mod later;
pub(crate) mod lease;
pub mod lifecycle;
mod limiter;
pub mod log;
pub mod login_throttling;
pub mod mail;
pub mod maintenance;
pub mod metadata;
pub mod metrics;
pub mod migrate;
pub mod networks;
pub mod oauth;
pub mod operator_key;
mod outbound;
pub mod passkey;
pub mod personal_data;
pub mod plan;
pub mod postgres_url;
pub mod quota;
mod redis_key;
pub mod reports;
pub mod reseal;
pub mod resolve;
pub mod resource;
pub mod role;
pub mod second_factor;
pub mod secret;
pub mod security_policy;
pub mod session;
pub mod settings;
pub mod storage;
pub mod tenant;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod text;
pub mod token;
pub mod usage;
pub mod user;
pub mod verified_address;
pub mod version_cache;

pub use context::Context;
pub use error::{Error, Result};
