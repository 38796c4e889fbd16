//! The HTTP edge that the four components share: requests, responses, routing, and errors as problem details.
//!
//! The components declare their endpoints with [`endpoint!`] and list them in a constant.

mod addressing;
pub mod anonymous;
pub mod audit;
mod authenticate;
#[doc(hidden)]
pub mod authority;
mod basic;
mod call;
mod component;
mod conditions;
mod cors;
mod credentials;
mod ended_tenant;
mod endpoint;
mod forwarded;
pub mod gateway;
#[doc(hidden)]
pub mod guard;
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
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod trace;
mod unmetered;
pub mod users;

pub use authority::{Authority, TenantAuthority};
pub use call::Call;
pub use conditions::{Conditions, Outcome, Validators};
pub use credentials::require_metrics_token;
#[cfg(not(target_family = "wasm"))]
pub use endpoint::Documentation;
pub use endpoint::{Access, Endpoint, Handler};
pub use headers::{Headers, ResponseHeaders};
#[doc(hidden)]
pub use http::Method;
pub use member::{Member, Principal};
pub use operator::Operator;
pub use paging::{Limit, Page, PageQuery};
pub use record::{Means, Record};
pub use request::Request;
pub use response::{Content, Response};
pub use router::Router;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use spin_platform::wasip3;
#[doc(hidden)]
pub use tenancy::{
    access::{OperatorScope, Scope},
    settings::Component as SettingsOf,
};
