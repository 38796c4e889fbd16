//! The HTTP edge that the four components share: requests, responses, routing, and errors as problem details.
//!
//! The components implement the routes. [`tenancy::access`] defines the access to them.

mod addressing;
pub mod anonymous;
mod authenticate;
mod basic;
mod call;
mod component;
mod conditions;
mod cors;
mod credentials;
mod ended_tenant;
mod forwarded;
pub mod gateway;
mod headers;
mod history;
mod member;
mod operator;
mod paging;
pub mod problem;
mod record;
mod request;
mod response;
mod router;
#[cfg(target_family = "wasm")]
pub mod serve;
mod trace;
mod unmetered;

pub use call::Call;
pub use conditions::{Conditions, Outcome, Validators};
pub use credentials::require_metrics_token;
pub use headers::{Headers, ResponseHeaders};
pub use member::{Member, Principal};
pub use operator::Operator;
pub use paging::{Limit, Page};
pub use record::{Means, Record};
pub use request::Request;
pub use response::{Content, Response};
pub use router::Router;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use spin_platform::wasip3;
#[doc(hidden)]
pub use tenancy::settings::Component as SettingsOf;
