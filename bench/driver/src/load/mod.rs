//! Load: at full speed (`wrk`), at a fixed pace, or one request after the other.

mod client;
mod paced;
mod wrk;

pub(crate) use client::{Client, Request};
pub(crate) use paced::{Pace, paced};
pub(crate) use wrk::{
    few, rotating, rotating_half_refused, saturate, saturate_with_latency, wrk_version,
};
