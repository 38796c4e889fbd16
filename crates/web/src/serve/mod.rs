//! The service on a Spin host: requests in, responses out.

mod component;
mod http;

pub use component::{Options, serve};
