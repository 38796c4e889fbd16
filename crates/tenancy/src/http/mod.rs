//! The edge that the four components share: requests, answers, routing, errors as problems.
//!
//! What a route does is in its component; who may call it is in [`crate::access`].

mod addressing;
mod authenticate;
mod basic;
mod call;
mod cors;
mod ended_tenant;
pub mod fields;
mod headers;
mod paging;
pub mod problem;
mod record;
mod request;
mod response;
mod router;
mod trace;

pub use addressing::Addressing;
pub use call::{Call, Member, Operator, Origin, Principal};
pub use ended_tenant::Means;
pub use headers::{Headers, ResponseHeaders};
pub use paging::{Limit, Page};
pub use record::Record;
pub use request::{Body, BodyReader, Request};
pub use response::{Content, Response};
pub use router::Router;
