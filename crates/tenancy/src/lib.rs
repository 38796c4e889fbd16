//! The domain logic of the multi-tenancy service.
//!
//! Each concept has one module with its types, statements and tests. [`Tenancy`] is the handle to all of it,
//! [`platform`] is the interface to the host, and [`http`] is the HTTP edge that the components share.

mod absent;
pub mod access;
pub mod admission;
pub mod api_key;
pub mod audit;
mod background;
mod base62;
mod bucket;
pub mod cache;
mod component;
pub mod credential;
pub mod crypto;
pub mod earlier_processes;
pub mod email;
pub mod error;
pub mod guessing;
pub mod health;
mod hex;
pub mod http;
pub mod json;
pub mod kept;
mod limiter;
pub mod log;
pub mod maintenance;
pub mod metrics;
pub mod migrate;
pub mod networks;
pub mod operator_key;
pub mod plan;
pub mod platform;
pub mod postgres_url;
pub mod quota;
mod remembered;
pub mod reseal;
pub mod resolve;
pub mod settings;
pub mod storage;
mod tenancy;
pub mod tenant;
mod text;
pub mod token;
pub mod user;

pub use error::{Error, Result};
pub use tenancy::Tenancy;
