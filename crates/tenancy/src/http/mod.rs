//! The HTTP edge that the four components share: requests, responses, routing, and errors as problem details.
//!
//! The components implement the routes. [`crate::access`] defines the access to them.

mod addressing;
pub mod anonymous;
mod authenticate;
mod basic;
mod call;
mod conditions;
mod cors;
mod ended_tenant;
pub mod fields;
mod forwarded;
mod headers;
mod operator;
pub mod pace;
mod paging;
pub mod problem;
mod record;
mod request;
mod response;
mod router;
mod trace;
mod unmetered;

pub use addressing::Addressing;
pub use call::{Call, Member, Origin, Principal};
pub use conditions::{Conditions, Outcome, Validators};
pub use ended_tenant::Means;
pub use headers::{Headers, ResponseHeaders};
pub use operator::Operator;
pub use paging::{Limit, Page};
pub use record::Record;
pub use request::{Body, BodyReader, BodySource, Request};
pub use response::{Content, Response};
pub use router::Router;
